"""
Back-off: when an undelivered notice is tried again.
"""

from __future__ import annotations

from hashlib import sha256

from figuard.domain.instants import SECOND, Instant

DELIVERY_DELAYS_SECONDS = (1, 2, 4, 60, 60, 120, 240, 480, 960)
"""How long to wait after the first, second … failed attempt; after the tenth attempt it is a dead letter."""
JITTER_PERCENT = 20
"""How much later than that a delivery may be tried, so that many do not come at once."""


def due_after(attempts: int, now: Instant, delivery_id: str) -> Instant | None:
    """
    Return when to try again after so many failed *attempts*, or None when it was the last.

    The jitter is a function of the delivery and the attempt, so a run can be repeated exactly.
    """
    if attempts > len(DELIVERY_DELAYS_SECONDS):
        return None
    delay = DELIVERY_DELAYS_SECONDS[attempts - 1] * SECOND
    chance = sha256(f"{delivery_id}:{attempts}".encode()).digest()[0]
    return now + delay + delay * JITTER_PERCENT * chance // (100 * 255)
