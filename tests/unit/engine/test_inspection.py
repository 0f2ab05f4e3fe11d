"""
Inspection beside the work: a book that is written between any two reads verifies, and tampering is found all the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import pytest

from figuard.domain import commands as c
from figuard.domain.amounts import quanta
from figuard.domain.entitlements import RenewalPeriod, Subscription
from figuard.domain.events import Decision, Event
from figuard.domain.valueclass import replace
from figuard.engine.inspection import verified
from figuard.engine.seal import seal
from figuard.engine.verify import Verifier
from figuard.ports import SealedEntry
from tests.builders import World, cap
from tests.unit.engine.tools import subscribe

Write = Callable[[], Any]
READS_MAX = 40


def inspect(world: World, book_id: str, at: int, write: Write) -> tuple[Verifier, int]:
    """Verify a book, *write* before its read number *at*; return the verifier and how many reads there were."""
    steps = verified(book_id)
    came: Any = None
    for number in range(READS_MAX):
        if number == at:
            write()
        try:
            query = steps.send(came)
        except StopIteration as done:
            return done.value, number
        came = world.engine.query(query)
    raise AssertionError("it goes on and on")


class Busy:
    """A budget with a delegate, a chain under a cap and some history, and everything that can happen to it."""

    def __init__(self) -> None:
        self.world = World()
        self.budget = self.world.budget(1000)
        self.id = self.budget.budget.id
        self.agent = self.world.delegate(self.budget, "agent", cap("food", 500))
        self.root = self.world.authorize(self.budget, 10, "root", max_subtree=quanta(100)).event
        self.held = self.world.authorize(self.agent.secret, 20, "held", category="food").event
        self.keys = count()

    def authorize(self) -> Event:
        event: Event = self.world.authorize(self.agent.secret, 5, f"key-{next(self.keys)}", category="food").event
        return event

    def writes(self) -> dict[str, Write]:
        world, budget, order = self.world, self.budget, self.world.order
        return {
            "nothing": lambda: None,
            "authorize": self.authorize,
            "authorize and confirm": lambda: world.confirm(self.authorize(), 5),
            "a child of the root": lambda: world.authorize(budget, 1, "child", parent_event_id=self.root.id),
            "confirm": lambda: world.confirm(self.held, 20),
            "confirm and refund": lambda: (
                world.confirm(self.held, 20),
                order(c.Refund(self.held.id, quanta(5), "RETURNED")),
            ),
            "fail": lambda: world.fail(self.held),
            "deny": lambda: world.authorize(budget, 10**6, "too much"),
            "fund": lambda: order(c.Fund(self.id, c.FundingOperation.CREDIT, quanta(1))),
            "delegate": lambda: world.delegate(budget, "another", cap("fuel", 1)),
            "revoke": lambda: order(c.Revoke(self.agent.token.id)),
            "pause": lambda: order(c.UpdateBudget(self.id, c.PolicyPatch(paused=True))),
            "many": lambda: [self.authorize() for _ in range(30)],
        }


NAMES = list(Busy().writes())


@pytest.mark.parametrize("name", NAMES)
def test_a_book_verifies_whatever_is_written_between_two_of_its_reads(name: str):
    at = count()
    while True:
        busy, number = Busy(), next(at)
        verifier, reads = inspect(busy.world, busy.id, number, busy.writes()[name])

        assert verifier.findings == [], f"written before read {number}"
        assert verifier.seq >= 4
        if number >= reads:
            break
    assert reads >= 6


def test_what_is_written_before_every_read_is_followed_and_no_further():
    busy = Busy()
    steps, came = verified(busy.id), None
    for _ in range(READS_MAX):
        busy.authorize()
        try:
            query = steps.send(came)
        except StopIteration as done:
            verifier: Verifier = done.value
            break
        came = busy.world.engine.query(query)
    else:
        raise AssertionError("a busy book is never done")

    assert verifier.findings == []
    assert verifier.seq < busy.world.stored(busy.id).head.seq


def test_a_subscription_verifies_whatever_is_written_between_two_of_its_reads():
    def writes() -> Iterator[tuple[World, str, Write]]:
        for made in range(3):
            world = World()
            reply, item = subscribe(world)
            move = c.MoveSubscription(reply.subscription.id, c.SubscriptionVerb.PAUSE)
            spending = world.budget(item_id=item.id)
            adding = c.AddItem(reply.subscription.id, c.NewItem("more", "calls", quanta(5), RenewalPeriod.MONTHLY))
            whole: list[Write] = [
                lambda world=world, move=move: world.order(move),
                lambda world=world, spending=spending: world.confirm(world.authorize(spending, 9).event, 9),
                lambda world=world, adding=adding: world.order(adding),
            ]
            yield world, reply.subscription.id, whole[made]

    for at in range(12):
        for world, book_id, write in writes():
            verifier, _ = inspect(world, book_id, at, write)

            assert verifier.findings == [], at


# -- and what is wrong stays wrong ---------------------------------------------------------------------------------


def shelf(busy: Busy, of: type) -> Any:
    store: Any = busy.world.store
    return store._data.shelves[of]


@pytest.mark.parametrize("at", range(8))
def test_a_forged_event_is_found_though_others_are_written_meanwhile(at: int):
    busy = Busy()
    forged = replace(busy.root, decision=Decision.FAILED)
    shelf(busy, Event).put(forged)
    verifier, _ = inspect(busy.world, busy.id, at, busy.authorize)

    assert [(one.what, busy.root.id in one.detail) for one in verifier.findings] == [("EVENT", True)]


def test_an_event_that_went_back_to_what_it_was_before_the_reading_is_found():
    busy = Busy()
    before = next(one for one in shelf(busy, Event).rows.values() if one.id == busy.held.id)
    busy.world.confirm(busy.held, 20)
    shelf(busy, Event).put(before)
    verifier, _ = inspect(busy.world, busy.id, 3, busy.authorize)

    assert [one.what for one in verifier.findings] == ["EVENT"]


def test_an_entry_beyond_the_head_is_found():
    busy = Busy()
    store: Any = busy.world.store
    entries: list[SealedEntry] = store._data.books[busy.id]
    last = entries[-1]
    entries.append(seal(replace(last.entry, seq=last.entry.seq + 1, prev=last.hash)))
    verifier, _ = inspect(busy.world, busy.id, READS_MAX, lambda: None)

    assert "BUDGET" in [one.what for one in verifier.findings]


def test_an_event_that_is_lost_is_found_though_others_are_written_meanwhile():
    busy = Busy()
    shelf(busy, Event).rows.pop(busy.held.id)
    for members in shelf(busy, Event)._named["budget"].values():
        members.pop(busy.held.id, None)
    verifier, _ = inspect(busy.world, busy.id, 3, busy.authorize)

    assert [one.what for one in verifier.findings] == ["EVENT"]
    assert "not in the store" in verifier.findings[0].detail


def test_a_subscription_that_goes_while_it_is_inspected_is_found():
    details: set[str] = set()
    for at in range(READS_MAX):
        world = World()
        book_id = subscribe(world)[0].subscription.id
        store: Any = world.store
        verifier, reads = inspect(world, book_id, at, lambda data=store._data: data.shelves[Subscription].rows.clear())
        if at >= reads:
            assert () == verifier.view().findings
            break
        details.update(finding.detail for finding in verifier.findings)

    assert {"the subscription exists only in the entries"} <= details
