"""
What PostgreSQL's errors mean for a caller: which database, what happened, what now.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qs, unquote, urlsplit

from figuard.ports import LedgerProtected, StoreConflict, StoreUnavailable
from figuard.stores.postgres.driver import DriverError, PostgresError

LOCK_SECONDS = 5.0
"""How long a statement waits for a lock before giving up."""
STATEMENT_SECONDS = 20.0
"""How long a statement may take on the server."""
COMMAND_SECONDS = STATEMENT_SECONDS + 5.0
"""How long we wait for the server's answer: longer than the server may take, so that it is the one to give up."""
IDLE_SECONDS = 20.0
"""How long a transaction may do nothing, so that a process which is frozen gives its locks back."""

_MEANINGS: Mapping[str, str] = {
    "55P03": "stayed locked by another transaction; try again",
    "57014": "took too long to answer; try again",
    "25006": "is read-only (a standby, perhaps); connect to the primary",
    "25P03": "ended a transaction that did nothing for too long; try again",
    "42501": "does not let this role do that; let the owner of its tables run `figuard migrate --grant ROLE`",
    "42P01": "has no FiGuard tables; run `figuard migrate` as the owner",
    "3D000": "does not exist; create it first",
    "28": "does not let us in; check the user and the password",
    "53100": "cannot grow, the disk is full; make room and try again",
    "53300": "has no connection left; raise max_connections or run fewer servers",
    "53": "has run out of a resource; try again",
    "57P": "is shutting down or starting; try again",
    "08": "cannot be reached; try again",
    "XX": "is damaged; restore a backup",
}
# The sub-class and the class of an error are found by their prefix, after the whole code.
_PREFIXES = (5, 3, 2)
_CONFLICTS = frozenset({"23505", "40001", "40P01"})
_LOST = ("08", "57P0")
_WALL = "row-level security"


def place_of(url: str) -> str:
    """Return what a URL names, without the password, to be shown in messages."""
    parts = urlsplit(url)
    hosts = parts.netloc.rpartition("@")[2] or parse_qs(parts.query).get("host", ["localhost"])[0]
    return f"{hosts}/{unquote(parts.path.removeprefix('/'))}"


def sqlstate(error: BaseException) -> str:
    """Return the server's five letters, or nothing for an error that is not the server's."""
    return str(getattr(error, "sqlstate", None) or "") if isinstance(error, PostgresError) else ""


def is_lost(error: BaseException) -> bool:
    """Return whether the server may be gone, so that nobody knows what became of the statement."""
    code = sqlstate(error)
    return code.startswith(_LOST) if code else isinstance(error, (OSError, TimeoutError, *DriverError))


def failure(error: Exception, place: str) -> Exception:
    """Return the exception that says what *error* means. The caller raises it from *error*."""
    code = sqlstate(error)
    if code in _CONFLICTS:
        return StoreConflict(str(error))
    if code == "23001":
        return LedgerProtected(str(error))
    if code == "42501" and _WALL in str(error):
        return AssertionError(f"a transaction reached beyond its tenants: {error}")
    if code == "42501" and "ledger_entries" in str(error):
        return LedgerProtected(f"the ledger is append-only: {error}")
    if code.startswith(("22", "23")):
        # A check or a reference that does not hold is a fault of ours, and must never look like a conflict.
        return AssertionError(f"the books would not add up: {error}")
    if isinstance(error, DriverError) and "pool is clos" in str(error):
        return StoreUnavailable(f"the store {place!r} is closed; open it again")
    if isinstance(error, TimeoutError):
        return StoreUnavailable(f"the database {place!r} does not answer; try again")
    if isinstance(error, (PostgresError, *DriverError, OSError)):
        meaning = next(
            (_MEANINGS[code[:length]] for length in _PREFIXES if code[:length] in _MEANINGS), "cannot be used"
        )
        meaning = meaning if code else "cannot be reached; try again"
        return StoreUnavailable(f"the database {place!r} {meaning} ({error})")
    return error
