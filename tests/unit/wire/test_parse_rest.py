"""
Requests about subscriptions, webhooks and the past.
"""

from __future__ import annotations

from base64 import b64encode

import pytest

from figuard.domain.admin import DeliveryStatus
from figuard.domain.amounts import QUANTA_PER_UNIT
from figuard.domain.budget import Allocation, EnforcementMode
from figuard.domain.codes import ErrorCode
from figuard.domain.commands import (
    AddItem,
    CreateSubscription,
    CreateWebhook,
    DeleteWebhook,
    MoveSubscription,
    NewItem,
    ResetItem,
    RetryDelivery,
    SubscriptionVerb,
)
from figuard.domain.entitlements import ItemPolicy, RenewalPeriod
from figuard.domain.events import Decision
from figuard.domain.instants import parse as instant
from figuard.domain.notices import EVENT_TYPES
from figuard.domain.questions import (
    Counterfactual,
    CountFailedDeliveries,
    GetEntries,
    GetItem,
    GetLedger,
    GetReport,
    GetSubscription,
    GetTree,
    GetWebhook,
    Hypothesis,
    ListDeliveries,
    ListSubscriptions,
    ListWebhooks,
    Replay,
    StateAt,
    Timeline,
    VerifyBook,
)
from figuard.wire import limits
from figuard.wire.render.history import page_token
from tests.unit.wire.asked import ID, ITEM, LATER, OTHER, asked, changed, faults, parsed, refusal

ONE = QUANTA_PER_UNIT
CALLS = NewItem("calls", "call", 100 * ONE, RenewalPeriod.MONTHLY)
SINCE = "2029-12-01T00:00:00Z"


def test_the_servers_words_for_a_subscription():
    assert CreateSubscription("customer-1", "pro", RenewalPeriod.MONTHLY, items=(CALLS,)) == parsed(
        "create_subscription"
    )


def test_the_published_sdks_words_mean_the_same():
    body = {"externalSubscriberId": "customer-1", "plan": "pro", "renewalPeriod": "QUARTERLY", "startsAt": LATER}

    assert CreateSubscription("customer-1", "pro", RenewalPeriod.QUARTERLY, instant(LATER)) == parsed(
        "create_subscription", body
    )


def test_items_take_the_subscriptions_period_and_it_theirs():
    no_period = {"category": "seats", "periodLimit": 5}
    both = {"externalSubscriberId": "c", "plan": "p", "renewalPeriod": "ANNUALLY", "entitlements": [no_period]}
    theirs = {"externalSubscriberId": "c", "name": "p", "entitlementItems": [ITEM | {"renewalPeriod": "QUARTERLY"}]}

    assert RenewalPeriod.ANNUALLY is parsed("create_subscription", both).items[0].renewal_period
    assert RenewalPeriod.QUARTERLY is parsed("create_subscription", theirs).renewal_period


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({"externalSubscriberId": None, "name": None}, {"externalSubscriberId": "is required", "name": "is required"}),
        ({"plan": "other"}, {"plan": "means the same as name and must not differ from it"}),
        ({"name": ..., "plan": " "}, {"plan": "must not be blank"}),
        ({"renewalPeriod": "WEEKLY"}, {"renewalPeriod": "must be one of MONTHLY, QUARTERLY, ANNUALLY, got 'WEEKLY'"}),
        ({"startsAt": "soon"}, {"startsAt": "is not an ISO 8601 time with an offset: 'soon'"}),
        (
            {"entitlementItems": [ITEM | {"limitQuantity": 0}]},
            {"entitlementItems[0].limitQuantity": "must be greater than zero"},
        ),
        (
            {"entitlementItems": [{"category": "", "periodLimit": -1}]},
            {
                "entitlementItems[0].category": "must not be blank",
                "entitlementItems[0].periodLimit": "must not be negative, got -1",
            },
        ),
        ({"description": "x" * 1001}, {"description": "must be at most 1000 characters, got 1001"}),
    ],
)
def test_each_fault_of_a_subscription(members, expected):
    assert expected == faults("create_subscription", **members)


