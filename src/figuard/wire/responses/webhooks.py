"""
Response bodies around webhooks.
"""

from __future__ import annotations

from figuard.wire.responses.base import FullBody, SparseBody


class WebhookResponse(FullBody, kw_only=True):
    """A webhook; its secret is never shown."""

    id: str
    url: str
    events: list[str]
    active: bool = True
    created_at: str | None = None


class DeliveryResponse(SparseBody, kw_only=True):
    """One notice on its way to a webhook: PENDING, DELIVERED or FAILED (only a manual retry revives it)."""

    id: str
    webhook_config_id: str | None = None
    target_url: str | None = None
    event_type: str
    status: str
    response_status: int | None = None
    response_body: str | None = None
    error_message: str | None = None
    payload: str | None = None
    attempt_count: int
    next_attempt_at: str | None = None
    delivered_at: str | None = None
    created_at: str | None = None


class WebhookTestResponse(FullBody, kw_only=True):
    """What a webhook's address answered to a test notice, which is not recorded."""

    success: bool
    response_status: int | None = None
    response_body: str | None = None
    duration_ms: int
    error_message: str | None = None


class FailedCountResponse(FullBody, kw_only=True):
    """How many deliveries were given up."""

    failed_count: int
