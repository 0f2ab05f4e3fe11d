"""
Which run a call belongs to: who pays for it, and by which ids a repeat of it is known.

The SDK gives a run no id. What is the same object in everything it hands out during one run, and in no other, is the
count of its usage; and the number of model requests in it tells one turn from the next.
"""

from __future__ import annotations

import json
import threading
import uuid
import weakref
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, cast

from figuard.integrations.schemas import with_defaults

if TYPE_CHECKING:
    from figuard.integrations.guard import ToolCall, ToolGuard


@dataclass(slots=True)
class Run:
    """One run of an agent: its id, made up here, and who pays for it when hooks have said so."""

    id: str = field(default_factory=lambda: uuid.uuid4().hex)
    guard: ToolGuard | None = None


class _Runs:
    """The runs that are going on, forgotten with the objects they are known by."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[weakref.ref[Any], Run]] = {}
        self._lock = threading.RLock()  # a run may end, and be forgotten, at any line

    def of(self, context: object) -> Run | None:
        """Return the run of a context, None when it has none."""
        usage: Any = getattr(context, "usage", None)
        if usage is None:
            return None
        key = id(usage)
        with self._lock:
            known = self._known.get(key)
            if known is None or known[0]() is not usage:
                known = weakref.ref(usage, lambda gone: self._forget(key, gone)), Run()
                self._known[key] = known
            return known[1]

    def _forget(self, key: int, gone: object) -> None:
        with self._lock:
            if key in self._known and self._known[key][0] is gone:
                del self._known[key]


RUNS = _Runs()


@dataclass(frozen=True, slots=True)
class Serving:
    """Who pays for what runs inside a guarded call; *context* is that of the call, where it is an MCP server's."""

    guard: ToolGuard
    context: object = None


_serving: ContextVar[Serving | None] = ContextVar("figuard_agents_serving", default=None)


def serving() -> Serving | None:
    """Return who pays for what runs here, as far as the calls around it say."""
    return _serving.get()


@contextmanager
def served_by(one: Serving) -> Generator[None]:
    """Say who pays for what runs inside: agents that are tools, and calls of MCP servers."""
    token = _serving.set(one)
    try:
        yield
    finally:
        _serving.reset(token)


def payer(context: object, latest: ToolGuard) -> ToolGuard:
    """Return who pays: the guard of the run, else of the call around it, else *latest*: somebody always does."""
    run = RUNS.of(context)
    if run is not None and run.guard is not None:
        return run.guard
    around = serving()
    return latest if around is None else around.guard


def identified(call: ToolCall, context: object, run_id: str | None = None) -> ToolCall:
    """
    Return a call with what its context knows: the ids of the call and of its run and turn, and the agent's name.

    Without a count of requests turns cannot be told apart, and each call is then one of its own.
    """
    run = RUNS.of(context)
    requests: Any = getattr(getattr(context, "usage", None), "requests", 0)
    is_counted = run is not None and isinstance(requests, int) and requests > 0
    return replace(
        call,
        call_id=getattr(context, "tool_call_id", None),
        run_id=f"{run_id or run.id}/{requests}" if run is not None and is_counted else None,
        agent_id=getattr(getattr(context, "agent", None), "name", None),
    )


def decoded(schema: object, text: object) -> dict[str, Any]:
    """Return the model's arguments with the defaults of the schema. What is no JSON object has none, and no amount."""
    try:
        given = json.loads(text or "{}") if isinstance(text, (str, bytes)) else text
    except ValueError:
        given = {}
    return with_defaults(schema, cast("object", given))
