"""
Anomalies and velocity in the engine: what is usual is learnt with each confirmation, and an outlier stops the budget.
"""

from __future__ import annotations

from typing import Any

import pytest

from figuard.domain import commands as c
from figuard.domain.amounts import quanta
from figuard.domain.anomaly import AnomalyPolicy, Baseline
from figuard.domain.budget import Status
from figuard.domain.codes import Denial
from figuard.domain.events import Decision
from figuard.domain.replies import AuthorizeReply, BudgetReply
from figuard.domain.velocity import VelocityLimits
from tests.builders import World, spend
from tests.unit.engine.tools import contents, entry_kinds, heard, listen


class Usual:
    """A budget on which two payments of ten were confirmed; thirty is the most that is usual."""

    def __init__(self, **fields: Any) -> None:
        self.world = World()
        rule = AnomalyPolicy(enabled=True, min_samples=2, **fields)
        self.budget: BudgetReply = self.world.budget(1000, anomaly=rule)
        for key in "ab":
            self.world.confirm(self.ask(10, key).event, 10)

    def ask(self, quantity: int, key: str) -> AuthorizeReply:
        return self.world.authorize(self.budget, quantity, key)

    @property
    def baseline(self) -> Baseline:
        return self.world.stored(self.budget).counters.baseline


def test_an_outlier_is_denied_and_pauses_the_budget_in_one_transaction():
    usual = Usual()
    denied = usual.ask(31, "outlier").event

    assert Denial.ANOMALY_DETECTED is denied.verdict.denial
    assert Status.PAUSED is usual.world.stored(usual.budget).status
    assert ["BUDGET_PAUSED", "DENIED"] == entry_kinds(usual.world, usual.budget.budget.id)[-2:]
    usual.world.judge(usual.budget)


def test_a_repeat_of_the_outlier_gets_its_own_denial_while_the_budget_is_paused():
    usual = Usual()
    first = usual.ask(31, "outlier")
    before = contents(usual.world)
    again = usual.ask(31, "outlier")

    assert (first.event, True, before) == (again.event, again.replayed, contents(usual.world))


def test_everything_else_is_denied_while_the_budget_is_paused():
    usual = Usual()
    usual.ask(31, "outlier")

    assert Denial.BUDGET_PAUSED is usual.ask(1, "small").event.verdict.denial


def test_after_it_was_resumed_the_outlier_is_looked_at_again():
    usual = Usual()
    usual.ask(31, "outlier")
    usual.world.order(c.Resume(usual.budget.budget.id, "checked"))
    again = usual.ask(31, "outlier")

    assert (Denial.ANOMALY_DETECTED, False, 2) == (again.event.verdict.denial, again.replayed, again.event.attempt)
    assert Status.PAUSED is usual.world.stored(usual.budget).status


def test_an_outlier_need_not_pause_the_budget():
    usual = Usual(auto_pause=False)
    usual.ask(31, "outlier")

    assert Status.ACTIVE is usual.world.stored(usual.budget).status
    assert Decision.AUTHORIZED is usual.ask(30, "usual").event.decision


def test_an_outlier_that_does_not_pause_is_repeated_with_the_same_answer():
    usual = Usual(auto_pause=False)
    first = usual.ask(31, "outlier")

    assert first.event == usual.ask(31, "outlier").event


def test_the_pause_and_the_anomaly_are_told_in_this_order():
    usual = Usual()
    listen(usual.world)
    usual.ask(31, "outlier")

    assert ["BUDGET_PAUSED", "ANOMALY_DETECTED"] == heard(usual.world)


def test_what_is_usual_is_learnt_from_the_confirmed_amount_in_the_same_transaction():
    usual = Usual()
    usual.world.confirm(usual.ask(30, "c").event, 16)

    assert Baseline(3, quanta(36), quanta(10), quanta(16)) == usual.baseline
    assert Decision.AUTHORIZED is usual.ask(36, "at once").event.decision


@pytest.mark.parametrize("settle", ["fail", "void"])
def test_what_was_not_paid_teaches_nothing(settle: str):
    usual = Usual()
    getattr(usual.world, settle)(usual.ask(30, "c").event)

    assert 2 == usual.baseline.count


