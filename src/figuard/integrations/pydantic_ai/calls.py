"""
How Pydantic AI is spoken to: what it says of a call, and which of its exceptions pause one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic_ai.exceptions import ApprovalRequired, CallDeferred

from figuard.integrations.guard import AGENT_ID, Framework, ToolCall, ToolGuard
from figuard.integrations.schemas import with_defaults

MODEL_REQUEST = "model_request"
"""The name under which requests to a model are in the ledger."""

TOOL = Framework(interrupts=(ApprovalRequired, CallDeferred))
MODEL = Framework()


def asked_tool(guard: ToolGuard, ctx: Any, call: Any, tool_def: Any, args: Any) -> ToolCall:  # noqa: ANN401 - its own types
    """Return a tool call, completed with the defaults of the tool's schema."""
    given: Mapping[str, Any] = args if isinstance(args, Mapping) else {}
    return ToolCall(
        call.tool_name,
        with_defaults(tool_def.parameters_json_schema, given),
        call_id=call.tool_call_id,
        run_id=_step(ctx),
        agent_id=_agent(guard, ctx),
    )


def asked_model(guard: ToolGuard, ctx: Any, request: Any) -> ToolCall:  # noqa: ANN401 - as above
    """Return a request to a model as a call. Each is one of its own, for providers bill each."""
    settings: Mapping[str, Any] = request.model_settings or {}
    arguments = {
        "model": getattr(request.model, "model_name", None),
        "messages": len(request.messages),
        "max_tokens": settings.get("max_tokens"),
    }
    return ToolCall(MODEL_REQUEST, arguments, agent_id=_agent(guard, ctx))


def _step(ctx: Any) -> str | None:  # noqa: ANN401 - as above
    """Return the run and its step: some models count their call ids from nought in each."""
    return None if ctx.run_id is None else f"{ctx.run_id}/{ctx.run_step}"


def _agent(guard: ToolGuard, ctx: Any) -> str | None:  # noqa: ANN401 - as above
    """Return the agent's name where it decides who pays, or where the guard has no better one."""
    name = getattr(getattr(ctx, "agent", None), "name", None)
    policy = guard.policy
    return name if policy.token_resolver is not None or policy.agent_id == AGENT_ID else None
