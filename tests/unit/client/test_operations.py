"""
The other operations, driven by hand: what they send, and what they refuse to send.
"""

from __future__ import annotations

from decimal import Decimal

import pytest

from figuard.client.models import AuthorizationResult
from figuard.client.ops import access, budgets, reporting, settle, subscriptions, webhooks
from figuard.client.steps import Replied
from figuard.wire import responses as r
from tests.unit.client.fakes import (
    BUDGET_ID,
    EVENT_ID,
    TOKEN,
    Driven,
    budget,
    event,
    lost,
    session,
)


def test_a_confirmation_says_what_was_spent():
    steps = settle.confirm(session(), EVENT_ID, 267, external_transaction_id="ch_1", money_moved=True)
    call = Driven(steps, [event()]).calls[0]

    assert (call.operation.name, call.path) == ("confirm_event", {"eventId": EVENT_ID})
    assert (call.body.confirmed_quantity, call.body.external_transaction_id) == (267, "ch_1")
    assert call.body.money_moved is True


def test_a_dry_run_cannot_be_settled():
    done = Driven(settle.confirm(session(), AuthorizationResult(None, "AUTHORIZED"), 1))

    assert isinstance(done.error, ValueError)


def test_a_void_takes_children_only_when_asked():
    def sent(children):
        steps = settle.void(session(), EVENT_ID, "R", void_child_events=children)
        return Driven(steps, [event("VOIDED")]).calls[0].body.void_child_events

    assert (sent(True), sent(False)) == (True, None)


def test_a_hold_is_extended_by_whole_seconds():
    def sent(seconds):
        return Driven(settle.extend_hold(session(), EVENT_ID, seconds), [event()]).calls[0].body.seconds

    assert (sent(90), sent("15m")) == (90, 900)


def create(outcomes=None, **options):
    """Run the creation of a budget."""
    given = {"user_id": "u", "total_limit": 500, "expires_in": "24h", **options}
    return Driven(budgets.create(session(), **given), outcomes or [budget(201, token=TOKEN)])


def test_a_budget_is_created_with_what_was_given():
    body = create(currency="USD", soft_limit="450", velocity_max_per_minute=5).calls[0].body

    assert (body.user_id, body.total_limit, body.expires_at) == ("u", 500, "2030-01-02T00:00:00Z")
    assert (body.currency, body.soft_limit, body.velocity_max_per_minute) == ("USD", 450, 5)


def test_switches_are_sent_only_when_they_differ_from_the_default():
    plain, set_ = (
        create().calls[0].body,
        create(anomaly_detection_enabled=True, auto_pause_on_anomaly=False, entity_dedup_enabled=True).calls[0].body,
    )

    def switches(body):
        return (body.anomaly_detection_enabled, body.auto_pause_on_anomaly, body.entity_dedup_enabled)

    assert (switches(plain), switches(set_)) == ((None, None, None), (True, False, True))


def test_allocations_are_spelled_as_on_the_wire_or_as_in_python():
    body = (
        create(
            allocations=[
                {"category": "a", "limit": 0.1, "enforcementMode": "STRICT", "allowedCategories": ["x"]},
                {"category": "b", "limit": "5", "enforcement_mode": "OPEN"},
            ]
        )
        .calls[0]
        .body
    )

    assert [(one.category, one.limit, one.enforcement_mode) for one in body.allocations] == [
        ("a", Decimal("0.10"), "STRICT"),
        ("b", 5, "OPEN"),
    ]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"allocations": [{"category": "a", "limt": 5}]}, "'limt'"),
        ({"allocations": [{"enforcementMode": "OPEN", "enforcement_mode": "STRICT"}]}, "twice"),
        ({"allocations": [{"category": "a", "limit": -5}]}, "limit of allocation 'a'"),
        ({"total_limit": -1}, "total_limit"),
        ({"expires_at": "2030-06-01T00:00:00Z"}, "not both"),
        ({"expires_in": None}, "expires_at or expires_in"),
        ({"overdraft_limit": "x"}, "overdraft_limit"),
    ],
)
def test_a_budget_that_cannot_be_meant_is_refused(options, says):
    done = create(**options)

    assert isinstance(done.error, ValueError)
    assert says in str(done.error)


def test_a_text_is_no_list_of_tags():
    assert isinstance(create(intent_tags="travel").error, TypeError)


