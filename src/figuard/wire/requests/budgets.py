"""
Request bodies that create and change budgets.
"""

from __future__ import annotations

from typing import Any, ClassVar

from msgspec import UNSET, UnsetType

from figuard.wire.requests.base import RequestBody, WireAmount


class AllocationRequest(RequestBody, kw_only=True):
    """
    A part of a budget set aside for some categories.

    ``enforcement_mode`` is OPEN, CATEGORY_CONSTRAINED (default) or STRICT; the last two need ``allowed_categories``.
    """

    category: str | None = None
    limit: WireAmount | None = None
    enforcement_mode: str | None = None
    allowed_categories: list[str] | None = None
    forbidden_item_types: list[str] | None = None

    required: ClassVar[tuple[str, ...]] = ("category", "limit")


class CreateBudgetRequest(RequestBody, kw_only=True):
    """
    Create a budget and its session token. (``POST /budgets``)

    Exactly one of ``currency`` (3 letters) and ``unit``; neither means USD. Amounts are in that currency or unit,
    ``expires_at`` is ISO 8601 with an offset. ``overage_policy`` is REJECT, ALLOW_IF_AVAILABLE (default) or
    ALLOW_WITH_OVERDRAFT; ``unknown_outcome_policy`` is HOLD (default), CONFIRM or VOID.
    """

    user_id: str | None = None
    total_limit: WireAmount | None = None
    expires_at: str | None = None
    currency: str | None = None
    unit: str | None = None
    external_reference: str | None = None
    entitlement_item_id: str | None = None
    intent_context: str | None = None
    intent_tags: list[str] | None = None
    soft_limit: WireAmount | None = None
    max_transaction_quantity: WireAmount | None = None
    authorization_expiry_seconds: int | None = None
    velocity_max_per_minute: int | None = None
    velocity_max_amount_per_hour: WireAmount | None = None
    velocity_max_per_day: int | None = None
    entity_dedup_enabled: bool | None = None
    anomaly_detection_enabled: bool | None = None
    auto_pause_on_anomaly: bool | None = None
    anomaly_pause_threshold_multiplier: WireAmount | None = None
    anomaly_min_sample_size: int | None = None
    trust_mode: str | None = None
    overage_policy: str | None = None
    overdraft_limit: WireAmount | None = None
    unknown_outcome_policy: str | None = None
    unknown_outcome_deadline_seconds: int | None = None
    expire_unused_after_seconds: int | None = None
    metadata: dict[str, Any] | None = None
    allocations: list[AllocationRequest] | None = None

    required: ClassVar[tuple[str, ...]] = ("userId", "totalLimit", "expiresAt")


class UpdateBudgetRequest(RequestBody, kw_only=True):
    """
    Change a budget's rules; what is absent stays. (``PATCH /budgets/{budgetId}``)

    ``status`` is ACTIVE or PAUSED. An explicit null (``None``) clears a member whose type lists ``UnsetType``.
    """

    status: str | None = None
    total_limit: WireAmount | None = None
    expires_at: str | None = None
    trust_mode: str | None = None
    velocity_max_per_minute: int | UnsetType | None = UNSET
    velocity_max_amount_per_hour: WireAmount | UnsetType | None = UNSET
    velocity_max_per_day: int | UnsetType | None = UNSET
    soft_limit: WireAmount | UnsetType | None = UNSET
    max_transaction_quantity: WireAmount | UnsetType | None = UNSET


class CancelBatchRequest(RequestBody, kw_only=True):
    """End several budgets. A bare JSON array of ids is accepted too. (``POST /budgets/cancel-batch``)"""

    budget_ids: list[str] | None = None

    required: ClassVar[tuple[str, ...]] = ("budgetIds",)


class ResumeBudgetRequest(RequestBody, kw_only=True):
    """Let a paused budget spend again. (``POST /budgets/{budgetId}/resume``)"""

    override_reason: str | None = None
    override_by: str | None = None

    required: ClassVar[tuple[str, ...]] = ("overrideReason",)


class ExtendBudgetRequest(RequestBody, kw_only=True):
    """Let a budget live longer, until an ISO 8601 time. (``POST /budgets/{budgetId}/extend``)"""

    expires_at: str | None = None

    required: ClassVar[tuple[str, ...]] = ("expiresAt",)


class FundBudgetRequest(RequestBody, kw_only=True):
    """
    Change what a budget may spend. (``POST /budgets/{budgetId}/fund``)

    ``operation`` is CREDIT, DEBIT, RESET or RESET_SPENT; ``amount`` is above zero for all four.
    """

    operation: str | None = None
    amount: WireAmount | None = None
    reason: str | None = None

    required: ClassVar[tuple[str, ...]] = ("operation", "amount")
