"""
From replies and views of webhooks to response structs. Secrets never leave.
"""

from __future__ import annotations

from typing import Protocol

from figuard.domain.admin import Delivery, Webhook
from figuard.domain.replies import WebhookReply
from figuard.domain.views import CountView, DeliveriesView, WebhooksView
from figuard.wire.context import Context
from figuard.wire.render.common import time_text, when
from figuard.wire.responses import (
    DeliveryResponse,
    FailedCountResponse,
    WebhookResponse,
    WebhookTestResponse,
)


def webhook(reply: WebhookReply, _: Context) -> WebhookResponse:
    """Return the webhook."""
    return _webhook(reply.webhook)


def webhooks(view: WebhooksView, _: Context) -> list[WebhookResponse]:
    """Return several webhooks."""
    return [_webhook(one) for one in view.webhooks]


def _webhook(webhook: Webhook) -> WebhookResponse:
    return WebhookResponse(
        id=webhook.id,
        url=webhook.url,
        events=list(webhook.events),
        active=webhook.deleted_at is None,
        created_at=time_text(webhook.created_at),
    )


def deliveries(view: DeliveriesView, _: Context) -> list[DeliveryResponse]:
    """Return deliveries."""
    return [_delivery(one) for one in view.deliveries]


def _delivery(delivery: Delivery) -> DeliveryResponse:
    return DeliveryResponse(
        id=delivery.id,
        webhook_config_id=delivery.webhook_id,
        target_url=delivery.url,
        event_type=delivery.event_type,
        status=delivery.status.value,
        response_status=delivery.response_status,
        response_body=delivery.response_body,
        error_message=delivery.error_message,
        payload=delivery.payload,
        attempt_count=delivery.attempts,
        next_attempt_at=when(delivery.due_at),
        delivered_at=when(delivery.delivered_at),
        created_at=time_text(delivery.created_at),
    )


def failed_count(view: CountView, _: Context) -> FailedCountResponse:
    """Return how many deliveries were given up."""
    return FailedCountResponse(failed_count=view.count)


class Sent(Protocol):
    """What became of one notice; whoever sends it says so in these words."""

    @property
    def response_status(self) -> int | None:
        """The receiver's HTTP status, if it answered."""
        ...

    @property
    def response_body(self) -> str | None:
        """The start of what it answered."""
        ...

    @property
    def error_message(self) -> str | None:
        """Why it was no success."""
        ...


class Attempted(Sent, Protocol):
    """The same of a test notice, judged and timed."""

    @property
    def success(self) -> bool:
        """Whether the receiver took it."""
        ...

    @property
    def duration_ms(self) -> int:
        """How long it took."""
        ...


def tested(result: Attempted, _: Context) -> WebhookTestResponse:
    """Return what a test notice came to."""
    return WebhookTestResponse(
        success=result.success,
        response_status=result.response_status,
        response_body=result.response_body,
        duration_ms=result.duration_ms,
        error_message=result.error_message,
    )


def nothing(_result: object, _context: Context) -> None:
    """Return no body."""
