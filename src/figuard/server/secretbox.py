"""
Secrets at rest: AES-256-GCM, written as ``enc:`` and base64 of nonce, ciphertext and tag.
"""

from __future__ import annotations

import os
from base64 import b64decode, b64encode
from binascii import Error as Base64Error

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

PREFIX = "enc:"
KEY_BYTES = 32
NONCE_BYTES = 12


class SecretBox:
    """Seals and opens short texts under one key. Safe to share between threads."""

    def __init__(self, key: bytes) -> None:
        """Take a key of 32 bytes. Raises ``ValueError`` for another length."""
        if len(key) != KEY_BYTES:
            raise ValueError(f"the key must have {KEY_BYTES} bytes, it has {len(key)}")
        self._cipher = AESGCM(key)

    def seal(self, secret: str) -> str:
        """Return the text to store instead of *secret*; never the same twice."""
        nonce = os.urandom(NONCE_BYTES)
        return PREFIX + b64encode(nonce + self._cipher.encrypt(nonce, secret.encode(), None)).decode()

    def open(self, stored: str) -> str:
        """Return the secret behind a stored text; one without ``enc:`` is plain. Raises ``ValueError``."""
        if not stored.startswith(PREFIX):
            return stored
        try:
            sealed = b64decode(stored.removeprefix(PREFIX), validate=True)
            return self._cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], None).decode()
        except (Base64Error, InvalidTag, ValueError) as error:
            raise ValueError(
                "a stored secret cannot be opened; is the webhook secret key the one it was made with?"
            ) from error


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
