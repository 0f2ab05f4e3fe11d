"""
Subscriptions: a quota that several budgets share, renewed on its day, paused and cancelled.
"""

from __future__ import annotations

from typing import Any

import pytest

from figuard.domain import commands as c
from figuard.domain import questions as q
from figuard.domain.amounts import quanta
from figuard.domain.budget import Balance
from figuard.domain.codes import Denial, ErrorCode
from figuard.domain.entitlements import Item, ItemPolicy, ItemState, RenewalPeriod, SubscriptionStatus
from figuard.domain.events import Decision
from figuard.domain.instants import parse
from figuard.domain.refusal import Refusal
from tests.builders import World
from tests.unit.domain.made import balance, refusal
from tests.unit.engine.tools import STRANGER, entry_kinds, heard, listen, subscribe


class Quota:
    """A monthly quota of 100 calls and a budget that draws on it."""

    def __init__(self, **fields: Any) -> None:
        self.world = World()
        self.subscription, item = subscribe(self.world, **fields)
        self.item_id = item.id
        self.budget = self.world.budget(1000, item_id=item.id)

    @property
    def item(self) -> Item:
        found: Item = self.world.ask(q.GetItem(self.subscription.subscription.id, self.item_id)).item
        return found

    @property
    def id(self) -> str:
        return self.subscription.subscription.id

    def move(self, verb: c.SubscriptionVerb) -> Any:
        return self.world.order(c.MoveSubscription(self.id, verb))

    def verify(self) -> None:
        """Assert that both books verify."""
        self.world.judge(self.budget)
        assert () == self.world.ask(q.VerifyBook(self.id)).findings


PAUSE, RESUME, CANCEL = c.SubscriptionVerb.PAUSE, c.SubscriptionVerb.RESUME, c.SubscriptionVerb.CANCEL


def test_an_authorization_takes_from_the_quota():
    quota = Quota()
    quota.world.authorize(quota.budget, 30)

    assert balance(reserved=30) == quota.item.balance
    quota.verify()


@pytest.mark.parametrize(
    ("settle", "expected"),
    [
        (lambda w, e: w.confirm(e, 20), balance(20)),
        (lambda w, e: w.fail(e), Balance()),
        (lambda w, e: w.void(e), Balance()),
        (lambda w, e: (w.confirm(e, 30), w.void(e)), Balance()),
        (lambda w, e: (w.confirm(e, 30), w.order(c.Refund(e.id, quanta(10), "r"))), balance(20)),
        (lambda w, _: w.clock.advance("5m"), Balance()),
    ],
)
def test_a_settlement_moves_the_quota_like_every_level(settle: Any, expected: Balance):
    quota = Quota()
    settle(quota.world, quota.world.authorize(quota.budget, 30).event)
    quota.world.stored(quota.budget)

    assert expected == quota.item.balance
    quota.verify()


def test_a_quota_that_blocks_denies_what_it_cannot_take():
    quota = Quota()
    denied = quota.world.authorize(quota.budget, 101).event

    assert (Denial.ENTITLEMENT_LIMIT_REACHED, "ENTITLEMENT", quanta(100)) == (
        denied.verdict.denial, denied.verdict.level, denied.verdict.fits,
    )  # fmt: skip


def test_a_quota_that_only_warns_counts_and_lets_pass():
    quota = Quota(overage=ItemPolicy.WARN_ONLY)
    quota.world.confirm(quota.world.authorize(quota.budget, 150).event, 200)

    assert balance(200) == quota.item.balance


def test_several_budgets_share_a_quota():
    quota = Quota()
    other = quota.world.budget(1000, item_id=quota.item_id)
    quota.world.authorize(quota.budget, 60)

    assert Denial.ENTITLEMENT_LIMIT_REACHED is quota.world.authorize(other, 60).event.verdict.denial


