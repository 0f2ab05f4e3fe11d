"""
Hooks for a run: every tool that the run reaches is guarded, of the first agent and of those it hands over to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from agents import RunHooks

from figuard.integrations.guard import FiGuardUnguardableError
from figuard.integrations.openai_agents.calls import RUNS
from figuard.integrations.openai_agents.servers import route_server
from figuard.integrations.openai_agents.tools import has_invoker, is_of_an_agent, route, server_of

if TYPE_CHECKING:
    from figuard.integrations.guard import ToolGuard


_ACTING = ("computer", "editor", "executor")
"""What tools have that act in this process: on its screen, its files, its shell."""


class FiGuardRunHooks(RunHooks[Any]):
    """
    Guards a run: ``await Runner.run(agent, "...", hooks=FiGuardRunHooks(client.guard(budget)))``.

    Function tools, tools of MCP servers, and those of agents that are handed over to or are tools themselves are
    guarded; a denied call does not run, and the model reads the denial. Hosted tools run at OpenAI and cannot be. Tools
    for the computer, the shell or files act here, but through no function: an agent that has one stops the run with
    ``FiGuardUnguardableError``, unless the guard's ``ignore_tools`` name it.

    Each run pays from the guard of its own hooks, also when several runs share an agent at once.

    Tools are guarded in place, and stay so: a run without hooks pays from the guard that the tool met last. The guard's
    ``agent_id`` is the agent's name where the SDK tells it; so ``token_resolver`` can give each agent its own token.
    Hooks of your own: subclass, and call ``super()`` in ``on_agent_start`` and ``on_tool_start``.
    """

    def __init__(self, guard: ToolGuard) -> None:
        self.guard = guard

    async def on_agent_start(self, context: Any, agent: Any) -> None:  # noqa: ANN401 - the SDK's own, by release
        """Guard what the agent may call, before its tools are read."""
        self._pay(context)
        _route_agent(agent, self.guard, set())

    async def on_tool_start(self, context: Any, agent: Any, tool: Any) -> None:  # noqa: ANN401 - as above
        """Guard what no agent had at its start: tools of MCP servers, added ones, those of a run that is resumed."""
        self._pay(context)
        _route_tool(tool, self.guard, set())

    def _pay(self, context: object) -> None:
        run = RUNS.of(context)
        if run is not None:
            run.guard = self.guard


def _refuse_unguardable(tool: Any, guard: ToolGuard) -> None:  # noqa: ANN401 - any tool of the SDK
    """Raise for a tool that acts in this process, but not through a function that could be guarded."""
    name = str(getattr(tool, "name", type(tool).__name__))
    if name in guard.policy.ignore_tools:
        return
    if any(getattr(tool, attribute, None) is not None for attribute in _ACTING):
        raise FiGuardUnguardableError(f"the tool {name!r} acts here and cannot be guarded; name it in ignore_tools")


def _route_agent(agent: Any, guard: ToolGuard, seen: set[int]) -> None:  # noqa: ANN401 - an Agent
    if id(agent) in seen:
        return
    seen.add(id(agent))
    for tool in getattr(agent, "tools", ()):
        _route_tool(tool, guard, seen)
    for server in getattr(agent, "mcp_servers", ()):
        route_server(server, guard)


def _route_tool(tool: Any, guard: ToolGuard, seen: set[int]) -> None:  # noqa: ANN401 - any tool of the SDK
    if not has_invoker(tool):
        _refuse_unguardable(tool, guard)
        return
    if is_of_an_agent(tool):
        _route_agent(tool._agent_instance, guard, seen)  # noqa: SLF001 - the SDK tells it no other way
    elif (server := server_of(tool)) is not None:
        route_server(server, guard)
    route(tool, guard)
