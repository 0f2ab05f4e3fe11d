"""
A dispatcher for the calls in a model's reply: all at once, each guarded, each with an answer for the model.

The adapters of model clients read the calls out of a reply and put the answers into messages; what lies between is
here. A call that fails, is unknown or makes no sense is answered with a text; only what FiGuard itself raises (nobody
could be asked, say) goes to the caller, and then the tool did not run.
"""

from __future__ import annotations

import asyncio
import inspect
import json
from collections.abc import Callable, Generator, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from dataclasses import dataclass, replace
from typing import Any, cast

from figuard.client.exceptions import FiGuardError
from figuard.integrations.guard import Denied, FiGuardUnguardableError, Framework, ToolCall, ToolGuard, is_guarded

Tools = Mapping[str, Callable[..., Any]] | Iterable[Callable[..., Any]]
"""The functions that a model may call, by the name it knows them by; without names, by their own."""
WORKERS = 8
"""How many blocking tools run at once unless told."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One call as the model asked for it. *arguments* may still be the JSON text of an object."""

    id: str
    name: str
    arguments: object
    run_id: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What the model is told about one call. ``is_error`` is true for a failure and for a denial."""

    id: str
    text: str
    is_error: bool = False


@dataclass(slots=True)
class _Slot:
    """The ids of a dispatched call, for the guard of the function that it is dispatched to, and for no other."""

    call_id: str
    run_id: str | None
    is_taken: bool = False
    is_denied: bool = False


_slot: ContextVar[_Slot | None] = ContextVar("figuard_dispatched_call", default=None)


def _with_ids(call: ToolCall) -> ToolCall:
    slot = _slot.get()
    if slot is None or slot.is_taken:
        return call
    slot.is_taken = True  # what the tool's body calls is no call of the model's
    return replace(call, call_id=slot.call_id, run_id=slot.run_id)


def _denied(denied: Denied, call: ToolCall) -> str:
    slot = _slot.get()
    if slot is not None and slot.call_id == call.call_id:
        slot.is_denied = True
    return denied.text


DISPATCHED = Framework(denied=_denied, describe=_with_ids)
"""How a plain function is spoken to that a dispatcher may call: by the dispatcher's ids, where there is one."""


def guarded_tools(tools: Tools, guard: ToolGuard | None) -> dict[str, Callable[..., Any]]:
    """
    Return functions by name, each with a guard: its own where it has one, else *guard*.

    Raises ``FiGuardUnguardableError`` for one that would run unguarded, and what ``guard.wrap`` raises.
    """
    if isinstance(tools, Mapping):
        named = dict(cast("Mapping[str, Callable[..., Any]]", tools))
    else:
        named = {getattr(tool, "__name__", type(tool).__name__): tool for tool in tools}
    ready: dict[str, Callable[..., Any]] = {}
    for name, tool in named.items():
        if is_guarded(tool):
            ready[name] = tool
        elif guard is None:
            raise FiGuardUnguardableError(f"{name} is not guarded: decorate it, or give its dispatcher a guard")
        else:
            ready[name] = guard.wrap(tool, tool=name, framework=DISPATCHED)
    return ready


def dispatch(calls: list[Asked], tools: Tools, guard: ToolGuard | None, workers: int = WORKERS) -> list[Answer]:
    """
    Make calls on threads, at most *workers* at once, and return the answers in the order of the calls.

    Raises ``TypeError`` for a coroutine function, before any call is made.
    """
    ready = guarded_tools(tools, guard)
    for name, tool in ready.items():
        if inspect.iscoroutinefunction(tool):
            raise TypeError(f"{name} is async, which a blocking dispatcher cannot wait for; use the async one")
    if not calls:
        return []
    with ThreadPoolExecutor(max(1, min(workers, len(calls))), "figuard-tool") as pool:
        # Each call sees the caller's context variables: who spends, and what caused it.
        made = [pool.submit(copy_context().run, _make, call, ready) for call in calls]
        return [one.result() for one in made]


async def dispatch_async(calls: list[Asked], tools: Tools, guard: ToolGuard | None) -> list[Answer]:
    """Make calls in tasks, blocking functions on threads, and return the answers in the order of the calls."""
    ready = guarded_tools(tools, guard)
    made = await asyncio.gather(*(_make_awaited(call, ready) for call in calls), return_exceptions=True)
    answers: list[Answer] = []
    for one in made:  # all are over by now, none goes on unseen while an error is raised
        if isinstance(one, BaseException):
            raise one
        answers.append(one)
    return answers


def _make(call: Asked, tools: Mapping[str, Callable[..., Any]]) -> Answer:
    with _within(call) as slot:
        prepared = _prepared(call, tools)
        if isinstance(prepared, Answer):
            return prepared
        tool, arguments = prepared
        try:
            result = tool(**arguments)
        except FiGuardError:
            raise
        except Exception as error:  # noqa: BLE001 - a tool may raise anything, and the model is to hear of it
            return _failed(call, error)
        return Answer(call.id, as_text(result), slot.is_denied)


async def _make_awaited(call: Asked, tools: Mapping[str, Callable[..., Any]]) -> Answer:
    with _within(call) as slot:
        prepared = _prepared(call, tools)
        if isinstance(prepared, Answer):
            return prepared
        tool, arguments = prepared
        try:
            if inspect.iscoroutinefunction(tool):
                result = await tool(**arguments)
            else:
                result = await asyncio.to_thread(tool, **arguments)
        except FiGuardError:
            raise
        except Exception as error:  # noqa: BLE001 - as above
            return _failed(call, error)
        return Answer(call.id, as_text(result), slot.is_denied)


def _prepared(
    call: Asked, tools: Mapping[str, Callable[..., Any]]
) -> tuple[Callable[..., Any], dict[str, Any]] | Answer:
    """Return the function and its arguments, or the answer to a call that makes no sense. Nothing is asked for it."""
    tool = tools.get(call.name)
    if tool is None:
        return Answer(call.id, f"Error: there is no tool called {call.name!r}", is_error=True)
    arguments = call.arguments
    if isinstance(arguments, (str, bytes)):
        try:
            arguments = json.loads(arguments or "{}")
        except ValueError as error:
            return Answer(call.id, f"Error: the arguments are no JSON: {error}", is_error=True)
    if not isinstance(arguments, Mapping):
        return Answer(call.id, "Error: the arguments are no JSON object", is_error=True)
    return tool, {str(name): value for name, value in cast("Mapping[object, Any]", arguments).items()}


def _failed(call: Asked, error: Exception) -> Answer:
    return Answer(call.id, f"Error: {type(error).__name__}: {error}", is_error=True)


@contextmanager
def _within(call: Asked) -> Generator[_Slot]:
    slot = _Slot(call.id, call.run_id)
    token = _slot.set(slot)
    try:
        yield slot
    finally:
        _slot.reset(token)


def as_text(result: object) -> str:
    """Return a tool's result as a model reads it: a text as it is, anything else as JSON."""
    if isinstance(result, str):
        return result
    dump = getattr(result, "model_dump", None)
    plain = dump() if callable(dump) else result
    return json.dumps(plain, ensure_ascii=False, default=str)
