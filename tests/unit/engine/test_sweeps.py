"""
Sweeps: what time alone makes happen to events and budgets that nobody asks, and to outcomes that nobody knows.
"""

from __future__ import annotations

from typing import Any

import pytest

from figuard.domain import commands as c
from figuard.domain.amounts import quanta
from figuard.domain.budget import UnknownOutcomePolicy
from figuard.domain.codes import Denial, ErrorCode
from figuard.domain.events import Decision
from figuard.domain.replies import SweepReply
from figuard.engine.sweeper import sweep as sweep_all
from tests.builders import World, spend
from tests.unit.domain.made import refusal
from tests.unit.engine.tools import contents, fingerprinted, heard, listen, present

SECOND = 10**6
DAY = 86_400 * SECOND


def sweep(world: World, budget: Any) -> SweepReply:
    reply: SweepReply = world.order(c.SweepBudget(budget.budget.id))
    return reply


# -- sweeps --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("expiry", "at", "voided"), [(2, 299, 0), (2, 300, 1), (600, 599, 0), (600, 600, 1)])
def test_an_event_nobody_settles_is_voided_after_five_minutes_or_its_longer_hold(expiry: int, at: int, voided: int):
    world = World()
    budget = world.budget(100, authorization_expiry_seconds=expiry)
    event = world.authorize(budget, 60).event
    world.clock.advance(at)

    assert voided == sweep(world, budget).voided
    assert (voided == 1) is present(world, event).timed_out
    world.judge(budget)


def test_a_time_out_is_told():
    world = World()
    listen(world)
    budget = world.budget(100)
    world.authorize(budget, 10)
    world.clock.advance("5m")
    sweep(world, budget)

    assert ["SPEND_VOIDED"] == heard(world)


def test_sweeping_twice_does_nothing_twice():
    world = World()
    budget = world.budget(100)
    world.authorize(budget, 60)
    world.clock.advance("5m")
    sweep(world, budget)
    before = contents(world)

    assert (SweepReply(), before) == (sweep(world, budget), contents(world))


def test_two_sweeps_in_one_batch_void_once():
    world = World()
    budget = world.budget(100)
    world.authorize(budget, 60)
    world.clock.advance("5m")
    order = c.Order(c.SweepBudget(budget.budget.id), "", "test")
    one, other = world.engine.commit([order, order])

    assert (SweepReply(holds_ended=1, voided=1), SweepReply()) == (one, other)


def test_a_confirmation_in_the_same_batch_comes_before_the_sweep_or_after_it():
    world = World()
    budget = world.budget(100)
    event = world.authorize(budget, 60).event
    world.clock.advance("5m")
    tenant = budget.budget.tenant_id
    confirm, tidy = c.Confirm(event.id, quanta(60)), c.SweepBudget(budget.budget.id)
    world.engine.commit([c.Order(confirm, tenant, "test"), c.Order(tidy, tenant, "test")])

    assert Decision.CONFIRMED is present(world, event).decision
    world.judge(budget)


def test_a_marker_is_never_voided_by_time():
    world = World()
    budget = world.budget(100)
    event = world.authorize(budget, 60, reserve=False).event
    world.clock.advance("30d")

    assert (0, Decision.AUTHORIZED) == (sweep(world, budget).voided, present(world, event).decision)


def test_a_budget_announces_its_end_once_and_again_after_an_extension():
    world = World()
    listen(world, "BUDGET_EXPIRING_SOON")
    budget = world.budget(100, expires_at=world.clock.now() + 2 * 3600 * SECOND)
    notices = [sweep(world, budget).notices]
    world.clock.advance("61m")
    notices += [sweep(world, budget).notices for _ in range(2)]
    world.order(c.ExtendBudget(budget.budget.id, world.clock.now() + 1800 * SECOND + 1800 * SECOND))
    notices.append(sweep(world, budget).notices)

    assert [0, 1, 0, 1] == notices
    assert ["BUDGET_EXPIRING_SOON"] * 2 == heard(world)


@pytest.mark.parametrize("end", ["cancelled", "over"])
def test_a_budget_that_ended_announces_nothing(end: str):
    world = World()
    budget = world.budget(100, expires_at=world.clock.now() + 60 * SECOND)
    if end == "cancelled":
        world.order(c.Cancel(budget.budget.id))
    else:
        world.clock.advance("1h")

    assert 0 == sweep(world, budget).notices


