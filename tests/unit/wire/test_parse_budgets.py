"""
Requests about budgets: defaults, bounds, rules across fields, and what a null means where.
"""

from __future__ import annotations

import pytest

from figuard.domain.amounts import QUANTA_PER_UNIT
from figuard.domain.anomaly import AnomalyPolicy
from figuard.domain.budget import (
    Allocation,
    EnforcementMode,
    OveragePolicy,
    Policy,
    TrustMode,
    UnknownOutcomePolicy,
)
from figuard.domain.codes import ErrorCode
from figuard.domain.commands import (
    CreateBudget,
)
from figuard.domain.instants import SECOND
from figuard.domain.instants import parse as instant
from figuard.domain.instants import text as time_text
from figuard.domain.velocity import VelocityLimits
from figuard.wire import limits
from figuard.wire.context import Settings
from tests.unit.wire.asked import ID, LATER, NOW, asked, changed, faults, parsed, refusal

ONE = QUANTA_PER_UNIT
NO_DEADLINE = "needs unknownOutcomePolicy CONFIRM or VOID, got HOLD, which has no deadline"
NO_CATEGORIES = "needs allowedCategories for enforcementMode CATEGORY_CONSTRAINED"
FOOD = {"category": "Food", "limit": 40, "allowedCategories": ["Food", "DRINK"]}


def test_the_smallest_budget():
    """
    Neither a currency nor a unit means dollars; a hold lasts five minutes unless told.
    """
    assert CreateBudget("user", 100 * ONE, Policy(expires_at=instant(LATER)), "USD") == parsed("create_budget")


def test_the_largest_budget():
    command = asked(
        "create_budget",
        currency="eur",
        externalReference="order-1",
        entitlementItemId=ID,
        intentContext="buy food",
        intentTags=["food", "drink"],
        softLimit=80,
        maxTransactionQuantity="20",
        authorizationExpirySeconds=60,
        velocityMaxPerMinute=5,
        velocityMaxAmountPerHour=50,
        velocityMaxPerDay=100,
        entityDedupEnabled=True,
        anomalyDetectionEnabled=True,
        autoPauseOnAnomaly=False,
        anomalyPauseThresholdMultiplier=2.5,
        anomalyMinSampleSize=10,
        trustMode="SHADOW",
        overagePolicy="ALLOW_WITH_OVERDRAFT",
        overdraftLimit=5,
        unknownOutcomePolicy="CONFIRM",
        unknownOutcomeDeadlineSeconds=3600,
        expireUnusedAfterSeconds=900,
        metadata={"team": "a"},
        allocations=[FOOD, {"category": "rest", "limit": 10, "enforcementMode": "OPEN"}],
    )

    assert command == CreateBudget(
        user_id="user",
        limit=100 * ONE,
        policy=Policy(
            expires_at=instant(LATER),
            intent_tags=("food", "drink"),
            soft_limit=80 * ONE,
            max_transaction=20 * ONE,
            authorization_expiry_seconds=60,
            velocity=VelocityLimits(5, 50 * ONE, 100),
            entity_dedup=True,
            anomaly=AnomalyPolicy(enabled=True, auto_pause=False, multiplier=250_000_000, min_samples=10),
            trust_mode=TrustMode.SHADOW,
            overage=OveragePolicy.ALLOW_WITH_OVERDRAFT,
            overdraft_limit=5 * ONE,
            unknown_outcome=UnknownOutcomePolicy.CONFIRM,
            unknown_outcome_seconds=3600,
            unused_expiry_seconds=900,
        ),
        currency="EUR",
        external_reference="order-1",
        intent_context="buy food",
        item_id=ID,
        allocations=(
            Allocation("", "Food", 40 * ONE, allowed_categories=("Food", "DRINK")),
            Allocation("", "rest", 10 * ONE, EnforcementMode.OPEN),
        ),
        metadata={"team": "a"},
    )


def test_settings_give_the_defaults():
    command = parsed("create_budget", settings=Settings(hold_seconds_default=30, grace_seconds=0))

    assert (30, 0) == (command.policy.authorization_expiry_seconds, command.policy.grace_seconds)


def test_a_unit_stands_alone():
    command = asked("create_budget", unit="tokens")

    assert (None, "tokens") == (command.currency, command.unit)


def test_everything_that_is_missing_is_named_at_once():
    required = {"userId": "is required", "totalLimit": "is required", "expiresAt": "is required"}

    assert required == refusal("create_budget", {}).fields


