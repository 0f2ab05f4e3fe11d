"""
Commands on subscriptions, webhooks, keys and tenants.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from figuard.domain.admin import KeyScope
from figuard.domain.entitlements import ItemPolicy, RenewalPeriod
from figuard.domain.instants import Instant
from figuard.domain.valueclass import valueclass


@valueclass
class NewItem:
    """What an entitlement is when it is added."""

    name: str
    unit: str
    limit: int
    renewal_period: RenewalPeriod
    anchor_day: int | None = None
    overage: ItemPolicy = ItemPolicy.BLOCK
    warn_at_percentage: int = 80


@valueclass
class CreateSubscription:
    """Register a subscriber, with entitlements or without."""

    external_subscriber_id: str
    name: str
    renewal_period: RenewalPeriod
    starts_at: Instant | None = None
    description: str | None = None
    items: tuple[NewItem, ...] = ()
    metadata: dict[str, Any] | None = None


class SubscriptionVerb(StrEnum):
    """What ``MoveSubscription`` does."""

    PAUSE = "pause"
    RESUME = "resume"
    CANCEL = "cancel"


@valueclass
class MoveSubscription:
    """Pause, resume or cancel a subscription."""

    subscription_id: str
    verb: SubscriptionVerb


@valueclass
class AddItem:
    """Add an entitlement to a subscription."""

    subscription_id: str
    item: NewItem


@valueclass
class ResetItem:
    """Start an entitlement's period consumption from zero; the renewal date stays."""

    subscription_id: str
    item_id: str


@valueclass
class CreateWebhook:
    """
    Subscribe a URL to notices. The secret comes as it will be stored.

    ``webhook_id`` comes along when the secret was sealed for that very webhook.
    """

    url: str
    secret: str
    events: tuple[str, ...]
    webhook_id: str | None = None


@valueclass
class DeleteWebhook:
    """Unsubscribe; the evidence of past deliveries stays."""

    webhook_id: str


@valueclass
class RetryDelivery:
    """Send a dead letter once more."""

    delivery_id: str


@valueclass
class ClaimDeliveries:
    """
    Take up to so many notices that are due, to send them: of each line, one book's to one webhook, the first.

    Until they are settled, or ``limits.DELIVERY_LEASE_SECONDS`` have passed, nobody else is given them or a later
    one of their line.
    """

    limit: int


@valueclass
class SettleDelivery:
    """Record what became of one attempt to deliver."""

    delivery_id: str
    response_status: int | None = None
    response_body: str | None = None
    error_message: str | None = None


@valueclass
class CreateApiKey:
    """Issue a key for the caller's tenant; with ``budget_id`` an agent's key for that budget alone."""

    description: str | None = None
    scope: KeyScope = KeyScope.ADMIN
    expires_at: Instant | None = None
    budget_id: str | None = None


@valueclass
class RevokeApiKey:
    """End a key."""

    key_id: str


@valueclass
class RotateApiKey:
    """Replace a key by a new one; the old one ends at once."""

    key_id: str


@valueclass
class NoteKeyUses:
    """Note that API keys were used; a use within ``limits.KEY_USE_SECONDS`` of the noted one is not worth a note."""

    key_ids: tuple[str, ...]


@valueclass
class ForgetAnswers:
    """Forget some of the answers that were remembered for ``limits.REMEMBERED_DAYS``."""


@valueclass
class CreateTenant:
    """Register a tenant and its first admin key."""

    name: str


@valueclass
class SweepItem:
    """Renew one entitlement that is due."""

    item_id: str
