"""
The memory store keeps the promises of every store.
"""

from __future__ import annotations

import pytest

from figuard.stores.memory import MemoryData, MemoryStore
from figuard.testing.store_suite import StoreSuite, opening


class TestMemory(StoreSuite):
    @pytest.fixture
    def make_store(self):
        data = MemoryData()
        with opening(lambda *, read_only: MemoryStore(data, read_only=read_only)) as make_store:
            yield make_store