def test_the_excess_of_a_confirmation_must_fit_into_the_quota():
    quota = Quota()
    event = quota.world.authorize(quota.budget, 90).event

    assert ErrorCode.CONFIRM_EXCEEDS_AVAILABLE is refusal(quota.world.confirm, event, 101)


def test_a_dry_run_takes_nothing_from_the_quota():
    quota = Quota()
    quota.world.authorize(quota.budget, 90, dry_run=True)

    assert Balance() == quota.item.balance


# -- states --------------------------------------------------------------------------------------------------------


def test_a_quota_tells_how_full_it_is_when_that_changes():
    quota = Quota()
    listen(quota.world, "ENTITLEMENT_STATE_CHANGED", "ENTITLEMENT_LIMIT_REACHED")
    events = [quota.world.authorize(quota.budget, n, f"k{n}").event for n in (79, 1, 20)]
    states = [quota.item.state]
    for event in reversed(events):
        quota.world.void(event)
        states.append(quota.item.state)

    assert [ItemState.LIMIT_REACHED, ItemState.APPROACHING, ItemState.NORMAL, ItemState.NORMAL] == states
    assert ["ENTITLEMENT_STATE_CHANGED", "ENTITLEMENT_LIMIT_REACHED", *["ENTITLEMENT_STATE_CHANGED"] * 2] == heard(
        quota.world
    )


def test_a_change_of_state_is_in_the_subscriptions_book():
    quota = Quota()
    quota.world.authorize(quota.budget, 100)

    assert "ITEM_STATE_CHANGED" == entry_kinds(quota.world, quota.id)[-1]
    assert quota.world.clock.now() == quota.item.state_since
    quota.verify()


def test_a_quota_whose_hold_ended_is_normal_again():
    quota = Quota()
    quota.world.authorize(quota.budget, 100)
    quota.world.clock.advance("5m")
    quota.world.order(c.SweepBudget(quota.budget.budget.id))

    assert ItemState.NORMAL is quota.item.state
    quota.verify()


def test_a_voided_tree_leaves_a_normal_quota():
    quota = Quota()
    root = quota.world.authorize(quota.budget, 40, "root").event
    quota.world.authorize(quota.budget, 60, "child", parent_event_id=root.id)
    quota.world.order(c.VoidTree(root.id, "r"))

    assert (ItemState.NORMAL, Balance()) == (quota.item.state, quota.item.balance)


# -- renewal -------------------------------------------------------------------------------------------------------


def test_a_due_quota_is_renewed_before_a_request_is_decided():
    quota = Quota()
    quota.world.confirm(quota.world.authorize(quota.budget, 100).event, 100)
    quota.world.clock.advance("31d")

    assert Decision.AUTHORIZED is quota.world.authorize(quota.budget, 100, "b").event.decision
    quota.verify()


def test_a_sweep_renews_a_due_quota_once():
    quota = Quota()
    listen(quota.world, "ENTITLEMENT_RENEWED")
    quota.world.clock.advance("31d")

    assert [1, 0] == [quota.world.order(c.SweepItem(quota.item_id)).renewed for _ in range(2)]
    assert ["ENTITLEMENT_RENEWED"] == heard(quota.world)


def test_a_sweep_of_nothing_renews_nothing():
    assert 0 == World().order(c.SweepItem("nobody")).renewed


def test_an_outage_of_several_months_is_caught_up_in_one_entry():
    quota = Quota()
    quota.world.clock.advance("100d")
    quota.world.order(c.SweepItem(quota.item_id))

    assert (3, parse("2030-05-01T00:00:00Z")) == (quota.item.period, quota.item.next_renewal_at)
    assert 1 == entry_kinds(quota.world, quota.id).count("ITEM_RENEWED")


def test_what_was_taken_before_a_renewal_is_not_given_back_after_it():
    quota = Quota()
    event = quota.world.authorize(quota.budget, 60).event
    quota.world.order(c.ExtendHold(event.id, 40 * 86_400))
    quota.world.clock.advance("31d")
    quota.world.authorize(quota.budget, 50, "b")
    quota.world.void(event)

    assert balance(reserved=50) == quota.item.balance
    quota.verify()


