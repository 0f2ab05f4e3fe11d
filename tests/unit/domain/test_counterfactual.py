"""
Counterfactual: under the policy that was, nothing differs; under another one, the right requests do.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from figuard.domain import commands as c
from figuard.domain import questions as q
from figuard.domain.amounts import quanta
from figuard.domain.anomaly import AnomalyPolicy
from figuard.domain.budget import Allocation
from figuard.domain.codes import Denial
from figuard.domain.entitlements import RenewalPeriod
from figuard.domain.events import Decision
from figuard.domain.questions import Hypothesis
from figuard.domain.replies import BudgetReply
from figuard.domain.velocity import VelocityLimits
from figuard.domain.views import CounterfactualView
from tests.builders import World, allocation, cap, spend
from tests.unit.domain.lives import LIVES, Life, Step
from tests.unit.domain.made import later

Differences = dict[str, Denial | None]


def compared(world: World, budget: BudgetReply, hypothesis: Hypothesis, **fields: Any) -> CounterfactualView:
    view: CounterfactualView = world.ask(q.Counterfactual(budget.budget.id, hypothesis, **fields))
    return view


def differing(world: World, budget: BudgetReply, **hypothesis: Any) -> Differences:
    """Return the keys that would have been answered differently, each with the reason it would have been denied for."""
    view = compared(world, budget, Hypothesis(**hypothesis))
    return {difference.event.spend.key: difference.reason for difference in view.differences}


def asked(world: World, budget: BudgetReply, *quantities: int, **fields: Any) -> list[str]:
    """Ask for these amounts under the keys a, b, c … and return the ids of the events."""
    return [
        world.authorize(budget, quantity, "abcdefgh"[n], **fields).event.id for n, quantity in enumerate(quantities)
    ]


@pytest.mark.timeout(300)  # `make full` tries two thousand lives
@given(LIVES)
def test_under_the_policy_that_was_nothing_differs(steps: list[Step]):
    life = Life().live(*steps)
    view = compared(life.world, life.budget, Hypothesis())

    assert ((), view.actual) == (view.differences, view.hypothetical)


def test_under_a_lower_limit_the_requests_beyond_it_are_denied():
    world = World()
    budget = world.budget(100)
    asked(world, budget, 30, 30, 30)

    assert {"b": Denial.INSUFFICIENT_FUNDS, "c": Denial.INSUFFICIENT_FUNDS} == differing(
        world, budget, limit=quanta(50)
    )


def test_what_a_denial_would_have_saved_is_there_for_the_next_request():
    world = World()
    budget = world.budget(100)
    asked(world, budget, 30, 30, 20)

    assert {"b": Denial.INSUFFICIENT_FUNDS} == differing(world, budget, limit=quanta(50))


def test_under_a_higher_limit_what_was_denied_is_authorized():
    world = World()
    budget = world.budget(50)
    asked(world, budget, 30, 30)

    assert {"b": None} == differing(world, budget, limit=quanta(100))


def test_what_only_the_hypothesis_authorizes_is_taken_to_be_spent():
    world = World()
    budget = world.budget(50)
    asked(world, budget, 30, 30, 30)
    view = compared(world, budget, Hypothesis(limit=quanta(60)))

    assert (quanta(30), 1, 2) == (view.hypothetical.spent, view.hypothetical.denied, view.actual.denied)


def test_a_marker_that_only_the_hypothesis_authorizes_is_not_spent():
    world = World()
    budget = world.budget(10)
    asked(world, budget, 30, reserve=False)
    view = compared(world, budget, Hypothesis(limit=quanta(100)))

    assert (1, 0) == (view.hypothetical.authorized, view.hypothetical.spent)


def test_a_settlement_frees_the_same_amount_in_both_worlds():
    world = World()
    budget = world.budget(100)
    (first,) = asked(world, budget, 50)
    world.confirm(first, 10)
    world.authorize(budget, 40, "late")

    assert {} == differing(world, budget, limit=quanta(50))


@pytest.mark.parametrize(
    ("hypothesis", "expected"),
    [
        ({"max_transaction": quanta(20)}, {"b": Denial.EXCEEDS_QUANTITY_LIMIT}),
        ({"velocity_per_minute": 2}, {"c": Denial.VELOCITY_LIMIT_EXCEEDED}),
        ({"velocity_per_day": 1}, {"b": Denial.VELOCITY_LIMIT_EXCEEDED, "c": Denial.VELOCITY_LIMIT_EXCEEDED}),
        ({"velocity_amount_per_hour": quanta(20)}, {"b": Denial.VELOCITY_LIMIT_EXCEEDED}),
        ({}, {}),
    ],
)
def test_each_rule_of_a_hypothesis_is_tried(hypothesis: dict[str, int], expected: Differences):
    world = World()
    budget = world.budget(100)
    asked(world, budget, 10, 30, 5)

    assert expected == differing(world, budget, **hypothesis)


def anomalous(**fields: Any) -> tuple[World, BudgetReply]:
    """Return a budget that took one payment for usual and a second one for an anomaly, and was asked once more."""
    world = World()
    budget = world.budget(1000, anomaly=AnomalyPolicy(enabled=True, min_samples=1, **fields))
    world.confirm(world.authorize(budget, 10, "a").event, 10)
    asked(world, budget, 10, 100, 1)
    return world, budget


@pytest.mark.parametrize("auto_pause", [True, False])
def test_an_anomaly_and_its_pause_happen_in_both_worlds(auto_pause: bool):
    world, budget = anomalous(auto_pause=auto_pause)

    assert {} == differing(world, budget)


def test_without_the_anomaly_rule_there_is_no_pause_either():
    world, budget = anomalous()

    assert {"b": None, "c": None} == differing(world, budget, anomaly_enabled=False)


def test_an_operators_pause_and_resumption_happen_in_both_worlds():
    world = World()
    budget = world.budget(100)
    world.order(c.UpdateBudget(budget.budget.id, c.PolicyPatch(paused=True)))
    world.authorize(budget, 10, "paused")
    world.order(c.Resume(budget.budget.id, "r"))
    world.authorize(budget, 10, "resumed")

    assert {"paused": Decision.DENIED, "resumed": Decision.AUTHORIZED} == {
        event.spend.key: event.decision for event in world.ask(q.Timeline(budget.budget.id)).events
    }
    assert {} == differing(world, budget)


@pytest.mark.parametrize(("limit", "expected"), [(50, {"b": Denial.INSUFFICIENT_FUNDS}), (55, {})])
def test_funds_are_added_to_the_other_limit_too(limit: int, expected: Differences):
    world = World()
    budget = world.budget(100)
    world.order(c.Fund(budget.budget.id, c.FundingOperation.CREDIT, quanta(15)))
    asked(world, budget, 60, 10)

    assert expected == differing(world, budget, limit=quanta(limit))


def test_other_allocations_are_tried_each_on_its_own():
    world = World()
    budget = world.budget(100)
    for n, category in enumerate(("food", "travel", "food", "toys")):
        world.authorize(budget, 10, f"{category} {n}", category=category)
    parts: tuple[Allocation, ...] = (allocation("food", 10), allocation("travel", 10))

    assert {"food 2": Denial.ALLOCATION_EXHAUSTED, "toys 3": Denial.NO_MATCHING_ALLOCATION} == differing(
        world, budget, allocations=parts
    )


def test_external_spending_leaves_both_worlds():
    world = World()
    budget = world.budget(100)
    world.order(c.RecordExternal(budget.budget.id, spend(45, "outside")))
    asked(world, budget, 10)
    view = compared(world, budget, Hypothesis(limit=quanta(50)))

    assert [Denial.INSUFFICIENT_FUNDS] == [difference.reason for difference in view.differences]
    assert (quanta(45), quanta(45)) == (view.actual.spent, view.hypothetical.spent)


def test_a_refund_after_spending_was_reset_harms_nothing():
    world = World()
    budget = world.budget(100)
    (event,) = asked(world, budget, 50)
    world.confirm(event, 50)
    world.order(c.Fund(budget.budget.id, c.FundingOperation.RESET_SPENT, quanta(100)))
    world.order(c.Refund(event, quanta(20), "r"))

    assert {} == differing(world, budget, limit=quanta(60))


def test_a_quotas_refusal_stands_whatever_the_hypothesis():
    world = World()
    new = c.NewItem("calls", "call", quanta(15), RenewalPeriod.MONTHLY)
    item = world.order(c.CreateSubscription("s", "n", RenewalPeriod.MONTHLY, items=(new,))).items[0]
    budget = world.budget(100, item_id=item.id)
    asked(world, budget, 10, 10)

    assert {} == differing(world, budget, limit=quanta(1000))
    assert {"a": Denial.EXCEEDS_QUANTITY_LIMIT} == differing(world, budget, max_transaction=quanta(5))


def test_a_delegated_request_is_tried_with_its_caps():
    world = World()
    budget = world.budget(100)
    token = world.delegate(budget, "agent", cap("food", 25))
    for key in "abc":
        world.authorize(token.secret, 10, key, category="food")

    assert {} == differing(world, budget)
    assert {"b": Denial.INSUFFICIENT_FUNDS} == differing(world, budget, limit=quanta(15))


def test_an_entity_that_the_other_world_denied_is_free_there():
    world = World()
    budget = world.budget(100, entity_dedup=True)
    world.authorize(budget, 50, "a", entity_id="order")
    world.authorize(budget, 10, "b", entity_id="order")

    assert {"a": Denial.EXCEEDS_QUANTITY_LIMIT, "b": None} == differing(world, budget, max_transaction=quanta(20))


def test_a_child_of_what_the_other_world_denied_is_a_root_there():
    world = World()
    budget = world.budget(100)
    (parent,) = asked(world, budget, 50)
    world.authorize(budget, 10, "child", parent_event_id=parent)

    assert {"a": Denial.EXCEEDS_QUANTITY_LIMIT} == differing(world, budget, max_transaction=quanta(20))


def test_the_cap_of_a_chain_holds_in_both_worlds():
    world = World()
    budget = world.budget(100)
    root = world.authorize(budget, 10, "root", max_subtree=30).event
    for key in "abc":
        world.authorize(budget, 10, key, parent_event_id=root.id)

    assert {} == differing(world, budget)
    assert {
        "a": Denial.EXCEEDS_QUANTITY_LIMIT,
        "b": Denial.EXCEEDS_QUANTITY_LIMIT,
        "root": Denial.EXCEEDS_QUANTITY_LIMIT,
    } == differing(world, budget, max_transaction=quanta(9))


def test_only_the_window_is_counted_and_all_of_it_is_lived():
    world = World()
    budget = world.budget(100)
    for key in ("before", "within", "after"):
        world.clock.advance(60)
        world.authorize(budget, 30, key)
    view = compared(world, budget, Hypothesis(limit=quanta(30)), since=later(100), until=later(150))

    assert (["within"], 1, 1) == (
        [difference.event.spend.key for difference in view.differences],
        view.actual.authorized,
        view.hypothetical.denied,
    )


def test_a_counterfactual_without_a_window_looks_back_thirty_days():
    world = World()
    budget = world.budget(100, policy=None)
    asked(world, budget, 30)
    world.clock.advance("31d")

    assert {} == differing(world, budget, limit=quanta(10))
    assert 1 == len(compared(world, budget, Hypothesis(limit=quanta(10)), since=0).differences)


def test_a_patch_of_the_rules_is_overlaid_by_the_hypothesis():
    world = World()
    budget = world.budget(100, velocity=VelocityLimits(per_minute=1))
    world.order(c.UpdateBudget(budget.budget.id, c.PolicyPatch(velocity_per_minute=5, max_transaction=quanta(50))))
    asked(world, budget, 10, 60)

    assert {"a": Denial.EXCEEDS_QUANTITY_LIMIT} == differing(world, budget, max_transaction=quanta(5))


def test_the_name_of_the_manifest_comes_back():
    world = World()

    assert "v7" == compared(world, world.budget(), Hypothesis(), manifest_version="v7").manifest_version


def test_what_was_spent_before_the_window_is_lived_and_not_counted():
    world = World()
    budget = world.budget(100)
    event = world.authorize(budget, 30, "before").event
    world.order(c.RecordExternal(budget.budget.id, spend(20, "outside")))
    world.confirm(event, 30)
    world.clock.advance(60)
    world.authorize(budget, 30, "within")
    view = compared(world, budget, Hypothesis(limit=quanta(60)), since=world.clock.now())

    assert (0, 0, 1) == (view.actual.spent, view.hypothetical.spent, view.additional_denials)
