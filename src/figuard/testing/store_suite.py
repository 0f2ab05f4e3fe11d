"""
The suite that every store passes: one case for each promise of ``figuard.ports``.

Three lines make a store run it::

    class TestMyStore(StoreSuite):
        @pytest.fixture
        def make_store(self, tmp_path):
            with opening(lambda *, read_only: MyStore(tmp_path / "books", read_only=read_only)) as make_store:
                yield make_store

``make_store()`` may be called several times in one test, and then opens the same data each time.
"""

from __future__ import annotations

from figuard.testing.store_suite_queries import QueryCases
from figuard.testing.store_suite_reads import ReadCases
from figuard.testing.store_suite_records import MakeStore, opening
from figuard.testing.store_suite_turns import TurnCases
from figuard.testing.store_suite_upkeep import UpkeepCases
from figuard.testing.store_suite_writes import WriteCases

__all__ = ["MakeStore", "StoreSuite", "opening"]


class StoreSuite(ReadCases, WriteCases, QueryCases, UpkeepCases, TurnCases):
    """Every case. A store that lives in one connection sets ``readers_beside_writer`` to False and skips some."""
