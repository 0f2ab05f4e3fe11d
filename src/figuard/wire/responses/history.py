"""
Response bodies of questions about the past: tree, chain, replay, reports, entries.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

from figuard.wire.responses.base import FullBody, SparseBody
from figuard.wire.responses.spend import EventResponse


class EventNode(EventResponse, kw_only=True):
    """
    An event with the events below it; ``children`` is left out on leaves.

    Nesting ends at ``TREE_DEPTH_MAX``: what lies deeper hangs, in order of creation, on its ancestor at that depth.
    ``parent_event_id`` always names the true parent.
    """

    children: list[EventNode] | msgspec.UnsetType = msgspec.UNSET


class SpendTreeResponse(SparseBody, kw_only=True):
    """
    All events of a budget as a forest, oldest first.

    ``total_authorized`` sums what was asked for over AUTHORIZED and CONFIRMED roots, ``total_confirmed`` what was
    asked for over CONFIRMED roots, ``total_settled`` what was really confirmed over all events.
    ``flattened_below`` is there when something lies deeper than the nesting goes.
    """

    budget_id: str
    total_authorized: Decimal
    total_confirmed: Decimal
    total_settled: Decimal | None = None
    total_events: int
    roots: list[EventNode]
    flattened_below: int | None = None


class ChainResponse(SparseBody, kw_only=True):
    """
    One causal chain, from the event that was asked for downwards.

    The totals are of the whole chain of ``chain_root_event_id``.
    """

    chain_root_event_id: str
    budget_id: str
    max_subtree_quantity: Decimal | None = None
    total_chain_spend: Decimal
    chain_cap_remaining: Decimal | None = None
    currency: str | None = None
    total_events: int
    total_authorized: Decimal
    total_confirmed: Decimal
    chain_started_at: str | None = None
    last_activity_at: str | None = None
    roots: list[EventNode]
    flattened_below: int | None = None


class ReplayWindow(FullBody, kw_only=True):
    """The period of a replay; both ends belong to it."""

    since: str = msgspec.field(name="from")
    until: str
    duration_seconds: int


class ReplaySummaryResponse(FullBody, kw_only=True):
    """Counts over the whole window, whatever the page shows."""

    total_events: int
    authorized_count: int
    denied_count: int
    confirmed_count: int
    failed_count: int
    voided_count: int
    unique_agents: int
    peak_reserved_quantity: Decimal
    peak_reserved_at: str | None = None


class ReplayAllocation(FullBody, kw_only=True):
    """One allocation at a moment."""

    category: str
    limit: Decimal
    quantity_spent: Decimal
    quantity_reserved: Decimal
    available: Decimal
    enforcement_mode: str


class ReplayState(FullBody, kw_only=True):
    """A budget at a moment; ``event_index`` is -1 before the first step."""

    snapshot_at: str
    event_index: int
    triggering_event_id: str | None = None
    total_limit: Decimal
    quantity_spent: Decimal
    quantity_reserved: Decimal
    available: Decimal
    budget_status: str
    allocations: list[ReplayAllocation]


class ReplayEvent(FullBody, kw_only=True):
    """An event as one step left it; ``kind`` is the ledger entry behind the step, ``at`` its time."""

    event_id: str
    agent_id: str
    action_type: str
    description: str
    requested_quantity: Decimal
    confirmed_quantity: Decimal | None = None
    currency: str | None = None
    claimed_category: str | None = None
    decision: str
    denial_reason: str | None = None
    parent_event_id: str | None = None
    delegated_token_id: str | None = None
    created_at: str
    confirmed_at: str | None = None
    millis_since_previous: int
    kind: str
    at: str


class ReplayStepResponse(FullBody, kw_only=True):
    """One step of a replay with the state after it."""

    event_index: int
    event: ReplayEvent
    state_after: ReplayState | None = None


class ReplayResponse(FullBody, kw_only=True):
    """What happened to a budget, step by step; ``next_page_token`` continues."""

    budget_id: str
    replay_window: ReplayWindow
    summary: ReplaySummaryResponse
    initial_state: ReplayState
    events: list[ReplayStepResponse]
    final_state: ReplayState
    next_page_token: str | None = None


class StateAtResponse(FullBody, kw_only=True):
    """How a budget stood at a moment; ``events_applied`` counts the ledger entries up to it."""

    budget_id: str
    projected_at: str
    events_applied: int
    state: ReplayState


class TimelineEntry(FullBody, kw_only=True):
    """One event of a timeline; the first has nothing before it and so zero milliseconds."""

    event_index: int
    event_id: str
    agent_id: str
    decision: str
    requested_quantity: Decimal
    claimed_category: str | None = None
    description: str
    created_at: str
    millis_since_previous: int


class TimelineResponse(FullBody, kw_only=True):
    """Who asked for what, in order of time."""

    budget_id: str
    total_events: int
    timeline: list[TimelineEntry]


class PolicySource(FullBody, kw_only=True):
    """Where the tried policy came from: inline or manifest_version."""

    type: str
    manifest_version: str | None = None


class PolicySummaryResponse(FullBody, kw_only=True):
    """What a policy lets through."""

    authorized_count: int
    denied_count: int
    total_quantity_spent: Decimal
    additional_denials: int | None = None


class DeltaEvent(FullBody, kw_only=True):
    """One recorded request that the tried policy answers differently."""

    event_id: str
    actual_decision: str
    hypothetical_decision: str
    hypothetical_denial_reason: str | None = None
    requested_quantity: Decimal
    agent_id: str
    description: str
    claimed_category: str | None = None


class CounterfactualResponse(FullBody, kw_only=True):
    """What really was, what would have been, and where they differ."""

    budget_id: str
    policy_source: PolicySource
    actual_policy_summary: PolicySummaryResponse
    hypothetical_policy_summary: PolicySummaryResponse
    delta_events: list[DeltaEvent]


class ReportLineResponse(FullBody, kw_only=True):
    """One line of a report; amounts in ``measure`` (a currency or a unit), never mixed."""

    key: str | None
    measure: str
    confirmed_quantity: Decimal
    held_quantity: Decimal
    refunded_quantity: Decimal
    event_count: int
    denied_count: int


class SpendReportResponse(FullBody, kw_only=True):
    """Spending across budgets by agent, category, day, user or budget; largest first."""

    by: str
    lines: list[ReportLineResponse]


class EntriesResponse(FullBody, kw_only=True):
    """
    Ledger entries as the canonical JSON that was hashed, in order.

    ``next_after`` continues the listing; null at the end.
    """

    book_id: str
    entries: list[msgspec.Raw]
    next_after: int | None = None


class FindingResponse(FullBody, kw_only=True):
    """One fault in a book: what is wrong and at which entry."""

    seq: int
    what: str
    detail: str


class VerifyResponse(FullBody, kw_only=True):
    """Whether chain, balances and projections of a book agree, and every fault if not."""

    book_id: str
    entries: int
    is_sound: bool
    findings: list[FindingResponse]
