"""
A budget's past as the client shows it: states, timelines, reports and the ledger's own entries.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any


@dataclass(frozen=True, slots=True)
class ReplayAllocationState:
    """An allocation at a moment."""

    category: str
    limit: Decimal
    quantity_spent: Decimal
    quantity_reserved: Decimal
    available: Decimal
    enforcement_mode: str | None = None


@dataclass(frozen=True, slots=True)
class BudgetStateSnapshot:
    """A budget as it stood at ``projected_at``, after ``events_applied`` ledger entries."""

    budget_id: str
    projected_at: str
    events_applied: int
    total_limit: Decimal
    quantity_spent: Decimal
    quantity_reserved: Decimal
    available: Decimal
    budget_status: str
    allocations: list[ReplayAllocationState] = field(default_factory=list["ReplayAllocationState"])


@dataclass(frozen=True, slots=True)
class TimelineEvent:
    """One event in order of creation; ``millis_since_previous`` is 0 for the first."""

    event_index: int
    event_id: str
    decision: str
    requested_quantity: Decimal
    created_at: str
    agent_id: str | None = None
    claimed_category: str | None = None
    description: str | None = None
    millis_since_previous: int | None = None


@dataclass(frozen=True, slots=True)
class BudgetTimeline:
    """When which agent asked for what."""

    budget_id: str
    total_events: int
    timeline: list[TimelineEvent]


@dataclass(frozen=True, slots=True)
class SpendReportLine:
    """
    What was spent under one key of a report. Amounts are in ``measure`` (a currency or a unit).

    ``key`` is None for events that name none, such as those without a category.
    """

    key: str | None
    measure: str
    confirmed_quantity: Decimal
    held_quantity: Decimal
    refunded_quantity: Decimal
    event_count: int
    denied_count: int


@dataclass(frozen=True, slots=True)
class SpendReport:
    """Spending across budgets, largest first. Amounts of different measures are never added up."""

    by: str
    lines: list[SpendReportLine]


@dataclass(frozen=True, slots=True)
class LedgerEntries:
    """
    Some entries of a budget's ledger in order, each a decoded JSON object.

    ``next_after`` is what to pass as ``after`` for the rest, None at the end.
    """

    book_id: str
    entries: list[dict[str, Any]]
    next_after: int | None = None


@dataclass(frozen=True, slots=True)
class LedgerFinding:
    """One fault of a ledger: which entry, what is wrong, and what is stored against what the entries say."""

    seq: int
    what: str
    detail: str


@dataclass(frozen=True, slots=True)
class LedgerVerification:
    """What recomputing a budget's hash chain, balances and events found."""

    book_id: str
    entries: int
    is_sound: bool
    findings: list[LedgerFinding] = field(default_factory=list["LedgerFinding"])


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """
    What became of the answers the client had to give itself.

    ``recorded`` are fallback ids now in the ledger, ``released`` those whose spending did not happen, ``open`` those
    nobody has settled yet, ``failed`` those the service refused, with its reason; they stay queued.
    """

    recorded: list[str] = field(default_factory=list[str])
    released: list[str] = field(default_factory=list[str])
    open: list[str] = field(default_factory=list[str])
    failed: dict[str, str] = field(default_factory=dict[str, str])
