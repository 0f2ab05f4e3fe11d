"""
One transaction: BEGIN on a lane, reads and writes, COMMIT or ROLLBACK, and what is known when the server is lost.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from types import TracebackType
from typing import Any, NoReturn

from figuard.ports import Changes, Kind, OutcomeUnknown, StoreConflict, StoreUnavailable
from figuard.stores.kept import KeptByType
from figuard.stores.postgres.connections import EVERYBODY, Connections
from figuard.stores.postgres.driver import Row, end, is_over
from figuard.stores.postgres.failures import failure, is_lost
from figuard.stores.postgres.lanes import Lane, Lanes
from figuard.stores.postgres.reads import BATCHED, KEPT, lock_references, look_up
from figuard.stores.postgres.together import FITTING, look_up_together
from figuard.stores.postgres.writes import write

BEGIN_TRIES = 3
"""How many lanes are tried when the server closed them while nobody used them."""
TENANTS_KEPT_MAX = 1024
"""How many ids of tenants are remembered to be such."""
_WALL = "SELECT set_config('figuard.tenant', $1, true)"


class PostgresWork:
    """
    A unit of work on a lane, between BEGIN and COMMIT.

    ``error`` is what made the server give the transaction up: from then on it can only be rolled back.
    """

    def __init__(self, lanes: Lanes, lane: Lane, place: str, kept: KeptByType, tenants: str | None) -> None:
        self.lane = lane
        self._lanes = lanes
        self._place = place
        self._kept = kept
        self._wall = tenants
        self.error: Exception | None = None

    async def read(self, kind: Kind, keys: Sequence[Any]) -> Mapping[Any, Any]:
        """As ``ports.AsyncUnitOfWork.read``."""
        if not keys:
            return {}
        batched = BATCHED[kind]
        is_one = len(keys) == 1
        wanted = keys[0] if is_one else list(keys)
        if self._wall is not None and kind.phase:
            if (walling := batched.walling_one if is_one else batched.walling) is not None:
                tenants, self._wall = self._wall, None
                return self._records(kind, await self.fetch(walling, wanted, tenants))
            await self._raise_wall(self._wall)
        if (locking := batched.locking_one if is_one else batched.locking) is not None:
            return self._records(kind, await self.fetch(locking, wanted))
        if kind is Kind.REFERENCES:
            await lock_references(self.fetch, keys)
        return await look_up(self.fetch, kind, keys)

    async def read_many(self, reads: Sequence[tuple[Kind, Sequence[Any]]]) -> Sequence[Mapping[Any, Any]]:
        """As ``ports.AsyncUnitOfWork.read_many``: in one round trip, as far as the kinds allow."""
        if self._wall is not None:
            await self._raise_wall(self._wall)
        fitting = [read for read in reads if read[1] and read[0] in FITTING]
        if len(fitting) <= 1:
            return [await self.read(kind, keys) for kind, keys in reads]
        if len(fitting) == len(reads):
            return await look_up_together(self.fetch, reads, self._kept)
        found = dict(
            zip((kind for kind, _ in fitting), await look_up_together(self.fetch, fitting, self._kept), strict=True)
        )
        return [found[kind] if kind in found else await self.read(kind, keys) for kind, keys in reads]

    async def write(self, changes: Changes) -> None:
        """As ``ports.AsyncUnitOfWork.write``."""
        if self.error is not None:
            raise StoreConflict("this transaction was rolled back after a conflict; begin another one")
        if self._wall is not None:
            await self._raise_wall(self._wall)
        try:
            await write(self.fetch, changes, self._kept)
        except StoreConflict as error:
            self.error = error
            raise

    async def _raise_wall(self, tenants: str) -> None:
        """
        Let the transaction see its own tenants only, from here on.

        Names are resolved before: a secret or an id is looked up among all tenants, so that a foreign one can be
        told from one that does not exist.
        """
        self._wall = None
        await self.fetch(_WALL, tenants)

    def _records(self, kind: Kind, rows: Sequence[Row]) -> dict[Any, Any]:
        if (of := KEPT.get(kind)) is not None:
            decoded = self._kept[of].decoded
            return {row[1]: decoded(row[1], row[0]) for row in rows}
        value = BATCHED[kind].lookup.value
        return {row[1]: value((row[0],)) for row in rows}

    async def fetch(self, text: str, *values: Any) -> Sequence[Row]:  # noqa: ANN401 - any value of a column
        """Run a statement of one's own in this transaction."""
        lane = self.lane
        was_ahead, lane.is_ahead = lane.is_ahead, False
        try:
            run = lane.prepared.get(text) or await lane.prepare(text)
            return await run(*values)
        except BaseException as error:
            is_gone = is_lost(error) or is_over(lane.connection)
            if is_gone or not isinstance(error, Exception):
                end(lane.connection)
            if not isinstance(error, Exception):
                raise
            if not (was_ahead and is_gone) or isinstance(error, TimeoutError):
                self._give_up(error)
        # Nothing had been done yet, so a session that ended while nobody used it is simply replaced.
        await self._lanes.take_back(lane)
        self.lane = await begun(self._lanes, self._place)
        return await self.fetch(text, *values)

    def _give_up(self, error: Exception) -> NoReturn:
        """Note that the transaction cannot be committed any more, and raise what *error* means."""
        self.error = failure(error, self._place)
        if not isinstance(self.error, StoreConflict):
            # What was prepared may be what is wrong: somebody has changed the tables.
            self.lane.forget()
        if self.error is error:
            raise error
        raise self.error from error


