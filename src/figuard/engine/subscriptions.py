"""
Subscriptions and their entitlements: register, add, pause, resume, cancel, reset, renew.
"""

from __future__ import annotations

from figuard.domain.books import EntryKind
from figuard.domain.budget import Balance
from figuard.domain.codes import ErrorCode
from figuard.domain.commands import (
    AddItem,
    CreateSubscription,
    MoveSubscription,
    NewItem,
    Order,
    ResetItem,
    SubscriptionVerb,
    SweepItem,
)
from figuard.domain.entitlements import (
    Item,
    ItemState,
    Subscription,
    SubscriptionStatus,
    next_renewal,
)
from figuard.domain.instants import moment
from figuard.domain.refusal import Refusal
from figuard.domain.replies import ItemReply, SubscriptionReply, SweepReply
from figuard.domain.valueclass import replace
from figuard.engine import duties
from figuard.engine.gather import Loads
from figuard.engine.work import Load, Work
from figuard.ports import Kind

ANCHOR_DAY_MAX = 28
"""The latest day of the month on which a quota renews: every month has it."""


def gather_create(work: Work, order: Order, command: CreateSubscription) -> Loads:
    """Look whether the subscriber is known."""
    yield (Load(Kind.SUBSCRIBERS, ((order.tenant_id, command.external_subscriber_id),)),)


def create(work: Work, order: Order, command: CreateSubscription) -> SubscriptionReply:
    """Register a subscriber. Raises ``Refusal`` when the tenant has it already."""
    known = work.one(Kind.SUBSCRIBERS, (order.tenant_id, command.external_subscriber_id))
    if known is not None:
        raise Refusal(
            ErrorCode.SUBSCRIBER_EXISTS,
            f"subscriber {command.external_subscriber_id!r} has subscription {known}",
            extra={"subscriptionId": known},
        )
    now = work.now
    subscription = Subscription(
        id=work.ids.id(now),
        tenant_id=order.tenant_id,
        external_subscriber_id=command.external_subscriber_id,
        name=command.name,
        created_at=now,
        starts_at=command.starts_at if command.starts_at is not None else now,
        renewal_period=command.renewal_period,
        description=command.description,
        metadata=command.metadata,
        updated_at=now,
    )
    stored = work.record(subscription, EntryKind.SUBSCRIPTION_CREATED, order.actor, subscription=subscription)
    items = tuple(_added(work, order, stored.id, new) for new in command.items)
    return SubscriptionReply(work.need(Subscription, stored.id), items)


def gather_subscription(work: Work, order: Order, command: MoveSubscription | AddItem | ResetItem) -> Loads:
    """Read a subscription with its entitlements."""
    yield (Load(Kind.SUBSCRIPTIONS, (command.subscription_id,)),)
    yield (Load(Kind.SUBSCRIPTION_ITEMS, (command.subscription_id,)),)
    if isinstance(command, ResetItem):
        yield (Load(Kind.ITEMS, (command.item_id,)),)


def _items(work: Work, subscription_id: str) -> tuple[Item, ...]:
    items: tuple[Item, ...] = work.many(Kind.SUBSCRIPTION_ITEMS, subscription_id)
    return items


_MOVES = {
    SubscriptionVerb.PAUSE: (
        {SubscriptionStatus.ACTIVE},
        SubscriptionStatus.PAUSED,
        EntryKind.SUBSCRIPTION_PAUSED,
        "ENTITLEMENT_PAUSED",
    ),
    SubscriptionVerb.RESUME: (
        {SubscriptionStatus.PAUSED},
        SubscriptionStatus.ACTIVE,
        EntryKind.SUBSCRIPTION_RESUMED,
        "ENTITLEMENT_RESUMED",
    ),
    SubscriptionVerb.CANCEL: (
        {SubscriptionStatus.ACTIVE, SubscriptionStatus.PAUSED},
        SubscriptionStatus.CANCELLED,
        EntryKind.SUBSCRIPTION_CANCELLED,
        None,
    ),
}


