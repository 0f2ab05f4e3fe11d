"""
Notices: a crossing is told once and armed again, and every step of an event has the notice of its type.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from figuard.domain.amounts import AmountLike, quanta
from figuard.domain.anomaly import Baseline
from figuard.domain.books import EntryKind
from figuard.domain.budget import Budget, Counters, Marks
from figuard.domain.codes import Denial
from figuard.domain.events import Decision, Event, Verdict
from figuard.domain.notices import EVENT_TYPES, budget_notice, crossings, event_notices, level_of
from tests.builders import allocation
from tests.unit.domain.made import NOW, balance, budget, event, later


def told(*spendings: AmountLike, limit: AmountLike = 100, **fields: Any) -> list[list[str]]:
    """Return what is told, step by step, while the amount spent takes these values one after the other."""
    state, types = budget(limit, **fields), list[list[str]]()
    for spent in spendings:
        after = replace(state, funds=replace(state.funds, balance=balance(spent)))
        marks, notices = crossings(state, after, NOW)
        types.append([notice.event_type for notice in notices])
        state = replace(after, counters=replace(after.counters, marks=marks))
    return types


@pytest.mark.parametrize(
    ("used", "level"),
    [(0, 0), ("49.99", 0), (50, 50), ("89.99", 50), (90, 90), ("99.99999999", 90), (100, 100), (200, 100)],
)
def test_a_budget_is_used_to_none_half_nine_tenths_or_all(used: AmountLike, level: int):
    assert level == level_of(quanta(100), quanta(100) - quanta(used))


def test_what_is_held_counts_as_used():
    marks, _ = crossings(None, budget(100, spent=20, reserved=30), NOW)

    assert 50 == marks.threshold


def test_each_threshold_is_told_as_it_is_crossed():
    assert [[], ["BUDGET_50_PCT"], ["BUDGET_90_PCT"], ["BUDGET_EXHAUSTED"]] == told(49, 50, 90, 100)


def test_a_crossing_is_told_once():
    assert [["BUDGET_50_PCT"], [], []] == told(50, 60, 89)


def test_a_leap_over_several_thresholds_tells_the_highest():
    assert [["BUDGET_EXHAUSTED"]] == told(100)


def test_a_recovered_budget_is_armed_again():
    assert [["BUDGET_90_PCT"], [], ["BUDGET_90_PCT"]] == told(95, 60, 95)


def test_falling_below_a_threshold_tells_nothing():
    assert [["BUDGET_EXHAUSTED"], [], []] == told(100, 95, 10)


def test_the_soft_limit_is_told_when_it_is_reached():
    assert [[], ["BUDGET_SOFT_LIMIT_REACHED"], [], [], ["BUDGET_SOFT_LIMIT_REACHED"]] == told(
        9, 10, 20, 5, 10, soft_limit=quanta(10)
    )


def test_what_is_held_counts_towards_the_soft_limit():
    _, notices = crossings(None, budget(100, spent=4, reserved=6, soft_limit=quanta(10)), NOW)

    assert ["BUDGET_SOFT_LIMIT_REACHED"] == [notice.event_type for notice in notices]


def test_an_overdraft_is_told_each_time_it_begins():
    types = told(100, 101, 150, 100, 101)

    assert [False, True, False, False, True] == ["BUDGET_OVERDRAWN" in step for step in types]


def test_an_overdraft_is_told_of_a_budget_that_was_not_known_before():
    _, notices = crossings(None, budget(100, spent=101), NOW)

    assert "BUDGET_OVERDRAWN" in [notice.event_type for notice in notices]


def test_marks_stay_the_same_object_when_nothing_was_crossed():
    state = budget(100, spent=10)

    assert state.counters.marks is crossings(state, state, NOW)[0]


def test_a_crossing_says_how_far_the_budget_is_used():
    _, notices = crossings(None, budget(300, spent=200), NOW)

    assert "66.66" == str(notices[0].payload["percentUsed"])


def test_a_crossing_states_the_figures_after_it():
    _, notices = crossings(None, budget(100, spent=40, reserved=20), NOW)

    assert ("100.00", "40.00", "20.00", "40.00") == tuple(
        str(notices[0].payload[name])
        for name in ("totalLimit", "quantitySpent", "quantityReserved", "availableQuantity")
    )


# -- steps of events -----------------------------------------------------------------------------------------------


def notices_of(kind: EntryKind, of: Event, state: Budget | None = None) -> list[tuple[str, dict[str, Any]]]:
    return [(n.event_type, n.payload) for n in event_notices(kind, state or budget(), of, NOW)]


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (EntryKind.CONFIRMED, "SPEND_CONFIRMED"),
        (EntryKind.EXTERNAL_RECORDED, "SPEND_CONFIRMED"),
        (EntryKind.FAILED, "SPEND_PAYMENT_FAILED"),
        (EntryKind.VOIDED, "SPEND_VOIDED"),
        (EntryKind.REFUNDED, "SPEND_REFUNDED"),
        (EntryKind.OUTCOME_UNKNOWN, "SPEND_OUTCOME_UNKNOWN"),
    ],
)
def test_every_settlement_has_its_notice(kind: EntryKind, expected: str):
    assert [expected] == [event_type for event_type, _ in notices_of(kind, event(10, Decision.CONFIRMED))]


@pytest.mark.parametrize("kind", [EntryKind.AUTHORIZED, EntryKind.HOLD_EXPIRED, EntryKind.HOLD_EXTENDED])
def test_what_needs_nobody_tells_nothing(kind: EntryKind):
    assert [] == notices_of(kind, event())


def test_a_shadow_event_tells_nothing():
    shadow = event(shadow=True, verdict=Verdict(denial=Denial.INSUFFICIENT_FUNDS))

    assert [] == [notice for kind in EntryKind for notice in notices_of(kind, shadow)]


@pytest.mark.parametrize(
    ("kind", "field", "value"),
    [
        (EntryKind.CONFIRMED, "confirmedQuantity", "10.00"),
        (EntryKind.CONFIRMED, "category", "food"),
        (EntryKind.FAILED, "failureReason", "r"),
        (EntryKind.VOIDED, "voidReason", "r"),
        (EntryKind.REFUNDED, "refundedQuantity", "0.00"),
        (EntryKind.OUTCOME_UNKNOWN, "agentId", "agent"),
    ],
)
def test_a_notice_says_what_happened(kind: EntryKind, field: str, value: str):
    settled = event(10, Decision.CONFIRMED, reason="r", category="food")

    assert value == str(notices_of(kind, settled)[0][1][field])


def denied(denial: Denial, **fields: Any) -> Event:
    return event(10, Decision.DENIED, verdict=Verdict(denial=denial, message="because"), **fields)


OWN_TYPE = {
    Denial.ENTITY_ALREADY_AUTHORIZED: [],
    Denial.VELOCITY_LIMIT_EXCEEDED: ["VELOCITY_LIMIT_EXCEEDED"],
    Denial.ANOMALY_DETECTED: ["ANOMALY_DETECTED"],
}


@pytest.mark.parametrize("denial", Denial)
def test_every_denial_has_the_notice_of_its_type(denial: Denial):
    expected = OWN_TYPE.get(denial, ["SPEND_DENIED"])

    assert expected == [event_type for event_type, _ in notices_of(EntryKind.DENIED, denied(denial))]


def test_a_denial_is_told_with_its_reason_and_message():
    payload = notices_of(EntryKind.DENIED, denied(Denial.INSUFFICIENT_FUNDS))[0][1]

    assert ("INSUFFICIENT_FUNDS", "because") == (payload["denialReason"], payload["denialMessage"])


@pytest.mark.parametrize(("until", "expected"), [(later(1), 0), (NOW, 1)])
def test_a_full_velocity_window_is_told_once_while_it_stays_full(until: int, expected: int):
    state = budget(counters=Counters(marks=Marks(velocity_until=until)))

    assert expected == len(notices_of(EntryKind.DENIED, denied(Denial.VELOCITY_LIMIT_EXCEEDED), state))


def test_an_anomaly_is_told_with_its_mean_and_threshold():
    state = budget(counters=Counters(baseline=Baseline(5, quanta(50), quanta(10), quanta(10))))
    payload = notices_of(EntryKind.DENIED, denied(Denial.ANOMALY_DETECTED), state)[0][1]

    assert ("10.00", "30.00") == (str(payload["baselineMean"]), str(payload["threshold"]))


@pytest.mark.parametrize(
    ("spent", "reserved", "expected"),
    [
        (10, 0, ["SPEND_DENIED", "ALLOCATION_EXHAUSTED"]),
        (4, 6, ["SPEND_DENIED", "ALLOCATION_EXHAUSTED"]),
        (9, 0, ["SPEND_DENIED"]),
    ],
)
def test_an_allocation_is_told_exhausted_only_when_nothing_at_all_is_left(
    spent: int, reserved: int, expected: list[str]
):
    food = replace(allocation("food", 10), id="food", balance=balance(spent, reserved))
    state = budget(100, allocations=(food,))
    told_types = notices_of(EntryKind.DENIED, denied(Denial.ALLOCATION_EXHAUSTED, allocation_id="food"), state)

    assert expected == [event_type for event_type, _ in told_types]


def test_an_exhausted_allocation_that_is_no_more_is_not_told():
    gone = denied(Denial.ALLOCATION_EXHAUSTED, allocation_id="gone")

    assert ["SPEND_DENIED"] == [event_type for event_type, _ in notices_of(EntryKind.DENIED, gone)]


def test_every_notice_has_the_common_members():
    notice = budget_notice("BUDGET_PAUSED", budget(), NOW, reason="MANUAL")

    assert {"eventType", "budgetId", "tenantId", "userId", "currency", "unit", "timestamp", "reason"} == set(
        notice.payload
    )


def test_every_type_that_is_told_here_can_be_subscribed_to():
    types = {event_type for denial in Denial for event_type, _ in notices_of(EntryKind.DENIED, denied(denial))}
    types |= {event_type for kind in EntryKind for event_type, _ in notices_of(kind, denied(Denial.INSUFFICIENT_FUNDS))}
    types |= {event_type for step in told(50, 90, 100, 101, soft_limit=1) for event_type in step}

    assert types <= set(EVENT_TYPES)
