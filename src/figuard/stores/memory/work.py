"""
One transaction in memory: its changes lie on shelves of its own until they are swapped in.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from figuard.domain.admin import Remembered
from figuard.ports import Changes, Kind, Record, SealedEntry, StoreConflict
from figuard.stores.memory.data import GROUPS, UNIQUE, MemoryData, Shelf
from figuard.stores.memory.reads import read
from figuard.stores.tables import TABLES


class MemoryWork:
    """A unit of work over committed data and the changes made so far. It is a view of both."""

    def __init__(self, data: MemoryData) -> None:
        """Start without changes; the caller holds ``data.writing``."""
        self._data = data
        self._staged: dict[type, Shelf] = {}
        self._entries: dict[str, list[SealedEntry]] = {}
        self._forgotten: set[Any] = set()
        self.is_broken = False

    def read(self, kind: Kind, keys: Sequence[Any]) -> Mapping[Any, Any]:
        """As ``ports.UnitOfWork.read``."""
        return read(self, kind, keys)

    def write(self, changes: Changes) -> None:
        """As ``ports.UnitOfWork.write``."""
        if self.is_broken:
            raise StoreConflict("this transaction was rolled back after a conflict; begin another one")
        try:
            for record in changes.forgotten:
                self._forget(record)
            for record in changes.updated:
                self._update(record)
            for record in changes.inserted:
                self._insert(record)
            for sealed in changes.entries:
                self._append(sealed)
        except StoreConflict:
            self.is_broken = True
            raise

    def get(self, of: type, key: Any) -> Any:  # noqa: ANN401 - any record
        """Return the record with this key as this transaction sees it, or None."""
        staged = self._staged.get(of)
        if staged is not None and key in staged.rows:
            return staged.rows[key]
        return None if of is Remembered and key in self._forgotten else self._data.get(of, key)

    def group(self, of: type, name: str, *group: Any) -> Iterator[Any]:  # noqa: ANN401 - any record
        """Yield the records of a group as this transaction sees them."""
        committed = self._data.shelves[of]
        staged = self._staged.get(of)
        if staged is None:
            yield from self._data.group(of, name, *group)
            return
        yield from (committed.rows[key] for key in committed.members(name, group) if key not in staged.rows)
        yield from (staged.rows[key] for key in staged.members(name, group))

    def grouped(self, of: type, name: str) -> Iterator[Any]:
        """Yield every record that is in some group of this name, as this transaction sees them."""
        staged = self._staged.get(of)
        hidden: Mapping[Any, Any] = {} if staged is None else staged.rows
        key_of = TABLES[of].key_of
        yield from (record for record in self._data.grouped(of, name) if key_of(record) not in hidden)
        if staged is not None:
            yield from staged.grouped(name)

    def all(self, of: type) -> Iterator[Any]:
        """Yield every record of a type as this transaction sees them."""
        staged = self._staged.get(of)
        keys = dict.fromkeys((*self._data.shelves[of].rows, *(staged.rows if staged else ())))
        return (record for key in keys if (record := self.get(of, key)) is not None)

    def commit(self) -> None:
        """Make every change visible at once."""
        with self._data.swapping:
            for key in self._forgotten:
                self._data.shelves[Remembered].drop(key)
            for of, staged in self._staged.items():
                shelf = self._data.shelves[of]
                for record in staged.rows.values():
                    shelf.put(record)
            for book_id, entries in self._entries.items():
                self._data.books.setdefault(book_id, []).extend(entries)

    def _forget(self, record: Remembered) -> None:
        key = TABLES[Remembered].key_of(record)
        self._forgotten.add(key)
        if staged := self._staged.get(Remembered):
            staged.drop(key)

    def _insert(self, record: Record) -> None:
        of = type(record)
        key = TABLES[of].key_of(record)
        if self.get(of, key) is not None:
            raise StoreConflict(f"there is a record with the key {key!r} in {TABLES[of].name} already")
        self._stage(of, key, record)

    def _update(self, record: Record) -> None:
        of = type(record)
        key = TABLES[of].key_of(record)
        if self.get(of, key) is None:
            raise StoreConflict(f"there is no record with the key {key!r} in {TABLES[of].name} to update")
        self._stage(of, key, record)

    def _stage(self, of: type, key: Any, record: Record) -> None:  # noqa: ANN401 - a str, or a tuple of them
        key_of = TABLES[of].key_of
        for name in UNIQUE[of]:
            group = GROUPS[of][name](record)
            if group is not None and any(key_of(other) != key for other in self.group(of, name, *group)):
                raise StoreConflict(f"the rule {name} allows {group!r} once")
        self._staged.setdefault(of, Shelf(of)).put(record)

    def _append(self, sealed: SealedEntry) -> None:
        entry = sealed.entry
        book = self._entries.setdefault(entry.book_id, [])
        before = book or self._data.books.get(entry.book_id)
        # Entries come in order, so whatever is not after the newest one is there already.
        if before and entry.seq <= before[-1].entry.seq:
            raise StoreConflict(f"book {entry.book_id} has an entry {entry.seq} already")
        book.append(sealed)
