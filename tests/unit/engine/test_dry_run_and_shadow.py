"""
Dry runs and shadow mode: the one leaves no trace, the other leaves all of them and never blocks.
"""

from __future__ import annotations

from typing import Any

import pytest

from figuard.domain import commands as c
from figuard.domain import questions as q
from figuard.domain.amounts import quanta
from figuard.domain.anomaly import AnomalyPolicy
from figuard.domain.budget import Balance, Status, TrustMode
from figuard.domain.codes import Denial, ErrorCode
from figuard.domain.events import Decision
from figuard.domain.replies import AuthorizeReply, BudgetReply
from figuard.domain.velocity import VelocityLimits
from tests.builders import World, allocation, cap
from tests.unit.domain.made import refusal
from tests.unit.engine.tools import STRANGER, contents, heard, listen, present, subscribe

SHADOW, REAL = TrustMode.SHADOW, TrustMode.FULL_ENFORCEMENT


# -- dry runs ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("quantity", "decision"), [(100, Decision.AUTHORIZED), (101, Decision.DENIED)])
def test_a_dry_run_says_what_would_be_and_stores_nothing(quantity: int, decision: Decision):
    world = World()
    budget = world.budget(100)
    before = contents(world)
    reply = world.authorize(budget, quantity, dry_run=True)

    assert (decision, True) == (reply.event.decision, reply.dry_run)
    assert before == contents(world)


def test_a_dry_run_can_be_repeated_under_a_used_key():
    world = World()
    budget = world.budget(100)
    world.authorize(budget, 10)
    reply = world.authorize(budget, 20, dry_run=True)

    assert (Decision.AUTHORIZED, False) == (reply.event.decision, reply.replayed)


def test_a_dry_run_leaves_its_key_free():
    world = World()
    budget = world.budget(100)
    world.authorize(budget, 10, dry_run=True)

    assert not world.authorize(budget, 20).replayed


def test_a_dry_run_counts_in_no_velocity_window():
    world = World()
    budget = world.budget(velocity=VelocityLimits(per_minute=1))
    world.authorize(budget, dry_run=True)

    assert Decision.AUTHORIZED is world.authorize(budget).event.decision


def test_a_dry_run_sees_full_windows():
    world = World()
    budget = world.budget(velocity=VelocityLimits(per_minute=1))
    world.authorize(budget)

    assert Denial.VELOCITY_LIMIT_EXCEEDED is world.authorize(budget, key="b", dry_run=True).event.verdict.denial


def test_a_dry_run_pauses_nothing_and_tells_nothing():
    world = World()
    listen(world)
    budget = world.budget(1000, anomaly=AnomalyPolicy(enabled=True, min_samples=1))
    world.confirm(world.authorize(budget, 1).event, 1)
    told = heard(world)
    reply = world.authorize(budget, 100, dry_run=True)

    assert Denial.ANOMALY_DETECTED is reply.event.verdict.denial
    assert (Status.ACTIVE, told) == (world.stored(budget).status, heard(world))


def test_a_dry_run_does_not_look_for_duplicates():
    world = World()
    budget = world.budget(entity_dedup=True)
    world.authorize(budget, entity_id="order")

    assert Decision.AUTHORIZED is world.authorize(budget, dry_run=True, entity_id="order").event.decision


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"parent_event_id": "nobody"}, ErrorCode.INVALID_PARENT_EVENT),
        ({"tenant": STRANGER}, ErrorCode.TENANT_MISMATCH),
    ],
)
def test_a_dry_run_is_refused_like_a_real_one(fields: dict[str, Any], code: ErrorCode):
    world = World()

    assert code is refusal(world.authorize, world.budget(), dry_run=True, **fields)


# -- shadow --------------------------------------------------------------------------------------------------------


def switch(world: World, budget: BudgetReply, mode: TrustMode) -> None:
    world.order(c.UpdateBudget(budget.budget.id, c.PolicyPatch(trust_mode=mode)))


def would_have_been(reply: AuthorizeReply) -> Denial | None:
    assert Decision.AUTHORIZED is reply.event.decision
    return reply.event.verdict.denial


