"""
One line for an agent that exists already: a budget for 24 hours, and a guard on every tool.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, TypeVar

from langchain_core.tools import BaseTool

from figuard.client.session import logger
from figuard.domain.amounts import AmountLike
from figuard.integrations.guard import FiGuardUnguardableError, ToolGuard, new_guard
from figuard.integrations.langchain.tools import guard_tool

if TYPE_CHECKING:
    from figuard.client.sync.client import FiGuardClient

T = TypeVar("T")


def auto_guard_langchain(
    executor: T,
    budget: AmountLike = 500,
    currency: str = "USD",
    agent_id: str = "langchain_agent",
    amount_param: str = "amount",
    velocity_max_per_minute: int | None = None,
    client: FiGuardClient | None = None,
    **options: Any,  # noqa: ANN401 - those of client.guard, which refuses others
) -> T:
    """
    Guard every tool of an agent in place with a budget of its own, and return the agent.

    Takes what ``create_agent`` and ``create_react_agent`` return, any LangGraph graph or ``ToolNode``, an
    ``AgentExecutor``, a tool or a list of tools. *amount_param* is the argument that says what a call costs; *options*
    are further settings of ``client.guard``. Without a client it is the one of ``FiGuardClient()``. Raises
    ``FiGuardUnguardableError`` for an agent whose tools it cannot find, before anything is created.
    """
    guards = _guards(executor)
    guard = new_guard(
        client,
        budget=budget,
        currency=currency,
        velocity_max_per_minute=velocity_max_per_minute,
        agent_id=agent_id,
        amount_key=amount_param,
        **options,
    )
    guards(guard)
    logger.info("guarded %s with the budget %s", type(executor).__name__, getattr(guard.policy.budget, "id", None))
    return executor


class _Tools:
    """Tools that are to be guarded in place."""

    def __init__(self, tools: list[BaseTool]) -> None:
        self.tools = tools

    def __call__(self, guard: ToolGuard) -> None:
        for tool in self.tools:
            guard_tool(tool, guard, in_place=True)


class _Graph:
    """A graph that is to be guarded in place."""

    def __init__(self, graph: object) -> None:
        self.graph = graph

    def __call__(self, guard: ToolGuard) -> None:
        from figuard.integrations.langchain.graphs import guard_graph

        guard_graph(self.graph, guard)


def _guards(executor: object) -> _Tools | _Graph:
    """Return what guards an agent. Raises ``FiGuardUnguardableError`` for one that holds no tools to be seen."""
    tools = executor if isinstance(executor, (list, tuple)) else getattr(executor, "tools", None)
    if isinstance(executor, BaseTool):
        return _Tools([executor])
    if isinstance(tools, (list, tuple)) and tools and all(isinstance(tool, BaseTool) for tool in tools):
        return _Tools(list(tools))
    if find_spec("langgraph") is not None:
        from figuard.integrations.langchain.graphs import has_tools

        if has_tools(executor):
            return _Graph(executor)
    raise FiGuardUnguardableError(
        f"{type(executor).__name__} cannot be guarded: no tools were found in it; guard its tools with guard_tool, or "
        "give its agent a FiGuardMiddleware"
    )
