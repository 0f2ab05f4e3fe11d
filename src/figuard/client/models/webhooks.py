"""
Webhooks as the client shows them.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class WebhookConfig:
    """A URL that is told of some types of events. Its secret is never shown again."""

    id: str
    url: str
    events: list[str]
    active: bool = True
    created_at: str | None = None


@dataclass(frozen=True, slots=True)
class WebhookDelivery:
    """One notice on its way. ``status`` is PENDING, DELIVERED or FAILED (given up, until retried by hand)."""

    id: str
    webhook_config_id: str | None = None
    event_type: str | None = None
    target_url: str | None = None
    status: str | None = None
    response_status: int | None = None
    response_body: str | None = None
    error_message: str | None = None
    attempt_count: int = 0
    created_at: str | None = None
    delivered_at: str | None = None
    payload: str | None = None
    next_attempt_at: str | None = None


@dataclass(frozen=True, slots=True)
class WebhookTestResult:
    """What the endpoint answered to a test notice."""

    success: bool
    response_status: int | None = None
    response_body: str | None = None
    error_message: str | None = None
    duration_ms: int | None = None