def test_a_shadow_never_blocks_and_says_what_would_have_been():
    world = World()
    budget = world.budget(100, trust_mode=SHADOW)
    replies = [world.authorize(budget, 40, f"k{n}") for n in range(4)]

    assert [None, None, *[Denial.INSUFFICIENT_FUNDS] * 2] == [would_have_been(reply) for reply in replies]


def test_a_shadow_counts_on_its_own_side_only():
    world = World()
    budget = world.budget(100, trust_mode=SHADOW)
    world.confirm(world.authorize(budget, 40, "a").event, 30)
    world.authorize(budget, 20, "b")
    world.authorize(budget, 60, "too much")

    assert Balance(0, 0, quanta(30), quanta(20)) == world.stored(budget).funds.balance
    world.judge(budget)


def test_a_shadow_day_previews_limits_over_the_whole_day():
    """
    Twenty-four payments of five an hour apart on a limit of 100: the twenty-first would have been denied.
    """
    world = World()
    budget = world.budget(100, trust_mode=SHADOW)
    denials = list[Denial | None]()
    for hour in range(24):
        reply = world.authorize(budget, 5, f"h{hour}")
        world.confirm(reply.event, 5)
        denials.append(would_have_been(reply))
        world.clock.advance("1h")

    assert [None] * 20 + [Denial.INSUFFICIENT_FUNDS] * 4 == denials
    assert Balance(shadow_spent=quanta(100)) == world.stored(budget).funds.balance
    world.judge(budget)


def test_a_shadow_previews_velocity():
    world = World()
    budget = world.budget(trust_mode=SHADOW, velocity=VelocityLimits(per_minute=2))
    replies = [world.authorize(budget, 1, f"k{n}") for n in range(3)]
    world.clock.advance(61)

    assert [None, None, Denial.VELOCITY_LIMIT_EXCEEDED] == [would_have_been(reply) for reply in replies]
    assert would_have_been(world.authorize(budget, 1, "later")) is None


def test_a_shadow_request_that_would_have_been_denied_adds_no_amount_to_the_hour():
    world = World()
    budget = world.budget(100, trust_mode=SHADOW, velocity=VelocityLimits(amount_per_hour=quanta(50)))
    world.authorize(budget, 60, "a")

    assert would_have_been(world.authorize(budget, 50, "b")) is None


def test_shadow_velocity_leaves_real_windows_empty():
    world = World()
    budget = world.budget(trust_mode=SHADOW, velocity=VelocityLimits(per_minute=2))
    for n in range(2):
        world.authorize(budget, 1, f"k{n}")
    switch(world, budget, REAL)

    assert Decision.AUTHORIZED is world.authorize(budget, 1, "real").event.decision


def test_a_velocity_denial_in_the_shadow_does_not_silence_the_real_one():
    world = World()
    listen(world)
    budget = world.budget(trust_mode=SHADOW, velocity=VelocityLimits(per_minute=0))
    world.authorize(budget, 1, "shadow")
    switch(world, budget, REAL)
    world.authorize(budget, 1, "real")

    assert ["VELOCITY_LIMIT_EXCEEDED"] == heard(world)


def test_a_shadow_previews_duplicates():
    world = World()
    budget = world.budget(trust_mode=SHADOW, entity_dedup=True)
    first = world.authorize(budget, 1, "a", entity_id="order")
    second = world.authorize(budget, 1, "b", entity_id="order")
    third = world.authorize(budget, 1, "c", entity_id="order")

    assert [None, *[Denial.ENTITY_ALREADY_AUTHORIZED] * 2] == [would_have_been(r) for r in (first, second, third)]
    assert first.event.id == third.event.verdict.original_event_id


def test_a_shadow_event_does_not_stand_for_its_entity_in_earnest():
    world = World()
    budget = world.budget(trust_mode=SHADOW, entity_dedup=True)
    world.authorize(budget, 1, "a", entity_id="order")
    switch(world, budget, REAL)

    assert Decision.AUTHORIZED is world.authorize(budget, 1, "b", entity_id="order").event.decision


def test_real_spending_counts_in_the_shadow():
    world = World()
    budget = world.budget(100)
    world.authorize(budget, 70, "real")
    switch(world, budget, SHADOW)

    assert would_have_been(world.authorize(budget, 40, "shadow")) is Denial.INSUFFICIENT_FUNDS


