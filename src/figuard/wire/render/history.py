"""
From views of the past to response structs.
"""

from __future__ import annotations

from base64 import b64encode

import msgspec

from figuard.domain.events import Decision, Event
from figuard.domain.instants import SECOND
from figuard.domain.views import (
    BudgetState,
    CounterfactualView,
    EntriesView,
    FindingsView,
    PolicySummary,
    ReplayStep,
    ReplayView,
    ReportView,
    StateAtView,
    TimelineView,
)
from figuard.wire.context import Context
from figuard.wire.render.common import money, optional_money, time_text, when
from figuard.wire.responses import (
    CounterfactualResponse,
    DeltaEvent,
    EntriesResponse,
    FindingResponse,
    PolicySource,
    PolicySummaryResponse,
    ReplayAllocation,
    ReplayEvent,
    ReplayResponse,
    ReplayState,
    ReplayStepResponse,
    ReplaySummaryResponse,
    ReplayWindow,
    ReportLineResponse,
    SpendReportResponse,
    StateAtResponse,
    TimelineEntry,
    TimelineResponse,
    VerifyResponse,
)

_BEFORE_ALL = -1
_MILLISECOND = SECOND // 1000


def replay(view: ReplayView, _: Context) -> ReplayResponse:
    """Return a page of steps with the states around the window."""
    summary = view.summary
    last = view.steps[-1] if view.steps else None
    return ReplayResponse(
        budget_id=view.budget.id,
        replay_window=ReplayWindow(
            since=time_text(view.since),
            until=time_text(view.until),
            duration_seconds=max(0, view.until - view.since) // SECOND,
        ),
        summary=ReplaySummaryResponse(
            total_events=summary.events,
            authorized_count=summary.authorized,
            denied_count=summary.denied,
            confirmed_count=summary.confirmed,
            failed_count=summary.failed,
            voided_count=summary.voided,
            unique_agents=summary.agents,
            peak_reserved_quantity=money(summary.peak_reserved),
            peak_reserved_at=when(summary.peak_at),
        ),
        initial_state=_state(view.initial, _BEFORE_ALL, None),
        events=[_step(step, view.budget.identity.currency) for step in view.steps],
        final_state=_state(view.final, last.index if last else _BEFORE_ALL, last.event.id if last else None),
        next_page_token=None if view.next_offset is None else page_token(view.next_offset),
    )


def page_token(offset: int) -> str:
    """Return the token that continues a replay at *offset*."""
    return b64encode(str(offset).encode()).decode()


def _step(step: ReplayStep, currency: str | None) -> ReplayStepResponse:
    event = step.event
    spend, decision = event.spend, event.decision
    return ReplayStepResponse(
        event_index=step.index,
        event=ReplayEvent(
            event_id=event.id,
            agent_id=spend.agent_id,
            action_type=spend.action_type,
            description=spend.description,
            requested_quantity=money(spend.quantity),
            confirmed_quantity=optional_money(event.standing.confirmed),
            currency=currency or spend.currency,
            claimed_category=spend.category,
            decision=decision.value,
            denial_reason=_reason(event),
            parent_event_id=event.place.parent_id,
            delegated_token_id=event.place.token_id,
            created_at=time_text(event.created_at),
            confirmed_at=when(event.outcome.settled_at) if decision is Decision.CONFIRMED else None,
            millis_since_previous=step.millis_since_previous,
            kind=str(step.kind),
            at=time_text(step.at),
        ),
        state_after=_state(step.after, step.index, event.id) if step.after else None,
    )


def _reason(event: Event) -> str | None:
    denial = event.verdict.denial
    return denial.value if denial and event.decision is Decision.DENIED else None


