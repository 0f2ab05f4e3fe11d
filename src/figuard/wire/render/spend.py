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
from figuard.wire.render.common import metadata, money, optional_money, page, time_text, when
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
# A member is thirty times as dear to read from its class as from here, and its text three times by ``.value``.
_DENIED, _FAILED, _VOIDED = Decision.DENIED, Decision.FAILED, Decision.VOIDED

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
        current_decision=str(event.decision),
        replayed=reply.replayed,
        hold_expires_at=None if expiry is None else time_text(expiry),
    )


def _objected(reply: AuthorizeReply, context: Context) -> AuthorizeResponse:
    """Return a denial or, from a shadow budget, an approval that says what would have been."""
    event, verdict = reply.event, reply.event.verdict
    denial = str(verdict.denial) if verdict.denial else None
    told = AuthorizeResponse(
        event_id=None if reply.dry_run else event.id,
        decision=str(event.first_decision),
        allocation_snapshot=_allocation_snapshot(reply),
        original_event_id=verdict.original_event_id,
        original_event_status=str(reply.original.decision) if reply.original else None,
        budget_snapshot=_budget_snapshot(reply.budget, reply.now),
        trace_id=context.trace_id,
        current_decision=str(event.decision),
        replayed=reply.replayed,
        denied_by=_denied_by(event),
        retry_after_seconds=_retry_after(verdict.retry_at, reply.now),
        hold_expires_at=when(event.standing.hold_expires_at),
    )
    if event.place.shadow:
        told.shadow = True
        told.approved_quantity = money(event.spend.quantity)
        told.authorized_at = time_text(event.created_at)
        told.would_have_been = "DENIED"
        told.would_have_been_reason, told.would_have_been_message = denial, verdict.message
    else:
        told.denial_reason, told.denial_message = denial, verdict.message
    return told


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
        status=str(status_at(budget, now)),
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
    spend, standing = event.spend, event.standing
    # No more than fifteen by keyword: for one more, Python makes a dictionary first, and the call takes four times as
    # long. What hardly any event has is left at its default.
    told = form(
        id=event.id,
        decision=str(event.decision),
        agent_id=spend.agent_id,
        agent_type=spend.agent_type,
        action_type=spend.action_type,
        description=spend.description,
        requested_quantity=money(spend.quantity),
        currency=(budget.identity.currency if budget else None) or spend.currency,
        idempotency_key=spend.key,
        created_at=time_text(event.created_at),
        budget_id=event.budget_id,
        held_quantity=money(standing.held),
        refunded_quantity=money(standing.refunded),
        updated_at=time_text(event.updated_at),
        attempt=event.attempt,
    )
    told.entity_id = spend.entity_id
    told.claimed_category = spend.category
    told.claimed_item_type = spend.item_type
    told.intent_context = spend.intent_context
    told.trace_id = spend.trace_id
    told.metadata = metadata(spend.metadata)
    told.reserved = spend.reserve
    told.max_subtree_quantity = optional_money(spend.max_subtree)
    told.confirmed_quantity = optional_money(standing.confirmed)
    told.hold_expires_at = when(standing.hold_expires_at)
    told.hold_released_at = when(standing.hold_released_at)
    _tell_place(told, event, budget)
    _tell_outcome(told, event)
    return told


def _tell_place(told: EventResponse, event: Event, budget: Budget | None) -> None:
    """Say where an event counts, and what would have been if the budget did more than look on."""
    place = event.place
    told.parent_event_id = place.parent_id
    told.chain_root_event_id = place.root_id
    told.foreign_parent_event_id = place.foreign_parent_id
    told.delegated_token_id = place.token_id
    if place.allocation_id is not None:
        chosen = budget.allocation(place.allocation_id) if budget and place.allocation_id else None
        told.allocation_id, told.allocation = place.allocation_id, chosen.category if chosen else None
    if place.shadow:
        objection = event.verdict.denial
        told.shadow = True
        told.would_have_been = "DENIED" if objection else "AUTHORIZED"
        told.would_have_been_reason = str(objection) if objection else None


def _tell_outcome(told: EventResponse, event: Event) -> None:
    """Say what became of an event, and why."""
    outcome, verdict, decision = event.outcome, event.verdict, event.decision
    if decision is _DENIED:
        told.denial_reason = str(verdict.denial) if verdict.denial else None
        told.denial_message = verdict.message
    elif decision is _FAILED or decision is _VOIDED:
        told.failure_reason = outcome.reason
    told.event_source = outcome.source
    told.occurred_at = when(outcome.occurred_at)
    told.external_transaction_id = outcome.external_transaction_id
    told.error_message = outcome.error_message
    told.settled_at = when(outcome.settled_at)
    told.money_moved = outcome.money_moved
    if outcome.unknown:
        told.outcome, told.outcome_reason = "UNKNOWN", outcome.reason


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
