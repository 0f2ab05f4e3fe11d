"""
One transaction on the file: reads by key, writes row by row.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from figuard.domain.admin import Remembered
from figuard.domain.events import Event
from figuard.domain.valueclass import valueclass
from figuard.ports import Changes, Kind, Record, SealedEntry, StoreConflict
from figuard.stores.codecs import ENCODERS
from figuard.stores.dialect import sql
from figuard.stores.lookups import LOOKUPS
from figuard.stores.rows import ENTRY_COLUMNS, ENTRY_READS, by_type
from figuard.stores.sqlite.failures import failure
from figuard.stores.sqlite.known import Known
from figuard.stores.sqlite.placeholders import unnumbered
from figuard.stores.sqlite.sparse import Row, Sparse, Written
from figuard.stores.tables import TABLES, Table, row_reader

_APPEND = sql(
    "INSERT INTO ledger_entries (", ", ".join(ENTRY_COLUMNS), ") VALUES (", ", ".join("?" for _ in ENTRY_COLUMNS), ")"
)
_FORGET = "DELETE FROM remembered WHERE tenant_id = ? AND operation = ? AND key = ?"
_OFTEN_EMPTY = frozenset(
    {"entity_id", "trace_id", "category", "parent_id", "confirmed", "hold_expires_at", "void_due_at"}
)
"""Columns that most events leave empty, or leave empty in the end."""


@valueclass
class Statements:
    """
    How records of one type are written.

    ``refresh`` changes the JSON alone, on condition that no column differs: SQLite then leaves all indexes in peace.
    It is None where nearly every new version differs in a column.
    """

    insert: Sparse
    update: Sparse
    refresh: Sparse | None


def _statements(table: Table) -> Statements:
    names, changing = table.names, table.changing
    marks = ", ".join("?" for _ in ("data", *names))
    key = [f"{name} = ?" for name in table.key]
    changed = ", ".join(("data = ?", *(f"{name} = ?" for name in changing)))
    unchanged = " AND ".join((*(f"{name} IS ?" for name in changing), *key))
    update = sql("UPDATE", table.name, "SET", changed, "WHERE", " AND ".join(key))
    refresh = sql("UPDATE", table.name, "SET data = ? WHERE", unchanged)
    return Statements(
        insert=_sparse(
            sql("INSERT INTO", table.name, "(", ", ".join(("data", *names)), ") VALUES (", marks, ")"), table, names
        ),
        update=_sparse(update, table, (*changing, *table.key)),
        refresh=None if table.record is Event else _sparse(refresh, table, (*changing, *table.key)),
    )


def _sparse(text: str, table: Table, names: Sequence[str]) -> Sparse:
    """Return a statement whose values are the JSON and the columns called *names*."""
    reads = {column.name: column.read for column in table.columns}
    places = [place for place, name in enumerate(names) if name in _OFTEN_EMPTY]
    return Sparse(text, [reads[name] for name in names], places)


STATEMENTS: Mapping[type, Statements] = {of: _statements(table) for of, table in TABLES.items()}


_LOOKUPS = {kind: (lookup, *unnumbered(lookup.sql)) for kind, lookup in LOOKUPS.items()}


def look_up(execute: Callable[..., sqlite3.Cursor], kind: Kind, keys: Iterable[Any]) -> dict[Any, Any]:
    """Return what *kind* answers for each key, by statements run one after the other."""
    lookup, text, order = _LOOKUPS[kind]
    value, spread = lookup.value, lookup.spread
    found: dict[Any, Any] = {}
    for key in keys:
        values = spread(key) if order is None else order(spread(key))
        rows = execute(text, values).fetchall()
        if lookup.many:
            found[key] = tuple([value(row) for row in rows])
        elif rows and (answer := value(rows[0])) is not None:
            found[key] = answer
    return found


def _body(sealed: SealedEntry) -> bytearray:
    """Return an entry's bytes as the driver takes them at once; of bytes it would look for an adapter."""
    return bytearray(sealed.body)


_appended: Callable[[SealedEntry], Row] = row_reader(
    [_body if name == "body" else read for name, read in zip(ENTRY_COLUMNS, ENTRY_READS, strict=True)]
)


class SqliteWork:
    """A unit of work on the writer's connection, between BEGIN and COMMIT."""

    def __init__(self, cursor: sqlite3.Cursor, path: str, known: Known) -> None:
        self._cursor = cursor
        self._path = path
        self._known = known
        self.is_broken = False

    def read(self, kind: Kind, keys: Sequence[Any]) -> Mapping[Any, Any]:
        """As ``ports.UnitOfWork.read``."""
        execute = self._cursor.execute
        try:
            # What was known may be what a write that failed has half done.
            known = None if self.is_broken else self._known.of(kind)
            return look_up(execute, kind, keys) if known is None else known.look_up(execute, keys)
        except sqlite3.Error as error:
            raise failure(error, self._path) from error

    def write(self, changes: Changes) -> None:
        """As ``ports.UnitOfWork.write``."""
        if self.is_broken:
            raise StoreConflict("this transaction was rolled back after a conflict; begin another one")
        try:
            if changes.forgotten:
                keys = [TABLES[Remembered].key_of(record) for record in changes.forgotten]
                self._cursor.executemany(_FORGET, keys)
            for of, records in by_type(changes.updated):
                self._update(of, records)
            for of, records in by_type(changes.inserted):
                self._insert(of, records)
            if changes.entries:
                self._append(changes.entries)
        except BaseException as error:
            # Whatever it was: some of it is written or known, and nothing of it may be committed.
            self.is_broken = True
            if isinstance(error, sqlite3.Error):
                raise failure(error, self._path) from error
            raise

    def _insert(self, of: type, records: Sequence[Record]) -> None:
        self._run(STATEMENTS[of].insert, self._written(of, records))

    def _update(self, of: type, records: Sequence[Record]) -> None:
        statements = STATEMENTS[of]
        written = self._written(of, records)
        count = 0 if statements.refresh is None else self._run(statements.refresh, written)
        if count != len(written):
            count = self._run(statements.update, written)
        if count != len(written):
            raise StoreConflict(f"a record of {TABLES[of].name} that was to be updated does not exist")

    def _append(self, entries: Sequence[SealedEntry]) -> None:
        if len(entries) == 1:
            self._cursor.execute(_APPEND, _appended(entries[0]))
        else:
            self._cursor.executemany(_APPEND, [_appended(sealed) for sealed in entries])

    def _written(self, of: type, records: Sequence[Record]) -> list[Written]:
        """Return records with their JSON, which are known from now on: if the write fails, so does the transaction."""
        encode, learn = ENCODERS[of], self._known.learner(of)
        written: list[Written] = []
        for record in records:
            data = encode(record).decode()
            if learn is not None:
                learn(record.id, data, record)  # pyright: ignore - those that are known have an id
            written.append((record, data))
        return written

    def _run(self, statement: Sparse, written: Sequence[Written]) -> int:
        """Run a statement for each record; return how many rows it wrote."""
        if len(written) == 1:
            return self._cursor.execute(*statement.fitted(written[0])).rowcount
        return sum([self._cursor.executemany(text, rows).rowcount for text, rows in statement.grouped(written)])
