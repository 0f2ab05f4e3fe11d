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
_COMMAND_SECONDS = 60.0


async def pending(settings: ServerSettings) -> tuple[str, ...]:
    """Return the names of what is to do; nothing is changed. Raises ``StoreUnavailable``, ``ImportError``."""
    if not settings.is_postgres:
        return await asyncio.to_thread(_pending_in_file, settings.database)
    return await _pending_in_postgres(settings)


async def bring_up_to_date(
    settings: ServerSettings, *, post: bool = True, server_role: str | None = None
) -> tuple[str, ...]:
    """
    Apply what is pending, as the owner of the tables; return its names.

    Without *post* nothing that an older server still needs is taken away. *server_role* (PostgreSQL) may then do what
    a server does. Raises ``StoreUnavailable``, ``ImportError`` and ``ValueError``.
    """
    if not settings.is_postgres:
        if server_role is not None:
            raise ValueError("a file has no roles; --role is for PostgreSQL")
        todo = await pending(settings)
        await asyncio.to_thread(_open_and_close, settings.database)
        return todo
    from figuard.stores.postgres import migrate_database

    return await migrate_database(settings.database, post=post, server_role=server_role)


async def _pending_in_postgres(settings: ServerSettings) -> tuple[str, ...]:
    from figuard.stores.postgres import migrate as schema
    from figuard.stores.postgres.connections import ERRORS, failure
    from figuard.stores.postgres.driver import open_pool

    try:
        pool = await open_pool(
            settings.database,
            size=1,
            settings={},
            connect_seconds=_CONNECT_SECONDS,
            seconds=_COMMAND_SECONDS,
            primary=True,
        )
    except ERRORS as error:
        raise failure(error, settings.where) from error
    try:
        connection = await pool.acquire(timeout=_CONNECT_SECONDS)
        steps = await schema.pending(connection, settings.where)
    except ERRORS as error:
        raise failure(error, settings.where) from error
    finally:
        pool.terminate()
    return tuple(f"{step.version:04}_{step.phase}_{step.name}" for step in steps)


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
