"""
Webhooks and their deliveries.
"""

from __future__ import annotations

from collections.abc import Sequence

from figuard.client import decode
from figuard.client.expiry import ExpiresAt, moment_text
from figuard.client.models import WebhookConfig, WebhookDelivery, WebhookTestResult
from figuard.client.ops.arguments import strings
from figuard.client.session import Session, perform
from figuard.client.steps import Steps
from figuard.wire.requests import CreateWebhookRequest


def create(session: Session, url: str, secret: str, events: Sequence[str]) -> Steps[WebhookConfig]:
    """Subscribe an address to notices."""
    body = CreateWebhookRequest(url=url, secret=secret, events=strings(events, "events"))
    answer = yield from perform(session, "create_webhook", body=body)
    return decode.webhook(answer.value)


def list_all(session: Session) -> Steps[list[WebhookConfig]]:
    """Read all webhooks."""
    answer = yield from perform(session, "list_webhooks")
    return decode.webhooks(answer.value)


def delete(session: Session, webhook_id: str) -> Steps[None]:
    """Unsubscribe."""
    yield from perform(session, "delete_webhook", path={"webhookId": webhook_id})


def deliveries_of(session: Session, webhook_id: str) -> Steps[list[WebhookDelivery]]:
    """Read the deliveries of one webhook."""
    answer = yield from perform(session, "get_webhook_deliveries", path={"webhookId": webhook_id})
    return decode.deliveries(answer.value)


def deliveries(
    session: Session, *, status: str | None, event_type: str | None, since: ExpiresAt | None
) -> Steps[list[WebhookDelivery]]:
    """Read the deliveries of all webhooks."""
    query = {"status": status, "eventType": event_type, "since": moment_text(since)}
    answer = yield from perform(session, "get_all_deliveries", query=query)
    return decode.deliveries(answer.value)


def failed_count(session: Session) -> Steps[int]:
    """Count the deliveries that were given up."""
    answer = yield from perform(session, "get_failed_delivery_count")
    return answer.value.failed_count


def retry(session: Session, delivery_id: str) -> Steps[None]:
    """Send a dead letter once more."""
    yield from perform(session, "retry_delivery", path={"deliveryId": delivery_id})


def test(session: Session, webhook_id: str) -> Steps[WebhookTestResult]:
    """Send a test notice."""
    answer = yield from perform(session, "test_webhook", path={"webhookId": webhook_id})
    return decode.webhook_test(answer.value)
