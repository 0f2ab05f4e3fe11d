"""
The world outside: a shop whose every sale is seen, so that a body that should not have run cannot hide.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

BROKEN = "broken"
"""The item whose sale raises."""
_TOGETHER_SECONDS = 5


class Shop:
    """
    Sells things and notes each one.

    ``together`` makes sales wait for each other: so many must be under way at once before any goes on, which only
    calls that really run in parallel can reach. It is a limit of time too: alone, a sale raises.
    """

    def __init__(self, together: int = 1) -> None:
        self.sold: list[str] = []
        self._together = together
        self._barrier = threading.Barrier(together)
        self._waiting = 0
        self._complete = asyncio.Event()
        self._lock = threading.Lock()

    def buy(self, item: str, price: float) -> str:
        """Sell an item. Raises ``RuntimeError`` for the broken one."""
        with self._sale(item):
            self._barrier.wait(_TOGETHER_SECONDS)
            return self._receipt(item, price)

    async def buy_async(self, item: str, price: float) -> str:
        """Sell an item to one who awaits it. Raises as ``buy`` does."""
        with self._sale(item):
            self._waiting += 1
            if self._waiting == self._together:
                self._complete.set()
            await asyncio.wait_for(self._complete.wait(), _TOGETHER_SECONDS)
            return self._receipt(item, price)

    @contextmanager
    def _sale(self, item: str) -> Iterator[None]:
        with self._lock:
            self.sold.append(item)
        yield

    @staticmethod
    def _receipt(item: str, price: float) -> str:
        if item == BROKEN:
            raise RuntimeError("the till is on fire")
        return f"sold {item} for {price}"
