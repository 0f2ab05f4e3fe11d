"""
The records around the budgets: webhooks and their deliveries, receipts, keys, tenants, remembered answers.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from figuard.domain.instants import DAY, Instant
from figuard.domain.limits import REMEMBERED_DAYS
from figuard.domain.valueclass import valueclass


class KeyScope(StrEnum):
    """What an API key may do: spend and read its own budget, operate budgets, administer, or only read."""

    AGENT = "agent"
    OPERATOR = "operator"
    ADMIN = "admin"
    READ = "read"


@valueclass
class Tenant:
    """Who owns budgets; nothing of one tenant is visible to another."""

    id: str
    name: str
    created_at: Instant


@valueclass
class ApiKey:
    """A key without its secret: ``hash`` is an HMAC of it. ``budget_id`` confines an agent's key to one budget."""

    id: str
    tenant_id: str
    hash: str
    prefix: str
    created_at: Instant
    description: str | None = None
    scope: KeyScope = KeyScope.ADMIN
    expires_at: Instant | None = None
    revoked_at: Instant | None = None
    last_used_at: Instant | None = None
    budget_id: str | None = None

    def is_live(self, now: Instant) -> bool:
        """Return whether the key opens anything at *now*."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


@valueclass
class Webhook:
    """Where notices of some types go. ``secret`` signs them; a server stores it sealed."""

    id: str
    tenant_id: str
    url: str
    secret: str
    events: tuple[str, ...]
    created_at: Instant
    deleted_at: Instant | None = None


class DeliveryStatus(StrEnum):
    """How a delivery stands; FAILED is the dead letter, which only a manual retry revives."""

    PENDING = "PENDING"
    DELIVERED = "DELIVERED"
    FAILED = "FAILED"


@valueclass
class Delivery:
    """One notice on its way to one webhook: a row written in the transaction of what it tells."""

    id: str
    tenant_id: str
    webhook_id: str
    url: str
    book_id: str
    event_type: str
    payload: str
    created_at: Instant
    due_at: Instant | None
    status: DeliveryStatus = DeliveryStatus.PENDING
    attempts: int = 0
    response_status: int | None = None
    response_body: str | None = None
    error_message: str | None = None
    delivered_at: Instant | None = None


@valueclass
class Receipt:
    """A page about one budget that anyone with the link may read until it expires or is revoked."""

    id: str
    tenant_id: str
    budget_id: str
    token: str
    created_at: Instant
    expires_at: Instant
    revoked_at: Instant | None = None


@valueclass
class Remembered:
    """The answer once given to a mutation with an idempotency key; ``reply`` is its JSON."""

    tenant_id: str
    operation: str
    key: str
    fingerprint: str
    reply: str
    created_at: Instant

    def is_forgettable(self, now: Instant) -> bool:
        """Return whether it was kept long enough; then its key is free, whether or not a sweep came by."""
        return self.created_at <= now - REMEMBERED_DAYS * DAY


@valueclass
class Notice:
    """Something to tell the outside: an event type and the body of its webhook, without the envelope."""

    event_type: str
    book_id: str
    payload: dict[str, Any]
