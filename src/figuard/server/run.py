"""
Running: from settings to a process that serves until it is told to stop.
"""

from __future__ import annotations

import asyncio
import gc
import signal
import socket
import sys
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace

import structlog
import uvicorn

from figuard._version import __version__
from figuard.domain.admin import ApiKey
from figuard.ports import Clock, Ids, ListRecords
from figuard.server.app import Server
from figuard.server.backend import open_backend
from figuard.server.logs import configure
from figuard.server.protocol import bounded
from figuard.server.settings import ServerSettings, SettingsError
from figuard.server.siblings import Seat

Announce = Callable[[ServerSettings, str, bool], None]
"""Is told the settings, the address that is listened on, and whether any API key exists."""
GC_THRESHOLD = 100_000
"""After how many new objects the collector looks for cycles: the hot path makes none."""
SWITCH_SECONDS = 0.0005
"""How long a thread that computes keeps the loop waiting: with SQLite, decisions are made beside it."""
BACKLOG = 2048
KEEP_ALIVE_SECONDS = 75
FILES_MAX = 65_536
"""How many files a server asks for; some systems count those that are allowed, not those that are open."""
_LOG = structlog.stdlib.get_logger(__name__)


class Listener(uvicorn.Server):
    """uvicorn, but for signals: whoever runs it decides what they mean."""

    def __init__(self, config: uvicorn.Config) -> None:
        """Take what to serve."""
        super().__init__(config)
        self.listening = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen, and say so."""
        await super().startup(sockets)
        self.listening.set()

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Leave signals alone."""
        yield


@asynccontextmanager
async def serving(
    settings: ServerSettings, *, clock: Clock | None = None, ids: Ids | None = None, seat: Seat | None = None
) -> AsyncGenerator[tuple[Server, str]]:
    """
    Serve while the block runs; yields the server and the address it listens on.

    One of several workers (*seat*) shares its port with the others. Afterwards nothing new is accepted, what is open is
    answered within ``stop_seconds``, and the database is released. Raises ``StoreUnavailable``, ``OSError`` (the port
    is taken) and ``SettingsError``.
    """
    listening = listening_socket(settings, is_shared=seat is not None)
    # Links lead here: where any free port would do, they name the one that was found.
    settings = replace(settings, port=listening.getsockname()[1])
    try:
        server = Server(settings, await open_backend(settings, clock=clock, ids=ids), seat=seat)
    except BaseException:
        listening.close()
        raise
    try:
        await server.start()
        listener = _listener(settings, server)
        running = asyncio.create_task(listener.serve(sockets=[listening]))
        try:
            await asyncio.wait((running, asyncio.create_task(listener.listening.wait())), return_when="FIRST_COMPLETED")
            yield server, address_of(listening)
        finally:
            server.health.is_stopping = True
            listener.should_exit = True
            # While open requests are answered nothing is begun any more that could outlast them.
            await server.jobs.stop()
            await running
    finally:
        await server.stop()
        listening.close()


def listening_socket(settings: ServerSettings, *, is_shared: bool = False) -> socket.socket:
    """Return a bound socket, whose port others of this user may share if asked. Raises ``SettingsError``."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if is_shared:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        made.bind((settings.host, settings.port))
    except OSError as error:
        made.close()
        raise SettingsError(
            f"cannot listen on {settings.host}:{settings.port}: {error.strerror}; choose another with --host and --port"
        ) from error
    made.setblocking(False)  # noqa: FBT003 - the name of the call says what False is
    return made


def address_of(listening: socket.socket) -> str:
    """Return the address of a bound socket as a URL."""
    host, port = listening.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def _listener(settings: ServerSettings, server: Server) -> Listener:
    config = uvicorn.Config(
        server.app,
        http=bounded(settings, server.express),
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        backlog=BACKLOG,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=max(1, int(settings.stop_seconds)),
    )
    return Listener(config)


async def run(settings: ServerSettings, announce: Announce | None = None) -> None:
    """Serve until SIGTERM or SIGINT. Raises as ``serving`` does."""
    await run_until(stop_signal(signal.SIGTERM, signal.SIGINT), settings, announce)


def stop_signal(*numbers: signal.Signals) -> asyncio.Event:
    """Return what is set by any of these signals to this process."""
    stopping = asyncio.Event()
    for number in numbers:
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    return stopping


async def run_until(
    stopping: asyncio.Event, settings: ServerSettings, announce: Announce | None = None, *, seat: Seat | None = None
) -> None:
    """Serve until an event is set. Raises as ``serving`` does."""
    async with serving(settings, seat=seat) as (server, address):
        keys = await server.backend.engine.query(ListRecords(ApiKey, None, limit=1))
        if announce is not None:
            announce(server.settings, address, bool(keys))
        _LOG.info("serving", address=address, database=settings.where, version=__version__, demo=settings.demo)
        gc.collect()
        gc.freeze()
        gc.set_threshold(GC_THRESHOLD)
        sys.setswitchinterval(SWITCH_SECONDS)
        await stopping.wait()
        _LOG.info("stopping", within_seconds=settings.stop_seconds)
    _LOG.info("stopped")


def main(settings: ServerSettings, announce: Announce | None = None) -> None:
    """Serve in this process. Raises as ``run`` does."""
    configure(settings)
    on_fast_loop(run(settings, announce))


def on_fast_loop(work: Coroutine[None, None, None]) -> None:
    """Do work on the fastest loop there is here, with room for as many connections as this process may have."""
    _make_room()
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(work)


def _make_room() -> None:
    """Let this process have as many files open as it may: each connection is one, and a shell allows for few."""
    try:
        import resource
    except ImportError:
        # Windows has no such limit.
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES_MAX if hard == resource.RLIM_INFINITY else min(hard, FILES_MAX)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:
        # There is none for Windows; asyncio's own loop serves there.
        return None
    return uvloop.new_event_loop
