"""
The tool runner: its tools, guarded.

A denial is raised as the runner's ``ToolError``, the one exception whose text it shows to the model as it is, with
``is_error``. Releases without it are given the text as the tool's result.
"""

from __future__ import annotations

import copy
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar, cast

from figuard.integrations.guard import (
    Denied,
    FiGuardUnguardableError,
    Framework,
    ToolCall,
    is_guarded,
    prove,
)
from figuard.integrations.schemas import with_defaults

if TYPE_CHECKING:
    from figuard.integrations.guard import ToolGuard

T = TypeVar("T")


def guard_tool(tool: T, guard: ToolGuard) -> T:
    """
    Return a guarded copy of a tool of the tool runner: of ``@beta_tool``, ``@beta_async_tool`` or a class of yours.

    What is metered are the model's arguments, with the defaults of the tool's schema. The runner gives its tools no
    ids, so each call is one of its own; it makes none twice. Raises ``FiGuardUnguardableError`` for what is no such
    tool or is guarded already, and ``TypeError`` for a blocking one with an asyncio client.
    """
    runnable: Any = tool
    call, name = getattr(runnable, "call", None), getattr(runnable, "name", None)
    if not callable(call) or not isinstance(name, str):
        raise FiGuardUnguardableError(f"{type(tool).__name__} is no tool of the tool runner")
    if is_guarded(getattr(runnable, "func", None)):
        raise FiGuardUnguardableError(f"{name} is guarded already; guarded twice, each call would be charged twice")
    framework = Framework(denied=_denied, describe=partial(_by_name, getattr(runnable, "input_schema", None)))
    guarded = copy.copy(runnable)
    guarded.call = guard.wrap(call, tool=name, framework=framework)
    prove(partial(guarded.call, {}), f"the tool {name!r}")
    return cast("T", guarded)


def _by_name(schema: object, call: ToolCall) -> ToolCall:
    """Return the call with the model's arguments, which the runner hands over as one object."""
    return replace(call, arguments=with_defaults(schema, next(iter(call.arguments.values()), {})))


def _denied(denied: Denied, call: ToolCall) -> str:
    try:
        from anthropic.lib.tools import ToolError
    except ImportError:
        return denied.text
    raise ToolError(denied.text)
