"""
What a transaction writes, as rows: records by table, and entries.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from figuard.ports import Record, SealedEntry
from figuard.stores.tables import TABLES

ENTRY_COLUMNS = ("book_id", "seq", "tenant_id", "at", "kind", "event_id", "body", "hash")
"""The columns of the ledger, in the order of the schema."""


def by_type(records: Sequence[Record]) -> Iterable[tuple[type, Sequence[Record]]]:
    """Yield records by type, in the order in which tables refer to each other."""
    groups: dict[type, list[Record]] = {}
    for record in records:
        groups.setdefault(type(record), []).append(record)
    if len(groups) == 1:
        return groups.items()
    return [(of, groups[of]) for of in TABLES if of in groups]


def entry_row(sealed: SealedEntry) -> tuple[Any, ...]:
    """Return an entry as a row of the ledger."""
    entry = sealed.entry
    event_id = entry.event.id if entry.event else entry.change.id if entry.change else None
    return (
        entry.book_id,
        entry.seq,
        entry.tenant_id,
        entry.at,
        entry.kind.value,
        event_id,
        sealed.body,
        sealed.hash,
    )
