"""
Velocity rings: as good as a list of everything that happened, but for one bucket at the far end.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from figuard.domain.instants import DAY, HOUR, MINUTE, SECOND
from figuard.domain.velocity import (
    DAY_WINDOW,
    HOUR_WINDOW,
    MINUTE_WINDOW,
    Ring,
    VelocityLimits,
    Window,
    Windows,
    added,
    excess,
    fits_at,
    total,
)
from tests.unit.domain.made import NOW

WINDOWS = [MINUTE_WINDOW, HOUR_WINDOW, DAY_WINDOW]
ALL = VelocityLimits(per_minute=100, amount_per_hour=100, per_day=100)
each_window = pytest.mark.parametrize("window", WINDOWS, ids=lambda window: window.name)


Facts = list[tuple[int, int]]
# Gaps in quarters of a bucket, so that both ends of buckets are hit often, and amounts.
GAPS = st.tuples(st.integers(0, 80), st.integers(1, 1000))


@st.composite
def histories(draw: st.DrawFn) -> tuple[Window, Facts, int]:
    """Return a window, what happened when (in order), and a present moment after all of it."""
    window = draw(st.sampled_from(WINDOWS))
    at, facts = NOW, Facts()
    for quarters, amount in draw(st.lists(GAPS, max_size=8)):
        at += quarters * window.bucket // 4
        facts.append((at, amount))
    return window, facts, at + draw(st.integers(0, 5)) * window.length // 4


def ring_of(window: Window, facts: Facts) -> Ring:
    """Return the ring after all facts."""
    ring: Ring = ()
    for at, amount in facts:
        ring = added(ring, window, at, amount)
    return ring


@given(histories())
def test_a_ring_never_counts_too_little(history: tuple[Window, Facts, int]):
    window, facts, now = history
    inside = sum(amount for at, amount in facts if at >= now - window.length)

    assert inside <= total(ring_of(window, facts), window, now)


@given(histories())
def test_a_ring_counts_at_most_one_bucket_too_long(history: tuple[Window, Facts, int]):
    window, facts, now = history
    nearly_inside = sum(amount for at, amount in facts if at > now - window.length - window.bucket)

    assert nearly_inside >= total(ring_of(window, facts), window, now)


@given(histories())
def test_a_ring_stays_small_whatever_happens(history: tuple[Window, Facts, int]):
    window, facts, _ = history

    assert len(ring_of(window, facts)) <= window.length // window.bucket + 1


@each_window
def test_a_full_ring_has_one_pair_per_bucket_and_one_more(window: Window):
    facts = [(NOW + step * window.bucket // 4, 1) for step in range(1000)]

    assert window.length // window.bucket + 1 == len(ring_of(window, facts))


@each_window
def test_what_happened_exactly_one_window_ago_still_counts(window: Window):
    ring = ring_of(window, [(NOW, 1)])

    assert 1 == total(ring, window, NOW + window.length)


@each_window
def test_what_happened_a_window_and_a_bucket_ago_does_not_count(window: Window):
    ring = ring_of(window, [(NOW, 1)])

    assert 0 == total(ring, window, NOW + window.length + window.bucket)


@given(histories(), st.integers(0, 3000))
def test_room_comes_at_the_very_moment_that_was_promised(history: tuple[Window, Facts, int], room: int):
    window, facts, now = history
    ring = ring_of(window, facts)
    if total(ring, window, now) <= room:
        return

    free_from = fits_at((ring,), window, room)

    assert free_from is not None
    assert total(ring, window, free_from) <= room < total(ring, window, free_from - 1)


@given(histories(), st.integers(0, 3000))
def test_room_in_two_rings_is_room_in_the_ring_of_both(history: tuple[Window, Facts, int], room: int):
    window, facts, _ = history
    last = facts[-1][0] if facts else NOW

    in_one = fits_at((ring_of(window, facts),), window, room)
    in_two = fits_at((ring_of(window, facts[::2]), ring_of(window, facts[1::2])), window, room)

    assert in_one is not None
    assert in_two is not None
    assert max(in_one, last) == max(in_two, last)


def test_less_than_no_room_never_comes():
    assert fits_at((ring_of(MINUTE_WINDOW, [(NOW, 1)]),), MINUTE_WINDOW, -1) is None


def test_room_is_there_at_once_when_nothing_stands_against_it():
    assert 0 == fits_at(((),), MINUTE_WINDOW, 0)


@pytest.mark.parametrize(
    ("limits", "any_limit"),
    [
        (VelocityLimits(), False),
        (VelocityLimits(per_minute=0), True),
        (VelocityLimits(amount_per_hour=0), True),
        (VelocityLimits(per_day=0), True),
    ],
)
def test_a_limit_of_zero_is_a_limit(limits: VelocityLimits, any_limit: bool):
    assert any_limit is limits.any


def test_only_windows_with_a_limit_are_kept():
    counted = Windows().counted(VelocityLimits(per_minute=1), NOW, 5)

    assert (True, False, False) == (bool(counted.minute), bool(counted.hour), bool(counted.day))


def test_amounts_count_in_the_hour_and_requests_in_the_minute_and_the_day():
    counted = Windows().counted(ALL, NOW, 7).counted(ALL, NOW, 5)

    assert (2, 12, 2) == (
        total(counted.minute, MINUTE_WINDOW, NOW),
        total(counted.hour, HOUR_WINDOW, NOW),
        total(counted.day, DAY_WINDOW, NOW),
    )


def test_a_request_that_was_not_approved_counts_as_a_request_and_adds_no_amount():
    counted = Windows().counted(ALL, NOW, 0)

    assert (1, 0) == (total(counted.minute, MINUTE_WINDOW, NOW), total(counted.hour, HOUR_WINDOW, NOW))


def test_an_hour_keeps_its_amounts_when_a_request_is_not_approved():
    counted = Windows().counted(ALL, NOW, 7).counted(ALL, NOW, 0)

    assert 7 == total(counted.hour, HOUR_WINDOW, NOW)


def test_windows_are_forgotten_when_the_last_limit_is_lifted():
    counted = Windows().counted(ALL, NOW, 7).counted(VelocityLimits(), NOW, 7)

    assert Windows() == counted


def test_windows_without_limits_stay_the_same_object():
    empty = Windows()

    assert empty is empty.counted(VelocityLimits(), NOW, 7)


def test_nothing_is_exceeded_without_limits():
    full = Windows().counted(ALL, NOW, 10**12)

    assert excess((full,), VelocityLimits(), NOW, 10**12) is None


@pytest.mark.parametrize(("limit", "denied"), [(1, True), (2, False)])
def test_the_request_that_reaches_the_count_passes_and_the_next_does_not(limit: int, denied: bool):
    once = Windows().counted(VelocityLimits(per_minute=limit, per_day=limit), NOW, 0)

    assert denied is (excess((once,), VelocityLimits(per_minute=limit), NOW, 1) is not None)
    assert denied is (excess((once,), VelocityLimits(per_day=limit), NOW, 1) is not None)


@pytest.mark.parametrize(("quantity", "denied"), [(3, False), (4, True)])
def test_an_amount_that_fills_the_hour_exactly_passes(quantity: int, denied: bool):
    limits = VelocityLimits(amount_per_hour=10)
    used = Windows().counted(limits, NOW, 7)

    assert denied is (excess((used,), limits, NOW, quantity) is not None)


@pytest.mark.parametrize(
    ("limits", "setting"),
    [
        (VelocityLimits(1, 1, 1), "velocityMaxPerMinute"),
        (VelocityLimits(None, 1, 1), "velocityMaxAmountPerHour"),
        (VelocityLimits(None, None, 1), "velocityMaxPerDay"),
    ],
)
def test_minute_is_tried_before_hour_and_hour_before_day(limits: VelocityLimits, setting: str):
    over = excess((Windows().counted(limits, NOW, 1),), limits, NOW, 1)

    assert over is not None
    assert setting == over.setting


@pytest.mark.parametrize(
    ("limits", "used", "wait"),
    [
        (VelocityLimits(per_minute=1), 1, MINUTE + SECOND),
        (VelocityLimits(amount_per_hour=10), 10, HOUR + MINUTE),
        (VelocityLimits(per_day=1), 1, DAY + 30 * MINUTE),
    ],
)
def test_an_excess_says_what_is_used_and_from_when_it_would_pass(limits: VelocityLimits, used: int, wait: int):
    over = excess((Windows().counted(limits, NOW, 10),), limits, NOW, 1)

    assert over is not None
    assert (used, NOW + wait) == (over.used, over.free_from)


def test_an_amount_above_the_hourly_limit_can_never_pass():
    over = excess((Windows(),), VelocityLimits(amount_per_hour=10), NOW, 11)

    assert over is not None
    assert over.free_from is None


def test_real_and_shadow_requests_are_added_up():
    limits = VelocityLimits(per_minute=2, amount_per_hour=10, per_day=2)
    once = Windows().counted(limits, NOW, 5)

    assert excess((once,), limits, NOW, 5) is None
    assert excess((once, once), limits, NOW, 0) is not None
    assert excess((once, once), VelocityLimits(amount_per_hour=10), NOW, 1) is not None
    assert excess((once, once), VelocityLimits(per_day=2), NOW, 1) is not None
