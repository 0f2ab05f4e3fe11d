"""
From a request about subscriptions to its command or question. The server's words and the SDK's mean the same.
"""

from __future__ import annotations

from collections.abc import Callable

from figuard.domain.codes import ErrorCode
from figuard.domain.commands import (
    AddItem,
    CreateSubscription,
    MoveSubscription,
    NewItem,
    ResetItem,
    SubscriptionVerb,
)
from figuard.domain.entitlements import ItemPolicy, RenewalPeriod
from figuard.domain.questions import GetItem, GetSubscription, ListSubscriptions
from figuard.domain.refusal import Refusal
from figuard.wire import limits
from figuard.wire.context import Call, Context
from figuard.wire.parse import fields
from figuard.wire.parse.fields import Faults
from figuard.wire.parse.path import path_id
from figuard.wire.requests import CreateSubscriptionRequest, EntitlementRequest

UNIT_DEFAULT = "units"
"""What a quota is counted in when no unit is named (the SDK names none)."""
ITEM_UNIT_LENGTH_MAX = 30
"""How many characters the unit of a quota may have."""
ANCHOR_DAY_MAX = 28
"""The latest day of the month on which a quota may renew: every month has it."""
WARN_PERCENTAGE_MAX = 99
"""The highest percentage at which a quota warns: at 100 it is reached."""
WARN_PERCENTAGE_DEFAULT = 80
"""At which percentage a quota warns unless asked otherwise."""


def create(call: Call, _: Context) -> CreateSubscription:
    """Return the command. Raises ``Refusal``."""
    body: CreateSubscriptionRequest = call.body
    faults = Faults(call.faults or ())
    subscriber = fields.text(faults, "externalSubscriberId", body.external_subscriber_id)
    name = _either(faults, "name", body.name, "plan", body.plan)
    description = fields.optional_text(faults, "description", body.description, limits.DESCRIPTION_LENGTH_MAX)
    starts_name, starts = _given(
        faults, "subscriptionStartDate", body.subscription_start_date, "startsAt", body.starts_at
    )
    starts_at = fields.time(faults, starts_name, starts)
    items_name, given = _given(faults, "entitlementItems", body.entitlement_items, "entitlements", body.entitlements)
    period = fields.choice(faults, "renewalPeriod", body.renewal_period, RenewalPeriod, RenewalPeriod.MONTHLY)

    def item(inner: Faults, at: str, one: EntitlementRequest) -> NewItem:
        return _item(inner, f"{at}.", one, period)

    items = fields.things(faults, items_name, given, item, limits.ENTITLEMENTS_MAX, EntitlementRequest) or ()
    metadata = fields.metadata(faults, "metadata", body.metadata)
    faults.check()
    return CreateSubscription(
        external_subscriber_id=subscriber,
        name=name,
        renewal_period=period if body.renewal_period is not None or not items else items[0].renewal_period,
        starts_at=starts_at,
        description=description,
        items=items,
        metadata=metadata,
    )


def _given(faults: Faults, name: str, value: object, other: str, other_value: object) -> tuple[str, object]:
    """Return the name and value of whichever of two spellings was used."""
    if other_value is None:
        return name, value
    if value is not None and value != other_value:
        faults.add(other, f"means the same as {name} and must not differ from it")
    return other, other_value


def _either(faults: Faults, name: str, value: object, other: str, other_value: object) -> str:
    used, found = _given(faults, name, value, other, other_value)
    return fields.text(faults, used, found)


def _item(faults: Faults, prefix: str, body: EntitlementRequest, period: RenewalPeriod | None) -> NewItem:
    name = _either(faults, f"{prefix}name", body.name, f"{prefix}category", body.category)
    limit_name, limit = _given(
        faults, f"{prefix}limitQuantity", body.limit_quantity, f"{prefix}periodLimit", body.period_limit
    )
    if body.renewal_period is None and period is None:
        faults.add(f"{prefix}renewalPeriod", fields.REQUIRED)
    renewal = fields.choice(
        faults, f"{prefix}renewalPeriod", body.renewal_period, RenewalPeriod, period or RenewalPeriod.MONTHLY
    )
    warn_at = fields.whole(faults, f"{prefix}warnAtPercentage", body.warn_at_percentage, WARN_PERCENTAGE_MAX)
    return NewItem(
        name=name,
        unit=fields.optional_text(faults, f"{prefix}limitUnit", body.limit_unit, ITEM_UNIT_LENGTH_MAX) or UNIT_DEFAULT,
        limit=fields.amount(faults, limit_name, limit),
        renewal_period=renewal,
        anchor_day=fields.whole(faults, f"{prefix}renewalAnchorDay", body.renewal_anchor_day, ANCHOR_DAY_MAX),
        overage=fields.choice(faults, f"{prefix}overagePolicy", body.overage_policy, ItemPolicy, ItemPolicy.BLOCK),
        warn_at_percentage=warn_at or WARN_PERCENTAGE_DEFAULT,
    )


def add_item(call: Call, _: Context) -> AddItem:
    """Return the command. Raises ``Refusal``."""
    faults = Faults(call.faults or ())
    item = _item(faults, "", call.body, None)
    faults.check()
    return AddItem(_subscription_id(call), item)


def move(verb: SubscriptionVerb) -> Callable[[Call, Context], MoveSubscription]:
    """Return the parser of the operation that pauses, resumes or cancels."""

    def parse(call: Call, _: Context) -> MoveSubscription:
        return MoveSubscription(_subscription_id(call), verb)

    return parse


def reset_item(call: Call, _: Context) -> ResetItem:
    """Return the command. Raises ``Refusal``."""
    return ResetItem(_subscription_id(call), _item_id(call))


def find(_call: Call, _context: Context) -> ListSubscriptions:
    """Return the question."""
    return ListSubscriptions()


def get(call: Call, _: Context) -> GetSubscription:
    """Return the question. Raises ``Refusal``."""
    return GetSubscription(subscription_id=_subscription_id(call))


def get_by_subscriber(call: Call, _: Context) -> GetSubscription:
    """Return the question by the id that the subscriber has outside. Raises ``Refusal``."""
    subscriber = call.path["externalSubscriberId"]
    if len(subscriber) > limits.NAME_LENGTH_MAX or "\0" in subscriber:
        raise Refusal(ErrorCode.NOT_FOUND, f"there is no subscriber {subscriber[: limits.NAME_LENGTH_MAX]!r}")
    return GetSubscription(external_subscriber_id=subscriber)


def get_item(call: Call, _: Context) -> GetItem:
    """Return the question. Raises ``Refusal``."""
    return GetItem(_subscription_id(call), _item_id(call))


def _subscription_id(call: Call) -> str:
    return path_id(call, "subscriptionId", "subscription")


def _item_id(call: Call) -> str:
    return path_id(call, "itemId", "entitlement")
