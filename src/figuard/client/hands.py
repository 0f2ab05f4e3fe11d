"""
The two drivers' hands: one blocks its thread, the other never blocks the event loop.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from typing import Any, ParamSpec, TypeVar

from figuard.client.steps import Call, Done, Invoke, Local, Outcome, Raised, Sleep, Steps
from figuard.client.transport import AsyncTransport, Transport

P = ParamSpec("P")
R = TypeVar("R")

THREADS_MAX = 8
"""How many blocking calls of one async client run at once; more wait their turn."""


class BlockingHands:
    """
    Grants wishes on the caller's thread, each before it returns.

    Without a *transport* it can only call other clients, which is what a composite guard does.
    """

    def __init__(self, transport: Transport | None = None, sleep: Callable[[float], None] = time.sleep) -> None:
        self._transport = transport
        self._sleep = sleep

    def follow(self, steps: Steps[R]) -> R:
        """Run an operation to its end, as ``steps.follow`` does, which would make two coroutines of every request."""
        came: Any = None
        try:
            while True:
                step = steps.send(came)
                match step:
                    case Call():
                        assert self._transport is not None
                        came = self._transport.send(step)
                    case Sleep(seconds):
                        came = self._sleep(seconds)
                    case Local(work):
                        came = _tried(work)
                    case Invoke(method, arguments):
                        came = _tried(partial(method, **arguments))
        except StopIteration as end:
            return end.value
        finally:
            steps.close()

    def close(self) -> None:
        """Release the transport. Harmless twice."""
        if self._transport is not None:
            self._transport.close()


class AsyncHands:
    """Grants wishes on the running loop; what would block goes to *threads*. *transport* as with the other."""

    def __init__(
        self,
        transport: AsyncTransport | None = None,
        threads: Threads | None = None,
        sleep: Callable[[float], Any] = asyncio.sleep,
    ) -> None:
        self._transport = transport
        self._threads = threads or Threads()
        self._sleep = sleep

    async def send(self, call: Call) -> Outcome:
        """Send a request and await its outcome."""
        assert self._transport is not None
        return await self._transport.send(call)

    async def sleep(self, seconds: float) -> None:
        """Let others run for so long."""
        await self._sleep(seconds)

    async def local(self, work: Callable[[], Any]) -> Done | Raised:
        """Run it on a thread."""
        return await self._threads.run(_tried, work)

    async def invoke(self, method: Callable[..., Any], arguments: Mapping[str, Any]) -> Done | Raised:
        """Await it."""
        try:
            return Done(await method(**arguments))
        except Exception as error:  # noqa: BLE001 - the operation decides what a failure means
            return Raised(error)

    async def close(self) -> None:
        """Release the transport and the threads. Harmless twice."""
        if self._transport is not None:
            await self._transport.close()
        self._threads.close()


class Threads:
    """A few threads of a client's own, made when first needed, so that it never competes for the loop's."""

    def __init__(self) -> None:
        self._pool: ThreadPoolExecutor | None = None

    async def run(self, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run *work* on a thread with the caller's context variables, and await it."""
        call = partial(copy_context().run, partial(work, *args, **kwargs))
        return await asyncio.get_running_loop().run_in_executor(self.pool(), call)

    def pool(self) -> Executor:
        """Return the pool, made if need be."""
        if self._pool is None:
            self._pool = ThreadPoolExecutor(THREADS_MAX, thread_name_prefix="figuard")
        return self._pool

    def close(self) -> None:
        """Let the threads go once they are done. Harmless twice."""
        if self._pool is not None:
            self._pool.shutdown(wait=False)
            self._pool = None


def _tried(work: Callable[[], Any]) -> Done | Raised:
    try:
        return Done(work())
    except Exception as error:  # noqa: BLE001 - the operation decides what a failure means
        return Raised(error)
