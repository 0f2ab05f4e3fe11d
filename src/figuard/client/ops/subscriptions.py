"""
Subscriptions and their entitlements.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from figuard.client import decode
from figuard.client.expiry import ExpiresAt, moment_text
from figuard.client.models import EntitlementItem, Subscription
from figuard.client.ops.arguments import body_of, exact, exact_or_none, plain
from figuard.client.session import Session, perform
from figuard.client.steps import Steps
from figuard.domain.amounts import AmountLike
from figuard.wire.requests import CreateSubscriptionRequest, EntitlementRequest

Entitlements = Sequence[Mapping[str, Any] | EntitlementRequest]


def list_all(session: Session) -> Steps[list[Subscription]]:
    """Read all subscriptions."""
    answer = yield from perform(session, "list_subscriptions")
    return decode.subscriptions(answer.value)


def create(
    session: Session,
    external_subscriber_id: str,
    plan: str,
    renewal_period: str,
    starts_at: ExpiresAt | None,
    *,
    description: str | None,
    entitlements: Entitlements | None,
    metadata: Mapping[str, Any] | None,
) -> Steps[Subscription]:
    """Register a subscriber."""
    body = CreateSubscriptionRequest(
        external_subscriber_id=external_subscriber_id,
        plan=plan,
        renewal_period=renewal_period,
        starts_at=moment_text(starts_at),
        description=description,
        entitlements=None if entitlements is None else _items(entitlements),
        metadata=plain(metadata),
    )
    answer = yield from perform(session, "create_subscription", body=body)
    return decode.subscription(answer.value)


def _items(given: Entitlements) -> list[EntitlementRequest]:
    items = [body_of(EntitlementRequest, one, f"entitlements[{position}]") for position, one in enumerate(given)]
    for item in items:
        what = f"the limit of entitlement {item.category or item.name!r}"
        item.period_limit = exact_or_none(item.period_limit, what)
        item.limit_quantity = exact_or_none(item.limit_quantity, what)
    return items


def get(session: Session, subscription_id: str) -> Steps[Subscription]:
    """Read one subscription."""
    answer = yield from perform(session, "get_subscription", path={"subscriptionId": subscription_id})
    return decode.subscription(answer.value)


def get_by_subscriber(session: Session, external_subscriber_id: str) -> Steps[Subscription]:
    """Read the subscription of one subscriber."""
    path = {"externalSubscriberId": external_subscriber_id}
    answer = yield from perform(session, "get_subscription_by_subscriber", path=path)
    return decode.subscription(answer.value)


def move(session: Session, verb: str, subscription_id: str) -> Steps[Subscription]:
    """Pause, resume or cancel a subscription."""
    answer = yield from perform(session, f"{verb}_subscription", path={"subscriptionId": subscription_id})
    return decode.subscription(answer.value)


def list_entitlements(session: Session, subscription_id: str) -> Steps[list[EntitlementItem]]:
    """Read the entitlements of a subscription."""
    answer = yield from perform(session, "list_entitlements", path={"subscriptionId": subscription_id})
    return decode.entitlements(answer.value)


def add_entitlement(
    session: Session,
    subscription_id: str,
    *,
    category: str,
    period_limit: AmountLike,
    overage_policy: str,
    renewal_period: str,
    warn_at_percentage: int | None,
    limit_unit: str | None,
    renewal_anchor_day: int | None,
) -> Steps[EntitlementItem]:
    """Add an entitlement to a subscription."""
    body = EntitlementRequest(
        category=category,
        period_limit=exact(period_limit, "period_limit"),
        overage_policy=overage_policy,
        renewal_period=renewal_period,
        warn_at_percentage=warn_at_percentage,
        limit_unit=limit_unit,
        renewal_anchor_day=renewal_anchor_day,
    )
    answer = yield from perform(session, "add_entitlement", path={"subscriptionId": subscription_id}, body=body)
    return decode.entitlement(answer.value)


def get_entitlement(session: Session, subscription_id: str, item_id: str) -> Steps[EntitlementItem]:
    """Read one entitlement."""
    return _on_item(session, "get_entitlement", subscription_id, item_id)


def reset_entitlement(session: Session, subscription_id: str, item_id: str) -> Steps[EntitlementItem]:
    """Start an entitlement's period over."""
    return _on_item(session, "reset_entitlement", subscription_id, item_id)


def _on_item(session: Session, name: str, subscription_id: str, item_id: str) -> Steps[EntitlementItem]:
    path = {"subscriptionId": subscription_id, "itemId": item_id}
    answer = yield from perform(session, name, path=path)
    return decode.entitlement(answer.value)
