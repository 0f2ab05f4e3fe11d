"""
Idempotency keys: every mutation carried out under a key is carried out once, and answers a repeat without its secret.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from figuard.domain import commands as c
from figuard.domain.admin import Delivery, KeyScope
from figuard.domain.amounts import quanta
from figuard.domain.budget import Policy
from figuard.domain.codes import ErrorCode
from figuard.domain.entitlements import RenewalPeriod
from figuard.domain.refusal import Refusal
from figuard.engine.handlers import HANDLERS
from tests.builders import World, spend
from tests.unit.domain.made import refusal
from tests.unit.engine.tools import STRANGER, contents, listen, subscribe

MONTHLY = RenewalPeriod.MONTHLY


def in_budget(make: Callable[[str], Any]) -> Callable[[World], Any]:
    """Return what makes a command on a fresh budget."""

    def made(world: World) -> Any:
        return make(world.budget(expires_at=world.clock.now() + 10**9).budget.id)

    return made


def on_event(make: Callable[[str], Any], *, confirmed: bool = False) -> Callable[[World], Any]:
    """Return what makes a command on a fresh event."""

    def made(world: World) -> Any:
        event = world.authorize(world.budget()).event
        if confirmed:
            world.confirm(event, 10)
        return make(event.id)

    return made


def paused(world: World) -> Any:
    budget_id = world.budget().budget.id
    world.order(c.UpdateBudget(budget_id, c.PolicyPatch(paused=True)))
    return c.Resume(budget_id, "r")


def on_token(make: Callable[[str], Any]) -> Callable[[World], Any]:
    return lambda world: make(world.delegate(world.budget(), "agent").token.id)


def on_key(make: Callable[[str], Any]) -> Callable[[World], Any]:
    return lambda world: make(world.order(c.CreateApiKey()).api_key.id)


def dead_letter(world: World) -> str:
    listen(world)
    world.fail(world.authorize(world.budget()).event)
    store: Any = world.store
    (delivery_id,) = store._data.shelves[Delivery].rows
    for _ in range(10):
        world.order(c.SettleDelivery(delivery_id, 500))
    return delivery_id


def with_receipt(world: World) -> Any:
    budget_id = world.budget().budget.id
    world.order(c.CreateReceipt(budget_id))
    return c.RevokeReceipt(budget_id)


REMEMBERED: dict[type, Callable[[World], Any]] = {
    c.VoidTree: on_event(lambda e: c.VoidTree(e, "r")),
    c.Refund: on_event(lambda e: c.Refund(e, quanta(4), "r"), confirmed=True),
    c.ExtendHold: on_event(lambda e: c.ExtendHold(e, 600)),
    c.RecordExternal: in_budget(lambda b: c.RecordExternal(b, spend(5, "outside"))),
    c.CreateBudget: lambda _: c.CreateBudget("user", quanta(100), Policy(), "USD", metadata={"a": [1, {"b": None}]}),
    c.UpdateBudget: in_budget(lambda b: c.UpdateBudget(b, c.PolicyPatch(soft_limit=quanta(5)))),
    c.Fund: in_budget(lambda b: c.Fund(b, c.FundingOperation.CREDIT, quanta(5))),
    c.Resume: paused,
    c.Cancel: in_budget(c.Cancel),
    c.CancelBatch: in_budget(lambda b: c.CancelBatch((b,))),
    c.ExtendBudget: in_budget(lambda b: c.ExtendBudget(b, 2 * 10**15)),
    c.RotateToken: in_budget(c.RotateToken),
    c.Delegate: in_budget(lambda b: c.Delegate(b, "agent")),
    c.RotateDelegation: on_token(c.RotateDelegation),
    c.Revoke: on_token(c.Revoke),
    c.CreateSubscription: lambda _: c.CreateSubscription("s", "S", MONTHLY, items=(c.NewItem("n", "u", 1, MONTHLY),)),
    c.MoveSubscription: lambda w: c.MoveSubscription(subscribe(w)[0].subscription.id, c.SubscriptionVerb.PAUSE),
    c.AddItem: lambda w: c.AddItem(subscribe(w)[0].subscription.id, c.NewItem("n", "u", 1, MONTHLY)),
    c.ResetItem: lambda w: c.ResetItem((s := subscribe(w))[0].subscription.id, s[1].id),
    c.CreateWebhook: lambda _: c.CreateWebhook("https://example.com", "secret", ("BUDGET_PAUSED",)),
    c.DeleteWebhook: lambda w: c.DeleteWebhook(listen(w)),
    c.RetryDelivery: lambda w: c.RetryDelivery(dead_letter(w)),
    c.ClaimDeliveries: lambda w: (listen(w), w.fail(w.authorize(w.budget()).event), c.ClaimDeliveries(9))[2],
    c.NoteKeyUses: on_key(lambda k: c.NoteKeyUses((k,))),
    c.ForgetAnswers: lambda _: c.ForgetAnswers(),
    c.SettleDelivery: lambda w: c.SettleDelivery(dead_letter(w), 200),
    c.CreateApiKey: lambda _: c.CreateApiKey("for the agent", KeyScope.AGENT),
    c.RevokeApiKey: on_key(c.RevokeApiKey),
    c.RotateApiKey: on_key(c.RotateApiKey),
    c.CreateTenant: lambda _: c.CreateTenant("Acme"),
    c.CreateReceipt: in_budget(c.CreateReceipt),
    c.RevokeReceipt: with_receipt,
    c.SweepBudget: in_budget(c.SweepBudget),
    c.SweepItem: lambda w: c.SweepItem(subscribe(w)[1].id),
}
"""Every command whose answer is remembered under the key of its order."""
BY_STATE: dict[type, Callable[[World], Any]] = {
    c.Confirm: on_event(lambda e: c.Confirm(e, quanta(6))),
    c.Fail: on_event(lambda e: c.Fail(e, "r")),
    c.Void: on_event(lambda e: c.Void(e, "r")),
    c.MarkUnknown: on_event(c.MarkUnknown),
}
"""Every command that says what an event shall become: a repeat finds it to be so."""
EVERY = {**REMEMBERED, **BY_STATE}

each = pytest.mark.parametrize("command", EVERY, ids=lambda command: command.__name__)
each_remembered = pytest.mark.parametrize("command", REMEMBERED, ids=lambda command: command.__name__)


def without_secret(reply: Any) -> Any:
    return replace(reply, secret=None) if getattr(reply, "secret", None) else reply


def test_every_command_but_authorizations_is_tried_here():
    assert HANDLERS.keys() - {c.Authorize, c.AuthorizeAll} == EVERY.keys()


@each
def test_a_repeat_under_the_same_key_is_answered_the_same_without_the_secret(command: type):
    world = World()
    order = EVERY[command](world)
    first = world.order(order, key="k")

    assert without_secret(first) == world.order(order, key="k")


@each
def test_a_repeat_under_the_same_key_changes_nothing(command: type):
    world = World()
    order = EVERY[command](world)
    world.order(order, key="k")
    before = contents(world)
    world.order(order, key="k")

    assert before == contents(world)


@each_remembered
def test_another_request_under_the_same_key_is_refused_and_changes_nothing(command: type):
    world = World()
    order = REMEMBERED[command](world)
    world.order(order, key="k")
    before = contents(world)

    with pytest.raises(Refusal, match=f"idempotency key 'k' stands for another {command.__name__} request"):
        world.order(order, key="k", fingerprint="another")
    assert before == contents(world)


@pytest.mark.parametrize(
    ("first", "other"),
    [
        (lambda e: c.Confirm(e, quanta(6)), lambda e: c.Confirm(e, quanta(7))),
        (lambda e: c.Fail(e, "r"), lambda e: c.Fail(e, "another")),
        (lambda e: c.Void(e, "r"), lambda e: c.Void(e, "another")),
        (lambda e: c.Confirm(e, quanta(6)), lambda e: c.Fail(e, "r")),
    ],
)
def test_a_different_settlement_is_refused_whatever_its_key(first: Any, other: Any):
    world = World()
    event = world.authorize(world.budget()).event
    world.order(first(event.id), key="k")

    assert ErrorCode.EVENT_STATE_CONFLICT is refusal(world.order, other(event.id), key="k")


@pytest.mark.parametrize(
    "settle",
    [
        lambda e: c.Confirm(e, quanta(6)),
        lambda e: c.Fail(e, "r"),
        lambda e: c.Void(e, "r"),
        lambda e: c.MarkUnknown(e, "r"),
    ],
)
def test_a_settlement_is_keyed_by_its_event_whatever_key_it_came_with(settle: Any):
    """
    Under one key two events are settled, each once: to refuse the second, every settlement would have to be looked up.
    """
    world = World()
    budget = world.budget()
    one, two = (world.authorize(budget, key=name).event for name in ("one", "two"))
    first, second = (world.order(settle(event.id), key="k").event for event in (one, two))
    before = contents(world)

    assert (one.id, two.id) == (first.id, second.id)
    assert first.outcome == second.outcome
    assert [first, second] == [world.order(settle(event.id), key="k").event for event in (one, two)]
    assert before == contents(world)


def test_a_repeat_is_answered_after_a_restart():
    world = World()
    order = c.CreateBudget("user", quanta(100), Policy(), "USD")
    first = world.order(order, key="k")

    assert without_secret(first) == world.reopened().order(order, key="k")


def test_a_repeat_is_answered_as_it_was_then():
    world = World()
    budget = world.budget()
    order = c.Fund(budget.budget.id, c.FundingOperation.CREDIT, quanta(5))
    first = world.order(order, key="k")
    world.order(c.Fund(budget.budget.id, c.FundingOperation.CREDIT, quanta(50)))

    assert first == world.order(order, key="k")


def test_a_refused_order_leaves_its_key_free():
    world = World()
    budget_id = world.budget().budget.id
    assert ErrorCode.BUDGET_STATE_CONFLICT is refusal(world.order, c.Resume(budget_id, "r"), key="k")
    world.order(c.UpdateBudget(budget_id, c.PolicyPatch(paused=True)))

    assert refusal(world.order, c.Resume(budget_id, "r"), key="k") is None


def test_keys_of_different_operations_are_different_keys():
    world = World()
    budget_id = world.budget().budget.id
    world.order(c.CreateReceipt(budget_id), key="k")

    assert refusal(world.order, c.RotateToken(budget_id), key="k") is None


def test_keys_of_different_tenants_are_different_keys():
    world = World()
    order = c.CreateTenant("Acme")

    assert world.order(order, key="k").tenant.id != world.order(order, key="k", tenant=STRANGER).tenant.id


def test_without_a_key_every_order_is_carried_out():
    world = World()
    budget = world.budget()
    for _ in range(2):
        world.order(c.Fund(budget.budget.id, c.FundingOperation.CREDIT, quanta(5)))

    assert quanta(110) == world.stored(budget).funds.limit
