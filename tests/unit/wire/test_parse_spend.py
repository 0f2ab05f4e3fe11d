"""
Requests around one spending become exactly the command they mean, or say everything that is wrong.
"""

from __future__ import annotations

import pytest

from figuard.domain.amounts import QUANTA_PER_UNIT
from figuard.domain.codes import ErrorCode
from figuard.domain.commands import (
    Authorize,
    AuthorizeAll,
    Confirm,
    ExtendHold,
    Fail,
    MarkUnknown,
    RecordExternal,
    Refund,
    Void,
    VoidTree,
)
from figuard.domain.instants import parse as instant
from figuard.domain.questions import GetChain, GetEvent
from figuard.wire import limits
from tests.unit.wire.asked import BODIES, ID, OTHER, asked, changed, faults, parsed, refusal

ONE = QUANTA_PER_UNIT
FULL = {
    "currency": "usd",
    "agentType": "SHOPPER",
    "claimedCategory": "Cloud Compute",
    "claimedItemType": "GPU",
    "entityId": "invoice-1",
    "traceId": "trace",
    "intentContext": "train a model",
    "parentEventId": OTHER.upper(),
    "maxSubtreeQuantity": "20.5",
    "dryRun": True,
    "reserve": False,
    "metadata": {"a": 1},
}


def test_the_smallest_authorization():
    command = parsed("authorize")

    assert Authorize("hash of st_token", command.spend) == command
    assert ("agent", "SPEND", "something", 10 * ONE, "k1") == (
        command.spend.agent_id,
        command.spend.action_type,
        command.spend.description,
        command.spend.quantity,
        command.spend.key,
    )
    assert command.spend.reserve
    assert command.spend.metadata is None


def test_the_largest_authorization():
    command = asked("authorize", **FULL)
    spend = command.spend

    assert command.dry_run
    assert not spend.reserve
    assert ("USD", "SHOPPER", "cloud compute", "GPU", "invoice-1") == (
        spend.currency,
        spend.agent_type,
        spend.category,
        spend.item_type,
        spend.entity_id,
    )
    assert ("trace", "train a model", OTHER, 2_050_000_000, {"a": 1}) == (
        spend.trace_id,
        spend.intent_context,
        spend.parent_event_id,
        spend.max_subtree,
        spend.metadata,
    )


def test_a_category_is_compared_without_case_and_blank_is_none():
    assert "strasse" == asked("authorize", claimedCategory="STRASSE").spend.category
    assert asked("authorize", claimedCategory="  ").spend.category is None


def test_zero_may_be_authorized():
    assert 0 == asked("authorize", requestedQuantity=0).spend.quantity
    assert 0 == asked("authorize", requestedQuantity=0.0).spend.quantity


def test_everything_that_is_missing_is_named_at_once():
    assert {
        "agentId": "is required",
        "actionType": "is required",
        "requestedQuantity": "is required",
        "idempotencyKey": "is required",
        "description": "is required",
    } == refusal("authorize", {}).fields


TEXTS = {
    "agentId": limits.NAME_LENGTH_MAX,
    "actionType": limits.NAME_LENGTH_MAX,
    "idempotencyKey": limits.IDEMPOTENCY_KEY_LENGTH_MAX,
    "description": limits.DESCRIPTION_LENGTH_MAX,
    "agentType": limits.AGENT_TYPE_LENGTH_MAX,
    "claimedCategory": limits.NAME_LENGTH_MAX,
    "claimedItemType": limits.NAME_LENGTH_MAX,
    "entityId": limits.NAME_LENGTH_MAX,
    "traceId": limits.NAME_LENGTH_MAX,
    "intentContext": limits.INTENT_CONTEXT_LENGTH_MAX,
}


@pytest.mark.parametrize("name", TEXTS)
def test_text_at_its_limit_and_one_over(name):
    most = TEXTS[name]

    assert {} == faults("authorize", **{name: "x" * most})
    assert {name: f"must be at most {most} characters, got {most + 1}"} == faults(
        "authorize", **{name: "x" * (most + 1)}
    )


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({"requestedQuantity": -1}, {"requestedQuantity": "must not be negative, got -1"}),
        ({"requestedQuantity": "1.123456789"}, {"requestedQuantity": "has more than 8 fraction digits: 1.123456789"}),
        ({"requestedQuantity": 90_000_000_001}, {"requestedQuantity": "is larger than 90,000,000,000: 90000000001"}),
        ({"maxSubtreeQuantity": 0}, {"maxSubtreeQuantity": "must be greater than zero"}),
        ({"currency": "US"}, {"currency": "must be exactly 3 characters, got 2"}),
        ({"currency": "U D"}, {"currency": "must be letters and digits such as USD, got 'U D'"}),
        ({"currency": "aßb"}, {"currency": "must be letters and digits such as USD, got 'aßb'"}),
        ({"currency": "USDC"}, {"currency": "must be exactly 3 characters, got 4"}),
        ({"parentEventId": "first"}, {"parentEventId": "must be a UUID, got 'first'"}),
        ({"agentId": "  "}, {"agentId": "must not be blank"}),
        (
            {"agentId": 5, "dryRun": 1},
            {"agentId": "must be text, got a whole number", "dryRun": "must be true or false, got a whole number"},
        ),
        ({"metadata": {"a": "\0"}}, {"metadata": "must not contain the NUL character"}),
    ],
)
def test_each_fault_of_an_authorization(members, expected):
    assert expected == faults("authorize", **members)


