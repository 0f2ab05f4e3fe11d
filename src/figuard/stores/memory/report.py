"""
The spend report, summed record by record.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from figuard.domain.budget import Budget
from figuard.domain.events import Decision, Event
from figuard.domain.views import ReportLine
from figuard.ports import SpendReport
from figuard.stores.memory.data import MemoryData
from figuard.stores.report import day_of, report_rows

_KEYS: Mapping[str, Callable[[Budget, Event], str | int | None]] = {
    "agent": lambda _, event: event.spend.agent_id,
    "category": lambda _, event: event.spend.category,
    "day": lambda _, event: day_of(event.created_at),
    "user": lambda budget, _: budget.identity.user_id,
    "budget": lambda budget, _: budget.id,
}


def spend_report(data: MemoryData, query: SpendReport) -> tuple[ReportLine, ...]:
    """Return the rows of a report, largest first. Raises ``ValueError`` for an unknown ``by``."""
    if query.by not in _KEYS:
        raise ValueError(f"cannot report by {query.by!r}; there are {', '.join(_KEYS)}")
    key_of = _KEYS[query.by]
    sums: dict[tuple[str | int | None, str], list[int]] = {}
    for budget in data.group(Budget, "tenant", query.tenant_id):
        if query.budget_id not in {None, budget.id}:
            continue
        for event in data.group(Event, "budget", budget.id):
            if _is_counted(event, query):
                row = sums.setdefault((key_of(budget, event), budget.identity.measure), [0] * 5)
                for column, figure in enumerate(_figures(event)):
                    row[column] += figure
    return report_rows(query.by, ((*group, *row) for group, row in sums.items()), query.limit)


def _is_counted(event: Event, query: SpendReport) -> bool:
    since = query.since is None or event.created_at >= query.since
    return since and (query.until is None or event.created_at < query.until) and not event.place.shadow


def _figures(event: Event) -> tuple[int, int, int, int, int]:
    """Return what one event adds to the columns of a report, in their order."""
    is_confirmed = event.decision is Decision.CONFIRMED
    confirmed = event.standing.confirmed or 0 if is_confirmed else 0
    denied = 1 if event.decision is Decision.DENIED else 0
    return confirmed, event.standing.held, event.standing.refunded, 1, denied
