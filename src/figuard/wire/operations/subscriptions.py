"""
The operations on subscriptions and their entitlements.
"""

from __future__ import annotations

from http import HTTPStatus

from figuard.domain.commands import SubscriptionVerb
from figuard.wire import requests as q
from figuard.wire import responses as r
from figuard.wire.operations.base import Operation, get, post
from figuard.wire.parse import subscriptions as parse
from figuard.wire.render import subscriptions as render

ONE = "/subscriptions/{subscriptionId}"
ITEM = ONE + "/entitlements/{itemId}"


def _move(verb: SubscriptionVerb, summary: str) -> Operation:
    return post(
        f"{verb}_subscription",
        f"{ONE}/{verb}",
        summary,
        None,
        r.SubscriptionResponse,
        parse.move(verb),
        render.subscription,
    )


SUBSCRIPTIONS = (
    get(
        "list_subscriptions",
        "/subscriptions",
        "List subscriptions, newest first.",
        list[r.SubscriptionResponse],
        parse.find,
        render.subscriptions,
    ),
    post(
        "create_subscription",
        "/subscriptions",
        "Register a subscriber, with entitlements or without.",
        q.CreateSubscriptionRequest,
        r.SubscriptionResponse,
        parse.create,
        render.subscription,
        status=HTTPStatus.CREATED,
    ),
    get(
        "get_subscription",
        ONE,
        "Read one subscription.",
        r.SubscriptionResponse,
        parse.get,
        render.subscription,
    ),
    get(
        "get_subscription_by_subscriber",
        "/subscriptions/by-subscriber/{externalSubscriberId}",
        "Read a subscription by the id that its subscriber has outside.",
        r.SubscriptionResponse,
        parse.get_by_subscriber,
        render.subscription,
    ),
    _move(SubscriptionVerb.PAUSE, "Pause a subscription: its budgets answer 402."),
    _move(SubscriptionVerb.RESUME, "Let a paused subscription go on."),
    _move(SubscriptionVerb.CANCEL, "End a subscription for good."),
    get(
        "list_entitlements",
        ONE + "/entitlements",
        "List the entitlements of a subscription.",
        list[r.EntitlementResponse],
        parse.get,
        render.entitlements,
    ),
    post(
        "add_entitlement",
        ONE + "/entitlements",
        "Add a quota per period to a subscription.",
        q.EntitlementRequest,
        r.EntitlementResponse,
        parse.add_item,
        render.entitlement,
        status=HTTPStatus.CREATED,
    ),
    get(
        "get_entitlement",
        ITEM,
        "Read one entitlement.",
        r.EntitlementResponse,
        parse.get_item,
        render.entitlement,
    ),
    post(
        "reset_entitlement",
        ITEM + "/reset",
        "Start an entitlement's consumption from zero; the renewal date stays.",
        None,
        r.EntitlementResponse,
        parse.reset_item,
        render.entitlement,
    ),
)
"""Subscriptions and quotas."""
