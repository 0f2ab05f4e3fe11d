"""
What the tests of the PostgreSQL store share: statements of one's own, and an awaited store for the time of a test.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from importlib.resources import files

import asyncpg

from figuard.ports import Changes
from figuard.stores.postgres import PostgresStore


@asynccontextmanager
async def connected(url, settings=None):
    """Provide one session."""
    connection = await asyncpg.connect(url, server_settings=settings or {})
    try:
        yield connection
    finally:
        await connection.close()


async def fetched(url, *statements, settings=None):
    """Run statements in one session and return the rows of the last one."""
    async with connected(url, settings) as connection:
        for statement in statements[:-1]:
            await connection.execute(statement)
        return await connection.fetch(statements[-1])


def fetch(url, *statements, **options):
    """Run statements from a test that does not await."""
    return asyncio.run(fetched(url, *statements, **options))


def schema_text():
    """Return the schema as it is written down."""
    return (files("figuard.stores.postgres") / "schema.sql").read_text(encoding="utf-8")


@asynccontextmanager
async def opened(url, **options):
    """Provide an awaited store."""
    store = await PostgresStore.open(url, **options)
    try:
        yield store
    finally:
        await store.close()


async def put(store, *inserted, updated=(), entries=()):
    """Write everything in one transaction."""
    async with store.begin() as work:
        await work.write(Changes(list(inserted), list(updated), list(entries)))


async def pid_of(work):
    """Return the process that serves a transaction."""
    return (await work.fetch("SELECT pg_backend_pid()"))[0][0]
