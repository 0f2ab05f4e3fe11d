"""
Response bodies of budgets: the budget itself, its funding, its token, its receipt.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec

from figuard.wire.responses.base import FullBody, SparseBody


class BudgetTokenResponse(FullBody, kw_only=True):
    """A session token; ``session_token`` is shown when it is made and never again."""

    category: str
    session_token: str | None = None
    session_token_prefix: str | None = None
    unit: str | None = None
    currency: str | None = None


class AllocationResponse(FullBody, kw_only=True):
    """One allocation and its figures, in the budget's currency or unit."""

    id: str
    category: str
    allowed_categories: list[str] = msgspec.field(default_factory=list[str])
    forbidden_item_types: list[str] | None = None
    enforcement_mode: str = "CATEGORY_CONSTRAINED"
    limit: Decimal
    quantity_spent: Decimal
    quantity_reserved: Decimal
    available_quantity: Decimal
    status: str


class BudgetResponse(SparseBody, kw_only=True):
    """
    A budget: who it belongs to, what it allows, what is spent and held.

    ``status`` is derived when read (EXPIRED, EXHAUSTED). ``available_quantity`` is negative when overdrawn.
    ``tokens`` is there only in the answer that created the budget.
    """

    id: str
    user_id: str
    external_reference: str | None = None
    intent_context: str | None = None
    intent_tags: list[str] | None = None
    tokens: list[BudgetTokenResponse] | None = None
    session_token_prefix: str | None = None
    total_limit: Decimal
    max_transaction_quantity: Decimal | None = None
    currency: str | None = None
    unit: str | None = None
    quantity_spent: Decimal
    quantity_reserved: Decimal
    available_quantity: Decimal
    soft_limit: Decimal | None = None
    authorization_expiry_seconds: int | None = None
    velocity_max_per_minute: int | None = None
    velocity_max_amount_per_hour: Decimal | None = None
    velocity_max_per_day: int | None = None
    entity_dedup_enabled: bool | None = None
    anomaly_detection_enabled: bool | None = None
    auto_pause_on_anomaly: bool | None = None
    anomaly_pause_threshold_multiplier: Decimal | None = None
    anomaly_min_sample_size: int | None = None
    trust_mode: str | None = None
    overage_policy: str | None = None
    overdraft_limit: Decimal | None = None
    unknown_outcome_policy: str | None = None
    unknown_outcome_deadline_seconds: int | None = None
    expire_unused_after_seconds: int | None = None
    status: str
    allocations: list[AllocationResponse]
    expires_at: str | None
    cancelled_at: str | None = None
    created_at: str | None = None
    updated_at: str | None = None
    entitlement_item_id: str | None = None
    subscription_id: str | None = None
    shadow_quantity_spent: Decimal | None = None
    shadow_quantity_reserved: Decimal | None = None
    metadata: dict[str, Any] | None = None
    trace_id: str | None = None


class FundResponse(FullBody, kw_only=True):
    """A budget's figures after its limit was changed."""

    budget_id: str
    operation: str
    amount: Decimal
    reason: str | None = None
    previous_total_limit: Decimal
    total_limit: Decimal
    quantity_spent: Decimal
    quantity_reserved: Decimal
    available_quantity: Decimal
    status: str
    updated_at: str | None = None
    trace_id: str | None = None


class SessionTokenResponse(FullBody, kw_only=True):
    """A new session token, shown once (null when the answer is repeated); the old one works for a short grace."""

    session_token: str | None
    session_token_prefix: str | None = None


class ReceiptUrlResponse(FullBody, kw_only=True):
    """Where the public receipt of a budget is, and until when."""

    receipt_url: str
    expires_at: str | None = None
