"""
Store suite, part 5: whose turn it is, when several want to write.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import wait as settle
from dataclasses import replace
from threading import Barrier

import pytest

from figuard.domain.budget import Balance
from figuard.domain.events import Decision
from figuard.ports import Changes, FindEvents, GetRecords, Kind
from figuard.testing.store_suite_records import MakeStore, Sharing, a_budget, a_token, an_event, got, put

OPENERS = 4
OVERTAKING_SECONDS = 0.2
"""How long a writer that is not kept out may take to overtake."""


class TurnCases(Sharing):
    """Cases about transactions that meet."""

    def test_one_after_the_other(self, make_store: MakeStore):
        """[S-41] Of threads that all want the last unit, one gets it."""
        store = make_store()
        put(store, a_budget(limit=1))
        start = Barrier(OPENERS)

        def take(number: int) -> bool:
            start.wait()
            with store.begin() as work:
                budget = work.read(Kind.BUDGETS, ("b1",))["b1"]
                if budget.available() < 1:
                    return False
                spent = replace(budget, funds=replace(budget.funds, balance=Balance(1)))
                work.write(Changes([an_event(f"e{number}", decision=Decision.CONFIRMED)], [spent]))
                return True

        with ThreadPoolExecutor(OPENERS) as threads:
            assert sorted(threads.map(take, range(OPENERS))) == [False, False, False, True]
        assert store.query(FindEvents("b1")).total == 1

    def test_writers_are_kept_out(self, make_store: MakeStore):
        """[S-72] What a transaction read without a lock stays as it is while the transaction lasts."""
        store = make_store()
        if not store.excludes_writers:
            pytest.skip("this store locks rows, and what is to stay has to be locked")
        token = a_token()
        put(store, a_budget(), token)
        revoked = replace(token, revoked_at=5)
        other = make_store() if self.readers_beside_writer else store
        with ThreadPoolExecutor(1) as threads:
            with store.begin() as work:
                before = work.read(Kind.TOKENS_BY_HASH, (token.hash,))
                overtaking = threads.submit(put, other, updated=[revoked])
                settle([overtaking], OVERTAKING_SECONDS)
                assert not overtaking.done()
                assert work.read(Kind.TOKENS_BY_HASH, (token.hash,)) == before == {token.hash: token}
            overtaking.result()

        assert got(store, Kind.TOKENS, token.id) == revoked

    def test_one_transaction_per_thread(self, make_store: MakeStore):
        """[S-46] A second transaction in the same thread is refused rather than waited for; the first goes on."""
        store = make_store()
        with store.begin() as work:
            with pytest.raises(RuntimeError, match="already"), store.begin():
                pass
            work.write(Changes([a_budget()]))

        assert got(store, Kind.BUDGETS, "b1") == a_budget()

    def test_many_openers(self, make_store: MakeStore):
        """[S-48] Threads that open new data at once, each a store of its own, all write and all see everything."""
        self.needs_sharing()
        start = Barrier(OPENERS)

        def work(number: int) -> None:
            start.wait()
            store = make_store()
            for turn in range(OPENERS):
                put(store, a_budget(f"b{number}-{turn}", reference="order"))

        with ThreadPoolExecutor(OPENERS) as threads:
            list(threads.map(work, range(OPENERS)))
        found = make_store().query(GetRecords(Kind.REFERENCES, (("t1", "order"),)))

        assert len(found["t1", "order"]) == OPENERS**2
