"""
What a caller reads about budgets, tokens, keys, subscriptions and webhooks.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from figuard.domain.admin import Receipt
from figuard.domain.amounts import quanta
from figuard.domain.anomaly import AnomalyPolicy
from figuard.domain.budget import Balance, Head, OveragePolicy, Policy, Status, TrustMode, UnknownOutcomePolicy
from figuard.domain.commands import FundingOperation
from figuard.domain.replies import (
    BudgetReply,
    BudgetsReply,
    FundReply,
    ReceiptReply,
    SecretReply,
)
from figuard.domain.tokens import TokenKind
from figuard.domain.velocity import VelocityLimits
from figuard.domain.views import (
    BudgetsView,
    BudgetView,
)
from tests.builders import allocation
from tests.unit.domain.made import NOW, balance, budget, later, token
from tests.unit.wire.shown import shown

START = "2030-01-01T00:00:00.000000Z"


def test_a_budget_leaves_out_what_it_has_not():
    """
    Velocity members must be absent when unset; allocations and expiresAt are always there.
    """
    body = shown("get_budget", BudgetView(budget(), NOW))

    assert {
        "id": "budget",
        "userId": "user",
        "intentContext": "",
        "totalLimit": Decimal(100),
        "currency": "USD",
        "quantitySpent": Decimal(0),
        "quantityReserved": Decimal(0),
        "availableQuantity": Decimal(100),
        "authorizationExpirySeconds": 300,
        "entityDedupEnabled": False,
        "anomalyDetectionEnabled": False,
        "autoPauseOnAnomaly": True,
        "anomalyPauseThresholdMultiplier": Decimal(3),
        "anomalyMinSampleSize": 5,
        "trustMode": "FULL_ENFORCEMENT",
        "overagePolicy": "ALLOW_IF_AVAILABLE",
        "unknownOutcomePolicy": "HOLD",
        "status": "ACTIVE",
        "allocations": [],
        "expiresAt": None,
        "createdAt": START,
        "updatedAt": START,
        "traceId": "trace-1",
    } == body


def test_a_budget_with_everything():
    policy = Policy(
        expires_at=later(60),
        intent_tags=("food",),
        soft_limit=quanta(80),
        max_transaction=quanta(20),
        authorization_expiry_seconds=60,
        velocity=VelocityLimits(1, quanta(2), 3),
        entity_dedup=True,
        anomaly=AnomalyPolicy(enabled=True, auto_pause=False, multiplier=quanta("2.5"), min_samples=9),
        trust_mode=TrustMode.SHADOW,
        overage=OveragePolicy.ALLOW_WITH_OVERDRAFT,
        overdraft_limit=quanta(5),
        unknown_outcome=UnknownOutcomePolicy.VOID,
        unknown_outcome_seconds=3600,
        unused_expiry_seconds=900,
    )
    plain = budget(policy=policy)
    full = replace(
        plain,
        identity=replace(
            plain.identity,
            external_reference="order-1",
            intent_context="buy",
            item_id="item",
            subscription_id="sub",
            metadata={"a": [1]},
        ),
        funds=replace(plain.funds, balance=Balance(quanta(1), quanta(2), quanta(3), quanta(4))),
        cancelled_at=later(1),
        status=Status.CANCELLED,
        head=Head(at=later(2)),
    )
    body = shown("get_budget", BudgetView(full, NOW))

    assert {
        **body,
        "externalReference": "order-1",
        "intentContext": "buy",
        "intentTags": ["food"],
        "maxTransactionQuantity": Decimal(20),
        "softLimit": Decimal(80),
        "velocityMaxPerMinute": 1,
        "velocityMaxAmountPerHour": Decimal(2),
        "velocityMaxPerDay": 3,
        "overdraftLimit": Decimal(5),
        "unknownOutcomeDeadlineSeconds": 3600,
        "expireUnusedAfterSeconds": 900,
        "expiresAt": "2030-01-01T00:01:00.000000Z",
        "cancelledAt": "2030-01-01T00:00:01.000000Z",
        "updatedAt": "2030-01-01T00:00:02.000000Z",
        "entitlementItemId": "item",
        "subscriptionId": "sub",
        "shadowQuantitySpent": Decimal(3),
        "shadowQuantityReserved": Decimal(4),
        "metadata": {"a": [1]},
        "availableQuantity": Decimal(97),
        "status": "CANCELLED",
    } == body


def test_an_overdrawn_budget_shows_less_than_nothing():
    body = shown("get_budget", BudgetView(budget(spent=120), NOW))

    assert (Decimal(-20), "EXHAUSTED") == (body["availableQuantity"], body["status"])


def test_a_budget_reads_expired_after_its_grace():
    view = BudgetView(budget(expires_at=NOW, grace_seconds=60), later(61))

    assert "EXPIRED" == shown("get_budget", view)["status"]


def test_allocations_are_shown_whole():
    food = replace(
        allocation("Food", 50, "Food", "DRINK"), id="food", balance=balance(20, 10), forbidden_item_types=("WINE",)
    )
    rest = replace(allocation("rest", 10), id="rest")
    first, second = shown("get_budget", BudgetView(budget(allocations=(food, rest)), NOW))["allocations"]

    assert {
        "id": "food",
        "category": "Food",
        "allowedCategories": ["Food", "DRINK"],
        "forbiddenItemTypes": ["WINE"],
        "enforcementMode": "CATEGORY_CONSTRAINED",
        "limit": Decimal(50),
        "quantitySpent": Decimal(20),
        "quantityReserved": Decimal(10),
        "availableQuantity": Decimal(20),
        "status": "ACTIVE",
    } == first
    assert second["forbiddenItemTypes"] is None


def test_a_new_budget_shows_its_token_once():
    reply = BudgetReply(budget(unit="tokens"), NOW, secret="st_secret", token=token("t", kind=TokenKind.SESSION))
    body = shown("create_budget", reply)

    assert [
        {
            "category": "default",
            "sessionToken": "st_secret",
            "sessionTokenPrefix": "st_t",
            "unit": "tokens",
            "currency": None,
        }
    ] == body["tokens"]
    assert "st_t" == body["sessionTokenPrefix"]
    assert "tokens" not in shown("create_budget", BudgetReply(budget(), NOW, created=False))


def test_lists_of_budgets():
    page = shown("list_budgets", BudgetsView((budget(),), 1, 0, 20, NOW))

    assert (1, 1, "budget") == (page["totalElements"], page["totalPages"], page["content"][0]["id"])
    assert ["budget"] == [one["id"] for one in shown("cancel_batch", BudgetsReply((budget(),), NOW))]


def test_funding():
    reply = FundReply(budget(110, spent=5, reserved=1), FundingOperation.CREDIT, quanta(10), quanta(100), None, NOW)

    assert {
        "budgetId": "budget",
        "operation": "CREDIT",
        "amount": Decimal(10),
        "reason": None,
        "previousTotalLimit": Decimal(100),
        "totalLimit": Decimal(110),
        "quantitySpent": Decimal(5),
        "quantityReserved": Decimal(1),
        "availableQuantity": Decimal(104),
        "status": "ACTIVE",
        "updatedAt": START,
        "traceId": "trace-1",
    } == shown("fund_budget", reply)


def test_a_new_session_token():
    reply = SecretReply("st_secret", token("t"))

    assert {"sessionToken": "st_secret", "sessionTokenPrefix": "st_t"} == shown("rotate_session_token", reply)


def test_a_receipt():
    reply = ReceiptReply(Receipt("r", "tenant", "budget", "token", NOW, later(60)))

    assert {
        "receiptUrl": "https://figuard.test/receipts/token",
        "expiresAt": "2030-01-01T00:01:00.000000Z",
    } == shown("get_receipt_url", reply)