def test_only_who_allows_it_gets_a_budget_without_an_end():
    body = changed("create_budget", expiresAt=...)

    assert parsed("create_budget", body, settings=Settings(never_expires=True)).policy.expires_at is None
    assert {"expiresAt": "is required"} == refusal("create_budget", body).fields


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({"userId": " "}, {"userId": "must not be blank"}),
        ({"totalLimit": 0}, {"totalLimit": "must be greater than zero"}),
        ({"totalLimit": -5}, {"totalLimit": "must not be negative, got -5"}),
        ({"expiresAt": "2030-01-01T00:00:00Z"}, {"expiresAt": "must be in the future, got '2030-01-01T00:00:00Z'"}),
        ({"expiresAt": "2031-01-01"}, {"expiresAt": "is not an ISO 8601 time with an offset: '2031-01-01'"}),
        (
            {"currency": "USD", "unit": "tokens"},
            {"currencyOrUnitValid": "needs exactly one of currency and unit, got both"},
        ),
        ({"currency": "DOLLAR"}, {"currency": "must be exactly 3 characters, got 6"}),
        ({"unit": "x" * 51}, {"unit": "must be at most 50 characters, got 51"}),
        ({"externalReference": "x" * 256}, {"externalReference": "must be at most 255 characters, got 256"}),
        ({"entitlementItemId": "x"}, {"entitlementItemId": "must be a UUID, got 'x'"}),
        ({"intentContext": "x" * 1001}, {"intentContext": "must be at most 1000 characters, got 1001"}),
        ({"intentTags": ["a", " "]}, {"intentTags[1]": "must not be blank"}),
        ({"softLimit": 0}, {"softLimit": "must be greater than zero"}),
        ({"maxTransactionQuantity": -1}, {"maxTransactionQuantity": "must not be negative, got -1"}),
        ({"authorizationExpirySeconds": 0}, {"authorizationExpirySeconds": "must be from 1 to 31,622,400"}),
        ({"velocityMaxPerMinute": 0}, {"velocityMaxPerMinute": "must be from 1 to 2,147,483,647"}),
        ({"velocityMaxPerDay": 2**31}, {"velocityMaxPerDay": "must be from 1 to 2,147,483,647"}),
        ({"velocityMaxAmountPerHour": 0}, {"velocityMaxAmountPerHour": "must be greater than zero"}),
        (
            {"anomalyDetectionEnabled": True, "unit": "tokens"},
            {"anomalyDetectionValidForBudgetType": "needs a budget in a currency, got one in a unit"},
        ),
        ({"anomalyPauseThresholdMultiplier": 0}, {"anomalyPauseThresholdMultiplier": "must be greater than zero"}),
        ({"anomalyPauseThresholdMultiplier": 1000}, {"anomalyPauseThresholdMultiplier": "must be at most 999.99"}),
        (
            {"anomalyPauseThresholdMultiplier": 1.125},
            {"anomalyPauseThresholdMultiplier": "must have at most 2 fraction digits"},
        ),
        ({"anomalyMinSampleSize": 1001}, {"anomalyMinSampleSize": "must be from 1 to 1,000"}),
        ({"trustMode": "STRICT"}, {"trustMode": "must be one of FULL_ENFORCEMENT, SHADOW, got 'STRICT'"}),
        (
            {"overagePolicy": "ALLOW"},
            {"overagePolicy": "must be one of REJECT, ALLOW_IF_AVAILABLE, ALLOW_WITH_OVERDRAFT, got 'ALLOW'"},
        ),
        (
            {"overagePolicy": "ALLOW_WITH_OVERDRAFT"},
            {"overdraftLimit": "is required with overagePolicy ALLOW_WITH_OVERDRAFT"},
        ),
        ({"overdraftLimit": 5}, {"overdraftLimit": "needs overagePolicy ALLOW_WITH_OVERDRAFT, got ALLOW_IF_AVAILABLE"}),
        (
            {"unknownOutcomePolicy": "VOID"},
            {"unknownOutcomeDeadlineSeconds": "is required with unknownOutcomePolicy VOID"},
        ),
        (
            {"unknownOutcomeDeadlineSeconds": 5},
            {"unknownOutcomeDeadlineSeconds": NO_DEADLINE},
        ),
        ({"expireUnusedAfterSeconds": 0}, {"expireUnusedAfterSeconds": "must be from 1 to 31,622,400"}),
        ({"metadata": [1]}, {"metadata": "must be an object, got a list"}),
        ({"allocations": {}}, {"allocations": "must be a list, got an object"}),
        ({"allocations": [FOOD | {"limit": 0}]}, {"allocations[0].limit": "must be greater than zero"}),
        ({"allocations": [FOOD | {"category": None}]}, {"allocations[0].category": "is required"}),
        (
            {"allocations": [FOOD | {"allowedCategories": []}]},
            {"allocations[0].allowedCategoriesValidForMode": NO_CATEGORIES},
        ),
        (
            {"allocations": [FOOD, {"category": "b", "limit": 1, "enforcementMode": "STRICT"}]},
            {"allocations[1].allowedCategoriesValidForMode": "needs allowedCategories for enforcementMode STRICT"},
        ),
        (
            {"allocations": [FOOD | {"enforcementMode": "SOFT"}]},
            {"allocations[0].enforcementMode": "must be one of OPEN, CATEGORY_CONSTRAINED, STRICT, got 'SOFT'"},
        ),
        (
            {"allocations": [FOOD | {"allowedCategories": [""]}]},
            {"allocations[0].allowedCategories[0]": "must not be blank"},
        ),
        (
            {"allocations": [FOOD | {"forbiddenItemTypes": ["x" * 256]}]},
            {"allocations[0].forbiddenItemTypes[0]": "must be at most 255 characters, got 256"},
        ),
        (
            {"userId": None, "totalLimit": "x", "trustMode": "y"},
            {
                "totalLimit": "is not a number",
                "userId": "is required",
                "trustMode": "must be one of FULL_ENFORCEMENT, SHADOW, got 'y'",
            },
        ),
    ],
)
def test_each_fault_of_a_new_budget(members, expected):
    assert expected == faults("create_budget", **members)


