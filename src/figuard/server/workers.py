"""
Several workers: processes that serve side by side at one address, and the one that looks after them.

Every worker listens for itself, and the kernel spreads new connections over those that listen, so one that died is
given none. A worker hears from its parent by its standard input: first what it is to do, and by the end of it that it
is to stop. So none outlives its parent, however that ends.
"""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from typing import NoReturn

import msgspec
import structlog

from figuard.domain.admin import ApiKey
from figuard.ports import ListRecords
from figuard.server.backend import open_backend
from figuard.server.demo import seed_demo
from figuard.server.logs import configure
from figuard.server.run import Announce, address_of, listening_socket, on_fast_loop, stop_signal
from figuard.server.settings import ServerSettings, SettingsError
from figuard.server.siblings import Seat, meeting_place

COMMAND = (sys.executable, "-P", "-m", "figuard.server.worker")
"""A fresh interpreter: nothing of this process's threads, loop and connections is in it."""
PAUSE_SECONDS_MIN, PAUSE_SECONDS_MAX = 0.5, 30.0
"""How long after a worker's end another takes its place: twice as long each time, while they do not last."""
STEADY_SECONDS = 60.0
"""A worker that served so long has lasted."""
STOP_MARGIN_SECONDS = 2.0
"""How long after ``stop_seconds`` a worker that still runs is killed."""
_LOG = structlog.stdlib.get_logger(__name__)


class Told(msgspec.Struct):
    """What a worker is told, in one line."""

    seat: Seat
    settings: ServerSettings


class Said(msgspec.Struct):
    """What a worker says, in one line: that it listens, or what keeps it from that."""

    problem: str = ""


class Worker:
    """One of the workers: a process, and after its end another one. Belongs to one event loop."""

    def __init__(self, seat: Seat, settings: ServerSettings) -> None:
        """Give a worker its place; ``live`` starts it."""
        self.listens = asyncio.Event()
        self._number = seat.number
        self._stop_seconds = settings.stop_seconds + STOP_MARGIN_SECONDS
        self._told = msgspec.json.encode(Told(seat, settings)) + b"\n"
        self._process: asyncio.subprocess.Process | None = None

    async def live(self) -> NoReturn:
        """Run one process after another. Raises ``ChildProcessError`` when the first cannot listen."""
        pause = PAUSE_SECONDS_MIN
        while True:
            began = time.monotonic()
            problem = await self._run()
            if not self.listens.is_set():
                raise ChildProcessError(f"worker {self._number} cannot serve: {problem}")
            if time.monotonic() - began > STEADY_SECONDS:
                pause = PAUSE_SECONDS_MIN
            _LOG.error(
                "a worker ended; another takes its place", worker=self._number, problem=problem, in_seconds=pause
            )
            await asyncio.sleep(pause)
            pause = min(2 * pause, PAUSE_SECONDS_MAX)

    async def _run(self) -> str:
        """Run a process to its end; return why it ended."""
        pipe = asyncio.subprocess.PIPE
        process = self._process = await asyncio.create_subprocess_exec(*COMMAND, stdin=pipe, stdout=pipe)
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(self._told)
        line = await process.stdout.readline()
        said = msgspec.json.decode(line, type=Said) if line else None
        if said is not None and not said.problem:
            self.listens.set()
        status = await process.wait()
        if said is not None and said.problem:
            return said.problem
        return f"{signal.Signals(-status).name} ended it" if status < 0 else f"it ended with status {status}"

    async def stop(self) -> None:
        """Let the process answer what is open, and end. Once nobody runs ``live`` any more."""
        process = self._process
        if process is None or process.returncode is not None:
            return
        assert process.stdin is not None
        process.stdin.close()
        try:
            async with asyncio.timeout(self._stop_seconds):
                await process.wait()
        except TimeoutError:
            _LOG.error("a worker did not stop in time and is killed", worker=self._number)
            process.kill()
            await process.wait()


async def supervise(settings: ServerSettings, announce: Announce | None = None) -> None:
    """
    Serve by ``settings.workers`` processes until SIGTERM or SIGINT.

    *announce* is told once all of them listen. Raises as ``run`` does, and ``ChildProcessError`` when one cannot start.
    """
    stopping = asyncio.create_task(stop_signal(signal.SIGTERM, signal.SIGINT).wait())
    with _reserved(settings) as (address, port), meeting_place() as folder:
        settings = replace(settings, port=port)
        has_key = await _prepared(settings)
        workers = [Worker(Seat(number, folder), settings) for number in range(1, settings.workers + 1)]
        lives = [asyncio.create_task(worker.live()) for worker in workers]
        all_listen = asyncio.gather(*(worker.listens.wait() for worker in workers))
        try:
            await asyncio.wait((stopping, all_listen, *lives), return_when="FIRST_COMPLETED")
            if all_listen.done() and announce is not None:
                announce(settings, address, has_key)
            ended, _ = await asyncio.wait((stopping, *lives), return_when="FIRST_COMPLETED")
            for one in ended:
                one.result()
        finally:
            for task in (all_listen, *lives):
                task.cancel()
            await asyncio.gather(all_listen, *lives, return_exceptions=True)
            await asyncio.gather(*(worker.stop() for worker in workers))


@contextmanager
def _reserved(settings: ServerSettings) -> Generator[tuple[str, int]]:
    """Keep a port for the workers; yields its address. Raises ``SettingsError`` when it is taken."""
    if not hasattr(socket, "SO_REUSEPORT"):
        raise SettingsError("on this system processes cannot share a port; leave FIGUARD_WORKERS at 1")
    # Bound alone, so a port that anybody listens on is refused; shared from then on. It never listens itself.
    with listening_socket(settings) as kept:
        kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        yield address_of(kept), kept.getsockname()[1]


async def _prepared(settings: ServerSettings) -> bool:
    """
    Open the database once before anybody serves it; return whether any API key exists.

    What is wrong with it is said once that way, and the demo is seeded once. Raises as ``open_backend`` does.
    """
    backend = await open_backend(replace(settings, lanes=1, connections=2))
    try:
        if settings.demo:
            await seed_demo(backend)
        return bool(await backend.engine.query(ListRecords(ApiKey, None, limit=1)))
    finally:
        await backend.close()


def main(settings: ServerSettings, announce: Announce | None = None) -> None:
    """Look after workers in this process. Raises as ``supervise`` does."""
    configure(settings)
    on_fast_loop(supervise(settings, announce))
