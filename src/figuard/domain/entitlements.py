"""
Subscriptions and their entitlements: a quota per period that several budgets may draw on.
"""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from figuard.domain.budget import NOTHING, Balance, Head
from figuard.domain.instants import Instant, instant, moment
from figuard.domain.valueclass import replace, valueclass


class SubscriptionStatus(StrEnum):
    """How a subscription stands."""

    ACTIVE = "ACTIVE"
    PAUSED = "PAUSED"
    CANCELLED = "CANCELLED"


class RenewalPeriod(StrEnum):
    """How long a quota lasts."""

    MONTHLY = "MONTHLY"
    QUARTERLY = "QUARTERLY"
    ANNUALLY = "ANNUALLY"

    @property
    def months(self) -> int:
        """The period in months."""
        return {"MONTHLY": 1, "QUARTERLY": 3, "ANNUALLY": 12}[self.value]


class ItemPolicy(StrEnum):
    """What happens at the quota: refuse, or only warn."""

    BLOCK = "BLOCK"
    WARN_ONLY = "WARN_ONLY"


class ItemState(StrEnum):
    """How full a quota is."""

    NORMAL = "NORMAL"
    APPROACHING = "APPROACHING"
    LIMIT_REACHED = "LIMIT_REACHED"


@valueclass
class Subscription:
    """One subscriber's contract. Its book (``head``) records it and its items."""

    id: str
    tenant_id: str
    external_subscriber_id: str
    name: str
    created_at: Instant
    starts_at: Instant
    renewal_period: RenewalPeriod
    description: str | None = None
    status: SubscriptionStatus = SubscriptionStatus.ACTIVE
    metadata: dict[str, Any] | None = None
    updated_at: Instant = 0
    head: Head = Head()


@valueclass
class Item:
    """
    One entitlement: ``limit`` quanta of ``unit`` per period.

    ``period`` counts renewals and resets; an event releases only into the period it took from. ``revision`` counts
    what could turn a refusal around.
    """

    id: str
    tenant_id: str
    subscription_id: str
    name: str
    unit: str
    limit: int
    created_at: Instant
    renewal_period: RenewalPeriod
    next_renewal_at: Instant
    anchor_day: int
    overage: ItemPolicy = ItemPolicy.BLOCK
    warn_at_percentage: int = 80
    balance: Balance = NOTHING
    period: int = 0
    revision: int = 0
    state: ItemState = ItemState.NORMAL
    state_since: Instant | None = None

    @property
    def consumed(self) -> int:
        """What this period used, held amounts included."""
        return self.balance.spent + self.balance.reserved

    @property
    def percentage(self) -> int:
        """Consumed as a whole percentage of the limit, rounded down."""
        return self.consumed * 100 // self.limit

    def remaining(self, *, shadow: bool = False) -> int:
        """Return what is left of this period, not below zero."""
        return max(0, self.limit - self.balance.used(shadow=shadow))


def next_renewal(after: Instant, period: RenewalPeriod, anchor_day: int) -> Instant:
    """Return the moment one period after *after*, on the anchor day (or the month's last), at the same time of day."""
    start = moment(after)
    month = start.month - 1 + period.months
    year, month = start.year + month // 12, month % 12 + 1
    day = min(anchor_day, monthrange(year, month)[1])
    return instant(datetime(year, month, day, start.hour, start.minute, start.second, start.microsecond, UTC))


def renewed(item: Item, now: Instant) -> Item:
    """Return the item in its current period: as many periods on as have passed by *now*, consumed zero."""
    due = item.next_renewal_at
    periods = 0
    while due <= now:
        due = next_renewal(due, item.renewal_period, item.anchor_day)
        periods += 1
    if not periods:
        return item
    return replace(
        item,
        balance=NOTHING,
        period=item.period + periods,
        next_renewal_at=due,
        revision=item.revision + 1,
    )


def state_of(item: Item) -> ItemState:
    """Return the state that the item's percentage means."""
    if item.percentage >= 100:  # noqa: PLR2004 - percent
        return ItemState.LIMIT_REACHED
    return ItemState.APPROACHING if item.percentage >= item.warn_at_percentage else ItemState.NORMAL
