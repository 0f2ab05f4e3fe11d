"""
The sessions of one database: lanes for writing, readers beside them, each with the settings that it needs.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from figuard.ports import StoreUnavailable
from figuard.stores.postgres.driver import Connection, DriverError, Pool, PostgresError, end, open_pool
from figuard.stores.postgres.failures import (
    COMMAND_SECONDS,
    IDLE_SECONDS,
    LOCK_SECONDS,
    STATEMENT_SECONDS,
    failure,
    is_lost,
    place_of,
)
from figuard.stores.postgres.lanes import Lanes
from figuard.stores.postgres.migrate import is_usable, migrate

WRITERS_MAX = 4
"""How many transactions run at once unless told otherwise."""
READERS_MAX = 8
"""How many queries run at once unless told otherwise."""
CONNECT_SECONDS = 10.0
MIGRATE_SECONDS = 3600.0
"""How long one migration may take: it may make an index on years of books."""
CLOSE_SECONDS = 5.0
"""How long closing waits for what is still going on."""
EVERYBODY = "*"
"""What ``figuard.tenant`` is for who may see all tenants."""

ERRORS = (PostgresError, *DriverError, OSError)
EVERY: Mapping[str, str] = {
    "application_name": "figuard",
    "default_transaction_isolation": "read committed",
    "figuard.tenant": EVERYBODY,
    "jit": "off",
    "statement_timeout": f"{STATEMENT_SECONDS:.0f}s",
    "lock_timeout": f"{LOCK_SECONDS:.0f}s",
    "idle_in_transaction_session_timeout": f"{IDLE_SECONDS:.0f}s",
}
"""What every session is set to; a URL may say otherwise: ``?statement_timeout=60s``."""
# A lane prepares its statements once, perhaps on empty tables, and each of them is meant to follow an index from a
# handful of keys: whatever the planner believes of the tables' sizes, it shall not scan them or join them whole.
WRITER: Mapping[str, str] = {
    **EVERY,
    "plan_cache_mode": "force_generic_plan",
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
}
READER: Mapping[str, str] = {**EVERY, "default_transaction_read_only": "on"}


class Connections:
    """
    Everything opened on one database. It belongs to the event loop in which it was opened.

    ``writing`` holds the tasks that have a transaction open.
    """

    def __init__(self, url: str, writers: Pool | None, readers: Pool) -> None:
        """Use ``open_connections``."""
        self.place = place_of(url)
        self.lanes = None if writers is None else Lanes(writers, self._lend)
        self._readers = readers
        self.writing: set[asyncio.Task[Any] | None] = set()
        self._process = os.getpid()
        self._is_closed = False

    def _check_open(self) -> None:
        if self._is_closed:
            raise StoreUnavailable(f"the store {self.place!r} is closed; open it again")
        if self._process != os.getpid():
            raise StoreUnavailable(f"the store {self.place!r} was opened before a fork; open it again in this process")

    def writers(self) -> Lanes:
        """Return the lanes. Raises ``StoreUnavailable`` when the store was opened read-only, or is closed."""
        self._check_open()
        if self.lanes is None:
            raise StoreUnavailable(f"the store {self.place!r} was opened read-only; open it for writing")
        return self.lanes

    @asynccontextmanager
    async def reader(self) -> AsyncGenerator[Connection]:
        """Lend a session that cannot write. The server's errors are raised as what they mean."""
        self._check_open()
        connection = await self._lend(self._readers)
        try:
            yield connection
        except BaseException as error:
            # One that was interrupted may still be at it.
            if not isinstance(error, Exception) or is_lost(error):
                end(connection)
            if isinstance(error, ERRORS):
                raise failure(error, self.place) from error
            raise
        finally:
            await self._readers.release(connection)

    async def _lend(self, pool: Pool) -> Connection:
        try:
            return await pool.acquire(timeout=LOCK_SECONDS)
        except TimeoutError as error:
            raise StoreUnavailable(
                f"no connection to {self.place!r} was free, or could be made, for {LOCK_SECONDS:.0f} s; try again"
            ) from error
        except ERRORS as error:
            self._check_open()
            raise failure(error, self.place) from error

    async def close(self) -> None:
        """End all sessions, after what they are doing."""
        if self._is_closed:
            return
        self._is_closed = True
        for pool in (self.lanes, self._readers):
            if pool is None:
                continue
            try:
                async with asyncio.timeout(CLOSE_SECONDS):
                    await pool.close()
            except TimeoutError:
                pool.terminate()


async def open_connections(
    url: str, *, read_only: bool = False, writers: int = WRITERS_MAX, readers: int = READERS_MAX
) -> Connections:
    """
    Connect, and bring the schema up to date where that is allowed.

    Raises ``StoreUnavailable`` when there is no such server, or what is there cannot be used.
    """
    place = place_of(url)
    try:
        # A standby lags behind, and an answer has to be found by the question that follows it.
        pool = await open_pool(
            url,
            size=readers,
            settings=READER,
            connect_seconds=CONNECT_SECONDS,
            seconds=COMMAND_SECONDS,
            primary=not read_only,
        )
    except ValueError as error:
        raise StoreUnavailable(f"{place!r} is no database URL: {error}") from error
    except ERRORS as error:
        raise failure(error, place) from error
    connections = Connections(url, None, pool)
    try:
        if not read_only:
            lanes_pool = await open_pool(
                url,
                size=writers,
                settings=WRITER,
                connect_seconds=CONNECT_SECONDS,
                seconds=COMMAND_SECONDS,
                primary=True,
            )
            connections = Connections(url, lanes_pool, pool)
            lanes = connections.writers()
            lane = await lanes.lend()
            try:
                await migrate(lane.connection, place)
            finally:
                await lanes.take_back(lane)
        async with connections.reader() as connection:
            if not await is_usable(connection, place):
                raise StoreUnavailable(
                    f"the database {place!r} has an older schema; run `figuard migrate` as the owner of its tables"
                )
    except BaseException as error:
        await connections.close()
        if isinstance(error, ERRORS):
            raise failure(error, place) from error
        raise
    return connections


async def migrate_database(url: str, *, post: bool = False, server_role: str | None = None) -> tuple[str, ...]:
    """
    Bring a database up to date as the owner of its tables; return the names of what was applied.

    With *post* also what no older server survives. *server_role* is then allowed to do what a server does, and no more.
    Raises ``StoreUnavailable``.
    """
    place = place_of(url)
    try:
        pool = await open_pool(
            url, size=1, settings=EVERY, connect_seconds=CONNECT_SECONDS, seconds=MIGRATE_SECONDS, primary=True
        )
    except ERRORS as error:
        raise failure(error, place) from error
    try:
        connection = await pool.acquire(timeout=CONNECT_SECONDS)
        applied = await migrate(connection, place, post=post)
        if server_role is not None:
            await connection.fetch("SELECT figuard_grant($1)", server_role)
    except ERRORS as error:
        raise failure(error, place) from error
    finally:
        pool.terminate()
    return applied
