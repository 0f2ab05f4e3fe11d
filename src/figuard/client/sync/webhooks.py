"""
Webhooks: who is told of what, and what became of each notice.
"""

from __future__ import annotations

from collections.abc import Sequence

from figuard.client.expiry import ExpiresAt
from figuard.client.models import WebhookConfig, WebhookDelivery, WebhookTestResult
from figuard.client.ops import webhooks as ops
from figuard.client.sync.core import Core


class Webhooks(Core):
    """What can be done with webhooks."""

    def create_webhook(self, url: str, secret: str, events: Sequence[str]) -> WebhookConfig:
        """
        Send notices of these event types to an address. ``secret`` (16 characters or more) signs them.

        422 for an address that is not public. See ``verify_webhook`` for the receiving side.
        """
        return self._run(ops.create(self._session, url, secret, events))

    def list_webhooks(self) -> list[WebhookConfig]:
        """Return all webhooks, without their secrets."""
        return self._run(ops.list_all(self._session))

    def delete_webhook(self, webhook_id: str) -> None:
        """Send no more notices to a webhook."""
        return self._run(ops.delete(self._session, webhook_id))

    def get_webhook_deliveries(self, webhook_id: str) -> list[WebhookDelivery]:
        """Return what was sent to a webhook, newest first."""
        return self._run(ops.deliveries_of(self._session, webhook_id))

    def get_all_deliveries(
        self, status: str | None = None, event_type: str | None = None, since: ExpiresAt | None = None
    ) -> list[WebhookDelivery]:
        """Return what was sent to all webhooks, newest first. ``status`` is PENDING, DELIVERED or FAILED."""
        return self._run(ops.deliveries(self._session, status=status, event_type=event_type, since=since))

    def get_failed_delivery_count(self) -> int:
        """Return how many notices were given up."""
        return self._run(ops.failed_count(self._session))

    def retry_delivery(self, delivery_id: str) -> None:
        """Send a notice that was given up once more. 409 for any other."""
        return self._run(ops.retry(self._session, delivery_id))

    def test_webhook(self, webhook_id: str) -> WebhookTestResult:
        """Send a test notice now and return what the address answered. It is not recorded."""
        return self._run(ops.test(self._session, webhook_id))
