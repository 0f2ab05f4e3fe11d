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
from figuard.stores.codecs import encode
from figuard.stores.dialect import sql
from figuard.stores.lookups import LOOKUPS
from figuard.stores.rows import ENTRY_COLUMNS, by_type, entry_row
from figuard.stores.sqlite.failures import failure
from figuard.stores.sqlite.known import Known
from figuard.stores.sqlite.placeholders import unnumbered
from figuard.stores.tables import TABLES, Read, Table

_APPEND = sql(
    "INSERT INTO ledger_entries (", ", ".join(ENTRY_COLUMNS), ") VALUES (", ", ".join("?" for _ in ENTRY_COLUMNS), ")"
)
_BODY = ENTRY_COLUMNS.index("body")


@valueclass
class Statements:
    """
    How records of one type are written.

    ``refresh`` changes the JSON alone, on condition that no column differs: SQLite then leaves all indexes in peace.
    It is None where nearly every new version differs in a column.
    """

    insert: str
    inserted: Read
    update: str
    updated: Read
    refresh: str | None
    key: Read


def _statements(table: Table) -> Statements:
    names, changing = table.names, table.changing
    marks = ", ".join("?" for _ in ("data", *names))
    key = [f"{name} = ?" for name in table.key]
    changed = ", ".join(("data = ?", *(f"{name} = ?" for name in changing)))
    unchanged = " AND ".join((*(f"{name} IS ?" for name in changing), *key))
    return Statements(
        insert=sql("INSERT INTO", table.name, "(", ", ".join(("data", *names)), ") VALUES (", marks, ")"),
        inserted=table.reader(names),
        update=sql("UPDATE", table.name, "SET", changed, "WHERE", " AND ".join(key)),
        updated=table.reader((*changing, *table.key)),
        refresh=None if table.record is Event else sql("UPDATE", table.name, "SET data = ? WHERE", unchanged),
        key=table.key_of,
    )


_FORGET = "DELETE FROM remembered WHERE tenant_id = ? AND operation = ? AND key = ?"


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


def _appended(sealed: SealedEntry) -> tuple[Any, ...]:
    """Return an entry as a row. The driver takes a bytearray at once, and looks for an adapter of bytes."""
    row = entry_row(sealed)
    return (*row[:_BODY], bytearray(row[_BODY]), *row[_BODY + 1 :])


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
            known = None if self.is_broken else self._known.look_up(execute, kind, keys)
            return look_up(execute, kind, keys) if known is None else known
        except sqlite3.Error as error:
            raise failure(error, self._path) from error

    def write(self, changes: Changes) -> None:
        """As ``ports.UnitOfWork.write``."""
        if self.is_broken:
            raise StoreConflict("this transaction was rolled back after a conflict; begin another one")
        try:
            if changes.forgotten:
                self._run(_FORGET, [TABLES[Remembered].key_of(record) for record in changes.forgotten])
            for of, records in by_type(changes.updated):
                self._update(of, records)
            for of, records in by_type(changes.inserted):
                self._insert(of, records)
            if changes.entries:
                self._run(_APPEND, [_appended(sealed) for sealed in changes.entries])
        except sqlite3.Error as error:
            self.is_broken = True
            raise failure(error, self._path) from error
        except StoreConflict:
            self.is_broken = True
            raise

    def _insert(self, of: type, records: Sequence[Record]) -> None:
        statements = STATEMENTS[of]
        rows = [(encode(record), *statements.inserted(record)) for record in records]
        self._run(statements.insert, rows)
        self._known.learn(of, records, rows)

    def _run(self, text: str, rows: Sequence[tuple[Any, ...]]) -> int:
        """Run a statement for each row; return how many rows it wrote."""
        if len(rows) == 1:
            return self._cursor.execute(text, rows[0]).rowcount
        return self._cursor.executemany(text, rows).rowcount

    def _update(self, of: type, records: Sequence[Record]) -> None:
        statements = STATEMENTS[of]
        rows = [(encode(record), *statements.updated(record)) for record in records]
        written = 0 if statements.refresh is None else self._run(statements.refresh, rows)
        if written != len(rows):
            written = self._run(statements.update, rows)
        if written != len(rows):
            raise StoreConflict(f"a record of {TABLES[of].name} that was to be updated does not exist")
        self._known.learn(of, records, rows)
