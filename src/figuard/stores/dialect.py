"""
The small differences between SQL databases, and the pieces that statements are put together from.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from figuard.domain.valueclass import valueclass

Rows = Sequence[Sequence[Any]]


@valueclass
class Statement:
    """SQL with numbered parameters, and their values."""

    text: str
    values: tuple[Any, ...]


def sql(*words: str) -> str:
    """Return words of SQL as one text; empty ones are left out."""
    return " ".join(word for word in words if word)


@dataclass(slots=True)
class Where:
    """Conditions that must all hold, with their values numbered in order."""

    parts: list[str] = field(default_factory=list[str])
    values: list[Any] = field(default_factory=list[Any])

    def add(self, condition: str, *values: Any) -> None:  # noqa: ANN401 - any value of a column
        """Add a condition in which each ``?`` stands for one of *values*."""
        self.parts.append(self.tail(condition, *values))

    def among(self, column: str, values: Sequence[Any]) -> None:
        """Add the condition that a column has one of *values*."""
        marks = ", ".join("?" for _ in values)
        self.add(f"{column} IN ({marks})", *values)

    def tail(self, text: str, *values: Any) -> str:  # noqa: ANN401 - any value of a column
        """Return text that stands after the conditions, with its ``?`` numbered on from theirs."""
        pieces = text.split("?")
        assert len(pieces) == len(values) + 1
        numbered = pieces[0]
        for piece, value in zip(pieces[1:], values, strict=True):
            self.values.append(value)
            numbered += f"?{len(self.values)}{piece}"
        return numbered

    @property
    def text(self) -> str:
        """The clause."""
        return sql("WHERE", " AND ".join(self.parts)) if self.parts else ""


@valueclass
class Dialect:
    """
    What a database writes its own way.

    ``contains`` is the condition that a column contains the parameter ``?``. ``sum`` is an exact sum, in as many
    columns as it takes; ``sum_descending`` sorts by it, and ``whole_sums`` makes whole numbers of those columns.
    """

    contains: Callable[[str], str]
    sum: Callable[[str], str]
    sum_descending: Callable[[str], str]
    whole_sums: Callable[[Sequence[Any]], tuple[int, ...]]
