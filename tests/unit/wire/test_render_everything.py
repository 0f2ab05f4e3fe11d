"""
An answer with a value in every member: none is forgotten, and none is taken for another.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from figuard.domain.amounts import quanta
from figuard.domain.codes import Denial
from figuard.domain.events import Decision, Event, Outcome, Place, Spend, Standing, Verdict
from figuard.domain.replies import AuthorizeReply, EventReply
from tests.builders import allocation
from tests.unit.domain.made import NOW, budget, event, later
from tests.unit.wire.shown import shown

FOOD = replace(allocation("Food", 50), id="food")
SPEND = Spend(
    key="the key",
    agent_id="the agent",
    action_type="the action",
    description="the description",
    quantity=quanta("10.25"),
    fingerprint="the fingerprint",
    currency="EUR",
    category="the category",
    item_type="the item type",
    entity_id="the entity",
    intent_context="the intent",
    trace_id="the trace",
    agent_type="the agent type",
    parent_event_id="the wished parent",
    max_subtree=quanta(77),
    reserve=False,
    metadata={"order": 17},
)
PLACE = Place(
    shadow=True,
    token_id="the token",
    allocation_id="food",
    parent_id="the parent",
    root_id="the root",
    foreign_parent_id="the foreign parent",
)
VERDICT = Verdict(
    Denial.INSUFFICIENT_FUNDS,
    "the message",
    "BUDGET",
    "the level",
    available=quanta(5),
    fits=quanta(4),
    retry_at=later(90),
    original_event_id="the original",
)
STANDING = Standing(
    held=quanta(1),
    booked=quanta(2),
    confirmed=quanta("3.125"),
    refunded=quanta("0.5"),
    hold_expires_at=later(10),
    hold_released_at=later(20),
)
OUTCOME = Outcome(
    unknown=True,
    reason="the reason",
    error_message="the error",
    external_transaction_id="the transaction",
    source="THE SOURCE",
    occurred_at=later(30),
    settled_at=later(40),
    money_moved=True,
)
TOLD: dict[str, Any] = {
    "id": "event",
    "agentId": "the agent",
    "agentType": "the agent type",
    "actionType": "the action",
    "description": "the description",
    "requestedQuantity": Decimal("10.25"),
    "confirmedQuantity": Decimal("3.125"),
    "currency": "USD",
    "entityId": "the entity",
    "claimedCategory": "the category",
    "claimedItemType": "the item type",
    "intentContext": "the intent",
    "idempotencyKey": "the key",
    "parentEventId": "the parent",
    "chainRootEventId": "the root",
    "traceId": "the trace",
    "createdAt": "2030-01-01T00:00:01.000000Z",
    "metadata": {"order": 17},
    "eventSource": "THE SOURCE",
    "occurredAt": "2030-01-01T00:00:30.000000Z",
    "budgetId": "budget",
    "externalTransactionId": "the transaction",
    "errorMessage": "the error",
    "delegatedTokenId": "the token",
    "allocation": "Food",
    "allocationId": "food",
    "reserved": False,
    "heldQuantity": Decimal(1),
    "refundedQuantity": Decimal("0.5"),
    "maxSubtreeQuantity": Decimal(77),
    "holdExpiresAt": "2030-01-01T00:00:10.000000Z",
    "holdReleasedAt": "2030-01-01T00:00:20.000000Z",
    "outcome": "UNKNOWN",
    "outcomeReason": "the reason",
    "moneyMoved": True,
    "settledAt": "2030-01-01T00:00:40.000000Z",
    "updatedAt": "2030-01-01T00:00:02.000000Z",
    "attempt": 3,
    "shadow": True,
    "wouldHaveBeen": "DENIED",
    "wouldHaveBeenReason": "INSUFFICIENT_FUNDS",
    "foreignParentEventId": "the foreign parent",
}
WHY_DENIED = {"denialReason": "INSUFFICIENT_FUNDS", "denialMessage": "the message", "failureReason": None}
WHY_ENDED = {"denialReason": None, "denialMessage": None, "failureReason": "the reason"}
NO_REASON = {"denialReason": None, "denialMessage": None, "failureReason": None}
WHY = {
    Decision.AUTHORIZED: NO_REASON,
    Decision.DENIED: WHY_DENIED,
    Decision.CONFIRMED: NO_REASON,
    Decision.FAILED: WHY_ENDED,
    Decision.VOIDED: WHY_ENDED,
}


def full(decision: Decision, **others: Any) -> Event:
    """Return an event that has everything."""
    parts: dict[str, Any] = {"spend": SPEND, "place": PLACE, "verdict": VERDICT, "standing": STANDING}
    return replace(
        event(decision=decision),
        **parts | {"outcome": OUTCOME, "created_at": later(1), "updated_at": later(2), "attempt": 3} | others,
    )


@pytest.mark.parametrize("decision", Decision)
def test_an_event_that_has_everything_tells_everything(decision: Decision):
    reply = EventReply(full(decision), budget(allocations=(FOOD,)), NOW)

    assert TOLD | WHY[decision] | {"decision": decision.value} == shown("confirm_event", reply)


def test_a_denial_that_has_everything_tells_everything():
    denied = full(Decision.DENIED, place=replace(PLACE, shadow=False))
    reply = AuthorizeReply(
        denied, budget(allocations=(FOOD,)), NOW, replayed=True, original=event(decision=Decision.CONFIRMED)
    )
    body = shown("authorize", reply)

    assert body.pop("budgetSnapshot")["id"] == "budget"
    assert {
        "eventId": "event",
        "decision": "DENIED",
        "approvedQuantity": None,
        "authorizedAt": None,
        "denialReason": "INSUFFICIENT_FUNDS",
        "denialMessage": "the message",
        "allocationSnapshot": None,
        "originalEventId": "the original",
        "originalEventStatus": "CONFIRMED",
        "traceId": "trace-1",
        "shadow": False,
        "wouldHaveBeen": None,
        "wouldHaveBeenReason": None,
        "wouldHaveBeenMessage": None,
        "currentDecision": "DENIED",
        "replayed": True,
        "deniedBy": {
            "level": "BUDGET",
            "id": "the level",
            "availableQuantity": Decimal(5),
            "fittingQuantity": Decimal(4),
        },
        "retryAfterSeconds": 90,
        "holdExpiresAt": "2030-01-01T00:00:10.000000Z",
    } == body


def test_what_shadow_would_have_denied_tells_everything():
    body = shown("authorize", AuthorizeReply(full(Decision.VOIDED), budget(allocations=(FOOD,)), NOW))

    assert body.pop("budgetSnapshot")["id"] == "budget"
    assert body.pop("allocationSnapshot")["id"] == "food"
    assert body.pop("deniedBy")["id"] == "the level"
    assert {
        "eventId": "event",
        "decision": "AUTHORIZED",
        "approvedQuantity": Decimal("10.25"),
        "authorizedAt": "2030-01-01T00:00:01.000000Z",
        "denialReason": None,
        "denialMessage": None,
        "originalEventId": "the original",
        "originalEventStatus": None,
        "traceId": "trace-1",
        "shadow": True,
        "wouldHaveBeen": "DENIED",
        "wouldHaveBeenReason": "INSUFFICIENT_FUNDS",
        "wouldHaveBeenMessage": "the message",
        "currentDecision": "VOIDED",
        "replayed": False,
        "retryAfterSeconds": 90,
        "holdExpiresAt": "2030-01-01T00:00:10.000000Z",
    } == body