def test_a_renewed_quota_is_normal():
    quota = Quota()
    quota.world.confirm(quota.world.authorize(quota.budget, 100).event, 100)
    quota.world.clock.advance("31d")
    quota.world.order(c.SweepItem(quota.item_id))

    assert ItemState.NORMAL is quota.item.state


@pytest.mark.parametrize("verb", [PAUSE, CANCEL])
def test_a_sleeping_subscription_is_not_renewed(verb: c.SubscriptionVerb):
    quota = Quota()
    quota.move(verb)
    quota.world.clock.advance("31d")

    assert 0 == quota.world.order(c.SweepItem(quota.item_id)).renewed


def test_a_reset_empties_the_quota_and_leaves_its_day():
    quota = Quota()
    quota.world.confirm(quota.world.authorize(quota.budget, 100).event, 100)
    before = quota.item
    after = quota.world.order(c.ResetItem(quota.id, quota.item_id)).item

    assert (Balance(), ItemState.NORMAL, before.next_renewal_at) == (after.balance, after.state, after.next_renewal_at)
    assert Decision.AUTHORIZED is quota.world.authorize(quota.budget, 100, "b").event.decision
    quota.verify()


def test_a_reset_of_a_normal_quota_keeps_since_when_it_is():
    quota = Quota()

    assert quota.item.state_since == quota.world.order(c.ResetItem(quota.id, quota.item_id)).item.state_since


# -- subscriptions -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("verbs", "expected"),
    [
        ((PAUSE,), SubscriptionStatus.PAUSED),
        ((PAUSE, RESUME), SubscriptionStatus.ACTIVE),
        ((CANCEL,), SubscriptionStatus.CANCELLED),
        ((PAUSE, CANCEL), SubscriptionStatus.CANCELLED),
        ((RESUME,), None),
        ((PAUSE, PAUSE), None),
        ((CANCEL, CANCEL), None),
        ((CANCEL, RESUME), None),
        ((CANCEL, PAUSE), None),
    ],
)
def test_a_subscription_moves_between_its_states(verbs: tuple[Any, ...], expected: SubscriptionStatus | None):
    quota = Quota()
    for verb in verbs[:-1]:
        quota.move(verb)

    if expected is None:
        assert ErrorCode.SUBSCRIPTION_STATE_CONFLICT is refusal(quota.move, verbs[-1])
    else:
        assert expected is quota.move(verbs[-1]).subscription.status
    quota.verify()


def test_a_paused_subscription_stops_spending_and_a_resumed_one_goes_on():
    quota = Quota()
    quota.move(PAUSE)
    assert ErrorCode.SUBSCRIPTION_PAUSED is refusal(quota.world.authorize, quota.budget)
    quota.move(RESUME)

    assert Decision.AUTHORIZED is quota.world.authorize(quota.budget).event.decision


def test_what_is_held_can_be_settled_while_the_subscription_sleeps():
    quota = Quota()
    event = quota.world.authorize(quota.budget, 30).event
    quota.move(CANCEL)
    quota.world.confirm(event, 20)

    assert balance(20) == quota.item.balance


def test_pausing_and_resuming_are_told_for_each_entitlement():
    quota = Quota()
    quota.world.order(c.AddItem(quota.id, c.NewItem("seats", "seat", quanta(5), RenewalPeriod.ANNUALLY)))
    listen(quota.world)
    for verb in (PAUSE, RESUME, CANCEL):
        quota.move(verb)

    assert ["ENTITLEMENT_PAUSED"] * 2 + ["ENTITLEMENT_RESUMED"] * 2 == heard(quota.world)