def test_a_token_that_got_lost_is_replaced():
    """
    The first attempt made the budget, and its reply with the only copy of the token never came.
    """
    rotated = Replied(r.SessionTokenResponse(session_token="st_replacement_token"))
    done = create([lost(), budget(200), rotated])

    assert [call.operation.name for call in done.calls] == ["create_budget", "create_budget", "rotate_session_token"]
    assert done.value.session_token == "st_replacement_token"
    assert done.value.session_token_prefix == "st_replaceme"


def test_the_token_of_a_budget_that_was_there_before_stays():
    """
    With an external reference the budget may be somebody's: replacing its token would lock them out.
    """
    done = create([lost(), budget(200)], external_reference="order-1")

    assert (len(done.calls), done.value.session_token) == (2, None)


def test_an_existing_budget_comes_without_a_token():
    assert create([budget(200)]).value.session_token is None


def test_only_what_is_given_is_changed():
    done = Driven(budgets.update(session(), BUDGET_ID, trust_mode="SHADOW", total_limit=None), [budget()])

    assert done.calls[0].body == type(done.calls[0].body)(trust_mode="SHADOW")


def test_a_rule_can_be_taken_away():
    done = Driven(budgets.update(session(), BUDGET_ID, clear=["soft_limit"]), [budget()])

    assert done.calls[0].body.soft_limit is None


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"clear": ["total_limit"]}, ValueError),
        ({"clear": ["soft_limit"], "soft_limit": 5}, ValueError),
        ({"clear": "soft_limit"}, TypeError),
    ],
)
def test_what_cannot_be_cleared_is_refused(changes, error):
    assert isinstance(Driven(budgets.update(session(), BUDGET_ID, **changes)).error, error)


def test_a_token_budget_counts_tokens():
    done = Driven(
        budgets.create_for_tokens(session(), model="small", max_tokens=1000, expires_in="1h", user_id="agent"),
        [budget(201, token=TOKEN)],
    )
    body = done.calls[0].body

    assert (body.unit, body.total_limit, body.metadata, body.user_id) == ("tokens", 1000, {"model": "small"}, "agent")


def test_caps_are_a_list_or_a_mapping():
    answer = Replied(
        r.DelegationTokenResponse(
            id="t", parent_budget_id=BUDGET_ID, label="l", status="ACTIVE", session_token_prefix="st_", caps=[]
        )
    )

    def sent(caps):
        steps = access.create_delegation(
            session(), BUDGET_ID, "l", caps, expires_at=None, expires_in="1h", parent_token_id=None, scope=None
        )
        return [(cap.category, cap.limit) for cap in Driven(steps, [answer]).calls[0].body.caps]

    assert sent([{"category": "flights", "limit": 300}]) == sent({"flights": 300}) == [("flights", 300)]


@pytest.mark.parametrize("given", [{}, {"hypothetical_policy": {"total_limit": 1}, "manifest_version": "1"}])
def test_a_counterfactual_needs_one_policy(given):
    arguments = {"hypothetical_policy": None, "manifest_version": None, "from_time": None, "until": None, **given}

    assert isinstance(Driven(reporting.counterfactual(session(), BUDGET_ID, **arguments)).error, ValueError)


def test_a_misspelled_policy_is_refused():
    steps = reporting.counterfactual(
        session(), BUDGET_ID, hypothetical_policy={"totalLimt": 1}, manifest_version=None, from_time=None, until=None
    )

    assert "'totalLimt'" in str(Driven(steps).error)


def test_filters_that_are_not_given_are_not_sent():
    steps = reporting.get_ledger(session(), BUDGET_ID, page=0, size=20, decision=None, trace_id="t")
    done = Driven(steps, [lost(), lost(), lost()])

    assert done.calls[0].query == {"page": "0", "size": "20", "traceId": "t"}


def test_a_subscription_is_spelled_as_the_sdk_does():
    steps = subscriptions.create(
        session(), "customer-1", "pro", "MONTHLY", "2030-01-01T00:00:00Z", description=None,
        entitlements=[{"category": "calls", "periodLimit": 100, "renewalPeriod": "MONTHLY"}], metadata=None,
    )  # fmt: skip
    body = Driven(steps, [lost()] * 3).calls[0].body

    assert (body.plan, body.external_subscriber_id, body.starts_at) == ("pro", "customer-1", "2030-01-01T00:00:00Z")
    assert body.entitlements[0].period_limit == 100


def test_a_webhook_takes_a_list_of_types():
    assert isinstance(Driven(webhooks.create(session(), "https://a.test", "s" * 16, "SPEND_DENIED")).error, TypeError)
