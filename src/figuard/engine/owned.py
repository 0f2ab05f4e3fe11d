"""
What an asker may see, and seen as it is now: another tenant's record is as absent as one that does not exist.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from figuard.domain.budget import Budget
from figuard.domain.codes import ErrorCode
from figuard.domain.events import Event
from figuard.domain.instants import Instant
from figuard.domain.refusal import Refusal
from figuard.domain.valueclass import valueclass
from figuard.ports import GetRecords, Kind, Query


@valueclass
class Perform:
    """Ask the driver to do what is due on a budget before it is looked at."""

    budget_id: str
    tenant_id: str


Steps = Generator[Query | Perform, Any, Any]
"""An answer in the making: it yields queries and duties, and is sent what the queries answer."""


@valueclass
class Asker:
    """Who asks, and when."""

    tenant_id: str
    now: Instant
    only_budget_id: str | None = None


def owned(kind: Kind, key: Any, word: str, asker: Asker) -> Steps:  # noqa: ANN401 - a str or a tuple
    """Return one record of the asker's. Raises ``Refusal`` (``NOT_FOUND``)."""
    records = yield GetRecords(kind, (key,))
    record = records.get(key)
    if record is None or record.tenant_id != asker.tenant_id:
        raise Refusal(ErrorCode.NOT_FOUND, f"there is no {word} {key!r}")
    return record


def is_due(budget: Budget, now: Instant) -> bool:
    """Return whether a hold of the budget has ended that its balance still counts."""
    soonest = budget.counters.next_expiry
    return soonest is not None and soonest <= now


def owned_budget(budget_id: str, asker: Asker) -> Steps:
    """Return a budget the asker may see, with holds that have ended released. Raises ``Refusal``."""
    if asker.only_budget_id not in {None, budget_id}:
        raise Refusal(ErrorCode.NOT_FOUND, f"there is no budget {budget_id!r}")
    budget: Budget = yield from owned(Kind.BUDGETS, budget_id, "budget", asker)
    if is_due(budget, asker.now):
        yield Perform(budget_id, budget.tenant_id)
        budget = yield from owned(Kind.BUDGETS, budget_id, "budget", asker)
    return budget


def owned_event(event_id: str, asker: Asker) -> Steps:
    """Return an event the asker may see, as it is now. Raises ``Refusal``."""
    event: Event = yield from owned(Kind.EVENTS, event_id, "event", asker)
    if asker.only_budget_id not in {None, event.budget_id}:
        raise Refusal(ErrorCode.NOT_FOUND, f"there is no event {event_id!r}")
    expires_at = event.standing.hold_expires_at
    if expires_at is not None and expires_at <= asker.now:
        yield Perform(event.budget_id, event.tenant_id)
        event = yield from owned(Kind.EVENTS, event_id, "event", asker)
    return event
