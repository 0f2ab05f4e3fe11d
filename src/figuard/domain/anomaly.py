"""
Anomaly: is this request far above what was usually confirmed here?

The baseline keeps a count and a sum, both whole numbers, so the mean is exact and the test is one comparison of
integers: ``q > mean * multiplier``  is  ``q * n * 10^8 > sum * multiplier_quanta``.
"""

from __future__ import annotations

from figuard.domain.amounts import QUANTA_PER_UNIT
from figuard.domain.valueclass import valueclass


@valueclass
class AnomalyPolicy:
    """When to call a request an anomaly. ``multiplier`` is in quanta (3.00 is 300,000,000)."""

    enabled: bool = False
    auto_pause: bool = True
    multiplier: int = 3 * QUANTA_PER_UNIT
    min_samples: int = 5


@valueclass
class Baseline:
    """What was confirmed so far: how many, their sum, the smallest and the largest, in quanta."""

    count: int = 0
    sum: int = 0
    min: int = 0
    max: int = 0

    @property
    def mean(self) -> int:
        """The mean in quanta, rounded half up; for messages only."""
        return (2 * self.sum + self.count) // (2 * self.count) if self.count else 0

    def sampled(self, quantity: int) -> Baseline:
        """Return the baseline with one more confirmed quantity."""
        if not self.count:
            return Baseline(1, quantity, quantity, quantity)
        return Baseline(self.count + 1, self.sum + quantity, min(self.min, quantity), max(self.max, quantity))


def is_anomaly(baseline: Baseline, policy: AnomalyPolicy, quantity: int) -> bool:
    """Return whether *quantity* is above the mean times the multiplier; exactly at it is still usual."""
    if not policy.enabled or baseline.count < policy.min_samples or baseline.sum <= 0:
        return False
    return quantity * baseline.count * QUANTA_PER_UNIT > baseline.sum * policy.multiplier


def threshold(baseline: Baseline, policy: AnomalyPolicy) -> int:
    """Return the largest usual quantity, in quanta, rounded down."""
    return baseline.sum * policy.multiplier // (baseline.count * QUANTA_PER_UNIT) if baseline.count else 0
