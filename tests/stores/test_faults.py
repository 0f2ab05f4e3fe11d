"""
The faulty store fails where it is told to, and with all or nothing written.
"""

from __future__ import annotations

import pytest

from figuard.ports import Changes, FindEvents, Kind, OutcomeUnknown, StoreUnavailable
from figuard.stores.memory import MemoryData, MemoryStore
from figuard.stores.sqlite import SqliteStore
from figuard.testing.faults import Fault, FaultyStore
from figuard.testing.store_suite import StoreSuite, opening
from figuard.testing.store_suite_records import a_budget, an_event, put

STEPS = ["begin", "read BUDGETS", "write", "commit"]


class TestFaultless(StoreSuite):
    """
    Until it fails, a faulty store is a store like any other.
    """

    @pytest.fixture
    def make_store(self):
        data = MemoryData()
        with opening(lambda *, read_only: FaultyStore(MemoryStore(data, read_only=read_only))) as make_store:
            yield make_store


@pytest.fixture(params=["memory", "sqlite"])
def store(request):
    store = MemoryStore(MemoryData()) if request.param == "memory" else SqliteStore(":memory:")
    put(store, a_budget())
    yield store
    store.close()


def spend(store):
    with store.begin() as work:
        work.read(Kind.BUDGETS, ("b1",))
        work.write(Changes([an_event()]))


def count(store):
    return store.query(FindEvents("b1")).total


def test_steps_are_counted(store):
    counting = FaultyStore(store)
    spend(counting)

    assert counting.steps == STEPS
    assert not counting.has_failed
    assert count(store) == 1


@pytest.mark.parametrize("fail_at", [1, 2, 3, 4])
def test_a_failure_before_a_step_leaves_nothing(store, fail_at):
    faulty = FaultyStore(store, fail_at=fail_at)
    with pytest.raises(StoreUnavailable, match=f"before step {fail_at}"):
        spend(faulty)

    assert faulty.steps == STEPS[:fail_at]
    assert faulty.has_failed
    assert count(store) == 0


@pytest.mark.parametrize(("fail_at", "written"), [(1, 0), (2, 0), (3, 0), (4, 1)])
def test_a_failure_after_a_step_leaves_nothing_unless_it_was_the_commit(store, fail_at, written):
    with pytest.raises(StoreUnavailable, match=f"after step {fail_at}"):
        spend(FaultyStore(store, fail_at=fail_at, fault=Fault.AFTER))

    assert count(store) == written


def test_nobody_knows_what_became_of_a_commit_whose_reply_is_lost(store):
    with pytest.raises(OutcomeUnknown):
        spend(FaultyStore(store, fail_at=len(STEPS), fault=Fault.AFTER))


def test_after_its_failure_a_faulty_store_works(store):
    faulty = FaultyStore(store, fail_at=1)
    with pytest.raises(StoreUnavailable):
        spend(faulty)
    spend(faulty)

    assert count(faulty) == 1


@pytest.mark.parametrize("fault", Fault)
def test_a_query_is_a_step(store, fault):
    faulty = FaultyStore(store, fail_at=1, fault=fault)
    with pytest.raises(StoreUnavailable, match="query"):
        count(faulty)
    assert count(faulty) == 0