def test_entitlements_at_their_number_and_one_over():
    assert limits.ENTITLEMENTS_MAX == len(asked("create_subscription", entitlementItems=[ITEM] * 100).items)
    assert {"entitlementItems": "must have at most 100 members, got 101"} == faults(
        "create_subscription", entitlementItems=[ITEM] * 101
    )


def test_both_spellings_of_an_entitlement():
    sdk = {
        "category": "calls",
        "periodLimit": 100,
        "overagePolicy": "WARN_ONLY",
        "renewalPeriod": "MONTHLY",
        "warnAtPercentage": 50,
    }
    full = asked("add_entitlement", renewalAnchorDay=28, overagePolicy="BLOCK", warnAtPercentage=99)

    assert AddItem(ID, NewItem("calls", "units", 100 * ONE, RenewalPeriod.MONTHLY, None, ItemPolicy.WARN_ONLY, 50)) == (
        parsed("add_entitlement", sdk)
    )
    assert (28, 99) == (full.item.anchor_day, full.item.warn_at_percentage)
    assert AddItem(ID, CALLS) == parsed("add_entitlement")


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        (
            {"name": None, "limitQuantity": None, "renewalPeriod": None},
            {"name": "is required", "limitQuantity": "is required", "renewalPeriod": "is required"},
        ),
        ({"renewalAnchorDay": 29}, {"renewalAnchorDay": "must be from 1 to 28"}),
        ({"warnAtPercentage": 100}, {"warnAtPercentage": "must be from 1 to 99"}),
        ({"overagePolicy": "ALLOW"}, {"overagePolicy": "must be one of BLOCK, WARN_ONLY, got 'ALLOW'"}),
        ({"limitUnit": "x" * 31}, {"limitUnit": "must be at most 30 characters, got 31"}),
    ],
)
def test_each_fault_of_an_entitlement(members, expected):
    assert expected == faults("add_entitlement", **members)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("list_subscriptions", ListSubscriptions()),
        ("get_subscription", GetSubscription(ID)),
        ("list_entitlements", GetSubscription(ID)),
        ("get_subscription_by_subscriber", GetSubscription(external_subscriber_id="customer-1")),
        ("pause_subscription", MoveSubscription(ID, SubscriptionVerb.PAUSE)),
        ("resume_subscription", MoveSubscription(ID, SubscriptionVerb.RESUME)),
        ("cancel_subscription", MoveSubscription(ID, SubscriptionVerb.CANCEL)),
        ("get_entitlement", GetItem(ID, ID)),
        ("reset_entitlement", ResetItem(ID, ID)),
        ("list_webhooks", ListWebhooks()),
        ("delete_webhook", DeleteWebhook(ID)),
        ("test_webhook", GetWebhook(ID)),
        ("get_webhook_deliveries", ListDeliveries(ID)),
        ("get_all_deliveries", ListDeliveries()),
        ("get_failed_delivery_count", CountFailedDeliveries()),
        ("retry_delivery", RetryDelivery(ID)),
        ("get_ledger", GetLedger(ID)),
        ("get_spend_tree", GetTree(ID)),
        ("get_entries", GetEntries(ID)),
        ("verify_budget", VerifyBook(ID)),
        ("replay_budget", Replay(ID)),
        ("get_budget_state_at", StateAt(ID, instant(LATER))),
        ("get_budget_timeline", Timeline(ID)),
        ("replay_counterfactual", Counterfactual(ID, Hypothesis(limit=50 * ONE))),
        ("get_spend_report", GetReport()),
    ],
)
def test_each_request_at_its_smallest(name, expected):
    assert expected == parsed(name)


@pytest.mark.parametrize("subscriber", ["x" * 256, "a\0b"])
def test_what_is_no_subscriber_names_nobody(subscriber):
    refused = refusal("get_subscription_by_subscriber", path={"externalSubscriberId": subscriber})

    assert ErrorCode.NOT_FOUND is refused.code


def test_a_webhook_subscribes_to_each_type_once():
    command = asked("create_webhook", events=["SPEND_DENIED", "BUDGET_PAUSED", "SPEND_DENIED"])

    assert CreateWebhook("https://example.com/hook", "0123456789abcdef", ("SPEND_DENIED", "BUDGET_PAUSED")) == command
    assert EVENT_TYPES == asked("create_webhook", events=list(EVENT_TYPES)).events


