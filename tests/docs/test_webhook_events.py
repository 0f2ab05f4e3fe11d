"""
The reference of webhook events is what is really sent: each type is made to happen, and its members are compared.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator

import pytest

from figuard import FiGuardApiError, FiGuardClient
from figuard.domain.notices import EVENT_TYPES
from figuard.testing.mock import MockFiGuardClient
from figuard.webhooks.sender import Sender
from tests.meta.tree import ROOT

sys.path.insert(0, str(ROOT / "tools"))
from webhook_events import WEBHOOK_EVENTS

EMBEDDED = [name for name, event in WEBHOOK_EVENTS.items() if event.is_sent and not event.by_server]
"""The types that happen without a server."""
ALWAYS = {"eventType", "timestamp", "deliveryId"}
OF_BUDGETS = {"budgetId", "tenantId", "userId", "currency", "unit"}
SIGNED = ("webhook-id", "webhook-timestamp", "webhook-signature", "X-Webhook-Event", "X-Webhook-Signature")


@pytest.fixture(scope="module")
def notices() -> dict[str, list[dict[str, object]]]:
    """Return what every type of notice carried, in a story in which each happens."""
    with MockFiGuardClient() as client:
        # An address by number: no name has to be looked up.
        hook = client.create_webhook("https://93.184.215.14/hook", "a secret of theirs", EVENT_TYPES)
        for act in (spending, settling, rules, tokens, quotas):
            act(client)
        end_of_life(client)
        told: dict[str, list[dict[str, object]]] = {}
        for one in deliveries(client, hook.id):
            told.setdefault(str(one["eventType"]), []).append(one)
        return told


def deliveries(client: MockFiGuardClient, webhook_id: str) -> Iterator[dict[str, object]]:
    """Yield the bodies of all notices."""
    for delivery in client.get_webhook_deliveries(webhook_id):
        assert delivery.payload is not None
        yield json.loads(delivery.payload)


def spending(client: MockFiGuardClient) -> None:
    """Cross every threshold and be denied."""
    budget = client.create_budget("thresholds", 100, soft_limit=40)
    for key, amount in (("a", 45), ("b", 10), ("c", 36), ("d", 9)):
        client.authorize(budget=budget, amount=amount, idempotency_key=key)
    client.authorize(budget=budget, amount=1)
    divided = client.create_budget(
        "divided", 10, allocations=[{"category": "x", "limit": 5, "allowedCategories": ["x"]}]
    )
    for _ in range(2):
        client.authorize(budget=divided, amount=5, claimed_category="x")


def settling(client: MockFiGuardClient) -> None:
    """End events in every way there is."""
    budget = client.create_budget("settling", 1000)

    def held(parent: str | None = None) -> str:
        return client.authorize(budget=budget, amount=10, parent_event_id=parent).event_id or ""

    paid = held()
    client.confirm(paid, 10)
    client.refund(paid, 4)
    client.fail(held(), "DECLINED")
    client.void(held(), "CHANGED")
    root = held()
    held(root)
    client.void_tree(root, "ALL_OFF")
    client.mark_unknown(held(), "TIMEOUT")
    client.record_external_event(budget.id, "me", "SPEND", "by card", 2000, "card-1")


def rules(client: MockFiGuardClient) -> None:
    """Be too fast, be out of line, be paused and go on."""
    fast = client.create_budget("fast", 100, velocity_max_per_minute=1)
    for _ in range(3):
        client.authorize(budget=fast, amount=1)
    odd = client.create_budget("odd", 5000, anomaly_detection_enabled=True)
    for _ in range(5):
        client.confirm(client.authorize(budget=odd, amount=10), 10)
    client.authorize(budget=odd, amount=1000)
    client.resume_budget(odd.id, "looked at", "mara")
    client.pause_budget(odd.id)
    client.update_budget(odd.id, status="ACTIVE")


def tokens(client: MockFiGuardClient) -> None:
    """Issue a token and end it."""
    token = client.create_delegation_token(client.create_budget("fleet", 10), "helper", {"x": 5})
    client.revoke_delegation_token(token)


def quotas(client: MockFiGuardClient) -> None:
    """Use a quota up, pause it, go on, and let a month pass."""
    quota = {"category": "calls", "period_limit": 100, "limit_unit": "calls"}
    contract = client.create_subscription("customer", "team", "MONTHLY", entitlements=[quota])
    budget = client.create_budget("bot", 1000, unit="calls", entitlement_item_id=contract.entitlements[0].id)
    for amount in (85, 15):
        client.confirm(client.authorize(budget=budget, amount=amount), amount)
    client.pause_subscription(contract.id)
    client.resume_subscription(contract.id)
    client.advance("40d")
    client.authorize(budget=budget, amount=1)


def end_of_life(client: MockFiGuardClient) -> None:
    """Leave one budget unused and another near its end, and sweep; nothing is really sent."""
    client._embedded._deliver = Sender(resolve=nowhere)
    client.create_budget("unused", 10, expires_in="30m", expire_unused_after_seconds=60)
    client.create_budget("ending", 10, expires_in="50m")
    client.advance("2m")
    client.sweep()


def nowhere(host: str, _port: int, _seconds: float) -> list[str]:
    """Resolve nothing."""
    raise OSError(host)


@pytest.mark.parametrize(
    "event_type", [name for name, event in WEBHOOK_EVENTS.items() if event.is_sent and not event.by_server]
)
def test_a_type_carries_what_the_reference_says(event_type, notices):
    event = WEBHOOK_EVENTS[event_type]
    common = ALWAYS | (set() if event_type.startswith("ENTITLEMENT") else OF_BUDGETS)

    assert notices.get(event_type), f"nothing in the story sends {event_type}"
    for notice in notices[event_type]:
        assert common | set(event.members) <= set(notice) <= common | set(event.members) | set(event.optional)


def test_what_is_said_never_to_be_sent_is_not(notices):
    assert {name for name, event in WEBHOOK_EVENTS.items() if not event.is_sent} & set(notices) == set()


def test_the_reference_has_every_type_in_the_order_of_the_code():
    assert list(EVENT_TYPES) == list(WEBHOOK_EVENTS)


def test_a_webhook_may_not_be_for_a_type_that_does_not_exist():
    with FiGuardClient(database=":memory:", log=False) as client, pytest.raises(FiGuardApiError) as refused:
        client.create_webhook("https://93.184.215.14/hook", "a secret of theirs", ["SPEND_AUTHORISED"])

    assert "events[0]" in refused.value.field_errors
