"""
When a client tries again, and how long it waits before.
"""

from __future__ import annotations

from dataclasses import dataclass

from figuard.client.exceptions import FiGuardConfigError


@dataclass(frozen=True, slots=True)
class Retry:
    """
    How often a call is tried and how long between: 1 s, 2 s, 4 s, … each shortened by up to half, at random.

    Only failures that a repeat can cure are repeated: no connection, no answer in time, 429 and 5xx. Every call
    carries an idempotency key that stays the same over its attempts, so a repeat never acts twice. A server's
    ``Retry-After`` is waited for when it is at most ``retry_after_seconds_max``; a longer one ends the attempts.
    """

    attempts_max: int = 3
    delay_seconds: float = 1.0
    delay_seconds_max: float = 30.0
    retry_after_seconds_max: float = 60.0

    def __post_init__(self) -> None:
        if self.attempts_max < 1:
            raise FiGuardConfigError(f"attempts_max must be at least 1, got {self.attempts_max}")
        for name in ("delay_seconds", "delay_seconds_max", "retry_after_seconds_max"):
            if not getattr(self, name) >= 0:
                raise FiGuardConfigError(f"{name} must not be negative, got {getattr(self, name)}")

    def pause_seconds(self, attempt: int, chance: float, retry_after_seconds: float | None = None) -> float | None:
        """
        Return how long to wait after attempt number *attempt* (from 1), or None to give up.

        *chance* is a number from 0 to 1. What the server asks for is never shortened, only added to, so that
        callers who were sent away together do not come back together.
        """
        if attempt >= self.attempts_max:
            return None
        jitter = min(self.delay_seconds * 2 ** min(attempt - 1, 30), self.delay_seconds_max) * (1 - chance / 2)
        if retry_after_seconds is None:
            return jitter
        if retry_after_seconds > self.retry_after_seconds_max:
            return None
        return max(retry_after_seconds + min(1.0, self.delay_seconds) * chance / 2, 0.0)
