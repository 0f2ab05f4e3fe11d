"""
Time: holds end at every level at once, late settlements are never lost, and a clock that jumps harms nothing.
"""

from __future__ import annotations

from typing import Any

import pytest

from figuard.domain import commands as c
from figuard.domain import questions as q
from figuard.domain.amounts import quanta
from figuard.domain.budget import Balance, OveragePolicy
from figuard.domain.codes import Denial, ErrorCode
from figuard.domain.events import Decision
from figuard.domain.replies import SweepReply
from figuard.domain.velocity import VelocityLimits
from tests.builders import World, allocation, cap
from tests.unit.domain.made import refusal
from tests.unit.engine.tools import contents, entry_kinds, fingerprinted, heard, listen, present, subscribe

SECOND = 10**6
DAY = 86_400 * SECOND


def sweep(world: World, budget: Any) -> SweepReply:
    reply: SweepReply = world.order(c.SweepBudget(budget.budget.id))
    return reply


def test_a_hold_ends_at_every_level_at_once():
    world = World()
    _, item = subscribe(world)
    budget = world.budget(100, item_id=item.id, allocations=(allocation("food", 100),))
    root = world.authorize(budget, 1, "root", category="food", max_subtree=100).event
    token = world.delegate(budget, "agent", cap("food", 100))
    world.authorize(token.secret, 60, "k", category="food", parent_event_id=root.id)
    world.confirm(root, 0)
    world.clock.advance("5m")
    stored = world.stored(budget)

    assert {Balance()} == {
        stored.funds.balance,
        stored.funds.allocations[0].balance,
        world.ask(q.GetDelegation(token.token.id)).token.caps[0].balance,
        world.ask(q.GetItem(item.subscription_id, item.id)).item.balance,
        present(world, root).standing.subtree,
    }
    world.judge(budget)


@pytest.mark.parametrize(("seconds", "decision"), [(1, Decision.DENIED), (2, Decision.AUTHORIZED)])
def test_what_a_hold_took_is_free_from_the_moment_it_ends(seconds: int, decision: Decision):
    world = World()
    budget = world.budget(100, authorization_expiry_seconds=2)
    world.authorize(budget, 90, "a")
    world.clock.advance(seconds)

    assert decision is world.authorize(budget, 50, "b").event.decision


def test_an_event_whose_hold_ended_still_reads_as_authorized():
    world = World()
    budget = world.budget(100, authorization_expiry_seconds=2)
    event = world.authorize(budget, 90).event
    world.clock.advance(3)
    sweep(world, budget)

    assert (Decision.AUTHORIZED, 0) == ((now := present(world, event)).decision, now.standing.held)


def test_looking_at_a_budget_is_enough_to_end_its_holds():
    world = World()
    budget = world.budget(100)
    world.authorize(budget, 90)
    world.clock.advance("5m")

    assert Balance() == world.stored(budget).funds.balance
    assert "HOLD_EXPIRED" in entry_kinds(world, budget.budget.id)


def test_the_end_of_a_hold_is_recorded_by_the_clock():
    world = World()
    budget = world.budget(100)
    world.authorize(budget, 90)
    world.clock.advance("5m")
    sweep(world, budget)
    store: Any = world.store

    assert "clock" == store._data.books[budget.budget.id][-1].entry.actor


