"""
What a caller reads about tokens, keys, subscriptions and webhooks.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from types import SimpleNamespace

from figuard.domain.admin import ApiKey, Delivery, DeliveryStatus, KeyScope, Webhook
from figuard.domain.amounts import quanta
from figuard.domain.entitlements import RenewalPeriod, Subscription
from figuard.domain.replies import (
    ApiKeyReply,
    ItemReply,
    SubscriptionReply,
    TokenReply,
    WebhookReply,
)
from figuard.domain.tokens import TokenKind
from figuard.domain.views import (
    ApiKeysView,
    CountView,
    DeliveriesView,
    SubscriptionsView,
    SubscriptionView,
    TokensView,
    TokenView,
    WebhooksView,
)
from figuard.wire.operations import find
from tests.unit.domain.made import NOW, balance, budget, cap, item, token
from tests.unit.wire.asked import context
from tests.unit.wire.shown import nulls, shown

START = "2030-01-01T00:00:00.000000Z"


DELEGATION = """
id parentBudgetId label status sessionToken sessionTokenPrefix caps revokedAt createdAt
""".split()


def test_a_delegation_token():
    made = token("t", cap("Food", 10, spent=1, reserved=2), path=("parent", "grandparent"))
    body = shown("create_delegation_token", TokenReply(made, budget(), "st_secret"))

    assert set(DELEGATION) <= set(body)
    assert [
        {
            "id": "cap on Food",
            "category": "food",
            "totalLimit": Decimal(10),
            "quantitySpent": Decimal(1),
            "quantityReserved": Decimal(2),
            "availableQuantity": Decimal(7),
        }
    ] == body["caps"]
    assert ("st_secret", "st_t", "ACTIVE", "parent", "DELEGATION") == (
        body["sessionToken"],
        body["sessionTokenPrefix"],
        body["status"],
        body["parentTokenId"],
        body["kind"],
    )
    assert {"actionTypes": None, "categories": None, "maxTransactionQuantity": None, "readOnly": False} == body["scope"]
    assert {"revokedAt", "expiresAt"} == nulls(body)


def test_the_states_of_a_token():
    revoked, over = token("r", revoked_at=NOW), token("o", expires_at=NOW)
    scoped = token("s", kind=TokenKind.SCOPED, action_types=("buy",), max_transaction=quanta(5), read_only=True)

    bodies = shown("list_delegation_tokens", TokensView((revoked, over, scoped)))

    assert ["REVOKED", "EXPIRED", "ACTIVE"] == [body["status"] for body in bodies]
    assert {
        "actionTypes": ["buy"],
        "categories": None,
        "maxTransactionQuantity": Decimal(5),
        "readOnly": True,
    } == bodies[2]["scope"]
    assert "SCOPED" == shown("get_delegation_token", TokenView(scoped))["kind"]
    assert bodies[0]["sessionToken"] is None


def test_keys_leave_out_what_they_have_not():
    key = ApiKey("k", "tenant", "hash", "fg_live_abcd", NOW)
    ended = replace(key, description="ci", scope=KeyScope.READ, revoked_at=NOW, last_used_at=NOW, expires_at=NOW)

    assert {"id": "k", "keyPrefix": "fg_live_abcd", "active": True, "scope": "admin", "createdAt": START} == shown(
        "revoke_api_key", ApiKeyReply(key)
    )
    assert "fg_live_secret" == shown("create_api_key", ApiKeyReply(key, "fg_live_secret"))["rawKey"]
    assert [
        {
            "id": "k",
            "keyPrefix": "fg_live_abcd",
            "description": "ci",
            "active": False,
            "scope": "read",
            "createdAt": START,
            "lastUsedAt": START,
            "expiresAt": START,
            "revokedAt": START,
        }
    ] == shown("list_api_keys", ApiKeysView((ended,)))


SUBSCRIPTION = Subscription("s", "tenant", "customer-1", "pro", NOW, NOW, RenewalPeriod.MONTHLY)


def test_a_subscription_in_both_spellings():
    body = shown("get_subscription", SubscriptionView(SUBSCRIPTION, (item(),)))
    items = body["entitlements"]

    assert {
        "id": "s",
        "externalSubscriberId": "customer-1",
        "name": "pro",
        "plan": "pro",
        "status": "ACTIVE",
        "renewalPeriod": "MONTHLY",
        "subscriptionStartDate": START,
        "startsAt": START,
        "entitlementItems": items,
        "entitlements": items,
        "createdAt": START,
        "updatedAt": START,
    } == body
    assert [body] == shown("list_subscriptions", SubscriptionsView((SubscriptionView(SUBSCRIPTION, (item(),)),)))
    assert items == shown("list_entitlements", SubscriptionView(SUBSCRIPTION, (item(),)))
    assert [] == shown("pause_subscription", SubscriptionReply(SUBSCRIPTION))["entitlementItems"]


def test_an_entitlement_in_both_spellings():
    """
    Held amounts are part of what is consumed; the SDK subtracts currentPeriodReserved once more, so it is zero.
    """
    made = item(100, balance=balance(20, 30), state_since=NOW)

    assert {
        "id": "item",
        "subscriptionId": "subscription",
        "name": "API calls",
        "category": "API calls",
        "limitUnit": "call",
        "limitQuantity": Decimal(100),
        "periodLimit": Decimal(100),
        "currentPeriodConsumed": Decimal(50),
        "currentPeriodReserved": Decimal(0),
        "heldQuantity": Decimal(30),
        "remaining": Decimal(50),
        "consumedPercentage": 50,
        "warnAtPercentage": 80,
        "renewalPeriod": "MONTHLY",
        "renewalAnchorDay": 1,
        "nextRenewalAt": "2030-02-01T00:00:00.000000Z",
        "overagePolicy": "BLOCK",
        "state": "NORMAL",
        "lastStateTransitionAt": START,
        "createdAt": START,
    } == shown("add_entitlement", ItemReply(made))


def test_a_webhook_never_shows_its_secret():
    hook = Webhook("w", "tenant", "https://example.com", "very secret indeed", ("SPEND_DENIED",), NOW)
    body = {
        "id": "w",
        "url": "https://example.com",
        "events": ["SPEND_DENIED"],
        "active": True,
        "createdAt": START,
    }

    assert body == shown("create_webhook", WebhookReply(hook))
    assert [body] == shown("list_webhooks", WebhooksView((hook,)))


def test_deliveries_leave_out_what_they_have_not():
    waiting = Delivery("d", "tenant", "w", "https://example.test/hook", "book", "SPEND_DENIED", '{"a":1}', NOW, NOW)
    sent = replace(
        waiting, status=DeliveryStatus.DELIVERED, due_at=None, attempts=1, response_status=200, delivered_at=NOW
    )
    first, second = shown("get_all_deliveries", DeliveriesView((waiting, sent)))

    assert {
        "id": "d",
        "webhookConfigId": "w",
        "targetUrl": "https://example.test/hook",
        "eventType": "SPEND_DENIED",
        "status": "PENDING",
        "payload": '{"a":1}',
        "attemptCount": 0,
        "nextAttemptAt": START,
        "createdAt": START,
    } == first
    assert ("DELIVERED", 200, START, 1) == (
        second["status"],
        second["responseStatus"],
        second["deliveredAt"],
        second["attemptCount"],
    )
    assert {"failedCount": 7} == shown("get_failed_delivery_count", CountView(7))


def test_a_test_of_a_webhook():
    attempt = SimpleNamespace(
        success=False, response_status=500, response_body="no", error_message="it answered 500", duration_ms=12
    )

    assert {
        "success": False,
        "responseStatus": 500,
        "responseBody": "no",
        "durationMs": 12,
        "errorMessage": "it answered 500",
    } == shown("test_webhook", attempt)


def test_nothing_is_no_body():
    assert find("delete_webhook").render(object(), context()) is None
    assert find("retry_delivery").render(object(), context()) is None
