"""
The replies: what each command answers, as values. ``wire`` renders them.
"""

from __future__ import annotations

from figuard.domain.admin import ApiKey, Delivery, Receipt, Tenant, Webhook
from figuard.domain.budget import Budget
from figuard.domain.commands import FundingOperation
from figuard.domain.entitlements import Item, Subscription
from figuard.domain.events import Event
from figuard.domain.instants import Instant
from figuard.domain.tokens import Token
from figuard.domain.valueclass import valueclass


@valueclass
class AuthorizeReply:
    """
    The answer to one authorization.

    ``event`` is not stored when ``dry_run`` is set. ``replayed`` says that the key had been answered before.
    ``budget`` is the budget as it stands after.
    """

    event: Event
    budget: Budget
    now: Instant
    dry_run: bool = False
    replayed: bool = False
    original: Event | None = None


@valueclass
class AuthorizeAllReply:
    """
    The answers in the order asked; when nothing was authorized, the denied one alone is recorded.

    ``undone``: the group was all or nothing and could not be, so what the others were told does not hold.
    """

    replies: tuple[AuthorizeReply, ...]
    all_authorized: bool
    first_denied: int | None = None
    undone: bool = False


@valueclass
class EventReply:
    """An event after a settlement."""

    event: Event
    budget: Budget
    now: Instant


@valueclass
class VoidTreeReply:
    """What a void of a whole tree took back: ids root first, then descendants; the released quanta."""

    root: Event
    voided_event_ids: tuple[str, ...]
    released: int
    reason: str
    currency: str | None


@valueclass
class BudgetReply:
    """A budget; ``secret`` is its session token, shown once. ``created`` is False on an idempotent hit."""

    budget: Budget
    now: Instant
    secret: str | None = None
    token: Token | None = None
    created: bool = True


@valueclass
class BudgetsReply:
    """Several budgets."""

    budgets: tuple[Budget, ...]
    now: Instant


@valueclass
class FundReply:
    """A budget's figures after funding, in quanta."""

    budget: Budget
    operation: FundingOperation
    quantity: int
    previous_limit: int
    reason: str | None
    now: Instant


@valueclass
class SecretReply:
    """A new session token; ``secret`` is shown once and None when the answer is repeated."""

    secret: str | None
    token: Token


@valueclass
class TokenReply:
    """A delegation or scoped token; ``secret`` is shown once."""

    token: Token
    budget: Budget
    secret: str | None = None


@valueclass
class SubscriptionReply:
    """A subscription with its entitlements."""

    subscription: Subscription
    items: tuple[Item, ...] = ()


@valueclass
class ItemReply:
    """One entitlement."""

    item: Item


@valueclass
class WebhookReply:
    """One webhook."""

    webhook: Webhook


@valueclass
class DeliveryReply:
    """One delivery."""

    delivery: Delivery


@valueclass
class DeliveriesReply:
    """The deliveries that were taken up."""

    deliveries: tuple[Delivery, ...]


@valueclass
class ApiKeyReply:
    """One API key; ``secret`` is shown once."""

    api_key: ApiKey
    secret: str | None = None


@valueclass
class TenantReply:
    """A tenant and its first key; ``secret`` is shown once."""

    tenant: Tenant
    api_key: ApiKey
    secret: str | None


@valueclass
class ReceiptReply:
    """A receipt."""

    receipt: Receipt


@valueclass
class SweepReply:
    """How much a sweep of one budget, of one item or of what surrounds them did."""

    holds_ended: int = 0
    voided: int = 0
    notices: int = 0
    renewed: int = 0
    forgotten: int = 0
    keys_noted: int = 0


Reply = (
    AuthorizeReply
    | AuthorizeAllReply
    | EventReply
    | VoidTreeReply
    | BudgetReply
    | BudgetsReply
    | FundReply
    | SecretReply
    | TokenReply
    | SubscriptionReply
    | ItemReply
    | WebhookReply
    | DeliveryReply
    | DeliveriesReply
    | ApiKeyReply
    | TenantReply
    | ReceiptReply
    | SweepReply
)
