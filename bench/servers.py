"""
What a run starts: PostgreSQL, ``figuard serve`` and other fronts, each a process of its own that ends with the run.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from bench.load import Job
from figuard import FiGuardClient

ROOT = Path(__file__).parent.parent
START_SECONDS = 60.0
STOP_SECONDS = 20.0
VERIFY_SECONDS = 900.0
LISTENS = "listens on "


class Broken(AssertionError):
    """A ledger does not verify, or an answer is not what it must be."""


@dataclass(frozen=True, slots=True)
class Front:
    """A server that listens: where, under which API key, over which database, and as which process."""

    host: str
    port: int
    key: str
    database: str
    pid: int

    def load(self, script: str, *, plan: Mapping[str, Any], **options: Any) -> dict[str, Any]:
        """Put a load on the server from another process, and return what that heard."""
        return finished_load(self.start_load(script, plan=plan, **options))

    def start_load(self, script: str, *, plan: Mapping[str, Any], **options: Any) -> subprocess.Popen[str]:
        """Begin a load; ``finished_load`` waits for its end."""
        job = Job(self.host, self.port, script, {"key": self.key, **plan}, **options)
        load = subprocess.Popen(
            [sys.executable, "-m", "bench.load"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
        )
        assert load.stdin is not None
        load.stdin.write(json.dumps(asdict(job)))
        load.stdin.close()
        load.stdin = None
        return load

    def post(self, path: str, bodies: list[dict[str, Any]], clients: int = 64) -> list[dict[str, Any]]:
        """Post every body and return the answers, in no order. Raises ``Broken`` for one that was refused."""
        heard = self.load(
            "post",
            plan={"path": path, "bodies": bodies},
            clients=min(clients, len(bodies)),
            seconds=600,
            warm_seconds=0,
        )
        refused = [answer for answer in heard["kept"] if "error" in answer]
        if refused or len(heard["kept"]) != len(bodies):
            raise Broken(f"{len(heard['kept'])} of {len(bodies)} answers, refused: {refused[:1]}")
        return heard["kept"]

    def verify(self, budget_ids: Iterable[str]) -> None:
        """Let the server verify some books. Raises ``Broken`` when anything is wrong with one."""
        with FiGuardClient(api_key=self.key, base_url=f"http://{self.host}:{self.port}") as client:
            for budget_id in budget_ids:
                found = client.verify_ledger(budget_id)
                if not found.is_sound:
                    raise Broken(f"the ledger is broken after a benchmark: {found}")


def finished_load(load: subprocess.Popen[str]) -> dict[str, Any]:
    """Return what a load heard. Raises ``RuntimeError`` when it failed."""
    said, _ = load.communicate()
    if load.returncode:
        raise RuntimeError(f"the load generator ended with {load.returncode}")
    return json.loads(said)


@contextmanager
def figuard(
    database: str, folder: Path, *, key: str | None = None, preload: str | None = None, **settings: object
) -> Generator[Front]:
    """Serve a database by ``figuard serve``, with no limit of rates, until the block ends; no *key* makes a tenant."""
    words = [sys.executable, "-m", "figuard.cli"]
    variables = environment(preload) | {"FIGUARD_DATABASE": database, "FIGUARD_RATE_LIMIT_PER_MINUTE": "0"}
    variables |= {f"FIGUARD_{name.upper()}": str(value) for name, value in settings.items()}
    key = key or _new_key([*words, "tenant", "create", "bench", "--json"], variables)
    with process([*words, "serve", "--host", "127.0.0.1", "--port", "0"], variables, folder) as (address, pid):
        yield Front(*address, key, database, pid)


def _new_key(words: list[str], variables: Mapping[str, str]) -> str:
    made = subprocess.run(words, env=variables, capture_output=True, text=True, check=False)
    if made.returncode:
        raise RuntimeError(f"no tenant could be made:\n{made.stderr}")
    return json.loads(made.stdout)["key"]


@contextmanager
def process(words: list[str], variables: Mapping[str, str], folder: Path) -> Generator[tuple[tuple[str, int], int]]:
    """Run a server that says where it listens; yield its address and its process."""
    with (folder / f"server-{time.monotonic_ns()}.log").open("w+", encoding="utf-8") as log:
        running = subprocess.Popen(words, env=dict(variables), stderr=log, stdout=subprocess.DEVNULL, cwd=ROOT)
        try:
            yield _address(running, Path(log.name)), running.pid
            if running.poll() is not None:
                raise Broken(f"a server ended with {running.returncode}:\n{_tail(Path(log.name))}")
        finally:
            running.terminate()
            try:
                running.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                running.kill()
                running.wait()


def _address(running: subprocess.Popen[bytes], log: Path) -> tuple[str, int]:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and running.poll() is None:
        said = log.read_text(encoding="utf-8")
        if LISTENS in said:
            parts = urlsplit(said.partition(LISTENS)[2].split()[0])
            assert parts.hostname is not None
            assert parts.port is not None
            return parts.hostname, parts.port
        time.sleep(0.05)
    raise RuntimeError(f"a server did not start:\n{_tail(log)}")


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(encoding="utf-8").splitlines()[-20:])


def environment(preload: str | None) -> dict[str, str]:
    """Return the environment of a server: ours, without settings that somebody made here."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("FIGUARD_")}
    return kept | ({"LD_PRELOAD": preload} if preload else {})


def verify(database: str) -> int:
    """
    Verify all books of a database, as ``figuard ledger verify`` does; return how many entries there were.

    Raises ``Broken`` when anything is wrong with them.
    """
    words = [sys.executable, "-m", "figuard.cli", "ledger", "verify", "--database", database, "--json"]
    ran = subprocess.run(
        words, capture_output=True, text=True, env=environment(None), timeout=VERIFY_SECONDS, check=False
    )
    if ran.returncode:
        raise Broken(f"the ledger is broken after a benchmark:\n{ran.stdout[-2000:]}{ran.stderr[-2000:]}")
    return int(json.loads(ran.stdout)["entries"])
