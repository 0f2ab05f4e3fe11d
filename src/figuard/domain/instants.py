"""
Moments and spans: an instant is an ``int`` of microseconds since 1970-01-01T00:00:00Z.

Whole numbers compare and subtract exactly, store in one 64-bit column and cannot carry a wrong time zone.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

Instant = int

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SHORT = re.compile(r"(\d{1,9})([smhdw])")
_SHORT_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_ISO = re.compile(
    r"P(?!$)(?:(?P<weeks>\d{1,9})W)?(?:(?P<days>\d{1,9})D)?"
    r"(?:T(?!$)(?:(?P<hours>\d{1,9})H)?(?:(?P<minutes>\d{1,9})M)?(?:(?P<seconds>\d{1,9})S)?)?"
)


def instant(moment: datetime) -> Instant:
    """Return an aware ``datetime`` as an instant. Raises ``ValueError`` for one without an offset."""
    if moment.tzinfo is None:
        msg = f"the time {moment.isoformat()!r} has no offset; write 2030-01-01T00:00:00Z or give a tzinfo"
        raise ValueError(msg)
    return (moment - _EPOCH) // timedelta(microseconds=1)


def moment(at: Instant) -> datetime:
    """Return an instant as an aware UTC ``datetime``."""
    return _EPOCH + timedelta(microseconds=at)


def parse(value: str) -> Instant:
    """Return ISO 8601 text with an offset as an instant. Raises ``ValueError``."""
    try:
        return instant(datetime.fromisoformat(value))
    except (ValueError, OverflowError) as error:
        msg = f"not an ISO 8601 time with an offset: {value!r}"
        raise ValueError(msg) from error


def text(at: Instant) -> str:
    """Return an instant as ISO 8601 text in UTC, to the microsecond: ``2030-01-01T00:00:00.000000Z``."""
    return moment(at).isoformat(timespec="microseconds").replace("+00:00", "Z")


def span(value: object, name: str = "expires_in") -> int:
    """
    Return a span of time in microseconds.

    Accepts whole seconds (``int``), a ``timedelta``, ``"90s" "15m" "24h" "7d" "2w"`` and ISO 8601 durations of weeks,
    days, hours, minutes and seconds (``"PT36H"``; months and years have no fixed length and are refused). Raises
    ``ValueError`` for other text or a span that is not positive, ``TypeError`` for other types.
    """
    if isinstance(value, bool) or not isinstance(value, (int, str, timedelta)):
        msg = f"{name} must be seconds (int), text such as '24h', or a timedelta, got {type(value).__name__}"
        raise TypeError(msg)
    if isinstance(value, timedelta):
        length = value // timedelta(microseconds=1)
    elif isinstance(value, int):
        length = value * SECOND
    else:
        length = _span_of_text(value, name)
    if length <= 0:
        msg = f"{name} must be positive, got {value!r}"
        raise ValueError(msg)
    return length


def _span_of_text(value: str, name: str) -> int:
    if short := _SHORT.fullmatch(value):
        return int(short[1]) * _SHORT_SECONDS[short[2]] * SECOND
    if iso := _ISO.fullmatch(value):
        parts = {unit: int(count) for unit, count in iso.groupdict().items() if count}
        return timedelta(**parts) // timedelta(microseconds=1)
    msg = f"{name} must look like '90s', '15m', '24h', '7d', '2w' or 'PT36H', got {value!r}"
    raise ValueError(msg)