def test_a_budget_that_expired_unused_says_so_once():
    world = World()
    listen(world, "BUDGET_EXPIRED_UNUSED")
    budget = world.budget(100, unused_expiry_seconds=900)
    world.clock.advance("16m")

    assert [1, 0] == [sweep(world, budget).notices for _ in range(2)]
    assert ["BUDGET_EXPIRED_UNUSED"] == heard(world)


@pytest.mark.parametrize("life", [None, 30 * DAY])
def test_a_sweep_finds_a_budget_that_nobody_used(life: int | None):
    world = World()
    listen(world, "BUDGET_EXPIRED_UNUSED")
    expires_at = None if life is None else world.clock.now() + life
    world.budget(100, unused_expiry_seconds=900, expires_at=expires_at)
    world.clock.advance("16m")

    assert [1, 0] == [sweep_all(world.engine).notices for _ in range(2)]
    assert ["BUDGET_EXPIRED_UNUSED"] == heard(world)


def test_a_budget_that_expired_unused_stays_expired_whoever_asks():
    world = World()
    budget = world.budget(100, unused_expiry_seconds=900)
    world.clock.advance("16m")
    denials = [world.authorize(budget, 1, key).event.verdict.denial for key in "ab"]

    assert [Denial.BUDGET_EXPIRED] * 2 == denials
    world.judge(budget)


def test_a_sweep_of_an_unknown_budget_is_refused():
    assert ErrorCode.NOT_FOUND is refusal(World().order, c.SweepBudget("nobody"))


# -- unknown outcomes ----------------------------------------------------------------------------------------------


def unknown(policy: UnknownOutcomePolicy, seconds: int | None = 3600) -> tuple[World, Any, str]:
    world = World()
    budget = world.budget(100, unknown_outcome=policy, unknown_outcome_seconds=seconds)
    event = world.authorize(budget, 60).event
    world.order(c.MarkUnknown(event.id, "TIMEOUT"))
    return world, budget, event.id


def test_an_unknown_outcome_is_held_past_its_expiry():
    world, budget, event = unknown(UnknownOutcomePolicy.HOLD)
    world.clock.advance("30d")
    sweep(world, budget)

    assert (0, quanta(60)) == fingerprinted(world, budget)
    assert (Decision.AUTHORIZED, True) == ((e := present(world, event)).decision, e.outcome.unknown)


@pytest.mark.parametrize(
    ("policy", "decision", "spent"),
    [(UnknownOutcomePolicy.CONFIRM, Decision.CONFIRMED, 60), (UnknownOutcomePolicy.VOID, Decision.VOIDED, 0)],
)
def test_the_deadline_settles_as_the_policy_says(policy: UnknownOutcomePolicy, decision: Decision, spent: int):
    world, budget, event = unknown(policy)
    world.clock.advance("59m")
    assert (0, quanta(60)) == fingerprinted(world, budget)
    world.clock.advance("1m")

    assert (quanta(spent), 0) == fingerprinted(world, budget)
    assert decision is present(world, event).decision
    world.judge(budget)


def test_the_deadline_books_in_full_even_when_that_overdraws():
    world, budget, event = unknown(UnknownOutcomePolicy.CONFIRM)
    world.order(c.RecordExternal(budget.budget.id, spend(90, "outside")))
    world.clock.advance("1h")

    assert (quanta(150), 0) == fingerprinted(world, budget)
    assert Decision.CONFIRMED is present(world, event).decision


@pytest.mark.parametrize("settle", ["confirm", "fail", "void"])
def test_an_unknown_outcome_is_reconciled_by_hand(settle: str):
    world, budget, event = unknown(UnknownOutcomePolicy.HOLD)
    getattr(world, settle)(event, *([60] if settle == "confirm" else []))

    assert (quanta(60 if settle == "confirm" else 0), 0) == fingerprinted(world, budget)
    world.judge(budget)


def test_marking_twice_is_harmless():
    world, _, event = unknown(UnknownOutcomePolicy.HOLD)
    before = contents(world)
    world.order(c.MarkUnknown(event, "TIMEOUT"))

    assert before == contents(world)


def test_an_extension_does_not_end_a_hold_of_unknown_outcome():
    world, budget, event = unknown(UnknownOutcomePolicy.HOLD, None)
    world.order(c.ExtendHold(event, 60))
    world.clock.advance("1d")
    sweep(world, budget)

    assert (0, quanta(60)) == fingerprinted(world, budget)
