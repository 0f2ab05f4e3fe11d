"""
The Responses tool runner: its registered functions, guarded.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Mapping
from functools import partial, wraps
from typing import TYPE_CHECKING, Any, TypeVar, cast

from figuard.integrations.guard import FiGuardUnguardableError, Framework, ToolCall, prove
from figuard.integrations.schemas import with_defaults

if TYPE_CHECKING:
    from figuard.integrations.guard import ToolGuard

R = TypeVar("R")


def guard_registered_function(function: R, guard: ToolGuard) -> R:
    """
    Return a guarded copy of a ``RegisteredFunction`` or ``AsyncRegisteredFunction`` of the Responses tool runner.

    What is metered are the model's arguments, with the defaults of the tool's schema. The runner gives its functions
    no ids, so each call is one of its own; it makes none twice. Raises ``FiGuardUnguardableError`` for what is no
    registered function or is guarded already, and ``TypeError`` for a blocking one with an asyncio client.
    """
    registered: Any = function
    execute, tool = getattr(registered, "execute", None), getattr(registered, "tool", None)
    if not dataclasses.is_dataclass(function) or not callable(execute) or not isinstance(tool, Mapping):
        raise FiGuardUnguardableError(f"{type(function).__name__} is no registered function of the tool runner")
    described = cast("Mapping[str, Any]", tool)
    if type(function).__name__.startswith("Async") and not inspect.iscoroutinefunction(execute):
        execute = _awaited(execute)
    framework = Framework(describe=partial(_by_name, described.get("parameters")))
    guarded: Any = dataclasses.replace(
        registered, execute=guard.wrap(execute, tool=described["name"], framework=framework)
    )
    prove(partial(guarded.execute, {}), f"the registered function {described['name']!r}")
    return guarded


def _awaited(execute: Any) -> Any:  # noqa: ANN401 - a lambda, say, that returns what is to be awaited
    @wraps(execute)
    async def awaited(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - the function's own
        return await execute(*args, **kwargs)

    return awaited


def _by_name(schema: object, call: ToolCall) -> ToolCall:
    """Return the call with the model's arguments, which the runner hands over as one object."""
    given: Any = next(iter(call.arguments.values()), {})
    dump = getattr(given, "model_dump", None)
    return dataclasses.replace(call, arguments=with_defaults(schema, dump() if callable(dump) else given))
