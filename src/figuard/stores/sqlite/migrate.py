"""
The schema of a file: numbered migrations, each once. The file's ``user_version`` says how far it has come.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from figuard.ports import StoreUnavailable

APPLICATION_ID = 0x46694775
"""``FiGu``: tells our files from those of other programs."""


# Beside this module rather than through importlib.resources, which every first call in a process would wait for: it
# loads archives and temporary files in case a package is not in a folder.
_FOLDER = Path(__file__).with_name("migrations")


@cache
def migrations() -> tuple[str, ...]:
    """Return the SQL of all migrations, in order; the n-th leads to version n."""
    files = sorted(file for file in _FOLDER.iterdir() if file.name[:4].isdigit())
    return tuple(file.read_text(encoding="utf-8") for file in files)


def is_current(connection: sqlite3.Connection, path: str) -> bool:
    """Return whether nothing is to be done. Raises ``StoreUnavailable`` for a file that is not ours or too new."""
    version, known = _pragma(connection, "user_version"), len(migrations())
    ours = _pragma(connection, "application_id") == APPLICATION_ID
    if not ours and (version or connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]):
        raise StoreUnavailable(
            f"the database {path!r} belongs to another program (or to FiGuard 1.x); name another file and nothing "
            "in this one is touched"
        )
    if version > known:
        raise StoreUnavailable(
            f"the database {path!r} has schema version {version}, this FiGuard knows versions up to {known}; "
            "upgrade it: pip install --upgrade figuard"
        )
    return ours and version == known


def migrate(connection: sqlite3.Connection, path: str) -> None:
    """Bring a file up to date in one transaction; other processes wait or find it done."""
    if is_current(connection, path):
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        # Looked at again under the lock: another process may have been quicker.
        if not is_current(connection, path):
            _apply(connection)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _apply(connection: sqlite3.Connection) -> None:
    pending = migrations()[_pragma(connection, "user_version") :]
    for text in pending:
        for statement in _statements(text):
            connection.execute(statement)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {len(migrations())}")


def _statements(text: str) -> Iterator[str]:
    """Yield the statements of a script one by one; ``executescript`` would commit before it starts."""
    statement = ""
    for line in text.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    return connection.execute(f"PRAGMA {name}").fetchone()[0]
