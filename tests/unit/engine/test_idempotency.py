"""
One key, one answer: a repeat is harmless, another request is refused, and a denial may be asked again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from figuard.domain import commands as c
from figuard.domain import questions as q
from figuard.domain.amounts import quanta
from figuard.domain.budget import TrustMode
from figuard.domain.codes import Denial, ErrorCode
from figuard.domain.events import Decision
from figuard.domain.refusal import Refusal
from figuard.domain.replies import AuthorizeReply, BudgetReply
from figuard.domain.velocity import VelocityLimits
from tests.builders import World, cap, spend
from tests.unit.domain.made import refusal
from tests.unit.engine.tools import contents, fingerprinted, present, subscribe

HOUR = "1h"


def test_a_lost_reply_does_not_charge_twice():
    world = World()
    budget = world.budget()
    first = world.authorize(budget, 30)
    again = world.authorize(budget, 30)

    assert (first.event, True) == (again.event, again.replayed)
    assert (0, quanta(30)) == fingerprinted(world, budget)


def test_a_repeat_stores_nothing():
    world = World()
    budget = world.budget()
    world.authorize(budget, 30)
    before = contents(world)
    world.authorize(budget, 30)

    assert before == contents(world)


def test_a_repeat_is_recognised_after_a_restart():
    world = World()
    budget = world.budget()
    first = world.authorize(budget, 30)

    assert first.event == world.reopened().authorize(budget, 30).event


@pytest.mark.parametrize(
    ("settle", "decision"),
    [
        (lambda w, e: w.confirm(e, 20), Decision.CONFIRMED),
        (lambda w, e: w.fail(e), Decision.FAILED),
        (lambda w, e: w.void(e), Decision.VOIDED),
    ],
)
def test_a_repeat_after_a_settlement_gives_the_first_answer_and_the_present_decision(settle: Any, decision: Decision):
    world = World()
    budget = world.budget()
    settle(world, world.authorize(budget, 30).event)
    again = world.authorize(budget, 30)

    assert (Decision.AUTHORIZED, decision) == (again.event.first_decision, again.event.decision)


def test_a_repeat_shows_the_budget_as_it_is_now():
    world = World()
    budget = world.budget()
    world.confirm(world.authorize(budget, 30).event, 20)

    assert quanta(20) == world.authorize(budget, 30).budget.funds.balance.spent


@pytest.mark.parametrize(
    "close",
    [
        lambda w, b: w.order(c.UpdateBudget(b, c.PolicyPatch(paused=True))),
        lambda w, b: w.order(c.Cancel(b)),
        lambda w, _: w.clock.advance("2d"),
    ],
)
def test_a_repeat_is_answered_whatever_became_of_the_budget(close: Callable[[World, str], Any]):
    world = World()
    budget = world.budget(expires_at=world.clock.now() + 10**6 * 86_400)
    first = world.authorize(budget, 30)
    close(world, budget.budget.id)

    assert first.event.id == world.authorize(budget, 30).event.id


def test_another_request_under_the_same_key_is_refused_and_stores_nothing():
    world = World()
    budget = world.budget()
    first = world.authorize(budget, 30)
    before = contents(world)

    with pytest.raises(Refusal) as refused:
        world.authorize(budget, 31)

    assert (ErrorCode.IDEMPOTENCY_KEY_REUSED, {"eventId": first.event.id}) == (refused.value.code, refused.value.extra)
    assert before == contents(world)


def test_another_request_under_the_key_of_a_denial_is_refused_too():
    world = World()
    budget = world.budget()
    world.authorize(budget, 101)

    assert ErrorCode.IDEMPOTENCY_KEY_REUSED is refusal(world.authorize, budget, 50)


def test_keys_of_different_budgets_are_different_keys():
    world = World()
    one, other = world.budget(), world.budget()

    assert not world.authorize(one, 30).replayed
    assert not world.authorize(other, 40).replayed


def test_delegated_and_direct_callers_share_their_keys():
    world = World()
    budget = world.budget()
    token = world.delegate(budget, "agent")

    assert world.authorize(budget, 30).event == world.authorize(token.secret, 30).event


def test_keys_are_compared_character_by_character():
    world = World()
    budget = world.budget()

    assert world.authorize(budget, 30, "key").event.id != world.authorize(budget, 30, "KEY").event.id


def test_a_repeat_for_the_same_entity_is_no_duplicate():
    world = World()
    budget = world.budget(entity_dedup=True)
    first = world.authorize(budget, 30, entity_id="order")

    assert first.event == world.authorize(budget, 30, entity_id="order").event


def test_a_repeat_counts_in_no_velocity_window():
    world = World()
    budget = world.budget(velocity=VelocityLimits(per_minute=2))
    for _ in range(5):
        world.authorize(budget, 10, "a")

    assert Decision.AUTHORIZED is world.authorize(budget, 10, "b").event.decision


def test_a_key_of_the_shadow_is_free_for_real_use():
    world = World()
    budget = world.budget(trust_mode=TrustMode.SHADOW)
    shadow = world.authorize(budget, 30)
    world.order(c.UpdateBudget(budget.budget.id, c.PolicyPatch(trust_mode=TrustMode.FULL_ENFORCEMENT)))
    real = world.authorize(budget, 31)

    assert (False, True, False) == (real.replayed, shadow.event.place.shadow, real.event.place.shadow)


# -- denials -------------------------------------------------------------------------------------------------------


class Case:
    """A budget of 100 with 60 held under one key and a request for 50 denied under another."""

    def __init__(self) -> None:
        self.world = World()
        self.budget: BudgetReply = self.world.budget(100, expires_at=self.world.clock.now() + 10**6 * 86_400)
        self.held = self.world.authorize(self.budget, 60, "held").event
        self.first = self.again()
        assert Denial.INSUFFICIENT_FUNDS is self.first.event.verdict.denial

    def again(self) -> AuthorizeReply:
        return self.world.authorize(self.budget, 50, "denied")

    def order(self, command: Any) -> Any:
        return self.world.order(command)

    @property
    def id(self) -> str:
        return self.budget.budget.id


FAVOURABLE: dict[str, Callable[[Case], Any]] = {
    "funded": lambda k: k.order(c.Fund(k.id, c.FundingOperation.CREDIT, quanta(10))),
    "voided": lambda k: k.world.void(k.held),
    "failed": lambda k: k.world.fail(k.held),
    "confirmed for less": lambda k: k.world.confirm(k.held, 50),
    "refunded": lambda k: (k.world.confirm(k.held, 60), k.order(c.Refund(k.held.id, quanta(10), "r"))),
    "expired hold": lambda k: k.world.clock.advance("5m"),
    "raised": lambda k: k.order(c.UpdateBudget(k.id, c.PolicyPatch(limit=quanta(110)))),
}


@pytest.mark.parametrize("event", FAVOURABLE)
def test_a_denial_is_decided_afresh_once_something_favourable_happened(event: str):
    case = Case()
    FAVOURABLE[event](case)
    again = case.again()

    assert (False, Decision.AUTHORIZED) == (again.replayed, again.event.decision)


UNFAVOURABLE: dict[str, Callable[[Case], Any]] = {
    "nothing": lambda _: None,
    "time": lambda k: k.world.clock.advance("4m"),
    "another hold": lambda k: k.world.authorize(k.budget, 5, "more"),
    "another denial": lambda k: k.world.authorize(k.budget, 99, "too much"),
    "confirmed in full": lambda k: k.world.confirm(k.held, 60),
    "confirmed for more": lambda k: k.world.confirm(k.held, 70),
    "marked unknown": lambda k: k.order(c.MarkUnknown(k.held.id)),
    "hold extended": lambda k: k.order(c.ExtendHold(k.held.id, 600)),
    "external spending": lambda k: k.order(c.RecordExternal(k.id, spend(5, "outside"))),
    "paused": lambda k: k.order(c.UpdateBudget(k.id, c.PolicyPatch(paused=True))),
    "receipt": lambda k: k.order(c.CreateReceipt(k.id)),
}


@pytest.mark.parametrize("event", UNFAVOURABLE)
def test_a_denial_is_replayed_while_nothing_favourable_has_happened(event: str):
    case = Case()
    UNFAVOURABLE[event](case)
    before = contents(case.world)
    again = case.again()

    assert (True, case.first.event) == (again.replayed, again.event)
    assert before == contents(case.world)


def test_a_fresh_decision_may_deny_again_and_is_the_next_attempt():
    case = Case()
    case.order(c.Fund(case.id, c.FundingOperation.CREDIT, quanta(5)))
    again = case.again()

    assert (Decision.DENIED, 2, False) == (again.event.decision, again.event.attempt, again.replayed)


def test_the_newest_attempt_answers():
    case = Case()
    FAVOURABLE["funded"](case)
    second = case.again()

    assert second.event == case.again().event


def test_every_attempt_stays_in_the_ledger():
    case = Case()
    FAVOURABLE["funded"](case)
    second = case.again()

    assert Decision.DENIED is present(case.world, case.first.event).decision
    assert Decision.AUTHORIZED is present(case.world, second.event).decision
    assert 3 == case.world.ask(q.GetLedger(case.id)).total


def test_a_denial_of_a_paused_budget_is_decided_afresh_after_it_was_resumed():
    world = World()
    budget = world.budget()
    world.order(c.UpdateBudget(budget.budget.id, c.PolicyPatch(paused=True)))
    assert Denial.BUDGET_PAUSED is world.authorize(budget, 10).event.verdict.denial
    world.order(c.Resume(budget.budget.id, "checked"))

    assert Decision.AUTHORIZED is world.authorize(budget, 10).event.decision


def test_a_denial_of_an_expired_budget_is_decided_afresh_after_it_was_extended():
    world = World()
    budget = world.budget(expires_at=world.clock.now() + 10**6)
    world.clock.advance(HOUR)
    assert Denial.BUDGET_EXPIRED is world.authorize(budget, 10).event.verdict.denial
    world.order(c.ExtendBudget(budget.budget.id, world.clock.now() + 10**9))

    assert Decision.AUTHORIZED is world.authorize(budget, 10).event.decision


@pytest.mark.parametrize(("seconds", "replayed"), [(60, True), (61, False)])
def test_a_velocity_denial_is_decided_afresh_once_its_window_has_room(seconds: int, replayed: bool):
    world = World()
    budget = world.budget(velocity=VelocityLimits(per_minute=1))
    world.authorize(budget, 10, "a")
    assert Denial.VELOCITY_LIMIT_EXCEEDED is world.authorize(budget, 10, "b").event.verdict.denial
    world.clock.advance(seconds)

    assert replayed is world.authorize(budget, 10, "b").replayed


def test_a_denial_of_a_cap_is_decided_afresh_once_the_cap_is_released():
    world = World()
    budget = world.budget()
    token = world.delegate(budget, "agent", cap("food", 30)).secret
    held = world.authorize(token, 20, "a", category="food").event
    assert Denial.DELEGATE_CAP_EXCEEDED is world.authorize(token, 20, "b", category="food").event.verdict.denial
    world.void(held)

    assert Decision.AUTHORIZED is world.authorize(token, 20, "b", category="food").event.decision


def test_a_denial_of_a_quota_is_decided_afresh_once_another_budget_released_it():
    world = World()
    _, item = subscribe(world, 100)
    one, other = world.budget(item_id=item.id), world.budget(item_id=item.id)
    held = world.authorize(one, 80).event
    assert Denial.ENTITLEMENT_LIMIT_REACHED is world.authorize(other, 80).event.verdict.denial
    assert world.authorize(other, 80).replayed
    world.void(held)

    assert Decision.AUTHORIZED is world.authorize(other, 80).event.decision


@pytest.mark.parametrize("advance", ["30d", "32d"])
def test_a_denial_of_a_quota_is_decided_afresh_once_it_was_renewed(advance: str):
    world = World()
    _, item = subscribe(world, 100)
    budget = world.budget(item_id=item.id)
    world.confirm(world.authorize(budget, 90).event, 90)
    assert Denial.ENTITLEMENT_LIMIT_REACHED is world.authorize(budget, 50, "b").event.verdict.denial
    world.clock.advance(advance)

    assert (advance == "30d") is world.authorize(budget, 50, "b").replayed


def test_a_denial_of_a_full_chain_is_decided_afresh_once_a_member_was_voided():
    world = World()
    budget = world.budget()
    root = world.authorize(budget, 10, "root", max_subtree=50).event
    child = world.authorize(budget, 30, "child", parent_event_id=root.id).event
    assert Denial.SUBTREE_CAP_EXCEEDED is world.authorize(budget, 20, "b", parent_event_id=root.id).event.verdict.denial
    world.void(child)

    assert Decision.AUTHORIZED is world.authorize(budget, 20, "b", parent_event_id=root.id).event.decision
