"""
From replies and views of subscriptions to response structs, in the server's words and in the SDK's.
"""

from __future__ import annotations

from decimal import Decimal

from figuard.domain.entitlements import Item, Subscription
from figuard.domain.replies import ItemReply, SubscriptionReply
from figuard.domain.views import ItemView, SubscriptionsView, SubscriptionView
from figuard.wire.context import Context
from figuard.wire.render.common import metadata, money, time_text, when
from figuard.wire.responses import EntitlementResponse, SubscriptionResponse


def subscription(result: SubscriptionReply | SubscriptionView, _: Context) -> SubscriptionResponse:
    """Return the subscription with its entitlements."""
    return _subscription(result.subscription, result.items)


def subscriptions(view: SubscriptionsView, _: Context) -> list[SubscriptionResponse]:
    """Return several subscriptions."""
    return [_subscription(one.subscription, one.items) for one in view.subscriptions]


def entitlement(result: ItemReply | ItemView, _: Context) -> EntitlementResponse:
    """Return the entitlement."""
    return _item(result.item)


def entitlements(view: SubscriptionView, _: Context) -> list[EntitlementResponse]:
    """Return the entitlements of a subscription."""
    return [_item(item) for item in view.items]


def _subscription(subscription: Subscription, items: tuple[Item, ...]) -> SubscriptionResponse:
    rendered = [_item(item) for item in items]
    starts_at = time_text(subscription.starts_at)
    return SubscriptionResponse(
        id=subscription.id,
        external_subscriber_id=subscription.external_subscriber_id,
        name=subscription.name,
        plan=subscription.name,
        description=subscription.description,
        status=subscription.status.value,
        renewal_period=subscription.renewal_period.value,
        subscription_start_date=starts_at,
        starts_at=starts_at,
        entitlement_items=rendered,
        entitlements=rendered,
        metadata=metadata(subscription.metadata),
        created_at=time_text(subscription.created_at),
        updated_at=time_text(max(subscription.updated_at, subscription.created_at)),
    )


def _item(item: Item) -> EntitlementResponse:
    limit = money(item.limit)
    return EntitlementResponse(
        id=item.id,
        subscription_id=item.subscription_id,
        name=item.name,
        category=item.name,
        limit_unit=item.unit,
        limit_quantity=limit,
        period_limit=limit,
        current_period_consumed=money(item.consumed),
        current_period_reserved=Decimal("0.00"),
        held_quantity=money(item.balance.reserved),
        remaining=money(item.remaining()),
        consumed_percentage=item.percentage,
        warn_at_percentage=item.warn_at_percentage,
        renewal_period=item.renewal_period.value,
        renewal_anchor_day=item.anchor_day,
        next_renewal_at=time_text(item.next_renewal_at),
        overage_policy=item.overage.value,
        state=item.state.value,
        last_state_transition_at=when(item.state_since),
        created_at=time_text(item.created_at),
    )
