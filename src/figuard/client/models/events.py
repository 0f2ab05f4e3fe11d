"""
Events as the client shows them: the answer to an authorization, and what became of it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from figuard.client.exceptions import FiGuardDeniedException
from figuard.client.models.budgets import AllocationSnapshot, BudgetSnapshot

_GRANTED = frozenset({"AUTHORIZED", "CONFIRMED"})
_OVER = frozenset({"FAILED", "VOIDED", "DENIED"})


@dataclass(frozen=True, slots=True)
class DeniedBy:
    """
    Which level refused: BUDGET, ALLOCATION, TOKEN, ENTITLEMENT or CHAIN, and its id.

    ``available_quantity`` is what it has left, ``fitting_quantity`` what would have passed there; None when no
    amount would.
    """

    level: str
    id: str | None = None
    available_quantity: Decimal | None = None
    fitting_quantity: Decimal | None = None


@dataclass(frozen=True, slots=True)
class AuthorizationResult:
    """
    The answer to "may this agent spend this?".

    ``decision`` is the answer as first given, AUTHORIZED or DENIED; ``current_decision`` is what has become of the
    event since, which differs when the same key is asked again (``replayed``). A denial names its code
    (``denial_reason``), which level refused and what would fit there (``denied_by``), and in how many seconds the
    same request may be answered differently (``retry_after_seconds``), where that is known. ``hold_expires_at`` says
    until when the amount is held. In shadow mode ``shadow`` is True, the decision is always AUTHORIZED and
    ``would_have_been`` tells the truth. ``is_fallback`` marks an answer that the client gave itself because the
    service could not (see ``FailOpen``).
    """

    event_id: str | None
    decision: str
    budget_snapshot: BudgetSnapshot | None = None
    allocation_snapshot: AllocationSnapshot | None = None
    approved_quantity: Decimal | None = None
    authorized_at: str | None = None
    denial_reason: str | None = None
    denial_message: str | None = None
    original_event_id: str | None = None
    original_event_status: str | None = None
    is_fallback: bool = False
    shadow: bool = False
    would_have_been: str | None = None
    would_have_been_reason: str | None = None
    current_decision: str | None = None
    replayed: bool = False
    denied_by: DeniedBy | None = None
    retry_after_seconds: float | None = None
    hold_expires_at: str | None = None
    would_have_been_message: str | None = None
    trace_id: str | None = None

    @property
    def is_authorized(self) -> bool:
        """
        Whether the agent may spend.

        Also True for a repeat of a key whose event was confirmed since; False for one whose event was failed or
        voided, because nothing is held for it any more.
        """
        return self.decision in _GRANTED and self.current_decision not in _OVER

    def raise_if_denied(self) -> AuthorizationResult:
        """Return this answer, or raise ``FiGuardDeniedException`` when the agent may not spend."""
        if self.is_authorized:
            return self
        message = self.denial_message
        if self.denial_reason is None and self.decision in _GRANTED:
            message = f"event {self.event_id} of this idempotency key is {self.current_decision} now; use a new key"
        raise FiGuardDeniedException(self.denial_reason or "UNKNOWN", message, self.original_event_id, result=self)


@dataclass(frozen=True, slots=True)
class AuthorizationBatch:
    """
    The answers to several authorizations made in one transaction, in the order asked.

    With ``all_or_nothing`` a denial takes the others back: then ``all_authorized`` is False, ``first_denied`` is the
    position of the denied one and nothing is held for any.
    """

    results: list[AuthorizationResult]
    all_authorized: bool
    first_denied: int | None = None


@dataclass(frozen=True, slots=True)
class SpendEventResponse:
    """
    One event of a budget.

    ``decision`` is AUTHORIZED, DENIED, CONFIRMED, FAILED or VOIDED. ``held_quantity`` is what it reserves right now;
    ``outcome`` is "UNKNOWN" while nobody knows whether the money moved. ``refunded_quantity`` is what was given back
    of ``confirmed_quantity``.
    """

    id: str
    decision: str
    requested_quantity: Decimal
    created_at: str | None = None
    agent_id: str | None = None
    agent_type: str | None = None
    action_type: str | None = None
    description: str | None = None
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
    trace_id: str | None = None
    metadata: dict[str, Any] | None = None
    event_source: str | None = None
    occurred_at: str | None = None
    budget_id: str | None = None
    chain_root_event_id: str | None = None
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


@dataclass(frozen=True, slots=True)
class VoidResult:
    """What a void did."""

    event: SpendEventResponse

    @property
    def is_voided(self) -> bool:
        """Whether nothing is held or spent for the event any more."""
        return self.event.decision == "VOIDED"


@dataclass(frozen=True, slots=True)
class VoidTreeResult:
    """What a void of a whole tree took back. Ids are root first; ``total_quantity_released`` is held plus spent."""

    root_event_id: str
    voided_count: int
    total_quantity_released: Decimal
    voided_event_ids: list[str]
    reason: str
    currency: str | None = None


@dataclass(frozen=True, slots=True)
class LedgerPage:
    """A page of a budget's events, newest first. ``page`` counts from 0."""

    events: list[SpendEventResponse]
    total_elements: int
    total_pages: int
    page: int
    size: int

    @property
    def has_next(self) -> bool:
        """Whether there is a page after this one."""
        return self.page < self.total_pages - 1


@dataclass(slots=True)
class SpendTreeNode:
    """An event and the events it caused. The one model that can be changed: callers prune and sort trees."""

    event: SpendEventResponse
    children: list[SpendTreeNode] = field(default_factory=list["SpendTreeNode"])


@dataclass(frozen=True, slots=True)
class SpendTree:
    """All events of a budget, each below the event that caused it."""

    budget_id: str
    roots: list[SpendTreeNode]
    total_events: int
    total_authorized: Decimal | None = None
    total_confirmed: Decimal | None = None
    total_settled: Decimal | None = None


@dataclass(frozen=True, slots=True)
class EventChain:
    """One root event with everything below it, and what the chain has spent of its cap."""

    chain_root_event_id: str
    budget_id: str
    roots: list[SpendTreeNode]
    total_events: int
    total_chain_spend: Decimal | None = None
    total_authorized: Decimal | None = None
    total_confirmed: Decimal | None = None
    max_subtree_quantity: Decimal | None = None
    chain_cap_remaining: Decimal | None = None
    currency: str | None = None
    chain_started_at: str | None = None
    last_activity_at: str | None = None
