"""
Response bodies around subscriptions, in the server's words and in the SDK's.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from figuard.wire.responses.base import SparseBody


class EntitlementResponse(SparseBody, kw_only=True):
    """
    A quota per period and how much of it is used, in ``limit_unit``.

    ``category`` and ``period_limit`` repeat ``name`` and ``limit_quantity``. ``current_period_consumed`` counts what
    is settled and what is held; ``held_quantity`` is the held part of it. ``current_period_reserved`` is always zero,
    because the published SDK subtracts it from the limit once more.
    """

    id: str
    subscription_id: str | None = None
    name: str | None = None
    category: str
    limit_unit: str | None = None
    limit_quantity: Decimal | None = None
    period_limit: Decimal
    current_period_consumed: Decimal
    current_period_reserved: Decimal
    held_quantity: Decimal | None = None
    remaining: Decimal | None = None
    consumed_percentage: int | None = None
    warn_at_percentage: int | None = None
    renewal_period: str
    renewal_anchor_day: int | None = None
    next_renewal_at: str | None = None
    overage_policy: str
    state: str | None = None
    last_state_transition_at: str | None = None
    created_at: str | None = None


class SubscriptionResponse(SparseBody, kw_only=True):
    """
    A subscription with its entitlements.

    ``plan``, ``starts_at`` and ``entitlements`` repeat ``name``, ``subscription_start_date`` and
    ``entitlement_items``.
    """

    id: str
    external_subscriber_id: str
    name: str | None = None
    plan: str
    description: str | None = None
    status: str
    renewal_period: str
    subscription_start_date: str | None = None
    starts_at: str | None = None
    entitlement_items: list[EntitlementResponse]
    entitlements: list[EntitlementResponse]
    metadata: dict[str, Any] | None = None
    created_at: str | None = None
    updated_at: str | None = None
