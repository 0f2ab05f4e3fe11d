"""
The frame of one transaction: the lock, BEGIN, and COMMIT or ROLLBACK.
"""

from __future__ import annotations

import sqlite3
from types import TracebackType

from figuard.ports import StoreConflict, StoreUnavailable
from figuard.stores.sqlite.connections import Connections
from figuard.stores.sqlite.failures import failure
from figuard.stores.sqlite.known import Known
from figuard.stores.sqlite.work import SqliteWork


class Transaction:
    """A context manager: commits on a normal exit, rolls back on an exception."""

    __slots__ = ("_connections", "_known", "_work")

    def __init__(self, connections: Connections, known: Known) -> None:
        self._connections = connections
        self._known = known

    def __enter__(self) -> SqliteWork:
        connections = self._connections
        if connections.read_only:
            raise StoreUnavailable(f"the store {connections.path!r} was opened read-only; open it for writing")
        connections.lock()
        cursor = connections.cursor
        try:
            # IMMEDIATE takes the file's write lock now: what is read from here on cannot change underneath.
            cursor.execute("BEGIN IMMEDIATE")
            self._known.begin(cursor)
        except BaseException as error:
            try:
                self._roll_back()
            finally:
                connections.unlock()
            if isinstance(error, sqlite3.Error):
                raise failure(error, connections.path) from error
            raise
        self._work = SqliteWork(cursor, connections.path, self._known)
        return self._work

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        connections = self._connections
        try:
            if error is None and not self._work.is_broken:
                connections.cursor.execute("COMMIT")
                self._known.committed(connections.cursor)
                return
            self._roll_back()
        except sqlite3.Error as failed:
            self._roll_back()
            raise failure(failed, connections.path) from failed
        finally:
            connections.unlock()
        if isinstance(error, sqlite3.Error):
            raise failure(error, connections.path) from error
        if error is None:
            raise StoreConflict("the transaction was rolled back after a conflict; nothing of it was written")

    def _roll_back(self) -> None:
        # Some errors (a full disk, say) make SQLite roll back by itself.
        if self._connections.writer.in_transaction:
            self._connections.writer.execute("ROLLBACK")
