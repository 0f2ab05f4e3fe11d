"""
The PostgreSQL store: transactions on lanes, queries on readers.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection, Sequence
from contextlib import asynccontextmanager
from typing import Any

from figuard.ports import GetRecords, Query
from figuard.stores.dialect import Dialect
from figuard.stores.kept import Kept
from figuard.stores.postgres.connections import READERS_MAX, WRITERS_MAX, Connections, open_connections
from figuard.stores.postgres.driver import Connection, is_over
from figuard.stores.postgres.reads import KEPT, dollars, look_up
from figuard.stores.postgres.transaction import Transaction
from figuard.stores.queries import plan

_META = "SELECT value FROM meta WHERE key = $1"
_SET_META = "INSERT INTO meta (key, value) VALUES ($1, $2) ON CONFLICT (key) "


def _whole_sums(figures: Sequence[Any]) -> tuple[int, ...]:
    return tuple(map(int, figures))


# A sum of bigint is numeric here, and exact however large it grows.
POSTGRES = Dialect(
    contains=lambda column: f"strpos({column}, ?) > 0",
    sum=lambda figure: f"sum({figure})",
    sum_descending=lambda figure: f"sum({figure}) DESC",
    whole_sums=_whole_sums,
)


class PostgresStore:
    """
    A store in one PostgreSQL database, awaited. Any number of processes may open the same database.

    It belongs to the event loop in which it was opened; ``BlockingStore`` is for everybody else.
    """

    def __init__(self, connections: Connections) -> None:
        """Use ``PostgresStore.open``."""
        self._connections = connections
        self._kept = {of: Kept(of) for of in KEPT.values()}

    @classmethod
    async def open(
        cls, url: str, *, read_only: bool = False, writers: int = WRITERS_MAX, readers: int = READERS_MAX
    ) -> PostgresStore:
        """
        Connect to the database that *url* names and bring its schema up to date, where the role may do that.

        At most *writers* transactions and *readers* queries run at once. Raises ``StoreUnavailable``.
        """
        return cls(await open_connections(url, read_only=read_only, writers=writers, readers=readers))

    def begin(self, tenants: Collection[str] = ()) -> Transaction:
        """
        As ``ports.AsyncStore.begin``. A task that has a transaction open cannot open another.

        With *tenants* the database itself sees to it that the transaction reads and writes their rows only, once names
        (secrets, ids of events and tokens) have been resolved. Where rows are locked first, as nearly always, that goes
        along with it; else it takes one statement more.
        """
        return Transaction(self._connections, self._kept, tenants)

    async def query(self, query: Query) -> Any:  # noqa: ANN401 - the type is the query's own
        """As ``ports.AsyncStore.query``."""
        async with self._connections.reader() as connection:
            if isinstance(query, GetRecords):
                return await look_up(connection.fetch, query.kind, query.keys)
            planned = plan(query, POSTGRES)
            tenant: str | None = getattr(query, "tenant_id", None)
            if len(planned.statements) == 1 and tenant is None:
                (statement,) = planned.statements
                return planned.answer(await connection.fetch(dollars(statement.text), *statement.values))
            async with _snapshot(connection, tenant):
                rows = [await connection.fetch(dollars(step.text), *step.values) for step in planned.statements]
        return planned.answer(*rows)

    async def meta(self, key: str) -> str | None:
        """As ``ports.AsyncStore.meta``."""
        async with self._connections.reader() as connection:
            rows = await connection.fetch(_META, key)
        return rows[0][0] if rows else None

    async def set_meta(self, key: str, value: str, *, if_absent: bool = True) -> str:
        """As ``ports.AsyncStore.set_meta``."""
        conflict = "DO NOTHING" if if_absent else "DO UPDATE SET value = excluded.value"
        async with self.begin() as work:
            await work.fetch(_SET_META + conflict, key, value)
            # A statement of its own: one that waited for another's insert does not see it yet.
            rows = await work.fetch(_META, key)
        return rows[0][0]

    async def close(self) -> None:
        """As ``ports.AsyncStore.close``."""
        await self._connections.close()


@asynccontextmanager
async def _snapshot(connection: Connection, tenant: str | None) -> AsyncGenerator[None]:
    """Let statements see one state of the data, and the rows of one tenant (or of all)."""
    await connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
    try:
        if tenant is not None:
            await connection.fetch("SELECT set_config('figuard.tenant', $1, true)", tenant)
        yield
    finally:
        if not is_over(connection):
            await connection.execute("ROLLBACK")
