"""
The SQLite store keeps the promises of every store, in a file and in memory.
"""

from __future__ import annotations

import pytest

from figuard.stores.sqlite import SqliteStore
from figuard.testing.store_suite import StoreSuite, opening


class TestFile(StoreSuite):
    @pytest.fixture
    def make_store(self, tmp_path):
        path = str(tmp_path / "books.db")
        with opening(lambda *, read_only: SqliteStore(path, read_only=read_only)) as make_store:
            yield make_store


class TestInMemory(StoreSuite):
    readers_beside_writer = False

    @pytest.fixture
    def make_store(self):
        with opening(lambda *, read_only: SqliteStore(":memory:", read_only=read_only)) as make_store:
            yield make_store
