"""
Migrations from outside: what is to do on a database, and doing it, before any server opens it.
"""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

from figuard.server.settings import ServerSettings
from figuard.stores import MEMORY, open_store

_SQLITE = "sqlite:///"
_CONNECT_SECONDS = 10.0


async def pending(settings: ServerSettings) -> tuple[str, ...]:
    """Return the names of what is to do; nothing is changed. Raises ``StoreUnavailable``, ``ImportError``."""
    if not settings.is_postgres:
        return await asyncio.to_thread(_pending_in_file, settings.database)
    from figuard.stores.postgres import migrate as schema
    from figuard.stores.postgres.driver import open_pool

    pool = await open_pool(settings.database, size=1, settings={}, connect_seconds=_CONNECT_SECONDS, seconds=60.0)
    try:
        connection = await pool.acquire(timeout=_CONNECT_SECONDS)
        steps = await schema.pending(connection, settings.where)
        await pool.release(connection)
    finally:
        await pool.close()
    return tuple(f"{step.version:04}_{step.phase}_{step.name}" for step in steps)


async def bring_up_to_date(settings: ServerSettings) -> tuple[str, ...]:
    """Apply everything that is pending; return its names. Raises ``StoreUnavailable``, ``ImportError``."""
    if not settings.is_postgres:
        todo = await pending(settings)
        await asyncio.to_thread(_open_and_close, settings.database)
        return todo
    from figuard.stores.postgres import migrate as schema
    from figuard.stores.postgres.driver import open_pool

    pool = await open_pool(settings.database, size=1, settings={}, connect_seconds=_CONNECT_SECONDS, seconds=3600.0)
    try:
        connection = await pool.acquire(timeout=_CONNECT_SECONDS)
        applied = await schema.migrate(connection, settings.where, post=True)
        await pool.release(connection)
    finally:
        await pool.close()
    return applied


def _pending_in_file(database: str) -> tuple[str, ...]:
    from figuard.stores.sqlite.migrate import is_current, migrations

    path = Path(database.removeprefix(_SQLITE)).expanduser()
    if database == MEMORY or not path.exists():
        return tuple(f"{number:04}" for number in range(1, len(migrations()) + 1))
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        if is_current(connection, str(path)):
            return ()
        version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    return tuple(f"{number:04}" for number in range(version + 1, len(migrations()) + 1))


def _open_and_close(database: str) -> None:
    path = str(Path(database).expanduser()) if database.startswith("~") else database
    open_store(path).close()
