"""
What comes before every check: the token, the tenant, the key's earlier answer, the parent, the subscription.
"""

from __future__ import annotations

from typing import Any

import pytest

from figuard.domain import commands as c
from figuard.domain.codes import Denial, ErrorCode
from figuard.domain.refusal import Refusal
from figuard.domain.replies import AuthorizeReply, BudgetReply
from tests.builders import World, spend
from tests.unit.domain.made import refusal
from tests.unit.engine.tools import STRANGER, contents, subscribe


class Case:
    """A budget that has answered a key and would deny everything else now: it is cancelled."""

    def __init__(self, **fields: Any) -> None:
        self.world = World()
        self.budget: BudgetReply = self.world.budget(**fields)
        self.first: AuthorizeReply = self.world.authorize(self.budget, 10)
        self.world.order(c.Cancel(self.budget.budget.id))
        self.before = contents(self.world)

    def refused(self, quantity: int = 10, key: str = "k1", **fields: Any) -> ErrorCode | None:
        return refusal(self.world.authorize, self.budget, quantity, key, **fields)


def test_the_budget_of_the_case_denies_what_is_new():
    case = Case()

    assert Denial.BUDGET_CANCELLED is case.world.authorize(case.budget, 10, "new").event.verdict.denial


def test_an_unknown_token_comes_before_everything():
    case = Case()

    assert ErrorCode.INVALID_SESSION_TOKEN is refusal(case.world.authorize, "st_unknown", 10, tenant=STRANGER)


def test_the_wrong_tenant_comes_before_the_keys_answer():
    case = Case()

    assert ErrorCode.TENANT_MISMATCH is case.refused(tenant=STRANGER)
    assert case.before == contents(case.world)


def test_the_wrong_tenant_comes_before_a_reused_key():
    assert ErrorCode.TENANT_MISMATCH is Case().refused(99, tenant=STRANGER)


def test_the_wrong_tenant_comes_before_a_bad_parent():
    assert ErrorCode.TENANT_MISMATCH is Case().refused(key="new", parent_event_id="nobody", tenant=STRANGER)


def test_a_key_confined_to_another_budget_comes_before_the_keys_answer():
    case = Case()
    command = c.Authorize(case.world.hasher.hash(case.budget.secret or ""), spend(10))

    assert ErrorCode.INVALID_SESSION_TOKEN is refusal(case.world.order, command, only_budget_id="another")
    assert case.first.event == case.world.order(command, only_budget_id=case.budget.budget.id).event


def test_the_keys_answer_comes_before_a_bad_parent():
    case = Case()

    assert case.first.event == case.world.authorize(case.budget, 10, parent_event_id="nobody").event


def test_a_reused_key_comes_before_a_bad_parent():
    assert ErrorCode.IDEMPOTENCY_KEY_REUSED is Case().refused(99, parent_event_id="nobody")


def test_a_bad_parent_comes_before_every_check_and_stores_nothing():
    case = Case()

    assert ErrorCode.INVALID_PARENT_EVENT is case.refused(10**9, "new", parent_event_id="nobody", currency="EUR")
    assert case.before == contents(case.world)


@pytest.mark.parametrize(("verb", "code"), [("pause", "SUBSCRIPTION_PAUSED"), ("cancel", "SUBSCRIPTION_CANCELLED")])
def test_a_sleeping_subscription_comes_before_every_check_and_stores_nothing(verb: str, code: str):
    world = World()
    subscription, item = subscribe(world)
    budget = world.budget(item_id=item.id)
    world.order(c.MoveSubscription(subscription.subscription.id, c.SubscriptionVerb(verb)))
    before = contents(world)

    assert code == refusal(world.authorize, budget, 10**9)
    assert before == contents(world)


def test_a_bad_parent_comes_before_a_sleeping_subscription():
    world = World()
    subscription, item = subscribe(world)
    budget = world.budget(item_id=item.id)
    world.order(c.MoveSubscription(subscription.subscription.id, c.SubscriptionVerb.PAUSE))

    assert ErrorCode.INVALID_PARENT_EVENT is refusal(world.authorize, budget, 10, parent_event_id="nobody")


@pytest.mark.parametrize("settle", ["fail", "void", "deny"])
def test_a_parent_must_be_live(settle: str):
    world = World()
    budget = world.budget()
    parent = world.authorize(budget, 10**6 if settle == "deny" else 10, "parent").event
    if settle != "deny":
        getattr(world, settle)(parent)

    with pytest.raises(Refusal, match="cannot be a parent"):
        world.authorize(budget, 10, parent_event_id=parent.id)


@pytest.mark.parametrize("settle", [True, False])
def test_a_parent_may_be_authorized_or_confirmed(settle: bool):
    world = World()
    budget = world.budget()
    parent = world.authorize(budget, 10, "parent").event
    if settle:
        world.confirm(parent, 10)

    assert parent.id == world.authorize(budget, 10, "child", parent_event_id=parent.id).event.place.parent_id


def test_a_parent_on_another_budget_of_the_tenant_makes_a_root():
    world = World()
    one, other = world.budget(), world.budget()
    parent = world.authorize(one, 10).event
    place = world.authorize(other, 10, parent_event_id=parent.id).event.place

    assert (None, parent.id) == (place.parent_id, place.foreign_parent_id)


def test_a_parent_of_another_tenant_does_not_exist():
    world = World()
    foreign = world.order(c.CreateBudget("user", 10**9, world.budget().budget.policy, "USD"), tenant=STRANGER)
    parent = world.authorize(foreign, 1, tenant=STRANGER).event

    assert ErrorCode.INVALID_PARENT_EVENT is refusal(world.authorize, world.budget(), 1, parent_event_id=parent.id)


@pytest.mark.parametrize(("looks_like_id", "hint"), [(True, "a budget id was sent"), (False, "is unknown, expired")])
def test_an_invalid_token_is_refused_with_a_hint(looks_like_id: bool, hint: str):
    world = World()

    with pytest.raises(Refusal, match=hint):
        world.order(c.Authorize("unknown", spend(), looks_like_id=looks_like_id))
