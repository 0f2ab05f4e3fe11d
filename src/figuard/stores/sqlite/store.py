"""
The SQLite store: transactions on the writer, queries on readers.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Sequence
from typing import Any

from figuard.ports import GetRecords, Query
from figuard.stores.dialect import Dialect, Rows, Statement, sql
from figuard.stores.queries import plan
from figuard.stores.sqlite.connections import Connections
from figuard.stores.sqlite.known import Known
from figuard.stores.sqlite.placeholders import unnumbered
from figuard.stores.sqlite.transaction import Transaction
from figuard.stores.sqlite.work import look_up

_META = "SELECT value FROM meta WHERE key = ?"
_HALF = 32
_LOW = 2**_HALF - 1


def _whole_sums(halves: Any) -> tuple[int, ...]:  # noqa: ANN401 - a row
    return tuple((high << _HALF) + low for high, low in zip(halves[::2], halves[1::2], strict=True))


def _sum_descending(figure: str) -> str:
    high, low = f"sum(({figure}) >> {_HALF})", f"sum(({figure}) & {_LOW})"
    return f"{high} + ({low} >> {_HALF}) DESC, {low} & {_LOW} DESC"


# SQLite's sum() fails beyond 64 bits, which three of the largest amounts reach; so the halves are summed apart.
SQLITE = Dialect(
    contains=lambda column: f"instr({column}, ?) > 0",
    sum=lambda figure: f"sum(({figure}) >> {_HALF}), sum(({figure}) & {_LOW})",
    sum_descending=_sum_descending,
    whole_sums=_whole_sums,
)


def _rows(connection: sqlite3.Connection, statement: Statement) -> Rows:
    text, order = unnumbered(statement.text)
    return connection.execute(text, statement.values if order is None else order(statement.values)).fetchall()


class SqliteStore:
    """A store in one file (or ``:memory:``). Several stores and several processes may open the same file."""

    excludes_writers = True

    def __init__(self, path: str, *, read_only: bool = False) -> None:
        """Open the file, making it if need be. Raises ``StoreUnavailable``."""
        self.connections = Connections(path, read_only=read_only)
        self._known = Known()

    def begin(self, tenants: Collection[str] = ()) -> Transaction:
        """As ``ports.Store.begin``. A file has no walls."""
        return Transaction(self.connections, self._known)

    def query(self, query: Query) -> Any:  # noqa: ANN401 - the type is the query's own
        """As ``ports.Store.query``."""
        if isinstance(query, GetRecords):
            with self.connections.reader() as connection:
                return look_up(connection.execute, query.kind, query.keys)
        planned = plan(query, SQLITE)
        with self.connections.reader() as connection:
            if len(planned.statements) == 1:
                return planned.answer(_rows(connection, planned.statements[0]))
            # Inside one transaction, so that a page and its total belong together.
            connection.execute("BEGIN")
            answer = planned.answer(*(_rows(connection, statement) for statement in planned.statements))
            connection.execute("COMMIT")
            return answer

    def query_all(self, queries: Sequence[Query]) -> list[Any]:
        """As ``ports.Store.query_all``, one after the other."""
        return [self.query(query) for query in queries]

    def meta(self, key: str) -> str | None:
        """As ``ports.Store.meta``."""
        with self.connections.reader() as connection:
            row = connection.execute(_META, (key,)).fetchone()
        return None if row is None else row[0]

    def set_meta(self, key: str, value: str, *, if_absent: bool = True) -> str:
        """As ``ports.Store.set_meta``."""
        conflict = "DO NOTHING" if if_absent else "DO UPDATE SET value = excluded.value"
        with self.begin():
            execute = self.connections.writer.execute
            execute(sql("INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key)", conflict), (key, value))
            return execute(_META, (key,)).fetchone()[0]

    def close(self) -> None:
        """As ``ports.Store.close``."""
        self.connections.close()
