"""
Request bodies around subscriptions. The server and the published SDK spell some members differently: either will do.
"""

from __future__ import annotations

from typing import Any, ClassVar

from figuard.wire.requests.base import RequestBody, WireAmount


class EntitlementRequest(RequestBody, kw_only=True):
    """
    A quota per period. (``POST /subscriptions/{subscriptionId}/entitlements``)

    ``category`` and ``period_limit`` are the SDK's words for ``name`` and ``limit_quantity``. ``renewal_period`` is
    MONTHLY, QUARTERLY or ANNUALLY; ``overage_policy`` BLOCK (default) or WARN_ONLY.
    """

    name: str | None = None
    category: str | None = None
    limit_unit: str | None = None
    limit_quantity: WireAmount | None = None
    period_limit: WireAmount | None = None
    renewal_period: str | None = None
    renewal_anchor_day: int | None = None
    overage_policy: str | None = None
    warn_at_percentage: int | None = None

    required: ClassVar[tuple[str, ...]] = ("name", "limitQuantity", "renewalPeriod")


class CreateSubscriptionRequest(RequestBody, kw_only=True):
    """
    Register a subscriber. (``POST /subscriptions``)

    ``plan``, ``starts_at`` and ``entitlements`` are the SDK's words for ``name``, ``subscription_start_date`` and
    ``entitlement_items``. ``renewal_period`` (default MONTHLY) is the default of the items.
    """

    external_subscriber_id: str | None = None
    name: str | None = None
    plan: str | None = None
    description: str | None = None
    renewal_period: str | None = None
    subscription_start_date: str | None = None
    starts_at: str | None = None
    entitlement_items: list[EntitlementRequest] | None = None
    entitlements: list[EntitlementRequest] | None = None
    metadata: dict[str, Any] | None = None

    required: ClassVar[tuple[str, ...]] = ("externalSubscriberId", "name")
