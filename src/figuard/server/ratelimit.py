"""
Rate limit: a bucket of tokens per API key, refilled steadily.

Several workers have a copy of each bucket, and tell each other what they took: over time they let through what one
bucket would, and no more at once than each copy holds until the others have heard of it.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping

from figuard.domain.codes import ErrorCode
from figuard.domain.refusal import Refusal

BUCKETS_MAX = 100_000
"""How many keys are remembered; the one that was quiet for longest is forgotten, its bucket being full by then."""
BURST_SECONDS = 10
"""How many seconds' worth of requests may come at once."""
SECONDS_PER_MINUTE = 60


class RateLimit:
    """Says whether a key may send one more request. Belongs to one event loop."""

    def __init__(self, per_minute: int, clock: Callable[[], float], *, is_shared: bool = False) -> None:
        """
        Allow *per_minute* requests per key (0: any number); *clock* returns seconds that never go back.

        What is taken from a shared one is noted, for ``taken_here``.
        """
        self._rate = per_minute / SECONDS_PER_MINUTE
        self._burst = max(1.0, self._rate * BURST_SECONDS)
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._taken: Counter[str] | None = Counter() if is_shared else None

    def take(self, key_id: str) -> None:
        """Take one token. Raises ``Refusal`` (``RATE_LIMITED``) that says when there is one again."""
        if not self._rate:
            return
        now = self._clock()
        left = self._left(key_id, now)
        if left < 1:
            raise Refusal(
                ErrorCode.RATE_LIMITED,
                f"this API key may send {self._rate * SECONDS_PER_MINUTE:,.0f} requests a minute and has sent more",
                retry_after_seconds=(1 - left) / self._rate,
            )
        self._keep(key_id, left - 1, now)
        if self._taken is not None:
            self._taken[key_id] += 1

    def taken_here(self) -> dict[str, int]:
        """Return how many tokens of each key were taken since this was last asked."""
        if not self._taken:
            return {}
        taken, self._taken = self._taken, Counter()
        return taken

    def taken_elsewhere(self, taken: Mapping[str, int]) -> None:
        """Take the tokens that others have given out already, be there so many left or not."""
        now = self._clock()
        for key_id, count in taken.items():
            self._keep(key_id, self._left(key_id, now) - count, now)

    def _left(self, key_id: str, now: float) -> float:
        left, seen = self._buckets.get(key_id, (self._burst, now))
        return min(self._burst, left + (now - seen) * self._rate)

    def _keep(self, key_id: str, left: float, now: float) -> None:
        self._buckets[key_id] = (left, now)
        self._buckets.move_to_end(key_id)
        if len(self._buckets) > BUCKETS_MAX:
            self._buckets.popitem(last=False)
