"""
Signing: the headers that tell a receiver who sent a notice, unchanged, and when.

Two signatures travel side by side. ``X-Webhook-Signature`` signs the body alone, as it always has. The Standard
Webhooks headers sign id, time and body together, so a captured notice cannot be sent again later.
"""

from __future__ import annotations

import hmac
from base64 import b64decode, b64encode
from binascii import Error as Base64Error

SECRET_PREFIX = "whsec_"
"""What a secret of the Standard Webhooks form starts with; the rest is base64 of the key."""


def headers_of(event_type: str, delivery_id: str, body: bytes, secret: str, sent_at: int) -> dict[str, str]:
    """
    Return the headers of one notice.

    *body* is exactly what will be sent, *sent_at* is in whole seconds since 1970. The id stays the same when a notice
    is sent again, so that a receiver can tell a repeat from news.
    """
    return {
        "Content-Type": "application/json",
        "X-Webhook-Event": event_type,
        "X-Webhook-Signature": body_signature(body, secret),
        "X-FiGuard-Delivery": delivery_id,
        "X-FiGuard-Timestamp": str(sent_at),
        "webhook-id": delivery_id,
        "webhook-timestamp": str(sent_at),
        "webhook-signature": message_signature(delivery_id, sent_at, body, secret),
    }


def body_signature(body: bytes, secret: str) -> str:
    """Return ``sha256=`` and the hex HMAC-SHA256 of the raw body under the secret's own characters."""
    return f"sha256={hmac.digest(secret.encode(), body, 'sha256').hex()}"


def message_signature(message_id: str, sent_at: int, body: bytes, secret: str) -> str:
    """Return ``v1,`` and the base64 HMAC-SHA256 of ``id.timestamp.body``, as Standard Webhooks has it."""
    content = f"{message_id}.{sent_at}.".encode() + body
    return f"v1,{b64encode(hmac.digest(_key(secret), content, 'sha256')).decode()}"


def _key(secret: str) -> bytes:
    """Return the key of a secret: what a ``whsec_`` secret encodes, or the characters of any other."""
    if secret.startswith(SECRET_PREFIX):
        encoded = secret.removeprefix(SECRET_PREFIX)
        try:
            key = b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
        except (Base64Error, ValueError):
            # It only looks like one: then its characters are the key, as they are of every other secret.
            key = b""
        if key:
            return key
    return secret.encode()
