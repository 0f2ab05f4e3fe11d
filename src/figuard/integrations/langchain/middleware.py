"""
The middleware of ``langchain.agents.create_agent``: one line guards every tool of an agent.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from langchain.agents.middleware import AgentMiddleware

from figuard.integrations.guard import ToolCall, ToolGuard
from figuard.integrations.langchain.calls import call_of, told_in_messages

Handler = Callable[[Any], Any]


class FiGuardMiddleware(AgentMiddleware):
    """
    Guards every tool call of an agent: ``create_agent(model, tools, middleware=[FiGuardMiddleware(guard)])``.

    A denied tool does not run; its tool message (status "error") carries the denial. It works in ``invoke`` and
    ``stream`` with a ``FiGuardClient``, in ``ainvoke`` and ``astream`` with either client. Put it last to charge each
    attempt of a retry middleware, first to charge all attempts once.
    """

    def __init__(self, guard: ToolGuard) -> None:
        super().__init__()
        self.guard = guard
        self._framework = told_in_messages()

    def wrap_tool_call(self, request: Any, handler: Handler) -> Any:  # noqa: ANN401 - LangChain's own types
        return self.guard.run(_asked(request), lambda: handler(request), self._framework)

    async def awrap_tool_call(self, request: Any, handler: Callable[[Any], Awaitable[Any]]) -> Any:  # noqa: ANN401 - as above
        return await self.guard.run_async(_asked(request), lambda: handler(request), self._framework)


def _asked(request: Any) -> ToolCall:  # noqa: ANN401 - as above
    runtime = request.runtime
    return call_of(request.tool_call, request.tool, getattr(runtime, "config", None))
