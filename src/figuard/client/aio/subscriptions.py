# Generated from src/figuard/client/sync/subscriptions.py by tools/generate_async_client.py: change that file, then run
# `make generate`.
"""
Subscriptions and their entitlements: quotas per period that budgets draw on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from figuard.client.aio.core import Core, given
from figuard.client.expiry import ExpiresAt
from figuard.client.models import EntitlementItem, Subscription
from figuard.client.ops import subscriptions as ops
from figuard.domain.amounts import AmountLike


class Subscriptions(Core):
    """What can be done with subscriptions."""

    async def list_subscriptions(self) -> list[Subscription]:
        """Return all subscriptions, newest first."""
        return await self._run(ops.list_all(self._session))

    async def create_subscription(
        self,
        external_subscriber_id: str,
        plan: str,
        renewal_period: str,
        starts_at: ExpiresAt | None = None,
        *,
        description: str | None = None,
        entitlements: Sequence[Mapping[str, Any]] | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> Subscription:
        """
        Register a subscriber. ``renewal_period`` is MONTHLY, QUARTERLY or ANNUALLY.

        ``entitlements`` are dictionaries of the arguments of ``add_entitlement``. 409 when the subscriber has one.
        """
        return await self._run(ops.create(self._session, **given(locals())))

    async def get_subscription(self, subscription_id: str) -> Subscription:
        """Return a subscription with its entitlements."""
        return await self._run(ops.get(self._session, subscription_id))

    async def get_subscription_by_subscriber(self, external_subscriber_id: str) -> Subscription:
        """Return the subscription of a subscriber, by your own id of them."""
        return await self._run(ops.get_by_subscriber(self._session, external_subscriber_id))

    async def pause_subscription(self, subscription_id: str) -> Subscription:
        """Pause a subscription: authorizations on its budgets are refused (402). 409 unless it is active."""
        return await self._run(ops.move(self._session, "pause", subscription_id))

    async def resume_subscription(self, subscription_id: str) -> Subscription:
        """Let a paused subscription go on. 409 unless it is paused."""
        return await self._run(ops.move(self._session, "resume", subscription_id))

    async def cancel_subscription(self, subscription_id: str) -> Subscription:
        """End a subscription for good. 409 when it has ended."""
        return await self._run(ops.move(self._session, "cancel", subscription_id))

    async def list_entitlements(self, subscription_id: str) -> list[EntitlementItem]:
        """Return the entitlements of a subscription."""
        return await self._run(ops.list_entitlements(self._session, subscription_id))

    async def add_entitlement(
        self,
        subscription_id: str,
        category: str,
        period_limit: AmountLike,
        overage_policy: str = "BLOCK",
        renewal_period: str = "MONTHLY",
        warn_at_percentage: int | None = None,
        *,
        limit_unit: str | None = None,
        renewal_anchor_day: int | None = None,
    ) -> EntitlementItem:
        """
        Add a quota of *period_limit* per period to a subscription; a budget draws on it by ``entitlement_item_id``.

        ``overage_policy`` is BLOCK or WARN_ONLY; ``warn_at_percentage`` (80 unless given) is where its state becomes
        APPROACHING. It renews on ``renewal_anchor_day`` of the month.
        """
        return await self._run(ops.add_entitlement(self._session, **given(locals())))

    async def get_entitlement(self, subscription_id: str, item_id: str) -> EntitlementItem:
        """Return an entitlement and what is used of it."""
        return await self._run(ops.get_entitlement(self._session, subscription_id, item_id))

    async def reset_entitlement(self, subscription_id: str, item_id: str) -> EntitlementItem:
        """Start the period's consumption of an entitlement from zero; the day of its renewal stays."""
        return await self._run(ops.reset_entitlement(self._session, subscription_id, item_id))
