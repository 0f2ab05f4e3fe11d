"""
The whole table of settlements: every operation on an event in every state, and what comes of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pytest

from figuard.domain import settle
from figuard.domain.amounts import quanta
from figuard.domain.budget import Budget
from figuard.domain.codes import ErrorCode
from figuard.domain.events import Decision, Event, Standing
from figuard.domain.levels import Touched
from figuard.domain.refusal import Refusal
from tests.unit.domain.made import budget, event, later, released, timed_out

CONFLICT = ErrorCode.EVENT_STATE_CONFLICT
REFUND = ErrorCode.VOID_REQUIRES_REFUND
SAME = "SAME"
"""The very event comes back: a repeat that changes nothing."""
AUTHORIZED, CONFIRMED, FAILED, VOIDED = Decision.AUTHORIZED, Decision.CONFIRMED, Decision.FAILED, Decision.VOIDED

STATES: dict[str, Event] = {
    "held": event(10),
    "hold ended": released(event(10)),
    "marker": event(10, reserve=False, standing=Standing()),
    "unknown": event(10, unknown=True, reason="r"),
    "confirmed": event(10, CONFIRMED),
    "settled outside": event(10, CONFIRMED, external_transaction_id="tx"),
    "failed": event(10, FAILED, reason="r"),
    "voided": event(10, VOIDED, reason="r"),
    "timed out": timed_out(10),
    "denied": event(10, Decision.DENIED),
}
TEN = quanta(10)
NOW = later(1000)
BUDGET = budget(100, reserved=10)
TOUCHED = Touched(BUDGET)

Operation = Callable[[Event], Event]
OPERATIONS: dict[str, Operation] = {
    "confirm all": lambda e: settle.confirmed(e, TOUCHED, TEN, now=NOW),
    "confirm less": lambda e: settle.confirmed(e, TOUCHED, quanta(6), now=NOW),
    "confirm with the same id": lambda e: settle.confirmed(e, TOUCHED, TEN, now=NOW, external_transaction_id="tx"),
    "fail": lambda e: settle.failed(e, "r", now=NOW),
    "fail otherwise": lambda e: settle.failed(e, "another reason", now=NOW),
    "void": lambda e: settle.voided(e, "r", now=NOW),
    "void otherwise": lambda e: settle.voided(e, "another reason", now=NOW),
    "refund": lambda e: settle.refunded(e, quanta(4), now=NOW),
    "extend": lambda e: settle.extended(e, TOUCHED, 60, now=NOW),
    "mark unknown": lambda e: settle.unknown(e, TOUCHED, "r", now=NOW),
}

Result = Decision | ErrorCode | str
# For each state: what the operations above make of it, in their order.
TABLE: dict[str, tuple[Result, ...]] = {
    "held": (CONFIRMED, CONFIRMED, CONFIRMED, FAILED, FAILED, VOIDED, VOIDED, CONFLICT, AUTHORIZED, AUTHORIZED),
    "hold ended": (CONFIRMED, CONFIRMED, CONFIRMED, FAILED, FAILED, VOIDED, VOIDED, CONFLICT, AUTHORIZED, AUTHORIZED),
    "marker": (CONFIRMED, CONFIRMED, CONFIRMED, FAILED, FAILED, VOIDED, VOIDED, CONFLICT, CONFLICT, AUTHORIZED),
    "unknown": (CONFIRMED, CONFIRMED, CONFIRMED, FAILED, FAILED, VOIDED, VOIDED, CONFLICT, AUTHORIZED, SAME),
    "confirmed": (SAME, CONFLICT, CONFLICT, CONFLICT, CONFLICT, VOIDED, VOIDED, CONFIRMED, CONFLICT, CONFLICT),
    "settled outside": (SAME, CONFLICT, SAME, CONFLICT, CONFLICT, REFUND, REFUND, CONFIRMED, CONFLICT, CONFLICT),
    "failed": (CONFLICT, CONFLICT, CONFLICT, SAME, CONFLICT, CONFLICT, CONFLICT, CONFLICT, CONFLICT, CONFLICT),
    "voided": (CONFLICT, CONFLICT, CONFLICT, CONFLICT, CONFLICT, SAME, CONFLICT, CONFLICT, CONFLICT, CONFLICT),
    "timed out": (CONFIRMED, CONFIRMED, CONFIRMED, FAILED, FAILED, SAME, SAME, CONFLICT, CONFLICT, AUTHORIZED),
    "denied": (CONFLICT,) * 10,
}
PAIRS = [(state, operation) for state in STATES for operation in OPERATIONS]


def result(operation: Operation, before: Event) -> tuple[Result, Event]:
    """Return what an operation made of an event: the decision, ``SAME`` or the code of the refusal."""
    try:
        after = operation(before)
    except Refusal as refusal:
        return refusal.code, before
    return (SAME if after is before else after.decision), after


def test_the_table_has_a_row_for_every_state():
    assert STATES.keys() == TABLE.keys()


@pytest.mark.parametrize("state", TABLE)
def test_every_operation_on_every_state_does_what_the_table_says(state: str):
    results = {name: result(operation, STATES[state])[0] for name, operation in OPERATIONS.items()}

    assert dict(zip(OPERATIONS, TABLE[state], strict=True)) == results


def offenders(is_kept: Callable[[Event, Event], bool]) -> list[str]:
    """Return the cases in which something that must always hold between before and after does not."""
    outcomes = [(state, name, STATES[state], result(OPERATIONS[name], STATES[state])[1]) for state, name in PAIRS]
    return [f"{name} when {state}" for state, name, before, after in outcomes if not is_kept(before, after)]


def test_an_event_holds_only_while_it_is_authorized():
    assert [] == offenders(lambda _, after: after.decision is AUTHORIZED or not after.standing.held)


def test_an_event_is_booked_only_while_it_is_confirmed():
    assert [] == offenders(lambda _, after: after.decision is CONFIRMED or not after.standing.booked)


def test_only_an_authorized_event_is_waited_for():
    def is_kept(before: Event, after: Event) -> bool:
        standing = after.standing
        return after.decision is AUTHORIZED or (standing.hold_expires_at is None and standing.void_due_at is None)

    assert [] == offenders(is_kept)


def test_an_event_changes_its_date_exactly_when_it_changes():
    assert [] == offenders(lambda before, after: after.updated_at == (before.updated_at if after is before else NOW))


def test_what_an_event_is_for_and_where_it_counts_never_changes():
    def fixed(event: Event) -> tuple[object, ...]:
        return (event.id, event.spend, event.place, event.verdict, event.created_at)

    assert [] == offenders(lambda before, after: fixed(before) == fixed(after))


@pytest.mark.parametrize("operation", ["confirm all", "fail", "void"])
@pytest.mark.parametrize("state", ["held", "hold ended", "marker", "unknown"])
def test_an_identical_repeat_of_a_settlement_changes_nothing(state: str, operation: str):
    settled = OPERATIONS[operation](STATES[state])

    assert settled is OPERATIONS[operation](settled)


def hold_ended(state: Event, in_budget: Budget = BUDGET) -> Event:
    return settle.hold_ended(state, in_budget, now=NOW)


@pytest.mark.parametrize("end", [hold_ended, partial(settle.timed_out, now=NOW)])
def test_nothing_is_held_once_the_time_is_over(end: Operation):
    assert 0 == end(STATES["held"]).standing.held


def test_an_event_stays_authorized_when_its_hold_ends():
    assert AUTHORIZED is hold_ended(STATES["held"]).decision


def test_an_event_whose_hold_ended_is_still_to_be_voided_in_time():
    assert STATES["held"].standing.void_due_at == hold_ended(STATES["held"]).standing.void_due_at


def test_the_end_of_a_hold_is_written_down():
    assert (None, NOW) == (
        hold_ended(STATES["held"]).standing.hold_expires_at,
        hold_ended(STATES["held"]).standing.hold_released_at,
    )


def test_a_time_out_keeps_the_moment_at_which_the_hold_ended():
    assert later(300) == settle.timed_out(STATES["hold ended"], now=NOW).standing.hold_released_at


def test_a_time_out_ends_a_hold_that_was_still_there():
    assert NOW == settle.timed_out(STATES["held"], now=NOW).standing.hold_released_at


def test_a_time_out_is_recognised_later():
    assert settle.timed_out(STATES["held"], now=NOW).timed_out
    assert not STATES["voided"].timed_out
    assert not replace(STATES["timed out"], decision=FAILED).timed_out