@pytest.mark.parametrize("url", ["http://localhost:8080/x", "https://[::1]/", "https://example.com?a=b#c"])
def test_web_addresses(url):
    assert {} == faults("create_webhook", url=url)


NO_ADDRESS = "must be a web address such as https://example.com/hook, without a user or a password"


@pytest.mark.parametrize(
    "url",
    [
        "example.com",
        "ftp://example.com",
        "https://",
        "https:///path",
        "https://user:pass@example.com",
        "https://example.com:99999",
        "https://example.com:0/",
        "https://exa mple.com",
        "https://example.com/\u202e",
        "https://[::1",
        "javascript:alert(1)",
    ],
)
def test_what_is_no_web_address(url):
    assert {"url": NO_ADDRESS} == faults("create_webhook", url=url)


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        (
            {"url": None, "secret": None, "events": None},
            {"url": "is required", "secret": "is required", "events": "is required"},
        ),
        ({"url": "https://a.b/" + "x" * 1989}, {"url": "must be at most 2000 characters, got 2001"}),
        ({"secret": "x" * 15}, {"secret": "must be at least 16 characters, got 15"}),
        ({"secret": "x" * 256}, {"secret": "must be at most 255 characters, got 256"}),
        ({"events": []}, {"events": "must not be empty"}),
        ({"events": ["SPEND_DENIED", 5]}, {"events[1]": "must be text, got a whole number"}),
    ],
)
def test_each_fault_of_a_webhook(members, expected):
    assert expected == faults("create_webhook", **members)


@pytest.mark.parametrize("event", ["WEBHOOK_TEST", "SPEND_AUTHORIZED", "spend_denied"])
def test_a_type_that_cannot_be_subscribed_to(event):
    found = faults("create_webhook", events=["SPEND_DENIED", event])

    assert ["events[1]"] == list(found)
    assert found["events[1]"].startswith("must be one of BUDGET_50_PCT, ")


def test_a_webhook_at_its_limits():
    assert {} == faults("create_webhook", url="https://a.b/" + "x" * 1988, secret="x" * 255)


def test_the_query_of_deliveries():
    query = {"status": "FAILED", "eventType": "SPEND_DENIED", "since": LATER, "size": "5"}

    assert ListDeliveries(None, DeliveryStatus.FAILED, "SPEND_DENIED", instant(LATER), 5) == parsed(
        "get_all_deliveries", query=query
    )


def test_the_query_of_a_ledger():
    query = {"page": "1", "size": "5", "decision": "DENIED", "traceId": "t", "agentId": "a"}

    assert GetLedger(ID, 1, 5, Decision.DENIED, "t", "a") == parsed("get_ledger", query=query)


def test_the_query_of_entries():
    assert GetEntries(ID, 7, 500) == parsed("get_entries", query={"after": "7", "size": "600"})


def test_the_query_of_a_replay():
    query = {
        "from": SINCE,
        "until": LATER,
        "includeDenied": "false",
        "includeStateSnapshots": "0",
        "pageSize": "1000",
        "pageToken": page_token(40),
    }

    assert Replay(
        ID, instant(SINCE), instant(LATER), include_denied=False, include_states=False, size=500, offset=40
    ) == (parsed("replay_budget", query=query))


@pytest.mark.parametrize("token", ["!", "zzz", b64encode(b"-5").decode(), b64encode(b"x").decode(), "", "é"])
def test_a_page_token_that_nobody_issued_starts_over(token):
    assert 0 == parsed("replay_budget", query={"pageToken": token}).offset


def test_a_page_token_may_have_lost_its_padding():
    assert 7 == parsed("replay_budget", query={"pageToken": page_token(7).rstrip("=")}).offset
    assert 0 < parsed("replay_budget", query={"pageToken": page_token(10**40)}).offset < 2**63


def test_a_plus_sign_that_nobody_escaped_is_understood():
    query = {"from": "2029-12-01T02:00:00 02:00"}

    assert instant(SINCE) == parsed("get_budget_timeline", query=query).since


