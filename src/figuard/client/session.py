"""
What the operations of one client share: its settings, clock, chance, and the one way to have a request carried out.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from figuard.client.config import Settings
from figuard.client.context import Known
from figuard.client.exceptions import FiGuardApiError, FiGuardConnectionError
from figuard.client.retry import Retry
from figuard.client.steps import Call, Lost, Outcome, Refused, Replied, Sleep, Steps
from figuard.domain.instants import Instant
from figuard.domain.valueclass import valueclass
from figuard.host import random_uuid
from figuard.wire.operations import API_PREFIX, Operation, find
from figuard.wire.requests import RequestBody

if TYPE_CHECKING:
    from figuard.client.fail_open import Fallbacks

logger = logging.getLogger("figuard.client")

_OWN_KEYS = frozenset({"authorize", "authorize_batch"})
"""Operations whose body carries its own idempotency key."""


@dataclass(frozen=True, slots=True)
class Session:
    """
    What the operations of one client know.

    ``budgets`` remembers which budget a session token (its digest) belongs to. ``fallbacks`` is None unless the
    client fails open, ``sweep`` unless it is embedded. ``now``, ``chance`` and ``new_key`` are arguments so that a run
    can be repeated.
    """

    settings: Settings
    now: Callable[[], Instant]
    retry: Retry = Retry()
    timeout_seconds: float | None = 30
    fallbacks: Fallbacks | None = None
    sweep: Callable[[], object] | None = None
    chance: Callable[[], float] = random.random
    new_key: Callable[[], str] = random_uuid
    budgets: Known[str] = field(default_factory=Known[str])


@valueclass
class Answer:
    """What a request came to, and how many attempts that took."""

    value: Any
    status: int
    attempts: int


def perform(
    session: Session,
    name: str,
    *,
    path: Mapping[str, str] | None = None,
    query: Mapping[str, object] | None = None,
    body: RequestBody | None = None,
    session_token: str | None = None,
    idempotency_key: str | None = None,
) -> Steps[Answer]:
    """
    Have the operation called *name* carried out, trying again where that can help.

    Members of *query* that are None are left out. A mutation gets an idempotency key made here, once, unless one is
    given, so that its repeats act as one. Raises ``FiGuardApiError`` and ``FiGuardConnectionError``.
    """
    operation = find(name)
    call = Call(
        operation,
        path={key: _path_text(key, value) for key, value in path.items()} if path else {},
        query={key: _query_text(value) for key, value in query.items() if value is not None} if query else {},
        body=body,
        session_token=session_token,
        idempotency_key=_header_key(session, operation, idempotency_key),
        timeout_seconds=session.timeout_seconds,
    )
    attempt = 0
    while True:
        attempt += 1
        outcome: Outcome = yield call
        if isinstance(outcome, Replied):
            if session.fallbacks is not None:
                session.fallbacks.reached(answered=True)
            return Answer(outcome.value, outcome.status, attempt)
        pause = _pause_seconds(session, attempt, outcome)
        if pause is None:
            raise _failure(operation, outcome, attempt)
        logger.warning("%s failed (attempt %d), next in %.1f s: %s", name, attempt, pause, _told(outcome))
        yield Sleep(pause)


def _header_key(session: Session, operation: Operation, given: str | None) -> str | None:
    if operation.method == "GET" or operation.name in _OWN_KEYS:
        return None
    if given is None:
        return session.new_key()
    if not given.strip() or not given.isascii() or not given.isprintable():
        raise ValueError(f"an idempotency_key must be printable ASCII text, got {given!r}")
    return given


def _pause_seconds(session: Session, attempt: int, outcome: Refused | Lost) -> float | None:
    if isinstance(outcome, Lost):
        return session.retry.pause_seconds(attempt, session.chance())
    if not outcome.error.retryable:
        return None
    return session.retry.pause_seconds(attempt, session.chance(), outcome.error.retry_after_seconds)


def _failure(operation: Operation, outcome: Refused | Lost, attempts: int) -> FiGuardApiError | FiGuardConnectionError:
    if isinstance(outcome, Refused):
        return outcome.error
    tries = "1 attempt" if attempts == 1 else f"{attempts} attempts"
    error = FiGuardConnectionError(
        f"{operation.method} {API_PREFIX}{operation.path} got no answer after {tries}: {_told(outcome)}", attempts
    )
    error.__cause__ = outcome.cause
    return error


def _told(outcome: Refused | Lost) -> str:
    if isinstance(outcome, Refused):
        return str(outcome.error)
    what = "no answer in time" if outcome.timed_out else "no connection"
    return f"{what} ({type(outcome.cause).__name__}: {outcome.cause})"


def _path_text(name: str, value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        # An empty part would make another path of it, with another meaning.
        raise ValueError(f"{_snake(name)} must be text that is not blank, got {value!r}")
    return value


def _query_text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)
