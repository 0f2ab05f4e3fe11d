"""
Runs a module as a script and lets it speak to this machine only: ``python -m tests.examples.offline examples.tokens``.

Whoever tries to reach another machine, or asks for its address, gets an error. Some libraries swallow it, so the
attempt itself ends the run with exit code 3.
"""

from __future__ import annotations

import os
import runpy
import sys
from typing import Any

LOCAL = {"127.0.0.1", "::1", "localhost", "", None}
EVENTS = {"socket.connect": 1, "socket.sendto": 1, "socket.getaddrinfo": 0}
"""Which argument of an audit event says where to."""
attempts: list[str] = []


def watch(event: str, arguments: tuple[Any, ...]) -> None:
    """Refuse to leave the machine. The address of a socket in the file system is its path."""
    if event not in EVENTS:
        return
    where = arguments[EVENTS[event]]
    host = where[0] if isinstance(where, tuple) else where
    host = host.decode() if isinstance(host, bytes) else host
    if (event == "socket.getaddrinfo" or isinstance(where, tuple)) and host not in LOCAL:
        attempts.append(f"{event} {host}")
        raise PermissionError(f"an example asks for {host}, and is to stay on this machine")


def main(module: str) -> int | str:
    """Run *module* and return its exit code, or 3 when it tried to leave."""
    sys.addaudithook(watch)
    sys.argv = [module]
    ended: int | str = 0
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as end:
        ended = end.code if end.code is not None else 0
    if attempts:
        print(*attempts, sep="\n", file=sys.stderr)
        return 3
    return ended


if __name__ == "__main__":
    code = main(sys.argv[1])
    if isinstance(code, str):
        print(code, file=sys.stderr)
    sys.stdout.flush()
    sys.stderr.flush()
    # What a framework left running must not hold up the end of a test.
    os._exit(code if isinstance(code, int) else 1)
