"""
One order of every kind, in a world where it has something to do: budgets, holds, children, tokens, quotas, webhooks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from figuard.domain import commands as c
from figuard.domain.amounts import quanta
from figuard.domain.entitlements import RenewalPeriod
from figuard.domain.instants import HOUR
from figuard.domain.notices import EVENT_TYPES
from figuard.domain.questions import ListDeliveries
from figuard.domain.velocity import VelocityLimits
from tests.builders import TENANT, World, allocation, cap, policy, spend


@dataclass
class Scene:
    """What there is: one of everything an order can be about."""

    world: World
    budget: Any
    divided: Any
    helper: Any
    receipt: Any
    subscription: Any
    quota: Any
    held: Any
    child: Any
    booked: Any
    webhook: Any
    delivery: Any
    key: Any


def scene(world: World) -> Scene:
    """Set the scene; every notice goes to a webhook, so that the outbox takes part."""
    webhook = world.order(c.CreateWebhook("https://example.org/hook", "a secret of theirs", EVENT_TYPES)).webhook
    item = c.NewItem("calls", "USD", quanta(100), RenewalPeriod.MONTHLY)
    subscription = world.order(c.CreateSubscription("ext-1", "plan", RenewalPeriod.MONTHLY, items=(item,)))
    quota = subscription.items[0]
    budget = world.budget(50, item_id=quota.id, velocity=VelocityLimits(per_minute=100, per_day=100))
    divided = world.budget(20, allocations=(allocation("travel", 15),), expires_at=world.clock.now() + 2 * HOUR)
    helper = world.delegate(divided, "helper", cap("travel", 12))
    held = world.authorize(budget, 20, "held", max_subtree=40).event
    child = world.authorize(budget, 5, "child", parent_event_id=held.id).event
    booked = world.authorize(helper.secret, 4, "booked", category="travel").event
    world.confirm(booked, 4)
    delivery = world.ask(ListDeliveries()).deliveries[-1]
    receipt = world.order(c.CreateReceipt(divided.budget.id)).receipt
    key = world.order(c.CreateApiKey("theirs")).api_key
    return Scene(
        world, budget, divided, helper, receipt, subscription, quota, held, child, booked, webhook, delivery, key
    )


def _ask(s: Scene, token: Any, quantity: int, key: str, **fields: Any) -> c.Authorize:
    return c.Authorize(s.world.hasher.hash(token.secret), spend(quantity, key, **fields))


def _later(s: Scene) -> None:
    s.world.clock.advance(400)


def _dead_letter(s: Scene) -> None:
    for _ in range(30):
        s.world.order(c.SettleDelivery(s.delivery.id, 500))


ORDERS: dict[str, Callable[[Scene], c.Command]] = {
    "authorize": lambda s: _ask(s, s.budget, 9, "new"),
    "authorize below a token": lambda s: _ask(s, s.helper, 3, "new", category="travel"),
    "authorize and be denied": lambda s: _ask(s, s.budget, 49, "new"),
    "authorize after holds have ended": lambda s: (_later(s), _ask(s, s.budget, 49, "new"))[1],
    "authorize all": lambda s: c.AuthorizeAll(
        (_ask(s, s.budget, 3, "n1"), _ask(s, s.divided, 2, "n2", category="travel"))
    ),
    "authorize all or nothing": lambda s: c.AuthorizeAll(
        (_ask(s, s.budget, 3, "n1"), _ask(s, s.budget, 4, "n2")), True
    ),
    "authorize all and get nothing": lambda s: c.AuthorizeAll(
        (_ask(s, s.budget, 49, "n1"), _ask(s, s.budget, 3, "n2")), True
    ),
    "confirm": lambda s: c.Confirm(s.held.id, quanta(17)),
    "fail": lambda s: c.Fail(s.child.id, "CARD_DECLINED"),
    "void": lambda s: c.Void(s.held.id, "CHANGED_MIND", children=True),
    "void the tree": lambda s: c.VoidTree(s.held.id, "CHANGED_MIND"),
    "refund": lambda s: c.Refund(s.booked.id, quanta(1), "RETURNED"),
    "extend a hold": lambda s: c.ExtendHold(s.held.id, 900),
    "mark unknown": lambda s: c.MarkUnknown(s.held.id),
    "record external": lambda s: c.RecordExternal(s.divided.budget.id, spend(2, "outside", category="travel")),
    "create a budget": lambda _: c.CreateBudget("user", quanta(5), policy(), "USD", external_reference="order-1"),
    "update": lambda s: c.UpdateBudget(s.budget.budget.id, c.PolicyPatch(limit=quanta(26), paused=True)),
    "fund": lambda s: c.Fund(s.budget.budget.id, c.FundingOperation.CREDIT, quanta(10)),
    "resume": lambda s: (_pause(s), c.Resume(s.budget.budget.id, "checked"))[1],
    "cancel": lambda s: c.Cancel(s.budget.budget.id),
    "cancel a batch": lambda s: c.CancelBatch((s.budget.budget.id, s.divided.budget.id)),
    "extend a budget": lambda s: c.ExtendBudget(s.divided.budget.id, s.world.clock.now() + 3 * HOUR),
    "rotate a session token": lambda s: c.RotateToken(s.budget.budget.id),
    "delegate": lambda s: c.Delegate(
        s.divided.budget.id, "below", (cap("travel", 5),), parent_token_id=s.helper.token.id
    ),
    "rotate a delegation": lambda s: c.RotateDelegation(s.helper.token.id),
    "revoke": lambda s: c.Revoke(s.helper.token.id),
    "create a receipt": lambda s: c.CreateReceipt(s.budget.budget.id),
    "revoke a receipt": lambda s: c.RevokeReceipt(s.divided.budget.id),
    "create a subscription": lambda _: c.CreateSubscription("ext-2", "plan", RenewalPeriod.MONTHLY),
    "pause a subscription": lambda s: c.MoveSubscription(s.subscription.subscription.id, c.SubscriptionVerb.PAUSE),
    "add an entitlement": lambda s: c.AddItem(
        s.subscription.subscription.id, c.NewItem("more", "USD", quanta(5), RenewalPeriod.ANNUALLY)
    ),
    "reset an entitlement": lambda s: c.ResetItem(s.subscription.subscription.id, s.quota.id),
    "create a webhook": lambda _: c.CreateWebhook("https://example.org/2", "another secret", EVENT_TYPES[:3]),
    "delete a webhook": lambda s: c.DeleteWebhook(s.webhook.id),
    "retry a delivery": lambda s: (_dead_letter(s), c.RetryDelivery(s.delivery.id))[1],
    "claim deliveries": lambda _: c.ClaimDeliveries(3),
    "note the use of keys": lambda s: c.NoteKeyUses((s.key.id, "nobody")),
    "forget answers": lambda s: (_long_ago(s), c.ForgetAnswers())[1],
    "settle a delivery": lambda s: c.SettleDelivery(s.delivery.id, 503),
    "create a key": lambda _: c.CreateApiKey("another"),
    "revoke a key": lambda s: c.RevokeApiKey(s.key.id),
    "rotate a key": lambda s: c.RotateApiKey(s.key.id),
    "create a tenant": lambda _: c.CreateTenant("theirs"),
    "sweep a budget": lambda s: (_later(s), c.SweepBudget(s.budget.budget.id))[1],
    "sweep an entitlement": lambda s: (s.world.clock.advance("32d"), c.SweepItem(s.quota.id))[1],
}
"""An order of every kind by what it does; some set the scene a little further first."""


def _pause(s: Scene) -> None:
    s.world.order(c.UpdateBudget(s.budget.budget.id, c.PolicyPatch(paused=True)))


def _long_ago(s: Scene) -> None:
    s.world.order(c.Fund(s.budget.budget.id, c.FundingOperation.CREDIT, 1), key="long ago")
    s.world.clock.advance("31d")


def order_of(name: str, s: Scene) -> c.Order:
    """Return the order, with a key under which it can be repeated."""
    command = ORDERS[name](s)
    return c.Order(command, TENANT, "test", idempotency_key="the-key", fingerprint=repr(command))
