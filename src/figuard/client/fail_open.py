"""
Failing open on purpose: what a client may approve by itself while the service is away, and the memory of it.

By default a client fails closed. With a ``FailOpen`` policy an authorization that gets no answer, or a 5xx, is
approved up to a ceiling and written to a local file first. What was really spent goes into the ledger as an external
event once the service answers again, so the books are late but complete.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import weakref
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import astuple, dataclass, fields, replace
from decimal import Decimal
from pathlib import Path

from figuard.client.exceptions import FiGuardApiError, FiGuardConfigError, FiGuardError
from figuard.domain.amounts import AmountError, AmountLike, decimal_of, quanta, text
from figuard.domain.codes import ErrorCode
from figuard.domain.instants import DAY, Instant

FALLBACK_PREFIX = "fallback_"
"""What the event ids begin with that a client gave itself."""
QUEUE_DEFAULT = "~/.figuard/fallback.db"
RECORDED_KEPT = 7 * DAY
"""How long a recorded fallback still answers for its idempotency key."""

OPEN, CONFIRMED, FAILED, VOIDED, RECORDED = "AUTHORIZED", "CONFIRMED", "FAILED", "VOIDED", "RECORDED"


@dataclass(frozen=True, slots=True)
class FailOpen:
    """
    How far a client may go by itself.

    ``ceiling`` is how much may be outstanding per budget, in its currency or unit: approved here and not yet in the
    ledger. Beyond it the client fails closed again. Tokens whose budget this client has not learned yet count each
    for themselves. ``queue_path`` is the file that remembers; it is made readable for its owner only, because it may
    hold a session token until the entry is recorded.
    """

    ceiling: AmountLike = 100
    queue_path: str | os.PathLike[str] = QUEUE_DEFAULT

    def __post_init__(self) -> None:
        try:
            quanta(self.ceiling, "ceiling")
        except AmountError as error:
            raise FiGuardConfigError(str(error)) from error


@dataclass(frozen=True, slots=True)
class Fallback:
    """One approval that a client gave itself. Amounts in quanta, times as instants."""

    id: str
    home: str
    token: str
    session_token: str | None
    budget_id: str | None
    agent_id: str
    action_type: str
    description: str
    category: str | None
    trace_id: str | None
    requested: int
    occurred_at: Instant
    state: str = OPEN
    confirmed: int | None = None
    reason: str | None = None
    external_transaction_id: str | None = None
    error: str | None = None
    updated_at: Instant = 0

    @property
    def requested_quantity(self) -> Decimal:
        """What was approved."""
        return decimal_of(self.requested)

    @property
    def confirmed_quantity(self) -> Decimal | None:
        """What was spent, None until that is known."""
        return None if self.confirmed is None else decimal_of(self.confirmed)


_COLUMNS = tuple(field.name for field in fields(Fallback))
_SCHEMA = """
CREATE TABLE IF NOT EXISTS fallbacks (
    id TEXT NOT NULL, home TEXT NOT NULL, token TEXT NOT NULL, session_token TEXT, budget_id TEXT,
    agent_id TEXT NOT NULL, action_type TEXT NOT NULL, description TEXT NOT NULL, category TEXT, trace_id TEXT,
    requested INTEGER NOT NULL, occurred_at INTEGER NOT NULL, state TEXT NOT NULL, confirmed INTEGER, reason TEXT,
    external_transaction_id TEXT, error TEXT, updated_at INTEGER NOT NULL,
    PRIMARY KEY (home, id)
) STRICT
"""
_WRITE = f"INSERT OR REPLACE INTO fallbacks ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))})"  # noqa: S608 - our own column names
_OUTSTANDING = """
SELECT COALESCE(SUM(COALESCE(confirmed, requested)), 0) FROM fallbacks
WHERE home = ? AND (token = ? OR budget_id = ?) AND state IN ('AUTHORIZED', 'CONFIRMED')
"""


class Fallbacks:
    """
    The file of fallbacks of one service (``home``). Its methods block; every one is one transaction, so several
    threads and processes may share a file.
    """

    def __init__(self, policy: FailOpen, home: str) -> None:
        self.policy = policy
        self.home = home
        self._ceiling = quanta(policy.ceiling, "ceiling")
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        # Whether the service answered last time: only then is it worth telling it what happened meanwhile.
        self._reached = False

    def open(self) -> None:
        """Open the file now. Raises ``FiGuardConfigError`` when that cannot be."""
        try:
            self.has_any()
        except (FiGuardError, OSError) as error:
            raise FiGuardConfigError(f"the queue_path of fail_open cannot be used: {error}") from error

    def reached(self, *, answered: bool) -> None:
        """Note whether the service answered."""
        self._reached = answered

    def has_news(self) -> bool:
        """Return whether the service answers and there are settled fallbacks to tell it about."""
        return self._reached and bool(self.settled(limit=1))

    def has_any(self) -> bool:
        """Return whether anything is remembered for this service."""
        return bool(self._select("TRUE", 1))

    def admit(self, wanted: Fallback) -> Fallback:
        """
        Approve *wanted* if the ceiling allows, and remember it first.

        The same id again gives the remembered one. Raises ``FiGuardApiError`` (409) when that was for another
        amount or token, and ``CeilingReached`` when it does not fit.
        """
        with self._transaction() as connection:
            known = self._find(connection, wanted.id)
            if known is not None:
                return _same(known, wanted)
            outstanding: int = connection.execute(_OUTSTANDING, (self.home, wanted.token, wanted.budget_id)).fetchone()[
                0
            ]
            if outstanding + wanted.requested > self._ceiling:
                raise CeilingReached(
                    f"{text(outstanding)} is outstanding and {text(wanted.requested)} was asked, "
                    f"the ceiling of failing open is {text(self._ceiling)}"
                )
            self._write(connection, wanted)
            return wanted

    def known(self, wanted: Fallback) -> Fallback | None:
        """Return the fallback of the same id, or None. Raises as ``admit``."""
        found = self.find(wanted.id)
        return None if found is None else _same(found, wanted)

    def find(self, fallback_id: str) -> Fallback | None:
        """Return the fallback with this id, or None."""
        with self._transaction() as connection:
            return self._find(connection, fallback_id)

    def settle(self, fallback_id: str, state: str, now: Instant, **changes: str | int | None) -> Fallback:
        """
        Move a fallback to CONFIRMED, FAILED or VOIDED and return it; an identical repeat changes nothing.

        Raises ``FiGuardApiError``: 404 for an unknown id, 409 when it was settled differently before.
        """
        with self._transaction() as connection:
            found = self._find(connection, fallback_id)
            if found is None:
                raise _refusal(404, ErrorCode.NOT_FOUND, f"no fallback {fallback_id!r} is known here")
            after = replace(found, state=state, updated_at=now, **changes)
            if found.state not in {OPEN, CONFIRMED if state == VOIDED else OPEN}:
                settled_as = CONFIRMED if found.state == RECORDED else found.state
                if settled_as == state and all(getattr(found, name) == value for name, value in changes.items()):
                    return found
                raise _refusal(409, ErrorCode.EVENT_STATE_CONFLICT, f"fallback {fallback_id!r} is {found.state}")
            self._write(connection, after)
            return after

    def update(self, fallback: Fallback) -> None:
        """Write what became of a fallback."""
        with self._transaction() as connection:
            self._write(connection, fallback)

    def settled(self, *, limit: int, with_errors: bool = False) -> list[Fallback]:
        """Return confirmed fallbacks that the ledger does not know, oldest first."""
        query = "state = 'CONFIRMED'" if with_errors else "state = 'CONFIRMED' AND error IS NULL"
        return self._select(query, limit)

    def of_state(self, state: str, *, limit: int) -> list[Fallback]:
        """Return fallbacks of one state, oldest first."""
        return self._select(f"state = '{state}'", limit)

    def forget(self, now: Instant) -> None:
        """Drop fallbacks that were over long enough ago that nobody repeats them any more."""
        with self._transaction() as connection:
            connection.execute(
                "DELETE FROM fallbacks WHERE home = ? AND state NOT IN ('AUTHORIZED', 'CONFIRMED') AND updated_at < ?",
                (self.home, now - RECORDED_KEPT),
            )

    def close(self) -> None:
        """Close the file. Harmless twice."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _select(self, condition: str, limit: int) -> list[Fallback]:
        query = (
            f"SELECT {', '.join(_COLUMNS)} FROM fallbacks WHERE home = ? AND {condition} ORDER BY occurred_at LIMIT ?"  # noqa: S608 - no text of a caller
        )
        with self._transaction() as connection:
            return [Fallback(*row) for row in connection.execute(query, (self.home, limit))]

    def _find(self, connection: sqlite3.Connection, fallback_id: str) -> Fallback | None:
        query = f"SELECT {', '.join(_COLUMNS)} FROM fallbacks WHERE home = ? AND id = ?"  # noqa: S608 - no text of a caller
        row = connection.execute(query, (self.home, fallback_id)).fetchone()
        return None if row is None else Fallback(*row)

    def _write(self, connection: sqlite3.Connection, fallback: Fallback) -> None:
        connection.execute(_WRITE, astuple(fallback))

    @contextmanager
    def _transaction(self) -> Generator[sqlite3.Connection]:
        with self._lock, _told_as_ours(self.policy):
            connection = self._connection or self._opened()
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")

    def _opened(self) -> sqlite3.Connection:
        path = os.fspath(self.policy.queue_path)
        if path != ":memory:":
            file = Path(path).expanduser()
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch(mode=0o600)
            path = str(file)
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=5)
        # A fallback is approved only once it is on the disk: that is what the file is for.
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(_SCHEMA)
        self._connection = connection
        # A client that is dropped without being closed must not leave its file open.
        weakref.finalize(self, connection.close)
        return connection


@contextmanager
def _told_as_ours(policy: FailOpen) -> Generator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise FiGuardError(f"the file of fallbacks {os.fspath(policy.queue_path)!r} failed: {error}") from error


class CeilingReached(Exception):
    """A fallback would go beyond the policy's ceiling; the client fails closed instead."""


def _same(known: Fallback, wanted: Fallback) -> Fallback:
    if (known.requested, known.token) != (wanted.requested, wanted.token):
        raise _refusal(
            409,
            ErrorCode.IDEMPOTENCY_KEY_REUSED,
            f"fallback {known.id!r} was approved for {text(known.requested)}, not for {text(wanted.requested)}",
        )
    return known


def _refusal(status: int, code: ErrorCode, detail: str) -> FiGuardApiError:
    return FiGuardApiError(status, f"{code}: {detail}", code=code)


def is_fallback(event_id: str) -> bool:
    """Return whether an event id is one that a client gave itself."""
    return event_id.startswith(FALLBACK_PREFIX)