def move(work: Work, order: Order, command: MoveSubscription) -> SubscriptionReply:
    """Pause, resume or cancel. Raises ``Refusal`` from a state that does not allow it."""
    subscription = work.need(Subscription, command.subscription_id, order.tenant_id)
    allowed, status, kind, event_type = _MOVES[command.verb]
    if subscription.status not in allowed:
        raise Refusal(
            ErrorCode.SUBSCRIPTION_STATE_CONFLICT,
            f"subscription {subscription.id} is {subscription.status}, so you cannot {command.verb} it",
        )
    changed = replace(subscription, status=status, updated_at=work.now_of(subscription))
    stored = work.record(changed, kind, order.actor, subscription=changed)
    items = _items(work, stored.id)
    for item in items:
        if event_type is not None:
            work.tell(item.tenant_id, duties.item_notice(event_type, item, stored, work))
    return SubscriptionReply(stored, items)


def add_item(work: Work, order: Order, command: AddItem) -> ItemReply:
    """Add an entitlement. Raises ``Refusal`` on a cancelled subscription."""
    subscription = work.need(Subscription, command.subscription_id, order.tenant_id)
    if subscription.status is SubscriptionStatus.CANCELLED:
        raise Refusal(
            ErrorCode.SUBSCRIPTION_STATE_CONFLICT,
            f"subscription {subscription.id} is cancelled, so you cannot add to it",
        )
    return ItemReply(_added(work, order, subscription.id, command.item))


def _added(work: Work, order: Order, subscription_id: str, new: NewItem) -> Item:
    subscription = work.need(Subscription, subscription_id)
    now = work.now_of(subscription)
    anchor = new.anchor_day if new.anchor_day is not None else min(moment(now).day, ANCHOR_DAY_MAX)
    item = Item(
        id=work.ids.id(now),
        tenant_id=subscription.tenant_id,
        subscription_id=subscription.id,
        name=new.name,
        unit=new.unit,
        limit=new.limit,
        created_at=now,
        renewal_period=new.renewal_period,
        next_renewal_at=next_renewal(now, new.renewal_period, anchor),
        anchor_day=anchor,
        overage=new.overage,
        warn_at_percentage=new.warn_at_percentage,
    )
    work.record(subscription, EntryKind.ITEM_ADDED, order.actor, item=item)
    work.put(item)
    return item


def reset_item(work: Work, order: Order, command: ResetItem) -> ItemReply:
    """Start the period's consumption from zero; the renewal date stays. Raises ``Refusal``."""
    subscription = work.need(Subscription, command.subscription_id, order.tenant_id)
    item = work.need(Item, command.item_id, order.tenant_id)
    if item.subscription_id != subscription.id:
        raise Refusal(ErrorCode.NOT_FOUND, f"there is no entitlement {command.item_id!r}")
    changed = item.state is not ItemState.NORMAL
    fresh = replace(
        item,
        balance=Balance(),
        period=item.period + 1,
        revision=item.revision + 1,
        state=ItemState.NORMAL,
        state_since=work.now if changed else item.state_since,
    )
    work.record(subscription, EntryKind.ITEM_RESET, order.actor, item=fresh)
    work.put(fresh)
    return ItemReply(fresh)


def gather_sweep(work: Work, order: Order, command: SweepItem) -> Loads:
    """Read an entitlement and its subscription."""
    yield (Load(Kind.ITEMS, (command.item_id,)),)
    item = work.get(Item, command.item_id)
    if item is not None:
        yield (Load(Kind.SUBSCRIPTIONS, (item.subscription_id,)),)


def sweep(work: Work, order: Order, command: SweepItem) -> SweepReply:
    """Renew one entitlement if it is due: as many periods as have passed."""
    return SweepReply(renewed=int(duties.renew(work, command.item_id)))
