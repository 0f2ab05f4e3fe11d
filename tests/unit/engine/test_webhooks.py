"""
Webhooks: a delivery is written in the transaction it tells of, for each webhook that wants its type.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from figuard.domain import commands as c
from figuard.domain import questions as q
from figuard.domain.admin import Delivery, DeliveryStatus
from figuard.domain.backoff import DELIVERY_DELAYS_SECONDS
from figuard.domain.codes import ErrorCode
from figuard.domain.instants import SECOND
from figuard.engine.administer import RESPONSE_BODY_MAX
from figuard.ports import StoreUnavailable
from tests.builders import World
from tests.unit.domain.made import refusal
from tests.unit.engine.tools import STRANGER, WatchedStore, heard, listen


def deliveries(world: World, **fields: Any) -> tuple[Delivery, ...]:
    found: tuple[Delivery, ...] = world.ask(q.ListDeliveries(**fields)).deliveries
    return found


def told(*types: str) -> tuple[World, Delivery]:
    """Return a world with one delivery: of a failed payment."""
    world = World()
    listen(world, *types)
    world.fail(world.authorize(world.budget()).event)
    (delivery,) = deliveries(world)
    return world, delivery


def settle(world: World, delivery: Delivery, status: int | None = None, **fields: Any) -> Delivery:
    settled: Delivery = world.order(c.SettleDelivery(delivery.id, status, **fields)).delivery
    return settled


def test_a_delivery_is_written_with_what_it_tells():
    world, delivery = told()
    payload = json.loads(delivery.payload)

    assert ("SPEND_PAYMENT_FAILED", DeliveryStatus.PENDING, 0) == (
        delivery.event_type, delivery.status, delivery.attempts,
    )  # fmt: skip
    assert (delivery.id, delivery.book_id) == (payload["deliveryId"], payload["budgetId"])
    assert delivery.due_at == world.clock.now()


def test_amounts_in_a_payload_are_exact_numbers():
    _, delivery = told()

    assert '"requestedQuantity":10.00' in delivery.payload


def test_what_is_not_committed_is_not_told():
    store = WatchedStore()
    world = World(store)
    listen(world)
    event = world.authorize(world.budget()).event
    store.failures = [StoreUnavailable("gone")]

    assert ErrorCode.STORE_UNAVAILABLE is refusal(world.fail, event)
    assert [] == heard(world)


def test_what_is_refused_is_not_told():
    world = World()
    listen(world)
    refusal(world.order, c.Resume(world.budget().budget.id, "r"))

    assert [] == heard(world)


def test_only_the_types_that_were_asked_for_are_told():
    world = World()
    listen(world, "SPEND_VOIDED")
    budget = world.budget()
    world.fail(world.authorize(budget, key="a").event)
    world.void(world.authorize(budget, key="b").event)

    assert ["SPEND_VOIDED"] == heard(world)


def test_every_webhook_that_wants_it_gets_a_delivery_of_its_own():
    world = World()
    hooks = {listen(world), listen(world)}
    world.fail(world.authorize(world.budget()).event)

    assert hooks == {delivery.webhook_id for delivery in deliveries(world)}


def test_a_deleted_webhook_is_told_nothing_more_and_keeps_its_evidence():
    world, delivery = told()
    world.order(c.DeleteWebhook(delivery.webhook_id))
    world.fail(world.authorize(world.budget()).event)

    assert (delivery,) == deliveries(world)


def test_a_webhook_deleted_in_the_same_batch_is_told_nothing():
    world = World()
    hook = listen(world)
    event = world.authorize(world.budget()).event
    world.engine.commit(
        [c.Order(command, event.tenant_id, "test") for command in (c.DeleteWebhook(hook), c.Fail(event.id, "r"))]
    )

    assert [] == heard(world)


def test_webhooks_of_another_tenant_are_told_nothing():
    world = World()
    listen(world, tenant=STRANGER)
    world.fail(world.authorize(world.budget()).event)

    assert [] == heard(world, STRANGER)


def test_thresholds_are_told_on_authorization_settlement_and_funding():
    world = World()
    listen(world, "BUDGET_50_PCT", "BUDGET_90_PCT", "BUDGET_EXHAUSTED")
    budget = world.budget(100)
    event = world.authorize(budget, 50).event
    world.confirm(event, 90)
    world.order(c.Fund(budget.budget.id, c.FundingOperation.DEBIT, 10**9))

    assert ["BUDGET_50_PCT", "BUDGET_90_PCT", "BUDGET_EXHAUSTED"] == heard(world)


def test_a_threshold_is_told_once_though_many_markers_follow():
    world = World()
    listen(world, "BUDGET_EXHAUSTED")
    budget = world.budget(100)
    world.authorize(budget, 100, "all")
    for n in range(3):
        world.authorize(budget, 1, f"marker {n}", reserve=False)

    assert ["BUDGET_EXHAUSTED"] == heard(world)


# -- delivering ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [200, 204, 299])
def test_any_success_delivers(status: int):
    world, delivery = told()
    settled = settle(world, delivery, status, response_body="thanks")

    assert (DeliveryStatus.DELIVERED, 1, None, world.clock.now()) == (
        settled.status, settled.attempts, settled.due_at, settled.delivered_at,
    )  # fmt: skip


@pytest.mark.parametrize("status", [None, 199, 300, 404, 500])
def test_anything_else_is_tried_again_later(status: int | None):
    world, delivery = told()
    settled = settle(world, delivery, status, error_message="no")

    assert (DeliveryStatus.PENDING, 1, "no") == (settled.status, settled.attempts, settled.error_message)
    assert (settled.due_at or 0) >= world.clock.now() + DELIVERY_DELAYS_SECONDS[0] * SECOND


def dead(world: World, delivery: Delivery) -> Delivery:
    for _ in range(len(DELIVERY_DELAYS_SECONDS) + 1):
        delivery = settle(world, delivery, 500)
    return delivery


def test_the_tenth_failure_makes_a_dead_letter():
    world, delivery = told()
    letter = dead(world, delivery)

    assert (DeliveryStatus.FAILED, 10, None) == (letter.status, letter.attempts, letter.due_at)
    assert 1 == world.ask(q.CountFailedDeliveries()).count


def test_a_dead_letter_is_revived_by_hand():
    world, delivery = told()
    dead(world, delivery)
    revived = world.order(c.RetryDelivery(delivery.id)).delivery

    assert (DeliveryStatus.PENDING, 0, world.clock.now()) == (revived.status, revived.attempts, revived.due_at)


def test_only_a_dead_letter_is_retried_by_hand():
    world, delivery = told()

    assert ErrorCode.DELIVERY_STATE_CONFLICT is refusal(world.order, c.RetryDelivery(delivery.id))


def test_a_delivery_is_settled_once():
    world, delivery = told()
    delivered = settle(world, delivery, 200)

    assert delivered == settle(world, delivery, 500)


def test_a_long_answer_is_cut():
    world, delivery = told()

    assert RESPONSE_BODY_MAX == len(settle(world, delivery, 200, response_body="x" * 10**5).response_body or "")


@pytest.mark.parametrize("command", [c.DeleteWebhook("x"), c.RetryDelivery("x"), c.SettleDelivery("x")])
def test_what_does_not_exist_is_not_found(command: Any):
    assert ErrorCode.NOT_FOUND is refusal(World().order, command)


def test_a_webhook_is_deleted_once():
    world = World()
    hook = listen(world)
    world.order(c.DeleteWebhook(hook))

    assert ErrorCode.NOT_FOUND is refusal(world.order, c.DeleteWebhook(hook))
    assert ErrorCode.NOT_FOUND is refusal(world.ask, q.GetWebhook(hook))


def test_webhooks_are_listed_while_they_live():
    world = World()
    hooks = [listen(world) for _ in range(3)]
    world.order(c.DeleteWebhook(hooks[1]))

    assert {hooks[0], hooks[2]} == {hook.id for hook in world.ask(q.ListWebhooks()).webhooks}
    assert hooks[0] == world.ask(q.GetWebhook(hooks[0])).webhook.id


def test_deliveries_can_be_filtered():
    world, first = told()
    other = listen(world, "SPEND_VOIDED")
    world.clock.advance(60)
    world.void(world.authorize(world.budget()).event)
    settle(world, first, 200)

    assert 1 == len(deliveries(world, webhook_id=other))
    assert [first.id] == [d.id for d in deliveries(world, status=DeliveryStatus.DELIVERED)]
    assert 2 == len(deliveries(world, event_type="SPEND_VOIDED"))
    assert 2 == len(deliveries(world, since=world.clock.now()))
    assert 1 == len(deliveries(world, size=1))
    assert ErrorCode.NOT_FOUND is refusal(deliveries, world, webhook_id="nobody")