async def begun(lanes: Lanes, place: str) -> Lane:
    """Return a lane on which a transaction has begun. Raises ``StoreUnavailable``."""
    for tries_left in reversed(range(BEGIN_TRIES)):
        lane = await lanes.lend()
        try:
            await lane.begin()
        except BaseException as error:
            end(lane.connection)
            await lanes.take_back(lane)
            if not isinstance(error, Exception):
                raise
            # Nothing has been done yet, so a session that ended while nobody used it is simply replaced.
            if not tries_left or isinstance(error, TimeoutError) or not is_lost(error):
                raise failure(error, place) from error
        else:
            return lane
    raise AssertionError("the last try either returns or raises")


class Transaction:
    """An asynchronous context manager: commits on a normal exit, rolls back on an exception."""

    __slots__ = ("_connections", "_kept", "_lanes", "_task", "_tenants", "_work")

    def __init__(self, connections: Connections, kept: KeptByType, tenants: Collection[str] = ()) -> None:
        """Take whom the transaction may touch; nobody named is everybody."""
        self._connections = connections
        self._kept = kept
        self._tenants = _joined(tenants) if tenants else None

    async def __aenter__(self) -> PostgresWork:
        connections = self._connections
        self._task = asyncio.current_task()
        if self._task in connections.writing:
            raise RuntimeError("this task has a transaction open already; finish it first")
        lanes = self._lanes = connections.writers()
        lane = lanes.ahead() or await begun(lanes, connections.place)
        self._work = PostgresWork(lanes, lane, connections.place, self._kept, self._tenants)
        connections.writing.add(self._task)
        return self._work

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None and self._work.error is None:
                await self._commit()
                return
            await self._roll_back()
        finally:
            self._connections.writing.discard(self._task)
            if not self._lanes.takes_back(self._work.lane):
                await self._lanes.take_back(self._work.lane)
        if error is None:
            raise StoreConflict("the transaction was rolled back after a conflict; nothing of it was written")

    async def _commit(self) -> None:
        lane, place = self._work.lane, self._connections.place
        if lane.is_ahead:
            # Nothing was done: the next transaction goes on in this one.
            return
        if is_over(lane.connection):
            raise StoreUnavailable(
                f"the connection to {place!r} was lost before COMMIT, nothing was written; try again"
            )
        try:
            tag = await lane.commit(chain=not self._lanes.is_wanted)
        except BaseException as error:
            end(lane.connection)
            if not isinstance(error, Exception):
                raise
            if not is_lost(error):
                raise failure(error, place) from error
            raise OutcomeUnknown(
                f"the connection to {place!r} was lost during COMMIT, and nobody knows whether it happened; "
                "a repeat with the same idempotency key is safe"
            ) from error
        if tag != "COMMIT":
            raise StoreConflict(f"the server answered COMMIT with {tag}; nothing of it was written")

    async def _roll_back(self) -> None:
        connection = self._work.lane.connection
        if self._work.lane.is_ahead or is_over(connection):
            return
        try:
            await connection.execute("ROLLBACK")
        except BaseException as error:
            # The server rolls back what a session leaves behind; what the caller wants to hear is why it had to.
            end(connection)
            if not isinstance(error, Exception):
                raise


def _joined(tenants: Collection[str]) -> str:
    if len(tenants) == 1:
        return _checked(*tenants)
    return ",".join(sorted({_checked(name) for name in tenants}))


@lru_cache(TENANTS_KEPT_MAX)
def _checked(name: str) -> str:
    if not name or "," in name or name == EVERYBODY:
        raise ValueError(f"a tenant's id is neither empty nor {EVERYBODY!r} and has no comma: {name!r}")
    return name