@pytest.mark.parametrize(
    ("name", "query", "says"),
    [
        ("get_budget_state_at", {}, "the query parameter at is required: an ISO 8601 time with an offset"),
        ("get_budget_state_at", {"at": "now"}, "at must be an ISO 8601 time with an offset, got 'now'"),
        ("replay_budget", {"from": LATER, "until": SINCE}, "until must not be before from"),
        ("replay_budget", {"pageSize": "0"}, "pageSize must be a whole number from 1 to"),
        ("get_budget_timeline", {"until": "x"}, "until must be an ISO 8601 time with an offset, got 'x'"),
        ("get_spend_report", {"by": "colour"}, "by must be one of agent, category, day, user, budget, got 'colour'"),
        ("get_spend_report", {"since": LATER, "until": SINCE}, "until must not be before since"),
        ("get_spend_report", {"budgetId": "x"}, "budgetId must be a UUID, got 'x'"),
        ("get_ledger", {"decision": "MAYBE"}, "decision must be one of AUTHORIZED, DENIED, CONFIRMED, FAILED, VOIDED"),
        ("get_entries", {"after": "-1"}, "after must be a whole number from 0 to"),
        ("get_all_deliveries", {"status": "LOST"}, "status must be one of PENDING, DELIVERED, FAILED, got 'LOST'"),
    ],
)
def test_each_fault_of_a_query(name, query, says):
    refused = refusal(name, query=query)

    assert ErrorCode.INVALID_REQUEST is refused.code
    assert refused.detail.startswith(says)


@pytest.mark.parametrize("by", ["agent", "category", "day", "user", "budget"])
def test_each_report(by):
    query = {"by": by, "since": SINCE, "until": LATER, "budgetId": OTHER.upper()}

    assert GetReport(by, instant(SINCE), instant(LATER), OTHER) == parsed("get_spend_report", query=query)


def test_another_policy_may_change_every_rule():
    policy = {
        "totalLimit": 50,
        "maxTransactionQuantity": 5,
        "anomalyDetectionEnabled": False,
        "velocityMaxPerMinute": 1,
        "velocityMaxAmountPerHour": 2,
        "velocityMaxPerDay": 3,
        "allocations": [{"category": "Food", "limit": 1}, {"category": "b", "limit": 1, "enforcementMode": "OPEN"}],
    }
    question = parsed("replay_counterfactual", {"hypotheticalPolicy": policy, "from": SINCE, "until": LATER})

    assert (instant(SINCE), instant(LATER)) == (question.since, question.until)
    assert question.hypothesis == Hypothesis(
        limit=50 * ONE,
        max_transaction=5 * ONE,
        anomaly_enabled=False,
        velocity_per_minute=1,
        velocity_amount_per_hour=2 * ONE,
        velocity_per_day=3,
        allocations=(
            Allocation("", "Food", ONE, allowed_categories=("Food",)),
            Allocation("", "b", ONE, EnforcementMode.OPEN),
        ),
    )


def test_a_manifest_version_stands_for_the_present_policy():
    assert Counterfactual(ID, Hypothesis(), "v2") == parsed("replay_counterfactual", {"manifestVersion": "v2"})


BOTH_OR_NONE = {"policySourceValid": "needs exactly one of hypotheticalPolicy and manifestVersion"}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, BOTH_OR_NONE),
        ({"manifestVersion": " "}, BOTH_OR_NONE),
        ({"hypotheticalPolicy": {}, "manifestVersion": "v"}, BOTH_OR_NONE),
        ({"hypotheticalPolicy": {"totalLimit": 0}}, {"hypotheticalPolicy.totalLimit": "must be greater than zero"}),
        (
            {"hypotheticalPolicy": {"allocations": [{"category": ""}]}},
            {
                "hypotheticalPolicy.allocations[0].category": "must not be blank",
                "hypotheticalPolicy.allocations[0].limit": "is required",
            },
        ),
        ({"manifestVersion": "v", "from": LATER, "until": SINCE}, {"until": "must not be before from"}),
        ({"manifestVersion": "v", "from": "x"}, {"from": "is not an ISO 8601 time with an offset: 'x'"}),
    ],
)
def test_each_fault_of_another_policy(body, expected):
    assert expected == refusal("replay_counterfactual", body).fields


def test_a_right_body_with_a_member_left_out_says_so():
    assert {"label": "is required"} == refusal("create_scoped_token", changed("create_scoped_token", label=...)).fields
