"""
Where time, ids, chance and hashes come from.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from figuard.domain.instants import Instant


class Clock(Protocol):
    """Where the time comes from."""

    def now(self) -> Instant:
        """Return the present instant. It may jump; the books never run backwards all the same."""
        ...


class Ids(Protocol):
    """Where ids and secrets come from."""

    def id(self, now: Instant) -> str:
        """Return a new id: 36 characters of lower-case UUID text that sort by *now*."""
        ...

    def secret(self) -> str:
        """Return 256 bits of chance as 43 characters of [A-Za-z0-9_-]."""
        ...


class Hasher(Protocol):
    """How a secret is turned into what is stored of it."""

    def hash(self, secret: str) -> str:
        """Return the HMAC-SHA256 of a secret under the current pepper as ``<pepper id>:<hex>``."""
        ...

    def candidates(self, secret: str) -> Iterable[str]:
        """Return the hashes under every pepper still accepted, newest first."""
        ...
