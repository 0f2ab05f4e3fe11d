"""
The checks one by one: what each objects to, at the limit and just beyond, and what it says.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from figuard.domain import checks
from figuard.domain.amounts import AmountLike, quanta
from figuard.domain.anomaly import AnomalyPolicy, Baseline
from figuard.domain.budget import Allocation, Balance, Counters, EnforcementMode, Status, TrustMode
from figuard.domain.entitlements import ItemPolicy
from figuard.domain.events import Decision, Event, Standing
from figuard.domain.instants import SECOND
from figuard.domain.limits import CHAIN_DEPTH_MAX
from figuard.domain.velocity import VelocityLimits, Windows
from tests.builders import allocation
from tests.unit.domain.made import NOW, balance, budget, cap, event, item, later, situation, token

HALF_SHADOW = {"balance": balance(20).moved(quanta(30), 0, shadow=True)}


def said(check: checks.Check, *arguments: Any, **fields: Any) -> str:
    """Return the message of an objection."""
    objection = check(situation(*arguments, **fields))
    assert objection is not None
    return objection.message


def passes(check: checks.Check, *arguments: Any, **fields: Any) -> bool:
    return check(situation(*arguments, **fields)) is None


def test_an_entity_has_one_live_event():
    twin = event(id="first", entity_id="order 7")

    assert "entity 'order 7' already has event first (AUTHORIZED)" in said(
        checks.entity, twin=twin, entity_id="order 7"
    )


def test_an_objection_to_a_second_event_names_the_first():
    objection = checks.entity(situation(twin=event(id="first")))

    assert "first" == (objection.original_event_id if objection else None)


@pytest.mark.parametrize("status", Status)
def test_a_status_is_objected_to_by_its_own_check(status: Status):
    state = budget(status=status)
    objecting = {name for name in ("paused", "cancelled", "expired") if not passes(getattr(checks, name), state=state)}

    assert objecting == {status.lower()} & {"paused", "cancelled", "expired"}


@pytest.mark.parametrize(("seconds", "expired"), [(60, False), (60.000001, True)])
def test_a_budget_is_expired_after_its_grace(seconds: float, expired: bool):
    assert expired is not passes(checks.expired, state=budget(expires_at=NOW), now=NOW + round(seconds * SECOND))


def test_an_expired_budget_says_since_when():
    state = budget(expires_at=NOW)

    assert "expired at 2030-01-01T00:00:00.000000Z" in said(checks.expired, state=state, now=later(61))


def test_a_budget_that_expired_unused_says_so():
    state = budget(expires_at=later(10**6), unused_expiry_seconds=60)

    assert "expired because nobody used it" in said(checks.expired, state=state, now=later(61))


# -- scope ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "asked", "message"),
    [
        ({"read_only": True}, {}, "may only read"),
        ({"action_types": ("buy",)}, {"action_type": "SELL"}, "is for actions 'buy', not 'SELL'"),
        ({"action_types": ("buy",)}, {"action_type": "Buy"}, None),
        ({"action_types": ()}, {"action_type": "buy"}, "is for actions , not 'buy'"),
        ({"categories": ("food",)}, {"category": "travel"}, "is for categories 'food', not 'travel'"),
        ({"categories": ("food",)}, {}, "is for categories 'food', not None"),
        ({"categories": ("food",)}, {"category": "Food"}, None),
        ({"max_transaction": quanta(10)}, {"quantity": 10}, None),
        ({"max_transaction": quanta(10)}, {"quantity": "10.01"}, "at most 10.00 USD at once, not 10.01 USD"),
    ],
)
def test_a_scoped_token_is_for_what_its_scope_says(fields: Any, asked: Any, message: str | None):
    objection = checks.scope(situation(tokens=(token(**fields),), **asked))

    assert (message is None) is (objection is None)
    assert (message or "") in (objection.message if objection else "")


def test_the_scope_of_every_token_of_the_chain_counts():
    chain = (token("leaf"), token("root", read_only=True))

    assert "token st_root… may only read" in said(checks.scope, tokens=chain)


def test_an_objection_of_a_scope_says_which_token_and_what_would_fit():
    objection = checks.scope(situation(20, tokens=(token("t", max_transaction=quanta(10)),)))

    assert objection is not None
    assert ("TOKEN", "t", quanta(10)) == (objection.level, objection.level_id, objection.fits)


# -- entitlement, velocity, currency, ceiling, anomaly -------------------------------------------------------------


@pytest.mark.parametrize(("quantity", "fits"), [(30, True), ("30.01", False)])
def test_a_quota_takes_what_is_left_of_it(quantity: AmountLike, fits: bool):
    assert fits is passes(checks.entitlement, quantity, item=item(100, spent=70))


def test_a_quota_that_only_warns_lets_everything_pass():
    assert passes(checks.entitlement, 1000, item=item(100, overage=ItemPolicy.WARN_ONLY))


def test_a_full_quota_says_when_it_renews():
    objection = checks.entitlement(situation(40, item=item(100, spent=70)))

    assert objection is not None
    assert item().next_renewal_at == objection.retry_at
    assert "has 30.00 call of 100.00 call left in this period, 40.00 call was asked; it renews at 2030-02-01" in (
        objection.message
    )


def velocity(limits: VelocityLimits, *amounts: int, **fields: Any) -> Any:
    windows = Windows()
    for amount in amounts:
        windows = windows.counted(limits, NOW, quanta(amount))
    return budget(velocity=limits, counters=Counters(velocity=windows), **fields)


@pytest.mark.parametrize(
    ("limits", "used", "message"),
    [
        (
            VelocityLimits(per_minute=2),
            (1, 1),
            "velocityMaxPerMinute of budget budget: 2 of 2 requests used in the last minute",
        ),
        (VelocityLimits(per_day=2), (1, 1), "velocityMaxPerDay of budget budget: 2 of 2 requests used in the last day"),
        (
            VelocityLimits(amount_per_hour=quanta(12)),
            (5,),
            "velocityMaxAmountPerHour of budget budget: 5.00 USD of 12.00 USD used, 10.00 USD asked in the last hour",
        ),
    ],
)
def test_a_full_window_says_which_and_how_full(limits: VelocityLimits, used: tuple[int, ...], message: str):
    assert message in said(checks.speed, 10, velocity(limits, *used))


def test_a_full_window_says_from_when_the_request_would_pass():
    objection = checks.speed(situation(10, velocity(VelocityLimits(per_minute=1), 1)))

    assert objection is not None
    assert later(61) == objection.retry_at
    assert "it would pass from 2030-01-01T00:01:01.000000Z" in objection.message


def test_an_amount_above_the_hourly_limit_says_that_it_can_never_pass():
    objection = checks.speed(situation(10, velocity(VelocityLimits(amount_per_hour=quanta(4)))))

    assert objection is not None
    assert (None, quanta(4)) == (objection.retry_at, objection.fits)
    assert "it can never pass" in objection.message


def test_an_overfull_hour_has_room_for_nothing():
    state = velocity(VelocityLimits(amount_per_hour=quanta(4)), 9)
    objection = checks.speed(situation(1, state))

    assert 0 == (objection.fits if objection else None)


def test_a_shadow_request_sees_shadow_and_real_requests():
    limits = VelocityLimits(per_minute=2)
    once = Windows().counted(limits, NOW, 0)
    counters = Counters(velocity=once, shadow_velocity=once)

    assert passes(checks.speed, 1, budget(velocity=limits, counters=counters))
    assert not passes(checks.speed, 1, budget(velocity=limits, counters=counters, trust_mode=TrustMode.SHADOW))


@pytest.mark.parametrize(
    ("own", "asked", "fits"),
    [("USD", None, True), ("USD", "usd", True), ("EUR", "eur", True), ("EUR", None, False), ("USD", "EUR", False)],
)
def test_a_request_is_in_the_budgets_currency_or_means_dollars(own: str, asked: str | None, fits: bool):
    assert fits is passes(checks.currency, state=budget(currency=own), currency=asked)


def test_a_budget_in_units_has_no_currency_to_mistake():
    assert passes(checks.currency, state=budget(unit="token"), currency="EUR")


@pytest.mark.parametrize(("quantity", "fits"), [(10, True), ("10.00000001", False)])
def test_the_ceiling_itself_may_be_spent_at_once(quantity: AmountLike, fits: bool):
    assert fits is passes(checks.ceiling, quantity, budget(max_transaction=quanta(10)))


ANOMALOUS = {
    "anomaly": AnomalyPolicy(enabled=True),
    "counters": Counters(baseline=Baseline(5, quanta(50), quanta(10), quanta(10))),
}


@pytest.mark.parametrize(("quantity", "usual"), [(30, True), ("30.01", False)])
def test_an_amount_far_above_the_usual_is_objected_to(quantity: AmountLike, usual: bool):
    assert usual is passes(checks.unusual, quantity, budget(**ANOMALOUS))


def test_units_have_no_anomalies():
    assert passes(checks.unusual, 1000, budget(unit="token", **ANOMALOUS))


@pytest.mark.parametrize(
    ("fields", "pauses"),
    [
        ({}, True),
        ({"trust_mode": TrustMode.SHADOW}, False),
        ({"anomaly": AnomalyPolicy(True, auto_pause=False)}, False),
    ],
)
def test_an_anomaly_says_that_it_pauses_the_budget_only_when_it_does(fields: Any, pauses: bool):
    message = said(checks.unusual, 31, budget(**{**ANOMALOUS, **fields}))

    assert pauses is ("the budget is paused until" in message)
    assert "31.00 USD is above 30.00 USD, the threshold from a mean of 10.00 USD over 5 payments" in message


# -- chains --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("depth", "fits"), [(CHAIN_DEPTH_MAX - 2, True), (CHAIN_DEPTH_MAX - 1, False)])
def test_a_chain_has_an_end(depth: int, fits: bool):
    assert fits is passes(checks.depth, parent=event(depth=depth))


FOUR = balance(4)


def chain_root(cap_units: int | None, used: Balance = FOUR) -> Event:
    return event(4, Decision.CONFIRMED, id="root", max_subtree=cap_units, standing=Standing(subtree=used))


@pytest.mark.parametrize(("quantity", "fits"), [(6, True), ("6.01", False)])
def test_a_child_takes_what_is_left_of_its_chain(quantity: AmountLike, fits: bool):
    assert fits is passes(checks.subtree, quantity, root=chain_root(10))


@pytest.mark.parametrize(("quantity", "fits"), [(10, True), ("10.01", False)])
def test_a_root_is_checked_against_its_own_cap(quantity: AmountLike, fits: bool):
    assert fits is passes(checks.subtree, quantity, max_subtree=10)


def test_a_root_that_reserves_nothing_is_not():
    assert passes(checks.subtree, 11, max_subtree=10, reserve=False)


def test_a_child_that_reserves_nothing_is_checked_all_the_same():
    assert not passes(checks.subtree, 7, root=chain_root(10), reserve=False)


def test_the_cap_a_child_names_itself_means_nothing():
    assert passes(checks.subtree, 50, root=chain_root(None), max_subtree=1)


def test_an_overdrawn_chain_has_nothing_left():
    message = said(checks.subtree, 1, root=chain_root(10, balance(15)))

    assert "the chain of event root may spend 10.00 USD, 0.00 USD is left, 1.00 USD was asked" in message


def test_a_root_above_its_own_cap_is_told_so():
    assert "the chain of this request may spend 10.00 USD" in said(checks.subtree, 11, max_subtree=10)


# -- capacity in the shadow ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("trust_mode", "left"), [(TrustMode.FULL_ENFORCEMENT, 80), (TrustMode.SHADOW, 50)])
def test_only_a_shadow_decision_is_denied_for_what_the_shadow_used(trust_mode: TrustMode, left: int):
    state = budget(trust_mode=trust_mode)
    state = replace(state, funds=replace(state.funds, **HALF_SHADOW))

    assert passes(checks.capacity, left, state)
    assert not passes(checks.capacity, left + 1, state)


@pytest.mark.parametrize(("trust_mode", "left"), [(TrustMode.FULL_ENFORCEMENT, 80), (TrustMode.SHADOW, 50)])
@pytest.mark.parametrize("level", ["allocation", "cap", "quota", "chain"])
def test_every_level_sees_the_shadow_only_in_a_shadow_decision(level: str, trust_mode: TrustMode, left: int):
    food: Allocation = replace(allocation("food", 100), **HALF_SHADOW)
    capped = token("t", replace(cap("food", 100), **HALF_SHADOW))
    check, state, fields = {
        "allocation": (checks.allocated, budget(trust_mode=trust_mode, allocations=(food,)), {"category": "food"}),
        "cap": (checks.delegated, budget(trust_mode=trust_mode), {"category": "food", "tokens": (capped,)}),
        "quota": (checks.entitlement, budget(trust_mode=trust_mode), {"item": item(100, **HALF_SHADOW)}),
        "chain": (checks.subtree, budget(trust_mode=trust_mode), {"root": chain_root(100, HALF_SHADOW["balance"])}),
    }[level]

    assert passes(check, left, state, **fields)
    assert not passes(check, left + 1, state, **fields)


def test_a_strict_allocation_forbids_its_item_types_whatever_their_case():
    strict = allocation("food", 100, mode=EnforcementMode.STRICT, forbidden_item_types=("Alcohol",))
    state = budget(allocations=(strict,))

    assert "item type 'ALCOHOL' is forbidden in allocation 'food'" in said(
        checks.item_type, 1, state, category="food", item_type="ALCOHOL"
    )
