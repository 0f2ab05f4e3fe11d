"""
How single values are written: amounts as exact decimals, instants as ISO 8601 text, free members as copies.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import lru_cache
from typing import Any, TypeVar, cast

from figuard.domain import instants
from figuard.domain.amounts import decimal_of
from figuard.domain.instants import SECOND, Instant
from figuard.wire.responses import Page, Pageable

Record = TypeVar("Record")
Row = TypeVar("Row")

_REMEMBERED = 4096
"""How many amounts and instants are remembered: limits, zeros and the present come again in every answer."""

money: Callable[[int], Decimal] = lru_cache(_REMEMBERED)(decimal_of)
"""Return quanta as an exact decimal with at least two fraction digits."""


def optional_money(amount: int | None) -> Decimal | None:
    """Return quanta as an exact decimal; None stays None."""
    return None if amount is None else money(amount)


def _time_text(at: Instant) -> str:
    second, micros = divmod(at, SECOND)
    return f"{_second_text(second)}.{micros:06d}Z"


time_text: Callable[[Instant], str] = lru_cache(_REMEMBERED)(_time_text)
"""Return what ``instants.text`` does; the calendar is asked once a second."""


@lru_cache(_REMEMBERED)
def _second_text(second: int) -> str:
    return instants.text(second * SECOND).partition(".")[0]


def when(at: Instant | None) -> str | None:
    """Return an instant as ISO 8601 text in UTC; None stays None."""
    return None if at is None else time_text(at)


def metadata(stored: dict[str, Any] | None) -> dict[str, Any] | None:
    """
    Return free JSON members as a copy of their own; None stays None.

    In one process an answer goes to the caller as it is, and what that does to it must not reach what is stored.
    """
    return None if stored is None else {name: _copied(value) for name, value in stored.items()}


def _copied(value: Any) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(value, dict):
        return metadata(cast("dict[str, Any]", value))
    return [_copied(one) for one in cast("list[Any]", value)] if isinstance(value, list) else value


def page(records: Sequence[Record], total: int, number: int, size: int, render: Callable[[Record], Row]) -> Page[Row]:
    """Return the envelope of a page; ``number`` is counted from zero."""
    pages = -(-total // size)
    return Page(
        content=[render(record) for record in records],
        total_elements=total,
        total_pages=pages,
        number=number,
        size=size,
        number_of_elements=len(records),
        first=number == 0,
        last=number >= pages - 1,
        empty=not records,
        pageable=Pageable(page_number=number, page_size=size, offset=number * size),
    )
