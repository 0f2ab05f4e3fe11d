"""
Holds that are extended, and outcomes that nobody knows: how long they are held, and what the deadline makes of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from figuard.domain import settle
from figuard.domain.amounts import quanta
from figuard.domain.budget import Budget, UnknownOutcomePolicy
from figuard.domain.codes import Denial
from figuard.domain.events import Decision, Event, Standing, Verdict
from figuard.domain.levels import Touched
from figuard.domain.refusal import Refusal
from tests.unit.domain.made import (
    balance,
    budget,
    event,
    later,
    released,
    timed_out,
)

NOW = later(1000)
TIGHT = budget(100, spent=85, reserved=10)
"""A budget with a hold of ten and five left."""


LATE = pytest.mark.parametrize("late", [released(event(10)), timed_out(10)], ids=["hold ended", "timed out"])


def shadow(denial: Denial | None, **fields: Any) -> Event:
    return event(10, shadow=True, verdict=Verdict(denial=denial), **fields)


# -- extending -----------------------------------------------------------------------------------------------------


def extend(before: Event, seconds: int = 60, state: Budget = TIGHT) -> Event:
    return settle.extended(before, Touched(state), seconds, now=NOW)


def test_an_extended_hold_ends_so_many_seconds_from_now():
    assert later(1060) == extend(event(10)).standing.hold_expires_at


def test_an_extension_never_makes_the_time_out_come_sooner():
    long = event(10, standing=Standing(held=quanta(10), hold_expires_at=later(9999), void_due_at=later(9999)))

    assert later(9999) == extend(long).standing.void_due_at


def test_an_ended_hold_is_taken_again_when_it_fits():
    standing = extend(released(event(5))).standing

    assert (quanta(5), None) == (standing.held, standing.hold_released_at)


def test_an_ended_hold_that_does_not_fit_any_more_is_refused():
    with pytest.raises(Refusal, match=r"AUTHORIZATION_EXPIRED.*has only 5\.00 left for 10\.00"):
        extend(released(event(10)))


def test_an_ended_hold_of_a_root_must_fit_into_its_own_chain_again():
    root = released(event(10, max_subtree=12))
    root = replace(root, standing=replace(root.standing, subtree=balance(reserved=5)))

    with pytest.raises(Refusal, match=r"chain 'event' has only 7\.00 left"):
        extend(root, state=budget(100))


def test_a_shadow_hold_is_taken_again_whatever_the_limit():
    assert quanta(50) == extend(released(event(50, shadow=True))).standing.held


def test_a_shadow_hold_that_would_have_been_denied_stays_empty():
    denied = shadow(Denial.INSUFFICIENT_FUNDS, standing=Standing(hold_released_at=later(300)))

    assert 0 == extend(denied).standing.held


@pytest.mark.parametrize(("seconds", "ends"), [(299, 1300), (300, 1300), (301, 1301)])
def test_an_extension_never_shortens_a_hold(seconds: int, ends: int):
    before = event(10, standing=Standing(held=quanta(10), hold_expires_at=later(1300), void_due_at=later(1300)))
    after = settle.extended(before, Touched(TIGHT), seconds, now=NOW)

    assert later(ends) == after.standing.hold_expires_at
    assert (seconds <= 300) is (after is before)


def test_an_event_without_a_hold_cannot_be_extended():
    with pytest.raises(Refusal, match="authorized without a hold"):
        extend(event(10, reserve=False))


# -- unknown outcomes ----------------------------------------------------------------------------------------------


def with_unknown(policy: UnknownOutcomePolicy, seconds: int | None = 3600) -> Budget:
    return budget(100, reserved=10, unknown_outcome=policy, unknown_outcome_seconds=seconds)


def unknown(before: Event, state: Budget = TIGHT) -> Event:
    return settle.unknown(before, Touched(state), "TIMEOUT", now=NOW)


@pytest.mark.parametrize(
    ("policy", "seconds", "deadline"),
    [
        (UnknownOutcomePolicy.HOLD, None, None),
        (UnknownOutcomePolicy.HOLD, 3600, None),
        (UnknownOutcomePolicy.CONFIRM, 3600, later(4600)),
        (UnknownOutcomePolicy.VOID, 3600, later(4600)),
        (UnknownOutcomePolicy.VOID, None, None),
    ],
)
def test_an_unknown_outcome_keeps_its_hold_until_the_policys_deadline(
    policy: UnknownOutcomePolicy, seconds: int | None, deadline: int | None
):
    standing = unknown(event(10), with_unknown(policy, seconds)).standing

    assert (quanta(10), deadline, None) == (standing.held, standing.hold_expires_at, standing.void_due_at)


def test_an_unknown_outcome_is_marked_with_its_reason():
    outcome = unknown(event(10)).outcome

    assert (True, "TIMEOUT") == (outcome.unknown, outcome.reason)


def test_an_ended_hold_of_unknown_outcome_is_taken_again_when_it_fits():
    assert quanta(5) == unknown(released(event(5))).standing.held


@LATE
def test_an_unknown_outcome_is_marked_even_when_its_hold_does_not_fit_any_more(late: Event):
    after = unknown(late)

    assert (Decision.AUTHORIZED, True, 0) == (after.decision, after.outcome.unknown, after.standing.held)


@pytest.mark.parametrize(
    ("policy", "decision", "booked"),
    [(UnknownOutcomePolicy.CONFIRM, Decision.CONFIRMED, 10), (UnknownOutcomePolicy.VOID, Decision.VOIDED, 0)],
)
def test_the_deadline_settles_an_unknown_outcome_as_the_policy_says(
    policy: UnknownOutcomePolicy, decision: Decision, booked: int
):
    state = with_unknown(policy)
    after = settle.hold_ended(unknown(event(10), state), state, now=later(5000))

    assert (decision, quanta(booked), False) == (after.decision, after.standing.booked, after.outcome.unknown)


@pytest.mark.parametrize(
    "settled",
    [
        lambda e: settle.confirmed(e, Touched(TIGHT), quanta(10), now=NOW),
        lambda e: settle.failed(e, "r", now=NOW),
        lambda e: settle.voided(e, "r", now=NOW),
    ],
)
def test_a_settled_outcome_is_unknown_no_more(settled: Callable[[Event], Event]):
    assert not settled(unknown(event(10))).outcome.unknown


def test_a_deadline_that_confirms_books_nothing_for_a_shadow_denial():
    state = with_unknown(UnknownOutcomePolicy.CONFIRM)
    denied = shadow(Denial.INSUFFICIENT_FUNDS, standing=Standing(), unknown=True)

    assert 0 == settle.hold_ended(denied, state, now=NOW).standing.booked


def test_extending_an_unknown_outcome_that_is_only_held_gives_it_no_end():
    state = with_unknown(UnknownOutcomePolicy.HOLD)
    standing = extend(unknown(event(10), state), state=state).standing

    assert (None, None) == (standing.hold_expires_at, standing.void_due_at)


def test_extending_an_unknown_outcome_moves_its_deadline():
    state = with_unknown(UnknownOutcomePolicy.VOID)
    standing = extend(unknown(event(10), state), 7200, state).standing

    assert (later(8200), None) == (standing.hold_expires_at, standing.void_due_at)
