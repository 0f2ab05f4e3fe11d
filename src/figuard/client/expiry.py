"""
When something ends: from ``expires_at`` or ``expires_in`` to the one text that is sent.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from figuard.domain.instants import MINUTE, SECOND, Instant, instant, moment, parse, span

ExpiresAt = str | datetime
ExpiresIn = str | int | timedelta


def expiry(
    expires_at: ExpiresAt | None, expires_in: ExpiresIn | None, *, now: Instant, may_be_never: bool = False
) -> str | None:
    """
    Return the end as UTC text (``2030-01-01T00:00:00Z``), or None for never where *may_be_never* allows it.

    ``expires_at`` is ISO 8601 text with an offset or an aware ``datetime``; ``expires_in`` is seconds, a
    ``timedelta``, or text such as ``"90s" "15m" "24h" "7d" "2w" "PT36H"``, counted from *now*. Raises ``ValueError``
    for both, for neither unless allowed, and for what cannot be read; ``TypeError`` for other types.
    """
    if expires_at is not None and expires_in is not None:
        raise ValueError("give expires_at or expires_in, not both")
    if expires_in is not None:
        length = span(expires_in)
        end = now + length
        # Whole seconds, and never more than was asked for, because servers refuse what is past their longest life.
        # Of a few seconds, though, none may be lost.
        return end_text(end if length < MINUTE else end - end % SECOND)
    if expires_at is not None:
        return end_text(_instant(expires_at))
    if may_be_never:
        return None
    raise ValueError("give expires_at or expires_in")


def end_text(at: Instant) -> str:
    """Return an instant as UTC text, with a fraction of a second only when there is one."""
    precision = "microseconds" if at % SECOND else "seconds"
    return moment(at).isoformat(timespec=precision).replace("+00:00", "Z")


def _instant(value: object) -> Instant:
    if isinstance(value, datetime):
        return instant(value)
    if isinstance(value, str):
        return parse(value)
    raise TypeError(f"a time must be ISO 8601 text or a datetime, got {type(value).__name__}")


def moment_text(value: ExpiresAt | None) -> str | None:
    """Return a moment of the past or future as UTC text, None for None. Raises ``ValueError`` and ``TypeError``."""
    return None if value is None else end_text(_instant(value))
