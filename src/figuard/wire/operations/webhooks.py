"""
The operations on webhooks and what was delivered to them.
"""

from __future__ import annotations

from http import HTTPStatus

from figuard.domain.admin import KeyScope
from figuard.wire import requests as q
from figuard.wire import responses as r
from figuard.wire.operations.base import get, post
from figuard.wire.parse import webhooks as parse
from figuard.wire.render import webhooks as render

ADMIN = KeyScope.ADMIN

WEBHOOKS = (
    post(
        "create_webhook",
        "/webhooks",
        "Subscribe an HTTPS address to notices.",
        q.CreateWebhookRequest,
        r.WebhookResponse,
        parse.create,
        render.webhook,
        scope=ADMIN,
        status=HTTPStatus.CREATED,
    ),
    get(
        "list_webhooks",
        "/webhooks",
        "List webhooks.",
        list[r.WebhookResponse],
        parse.find,
        render.webhooks,
    ),
    post(
        "delete_webhook",
        "/webhooks/{webhookId}",
        "Unsubscribe an address; the evidence of past deliveries stays.",
        None,
        None,
        parse.delete,
        render.nothing,
        scope=ADMIN,
        method="DELETE",
        status=HTTPStatus.NO_CONTENT,
    ),
    get(
        "get_webhook_deliveries",
        "/webhooks/{webhookId}/deliveries",
        "List the deliveries of one webhook, newest first.",
        list[r.DeliveryResponse],
        parse.deliveries_of_one,
        render.deliveries,
        query=("size",),
    ),
    get(
        "get_all_deliveries",
        "/webhooks/deliveries",
        "List the deliveries of all webhooks, newest first.",
        list[r.DeliveryResponse],
        parse.deliveries,
        render.deliveries,
        query=("status", "eventType", "since", "size"),
    ),
    get(
        "get_failed_delivery_count",
        "/webhooks/deliveries/failed-count",
        "Count the deliveries that were given up.",
        r.FailedCountResponse,
        parse.count_failed,
        render.failed_count,
    ),
    post(
        "retry_delivery",
        "/webhooks/deliveries/{deliveryId}/retry",
        "Send a delivery that was given up once more.",
        None,
        None,
        parse.retry,
        render.nothing,
        status=HTTPStatus.ACCEPTED,
    ),
    # Asks for the webhook only; whoever drives the operation sends the notice and hands ``render`` what came back.
    post(
        "test_webhook",
        "/webhooks/{webhookId}/test",
        "Send a test notice now and report what the address answered.",
        None,
        r.WebhookTestResponse,
        parse.get,
        render.tested,
        idempotent=True,
    ),
)
"""Webhooks and deliveries."""
