"""
What the spend reports of all stores share: what a day is, and the order of the rows.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from figuard.domain.instants import DAY, Instant, moment
from figuard.domain.views import ReportLine


def day_of(at: Instant) -> int:
    """Return the UTC day of an instant, counted from 1970-01-01."""
    return at // DAY


def report_rows(by: str, rows: Iterable[tuple[Any, ...]], limit: int) -> tuple[ReportLine, ...]:
    """Return rows of group key, measure and figures as ``ReportLine``: most confirmed first, then most held."""
    named = (ReportLine(_label(by, key), measure, *map(int, figures)) for key, measure, *figures in rows)
    return tuple(sorted(named, key=lambda row: (-row.confirmed, -row.held, row.key or "", row.measure)))[:limit]


def _label(by: str, key: str | int | None) -> str | None:
    if by == "day" and isinstance(key, int):
        return moment(key * DAY).date().isoformat()
    return None if key is None else str(key)
