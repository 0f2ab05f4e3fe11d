"""
Session tokens that were hashed under an older pepper.

A request hashes its tokens under the newest pepper. Only when that opens nothing, and there are older peppers, is the
token looked up under those too, and the request handled once more with the hash that is known.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping

from figuard.domain.tokens import Token
from figuard.engine.async_engine import AsyncEngine
from figuard.host import PepperHasher
from figuard.ports import GetRecords, Kind

KNOWN_MAX = 10_000
"""How many tokens under older peppers a process remembers."""


class AgedHasher:
    """Hashes under the newest pepper, but for the tokens it has learnt to be stored under an older one."""

    def __init__(self, hasher: PepperHasher) -> None:
        """Take the peppers."""
        self._hasher = hasher
        self._older: OrderedDict[str, str] = OrderedDict()
        self.has_older = len(tuple(hasher.candidates(""))) > 1
        """Whether there are older peppers at all."""

    def hash(self, secret: str) -> str:
        """Return the hash under which the store knows the token, as far as that is known here."""
        newest = self._hasher.hash(secret)
        return self._older.get(newest, newest) if self.has_older else newest

    def candidates(self, secret: str) -> Iterable[str]:
        """As ``PepperHasher.candidates``."""
        return self._hasher.candidates(secret)

    async def learn(self, engine: AsyncEngine, secrets: Iterable[str]) -> bool:
        """Look tokens up under the older peppers; return whether one was found that was not known before."""
        if not self.has_older:
            return False
        learnt = False
        for secret in secrets:
            newest, *older = self._hasher.candidates(secret)
            if newest in self._older:
                continue
            found: Mapping[str, Token] = await engine.query(GetRecords(Kind.TOKENS_BY_HASH, tuple(older)))
            known = next((one for one in older if one in found), None)
            if known is not None:
                self._older[newest] = known
                learnt = True
        while len(self._older) > KNOWN_MAX:
            self._older.popitem(last=False)
        return learnt
