"""
How LangChain and LangGraph are spoken to: what they say of a call, and what a denial looks like to them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from langchain_core.messages import ToolMessage
from langchain_core.tools import BaseTool

from figuard.integrations.guard import Denied, Framework, ToolCall
from figuard.integrations.schemas import with_defaults


@cache
def interrupts() -> tuple[type[BaseException], ...]:
    """Return the exceptions with which LangGraph pauses a call that it will make again; empty without LangGraph."""
    if find_spec("langgraph") is None:
        return ()
    return (import_module("langgraph.errors").GraphInterrupt,)


def message(denied: Denied, call: ToolCall) -> ToolMessage:
    """Return a denial as the tool message that the model reads."""
    return ToolMessage(content=denied.text, name=call.tool, tool_call_id=call.call_id or "", status="error")


def failure(result: object) -> str | None:
    """Return the text of a tool message that stands for an error, None for any other result."""
    if isinstance(result, ToolMessage) and result.status == "error":
        return str(result.content)
    return None


def told_in_messages() -> Framework:
    """Return how the layers are spoken to that deal in tool messages."""
    return Framework(denied=message, failed=failure, interrupts=interrupts())


def agent_of(config: Mapping[str, Any] | None) -> str | None:
    """Return the agent that a run's metadata names (``{"metadata": {"agent_id": ...}}``)."""
    agent = _part(config, "metadata").get("agent_id")
    return None if agent is None else str(agent)


def run_of(config: Mapping[str, Any] | None) -> str | None:
    """
    Return the id of the task that makes a call: another one in each step of a run, the same when the step is resumed.

    None outside of a graph, where nothing tells a repeat from another call.
    """
    metadata, configurable = _part(config, "metadata"), _part(config, "configurable")
    task = metadata.get("langgraph_checkpoint_ns") or configurable.get("checkpoint_ns")
    if not task:
        return None
    thread = configurable.get("thread_id")
    return str(task) if thread is None else f"{thread}/{task}"


def _part(config: Mapping[str, Any] | None, name: str) -> Mapping[str, Any]:
    found = (config or {}).get(name)
    return found if isinstance(found, Mapping) else {}


def call_of(call: Mapping[str, Any], tool: BaseTool | None, config: Mapping[str, Any] | None) -> ToolCall:
    """Return what a model's tool call says, completed with the defaults of the tool's own parameters."""
    given = call.get("args") or {}
    return ToolCall(
        str(call["name"]),
        given if tool is None else {**defaults_of(tool), **given},
        call_id=call.get("id"),
        run_id=run_of(config),
        agent_id=agent_of(config),
    )


def defaults_of(tool: BaseTool) -> dict[str, Any]:
    """Return the parameters that a model may leave out, with the values they then have."""
    schema = tool.args_schema or tool.get_input_schema()
    if isinstance(schema, Mapping):
        return with_defaults(schema, {})
    defaults: dict[str, Any] = {}
    visible = tool.args
    for name, field in _fields(schema).items():
        if name in visible and not _is_required(field):
            factory: Callable[[], Any] | None = getattr(field, "default_factory", None)
            defaults[name] = field.default if factory is None else factory()
    return defaults


def injected_into(tool: BaseTool) -> frozenset[str]:
    """Return the parameters that the framework fills in (state, store, runtime), which are no part of the call."""
    schema = tool.args_schema or tool.get_input_schema()
    if isinstance(schema, Mapping):
        return frozenset()
    return frozenset(_fields(schema)) - frozenset(_fields(tool.tool_call_schema))


def _fields(schema: Any) -> Mapping[str, Any]:  # noqa: ANN401 - a model class of either pydantic
    if isinstance(schema, Mapping):
        return schema.get("properties", {})
    fields = getattr(schema, "model_fields", None)
    return getattr(schema, "__fields__", {}) if fields is None else fields


def _is_required(field: Any) -> bool:  # noqa: ANN401 - a field of either pydantic
    required = field.is_required
    return bool(required() if callable(required) else required)