@pytest.mark.parametrize("quantity", [90_000_000_000, "90000000000", 0.00000001])
def test_amounts_at_their_limits(quantity):
    assert {} == faults("authorize", requestedQuantity=quantity)


@pytest.mark.parametrize("token", [None, ""])
def test_the_body_is_judged_before_the_token(token):
    assert ErrorCode.MISSING_SESSION_TOKEN is refusal("authorize", token=token).code
    assert ErrorCode.VALIDATION_FAILED is refusal("authorize", {}, token=token).code


@pytest.mark.parametrize("token", ["x" * (limits.TOKEN_LENGTH_MAX + 1), "st_ä", "\ud800"])
def test_what_cannot_be_a_token_is_an_unknown_one(token):
    assert ErrorCode.INVALID_SESSION_TOKEN is refusal("authorize", token=token).code


def test_a_budget_id_in_place_of_a_token_is_noticed():
    assert parsed("authorize", token=ID).looks_like_id
    assert not parsed("authorize", token="st_" + "x" * 33).looks_like_id


@pytest.mark.parametrize(
    "members",
    [
        {"agentId": "other"},
        {"actionType": "other"},
        {"requestedQuantity": 11},
        {"currency": "EUR"},
        {"claimedCategory": "other"},
        {"claimedItemType": "other"},
        {"entityId": "other"},
        {"reserve": True},
    ],
)
def test_a_different_purchase_has_a_different_fingerprint(members):
    same = changed("authorize", **FULL)

    assert parsed("authorize", same).spend.fingerprint != parsed("authorize", same | members).spend.fingerprint


@pytest.mark.parametrize(
    "members",
    [
        {"parentEventId": ID},
        {"traceId": "other"},
        {"description": "other"},
        {"metadata": {"attempt": 2}},
        {"intentContext": "other"},
        {"agentType": "other"},
        {"maxSubtreeQuantity": 1},
        {"idempotencyKey": "other"},
        {"dryRun": False},
        {"requestedQuantity": "10.000"},
        {"currency": "USD"},
        {"claimedCategory": "CLOUD COMPUTE"},
    ],
)
def test_a_retry_of_the_published_sdk_keeps_its_fingerprint(members):
    same = changed("authorize", **FULL)

    assert parsed("authorize", same).spend.fingerprint == parsed("authorize", same | members).spend.fingerprint


def test_moving_text_between_fields_changes_the_fingerprint():
    one = asked("authorize", agentId='a","b', actionType="c").spend.fingerprint
    two = asked("authorize", agentId="a", actionType='b","c').spend.fingerprint

    assert one != two
    assert 64 == len(one)


def test_a_batch_takes_each_token_or_the_header():
    first, second = changed("authorize"), changed("authorize", idempotencyKey="k2", sessionToken="st_other")
    command = parsed("authorize_batch", {"requests": [first, second], "allOrNothing": True})

    assert isinstance(command, AuthorizeAll)
    assert command.all_or_nothing
    assert ["hash of st_token", "hash of st_other"] == [request.token_hash for request in command.requests]
    assert ["k1", "k2"] == [request.spend.key for request in command.requests]


def test_a_batch_without_any_token_is_refused():
    assert ErrorCode.MISSING_SESSION_TOKEN is refusal("authorize_batch", token=None).code


def test_a_batch_at_its_limit_and_one_over():
    one = BODIES["authorize"]

    assert limits.BATCH_SIZE_MAX == len(asked("authorize_batch", requests=[one] * limits.BATCH_SIZE_MAX).requests)
    assert {"requests": "must have at most 100 members, got 101"} == faults(
        "authorize_batch", requests=[one] * (limits.BATCH_SIZE_MAX + 1)
    )


def test_the_faults_of_a_batch_name_their_request():
    assert {"requests[1].agentId": "must not be blank"} == faults(
        "authorize_batch", requests=[BODIES["authorize"], changed("authorize", agentId=" ")]
    )
    assert {"requests": "must not be empty"} == faults("authorize_batch", requests=[])
    assert {"requests": "is required"} == faults("authorize_batch", requests=None)
    assert {"requests[0].agentId": "must be text, got a whole number"} == faults(
        "authorize_batch", requests=[{"agentId": 5}]
    )


