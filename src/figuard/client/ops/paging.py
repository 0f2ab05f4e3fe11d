"""
Reading page after page, lazily: the next page is asked for when the last one is used up.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

from figuard.client.steps import Steps

T = TypeVar("T")


class Pages(Generic[T]):
    """Where a listing stands. *ask* is the operation that reads page number n, *records* takes out what it holds."""

    def __init__(self, ask: Callable[[int], Steps[Any]], records: Callable[[Any], Sequence[T]]) -> None:
        self._ask = ask
        self._records = records
        self._number = 0
        self.has_next = True

    def turn(self) -> Steps[Sequence[T]]:
        """Read the next page and return its records."""
        page = yield from self._ask(self._number)
        self._number += 1
        # An empty page ends it too, whatever the totals say: they may have shrunk while we were reading.
        records = self._records(page)
        self.has_next = page.has_next and bool(records)
        return records
