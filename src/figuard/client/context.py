"""
Which event caused which: the parent that authorizations get when none is named, scoped to a block of code.

A scope is opened on purpose (``with figuard_scope(auth)``, ``with client.spend(...)``) and ends with its block. An
authorization by itself changes nothing, so calls that merely follow each other are siblings, not a chain.

A scope remembers which books and which budget its event belongs to. It gives a parent only to calls on the same
budget of the same books; any other call inside the block stands on its own.
"""

from __future__ import annotations

import asyncio
import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Executor
from contextvars import ContextVar, Token, copy_context
from dataclasses import dataclass
from functools import lru_cache, partial
from hashlib import sha256
from types import TracebackType
from typing import Generic, TypeVar, TypeVarTuple

from figuard.client.models.events import AuthorizationResult, SpendEventResponse
from figuard.domain.valueclass import valueclass

Ts = TypeVarTuple("Ts")
R = TypeVar("R")
V = TypeVar("V")

KNOWN_MAX = 10_000
"""How many events and tokens a process remembers the home of; the oldest are forgotten first."""
DIGESTS_KEPT = 256
"""How many tokens are remembered beside their digests: those of the budgets that a process is busy with."""


@valueclass
class Origin:
    """Where an event was authorized: in which books, with which token (a digest), on which budget if that is known."""

    home: str
    token: str
    budget_id: str | None = None


@dataclass(frozen=True, slots=True)
class Scope:
    """An event id as the parent of what follows; ``origin`` None when nobody here knows where it comes from."""

    event_id: str
    origin: Origin | None = None


class Known(Generic[V]):
    """The newest of what was learned, by name; safe to use from many threads."""

    def __init__(self, size_max: int = KNOWN_MAX) -> None:
        self._size_max = size_max
        self._facts: OrderedDict[str, V] = OrderedDict()
        self._lock = threading.Lock()

    def learn(self, name: str, fact: V) -> None:
        """Remember *fact*, and forget the oldest when there are too many."""
        with self._lock:
            self._facts[name] = fact
            self._facts.move_to_end(name)
            while len(self._facts) > self._size_max:
                self._facts.popitem(last=False)

    def get(self, name: str) -> V | None:
        """Return what was learned, or None."""
        return self._facts.get(name)


origins: Known[Origin] = Known()
"""Where the events authorized by this process come from, so that a bare id in ``figuard_scope`` finds its home."""

_scope: ContextVar[Scope | None] = ContextVar("figuard_scope", default=None)


@lru_cache(DIGESTS_KEPT)
def digest(session_token: str) -> str:
    """Return what may be kept of a session token: enough to tell two apart, too little to use one."""
    return sha256(session_token.encode()).hexdigest()[:32]


def ambient_parent(home: str, token: str, budget_id: str | None) -> str | None:
    """
    Return the event id of the scope around the caller, if it is a parent for a call on this budget; else None.

    *token* is the digest of the call's session token, *budget_id* its budget where that is known. An event whose
    origin nobody knows was named by the caller on purpose and is always returned.
    """
    scope = _scope.get()
    if scope is None:
        return None
    origin = scope.origin
    if origin is None:
        return scope.event_id
    same_budget = origin.token == token or (budget_id is not None and origin.budget_id == budget_id)
    return scope.event_id if origin.home == home and same_budget else None


def get_current_event_id() -> str | None:
    """Return the event id of the scope around the caller, or None outside of any."""
    scope = _scope.get()
    return scope.event_id if scope else None


def clear_current_event_id() -> None:
    """Forget the parent until the scope around the caller ends, which brings the one before it back."""
    _scope.set(None)


class figuard_scope:  # noqa: N801 - its published name; it is used like a function
    """
    Make an event the parent of everything authorized in a block: ``with figuard_scope(auth): ...``.

    Takes the answer of ``authorize``, an event, its id, or None for a block in which nothing has a parent. Blocks
    nest; leaving one restores what was there before. The scope is seen by ``await``ed code, by tasks started in the
    block and by ``figuard_run_in_executor``, but not by threads started otherwise.
    """

    def __init__(self, event_id: str | AuthorizationResult | SpendEventResponse | None) -> None:
        if isinstance(event_id, AuthorizationResult):
            # What was not authorized, or only by the client itself, is in nobody's books and can be no parent.
            usable = event_id.is_authorized and not event_id.is_fallback
            self._event_id = event_id.event_id if usable else None
        else:
            self._event_id = event_id.id if isinstance(event_id, SpendEventResponse) else event_id
        self._before: list[tuple[Token[Scope | None], Scope | None]] = []

    def __enter__(self) -> str | None:
        found = self._event_id
        before = _scope.get()
        self._before.append((_scope.set(Scope(found, origins.get(found)) if found else None), before))
        return found

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        token, before = self._before.pop()
        try:
            _scope.reset(token)
        except ValueError:
            # Entered in one task and left in another, as an abandoned async generator is: this task's own value
            # is not the one that was changed, but it must not keep a parent that has ended either.
            _scope.set(before)


async def figuard_run_in_executor(fn: Callable[[*Ts], R], *args: *Ts, executor: Executor | None = None) -> R:
    """Run ``fn(*args)`` on a thread, *executor*'s or the loop's own, in the scope of the caller; return its result."""
    call = partial(copy_context().run, fn, *args)
    return await asyncio.get_running_loop().run_in_executor(executor, call)
