"""
What every part of the blocking client stands on: a session, and the one way to run an operation.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import TracebackType
from typing import Self, TypeVar

from figuard.client.base import ClientBase
from figuard.client.hands import BlockingHands
from figuard.client.ops.arguments import given
from figuard.client.ops.fallback import reconciling
from figuard.client.ops.paging import Pages
from figuard.client.steps import Steps

__all__ = ["Caller", "Core", "given"]

T = TypeVar("T")


class Caller:
    """Runs operations that only call methods of blocking clients."""

    def _run(self, steps: Steps[T]) -> T:
        return BlockingHands().follow(steps)


class Core(ClientBase[BlockingHands]):
    """A client that blocks until an answer is there."""

    def _run(self, steps: Steps[T]) -> T:
        return self._hands.follow(reconciling(self._session, steps))

    def _iterate(self, pages: Pages[T]) -> Iterator[T]:
        while pages.has_next:
            yield from self._run(pages.turn())

    def close(self) -> None:
        """Release connections and files. Harmless twice; a client made by ``with_options`` shares them."""
        self._hands.close()
        self._close_fallbacks()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
