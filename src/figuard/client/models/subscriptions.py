"""
Subscriptions and entitlements as the client shows them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any


@dataclass(frozen=True, slots=True)
class EntitlementItem:
    """
    A quota per period, in ``limit_unit``. ``current_period_consumed`` counts what is settled and what is held.

    ``state`` is NORMAL, APPROACHING (``warn_at_percentage`` reached) or LIMIT_REACHED.
    """

    id: str
    category: str
    period_limit: Decimal
    overage_policy: str
    renewal_period: str
    current_period_consumed: Decimal = Decimal()
    current_period_reserved: Decimal = Decimal()
    state: str = "NORMAL"
    warn_at_percentage: int | None = None
    next_renewal_at: str | None = None
    created_at: str | None = None
    limit_unit: str | None = None
    held_quantity: Decimal | None = None
    consumed_percentage: int | None = None
    renewal_anchor_day: int | None = None
    last_state_transition_at: str | None = None

    @property
    def available(self) -> Decimal:
        """What is left of this period, not below zero."""
        return max(Decimal(), self.period_limit - self.current_period_consumed - self.current_period_reserved)


@dataclass(frozen=True, slots=True)
class Subscription:
    """One subscriber's contract with its entitlements. ``status`` is ACTIVE, PAUSED or CANCELLED."""

    id: str
    external_subscriber_id: str
    plan: str
    status: str
    renewal_period: str
    entitlements: list[EntitlementItem] = field(default_factory=list["EntitlementItem"])
    starts_at: str | None = None
    created_at: str | None = None
    updated_at: str | None = None
    description: str | None = None
    metadata: dict[str, Any] | None = None
