"""
Request bodies around webhooks.
"""

from __future__ import annotations

from typing import ClassVar

from figuard.wire.requests.base import RequestBody


class CreateWebhookRequest(RequestBody, kw_only=True):
    """
    Subscribe an HTTPS address to notices. (``POST /webhooks``)

    ``secret`` (16 characters or more) signs what is sent and is never shown again.
    """

    url: str | None = None
    secret: str | None = None
    events: list[str] | None = None

    required: ClassVar[tuple[str, ...]] = ("url", "secret", "events")
