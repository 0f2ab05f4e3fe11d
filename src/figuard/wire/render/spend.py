"""
From replies and views around one spending to response structs.
"""

from __future__ import annotations

from typing import TypeVar

from figuard.domain.budget import Allocation, Budget, status_at
from figuard.domain.codes import Denial
from figuard.domain.events import Decision, Event
from figuard.domain.instants import SECOND, Instant
from figuard.domain.replies import AuthorizeAllReply, AuthorizeReply, EventReply, VoidTreeReply
from figuard.domain.views import EventView, LedgerView
from figuard.wire.context import Context
from figuard.wire.render.common import money, optional_money, page, time_text, when
from figuard.wire.responses import (
    AllocationSnapshot,
    AuthorizeBatchResponse,
    AuthorizeResponse,
    BudgetSnapshot,
    DeniedBy,
    EventResponse,
    Page,
    VoidTreeResponse,
)

# A denial shows the allocation's figures only where the check that denied had got as far as looking at it.
_SHOWS_ALLOCATION = frozenset(
    {
        None,
        Denial.FORBIDDEN_ITEM_TYPE,
        Denial.DELEGATE_CAP_EXCEEDED,
        Denial.ALLOCATION_EXHAUSTED,
        Denial.INSUFFICIENT_FUNDS,
    }
)
ACTIVE, EXHAUSTED = "ACTIVE", "EXHAUSTED"

Form = TypeVar("Form", bound=EventResponse)


def authorize(reply: AuthorizeReply, context: Context) -> AuthorizeResponse:
    """Return the answer to one authorization: the decision first given, and what has become of it."""
    event = reply.event
    if event.verdict.denial is None:
        return _approved(reply, context)
    return _objected(reply, context)


def _approved(reply: AuthorizeReply, context: Context) -> AuthorizeResponse:
    event, budget = reply.event, reply.budget
    expiry = event.standing.hold_expires_at
    shadow = event.place.shadow
    return AuthorizeResponse(
        event_id=None if reply.dry_run else event.id,
        decision="AUTHORIZED",
        approved_quantity=money(event.spend.quantity),
        authorized_at=time_text(event.created_at),
        allocation_snapshot=_allocation_snapshot(reply),
        budget_snapshot=_budget_snapshot(budget, reply.now),
        trace_id=context.trace_id,
        shadow=shadow,
        would_have_been="AUTHORIZED" if shadow else None,
        current_decision=event.decision.value,
        replayed=reply.replayed,
        hold_expires_at=None if expiry is None else time_text(expiry),
    )


def _objected(reply: AuthorizeReply, context: Context) -> AuthorizeResponse:
    """Return a denial or, from a shadow budget, an approval that says what would have been."""
    event, budget, verdict = reply.event, reply.budget, reply.event.verdict
    shadow = event.place.shadow
    denial = verdict.denial.value if verdict.denial else None
    return AuthorizeResponse(
        event_id=None if reply.dry_run else event.id,
        decision=event.first_decision.value,
        approved_quantity=money(event.spend.quantity) if shadow else None,
        authorized_at=time_text(event.created_at) if shadow else None,
        denial_reason=None if shadow else denial,
        denial_message=None if shadow else verdict.message,
        allocation_snapshot=_allocation_snapshot(reply),
        original_event_id=verdict.original_event_id,
        original_event_status=reply.original.decision.value if reply.original else None,
        budget_snapshot=_budget_snapshot(budget, reply.now),
        trace_id=context.trace_id,
        shadow=shadow,
        would_have_been="DENIED" if shadow else None,
        would_have_been_reason=denial if shadow else None,
        would_have_been_message=verdict.message if shadow else None,
        current_decision=event.decision.value,
        replayed=reply.replayed,
        denied_by=_denied_by(event),
        retry_after_seconds=_retry_after(verdict.retry_at, reply.now),
        hold_expires_at=when(event.standing.hold_expires_at),
    )


def _denied_by(event: Event) -> DeniedBy | None:
    verdict = event.verdict
    if verdict.level is None:
        return None
    return DeniedBy(
        level=str(verdict.level),
        id=verdict.level_id,
        available_quantity=optional_money(verdict.available),
        fitting_quantity=optional_money(verdict.fits),
    )


