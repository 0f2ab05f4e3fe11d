"""
What SQLite's errors mean for a caller: which file, what happened, what now.
"""

from __future__ import annotations

import sqlite3

from figuard.ports import LedgerProtected, StoreConflict, StoreUnavailable

BUSY_SECONDS = 5.0
"""How long anybody waits for a lock before giving up."""

_MEANINGS = {
    "SQLITE_BUSY": f"stayed locked by another process for {BUSY_SECONDS:.0f} s; try again",
    "SQLITE_LOCKED": f"stayed locked for {BUSY_SECONDS:.0f} s; try again",
    "SQLITE_READONLY": "cannot be written; check who may write the file and its folder",
    "SQLITE_FULL": "cannot grow, the disk is full; make room and try again",
    "SQLITE_NOTADB": "is not an SQLite database; name another file",
    "SQLITE_CORRUPT": "is damaged; restore a backup",
    "SQLITE_CANTOPEN": "cannot be opened; check that the folder exists and who may read and write it",
    "SQLITE_IOERR": "cannot be read or written, the disk reports an error; check it and try again",
    "SQLITE_PERM": "may not be opened; check who may read and write it",
}
_PROTECTED = "the ledger is append-only"
_UNIQUE = frozenset({"SQLITE_CONSTRAINT_UNIQUE", "SQLITE_CONSTRAINT_PRIMARYKEY", "SQLITE_CONSTRAINT_TRIGGER"})


def failure(error: sqlite3.Error, path: str) -> Exception:
    """Return the exception that says what *error* means. The caller raises it from *error*."""
    name = getattr(error, "sqlite_errorname", "")
    if isinstance(error, sqlite3.IntegrityError):
        if str(error).startswith(_PROTECTED):
            return LedgerProtected(str(error))
        if name in _UNIQUE:
            return StoreConflict(str(error))
        # A check or a reference that does not hold is a fault of ours, and must never look like a conflict.
        return AssertionError(f"the books would not add up: {error}")
    if isinstance(error, sqlite3.ProgrammingError):
        return StoreUnavailable(f"the store {path!r} is closed; open it again ({error})")
    meaning = next((text for code, text in _MEANINGS.items() if name.startswith(code)), "cannot be used")
    return StoreUnavailable(f"the database {path!r} {meaning} ({error})")
