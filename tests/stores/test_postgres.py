"""
The PostgreSQL store keeps the promises of every store: for a server's own role, and where one role owns everything.
"""

from __future__ import annotations

import pytest

from figuard.stores import open_store
from figuard.testing.store_suite import StoreSuite, opening


class TestServersRole(StoreSuite):
    @pytest.fixture
    def make_store(self, database):
        with opening(lambda *, read_only: open_store(database.app_url, read_only=read_only)) as make_store:
            yield make_store


@pytest.mark.full
class TestOneRole(StoreSuite):
    @pytest.fixture
    def make_store(self, database):
        with opening(lambda *, read_only: open_store(database.url, read_only=read_only)) as make_store:
            yield make_store
