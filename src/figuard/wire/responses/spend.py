"""
Response bodies around one spending: the answer to an authorization, and the event it opened.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from figuard.wire.responses.base import FullBody, SparseBody


class BudgetSnapshot(FullBody, kw_only=True):
    """A budget's figures right after the decision, in its currency or unit."""

    id: str
    total_limit: Decimal
    quantity_spent: Decimal
    quantity_reserved: Decimal
    available_quantity: Decimal
    status: str


class AllocationSnapshot(FullBody, kw_only=True):
    """The figures of the allocation that took the request; ``category`` as it was created."""

    id: str | None = None
    category: str
    limit: Decimal
    quantity_spent: Decimal
    quantity_reserved: Decimal
    available_quantity: Decimal
    status: str


class DeniedBy(FullBody, kw_only=True):
    """
    Which level refused: BUDGET, ALLOCATION, TOKEN, ENTITLEMENT or CHAIN, and its id.

    ``available_quantity`` is what it has left, ``fitting_quantity`` what would have passed there; null when no
    amount would.
    """

    level: str
    id: str | None = None
    available_quantity: Decimal | None = None
    fitting_quantity: Decimal | None = None


class AuthorizeResponse(FullBody, kw_only=True):
    """
    The answer to one authorization.

    ``decision`` is the one first given; ``current_decision`` is what became of the event since. ``event_id`` is null
    for a dry run. On a shadow budget ``decision`` is AUTHORIZED and ``would_have_been`` is the real one.
    ``retry_after_seconds`` says when the same request may be answered differently, where that is known.
    """

    event_id: str | None
    decision: str
    approved_quantity: Decimal | None = None
    authorized_at: str | None = None
    denial_reason: str | None = None
    denial_message: str | None = None
    allocation_snapshot: AllocationSnapshot | None = None
    original_event_id: str | None = None
    original_event_status: str | None = None
    budget_snapshot: BudgetSnapshot | None = None
    trace_id: str | None = None
    shadow: bool = False
    would_have_been: str | None = None
    would_have_been_reason: str | None = None
    would_have_been_message: str | None = None
    current_decision: str | None = None
    replayed: bool = False
    denied_by: DeniedBy | None = None
    retry_after_seconds: int | None = None
    hold_expires_at: str | None = None


class AuthorizeBatchResponse(FullBody, kw_only=True):
    """
    The answers in the order asked.

    ``first_denied`` is the index of the first denial. Of a batch that was all or nothing and could not be done, only
    that denial is recorded: the answers before it are DENIED without a reason, and nothing after it was decided.
    """

    results: list[AuthorizeResponse]
    all_authorized: bool
    first_denied: int | None = None


class EventResponse(FullBody, kw_only=True):
    """
    One authorization and what became of it; amounts in the budget's currency or unit.

    ``held_quantity`` is what it reserves right now, ``outcome`` is UNKNOWN while nobody knows whether the money
    moved, and ``allocation`` is the label of the allocation it counts against.
    """

    id: str
    decision: str
    agent_id: str | None = None
    agent_type: str | None = None
    action_type: str | None = None
    description: str | None = None
    requested_quantity: Decimal
    confirmed_quantity: Decimal | None = None
    currency: str | None = None
    entity_id: str | None = None
    claimed_category: str | None = None
    claimed_item_type: str | None = None
    intent_context: str | None = None
    idempotency_key: str | None = None
    denial_reason: str | None = None
    failure_reason: str | None = None
    parent_event_id: str | None = None
    chain_root_event_id: str | None = None
    trace_id: str | None = None
    created_at: str
    metadata: dict[str, Any] | None = None
    event_source: str | None = None
    occurred_at: str | None = None
    budget_id: str | None = None
    denial_message: str | None = None
    external_transaction_id: str | None = None
    error_message: str | None = None
    delegated_token_id: str | None = None
    allocation: str | None = None
    allocation_id: str | None = None
    reserved: bool = True
    held_quantity: Decimal | None = None
    refunded_quantity: Decimal | None = None
    max_subtree_quantity: Decimal | None = None
    hold_expires_at: str | None = None
    hold_released_at: str | None = None
    outcome: str | None = None
    outcome_reason: str | None = None
    money_moved: bool = False
    settled_at: str | None = None
    updated_at: str | None = None
    attempt: int = 1
    shadow: bool = False
    would_have_been: str | None = None
    would_have_been_reason: str | None = None
    foreign_parent_event_id: str | None = None


class VoidTreeResponse(FullBody, kw_only=True):
    """What a void of a whole tree took back: ids root first, then descendants in pre-order."""

    root_event_id: str
    voided_count: int
    total_quantity_released: Decimal
    currency: str | None = None
    voided_event_ids: list[str]
    reason: str


class ErrorResponse(SparseBody, kw_only=True):
    """
    A request that was refused and changed nothing.

    ``error`` and ``code`` are the row of ``spec/codes.toml``; ``message`` says what happened to which thing and what
    to do; ``field_errors`` names each request field at fault.
    """

    error: str
    message: str
    code: str
    retryable: bool
    remedy: str
    field_errors: dict[str, str] | None = None
    retry_after_seconds: float | None = None
    details: dict[str, Any] | None = None
