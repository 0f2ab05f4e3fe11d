"""
Anomaly: far above the mean is denied, exactly at the threshold is usual, and all of it is exact.
"""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from figuard.domain.amounts import AMOUNT_MAX, QUANTA_PER_UNIT, quanta
from figuard.domain.anomaly import AnomalyPolicy, Baseline, is_anomaly, threshold

AMOUNTS = st.integers(0, AMOUNT_MAX)
ENABLED = AnomalyPolicy(enabled=True)


def baseline(*amounts: int) -> Baseline:
    """Return the baseline after some confirmed amounts in units."""
    made = Baseline()
    for amount in amounts:
        made = made.sampled(quanta(amount))
    return made


FIVE_TENS = baseline(10, 10, 10, 10, 10)


@pytest.mark.parametrize(("quantity", "anomaly"), [("29.99", False), ("30", False), ("30.00000001", True)])
def test_exactly_at_the_threshold_is_still_usual(quantity: str, anomaly: bool):
    assert anomaly is is_anomaly(FIVE_TENS, ENABLED, quanta(quantity))


def test_nothing_is_an_anomaly_unless_the_rule_is_on():
    assert not is_anomaly(FIVE_TENS, AnomalyPolicy(), quanta(1000))


@pytest.mark.parametrize(("samples", "anomaly"), [(4, False), (5, True)])
def test_nothing_is_an_anomaly_before_there_are_enough_samples(samples: int, anomaly: bool):
    assert anomaly is is_anomaly(baseline(*[10] * samples), ENABLED, quanta(1000))


def test_a_mean_of_zero_says_nothing():
    assert not is_anomaly(baseline(0, 0, 0, 0, 0), ENABLED, quanta(1000))


def test_the_multiplier_may_have_a_fraction():
    policy = AnomalyPolicy(enabled=True, multiplier=quanta("1.5"))

    assert (False, True) == tuple(is_anomaly(FIVE_TENS, policy, quanta(q)) for q in ("15", "15.00000001"))


@given(st.lists(AMOUNTS, min_size=1, max_size=7), AMOUNTS, st.integers(1, 100 * QUANTA_PER_UNIT))
def test_the_test_agrees_with_exact_fractions(samples: list[int], quantity: int, multiplier: int):
    made = Baseline()
    for sample in samples:
        made = made.sampled(sample)
    policy = AnomalyPolicy(enabled=True, multiplier=multiplier, min_samples=1)
    above = quantity > Fraction(sum(samples), len(samples)) * Fraction(multiplier, QUANTA_PER_UNIT)

    assert (above and sum(samples) > 0) is is_anomaly(made, policy, quantity)


@given(st.lists(AMOUNTS, min_size=1, max_size=7), AMOUNTS)
def test_the_threshold_is_the_largest_usual_amount(samples: list[int], quantity: int):
    made = Baseline()
    for sample in samples:
        made = made.sampled(sample)
    policy = AnomalyPolicy(enabled=True, min_samples=1)

    if made.sum:
        assert (quantity > threshold(made, policy)) is is_anomaly(made, policy, quantity)


@given(st.lists(AMOUNTS, min_size=1, max_size=7))
def test_a_baseline_is_count_sum_smallest_and_largest(samples: list[int]):
    made = Baseline()
    for sample in samples:
        made = made.sampled(sample)

    assert Baseline(len(samples), sum(samples), min(samples), max(samples)) == made


@pytest.mark.parametrize(("samples", "mean"), [((), 0), ((1, 2), 2), ((1, 1, 2), 1), ((1, 2, 2), 2)])
def test_the_mean_is_rounded_half_up_to_a_quantum(samples: tuple[int, ...], mean: int):
    made = Baseline()
    for sample in samples:
        made = made.sampled(sample)

    assert mean == made.mean


def test_an_empty_baseline_has_the_threshold_zero():
    assert 0 == threshold(Baseline(), ENABLED)
