"""
How a budget stands: what is stored, and what is derived when it is read.
"""

from __future__ import annotations

import pytest

from figuard.domain.amounts import quanta
from figuard.domain.budget import (
    Balance,
    Counters,
    OveragePolicy,
    Policy,
    Status,
    TrustMode,
    UnknownOutcomePolicy,
    has_expired,
    status_at,
)
from figuard.domain.instants import SECOND
from tests.builders import allocation
from tests.unit.domain.made import balance, budget, later

DAY = later(86_400)


@pytest.mark.parametrize(("after_end", "expired"), [(-1, False), (0, False), (60, False), (60.000001, True)])
def test_a_budget_expires_when_its_grace_is_over(after_end: float, expired: bool):
    state = budget(expires_at=DAY)

    assert expired is has_expired(state, DAY + round(after_end * SECOND))


def test_the_grace_may_be_another_one():
    assert has_expired(budget(expires_at=DAY, grace_seconds=0), DAY + 1)


def test_a_budget_without_an_end_never_expires():
    assert not has_expired(budget(), later(10**12))


@pytest.mark.parametrize(("seconds", "expired"), [(900, False), (900.000001, True)])
def test_an_unused_budget_expires_when_it_was_asked_to(seconds: float, expired: bool):
    assert expired is has_expired(budget(unused_expiry_seconds=900), later(seconds))


def test_a_used_budget_does_not_expire_as_unused():
    assert not has_expired(budget(unused_expiry_seconds=900, counters=Counters(events=1)), later(1000))


@pytest.mark.parametrize("status", [Status.PAUSED, Status.CANCELLED, Status.EXPIRED])
def test_a_stored_status_is_shown_whatever_the_time(status: Status):
    assert status is status_at(budget(status=status, expires_at=DAY, spent=100), later(10**6))


def test_an_active_budget_past_its_end_is_shown_as_expired():
    assert Status.EXPIRED is status_at(budget(expires_at=DAY), DAY + 61 * SECOND)


@pytest.mark.parametrize(
    ("spent", "status"), [("99.99", Status.ACTIVE), (100, Status.EXHAUSTED), (150, Status.EXHAUSTED)]
)
def test_a_budget_is_exhausted_once_its_limit_is_spent(spent: int | str, status: Status):
    assert status is status_at(budget(100, spent=spent), DAY)


def test_holds_alone_do_not_exhaust_a_budget():
    assert Status.ACTIVE is status_at(budget(100, reserved=100), DAY)


def test_available_is_limit_less_spent_and_held():
    assert quanta(60) == budget(100, spent=10, reserved=30).available()


def test_an_overdrawn_budget_has_a_negative_amount_available():
    assert -quanta(50) == budget(100, spent=150).available()


def test_a_balance_keeps_its_shadow_apart():
    moved = balance(1, 2).moved(quanta(3), quanta(4), shadow=True)

    assert Balance(quanta(1), quanta(2), quanta(3), quanta(4)) == moved


def test_only_a_shadow_decision_sees_what_the_shadow_used():
    used = balance(1, 2).moved(quanta(3), quanta(4), shadow=True)

    assert (quanta(3), quanta(10)) == (used.used(shadow=False), used.used(shadow=True))


@pytest.mark.parametrize(
    ("fields", "measure"), [({}, "USD"), ({"currency": "EUR"}, "EUR"), ({"unit": "token"}, "token")]
)
def test_the_measure_is_the_currency_or_the_unit(fields: dict[str, str], measure: str):
    assert measure == budget(**fields).identity.measure


@pytest.mark.parametrize(("fields", "monetary"), [({}, True), ({"unit": "token"}, False)])
def test_only_a_currency_makes_a_budget_monetary(fields: dict[str, str], monetary: bool):
    assert monetary is budget(**fields).is_monetary


def test_a_budget_is_in_shadow_only_when_told_so():
    assert (False, True) == (budget().in_shadow, budget(trust_mode=TrustMode.SHADOW).in_shadow)


def test_an_allocation_is_found_by_its_id():
    state = budget(allocations=(allocation("food", 10),))

    assert state.funds.allocations[0] == state.allocation("")
    assert state.allocation("another") is None


def test_a_policy_restricts_nothing_unless_it_is_told_to():
    policy = Policy()

    assert (False, False, False) == (policy.entity_dedup, policy.anomaly.enabled, policy.velocity.any)
    assert {None} == {
        policy.expires_at, policy.soft_limit, policy.max_transaction, policy.unused_expiry_seconds,
        policy.unknown_outcome_seconds,
    }  # fmt: skip
    assert (60, 300, 0, ()) == (
        policy.grace_seconds, policy.authorization_expiry_seconds, policy.overdraft_limit, policy.intent_tags,
    )  # fmt: skip


def test_a_policy_enforces_pauses_holds_and_allows_what_is_available_unless_told_otherwise():
    policy = Policy()

    assert (TrustMode.FULL_ENFORCEMENT, OveragePolicy.ALLOW_IF_AVAILABLE, UnknownOutcomePolicy.HOLD, True, 5) == (
        policy.trust_mode, policy.overage, policy.unknown_outcome, policy.anomaly.auto_pause,
        policy.anomaly.min_samples,
    )  # fmt: skip
