"""
What a caller reads about the past; trees of any depth included.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import msgspec
import pytest

from figuard.domain.amounts import quanta
from figuard.domain.budget import EnforcementMode, Status
from figuard.domain.codes import Denial
from figuard.domain.events import Decision, Standing, Verdict
from figuard.domain.instants import SECOND
from figuard.domain.views import (
    AllocationState,
    BudgetState,
    CounterfactualView,
    Difference,
    EntriesView,
    Finding,
    FindingsView,
    PolicySummary,
    ReplayStep,
    ReplaySummary,
    ReplayView,
    ReportLine,
    ReportView,
    StateAtView,
    TimelineView,
)
from figuard.wire.codec import decode, encode
from figuard.wire.operations import find
from figuard.wire.render.history import page_token
from tests.unit.domain.made import NOW, balance, budget, event, later
from tests.unit.wire.asked import context, parsed
from tests.unit.wire.shown import shown

START = "2030-01-01T00:00:00.000000Z"
SETTLED = Standing(booked=quanta(7), confirmed=quanta(9), refunded=quanta(2))


def state(at=NOW, **fields):
    """Return a budget at a moment."""
    return BudgetState(at, quanta(100), balance(5, 10), Status.ACTIVE, **fields)


STATE = {
    "snapshotAt": START,
    "eventIndex": -1,
    "triggeringEventId": None,
    "totalLimit": Decimal(100),
    "quantitySpent": Decimal(5),
    "quantityReserved": Decimal(10),
    "available": Decimal(85),
    "budgetStatus": "ACTIVE",
    "allocations": [],
}


def replay(*steps, **fields):
    """Return the view of a replay of an hour."""
    summary = ReplaySummary(9, 4, 1, 2, 1, 1, 3, quanta(50), fields.pop("peak_at", None))
    return ReplayView(
        budget(), NOW, later(3600), summary, state(), steps, state(later(3600)), fields.pop("next_offset", None)
    )


def test_a_replay_of_nothing():
    body = shown("replay_budget", replay())

    assert {
        "budgetId": "budget",
        "replayWindow": {"from": START, "until": "2030-01-01T01:00:00.000000Z", "durationSeconds": 3600},
        "summary": {
            "totalEvents": 9,
            "authorizedCount": 4,
            "deniedCount": 1,
            "confirmedCount": 2,
            "failedCount": 1,
            "voidedCount": 1,
            "uniqueAgents": 3,
            "peakReservedQuantity": Decimal(50),
            "peakReservedAt": None,
        },
        "initialState": STATE,
        "events": [],
        "finalState": STATE | {"snapshotAt": "2030-01-01T01:00:00.000000Z"},
        "nextPageToken": None,
    } == body


def test_the_steps_of_a_replay():
    divided = state(
        allocations=(AllocationState("Food", quanta(50), balance(1, 2), EnforcementMode.OPEN),),
    )
    opened = ReplayStep(0, "AUTHORIZED", NOW, event(id="e", token_id="t"), divided, 0)
    settled = ReplayStep(
        1, "CONFIRMED", later(2), event(decision=Decision.CONFIRMED, id="e", settled_at=later(2)), None, 2000
    )
    refused = ReplayStep(
        2,
        "DENIED",
        later(3),
        event(decision=Decision.DENIED, id="d", verdict=Verdict(Denial.BUDGET_PAUSED)),
        None,
        1000,
    )
    body = shown("replay_budget", replay(opened, settled, refused, peak_at=NOW, next_offset=3))
    first, second, third = body["events"]

    assert [
        {
            "category": "Food",
            "limit": Decimal(50),
            "quantitySpent": Decimal(1),
            "quantityReserved": Decimal(2),
            "available": Decimal(47),
            "enforcementMode": "OPEN",
        }
    ] == first["stateAfter"]["allocations"]
    assert (0, "e", "t") == (
        first["stateAfter"]["eventIndex"],
        first["stateAfter"]["triggeringEventId"],
        first["event"]["delegatedTokenId"],
    )
    assert (None, None) == (first["event"]["confirmedAt"], second["stateAfter"])
    assert ("2030-01-01T00:00:02.000000Z", Decimal(10), 2000, "CONFIRMED") == (
        second["event"]["confirmedAt"],
        second["event"]["confirmedQuantity"],
        second["event"]["millisSincePrevious"],
        second["event"]["kind"],
    )
    assert ("BUDGET_PAUSED", "USD") == (third["event"]["denialReason"], third["event"]["currency"])
    assert (2, "d", START) == (
        body["finalState"]["eventIndex"],
        body["finalState"]["triggeringEventId"],
        body["summary"]["peakReservedAt"],
    )
    assert 3 == parsed("replay_budget", query={"pageToken": body["nextPageToken"]}).offset


def test_a_page_token_is_the_offset_in_base64():
    assert "MTAw" == page_token(100)


def test_how_a_budget_stood():
    body = shown("get_budget_state_at", StateAtView("budget", NOW, 3, state()))

    assert {"budgetId": "budget", "projectedAt": START, "eventsApplied": 3, "state": STATE | {"eventIndex": 2}} == body


def test_a_timeline_starts_with_no_gap():
    events = (event(id="a"), replace(event(id="b", category="Food"), created_at=NOW + 3 * SECOND // 2))
    body = shown("get_budget_timeline", TimelineView("budget", events))

    assert [0, 1500] == [entry["millisSincePrevious"] for entry in body["timeline"]]
    assert [0, 1] == [entry["eventIndex"] for entry in body["timeline"]]
    assert 2 == body["totalEvents"]
    assert {
        "eventIndex": 1,
        "eventId": "b",
        "agentId": "agent",
        "decision": "AUTHORIZED",
        "requestedQuantity": Decimal(10),
        "claimedCategory": "food",
        "description": "something",
        "createdAt": "2030-01-01T00:00:01.500000Z",
        "millisSincePrevious": 1500,
    } == body["timeline"][1]


def test_what_another_policy_would_have_answered():
    view = CounterfactualView(
        "budget",
        None,
        PolicySummary(3, 1, quanta(30)),
        PolicySummary(2, 2, quanta(20)),
        1,
        (
            Difference(event(id="e"), Decision.AUTHORIZED, Decision.DENIED, Denial.INSUFFICIENT_FUNDS),
            Difference(event(id="f"), Decision.DENIED, Decision.AUTHORIZED, None),
        ),
    )
    body = shown("replay_counterfactual", view)

    assert {"type": "inline", "manifestVersion": None} == body["policySource"]
    assert {"authorizedCount": 3, "deniedCount": 1, "totalQuantitySpent": Decimal(30), "additionalDenials": None} == (
        body["actualPolicySummary"]
    )
    assert 1 == body["hypotheticalPolicySummary"]["additionalDenials"]
    assert ["INSUFFICIENT_FUNDS", None] == [one["hypotheticalDenialReason"] for one in body["deltaEvents"]]
    assert {"type": "manifest_version", "manifestVersion": "v2"} == shown(
        "replay_counterfactual", replace(view, manifest_version="v2")
    )["policySource"]


def test_a_report():
    view = ReportView("agent", (ReportLine(None, "USD", quanta(1), quanta(2), quanta(3), 4, 5),))

    assert {
        "by": "agent",
        "lines": [
            {
                "key": None,
                "measure": "USD",
                "confirmedQuantity": Decimal(1),
                "heldQuantity": Decimal(2),
                "refundedQuantity": Decimal(3),
                "eventCount": 4,
                "deniedCount": 5,
            }
        ],
    } == shown("get_spend_report", view)


def test_entries_are_the_very_bytes_that_were_hashed():
    line = b'{"seq":1,"amount":0.10,"z":"\xc3\xa4"}'
    written = encode(find("get_entries").render(EntriesView("book", (line,), 1), context()))

    assert b'{"bookId":"book","entries":[' + line + b'],"nextAfter":1}' == written
    assert line == bytes(decode(find("get_entries").response, written).entries[0])


def test_findings():
    sound = shown("verify_budget", FindingsView("book", 3, ()))
    broken = shown("verify_budget", FindingsView("book", 3, (Finding("book", 2, "CHAIN", "broken"),)))

    assert {"bookId": "book", "entries": 3, "isSound": True, "findings": []} == sound
    assert {
        "bookId": "book",
        "entries": 3,
        "isSound": False,
        "findings": [{"seq": 2, "what": "CHAIN", "detail": "broken"}],
    } == broken


def test_an_older_servers_answer_is_understood():
    """
    What the contract's reference never sends has a default.
    """
    event_form, budget_form = find("get_event").response, find("get_budget").response
    raw = b'{"id":"e","decision":"AUTHORIZED","requestedQuantity":1.5,"createdAt":"2030-01-01T00:00:00Z","newer":1}'
    old = b"""{"id":"b","userId":"u","totalLimit":1,"quantitySpent":0,"quantityReserved":0,"availableQuantity":1,
              "status":"ACTIVE","allocations":[],"expiresAt":"2030-01-01T00:00:00Z"}"""

    assert (Decimal("1.5"), True, None) == (
        decode(event_form, raw).requested_quantity,
        decode(event_form, raw).reserved,
        decode(event_form, raw).held_quantity,
    )
    assert decode(budget_form, old).overage_policy is None
    with pytest.raises(msgspec.ValidationError):
        decode(event_form, b"{}")