def test_holds_end_one_by_one_as_their_time_comes():
    world = World()
    budget = world.budget(100)
    for n in range(5):
        world.authorize(budget, 10, f"k{n}")
        world.clock.advance("1m")
    reserved = list[int]()
    for _ in range(6):
        reserved.append(world.stored(budget).funds.balance.reserved // 10**8)
        world.clock.advance("1m")

    assert [40, 30, 20, 10, 0, 0] == reserved


# -- late settlements ----------------------------------------------------------------------------------------------


class Late:
    """A budget of 100 with an ended hold of 60, of which another event has taken so much in the meantime."""

    def __init__(self, taken: int = 0, **fields: Any) -> None:
        self.world = World()
        self.budget = self.world.budget(100, **fields)
        self.event = self.world.authorize(self.budget, 60, "late").event
        self.world.clock.advance("5m")
        sweep(self.world, self.budget)
        if taken:
            self.world.confirm(self.world.authorize(self.budget, taken, "other").event, taken)


@pytest.mark.parametrize(("taken", "code"), [(40, None), (41, ErrorCode.AUTHORIZATION_EXPIRED)])
def test_a_late_confirmation_is_booked_when_it_fits(taken: int, code: ErrorCode | None):
    late = Late(taken)

    assert code is refusal(late.world.confirm, late.event, 60)
    assert quanta(taken + (0 if code else 60)) == late.world.stored(late.budget).funds.balance.spent
    late.world.judge(late.budget)


def test_a_late_confirmation_of_money_that_moved_is_booked_whatever_the_limit():
    late = Late(90)
    listen(late.world, "BUDGET_OVERDRAWN")
    late.world.confirm(late.event, 60, money_moved=True)

    assert -quanta(50) == late.world.stored(late.budget).available()
    assert ["BUDGET_OVERDRAWN"] == heard(late.world)
    assert Denial.INSUFFICIENT_FUNDS is late.world.authorize(late.budget, 1, "new").event.verdict.denial
    late.world.judge(late.budget)


def test_a_timed_out_event_can_still_be_confirmed():
    late = Late()
    assert Decision.VOIDED is present(late.world, late.event).decision

    assert Decision.CONFIRMED is late.world.confirm(late.event, 60).event.decision
    late.world.judge(late.budget)


def test_a_timed_out_event_can_still_fail():
    late = Late()

    assert Decision.FAILED is late.world.fail(late.event).event.decision


def test_a_late_refusal_changes_nothing():
    late = Late(90)
    before = contents(late.world)
    refusal(late.world.confirm, late.event, 60)

    assert before == contents(late.world)


def test_an_ended_hold_is_extended_when_it_fits():
    world = World()
    budget = world.budget(100, authorization_expiry_seconds=2)
    event = world.authorize(budget, 60).event
    world.clock.advance(3)
    world.order(c.ExtendHold(event.id, 60))

    assert (0, quanta(60)) == fingerprinted(world, budget)
    world.judge(budget)


def test_an_ended_hold_that_was_taken_by_another_is_not_extended():
    world = World()
    budget = world.budget(100, authorization_expiry_seconds=2)
    event = world.authorize(budget, 60, "a").event
    world.clock.advance(3)
    world.authorize(budget, 60, "b")

    assert ErrorCode.AUTHORIZATION_EXPIRED is refusal(world.order, c.ExtendHold(event.id, 60))


def test_an_extended_hold_ends_later():
    world = World()
    budget = world.budget(100)
    event = world.authorize(budget, 60).event
    world.order(c.ExtendHold(event.id, 3600))
    world.clock.advance("59m")
    assert (0, quanta(60)) == fingerprinted(world, budget)
    world.clock.advance("1m")

    assert (0, 0) == fingerprinted(world, budget)


# -- clocks --------------------------------------------------------------------------------------------------------


def test_a_clock_set_back_does_not_make_the_books_run_backwards():
    world = World()
    budget = world.budget(100)
    world.authorize(budget, 10, "a")
    world.clock.set("2029-06-01T00:00:00Z")
    late = world.authorize(budget, 10, "b").event
    store: Any = world.store
    times = [sealed.entry.at for sealed in store._data.books[budget.budget.id]]

    assert sorted(times) == times
    assert late.created_at == times[-1]
    world.judge(budget)


def test_a_clock_set_back_ends_no_hold_early_and_none_late():
    world = World()
    budget = world.budget(100)
    world.authorize(budget, 60, "a")
    world.clock.advance("4m")
    world.authorize(budget, 1, "b")
    world.clock.set("2029-06-01T00:00:00Z")
    assert Decision.DENIED is world.authorize(budget, 60, "c").event.decision
    world.clock.set("2030-01-01T00:05:00Z")

    assert Decision.AUTHORIZED is world.authorize(budget, 60, "c").event.decision
    world.judge(budget)


def test_a_clock_set_back_does_not_empty_a_velocity_window():
    world = World()
    budget = world.budget(velocity=VelocityLimits(per_minute=1))
    world.authorize(budget, 1, "a")
    world.clock.set("2029-06-01T00:00:00Z")

    assert Denial.VELOCITY_LIMIT_EXCEEDED is world.authorize(budget, 1, "b").event.verdict.denial


def test_overdraft_policies_hold_for_late_confirmations_too():
    late = Late(90, overage=OveragePolicy.ALLOW_WITH_OVERDRAFT, overdraft_limit=quanta(50))

    assert (None, -quanta(50)) == (
        refusal(late.world.confirm, late.event, 60),
        late.world.stored(late.budget).available(),
    )
