"""
One of several workers: ``python -m figuard.server.worker``, started by ``figuard.server.workers`` and by nobody else.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from typing import IO

import msgspec

from figuard.ports import StoreUnavailable
from figuard.server.logs import configure
from figuard.server.run import on_fast_loop, run_until, stop_signal
from figuard.server.workers import Said, Told

_STDIN, _STDOUT, _STDERR = 0, 1, 2


async def work(told: Told, parent: IO[bytes]) -> None:
    """Serve until SIGTERM or the end of standard input, and tell *parent* when this listens. Raises as ``serving``."""
    # Ctrl+C reaches every process of a terminal; what it means is for the parent to say.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    stopping = stop_signal(signal.SIGTERM)
    loop = asyncio.get_running_loop()

    def has_ended() -> None:
        loop.remove_reader(_STDIN)
        stopping.set()

    loop.add_reader(_STDIN, has_ended)

    def listens(*_: object) -> None:
        say(parent, Said())

    await run_until(stopping, told.settings, listens, seat=told.seat)


def say(parent: IO[bytes], said: Said) -> None:
    """Tell the parent; once."""
    if parent.closed:
        return
    with parent:
        parent.write(msgspec.json.encode(said) + b"\n")


def main() -> None:
    """Do what the parent says."""
    # The parent reads standard output; whatever else is printed in this process must not end up there.
    parent = os.fdopen(os.dup(_STDOUT), "wb")
    os.dup2(_STDERR, _STDOUT)
    line = sys.stdin.buffer.readline()
    if not line:
        sys.exit("a worker is started by `figuard serve --workers`")
    told = msgspec.json.decode(line, type=Told)
    configure(told.settings, worker=told.seat.number)
    try:
        on_fast_loop(work(told, parent))
    except (StoreUnavailable, ImportError, ValueError, OSError) as error:
        if parent.closed:
            raise
        say(parent, Said(str(error)))
        sys.exit(1)


if __name__ == "__main__":
    main()
