"""
Velocity: how many requests, and how much money, in the last minute, hour and day.

Each window is a small ring of counters in the budget's own row, so a check costs the same with ten events as with
ten million. A window of *n* buckets keeps *n + 1*: the oldest is only partly inside, and leaving it out would
under-count. So a window may deny up to one bucket too long and never a moment too short.
"""

from __future__ import annotations

from figuard.domain.instants import DAY, HOUR, MINUTE, SECOND, Instant
from figuard.domain.valueclass import valueclass


@valueclass
class VelocityLimits:
    """How often and how much: None means no such limit. The amount is in quanta."""

    per_minute: int | None = None
    amount_per_hour: int | None = None
    per_day: int | None = None

    @property
    def any(self) -> bool:
        """Whether there is a limit at all."""
        return not (self.per_minute is None and self.amount_per_hour is None and self.per_day is None)


@valueclass
class Window:
    """The shape of one window: its length and the width of a bucket, in microseconds."""

    name: str
    length: int
    bucket: int


MINUTE_WINDOW = Window("minute", MINUTE, SECOND)
HOUR_WINDOW = Window("hour", HOUR, MINUTE)
DAY_WINDOW = Window("day", DAY, 30 * MINUTE)

Ring = tuple[tuple[int, int], ...]
"""Pairs of bucket number and what fell into it, oldest first; empty buckets are left out."""


def total(ring: Ring, window: Window, now: Instant) -> int:
    """Return what fell into the window that ends at *now*."""
    oldest = (now - window.length) // window.bucket
    return sum(count for bucket, count in ring if bucket >= oldest)


def added(ring: Ring, window: Window, now: Instant, amount: int) -> Ring:
    """Return the ring with *amount* added at *now* and what left the window dropped."""
    bucket = now // window.bucket
    oldest = (now - window.length) // window.bucket
    if ring and ring[-1][0] == bucket:
        last = (bucket, ring[-1][1] + amount)
        kept = ring[:-1]
    else:
        last = (bucket, amount)
        kept = ring
    if kept and kept[0][0] < oldest:
        kept = tuple(pair for pair in kept if pair[0] >= oldest)
    return (*kept, last)


def fits_at(rings: tuple[Ring, ...], window: Window, room: int) -> Instant | None:
    """
    Return the first moment at which the window holds no more than *room*, if nothing is added; None if never.

    *rings* are added up (a shadow decision counts real and shadow requests).
    """
    if room < 0:
        return None
    pairs = sorted(pair for ring in rings for pair in ring)
    left = sum(count for _, count in pairs)
    for bucket, count in pairs:
        if left <= room:
            break
        left -= count
        free_from = (bucket + 1) * window.bucket + window.length
        if left <= room:
            return free_from
    return 0


@valueclass
class Windows:
    """
    The three rings of one budget: requests in a minute, approved quanta in an hour, requests in a day.

    Requests count whatever was decided; amounts count only when approved, so that one absurd request which was
    denied cannot block an hour.
    """

    minute: Ring = ()
    hour: Ring = ()
    day: Ring = ()

    def counted(self, limits: VelocityLimits, now: Instant, approved: int) -> Windows:
        """Return the windows with one request of *approved* quanta added; only windows with a limit are kept."""
        per_minute, amount_per_hour, per_day = limits.per_minute, limits.amount_per_hour, limits.per_day
        if per_minute is None and amount_per_hour is None and per_day is None:
            return _EMPTY if self.minute or self.hour or self.day else self
        hour = self.hour if amount_per_hour is not None else ()
        return Windows(
            added(self.minute, MINUTE_WINDOW, now, 1) if per_minute is not None else (),
            added(hour, HOUR_WINDOW, now, approved) if approved and amount_per_hour is not None else hour,
            added(self.day, DAY_WINDOW, now, 1) if per_day is not None else (),
        )


_EMPTY = Windows()


@valueclass
class Excess:
    """Which velocity limit is reached, what the window holds, and from when the request would pass."""

    setting: str
    limit: int
    used: int
    window: Window
    free_from: Instant | None


def excess(windows: tuple[Windows, ...], limits: VelocityLimits, now: Instant, quantity: int) -> Excess | None:
    """Return the first limit (minute, hour, day) that a request of *quantity* quanta would break, or None."""
    if limits.per_minute is not None:
        rings = tuple(w.minute for w in windows)
        used = sum(total(r, MINUTE_WINDOW, now) for r in rings)
        if used >= limits.per_minute:
            free = _free_after(rings, MINUTE_WINDOW, limits.per_minute, now)
            return Excess("velocityMaxPerMinute", limits.per_minute, used, MINUTE_WINDOW, free)
    if limits.amount_per_hour is not None:
        rings = tuple(w.hour for w in windows)
        used = sum(total(r, HOUR_WINDOW, now) for r in rings)
        if used + quantity > limits.amount_per_hour:
            free = fits_at(rings, HOUR_WINDOW, limits.amount_per_hour - quantity)
            return Excess("velocityMaxAmountPerHour", limits.amount_per_hour, used, HOUR_WINDOW, free)
    if limits.per_day is not None:
        rings = tuple(w.day for w in windows)
        used = sum(total(r, DAY_WINDOW, now) for r in rings)
        if used >= limits.per_day:
            free = _free_after(rings, DAY_WINDOW, limits.per_day, now)
            return Excess("velocityMaxPerDay", limits.per_day, used, DAY_WINDOW, free)
    return None


def _free_after(rings: tuple[Ring, ...], window: Window, limit: int, now: Instant) -> Instant | None:
    """Return from when one more request passes; the one that is being denied counts as a request itself."""
    denied: Ring = ((now // window.bucket, 1),)
    return fits_at((*rings, denied), window, limit - 1)
