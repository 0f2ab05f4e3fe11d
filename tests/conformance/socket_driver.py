"""
The drivers over a real socket: either client on one side, uvicorn with the whole server on the other.

The server lives on a loop in a thread of its own, as its clock and the far end of its webhooks are the scenario's.
"""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from figuard.client.aio.client import AsyncFiGuardClient
from figuard.client.sync.client import FiGuardClient
from figuard.server.backend import open_backend
from figuard.server.run import _listener, listening_socket
from figuard.server.settings import load
from figuard.testing.determinism import ManualClock
from tests.conformance.server_driver import ServerDriver
from tests.server.desk import Desk


class Threaded:
    """An event loop in a thread of its own, asked from outside."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Return what a coroutine comes to over there."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(timeout=60)

    def close(self) -> None:
        """End the loop and its thread."""
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()


class SocketDriver(ServerDriver):
    """A client of either colour; *database* is where the server has its books."""

    def __init__(self, *, is_async: bool, database: Callable[[], str] = lambda: ":memory:") -> None:
        self.runner = Threaded()
        self.desk, url, key = self.runner.run(self._served(database()))
        given = {"api_key": key, "base_url": url, "clock": self.desk.clock, "retry": 1, "log": False}
        self.client = AsyncFiGuardClient(**given) if is_async else FiGuardClient(**given)
        self.callers = asyncio.Runner() if is_async else None

    async def _served(self, database: str) -> tuple[Desk, str, str]:
        settings = load({}, database=database, background=False, port=0, lanes=2, connections=4)
        clock = ManualClock()
        desk = Desk(settings, await open_backend(settings, clock=clock), clock)
        self.listening = listening_socket(settings)
        self.listener = _listener(settings, desk.server)
        self.serving = asyncio.create_task(self.listener.serve(sockets=[self.listening]))
        await self.listener.listening.wait()
        host, port = self.listening.getsockname()[:2]
        return desk, f"http://{host}:{port}", await desk.key()

    def carried_out(self, operation: str, arguments: Mapping[str, Any]) -> Any:
        """As ``ServerDriver.carried_out``."""
        result = getattr(self.client, operation)(**arguments)
        if self.callers is not None:
            return self.callers.run(_awaited(result))
        return list(result) if inspect.isgenerator(result) else result

    def close(self) -> None:
        """As ``Driver.close``."""
        if self.callers is None:
            self.client.close()
        else:
            self.callers.run(self.client.close())
            self.callers.close()
        self.runner.run(self._stopped())
        self.runner.close()

    async def _stopped(self) -> None:
        self.listener.should_exit = True
        await self.serving
        self.listening.close()
        await self.desk.http.aclose()
        await self.desk.server.stop()


async def _awaited(result: Any) -> Any:
    return [part async for part in result] if inspect.isasyncgen(result) else await result
