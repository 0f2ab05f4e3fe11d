"""
The backend: an open database with its engine, the same to the rest of the server whichever database it is.

SQLite blocks, so its commits run on one writer thread and its queries on a few readers; PostgreSQL is awaited.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol

from figuard.engine import Engine
from figuard.engine.async_engine import AsyncEngine, over_engine, over_store
from figuard.host import PepperHasher, RandomIds, SystemClock, new_pepper
from figuard.ports import AsyncStore, Changes, Clock, Ids, Record, Store
from figuard.server.settings import ServerSettings
from figuard.stores import MEMORY, open_store
from figuard.webhooks.secretbox import SECRET_KEY_META, SecretBox, decoded_key, new_key
from figuard.webhooks.secretfile import fill

READER_THREADS = 4
"""How many queries of one SQLite file run side by side."""
PEPPER_META = "pepper"
"""Under what name a database keeps the pepper it made for itself; embedded mode uses the same."""
_LOG = logging.getLogger(__name__)


class Backend(Protocol):
    """An open database."""

    engine: AsyncEngine
    hasher: PepperHasher
    box: SecretBox

    async def insert(self, *records: Record) -> None:
        """Add records in one transaction. Raises ``StoreConflict`` when one exists, ``StoreUnavailable``."""
        ...

    async def close(self) -> None:
        """Finish what waits and release the database. Harmless twice."""
        ...


async def open_backend(settings: ServerSettings, *, clock: Clock | None = None, ids: Ids | None = None) -> Backend:
    """Open the database of *settings*. Raises ``StoreUnavailable``, ``ImportError`` and ``ValueError``."""
    clock, ids = clock or SystemClock(), ids or RandomIds()
    if settings.is_postgres:
        from figuard.stores.postgres import PostgresStore

        readers = settings.connections - settings.lanes
        store = await PostgresStore.open(settings.database, writers=settings.lanes, readers=readers)
        try:
            peppers = await _peppers(settings, store.meta, store.set_meta)
            box = SecretBox(await _secret_key(settings, store.set_meta))
        except BaseException:
            await store.close()
            raise
        hasher = PepperHasher(peppers)
        return SharedBackend(store, settings.lanes, clock, ids, hasher, box, queue_max=settings.queue_max)
    local = await asyncio.to_thread(open_store, _expanded(settings.database))

    async def meta(key: str) -> str | None:
        return await asyncio.to_thread(local.meta, key)

    async def set_meta(key: str, value: str) -> str:
        return await asyncio.to_thread(local.set_meta, key, value)

    try:
        peppers = await _peppers(settings, meta, set_meta)
        box = SecretBox(await _secret_key(settings, set_meta))
    except BaseException:
        await asyncio.to_thread(local.close)
        raise
    threads = 1 if settings.database == MEMORY else READER_THREADS
    return LocalBackend(local, threads, clock, ids, PepperHasher(peppers), box, queue_max=settings.queue_max)


class LocalBackend:
    """A blocking store: one thread commits, a few answer queries."""

    def __init__(
        self,
        store: Store,
        readers: int,
        clock: Clock,
        ids: Ids,
        hasher: PepperHasher,
        box: SecretBox,
        *,
        queue_max: int,
    ) -> None:
        """Take an open store and start its threads."""
        self.store = store
        self.hasher = hasher
        self.box = box
        inner = Engine(store, clock=clock, ids=ids, hasher=hasher)
        self._writer = ThreadPoolExecutor(1, "figuard-writer")
        self._readers = ThreadPoolExecutor(readers, "figuard-reader")
        commit = inner.commit

        async def run_blocking(work: Callable[..., Any], *arguments: Any) -> Any:  # noqa: ANN401 - the work's own
            pool = self._writer if work == commit else self._readers
            return await asyncio.get_running_loop().run_in_executor(pool, work, *arguments)

        self.engine = over_engine(inner, run_blocking, queue_max=queue_max)

    async def insert(self, *records: Record) -> None:
        """As ``Backend.insert``."""
        await self._write(lambda: self._insert(records))

    def _insert(self, records: Sequence[Record]) -> None:
        with self.store.begin() as unit:
            unit.write(Changes(inserted=list(records)))

    async def _write(self, work: Callable[[], None]) -> None:
        await asyncio.get_running_loop().run_in_executor(self._writer, work)

    async def close(self) -> None:
        """As ``Backend.close``."""
        await self.engine.finish()
        await asyncio.to_thread(self._release)

    def _release(self) -> None:
        self._writer.shutdown()
        self._readers.shutdown()
        self.store.close()


class SharedBackend:
    """An awaited store, which any number of servers may share."""

    def __init__(
        self,
        store: AsyncStore,
        lanes: int,
        clock: Clock,
        ids: Ids,
        hasher: PepperHasher,
        box: SecretBox,
        *,
        queue_max: int,
    ) -> None:
        """Take an open store."""
        self.store = store
        self.hasher = hasher
        self.box = box
        self.engine = over_store(store, clock=clock, ids=ids, hasher=hasher, lanes=lanes, queue_max=queue_max)

    async def insert(self, *records: Record) -> None:
        """As ``Backend.insert``."""
        async with self.store.begin() as unit:
            await unit.write(Changes(inserted=list(records)))

    async def close(self) -> None:
        """As ``Backend.close``."""
        await self.engine.finish()
        await self.store.close()


def _expanded(database: str) -> str:
    return str(Path(database).expanduser()) if database.startswith("~") else database


async def _peppers(settings: ServerSettings, meta: Callable[..., Any], set_meta: Callable[..., Any]) -> list[bytes]:
    """Return the peppers, newest first: the configured ones, the secrets file's, the one the database made."""
    configured = [pepper.encode() for pepper in settings.peppers]
    if not configured and settings.secrets_file:
        text = await asyncio.to_thread(fill, settings.secrets_file, "FIGUARD_TOKEN_PEPPER", new_pepper)
        configured = [part.encode() for part in text.split(",") if part]
    own: str | None = await meta(PEPPER_META)
    if own is None and not configured:
        own = await set_meta(PEPPER_META, new_pepper())
    return [*configured, *([own.encode()] if own else [])]


async def _secret_key(settings: ServerSettings, set_meta: Callable[..., Any]) -> bytes:
    """Return the key of webhook secrets: the configured one, the secrets file's, or one kept in the database."""
    key = settings.secret_key
    if key is None and settings.secrets_file:
        text = await asyncio.to_thread(fill, settings.secrets_file, "FIGUARD_WEBHOOK_SECRET_KEY", new_key)
        key = decoded_key(text)
    if key is None:
        key = decoded_key(await set_meta(SECRET_KEY_META, new_key()))
        if settings.is_postgres:
            _LOG.warning("webhook secrets are encrypted under a key kept beside them; set FIGUARD_WEBHOOK_SECRET_KEY")
    if not any(key):
        _LOG.warning("the webhook secret key is all zeros, which everybody knows; set FIGUARD_WEBHOOK_SECRET_KEY")
    return key
