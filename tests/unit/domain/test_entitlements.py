"""
Entitlements: a quota per period that renews on its day, however long nobody looked.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from figuard.domain import instants
from figuard.domain.amounts import quanta
from figuard.domain.budget import Balance
from figuard.domain.entitlements import ItemState, RenewalPeriod, next_renewal, renewed, state_of
from tests.unit.domain.made import balance, item


def at(day: str, time: str = "00:00:00") -> int:
    """Return midnight of a day, or another time of it."""
    return instants.parse(f"{day}T{time}Z")


@pytest.mark.parametrize(
    ("after", "period", "expected"),
    [
        ("2030-01-15", RenewalPeriod.MONTHLY, "2030-02-15"),
        ("2030-12-15", RenewalPeriod.MONTHLY, "2031-01-15"),
        ("2030-11-15", RenewalPeriod.QUARTERLY, "2031-02-15"),
        ("2030-09-15", RenewalPeriod.QUARTERLY, "2030-12-15"),
        ("2030-12-15", RenewalPeriod.ANNUALLY, "2031-12-15"),
    ],
)
def test_a_quota_renews_one_period_later_on_its_day(after: str, period: RenewalPeriod, expected: str):
    assert at(expected) == next_renewal(at(after), period, 15)


@pytest.mark.parametrize(
    ("after", "anchor_day", "expected"),
    [
        ("2030-01-31", 31, "2030-02-28"),
        ("2030-02-28", 31, "2030-03-31"),
        ("2030-03-31", 31, "2030-04-30"),
        ("2032-01-31", 31, "2032-02-29"),
        ("2030-01-28", 28, "2030-02-28"),
        ("2030-02-28", 28, "2030-03-28"),
        ("2030-01-30", 29, "2030-02-28"),
    ],
)
def test_a_day_that_a_month_lacks_is_its_last_and_comes_back_afterwards(after: str, anchor_day: int, expected: str):
    assert at(expected) == next_renewal(at(after), RenewalPeriod.MONTHLY, anchor_day)


def test_a_quota_renews_at_the_time_of_day_it_began():
    assert at("2030-02-01", "12:34:56.789012") == next_renewal(
        at("2030-01-01", "12:34:56.789012"), RenewalPeriod.MONTHLY, 1
    )


@pytest.mark.parametrize(("now", "is_new"), [("2030-01-31T23:59:59.999999Z", False), ("2030-02-01T00:00:00Z", True)])
def test_a_quota_renews_at_its_very_moment(now: str, is_new: bool):
    full = item(100, spent=100)

    assert is_new is (renewed(full, instants.parse(now)) is not full)


def test_a_renewed_quota_is_unused():
    assert Balance() == renewed(item(100, spent=100), at("2030-02-01")).balance


def test_a_renewal_forgets_what_was_held_and_shadowed_too():
    used = replace(item(100), balance=balance(1, 2).moved(quanta(3), quanta(4), shadow=True))

    assert Balance() == renewed(used, at("2030-02-01")).balance


@pytest.mark.parametrize(("now", "periods"), [("2030-02-01", 1), ("2030-06-15", 5), ("2031-02-01", 13)])
def test_an_outage_of_several_periods_is_caught_up_in_one_go(now: str, periods: int):
    after = renewed(item(), at(now))

    assert (periods, True) == (after.period, after.next_renewal_at > at(now))


def test_a_caught_up_quota_renews_next_on_its_own_day():
    late = item(anchor_day=31, next_renewal_at=at("2030-01-31"))

    assert at("2030-06-30") == renewed(late, at("2030-06-01")).next_renewal_at


def test_a_renewal_counts_as_one_thing_that_can_turn_a_refusal_around():
    assert 1 == renewed(item(), at("2031-02-01")).revision


@pytest.mark.parametrize(
    ("used", "state"),
    [
        (0, ItemState.NORMAL),
        ("79.99", ItemState.NORMAL),
        (80, ItemState.APPROACHING),
        ("99.99", ItemState.APPROACHING),
        (100, ItemState.LIMIT_REACHED),
        (250, ItemState.LIMIT_REACHED),
    ],
)
def test_a_state_is_how_full_a_quota_is(used: str | int, state: ItemState):
    assert state is state_of(item(100, balance=balance(spent=used)))


def test_the_warning_starts_where_it_was_set():
    assert ItemState.APPROACHING is state_of(item(100, spent=50, warn_at_percentage=50))


def test_what_is_held_counts_as_consumed():
    assert quanta(30) == item(balance=balance(10, 20)).consumed


def test_what_is_left_of_a_quota_is_never_below_zero():
    assert 0 == item(100, spent=150).remaining()


def test_what_is_left_for_a_shadow_decision_takes_shadow_consumption_into_account():
    used = item(100, balance=balance(10).moved(quanta(20), quanta(30), shadow=True))

    assert (quanta(90), quanta(40)) == (used.remaining(), used.remaining(shadow=True))
