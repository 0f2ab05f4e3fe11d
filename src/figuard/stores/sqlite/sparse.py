"""
Statements for rows that have gaps: where a value is None, NULL is written into the statement instead of being bound.

The driver takes numbers and texts as they are and looks for an adapter of everything else, every time: a None costs as
much as four texts, and an event has half a dozen of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from operator import itemgetter
from typing import Any

from figuard.stores.tables import Read

Row = tuple[Any, ...]


class Sparse:
    """A statement with bare placeholders, and the places among its values that are often None."""

    def __init__(self, text: str, places: Sequence[int] = ()) -> None:
        """Take a statement; a None in any other place than *places* is bound like any value."""
        self.text = text
        self._places = tuple(places)
        self._fitted: dict[tuple[int, ...], tuple[str, Read]] = {}

    def fitted(self, row: Row) -> tuple[str, Row]:
        """Return the statement for a row, and the values to bind."""
        if not self._places:
            return self.text, row
        gaps = tuple([place for place in self._places if row[place] is None])
        if not gaps:
            return self.text, row
        text, present = self._fitted.get(gaps) or self._fit(gaps, len(row))
        return text, present(row)

    def grouped(self, rows: Iterable[Row]) -> Iterable[tuple[str, list[Row]]]:
        """Yield the statements for several rows, each with all that it is for."""
        groups: dict[str, list[Row]] = {}
        for row in rows:
            text, values = self.fitted(row)
            groups.setdefault(text, []).append(values)
        return groups.items()

    def _fit(self, gaps: tuple[int, ...], length: int) -> tuple[str, Read]:
        """Return the statement for rows with these gaps, of which there are few kinds, and what reads the rest."""
        head, *tails = self.text.split("?")
        marks = ("NULL" if place in gaps else "?" for place in range(length))
        text = head + "".join([mark + tail for mark, tail in zip(marks, tails, strict=True)])
        present = [place for place in range(length) if place not in gaps]
        # A getter of one place would return the value itself.
        read: Read = itemgetter(*present) if len(present) > 1 else lambda row: tuple([row[place] for place in present])
        self._fitted[gaps] = (text, read)
        return text, read
