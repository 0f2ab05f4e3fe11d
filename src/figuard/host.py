"""
The host's side of the ports: its clock, its source of chance, and how secrets are hashed.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import sys
import threading
import time
from collections.abc import Iterable
from functools import lru_cache, partial
from itertools import count
from struct import iter_unpack

from figuard.domain.instants import Instant

PEPPER_BYTES = 32
"""How many random bytes a generated pepper has."""
HASHES_KEPT = 10_000
"""How many secrets a hasher remembers the hash of."""
SECRET_KEPT_LENGTH_MAX = 512
"""How long a secret may be to be remembered: what fills the memory must not be for a caller to choose."""
_CHANCES = 256
"""How many ids' worth of chance is drawn at once."""


class SystemClock:
    """The machine's wall clock."""

    def now(self) -> Instant:
        """Return the present instant."""
        return time.time_ns() // 1000


# The two highest bits of this byte say that the layout is that of RFC 9562; the others are left to chance.
_VARIANT = bytes(0x80 | byte & 0x3F for byte in range(256))
# And four bits of this one the version: of chance throughout.
_VERSION_4 = bytes(0x40 | byte & 0x0F for byte in range(256))
_tails: list[str] = []
_uuids: list[str] = []
if sys.platform != "win32":
    # A child of a fork would otherwise give out the very ids that its parent is about to.
    os.register_at_fork(after_in_child=_tails.clear)
    os.register_at_fork(after_in_child=_uuids.clear)


def _chance() -> str:
    """Return the last 64 bits of an id, 62 of them at random: ``8f3a-0123456789ab``."""
    try:
        # One step for the interpreter, so that no two threads get the same.
        return _tails.pop()
    except IndexError:
        drawn = bytearray(os.urandom(8 * _CHANCES))
        drawn[::8] = drawn[::8].translate(_VARIANT)
        tail, *others = (eight.hex("-", 6) for (eight,) in iter_unpack("8s", drawn))
        _tails.extend(others)
        return tail


def random_uuid() -> str:
    """Return a UUID of version 4 (RFC 9562), which tells nothing but itself."""
    try:
        return _uuids.pop()
    except IndexError:
        drawn = bytearray(os.urandom(16 * _CHANCES))
        drawn[6::16] = drawn[6::16].translate(_VERSION_4)
        drawn[8::16] = drawn[8::16].translate(_VARIANT)
        uuid, *others = (
            f"{first.hex()}-{middle.hex('-', 2)}-{last.hex('-', 6)}"
            for first, middle, last in iter_unpack("4s4s8s", drawn)
        )
        _uuids.extend(others)
        return uuid


@lru_cache(16)
def _millis_text(millis: int) -> str:
    text = f"{millis:012x}"
    return f"{text[:8]}-{text[8:]}"


@lru_cache(0x1000)
def _count_text(number: int) -> str:
    return f"{number:03x}"


class RandomIds:
    """Ids as UUID version 7 (RFC 9562): they sort by time, so new rows land at the end of an index."""

    def __init__(self) -> None:
        """Start a sequence; ids of one millisecond are ordered by a counter."""
        self._mutex = threading.Lock()
        # Milliseconds and counter in one number, so that a full counter goes on in the next millisecond.
        self._ticks = count()

    def id(self, now: Instant) -> str:
        """Return a new id: 48 bits of milliseconds, 12 bits of counter, 62 bits of chance."""
        first = now // 1000 << 12
        # Taking the next number is one step, so threads meet at the mutex only when a millisecond begins.
        tick = next(self._ticks)
        if tick < first:
            tick = self._begun(first)
        return f"{_millis_text(tick >> 12)}-7{_count_text(tick & 0xFFF)}-{_chance()}"

    def _begun(self, first: int) -> int:
        """Return the first number of a millisecond, or the next one if another thread has begun it meanwhile."""
        with self._mutex:
            tick = next(self._ticks)
            if tick < first:
                tick, self._ticks = first, count(first + 1)
            return tick

    def secret(self) -> str:
        """Return 256 bits of chance as 43 characters."""
        return secrets.token_urlsafe(32)


class PepperHasher:
    """
    HMAC-SHA256 under a pepper with an id.

    Stolen rows alone do not let anyone test a guessed token. Older peppers stay accepted while they are listed, so
    a pepper can be replaced without a day on which every token is dead.

    The hashes of the secrets last seen are kept in memory, beside the secrets: whoever can read that memory reads the
    pepper too, and every secret on its way in. What a hash opens is kept nowhere here.
    """

    def __init__(self, peppers: Iterable[bytes]) -> None:
        """Take the peppers, newest first. Raises ``ValueError`` for none."""
        self._peppers = [(hashlib.sha256(pepper).hexdigest()[:8], pepper) for pepper in peppers]
        if not self._peppers:
            msg = "at least one pepper is needed"
            raise ValueError(msg)
        newest = self._peppers[0]
        self.remembered = lru_cache(HASHES_KEPT)(partial(self._hash, newest))
        """As ``hash``, for a secret that has the length of one."""

    def hash(self, secret: str) -> str:
        """Return ``<pepper id>:<hex>`` under the newest pepper."""
        if len(secret) > SECRET_KEPT_LENGTH_MAX:
            return self._hash(self._peppers[0], secret)
        return self.remembered(secret)

    def candidates(self, secret: str) -> Iterable[str]:
        """Return the hashes under every accepted pepper, newest first."""
        return tuple(self._hash(pepper, secret) for pepper in self._peppers)

    @staticmethod
    def _hash(pepper: tuple[str, bytes], secret: str) -> str:
        return f"{pepper[0]}:{hmac.digest(pepper[1], secret.encode(), 'sha256').hex()}"


def new_pepper() -> str:
    """Return a new pepper: 256 bits of chance as text."""
    return secrets.token_urlsafe(PEPPER_BYTES)
