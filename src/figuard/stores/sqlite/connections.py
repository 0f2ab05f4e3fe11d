"""
The connections to one file: a writer, and readers that never wait for it.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from figuard.ports import StoreUnavailable
from figuard.stores.sqlite.failures import BUSY_SECONDS, failure
from figuard.stores.sqlite.migrate import is_current, migrate

MEMORY: Final = ":memory:"
READERS_MAX = 8
"""How many readers are kept open for the next query."""
STATEMENTS_CACHED = 256
CACHE_KIBIBYTES_MAX = 65_536
"""How much of the file each connection may keep in memory."""
WAL_PAGES = 4000
"""After how many pages in the write-ahead log they are moved into the file."""
WAL_BYTES_MAX = 64 * 1024 * 1024
"""To what the write-ahead log is cut after it has grown beyond."""
_RETRY_SECONDS = 0.01

# Closing any descriptor of a file drops all locks this process has on it, so nobody may connect to a file while
# another thread is making it.
_creating = threading.Lock()


class Connections:
    """
    Everything opened on one file. ``writer``, and its one ``cursor``, are for whoever holds the ``lock``.

    A database in memory has one connection, so a query waits until the transaction before it ends.
    """

    def __init__(self, path: str, *, read_only: bool = False) -> None:
        """Open the file, making it (mode 0600) and its folder (0700) if need be. Raises ``StoreUnavailable``."""
        self.path = path
        self.read_only = read_only
        self._writing = threading.Lock()
        self._owner: int | None = None
        self._process = os.getpid()
        self._is_closed = False
        self._idle: list[sqlite3.Connection] = []
        self._idle_lock = threading.Lock()
        try:
            self.writer = self._open_first()
            self.cursor = self.writer.cursor()
        except sqlite3.Error as error:
            raise failure(error, path) from error
        except OSError as error:
            raise StoreUnavailable(
                f"the database {path!r} cannot be made: {error.strerror}; name another file"
            ) from error

    def _open_first(self) -> sqlite3.Connection:
        if self.path != MEMORY and not self.read_only:
            _create(Path(self.path))
        connection = self._connect()
        try:
            if self.read_only:
                if not is_current(connection, self.path):
                    raise StoreUnavailable(
                        f"the database {self.path!r} has an older schema; open it once for writing, which updates it"
                    )
                return connection
            # Before anything is changed: the file may be somebody else's.
            is_current(connection, self.path)
            if self.path != MEMORY:
                _use_write_ahead_log(connection)
            migrate(connection, self.path)
        except BaseException:
            connection.close()
            raise
        return connection

    def _connect(self, *, query_only: bool = False) -> sqlite3.Connection:
        if self.path == MEMORY:
            target = MEMORY
        else:
            target = f"{Path(self.path).absolute().as_uri()}?mode={'ro' if self.read_only else 'rw'}"
        connection = sqlite3.connect(
            target,
            timeout=BUSY_SECONDS,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=STATEMENTS_CACHED,
            uri=True,
        )
        try:
            # FULL syncs the log at each commit: an answer that was given is on the disk.
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("PRAGMA recursive_triggers = ON")
            connection.execute("PRAGMA trusted_schema = OFF")
            connection.execute(f"PRAGMA cache_size = -{CACHE_KIBIBYTES_MAX}")
            connection.execute(f"PRAGMA wal_autocheckpoint = {WAL_PAGES}")
            connection.execute(f"PRAGMA journal_size_limit = {WAL_BYTES_MAX}")
            if query_only:
                connection.execute("PRAGMA query_only = ON")
        except BaseException:
            connection.close()
            raise
        return connection

    def check_open(self) -> None:
        """Raise ``StoreUnavailable`` when closed, or inherited by a forked process, which SQLite does not survive."""
        if self._is_closed:
            raise StoreUnavailable(f"the store {self.path!r} is closed; open it again")
        if self._process != os.getpid():
            raise StoreUnavailable(f"the store {self.path!r} was opened before a fork; open it again in this process")

    def lock(self) -> None:
        """Become the one writer of this process. Raises ``StoreUnavailable`` when that takes too long."""
        self.check_open()
        this_thread = threading.get_ident()
        if self._owner == this_thread:
            raise RuntimeError("this thread has a transaction open already; finish it first")
        if not self._writing.acquire(timeout=BUSY_SECONDS):
            raise StoreUnavailable(
                f"a transaction of this process kept {self.path!r} locked for {BUSY_SECONDS:.0f} s; try again"
            )
        self._owner = this_thread
        if self._is_closed:
            self.unlock()
            self.check_open()

    def unlock(self) -> None:
        """Let the next writer in."""
        self._owner = None
        self._writing.release()

    @contextmanager
    def reader(self) -> Generator[sqlite3.Connection]:
        """Lend a connection that sees committed data only. SQLite's errors are raised as what they mean."""
        self.check_open()
        if self.path == MEMORY:
            with self.raw() as only:
                yield only
            return
        try:
            connection = self._idle.pop() if self._idle else self._connect(query_only=True)
        except IndexError:
            connection = self._connect(query_only=True)
        except sqlite3.Error as error:
            raise failure(error, self.path) from error
        try:
            yield connection
        except sqlite3.Error as error:
            raise failure(error, self.path) from error
        finally:
            self._give_back(connection)

    def _give_back(self, connection: sqlite3.Connection) -> None:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        with self._idle_lock:
            if not self._is_closed and len(self._idle) < READERS_MAX:
                self._idle.append(connection)
                return
        connection.close()

    @contextmanager
    def raw(self) -> Generator[sqlite3.Connection]:
        """Lend the writer for a statement of one's own, each committed by itself; for tools and tests."""
        self.lock()
        try:
            yield self.writer
        except sqlite3.Error as error:
            raise failure(error, self.path) from error
        finally:
            self.unlock()

    def close(self) -> None:
        """Close everything that is not lent; what is lent is closed when it comes back."""
        if self._owner == threading.get_ident():
            raise RuntimeError("this thread has a transaction open; finish it first")
        with self._idle_lock:
            if self._is_closed:
                return
            self._is_closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()
        with self._writing:
            self.writer.close()


def _create(path: Path) -> None:
    """Make an empty file that only its owner may read, unless there is one."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _creating:
        if not path.exists():
            try:
                os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
            except FileExistsError:
                # Another process was quicker, which comes to the same.
                return


def _use_write_ahead_log(connection: sqlite3.Connection) -> None:
    """Switch the file to its write-ahead log. SQLite does not wait for this lock by itself, so we do."""
    with closing(connection.cursor()) as cursor:
        give_up_at = time.monotonic() + BUSY_SECONDS
        while True:
            try:
                cursor.execute("PRAGMA journal_mode = WAL")
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > give_up_at:
                    raise
                time.sleep(_RETRY_SECONDS)
            else:
                return
