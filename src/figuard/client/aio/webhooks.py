# Generated from src/figuard/client/sync/webhooks.py by tools/generate_async_client.py: change that file, then run
# `make generate`.
"""
Webhooks: who is told of what, and what became of each notice.
"""

from __future__ import annotations

from collections.abc import Sequence

from figuard.client.aio.core import Core
from figuard.client.expiry import ExpiresAt
from figuard.client.models import WebhookConfig, WebhookDelivery, WebhookTestResult
from figuard.client.ops import webhooks as ops


class Webhooks(Core):
    """What can be done with webhooks."""

    async def create_webhook(self, url: str, secret: str, events: Sequence[str]) -> WebhookConfig:
        """
        Send notices of these event types to an address. ``secret`` (16 characters or more) signs them.

        422 for an address that is not public. See ``verify_webhook`` for the receiving side.
        """
        return await self._run(ops.create(self._session, url, secret, events))

    async def list_webhooks(self) -> list[WebhookConfig]:
        """Return all webhooks, without their secrets."""
        return await self._run(ops.list_all(self._session))

    async def delete_webhook(self, webhook_id: str) -> None:
        """Send no more notices to a webhook."""
        return await self._run(ops.delete(self._session, webhook_id))

    async def get_webhook_deliveries(self, webhook_id: str) -> list[WebhookDelivery]:
        """Return what was sent to a webhook, newest first."""
        return await self._run(ops.deliveries_of(self._session, webhook_id))

    async def get_all_deliveries(
        self, status: str | None = None, event_type: str | None = None, since: ExpiresAt | None = None
    ) -> list[WebhookDelivery]:
        """Return what was sent to all webhooks, newest first. ``status`` is PENDING, DELIVERED or FAILED."""
        return await self._run(ops.deliveries(self._session, status=status, event_type=event_type, since=since))

    async def get_failed_delivery_count(self) -> int:
        """Return how many notices were given up."""
        return await self._run(ops.failed_count(self._session))

    async def retry_delivery(self, delivery_id: str) -> None:
        """Send a notice that was given up once more. 409 for any other."""
        return await self._run(ops.retry(self._session, delivery_id))

    async def test_webhook(self, webhook_id: str) -> WebhookTestResult:
        """Send a test notice now and return what the address answered. It is not recorded."""
        return await self._run(ops.test(self._session, webhook_id))
