"""
Back-off: later and later, a little apart, and never for ever.
"""

from __future__ import annotations

import pytest

from figuard.domain.backoff import DELIVERY_DELAYS_SECONDS, JITTER_PERCENT, due_after
from figuard.domain.instants import SECOND
from tests.unit.domain.made import NOW

ATTEMPTS = range(1, len(DELIVERY_DELAYS_SECONDS) + 1)


@pytest.mark.parametrize("attempts", ATTEMPTS)
def test_a_failed_attempt_waits_its_delay_and_at_most_a_fifth_more(attempts: int):
    delay = DELIVERY_DELAYS_SECONDS[attempts - 1] * SECOND
    waits = [(due_after(attempts, NOW, f"delivery {n}") or 0) - NOW for n in range(300)]

    assert delay <= min(waits) <= max(waits) <= delay * (100 + JITTER_PERCENT) // 100


def test_deliveries_that_failed_together_come_back_apart():
    assert len({due_after(4, NOW, f"delivery {n}") for n in range(100)}) > 50


def test_the_same_delivery_and_attempt_wait_equally_long():
    assert due_after(3, NOW, "delivery") == due_after(3, NOW, "delivery")


def test_the_tenth_failed_attempt_was_the_last():
    assert due_after(len(DELIVERY_DELAYS_SECONDS), NOW, "delivery") is not None
    assert due_after(len(DELIVERY_DELAYS_SECONDS) + 1, NOW, "delivery") is None
