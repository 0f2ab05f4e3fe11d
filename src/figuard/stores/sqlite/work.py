"""
One transaction on the file: reads by key, writes row by row.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from figuard.domain.admin import Remembered
from figuard.domain.budget import Budget
from figuard.domain.events import Event
from figuard.domain.tokens import Token
from figuard.domain.valueclass import valueclass
from figuard.ports import Changes, Kind, Record, StoreConflict
from figuard.stores.codecs import encode
from figuard.stores.dialect import sql
from figuard.stores.kept import Kept
from figuard.stores.lookups import LOOKUPS
from figuard.stores.rows import ENTRY_COLUMNS, by_type, entry_row
from figuard.stores.sqlite.failures import failure
from figuard.stores.sqlite.placeholders import unnumbered
from figuard.stores.tables import TABLES, Read, Table

_APPEND = sql(
    "INSERT INTO ledger_entries (", ", ".join(ENTRY_COLUMNS), ") VALUES (", ", ".join("?" for _ in ENTRY_COLUMNS), ")"
)


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


KeptRecords = Mapping[Kind, Kept]
"""By the read that finds them: an agent comes back to its token, its budget and the event it has just opened."""

_KEPT_BY_ID: Mapping[type, Kind] = {Budget: Kind.BUDGETS, Event: Kind.EVENTS}


def kept_records() -> KeptRecords:
    """Return the memory of one store."""
    return {Kind.BUDGETS: Kept(Budget), Kind.EVENTS: Kept(Event), Kind.TOKENS_BY_HASH: Kept(Token)}


class SqliteWork:
    """A unit of work on the writer's connection, between BEGIN and COMMIT."""

    def __init__(self, connection: sqlite3.Connection, path: str, kept: KeptRecords) -> None:
        self._cursor = connection.cursor()
        self._path = path
        self._kept = kept
        self.is_broken = False

    def read(self, kind: Kind, keys: Sequence[Any]) -> Mapping[Any, Any]:
        """As ``ports.UnitOfWork.read``."""
        try:
            if kind in self._kept:
                return self._known(kind, keys)
            return look_up(self._cursor.execute, kind, keys)
        except sqlite3.Error as error:
            raise failure(error, self._path) from error

    def _known(self, kind: Kind, keys: Sequence[str]) -> dict[str, Any]:
        (_, text, order), execute, decoded = _LOOKUPS[kind], self._cursor.execute, self._kept[kind].decoded
        found: dict[str, Any] = {}
        for key in keys:
            row = execute(text, (key,) if order is None else order((key,))).fetchone()
            if row is not None:
                found[key] = decoded(key, row[0])
        return found

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
                self._run(_APPEND, [entry_row(sealed) for sealed in changes.entries])
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
        self._keep(of, records, rows)

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
        self._keep(of, records, rows)

    def _keep(self, of: type, records: Sequence[Record], rows: Sequence[tuple[Any, ...]]) -> None:
        kind = _KEPT_BY_ID.get(of)
        if kind is not None:
            key_of, keep = STATEMENTS[of].key, self._kept[kind].keep
            for record, row in zip(records, rows, strict=True):
                keep(key_of(record), row[0], record)
