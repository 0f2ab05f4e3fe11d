"""
An awaited store for callers who do not await: it lives on a loop of its own, in a thread of its own.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from concurrent.futures import CancelledError
from contextlib import AbstractAsyncContextManager
from functools import partial
from types import TracebackType
from typing import Any, TypeVar

from figuard.ports import AsyncStore, AsyncUnitOfWork, Changes, Kind, Query, StoreUnavailable

T = TypeVar("T")

Open = Callable[[], Coroutine[Any, Any, AsyncStore]]


class BlockingStore:
    """
    A blocking store over an awaited one. Safe to share between threads, which wait for their own transactions only.

    Every wait is bounded by the time-outs of the store inside.
    """

    def __init__(self, open_store: Open) -> None:
        """Start the thread and open the store in it. Raises whatever *open_store* raises."""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="figuard-store", daemon=True)
        self._process = os.getpid()
        self._mutex = threading.Lock()
        self._is_closed = False
        self.writing: set[int] = set()
        self._thread.start()
        try:
            self._store = self.wait(open_store())
        except BaseException:
            self._stop()
            raise

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()
        # Whatever was cancelled ends here, and the sockets are let go.
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.close()

    def wait(self, step: Coroutine[Any, Any, T]) -> T:
        """Carry out one step on the loop and return what it comes to."""
        if self._is_closed or self._process != os.getpid():
            step.close()
            how = "is closed" if self._is_closed else "was opened before a fork"
            raise StoreUnavailable(f"the store {how}; open it again")
        future = asyncio.run_coroutine_threadsafe(step, self._loop)
        try:
            return future.result()
        except CancelledError as error:
            raise StoreUnavailable("the store was closed meanwhile; open it again") from error
        except BaseException:
            # Ours may be an interrupt of this thread alone: then the step must not go on without anybody waiting.
            future.cancel()
            raise

    excludes_writers = False

    def begin(self, tenants: Collection[str] = ()) -> BlockingTransaction:
        """As ``ports.Store.begin``."""
        return BlockingTransaction(self, partial(self._store.begin, tenants))

    def query(self, query: Query) -> Any:  # noqa: ANN401 - the type is the query's own
        """As ``ports.Store.query``."""
        return self.wait(self._store.query(query))

    def query_all(self, queries: Sequence[Query]) -> list[Any]:
        """As ``ports.Store.query_all``: as many at once as there are sessions for it."""
        return self.wait(_answered(self._store, queries))

    def meta(self, key: str) -> str | None:
        """As ``ports.Store.meta``."""
        return self.wait(self._store.meta(key))

    def set_meta(self, key: str, value: str, *, if_absent: bool = True) -> str:
        """As ``ports.Store.set_meta``."""
        return self.wait(self._store.set_meta(key, value, if_absent=if_absent))

    def close(self) -> None:
        """As ``ports.Store.close``. Waits for transactions that are open in other threads."""
        with self._mutex:
            if self._is_closed:
                return
            if self._process == os.getpid():
                self.wait(self._store.close())
            self._is_closed = True
        self._stop()

    def _stop(self) -> None:
        self._is_closed = True
        if self._process == os.getpid():
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()


class BlockingTransaction:
    """A transaction of this thread, carried out on the store's loop."""

    __slots__ = ("_begin", "_inner", "_store")

    def __init__(self, store: BlockingStore, begin: Callable[[], AbstractAsyncContextManager[AsyncUnitOfWork]]) -> None:
        self._store = store
        self._begin = begin

    def __enter__(self) -> BlockingWork:
        this_thread = threading.get_ident()
        if this_thread in self._store.writing:
            raise RuntimeError("this thread has a transaction open already; finish it first")
        self._inner = self._begin()
        work = self._store.wait(_entered(self._inner))
        self._store.writing.add(this_thread)
        return BlockingWork(self._store, work)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._store.wait(_left(self._inner, kind, error, trace))
        finally:
            self._store.writing.discard(threading.get_ident())


class BlockingWork:
    """A unit of work, one step at a time."""

    __slots__ = ("_store", "_work")

    def __init__(self, store: BlockingStore, work: AsyncUnitOfWork) -> None:
        self._store = store
        self._work = work

    def read(self, kind: Kind, keys: Sequence[Any]) -> Mapping[Any, Any]:
        """As ``ports.UnitOfWork.read``."""
        return self._store.wait(self._work.read(kind, keys))

    def write(self, changes: Changes) -> None:
        """As ``ports.UnitOfWork.write``."""
        self._store.wait(self._work.write(changes))


async def _answered(store: AsyncStore, queries: Sequence[Query]) -> list[Any]:
    return await asyncio.gather(*map(store.query, queries))


async def _entered(inner: AbstractAsyncContextManager[AsyncUnitOfWork]) -> AsyncUnitOfWork:
    return await inner.__aenter__()


async def _left(
    inner: AbstractAsyncContextManager[AsyncUnitOfWork],
    kind: type[BaseException] | None,
    error: BaseException | None,
    trace: TracebackType | None,
) -> None:
    await inner.__aexit__(kind, error, trace)
