"""
From a request about webhooks to its command or question.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from figuard.domain.admin import DeliveryStatus
from figuard.domain.commands import CreateWebhook, DeleteWebhook, RetryDelivery
from figuard.domain.notices import EVENT_TYPES
from figuard.domain.questions import CountFailedDeliveries, GetWebhook, ListDeliveries, ListWebhooks
from figuard.wire import limits
from figuard.wire.context import Call, Context
from figuard.wire.parse import fields
from figuard.wire.parse.fields import Faults
from figuard.wire.parse.path import path_id, query_choice, query_size, query_text, query_time
from figuard.wire.requests import CreateWebhookRequest

_KNOWN = frozenset(EVENT_TYPES)


def create(call: Call, _: Context) -> CreateWebhook:
    """
    Return the command, its secret as it was given. Raises ``Refusal``.

    Whether the address is safe to call is not judged here: that takes a look-up of its name.
    """
    body: CreateWebhookRequest = call.body
    faults = Faults(call.faults or ())
    url = fields.text(faults, "url", body.url, limits.WEBHOOK_URL_LENGTH_MAX)
    if url and not _is_web_address(url):
        faults.add("url", "must be a web address such as https://example.com/hook, without a user or a password")
    secret = fields.text(faults, "secret", body.secret, limits.WEBHOOK_SECRET_LENGTH_MAX)
    if secret and len(secret) < limits.WEBHOOK_SECRET_LENGTH_MIN:
        faults.add("secret", f"must be at least {limits.WEBHOOK_SECRET_LENGTH_MIN} characters, got {len(secret)}")
    events = fields.words(faults, "events", body.events)
    if not events:
        faults.add("events", fields.REQUIRED if events is None else "must not be empty")
    for index, event in enumerate(events or ()):
        if event not in _KNOWN:
            faults.add(f"events[{index}]", f"must be one of {', '.join(EVENT_TYPES)}, got {event!r}")
    faults.check()
    return CreateWebhook(url, secret, tuple(dict.fromkeys(events or ())))


def _is_web_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    if port == 0 or any(sign.isspace() or not sign.isprintable() for sign in url):
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and "@" not in parts.netloc


def delete(call: Call, _: Context) -> DeleteWebhook:
    """Return the command. Raises ``Refusal``."""
    return DeleteWebhook(_webhook_id(call))


def get(call: Call, _: Context) -> GetWebhook:
    """Return the question. Raises ``Refusal``."""
    return GetWebhook(_webhook_id(call))


def find(_call: Call, _context: Context) -> ListWebhooks:
    """Return the question."""
    return ListWebhooks()


def deliveries_of_one(call: Call, _: Context) -> ListDeliveries:
    """Return the question about one webhook's deliveries. Raises ``Refusal``."""
    return ListDeliveries(webhook_id=_webhook_id(call), size=query_size(call, limits.PAGE_SIZE_MAX))


def deliveries(call: Call, _: Context) -> ListDeliveries:
    """Return the question about all deliveries. Raises ``Refusal``."""
    return ListDeliveries(
        status=query_choice(call, "status", DeliveryStatus),
        event_type=query_text(call, "eventType"),
        since=query_time(call, "since"),
        size=query_size(call, limits.PAGE_SIZE_MAX),
    )


def count_failed(_call: Call, _context: Context) -> CountFailedDeliveries:
    """Return the question."""
    return CountFailedDeliveries()


def retry(call: Call, _: Context) -> RetryDelivery:
    """Return the command. Raises ``Refusal``."""
    return RetryDelivery(path_id(call, "deliveryId", "delivery"))


def _webhook_id(call: Call) -> str:
    return path_id(call, "webhookId", "webhook")
