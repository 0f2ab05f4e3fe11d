"""
Secrets at rest: AES-256-GCM, written as ``enc2:`` and base64 of nonce, ciphertext and tag.

The tenant and the webhook go into the tag, so a text that somebody has moved to another row does not open there. What
was written as ``enc:``, before that was so, still opens.
"""

from __future__ import annotations

import os
from base64 import b64decode, b64encode
from binascii import Error as Base64Error

PREFIX = "enc2:"
OLD_PREFIX = "enc:"
KEY_BYTES = 32
SECRET_KEY_META = "webhook_secret_key"
"""Under what name a store keeps the key that a server made for itself, when none was configured."""
NONCE_BYTES = 12


class SecretBox:
    """Seals and opens short texts under one key. Safe to share between threads."""

    def __init__(self, key: bytes) -> None:
        """Take a key of 32 bytes. Raises ``ValueError`` for another length, ``ImportError`` without the library."""
        # It comes with the server; what stands here is used without one too.
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        if len(key) != KEY_BYTES:
            raise ValueError(f"the key must have {KEY_BYTES} bytes, it has {len(key)}")
        self._cipher = AESGCM(key)

    def seal(self, secret: str, tenant_id: str, webhook_id: str) -> str:
        """Return the text to store instead of the *secret* of that webhook; never the same twice."""
        nonce = os.urandom(NONCE_BYTES)
        sealed = self._cipher.encrypt(nonce, secret.encode(), _owner(tenant_id, webhook_id))
        return PREFIX + b64encode(nonce + sealed).decode()

    def open(self, stored: str, tenant_id: str, webhook_id: str) -> str:
        """Return the secret behind the text stored for a webhook; one that is not sealed is plain. ``ValueError``."""
        if not is_sealed(stored):
            return stored
        from cryptography.exceptions import InvalidTag

        prefix, owner = (PREFIX, _owner(tenant_id, webhook_id)) if stored.startswith(PREFIX) else (OLD_PREFIX, None)
        try:
            sealed = b64decode(stored.removeprefix(prefix), validate=True)
            return self._cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], owner).decode()
        except (Base64Error, InvalidTag, ValueError) as error:
            raise ValueError(
                "a stored secret cannot be opened; is the webhook secret key the one it was made with?"
            ) from error


def is_sealed(stored: str) -> bool:
    """Return whether a stored text hides a secret."""
    return stored.startswith((PREFIX, OLD_PREFIX))


def _owner(tenant_id: str, webhook_id: str) -> bytes:
    return f"{tenant_id}\0{webhook_id}".encode()


def decoded_key(text: str) -> bytes:
    """Return the key that base64 text stands for. Raises ``ValueError`` unless it is 32 bytes."""
    try:
        key = b64decode(text, validate=True)
    except (Base64Error, ValueError):
        key = b""
    if len(key) != KEY_BYTES:
        raise ValueError(f"must be base64 of exactly {KEY_BYTES} bytes")
    return key


def new_key() -> str:
    """Return a new key as base64: 256 bits of chance."""
    return b64encode(os.urandom(KEY_BYTES)).decode()