def test_spending_outside_teaches_nothing():
    usual = Usual()
    usual.world.order(c.RecordExternal(usual.budget.budget.id, spend(500, "outside")))

    assert 2 == usual.baseline.count


def test_a_repeated_confirmation_teaches_nothing_twice():
    usual = Usual()
    event = usual.ask(30, "c").event
    for _ in range(3):
        usual.world.confirm(event, 30)

    assert 3 == usual.baseline.count


# -- velocity ------------------------------------------------------------------------------------------------------


def asked(world: World, budget: BudgetReply, *quantities: int) -> list[Denial | None]:
    """Ask for these amounts one after the other; return each denial."""
    return [
        world.authorize(budget, quantity, f"{n}: {quantity} at {world.clock.now()}").event.verdict.denial
        for n, quantity in enumerate(quantities)
    ]


FULL = Denial.VELOCITY_LIMIT_EXCEEDED


@pytest.mark.parametrize(
    ("limits", "quantities", "expected"),
    [
        (VelocityLimits(per_minute=2), (1, 1, 1), [None, None, FULL]),
        (VelocityLimits(per_day=2), (1, 1, 1), [None, None, FULL]),
        (VelocityLimits(amount_per_hour=quanta(10)), (6, 6, 4, 1), [None, FULL, None, FULL]),
    ],
)
def test_a_window_is_filled_and_then_denies(limits: VelocityLimits, quantities: tuple[int, ...], expected: list[Any]):
    world = World()

    assert expected == asked(world, world.budget(velocity=limits), *quantities)


def test_one_absurd_request_does_not_block_an_hour():
    world = World()
    budget = world.budget(100, velocity=VelocityLimits(amount_per_hour=quanta(50)))

    assert [Denial.VELOCITY_LIMIT_EXCEEDED, None] == asked(world, budget, 10**6, 50)


def test_denied_requests_count_as_requests():
    world = World()
    budget = world.budget(10, velocity=VelocityLimits(per_minute=2))

    assert [Denial.INSUFFICIENT_FUNDS, Denial.INSUFFICIENT_FUNDS, FULL] == asked(world, budget, 11, 11, 1)


def test_spending_outside_counts_as_a_request_and_with_its_amount():
    world = World()
    budget = world.budget(velocity=VelocityLimits(per_minute=2, amount_per_hour=quanta(20)))
    world.order(c.RecordExternal(budget.budget.id, spend(15, "outside")))

    assert [FULL, FULL] == asked(world, budget, 6, 1)


def test_an_amount_stays_counted_after_it_was_voided():
    world = World()
    budget = world.budget(velocity=VelocityLimits(amount_per_hour=quanta(20)))
    world.void(world.authorize(budget, 20, "voided").event)

    assert [FULL] == asked(world, budget, 1)


def test_a_denial_says_from_when_a_request_would_pass_and_then_it_does():
    world = World()
    budget = world.budget(velocity=VelocityLimits(per_minute=1))
    world.authorize(budget, 1, "a")
    retry_at = world.authorize(budget, 1, "b").event.verdict.retry_at
    assert retry_at is not None
    world.clock.advance((retry_at - world.clock.now()) // 10**6)

    assert [None] == asked(world, budget, 1)


def test_a_loop_of_velocity_denials_is_told_once_per_window():
    world = World()
    listen(world)
    budget = world.budget(velocity=VelocityLimits(per_minute=1))
    asked(world, budget, 1, 1, 1, 1)
    world.clock.advance(61)
    asked(world, budget, 1, 1)

    assert [FULL, FULL] == heard(world)


def test_a_loop_of_requests_that_can_never_pass_is_told_once_an_hour():
    world = World()
    listen(world)
    budget = world.budget(velocity=VelocityLimits(amount_per_hour=quanta(5)))
    asked(world, budget, 6, 6, 6)
    world.clock.advance("1h")
    asked(world, budget, 6, 6)

    assert [FULL, FULL] == heard(world)


def test_a_patched_limit_counts_from_now_on():
    world = World()
    budget = world.budget()
    asked(world, budget, 1, 1, 1)
    world.order(c.UpdateBudget(budget.budget.id, c.PolicyPatch(velocity_per_minute=2)))

    assert [None, None, FULL] == asked(world, budget, 2, 2, 2)
