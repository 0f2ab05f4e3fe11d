"""
The page envelope of the budgets list and the ledger.
"""

from __future__ import annotations

from typing import Generic, TypeVar

import msgspec

from figuard.wire.responses.base import FullBody

Row = TypeVar("Row")


class PageSort(msgspec.Struct, kw_only=True, frozen=True):
    """How a page is sorted: always newest first, which this envelope has no word for."""

    sorted: bool = True
    unsorted: bool = False
    empty: bool = False


class Pageable(FullBody, kw_only=True):
    """Which part of the whole a page is; ``offset`` counts records."""

    page_number: int
    page_size: int
    offset: int
    paged: bool = True
    unpaged: bool = False
    sort: PageSort = PageSort()


class Page(FullBody, Generic[Row], kw_only=True):
    """Some of the matches and how many there are in all; ``number`` is the page, counted from zero."""

    content: list[Row]
    total_elements: int
    total_pages: int
    number: int
    size: int
    number_of_elements: int = 0
    first: bool = False
    last: bool = False
    empty: bool = False
    sort: PageSort = PageSort()
    pageable: Pageable | None = None