def _state(state: BudgetState, index: int, event_id: str | None) -> ReplayState:
    balance = state.balance
    return ReplayState(
        snapshot_at=time_text(state.at),
        event_index=index,
        triggering_event_id=event_id,
        total_limit=money(state.limit),
        quantity_spent=money(balance.spent),
        quantity_reserved=money(balance.reserved),
        available=money(state.limit - balance.spent - balance.reserved),
        budget_status=state.status.value,
        allocations=[
            ReplayAllocation(
                category=one.category,
                limit=money(one.limit),
                quantity_spent=money(one.balance.spent),
                quantity_reserved=money(one.balance.reserved),
                available=money(one.limit - one.balance.spent - one.balance.reserved),
                enforcement_mode=str(one.mode),
            )
            for one in state.allocations
        ],
    )


def state_at(view: StateAtView, _: Context) -> StateAtResponse:
    """Return how a budget stood at a moment."""
    return StateAtResponse(
        budget_id=view.budget_id,
        projected_at=time_text(view.at),
        events_applied=view.applied,
        state=_state(view.state, view.applied - 1, None),
    )


def timeline(view: TimelineView, _: Context) -> TimelineResponse:
    """Return who asked for what, in order of time."""
    entries: list[TimelineEntry] = []
    before: int | None = None
    for index, event in enumerate(view.events):
        entries.append(
            TimelineEntry(
                event_index=index,
                event_id=event.id,
                agent_id=event.spend.agent_id,
                decision=event.decision.value,
                requested_quantity=money(event.spend.quantity),
                claimed_category=event.spend.category,
                description=event.spend.description,
                created_at=time_text(event.created_at),
                millis_since_previous=0 if before is None else (event.created_at - before) // _MILLISECOND,
            )
        )
        before = event.created_at
    return TimelineResponse(budget_id=view.budget_id, total_events=len(entries), timeline=entries)


def counterfactual(view: CounterfactualView, _: Context) -> CounterfactualResponse:
    """Return what another policy would have answered."""
    version = view.manifest_version
    return CounterfactualResponse(
        budget_id=view.budget_id,
        policy_source=PolicySource(type="inline" if version is None else "manifest_version", manifest_version=version),
        actual_policy_summary=_summary(view.actual, None),
        hypothetical_policy_summary=_summary(view.hypothetical, view.additional_denials),
        delta_events=[
            DeltaEvent(
                event_id=one.event.id,
                actual_decision=one.actual.value,
                hypothetical_decision=one.hypothetical.value,
                hypothetical_denial_reason=one.reason.value if one.reason else None,
                requested_quantity=money(one.event.spend.quantity),
                agent_id=one.event.spend.agent_id,
                description=one.event.spend.description,
                claimed_category=one.event.spend.category,
            )
            for one in view.differences
        ],
    )


def _summary(summary: PolicySummary, additional: int | None) -> PolicySummaryResponse:
    return PolicySummaryResponse(
        authorized_count=summary.authorized,
        denied_count=summary.denied,
        total_quantity_spent=money(summary.spent),
        additional_denials=additional,
    )


def report(view: ReportView, _: Context) -> SpendReportResponse:
    """Return spending by something."""
    return SpendReportResponse(
        by=view.by,
        lines=[
            ReportLineResponse(
                key=line.key,
                measure=line.measure,
                confirmed_quantity=money(line.confirmed),
                held_quantity=money(line.held),
                refunded_quantity=money(line.refunded),
                event_count=line.events,
                denied_count=line.denied,
            )
            for line in view.lines
        ],
    )


def entries(view: EntriesView, _: Context) -> EntriesResponse:
    """Return ledger entries as the very bytes that were hashed."""
    return EntriesResponse(
        book_id=view.book_id, entries=[msgspec.Raw(line) for line in view.lines], next_after=view.next_seq
    )


def findings(view: FindingsView, _: Context) -> VerifyResponse:
    """Return whether a book is sound, and every fault if not."""
    return VerifyResponse(
        book_id=view.book_id,
        entries=view.entries,
        is_sound=not view.findings,
        findings=[FindingResponse(seq=one.seq, what=one.what, detail=one.detail) for one in view.findings],
    )
