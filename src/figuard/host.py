"""
The host's side of the ports: its clock, its source of chance, and how secrets are hashed.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import threading
import time
from collections.abc import Iterable

from figuard.domain.instants import Instant

PEPPER_BYTES = 32
"""How many random bytes a generated pepper has."""


class SystemClock:
    """The machine's wall clock."""

    def now(self) -> Instant:
        """Return the present instant."""
        return time.time_ns() // 1000


class RandomIds:
    """Ids as UUID version 7 (RFC 9562): they sort by time, so new rows land at the end of an index."""

    def __init__(self) -> None:
        """Start a sequence; ids of one millisecond are ordered by a counter."""
        self._mutex = threading.Lock()
        self._last = 0
        self._counter = 0

    def id(self, now: Instant) -> str:
        """Return a new id: 48 bits of milliseconds, 12 bits of counter, 62 bits of chance."""
        millis = now // 1000
        with self._mutex:
            if millis > self._last:
                self._last, self._counter = millis, 0
            else:
                self._counter += 1
                if self._counter > 0xFFF:  # noqa: PLR2004 - twelve bits
                    self._last, self._counter = self._last + 1, 0
            head = (self._last << 16) | 0x7000 | self._counter
        tail = int.from_bytes(os.urandom(8), "big") >> 2 | 0x8000000000000000
        text = f"{head:016x}{tail:016x}"
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"

    def secret(self) -> str:
        """Return 256 bits of chance as 43 characters."""
        return secrets.token_urlsafe(32)


class PepperHasher:
    """
    HMAC-SHA256 under a pepper with an id.

    Stolen rows alone do not let anyone test a guessed token. Older peppers stay accepted while they are listed, so
    a pepper can be replaced without a day on which every token is dead.
    """

    def __init__(self, peppers: Iterable[bytes]) -> None:
        """Take the peppers, newest first. Raises ``ValueError`` for none."""
        self._peppers = [(hashlib.sha256(pepper).hexdigest()[:8], pepper) for pepper in peppers]
        if not self._peppers:
            msg = "at least one pepper is needed"
            raise ValueError(msg)

    def hash(self, secret: str) -> str:
        """Return ``<pepper id>:<hex>`` under the newest pepper."""
        return self._hash(self._peppers[0], secret)

    def candidates(self, secret: str) -> Iterable[str]:
        """Return the hashes under every accepted pepper, newest first."""
        return tuple(self._hash(pepper, secret) for pepper in self._peppers)

    @staticmethod
    def _hash(pepper: tuple[str, bytes], secret: str) -> str:
        return f"{pepper[0]}:{hmac.digest(pepper[1], secret.encode(), 'sha256').hex()}"


def new_pepper() -> str:
    """Return a new pepper: 256 bits of chance as text."""
    return secrets.token_urlsafe(PEPPER_BYTES)