def _retry_after(retry_at: Instant | None, now: Instant) -> int | None:
    """Return the whole seconds until then, rounded up, so that who waits as long is not too early."""
    return None if retry_at is None else max(0, -(-(retry_at - now) // SECOND))


def _budget_snapshot(budget: Budget, now: Instant) -> BudgetSnapshot:
    funds = budget.funds
    balance = funds.balance
    return BudgetSnapshot(
        id=budget.id,
        total_limit=money(funds.limit),
        quantity_spent=money(balance.spent),
        quantity_reserved=money(balance.reserved),
        available_quantity=money(funds.limit - balance.spent - balance.reserved),
        status=status_at(budget, now).value,
    )


def _allocation_snapshot(reply: AuthorizeReply) -> AllocationSnapshot | None:
    event = reply.event
    if event.place.allocation_id is None or reply.replayed or event.verdict.denial not in _SHOWS_ALLOCATION:
        return None
    chosen = reply.budget.allocation(event.place.allocation_id)
    if chosen is None:
        return None
    balance = chosen.balance
    return AllocationSnapshot(
        id=chosen.id,
        category=chosen.category,
        limit=money(chosen.limit),
        quantity_spent=money(balance.spent),
        quantity_reserved=money(balance.reserved),
        available_quantity=money(chosen.limit - balance.spent - balance.reserved),
        status=allocation_status(chosen),
    )


def allocation_status(allocation: Allocation) -> str:
    """Return ACTIVE, or EXHAUSTED once all of it is spent."""
    return EXHAUSTED if allocation.balance.spent >= allocation.limit else ACTIVE


def authorize_batch(reply: AuthorizeAllReply, context: Context) -> AuthorizeBatchResponse:
    """Return the answers in the order asked; one that was undone must not read as an approval."""
    results = [authorize(one, context) for one in reply.replies]
    if reply.undone:
        for index, result in enumerate(results):
            if index != reply.first_denied:
                _take_back(result, reply.first_denied)
    return AuthorizeBatchResponse(
        results=results,
        all_authorized=reply.all_authorized,
        first_denied=reply.first_denied,
    )


def _take_back(result: AuthorizeResponse, first_denied: int | None) -> None:
    result.event_id = None
    result.decision = result.current_decision = Decision.DENIED.value
    result.approved_quantity = result.authorized_at = result.hold_expires_at = None
    result.allocation_snapshot = result.budget_snapshot = None
    result.denial_message = f"nothing was recorded: the batch is all or nothing and request {first_denied} was denied"


def settled(reply: EventReply, _: Context) -> EventResponse:
    """Return the event after a settlement."""
    return event_response(reply.event, reply.budget)


def event(view: EventView, _: Context) -> EventResponse:
    """Return the event."""
    return event_response(view.event, view.budget)


def ledger(view: LedgerView, _: Context) -> Page[EventResponse]:
    """Return a page of events."""
    return page(view.events, view.total, view.page, view.size, lambda one: event_response(one, view.budget))


def event_response(event: Event, budget: Budget | None) -> EventResponse:
    """Return an event; its currency is the budget's where that is known."""
    return event_as(EventResponse, event, budget)


def event_as(form: type[Form], event: Event, budget: Budget | None) -> Form:
    """Return an event as a struct of the given form."""
    spend, place, standing = event.spend, event.place, event.standing
    outcome, verdict, decision = event.outcome, event.verdict, event.decision
    denied = decision is Decision.DENIED
    ended = decision is Decision.FAILED or decision is Decision.VOIDED
    chosen = budget.allocation(place.allocation_id) if budget and place.allocation_id else None
    objection = verdict.denial.value if verdict.denial else None
    return form(
        id=event.id,
        decision=decision.value,
        agent_id=spend.agent_id,
        agent_type=spend.agent_type,
        action_type=spend.action_type,
        description=spend.description,
        requested_quantity=money(spend.quantity),
        confirmed_quantity=optional_money(standing.confirmed),
        currency=(budget.identity.currency if budget else None) or spend.currency,
        entity_id=spend.entity_id,
        claimed_category=spend.category,
        claimed_item_type=spend.item_type,
        intent_context=spend.intent_context,
        idempotency_key=spend.key,
        denial_reason=objection if denied else None,
        failure_reason=outcome.reason if ended else None,
        parent_event_id=place.parent_id,
        chain_root_event_id=place.root_id,
        trace_id=spend.trace_id,
        created_at=time_text(event.created_at),
        metadata=spend.metadata,
        event_source=outcome.source,
        occurred_at=when(outcome.occurred_at),
        budget_id=event.budget_id,
        denial_message=verdict.message if denied else None,
        external_transaction_id=outcome.external_transaction_id,
        error_message=outcome.error_message,
        delegated_token_id=place.token_id,
        allocation=chosen.category if chosen else None,
        allocation_id=place.allocation_id,
        reserved=spend.reserve,
        held_quantity=money(standing.held),
        refunded_quantity=money(standing.refunded),
        max_subtree_quantity=optional_money(spend.max_subtree),
        hold_expires_at=when(standing.hold_expires_at),
        hold_released_at=when(standing.hold_released_at),
        outcome="UNKNOWN" if outcome.unknown else None,
        outcome_reason=outcome.reason if outcome.unknown else None,
        money_moved=outcome.money_moved,
        settled_at=when(outcome.settled_at),
        updated_at=time_text(event.updated_at),
        attempt=event.attempt,
        shadow=place.shadow,
        would_have_been=("DENIED" if objection else "AUTHORIZED") if place.shadow else None,
        would_have_been_reason=objection if place.shadow else None,
        foreign_parent_event_id=place.foreign_parent_id,
    )


def void_tree(reply: VoidTreeReply, _: Context) -> VoidTreeResponse:
    """Return what the void took back."""
    return VoidTreeResponse(
        root_event_id=reply.root.id,
        voided_count=len(reply.voided_event_ids),
        total_quantity_released=money(reply.released),
        currency=reply.currency,
        voided_event_ids=list(reply.voided_event_ids),
        reason=reply.reason,
    )
