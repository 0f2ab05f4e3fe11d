"""
Budgets as the client shows them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any


@dataclass(frozen=True, slots=True)
class AllocationResponse:
    """A part of a budget set aside for some categories. Amounts are in the budget's currency or unit."""

    id: str
    category: str
    allowed_categories: list[str]
    limit: Decimal
    quantity_spent: Decimal
    quantity_reserved: Decimal
    available_quantity: Decimal
    status: str
    enforcement_mode: str = "CATEGORY_CONSTRAINED"
    forbidden_item_types: list[str] | None = None


@dataclass(frozen=True, slots=True)
class BudgetToken:
    """A session token of a budget. ``session_token`` itself is only there in the answer that made it."""

    category: str
    session_token: str | None = field(default=None, repr=False)
    session_token_prefix: str | None = None
    unit: str | None = None
    currency: str | None = None


@dataclass(frozen=True, slots=True)
class Budget:
    """
    A budget: what it allows, what is spent (``quantity_spent``), held (``quantity_reserved``) and left.

    ``status`` is ACTIVE, PAUSED, EXHAUSTED, EXPIRED or CANCELLED. ``expires_at`` is None for a budget that never
    expires. Exactly one of ``currency`` and ``unit`` names what the amounts count.
    """

    id: str
    user_id: str
    total_limit: Decimal
    quantity_spent: Decimal
    quantity_reserved: Decimal
    available_quantity: Decimal
    status: str
    expires_at: str | None = None
    currency: str | None = None
    unit: str | None = None
    created_at: str | None = None
    intent_context: str | None = None
    intent_tags: list[str] | None = None
    external_reference: str | None = None
    soft_limit: Decimal | None = None
    max_transaction_quantity: Decimal | None = None
    authorization_expiry_seconds: int | None = None
    velocity_max_per_minute: int | None = None
    velocity_max_amount_per_hour: Decimal | None = None
    velocity_max_per_day: int | None = None
    allocations: list[AllocationResponse] = field(default_factory=list["AllocationResponse"])
    cancelled_at: str | None = None
    metadata: dict[str, Any] | None = None
    trust_mode: str | None = None
    tokens: list[BudgetToken] | None = None
    session_token_prefix: str | None = None
    entity_dedup_enabled: bool | None = None
    anomaly_detection_enabled: bool | None = None
    auto_pause_on_anomaly: bool | None = None
    anomaly_pause_threshold_multiplier: Decimal | None = None
    anomaly_min_sample_size: int | None = None
    overage_policy: str | None = None
    overdraft_limit: Decimal | None = None
    unknown_outcome_policy: str | None = None
    unknown_outcome_deadline_seconds: int | None = None
    expire_unused_after_seconds: int | None = None
    entitlement_item_id: str | None = None
    subscription_id: str | None = None
    shadow_quantity_spent: Decimal | None = None
    shadow_quantity_reserved: Decimal | None = None
    updated_at: str | None = None
    trace_id: str | None = None

    @property
    def primary_token(self) -> BudgetToken | None:
        """The first token, or None when the answer carried none (only creation does)."""
        return self.tokens[0] if self.tokens else None

    @property
    def session_token(self) -> str | None:
        """The raw session token of the first token; None unless this is the answer that made it."""
        token = self.primary_token
        return token.session_token if token else None

    @property
    def is_active(self) -> bool:
        """Whether the budget authorizes at all."""
        return self.status == "ACTIVE"

    @property
    def is_paused(self) -> bool:
        """Whether the budget waits to be resumed."""
        return self.status == "PAUSED"

    @property
    def is_monetary(self) -> bool:
        """Whether the amounts are money rather than tokens or another unit."""
        return self.currency is not None


@dataclass(frozen=True, slots=True)
class BudgetPage:
    """A page of budgets, newest first. ``page`` counts from 0."""

    budgets: list[Budget]
    total_elements: int
    total_pages: int
    page: int
    size: int

    @property
    def has_next(self) -> bool:
        """Whether there is a page after this one."""
        return self.page < self.total_pages - 1


@dataclass(frozen=True, slots=True)
class BudgetSnapshot:
    """A budget's figures right after a decision. ``id`` is None from servers that do not say it."""

    total_limit: Decimal
    quantity_spent: Decimal
    quantity_reserved: Decimal
    available_quantity: Decimal
    status: str
    id: str | None = None


@dataclass(frozen=True, slots=True)
class AllocationSnapshot:
    """An allocation's figures right after a decision."""

    category: str
    limit: Decimal
    quantity_spent: Decimal
    quantity_reserved: Decimal
    available_quantity: Decimal
    status: str
    id: str | None = None


@dataclass(frozen=True, slots=True)
class BudgetFundingResult:
    """A budget's figures after CREDIT, DEBIT, RESET or RESET_SPENT of ``amount``."""

    budget_id: str
    operation: str
    amount: Decimal
    previous_total_limit: Decimal
    total_limit: Decimal
    quantity_spent: Decimal
    quantity_reserved: Decimal
    available_quantity: Decimal
    status: str
    reason: str | None = None
    updated_at: str | None = None
    trace_id: str | None = None
