"""
Determinism: a clock that is turned by hand, and ids that count.

With both, a run can be repeated byte for byte: the same orders give the same ledger, hashes included.
"""

from __future__ import annotations

import threading
from datetime import datetime, timedelta

from figuard.domain import instants
from figuard.domain.instants import Instant

EPOCH = "2030-01-01T00:00:00+00:00"
"""When the manual clock starts unless told otherwise."""


class ManualClock:
    """A clock that stands still until it is turned. Safe to share between threads."""

    def __init__(self, start: str | datetime = EPOCH) -> None:
        """Start at *start*: ISO 8601 text with an offset, or an aware ``datetime``. Raises ``ValueError``."""
        self._mutex = threading.Lock()
        self._now = instants.parse(start) if isinstance(start, str) else instants.instant(start)

    def now(self) -> Instant:
        """Return the moment the clock shows, in microseconds since 1970."""
        return self._now

    def advance(self, span: str | int | timedelta) -> None:
        """Turn the clock on by seconds (``int``), text such as ``"5m"``, or a ``timedelta``. Raises ``ValueError``."""
        with self._mutex:
            self._now += instants.span(span, "span")

    def set(self, moment: str | datetime) -> None:
        """Set the clock, forwards or back. Raises ``ValueError`` for a time without an offset."""
        with self._mutex:
            self._now = instants.parse(moment) if isinstance(moment, str) else instants.instant(moment)


class SequentialIds:
    """Ids and secrets that count from one: ``00000000-0000-7000-8000-000000000001``."""

    def __init__(self) -> None:
        """Start counting."""
        self._mutex = threading.Lock()
        self._count = 0

    def _next(self) -> int:
        with self._mutex:
            self._count += 1
            return self._count

    def id(self, now: Instant) -> str:
        """Return the next id."""
        return f"00000000-0000-7000-8000-{self._next():012x}"

    def secret(self) -> str:
        """Return the next secret: 43 characters, no chance in them."""
        return f"{self._next():043d}"
