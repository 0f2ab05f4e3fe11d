"""
Every book verified: short ones side by side, long ones alone, and each judged by its own entries.
"""

from __future__ import annotations

import pytest

from figuard.domain.questions import GetBudget
from figuard.domain.refusal import Refusal
from figuard.domain.valueclass import replace
from figuard.engine import audit
from figuard.engine.audit import verify_all
from figuard.engine.inspection import verified
from figuard.engine.questions import answer
from figuard.ports import Changes, GetRecords, Kind, ReadEntries, StoreUnavailable
from figuard.stores.memory import MemoryStore
from tests.builders import TENANT, World


class Counting(MemoryStore):
    """A store that keeps which queries were asked together."""

    def __init__(self):
        super().__init__()
        self.asked = []

    def query_all(self, queries):
        self.asked.append(list(queries))
        return super().query_all(queries)


def filled(store, *events):
    """
    A world with a budget for each of these numbers of authorizations; return it with the ids of its books, in order.
    """
    world = World(store)
    made = []
    for number in events:
        budget = world.budget(1000)
        for key in range(number):
            world.authorize(budget, 1, f"k{key}")
        made.append(budget.budget.id)
    return world, sorted(made)


def test_short_books_are_read_together_and_each_is_judged():
    store = Counting()
    world, ids = filled(store, 1, 3, 2)
    # One of them shows a limit that its entries do not.
    with store.begin() as work:
        budget = work.read(Kind.BUDGETS, (ids[1],))[ids[1]]
        work.write(Changes(updated=[replace(budget, funds=replace(budget.funds, limit=1))]))

    views = list(verify_all(world.engine))

    assert [(view.book_id, [one.what for one in view.findings]) for view in views] == [
        (ids[0], []), (ids[1], ["BUDGET"]), (ids[2], []),
    ]  # fmt: skip
    first, second, *_ = store.asked
    assert first == [GetRecords(Kind.BUDGETS, tuple(ids))]
    assert [(type(query), query.book_id) for query in second] == [(ReadEntries, book_id) for book_id in ids]


def test_what_is_followed_side_by_side_ends_as_it_would_alone():
    world, ids = filled(MemoryStore(), 0, 4)

    together = world.engine.follow_all([verified(book_id) for book_id in [*ids, "nobody"]])

    alone = [world.engine.follow(verified(book_id)) for book_id in [*ids, "nobody"]]
    assert [(one.seq, one.hash, one.findings) for one in together] == [
        (one.seq, one.hash, one.findings) for one in alone
    ]


def test_a_long_book_is_verified_alone(monkeypatch):
    store = Counting()
    world, ids = filled(store, 1, 20, 1, 1)
    lengths = {one: world.engine.records(GetRecords(Kind.BUDGETS, (one,)))[one].head.seq for one in ids}
    longest = max(lengths, key=lengths.__getitem__)
    monkeypatch.setattr(audit, "ENTRIES_TOGETHER", lengths[longest] - 1)

    views = list(verify_all(world.engine))

    beside = [
        {query.book_id for query in some if isinstance(query, ReadEntries)}
        for some in store.asked
        if any(isinstance(query, ReadEntries) for query in some)
    ]
    assert {view.book_id: view.entries for view in views} == lengths
    assert {longest} in beside
    assert not [some for some in beside if longest in some and len(some) > 1]
    assert [some for some in beside if len(some) > 1]


def test_a_store_that_is_away_is_told_as_such():
    class Away(MemoryStore):
        def query_all(self, queries):
            raise StoreUnavailable("away")

    world, _ = filled(Away(), 1)

    with pytest.raises(Refusal, match="away") as refused:
        list(verify_all(world.engine))

    assert refused.value.code == "STORE_UNAVAILABLE"


def test_what_is_due_is_done_before_anybody_looks_also_side_by_side():
    world = World()
    budgets = [world.budget(1000), world.budget(1000)]
    for budget in budgets:
        world.authorize(budget, 10)
    world.clock.advance("1h")
    now = world.clock.now()

    views = world.engine.follow_all([answer(GetBudget(one.budget.id), TENANT, now, None) for one in budgets])

    assert [view.budget.funds.balance.reserved for view in views] == [0, 0]
