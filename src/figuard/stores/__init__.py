"""
The stores: where the books are kept. Each keeps the promises of ``figuard.ports``, and none decides anything.
"""

from __future__ import annotations

from figuard.ports import AsyncStore, Store

MEMORY = ":memory:"
_SQLITE = "sqlite:///"
_POSTGRES = ("postgresql://", "postgres://")


def open_store(database: str, *, read_only: bool = False) -> Store:
    """
    Open the store that *database* names, creating it if need be.

    It is the path of an SQLite file, ``:memory:``, ``sqlite:///file.db`` (``sqlite:////abs/file.db`` for an absolute
    path), or a ``postgresql://`` URL. Raises ``StoreUnavailable`` when it cannot be opened, ``ImportError`` when a
    driver is not installed, ``ValueError`` for another kind of URL.
    """
    if database.startswith(_POSTGRES):
        from figuard.stores.postgres import BlockingStore, PostgresStore

        return BlockingStore(lambda: PostgresStore.open(database, read_only=read_only))
    path = database.removeprefix(_SQLITE)
    if not path or "://" in path:
        msg = f"{database!r} names no database; give a file path, 'sqlite:///file.db', ':memory:' or 'postgresql://…'"
        raise ValueError(msg)
    from figuard.stores.sqlite import SqliteStore

    return SqliteStore(path, read_only=read_only)


async def open_async_store(database: str, *, read_only: bool = False, writers: int | None = None) -> AsyncStore:
    """
    Open the store that a ``postgresql://`` URL names, for the event loop that runs.

    At most *writers* transactions run at once. Raises as ``open_store`` does.
    """
    if not database.startswith(_POSTGRES):
        raise ValueError(f"{database!r} is no 'postgresql://…' URL; a file is opened with open_store")
    from figuard.stores.postgres import PostgresStore

    if writers is None:
        return await PostgresStore.open(database, read_only=read_only)
    return await PostgresStore.open(database, read_only=read_only, writers=writers)