def test_a_subscriber_is_registered_once():
    quota = Quota()

    with pytest.raises(Refusal) as refused:
        subscribe(quota.world)

    assert (ErrorCode.SUBSCRIBER_EXISTS, {"subscriptionId": quota.id}) == (refused.value.code, refused.value.extra)


def test_another_tenant_may_register_the_same_subscriber():
    quota = Quota()
    command = c.CreateSubscription("customer", "Customer", RenewalPeriod.MONTHLY)

    assert SubscriptionStatus.ACTIVE is quota.world.order(command, tenant=STRANGER).subscription.status


@pytest.mark.parametrize(
    ("start", "given", "anchor", "renewal"),
    [
        ("2030-01-31T10:00:00Z", None, 28, "2030-02-28T10:00:00Z"),
        ("2030-01-15T10:00:00Z", None, 15, "2030-02-15T10:00:00Z"),
        ("2030-01-31T10:00:00Z", 31, 31, "2030-02-28T10:00:00Z"),
        ("2030-01-31T10:00:00Z", 1, 1, "2030-02-01T10:00:00Z"),
    ],
)
def test_a_quota_renews_on_its_anchor_day_or_the_day_it_was_made(
    start: str, given: int | None, anchor: int, renewal: str
):
    world = World()
    world.clock.set(start)
    _, item = subscribe(world, anchor_day=given)

    assert (anchor, parse(renewal)) == (item.anchor_day, item.next_renewal_at)


def test_nothing_is_added_to_a_cancelled_subscription():
    quota = Quota()
    quota.move(CANCEL)
    command = c.AddItem(quota.id, c.NewItem("seats", "seat", quanta(5), RenewalPeriod.MONTHLY))

    assert ErrorCode.SUBSCRIPTION_STATE_CONFLICT is refusal(quota.world.order, command)


def test_a_subscription_may_start_later():
    world = World()
    start = parse("2031-01-01T00:00:00Z")
    reply = world.order(c.CreateSubscription("c", "C", RenewalPeriod.MONTHLY, starts_at=start))

    assert (start, ()) == (reply.subscription.starts_at, reply.items)


@pytest.mark.parametrize(
    "command",
    [
        c.MoveSubscription("nobody", PAUSE),
        c.AddItem("nobody", c.NewItem("x", "x", 1, RenewalPeriod.MONTHLY)),
        c.ResetItem("nobody", "nothing"),
    ],
)
def test_an_unknown_subscription_is_not_found(command: Any):
    assert ErrorCode.NOT_FOUND is refusal(World().order, command)


def test_an_item_of_another_subscription_is_not_found():
    quota = Quota()
    other = quota.world.order(c.CreateSubscription("other", "Other", RenewalPeriod.MONTHLY))

    assert ErrorCode.NOT_FOUND is refusal(quota.world.order, c.ResetItem(other.subscription.id, quota.item_id))
    assert ErrorCode.NOT_FOUND is refusal(quota.world.ask, q.GetItem(other.subscription.id, quota.item_id))


@pytest.mark.parametrize(("item_id", "tenant"), [("nobody", None), (None, STRANGER)])
def test_a_budget_draws_on_an_entitlement_of_its_own_tenant_only(item_id: str | None, tenant: str | None):
    quota = Quota()
    command = c.CreateBudget("u", quanta(1), quota.budget.budget.policy, "USD", item_id=item_id or quota.item_id)
    fields = {"tenant": tenant} if tenant else {}

    assert ErrorCode.ENTITLEMENT_NOT_FOUND is refusal(quota.world.order, command, **fields)


def test_a_subscription_is_found_by_its_subscriber():
    quota = Quota()
    by_name = quota.world.ask(q.GetSubscription(external_subscriber_id="customer"))

    assert by_name == quota.world.ask(q.GetSubscription(quota.id))
    assert (by_name,) == quota.world.ask(q.ListSubscriptions()).subscriptions
    assert ErrorCode.NOT_FOUND is refusal(quota.world.ask, q.GetSubscription(external_subscriber_id="nobody"))
