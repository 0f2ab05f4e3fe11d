"""
Statements for records that have gaps: where a value is None, NULL is written into the statement instead of being bound.

The driver takes numbers and texts as they are and looks for an adapter of everything else, every time: a None costs as
much as four texts, and an event has half a dozen of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from figuard.stores.tables import Read, row_reader

Row = tuple[Any, ...]
Written = tuple[Any, str]
"""A record, and its JSON."""


class Sparse:
    """A statement with bare placeholders: one for a record's JSON, then one for each of the columns read from it."""

    def __init__(self, text: str, reads: Sequence[str | Read], places: Sequence[int] = ()) -> None:
        """Take a statement and how its columns are read; *places* are those of *reads* that are often None."""
        self.text = text
        self._reads = reads
        self._places = places
        self._full = (text, row_reader(reads))
        # What is read of a record is what there is of it, so that nothing is read to be left out.
        self._gaps = row_reader([reads[place] for place in places], "{} is None") if places else None
        self._fitted: dict[tuple[bool, ...], tuple[str, Read]] = {}

    def fitted(self, written: Written) -> tuple[str, Row]:
        """Return the statement for a record, and the values to bind."""
        record, data = written
        if self._gaps is None:
            text, read = self._full
        else:
            gaps = self._gaps(record)
            text, read = self._fitted.get(gaps) or self._fit(gaps)
        return text, (data, *read(record))

    def grouped(self, written: Iterable[Written]) -> Iterable[tuple[str, list[Row]]]:
        """Yield the statements for several records, each with all that it is for."""
        groups: dict[str, list[Row]] = {}
        for one in written:
            text, values = self.fitted(one)
            groups.setdefault(text, []).append(values)
        return groups.items()

    def _fit(self, gaps: tuple[bool, ...]) -> tuple[str, Read]:
        """Return the statement for records with these gaps, of which there are few kinds, and what reads the rest."""
        empty = {place for place, is_gap in zip(self._places, gaps, strict=True) if is_gap}
        head, json_tail, *tails = self.text.split("?")
        marks = ("NULL" if place in empty else "?" for place in range(len(self._reads)))
        text = f"{head}?{json_tail}" + "".join([mark + tail for mark, tail in zip(marks, tails, strict=True)])
        fit = (text, row_reader([read for place, read in enumerate(self._reads) if place not in empty]))
        self._fitted[gaps] = fit
        return fit
