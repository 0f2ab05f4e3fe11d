"""
What every part of the asyncio client stands on: a session, and the one way to run an operation.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from types import TracebackType
from typing import Self, TypeVar

from figuard.client.base import ClientBase
from figuard.client.hands import AsyncHands
from figuard.client.ops.arguments import given
from figuard.client.ops.fallback import reconciling
from figuard.client.ops.paging import Pages
from figuard.client.steps import Steps, follow

__all__ = ["Caller", "Core", "given"]

T = TypeVar("T")


class Caller:
    """Runs operations that only call methods of asyncio clients."""

    async def _run(self, steps: Steps[T]) -> T:
        return await follow(steps, AsyncHands())


class Core(ClientBase[AsyncHands]):
    """A client that is awaited, and never blocks the event loop."""

    async def _run(self, steps: Steps[T]) -> T:
        return await follow(reconciling(self._session, steps), self._hands)

    async def _iterate(self, pages: Pages[T]) -> AsyncIterator[T]:
        while pages.has_next:
            for record in await self._run(pages.turn()):
                yield record

    async def close(self) -> None:
        """Release connections and files. Harmless twice; a client made by ``with_options`` shares them."""
        await self._hands.close()
        self._close_fallbacks()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
