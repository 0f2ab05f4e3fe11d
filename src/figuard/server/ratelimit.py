"""
Rate limit: a bucket of tokens per API key, refilled steadily.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from figuard.domain.codes import ErrorCode
from figuard.domain.refusal import Refusal

BUCKETS_MAX = 100_000
"""How many keys are remembered; the one that was quiet for longest is forgotten, its bucket being full by then."""
BURST_SECONDS = 10
"""How many seconds' worth of requests may come at once."""
SECONDS_PER_MINUTE = 60


class RateLimit:
    """Says whether a key may send one more request. Belongs to one event loop."""

    def __init__(self, per_minute: int, clock: Callable[[], float]) -> None:
        """Allow *per_minute* requests per key (0: any number); *clock* returns seconds that never go back."""
        self._rate = per_minute / SECONDS_PER_MINUTE
        self._burst = max(1.0, self._rate * BURST_SECONDS)
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, key_id: str) -> None:
        """Take one token. Raises ``Refusal`` (``RATE_LIMITED``) that says when there is one again."""
        if not self._rate:
            return
        now = self._clock()
        left, seen = self._buckets.get(key_id, (self._burst, now))
        left = min(self._burst, left + (now - seen) * self._rate)
        if left < 1:
            raise Refusal(
                ErrorCode.RATE_LIMITED,
                f"this API key may send {self._rate * SECONDS_PER_MINUTE:,.0f} requests a minute and has sent more",
                retry_after_seconds=(1 - left) / self._rate,
            )
        self._buckets[key_id] = (left - 1, now)
        self._buckets.move_to_end(key_id)
        if len(self._buckets) > BUCKETS_MAX:
            self._buckets.popitem(last=False)