@pytest.mark.parametrize(
    "members",
    [
        {"unit": "x" * 50},
        {"intentContext": "x" * 1000, "intentTags": ["t"] * 100},
        {"authorizationExpirySeconds": limits.SECONDS_MAX, "velocityMaxPerMinute": limits.COUNT_MAX},
        {"anomalyPauseThresholdMultiplier": 999.99, "anomalyMinSampleSize": 1000},
        {"totalLimit": 90_000_000_000, "softLimit": 90_000_000_000},
        {"totalLimit": 0.00000001},
        {"overagePolicy": "REJECT"},
        {"externalReference": "  "},
    ],
)
def test_a_budget_at_its_limits(members):
    assert {} == faults("create_budget", **members)


def test_a_blank_reference_is_none():
    assert asked("create_budget", externalReference="  ").external_reference is None


def test_a_lifetime_at_its_limit_and_one_over():
    settings = Settings(budget_lifetime_seconds_max=3600)
    end, over = time_text(NOW + 3600 * SECOND), time_text(NOW + 3600 * SECOND + 1)

    assert parsed("create_budget", changed("create_budget", expiresAt=end), settings=settings)
    for name in ("create_budget", "extend_budget", "update_budget"):
        refused = refusal(name, changed(name, expiresAt=over), settings=settings)
        assert ErrorCode.INVALID_REQUEST is refused.code
        assert "expiresAt may be at most 1 hours (3,600 seconds) from now" == refused.detail


def test_allocations_at_their_number_and_one_over():
    many = [{"category": f"c{i}", "limit": 0.01, "allowedCategories": ["a"]} for i in range(limits.ALLOCATIONS_MAX + 1)]

    assert {} == faults("create_budget", allocations=many[:-1])
    assert {"allocations": "must have at most 200 members, got 201"} == faults("create_budget", allocations=many)


def test_allocations_may_fill_the_limit_and_no_more():
    assert {} == faults("create_budget", totalLimit=40, allocations=[FOOD])

    refused = refusal("create_budget", changed("create_budget", totalLimit="39.99", allocations=[FOOD]))
    assert ErrorCode.INVALID_REQUEST is refused.code
    assert "Allocation limits sum to 40.00, which exceeds totalLimit 39.99 by 0.01" == refused.detail


def test_labels_differ_in_more_than_case():
    refused = refusal("create_budget", changed("create_budget", allocations=[FOOD, FOOD | {"category": "FOOD"}]))

    assert ErrorCode.INVALID_REQUEST is refused.code
    assert "allocation category 'FOOD' is listed twice" == refused.detail
