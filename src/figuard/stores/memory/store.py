"""
The memory store: one transaction at a time, queries beside it.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Generator, Sequence
from contextlib import contextmanager
from typing import Any

from figuard.ports import Query, StoreConflict, StoreUnavailable
from figuard.stores.memory.data import MemoryData
from figuard.stores.memory.queries import answer
from figuard.stores.memory.work import MemoryWork

LOCK_SECONDS_MAX = 5.0
"""How long a transaction waits for the one before it."""


class MemoryStore:
    """
    A store of values in this process. Records are kept as they are, so nobody may change the dictionaries in them.

    Several stores may share one ``MemoryData``, as several processes share a file.
    """

    excludes_writers = True

    def __init__(self, data: MemoryData | None = None, *, read_only: bool = False) -> None:
        """Open *data*, or start empty."""
        self._data = data if data is not None else MemoryData()
        self._read_only = read_only
        self._closed = False
        self._owner: int | None = None

    @contextmanager
    def begin(self, tenants: Collection[str] = ()) -> Generator[MemoryWork]:
        """As ``ports.Store.begin``. Memory has no walls."""
        self._check_writable()
        this_thread = threading.get_ident()
        if self._owner == this_thread:
            raise RuntimeError("this thread has a transaction open already; finish it first")
        if not self._data.writing.acquire(timeout=LOCK_SECONDS_MAX):
            raise StoreUnavailable(f"another transaction kept the store locked for {LOCK_SECONDS_MAX:.0f} s; try again")
        self._owner = this_thread
        try:
            work = MemoryWork(self._data)
            yield work
            if work.is_broken:
                raise StoreConflict("the transaction was rolled back after a conflict; nothing of it was written")
            work.commit()
        finally:
            self._owner = None
            self._data.writing.release()

    def query(self, query: Query) -> Any:  # noqa: ANN401 - the type is the query's own
        """As ``ports.Store.query``."""
        self._check_open()
        with self._data.swapping:
            return answer(self._data, query)

    def query_all(self, queries: Sequence[Query]) -> list[Any]:
        """As ``ports.Store.query_all``, one after the other."""
        return [self.query(query) for query in queries]

    def meta(self, key: str) -> str | None:
        """As ``ports.Store.meta``."""
        self._check_open()
        return self._data.meta.get(key)

    def set_meta(self, key: str, value: str, *, if_absent: bool = True) -> str:
        """As ``ports.Store.set_meta``."""
        self._check_writable()
        with self._data.swapping:
            if if_absent:
                return self._data.meta.setdefault(key, value)
            self._data.meta[key] = value
            return value

    def close(self) -> None:
        """As ``ports.Store.close``."""
        self._closed = True

    def _check_open(self) -> None:
        if self._closed:
            raise StoreUnavailable("the store is closed; open it again")

    def _check_writable(self) -> None:
        self._check_open()
        if self._read_only:
            raise StoreUnavailable("the store was opened read-only; open it for writing to change the books")
