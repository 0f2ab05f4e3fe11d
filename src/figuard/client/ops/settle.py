"""
What becomes of an authorization: settled, failed, taken back, given back, kept, or not known yet.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from figuard.client import decode, telemetry
from figuard.client.exceptions import FiGuardError
from figuard.client.expiry import ExpiresAt, moment_text
from figuard.client.fail_open import CONFIRMED, FAILED, VOIDED, is_fallback
from figuard.client.models import EventChain, SpendEventResponse, VoidResult, VoidTreeResult
from figuard.client.ops import fallback
from figuard.client.ops.arguments import BudgetLike, EventLike, budget_id_of, event_id_of, exact, plain
from figuard.client.session import Session, perform
from figuard.client.steps import Steps
from figuard.domain.amounts import AmountLike, quanta
from figuard.domain.instants import SECOND, span
from figuard.wire.requests import (
    ConfirmRequest,
    ExtendEventRequest,
    ExternalEventRequest,
    FailRequest,
    MarkEventUnknownRequest,
    RefundRequest,
    VoidRequest,
    VoidTreeRequest,
)


def confirm(
    session: Session,
    event: EventLike,
    amount: AmountLike,
    *,
    external_transaction_id: str | None = None,
    money_moved: bool = False,
) -> Steps[SpendEventResponse]:
    """Settle the real amount."""
    event_id = event_id_of(event)
    quantity = exact(amount, "confirmed_quantity")
    with telemetry.span("confirm", event_id=event_id, confirmed_quantity=quantity) as span_:
        if is_fallback(event_id):
            changes = {"confirmed": quanta(quantity), "external_transaction_id": external_transaction_id}
            return (yield from fallback.settle(session, event_id, CONFIRMED, **changes))
        body = ConfirmRequest(
            confirmed_quantity=quantity,
            external_transaction_id=external_transaction_id,
            money_moved=money_moved or None,
        )
        answer = yield from perform(session, "confirm_event", path={"eventId": event_id}, body=body)
        span_.done()
        return decode.event(answer.value)


def fail(session: Session, event: EventLike, reason: str, error_message: str | None) -> Steps[SpendEventResponse]:
    """Say that the spending did not happen."""
    event_id = event_id_of(event)
    with telemetry.span("fail", event_id=event_id, reason=reason) as span_:
        if is_fallback(event_id):
            return (yield from fallback.settle(session, event_id, FAILED, reason=reason))
        body = FailRequest(reason=reason, error_message=error_message)
        answer = yield from perform(session, "fail_event", path={"eventId": event_id}, body=body)
        span_.done()
        return decode.event(answer.value)


def void(session: Session, event: EventLike, reason: str, *, void_child_events: bool) -> Steps[VoidResult]:
    """Take an authorization back."""
    event_id = event_id_of(event)
    with telemetry.span("void", event_id=event_id, reason=reason, void_child_events=void_child_events) as span_:
        if is_fallback(event_id):
            return VoidResult((yield from fallback.settle(session, event_id, VOIDED, reason=reason)))
        body = VoidRequest(reason=reason, void_child_events=void_child_events or None)
        answer = yield from perform(session, "void_event", path={"eventId": event_id}, body=body)
        span_.done()
        return VoidResult(decode.event(answer.value))


def void_tree(session: Session, event: EventLike, reason: str) -> Steps[VoidTreeResult]:
    """Take an authorization and everything below it back."""
    event_id = event_id_of(event)
    with telemetry.span("void_tree", root_event_id=event_id, reason=reason) as span_:
        if is_fallback(event_id):
            own = yield from fallback.settle(session, event_id, VOIDED, reason=reason)
            released = own.requested_quantity if own.confirmed_quantity is None else own.confirmed_quantity
            return VoidTreeResult(event_id, 1, released, [event_id], reason)
        body = VoidTreeRequest(reason=reason)
        answer = yield from perform(session, "void_tree", path={"eventId": event_id}, body=body)
        result = decode.void_tree(answer.value)
        span_.note(voided_count=result.voided_count, total_quantity_released=result.total_quantity_released)
        span_.done()
        return result


def refund(
    session: Session,
    event: EventLike,
    amount: AmountLike,
    reason: str,
    *,
    external_transaction_id: str | None,
    idempotency_key: str | None,
) -> Steps[SpendEventResponse]:
    """Give back part or all of a confirmed amount."""
    event_id = event_id_of(event)
    if is_fallback(event_id):
        raise FiGuardError(f"{event_id!r} is not in the ledger yet; reconcile, then refund the event it became")
    quantity = exact(amount, "amount")
    body = RefundRequest(quantity=quantity, reason=reason, external_transaction_id=external_transaction_id)
    with telemetry.span("refund", event_id=event_id, refunded_quantity=quantity, reason=reason) as span_:
        answer = yield from perform(
            session, "refund_event", path={"eventId": event_id}, body=body, idempotency_key=idempotency_key
        )
        span_.done()
        return decode.event(answer.value)


def extend_hold(session: Session, event: EventLike, seconds: int | str | timedelta) -> Steps[SpendEventResponse]:
    """Keep a hold for so long from now."""
    event_id = event_id_of(event)
    whole_seconds = -(-span(seconds, "seconds") // SECOND)
    if is_fallback(event_id):
        return (yield from fallback.settle(session, event_id, None))
    body = ExtendEventRequest(seconds=whole_seconds)
    answer = yield from perform(session, "extend_event", path={"eventId": event_id}, body=body)
    return decode.event(answer.value)


def mark_unknown(session: Session, event: EventLike, reason: str | None) -> Steps[SpendEventResponse]:
    """Say that nobody knows yet whether the money moved."""
    event_id = event_id_of(event)
    with telemetry.span("mark_unknown", event_id=event_id, reason=reason) as span_:
        if is_fallback(event_id):
            return (yield from fallback.settle(session, event_id, None))
        body = MarkEventUnknownRequest(reason=reason)
        answer = yield from perform(session, "mark_event_unknown", path={"eventId": event_id}, body=body)
        span_.done()
        return decode.event(answer.value)


def record_external(
    session: Session,
    budget_id: BudgetLike,
    *,
    agent_id: str,
    action_type: str,
    description: str,
    quantity: AmountLike,
    idempotency_key: str,
    claimed_category: str | None,
    source: str,
    occurred_at: ExpiresAt | None,
    metadata: Mapping[str, Any] | None,
) -> Steps[SpendEventResponse]:
    """Book spending that happened elsewhere."""
    body = ExternalEventRequest(
        budget_id=budget_id_of(budget_id),
        agent_id=agent_id,
        action_type=action_type,
        description=description,
        quantity=exact(quantity, "quantity"),
        idempotency_key=idempotency_key,
        claimed_category=claimed_category,
        source=source,
        occurred_at=moment_text(occurred_at),
        metadata=plain(metadata),
    )
    answer = yield from perform(session, "record_external_event", body=body)
    return decode.event(answer.value)


def get_event(session: Session, event: EventLike) -> Steps[SpendEventResponse]:
    """Read one event."""
    event_id = event_id_of(event)
    if is_fallback(event_id):
        return (yield from fallback.settle(session, event_id, None))
    answer = yield from perform(session, "get_event", path={"eventId": event_id})
    return decode.event(answer.value)


def get_chain(session: Session, event: EventLike) -> Steps[EventChain]:
    """Read the causal chain of an event."""
    answer = yield from perform(session, "get_chain", path={"eventId": event_id_of(event)})
    return decode.chain(answer.value)
