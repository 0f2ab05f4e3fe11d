"""
What a caller reads about one spending: shapes, nulls and exact amounts.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from figuard.domain.amounts import quanta
from figuard.domain.budget import Status, TrustMode
from figuard.domain.codes import Denial
from figuard.domain.events import Decision, Outcome, Place, Standing, Verdict
from figuard.domain.replies import AuthorizeAllReply, AuthorizeReply, EventReply, VoidTreeReply
from figuard.domain.views import EventView, LedgerView
from figuard.wire.context import Context
from figuard.wire.operations import find
from tests.builders import allocation
from tests.unit.domain.made import NOW, balance, budget, event, later
from tests.unit.wire.asked import SETTINGS
from tests.unit.wire.shown import nulls, shown

# What the contract lists for each object; more members are allowed, fewer are not.
AUTHORIZE = """
eventId decision approvedQuantity authorizedAt denialReason denialMessage allocationSnapshot originalEventId
budgetSnapshot traceId shadow wouldHaveBeen wouldHaveBeenReason originalEventStatus
""".split()
EVENT = """
id decision agentId agentType actionType description requestedQuantity confirmedQuantity currency entityId
claimedCategory claimedItemType intentContext idempotencyKey denialReason failureReason parentEventId chainRootEventId
traceId createdAt metadata eventSource occurredAt
""".split()
FOOD = replace(allocation("Food", 50), id="food", balance=balance(reserved=10))
DENIED = Verdict(
    Denial.INSUFFICIENT_FUNDS,
    "too much",
    "BUDGET",
    "budget",
    available=quanta(5),
    fits=quanta(5),
    retry_at=NOW + 1_500_000,
)


def approved(**fields):
    """Return the reply to an approved request of 10."""
    return AuthorizeReply(
        fields.pop("event", event()), fields.pop("budget", budget(reserved=10, allocations=(FOOD,))), NOW, **fields
    )


def denied(verdict=DENIED, **fields):
    """Return the reply to a denied request of 10."""
    return approved(event=event(decision=Decision.DENIED, verdict=verdict, **fields.pop("event", {})), **fields)


def test_an_approval_has_every_member():
    body = shown("authorize", approved())

    assert set(AUTHORIZE) <= set(body)
    assert ("event", "AUTHORIZED", Decimal(10), "AUTHORIZED") == (
        body["eventId"],
        body["decision"],
        body["approvedQuantity"],
        body["currentDecision"],
    )
    assert "2030-01-01T00:00:00.000000Z" == body["authorizedAt"]
    assert "2030-01-01T00:05:00.000000Z" == body["holdExpiresAt"]
    assert "trace-1" == body["traceId"]
    assert {
        "denialReason", "denialMessage", "allocationSnapshot", "originalEventId", "originalEventStatus",
        "wouldHaveBeen", "wouldHaveBeenReason", "wouldHaveBeenMessage", "deniedBy", "retryAfterSeconds",
    } == nulls(body)  # fmt: skip


def test_the_snapshot_is_taken_after_the_hold():
    assert {
        "id": "budget",
        "totalLimit": Decimal(100),
        "quantitySpent": Decimal(0),
        "quantityReserved": Decimal(10),
        "availableQuantity": Decimal(90),
        "status": "ACTIVE",
    } == shown("authorize", approved())["budgetSnapshot"]


def test_amounts_are_numbers_with_at_least_two_digits():
    response = find("authorize").render(approved(), Context(NOW, SETTINGS, str))

    assert "10.00" == str(response.approved_quantity)
    assert response.approved_quantity == 10.0
    assert response.trace_id is None


def test_a_denial_says_what_which_and_what_now():
    body = shown("authorize", denied())

    assert ("DENIED", "INSUFFICIENT_FUNDS", "too much") == (
        body["decision"],
        body["denialReason"],
        body["denialMessage"],
    )
    assert {"level": "BUDGET", "id": "budget", "availableQuantity": Decimal(5), "fittingQuantity": Decimal(5)} == (
        body["deniedBy"]
    )
    assert 2 == body["retryAfterSeconds"]
    assert "event" == body["eventId"]
    assert {"approvedQuantity", "authorizedAt", "wouldHaveBeen", "holdExpiresAt"} <= nulls(body)
    assert body["budgetSnapshot"] is not None


def test_a_moment_that_has_passed_is_no_wait():
    verdict = replace(DENIED, retry_at=NOW - 5)

    assert 0 == shown("authorize", denied(verdict))["retryAfterSeconds"]


def test_a_denial_without_a_level_names_none():
    assert shown("authorize", denied(Verdict(Denial.BUDGET_PAUSED, "paused")))["deniedBy"] is None


def test_the_original_of_a_twin_is_named_with_its_state():
    verdict = Verdict(Denial.ENTITY_ALREADY_AUTHORIZED, "twin", original_event_id="first")
    original = event(decision=Decision.CONFIRMED, id="first")
    body = shown("authorize", denied(verdict, original=original))

    assert ("first", "CONFIRMED") == (body["originalEventId"], body["originalEventStatus"])


def test_a_dry_run_has_no_event():
    assert shown("authorize", approved(dry_run=True))["eventId"] is None
    assert shown("authorize", denied(dry_run=True))["eventId"] is None


def test_a_replay_gives_the_first_answer_and_the_present_state():
    settled = shown("authorize", approved(event=event(decision=Decision.CONFIRMED), replayed=True))
    voided = shown("authorize", approved(event=event(decision=Decision.VOIDED), replayed=True))

    assert ("AUTHORIZED", "CONFIRMED", Decimal(10), True) == (
        settled["decision"],
        settled["currentDecision"],
        settled["approvedQuantity"],
        settled["replayed"],
    )
    assert ("AUTHORIZED", "VOIDED") == (voided["decision"], voided["currentDecision"])


def test_the_allocation_is_shown_as_it_was_created():
    body = shown("authorize", approved(event=event(allocation_id="food")))

    assert {
        "id": "food",
        "category": "Food",
        "limit": Decimal(50),
        "quantitySpent": Decimal(0),
        "quantityReserved": Decimal(10),
        "availableQuantity": Decimal(40),
        "status": "ACTIVE",
    } == body["allocationSnapshot"]


@pytest.mark.parametrize("denial", Denial)
def test_a_denial_shows_the_allocation_once_its_check_had_looked_at_it(denial):
    shows = {
        Denial.FORBIDDEN_ITEM_TYPE,
        Denial.DELEGATE_CAP_EXCEEDED,
        Denial.ALLOCATION_EXHAUSTED,
        Denial.INSUFFICIENT_FUNDS,
    }
    body = shown("authorize", denied(Verdict(denial, "no"), event={"allocation_id": "food"}))

    assert (denial in shows) == (body["allocationSnapshot"] is not None)
    assert denial.value == body["denialReason"]


def test_a_replay_shows_no_allocation():
    assert shown("authorize", approved(event=event(allocation_id="food"), replayed=True))["allocationSnapshot"] is None


def test_an_allocation_that_is_gone_is_not_shown():
    assert shown("authorize", approved(event=event(allocation_id="other")))["allocationSnapshot"] is None


def test_a_used_up_allocation_and_budget_say_so():
    full = replace(FOOD, balance=balance(spent=50))
    body = shown(
        "authorize", approved(event=event(allocation_id="food"), budget=budget(spent=100, allocations=(full,)))
    )

    assert ("EXHAUSTED", "EXHAUSTED") == (body["allocationSnapshot"]["status"], body["budgetSnapshot"]["status"])


def test_shadow_never_blocks_and_says_what_would_have_been():
    state = budget(trust_mode=TrustMode.SHADOW)
    passed = shown("authorize", approved(event=event(shadow=True), budget=state))
    blocked = shown("authorize", approved(event=event(shadow=True, verdict=DENIED), budget=state))

    assert ("AUTHORIZED", True, "AUTHORIZED", None) == (
        passed["decision"],
        passed["shadow"],
        passed["wouldHaveBeen"],
        passed["wouldHaveBeenReason"],
    )
    assert ("AUTHORIZED", True, "DENIED", "INSUFFICIENT_FUNDS", "too much") == (
        blocked["decision"],
        blocked["shadow"],
        blocked["wouldHaveBeen"],
        blocked["wouldHaveBeenReason"],
        blocked["wouldHaveBeenMessage"],
    )
    assert "event" == blocked["eventId"]
    assert {"denialReason", "denialMessage"} <= nulls(blocked)
    assert Decimal(10) == blocked["approvedQuantity"]


def test_a_batch_answers_in_order():
    body = shown("authorize_batch", AuthorizeAllReply((approved(), denied()), all_authorized=False, first_denied=1))

    assert ["AUTHORIZED", "DENIED"] == [one["decision"] for one in body["results"]]
    assert (False, 1) == (body["allAuthorized"], body["firstDenied"])


def test_what_was_undone_does_not_read_as_an_approval():
    reply = AuthorizeAllReply((approved(), denied()), all_authorized=False, first_denied=1, undone=True)
    first, second = shown("authorize_batch", reply)["results"]

    assert ("DENIED", "DENIED", None) == (first["decision"], first["currentDecision"], first["eventId"])
    assert "nothing was recorded: the batch is all or nothing and request 1 was denied" == first["denialMessage"]
    assert {"approvedQuantity", "authorizedAt", "holdExpiresAt", "budgetSnapshot", "denialReason"} <= nulls(first)
    assert ("INSUFFICIENT_FUNDS", "event") == (second["denialReason"], second["eventId"])


def test_an_event_has_every_member():
    body = shown("confirm_event", EventReply(event(), budget(), NOW))

    assert set(EVENT) <= set(body)
    assert {
        "agentType", "confirmedQuantity", "entityId", "claimedCategory", "claimedItemType", "intentContext",
        "denialReason", "failureReason", "parentEventId", "traceId", "metadata", "eventSource", "occurredAt",
    } <= nulls(body)  # fmt: skip
    assert ("event", "AUTHORIZED", Decimal(10), "USD", "k1", Decimal(10)) == (
        body["id"],
        body["decision"],
        body["requestedQuantity"],
        body["currency"],
        body["idempotencyKey"],
        body["heldQuantity"],
    )


def test_a_settled_event():
    settled = event(
        decision=Decision.CONFIRMED,
        standing=Standing(booked=quanta(7), confirmed=quanta(9), refunded=quanta(2), hold_released_at=later(300)),
        external_transaction_id="ch_1",
        settled_at=later(5),
        allocation_id="food",
        token_id="token",
        metadata={"a": 1.5},
        category="Food",
        max_subtree=20,
    )
    body = shown("confirm_event", EventReply(settled, budget(allocations=(FOOD,)), NOW))

    assert body == {
        **body,
        "decision": "CONFIRMED",
        "confirmedQuantity": Decimal(9),
        "refundedQuantity": Decimal(2),
        "heldQuantity": Decimal(0),
        "externalTransactionId": "ch_1",
        "settledAt": "2030-01-01T00:00:05.000000Z",
        "holdReleasedAt": "2030-01-01T00:05:00.000000Z",
        "allocation": "Food",
        "allocationId": "food",
        "delegatedTokenId": "token",
        "claimedCategory": "food",
        "maxSubtreeQuantity": Decimal(20),
        "metadata": {"a": Decimal("1.5")},
        "reserved": True,
        "shadow": False,
        "attempt": 1,
    }


@pytest.mark.parametrize("decision", [Decision.FAILED, Decision.VOIDED])
def test_a_reason_is_shown_where_it_ended_the_event(decision):
    body = shown("fail_event", EventReply(event(decision=decision, reason="CARD"), budget(), NOW))

    assert ("CARD", None, None) == (body["failureReason"], body["outcome"], body["outcomeReason"])


def test_an_unknown_outcome_is_shown_beside_the_decision():
    body = shown("mark_event_unknown", EventReply(event(unknown=True, reason="time-out"), budget(), NOW))

    assert ("AUTHORIZED", "UNKNOWN", "time-out", None) == (
        body["decision"],
        body["outcome"],
        body["outcomeReason"],
        body["failureReason"],
    )


def test_a_denied_event_shows_why_and_a_shadow_event_what_would_have_been():
    refused = shown("get_event", EventView(event(decision=Decision.DENIED, verdict=DENIED)))
    shadow = shown("get_event", EventView(event(shadow=True, verdict=DENIED)))

    assert ("INSUFFICIENT_FUNDS", "too much", None) == (
        refused["denialReason"],
        refused["denialMessage"],
        refused["wouldHaveBeen"],
    )
    assert (None, "DENIED", "INSUFFICIENT_FUNDS") == (
        shadow["denialReason"],
        shadow["wouldHaveBeen"],
        shadow["wouldHaveBeenReason"],
    )
    assert "AUTHORIZED" == shown("get_event", EventView(event(shadow=True)))["wouldHaveBeen"]


def test_external_spending_names_its_source():
    booked = replace(
        event(decision=Decision.CONFIRMED, agent_type="HUMAN"),
        outcome=Outcome(source="HUMAN", occurred_at=NOW, money_moved=True),
        place=Place(root_id="event", foreign_parent_id="elsewhere"),
    )
    body = shown("record_external_event", EventReply(booked, budget(unit="tokens"), NOW))

    assert ("HUMAN", "HUMAN", "2030-01-01T00:00:00.000000Z", True, "elsewhere", None) == (
        body["eventSource"],
        body["agentType"],
        body["occurredAt"],
        body["moneyMoved"],
        body["foreignParentEventId"],
        body["currency"],
    )


def test_a_ledger_is_a_page():
    view = LedgerView((event(id="b"), event(id="a")), total=5, page=1, size=2, budget=budget())
    body = shown("get_ledger", view)

    assert ["b", "a"] == [one["id"] for one in body["content"]]
    assert ["USD", "USD"] == [one["currency"] for one in body["content"]]
    assert {
        **body,
        "totalElements": 5,
        "totalPages": 3,
        "number": 1,
        "size": 2,
        "numberOfElements": 2,
        "first": False,
        "last": False,
        "empty": False,
        "sort": {"sorted": True, "unsorted": False, "empty": False},
        "pageable": {
            "pageNumber": 1,
            "pageSize": 2,
            "offset": 2,
            "paged": True,
            "unpaged": False,
            "sort": {"sorted": True, "unsorted": False, "empty": False},
        },
    } == body


@pytest.mark.parametrize(
    ("total", "page", "pages", "first", "last"),
    [
        (0, 0, 0, True, True),
        (2, 0, 1, True, True),
        (3, 0, 2, True, False),
        (3, 1, 2, False, True),
        (3, 9, 2, False, True),
    ],
)
def test_the_ends_of_a_listing(total, page, pages, first, last):
    body = shown("get_ledger", LedgerView((), total, page, 2))

    assert (pages, first, last, True) == (body["totalPages"], body["first"], body["last"], body["empty"])


def test_a_voided_tree():
    reply = VoidTreeReply(event(id="root"), ("root", "leaf"), quanta("12.5"), "STOP", "USD")

    assert {
        "rootEventId": "root",
        "voidedCount": 2,
        "totalQuantityReleased": Decimal("12.5"),
        "currency": "USD",
        "voidedEventIds": ["root", "leaf"],
        "reason": "STOP",
    } == shown("void_tree", reply)


def test_a_paused_budget_is_seen_in_the_snapshot():
    assert "PAUSED" == shown("authorize", denied(budget=budget(status=Status.PAUSED)))["budgetSnapshot"]["status"]
