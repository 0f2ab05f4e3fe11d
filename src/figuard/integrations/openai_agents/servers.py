"""
MCP servers of an agent, guarded at ``call_tool``: there an error is still a result that says so.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from figuard.integrations.guard import Denied, Framework, ToolCall, is_guarded
from figuard.integrations.openai_agents.calls import identified, serving
from figuard.integrations.openai_agents.tools import Route

if TYPE_CHECKING:
    from figuard.integrations.guard import ToolGuard

_ROUTE = "__figuard_route__"


def route_server(server: Any, guard: ToolGuard) -> None:  # noqa: ANN401 - an MCPServer
    """Guard a server's tools in place for the runs of hooks; harmless on one that is guarded already."""
    inner = server.call_tool
    present = getattr(inner, _ROUTE, None)
    if isinstance(present, Route):
        present.latest = guard
    elif not is_guarded(inner):
        server.call_tool = _guarded(inner, Route(guard))


def _guarded(inner: Any, route: Route) -> Any:  # noqa: ANN401 - a bound method
    @functools.wraps(inner)
    async def call_tool(tool_name: str, arguments: Mapping[str, Any] | None, *more: Any, **named: Any) -> Any:  # noqa: ANN401 - the SDK's own
        around = serving()
        guard = route.latest if around is None else around.guard
        context = None if around is None else around.context
        call = identified(ToolCall(tool_name, dict(arguments or {})), context, guard.policy.run_id)
        body = functools.partial(inner, tool_name, arguments, *more, **named)
        return await guard.run_async(call, body, _SERVER, is_innermost=True)

    setattr(call_tool, _ROUTE, route)
    return call_tool


def _denied(denied: Denied, call: ToolCall) -> Any:  # noqa: ANN401 - a CallToolResult
    from mcp.types import CallToolResult

    # By its name on the wire, which is the same in mcp 1 and 2.
    return CallToolResult.model_validate({"content": [{"type": "text", "text": denied.text}], "isError": True})


def _failed(result: Any) -> str | None:  # noqa: ANN401 - a CallToolResult
    if not getattr(result, "is_error", getattr(result, "isError", False)):
        return None
    return " ".join(text for part in result.content if (text := getattr(part, "text", "")))


_SERVER = Framework(denied=_denied, failed=_failed)