def test_shadow_spending_does_not_count_in_earnest():
    world = World()
    budget = world.budget(100, trust_mode=SHADOW)
    world.authorize(budget, 70, "shadow")
    switch(world, budget, REAL)

    assert Decision.AUTHORIZED is world.authorize(budget, 100, "real").event.decision
    world.judge(budget)


def test_shadow_counts_at_every_level():
    world = World()
    _, item = subscribe(world, 100)
    parts = (allocation("food", 100),)
    budget = world.budget(100, trust_mode=SHADOW, allocations=parts, item_id=item.id)
    token = world.delegate(budget, "agent", cap("food", 50))
    world.authorize(token.secret, 40, "a", category="food")

    shadow = Balance(shadow_reserved=quanta(40))
    stored = world.stored(budget)
    assert (shadow, shadow) == (stored.funds.balance, stored.funds.allocations[0].balance)
    assert shadow == world.ask(q.GetDelegation(token.token.id)).token.caps[0].balance
    assert shadow == world.ask(q.GetItem(item.subscription_id, item.id)).item.balance
    assert Denial.DELEGATE_CAP_EXCEEDED is would_have_been(world.authorize(token.secret, 20, "b", category="food"))


@pytest.mark.parametrize("settle", ["confirm", "fail", "void"])
def test_a_shadow_event_is_settled_on_its_own_side(settle: str):
    world = World()
    budget = world.budget(100, trust_mode=SHADOW)
    event = world.authorize(budget, 40).event
    getattr(world, settle)(event, *([40] if settle == "confirm" else []))

    expected = Balance(shadow_spent=quanta(40)) if settle == "confirm" else Balance()
    assert expected == world.stored(budget).funds.balance


def test_a_shadow_hold_ends_in_the_shadow():
    world = World()
    budget = world.budget(100, trust_mode=SHADOW)
    event = world.authorize(budget, 80).event
    world.clock.advance("5m")

    assert would_have_been(world.authorize(budget, 80, "b")) is None
    assert 0 == present(world, event).standing.held


def test_a_shadow_tells_nobody_and_pauses_nothing():
    world = World()
    listen(world)
    budget = world.budget(100, trust_mode=SHADOW, anomaly=AnomalyPolicy(enabled=True, min_samples=0))
    event = world.authorize(budget, 99).event
    world.confirm(event, 99)
    world.authorize(budget, 10**6, "b")
    world.void(event)

    assert ([], Status.ACTIVE) == (heard(world), world.stored(budget).status)


def test_a_shadow_confirmation_is_no_sample_of_what_is_usual():
    world = World()
    budget = world.budget(100, trust_mode=SHADOW, anomaly=AnomalyPolicy(enabled=True))
    world.confirm(world.authorize(budget, 10).event, 10)

    assert 0 == world.stored(budget).counters.baseline.count


@pytest.mark.parametrize("close", [c.PolicyPatch(paused=True), c.Cancel("")])
def test_a_shadow_previews_a_closed_budget(close: Any):
    world = World()
    budget = world.budget(trust_mode=SHADOW)
    is_patch = isinstance(close, c.PolicyPatch)
    world.order(c.UpdateBudget(budget.budget.id, close) if is_patch else c.Cancel(budget.budget.id))

    expected = Denial.BUDGET_PAUSED if is_patch else Denial.BUDGET_CANCELLED
    assert expected is would_have_been(world.authorize(budget))


def test_a_shadow_event_is_a_repeat_under_its_key():
    world = World()
    budget = world.budget(trust_mode=SHADOW)

    assert world.authorize(budget).event == world.authorize(budget).event


def test_a_dry_run_in_the_shadow_stores_nothing():
    world = World()
    budget = world.budget(100, trust_mode=SHADOW)
    before = contents(world)

    assert Denial.INSUFFICIENT_FUNDS is would_have_been(world.authorize(budget, 101, dry_run=True))
    assert before == contents(world)


def test_a_chain_may_pass_through_the_shadow_and_come_back():
    world = World()
    budget = world.budget(100)
    root = world.authorize(budget, 10, "root", max_subtree=50).event
    switch(world, budget, SHADOW)
    world.authorize(budget, 40, "shadow", parent_event_id=root.id)
    switch(world, budget, REAL)

    assert Decision.AUTHORIZED is world.authorize(budget, 40, "real", parent_event_id=root.id).event.decision
    world.judge(budget)
