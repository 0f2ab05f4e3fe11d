"""
Real servers for tests: `figuard serve` processes over a database file or a PostgreSQL of our own.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread
from typing import Any

from tests import postgres_server

FIGUARD = Path(sys.executable).with_name("figuard")
START_SECONDS = 60.0
STOP_SECONDS = 10.0
"""What a server promises: it is gone so soon after SIGTERM."""
COMMAND_SECONDS = 60.0
QUIET = {"FIGUARD_RATE_LIMIT_PER_MINUTE": "0", "FIGUARD_LOG_LEVEL": "warning"}
_LISTENS = re.compile(r"FiGuard listens on http://([\d.]+):(\d+) ")


@dataclass
class Served:
    """One `figuard serve` process. It keeps its port when it is started again."""

    database: str
    environment: dict[str, str] = field(default_factory=dict)
    arguments: tuple[str, ...] = ()
    host: str = "127.0.0.1"
    port: int = 0
    process: subprocess.Popen[bytes] | None = None
    said: list[str] = field(default_factory=list)
    """The lines that it has written, of all its lives."""
    _reader: Thread | None = None

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://{self.host}:{self.port}"

    def start(self) -> Served:
        """Start it, and return when it listens. Raises ``RuntimeError`` with its own words when it does not."""
        command = [FIGUARD, "serve", "--host", self.host, "--port", str(self.port), *self.arguments]
        environment = {**os.environ, **QUIET, "FIGUARD_DATABASE": self.database, **self.environment}
        self.process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        began, heard = len(self.said), Event()
        # A pipe that nobody reads would stop the server once it is full.
        self._reader = Thread(target=self._read, args=(self.process, heard), daemon=True)
        self._reader.start()
        is_heard = heard.wait(START_SECONDS)
        found = next(filter(None, map(_LISTENS.search, self.said[began:])), None)
        if not is_heard or found is None:
            self.kill()
            raise RuntimeError("the server did not start:\n" + "".join(self.said[began:]))
        self.port = int(found[2])
        return self

    def _read(self, process: subprocess.Popen[bytes], heard: Event) -> None:
        assert process.stderr is not None
        for line in process.stderr:
            self.said.append(line.decode())
            if _LISTENS.search(self.said[-1]):
                heard.set()
        heard.set()
        process.stderr.close()

    def stop(self, number: int = signal.SIGTERM) -> float:
        """End it as an operator does; return how many seconds it took. Raises ``TimeoutExpired``."""
        assert self.process is not None
        began = time.monotonic()
        self.process.send_signal(number)
        status = self.process.wait(STOP_SECONDS)
        took = time.monotonic() - began
        self.kill()
        assert status == 0, "".join(self.said)
        return took

    def kill(self) -> None:
        """End it without a warning. Harmless twice."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(COMMAND_SECONDS)
            self.process = None
        if self._reader is not None:
            self._reader.join(COMMAND_SECONDS)
            self._reader = None


@dataclass
class Place:
    """A database, a tenant in it with an admin key, and the servers started over it."""

    kind: str
    database: str
    folder: Path
    admin: str = ""
    """The address for the server's administrator, where there is one."""
    key: str = ""
    tenant: str = ""
    servers: list[Served] = field(default_factory=list)
    always: dict[str, str] = field(default_factory=dict)
    """Variables of every server that is started here."""

    def furnish(self) -> Place:
        """Make the tenant."""
        made = self.figuard("tenant", "create", "acme", "--json")
        self.tenant, self.key = made["id"], made["key"]
        return self

    def serve(self, *arguments: str, **environment: str) -> Served:
        """Start one more server; *environment* names variables without their ``FIGUARD_``."""
        variables = {**self.always, **{f"FIGUARD_{name.upper()}": value for name, value in environment.items()}}
        server = Served(self.database, variables, arguments)
        self.servers.append(server)
        return server.start()

    def figuard(self, *arguments: str) -> Any:
        """Run a command on the database; return what it says as data. Raises ``CalledProcessError``."""
        environment = {**os.environ, "FIGUARD_DATABASE": self.database}
        ran = subprocess.run(
            [FIGUARD, *arguments, "--database", self.database],
            env=environment,
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS * 5,
            check=False,
            cwd=self.folder,
        )
        assert ran.returncode == 0, f"figuard {' '.join(arguments)}: {ran.stdout}{ran.stderr}"
        return json.loads(ran.stdout)

    def verified(self) -> dict[str, Any]:
        """Return the verdict of `figuard ledger verify`, which has to be a good one."""
        verdict = self.figuard("ledger", "verify", "--json")
        assert verdict["is_sound"], verdict
        return verdict

    def close(self) -> None:
        """End what still runs."""
        for server in self.servers:
            server.kill()


def sqlite_place(folder: Path) -> Place:
    """Return a furnished place in a file."""
    return Place("sqlite", str(folder / "books.db"), folder).furnish()


def postgres_place(server: postgres_server.Server, folder: Path) -> Place:
    """Return a furnished place on PostgreSQL: one role owns the tables, servers come in by another that may less."""
    owner, app = server.create_role("figuard_owner"), server.create_role("figuard_app")
    name = server.create(owner=owner.user)
    place = Place("postgres", server.tcp_url(name, owner), folder)
    place.admin = server.tcp_url(name)
    place.figuard("migrate", "--role", app.user, "--json")
    place.database = server.tcp_url(name, app)
    return place.furnish()
