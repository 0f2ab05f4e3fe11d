"""
What a transaction writes, as rows: records by table, and entries.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from figuard.ports import Record, SealedEntry
from figuard.stores.tables import TABLES, Read, row_reader

_RANKS = {of: rank for rank, of in enumerate(TABLES)}

ENTRY_COLUMNS = ("book_id", "seq", "tenant_id", "at", "kind", "event_id", "body", "hash")
"""The columns of the ledger, in the order of the schema."""


def _rank(group: tuple[type, Sequence[Record]]) -> int:
    return _RANKS[group[0]]


def by_type(records: Sequence[Record]) -> Iterable[tuple[type, Sequence[Record]]]:
    """Yield records by type, in the order in which tables refer to each other."""
    if len(records) == 1:
        return ((records[0].__class__, records),)
    groups: dict[type, list[Record]] = {}
    for record in records:
        of = record.__class__
        if of in groups:
            groups[of].append(record)
        else:
            groups[of] = [record]
    return sorted(groups.items(), key=_rank) if len(groups) > 1 else groups.items()


def _event_id(sealed: SealedEntry) -> str | None:
    """Return the event that an entry is about, or None."""
    entry = sealed.entry
    return entry.event.id if entry.event else entry.change.id if entry.change else None


ENTRY_READS: Sequence[str | Read] = (
    "entry.book_id",
    "entry.seq",
    "entry.tenant_id",
    "entry.at",
    "entry.kind._value_",
    _event_id,
    "body",
    "hash",
)
"""How each of its columns is read from a sealed entry."""
entry_row: Callable[[SealedEntry], tuple[Any, ...]] = row_reader(ENTRY_READS)
"""Return an entry as a row of the ledger."""