@pytest.mark.parametrize(
    ("name", "members", "expected"),
    [
        ("confirm_event", {}, Confirm(ID, 10 * ONE)),
        ("confirm_event", {"confirmedQuantity": 0}, Confirm(ID, 0)),
        (
            "confirm_event",
            {"externalTransactionId": "ch_1", "moneyMoved": True},
            Confirm(ID, 10 * ONE, "ch_1", money_moved=True),
        ),
        ("fail_event", {}, Fail(ID, "CARD_DECLINED")),
        ("fail_event", {"errorMessage": "no money"}, Fail(ID, "CARD_DECLINED", "no money")),
        ("void_event", {}, Void(ID, "NOT_NEEDED")),
        ("void_event", {"voidChildEvents": True}, Void(ID, "NOT_NEEDED", children=True)),
        ("void_tree", {}, VoidTree(ID, "NOT_NEEDED")),
        ("refund_event", {}, Refund(ID, 5 * ONE, "RETURNED")),
        ("refund_event", {"externalTransactionId": "re_1"}, Refund(ID, 5 * ONE, "RETURNED", "re_1")),
        ("extend_event", {}, ExtendHold(ID, 60)),
        ("mark_event_unknown", {}, MarkUnknown(ID)),
        ("mark_event_unknown", {"reason": "time-out"}, MarkUnknown(ID, "time-out")),
        ("get_event", {}, GetEvent(ID)),
        ("get_chain", {}, GetChain(ID)),
    ],
)
def test_each_settlement(name, members, expected):
    assert expected == (asked(name, **members) if name in BODIES else parsed(name))


@pytest.mark.parametrize(
    ("name", "members", "expected"),
    [
        ("confirm_event", {"confirmedQuantity": None}, {"confirmedQuantity": "is required"}),
        ("confirm_event", {"confirmedQuantity": -1}, {"confirmedQuantity": "must not be negative, got -1"}),
        (
            "confirm_event",
            {"externalTransactionId": "x" * 256},
            {"externalTransactionId": "must be at most 255 characters, got 256"},
        ),
        ("confirm_event", {"moneyMoved": "yes"}, {"moneyMoved": "must be true or false, got text"}),
        ("fail_event", {"reason": " "}, {"reason": "must not be blank"}),
        ("fail_event", {"reason": "x" * 501}, {"reason": "must be at most 500 characters, got 501"}),
        ("fail_event", {"errorMessage": "x" * 1001}, {"errorMessage": "must be at most 1000 characters, got 1001"}),
        ("void_event", {"reason": None}, {"reason": "is required"}),
        ("void_tree", {"reason": ""}, {"reason": "must not be blank"}),
        (
            "refund_event",
            {"quantity": 0, "reason": None},
            {"quantity": "must be greater than zero", "reason": "is required"},
        ),
        ("extend_event", {"seconds": 0}, {"seconds": "must be from 1 to 31,622,400"}),
        ("extend_event", {"seconds": limits.SECONDS_MAX + 1}, {"seconds": "must be from 1 to 31,622,400"}),
        ("extend_event", {"seconds": None}, {"seconds": "is required"}),
        ("mark_event_unknown", {"reason": "x" * 501}, {"reason": "must be at most 500 characters, got 501"}),
    ],
)
def test_each_fault_of_a_settlement(name, members, expected):
    assert expected == faults(name, **members)


def test_limits_of_settlements_are_accepted_at_the_limit():
    assert {} == faults("fail_event", reason="x" * 500, errorMessage="x" * 1000)
    assert {} == faults("extend_event", seconds=limits.SECONDS_MAX)
    assert {} == faults("confirm_event", externalTransactionId="x" * 255)


def test_external_spending_is_booked_without_a_hold():
    command = asked("record_external_event", claimedCategory="Food", occurredAt="2029-12-31T00:00:00Z", metadata={})

    assert RecordExternal(ID, command.spend, "EXTERNAL", instant("2029-12-31T00:00:00Z")) == command
    assert ("EXTERNAL", "food", 10 * ONE, {}) == (
        command.spend.agent_type,
        command.spend.category,
        command.spend.quantity,
        command.spend.metadata,
    )


def test_the_source_is_kept_in_upper_case():
    assert "HUMAN" == asked("record_external_event", source="human").source
    assert "HUMAN" == asked("record_external_event", source="human").spend.agent_type


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({"budgetId": None}, {"budgetId": "is required"}),
        ({"budgetId": "x"}, {"budgetId": "must be a UUID, got 'x'"}),
        ({"quantity": 0}, {"quantity": "must be greater than zero"}),
        ({"source": "x" * 51}, {"source": "must be at most 50 characters, got 51"}),
        ({"occurredAt": "today"}, {"occurredAt": "is not an ISO 8601 time with an offset: 'today'"}),
    ],
)
def test_each_fault_of_external_spending(members, expected):
    assert expected == faults("record_external_event", **members)


def test_an_event_id_is_taken_in_any_case():
    assert GetEvent(ID) == parsed("get_event", path={"eventId": ID.upper()})


@pytest.mark.parametrize("value", ["x", "fallback_k1", ID + "x", "x" * 5000])
def test_what_is_no_id_names_nothing(value):
    refused = refusal("get_event", path={"eventId": value})

    assert ErrorCode.NOT_FOUND is refused.code
    assert len(refused.message) < 500
