"""
The references: what the database alone can do, and the published package, measured in the same run.
"""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import venv
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

from bench.measure import Result, rate
from bench.turns import Case

PACKAGE = "figuard==1.2.0"
ENTRY_BYTES = 1000
"""How large the inserted row is: about what one ledger entry takes."""


def raw_sqlite(folder: Path, count: int) -> Case:
    """One update and one insert per transaction with the same durability: the floor of any design."""
    connection = sqlite3.connect(folder / "raw.db", isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("CREATE TABLE balance (id INTEGER PRIMARY KEY, spent INTEGER)")
    connection.execute("CREATE TABLE entry (id INTEGER PRIMARY KEY, body TEXT)")
    connection.execute("INSERT INTO balance VALUES (1, 0)")
    body = "x" * ENTRY_BYTES

    def transact(_: int) -> None:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("UPDATE balance SET spent = spent + 1 WHERE id = 1")
        connection.execute("INSERT INTO entry (body) VALUES (?)", (body,))
        connection.execute("COMMIT")

    return lambda: rate(count, transact)


# Runs inside the throw-away environment, against that package's public API and the rows of its own file.
_SCRIPT = """
import itertools, sqlite3, sys, time
from figuard import FiGuardClient
path, events = sys.argv[1], int(sys.argv[2])
client = FiGuardClient(database=path, log=False)
limits = {"velocity_max_per_day": 10**9} if events else {}
budget = client.create_budget(user_id="bench", total_limit=10**9, expires_in="24h", currency="USD", **limits)
def pair(i):
    a = client.authorize(budget.session_token, "agent", "SPEND", "bench", 1, f"k{i}")
    client.confirm_event(a.event_id, 1)
pair(-1)
if events:
    db = sqlite3.connect(path)
    names = [row[1] for row in db.execute("PRAGMA table_info(spend_events)")]
    row = dict(zip(names, db.execute("SELECT * FROM spend_events LIMIT 1").fetchone()))
    unique = [n for n in ("id", "idempotency_key") if n in row]
    insert = f"INSERT INTO spend_events ({','.join(names)}) VALUES ({','.join('?' * len(names))})"
    rows = ([f"{row[n]}-{i}" if n in unique else row[n] for n in names] for i in range(events))
    with db: db.executemany(insert, rows)
    db.close()
numbers = itertools.count()
print("ready", flush=True)
for line in sys.stdin:
    start = time.perf_counter()
    for i in itertools.islice(numbers, int(line)): pair(i)
    print(int(line) / (time.perf_counter() - start), flush=True)
"""


@contextmanager
def published(folder: Path, events: int = 0) -> Generator[Callable[[int], Case] | None]:
    """
    Lend what authorizes and confirms so many pairs with the published package on a file with *events* in its ledger.

    Lends None when the package cannot be installed here (no registry), or does not run.
    """
    python = _environment(folder)
    if python is None:
        yield None
        return
    script = folder / "published.py"
    script.write_text(_SCRIPT, encoding="utf-8")
    words = [str(python), str(script), str(folder / f"published-{events}.db"), str(events)]
    alone = {"PATH": "", "HOME": str(folder)}
    with subprocess.Popen(
        words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=folder, env=alone
    ) as running:
        assert running.stdin is not None
        assert running.stdout is not None
        asked, said = running.stdin, running.stdout

        def measure(pairs: int) -> Result:
            print(pairs, file=asked, flush=True)
            return Result("", float(said.readline()))

        is_ready = said.readline().startswith("ready")
        if not is_ready:
            sys.stderr.write("the published package does not run here; its rows are left out\n")
        yield (lambda pairs: lambda: measure(pairs)) if is_ready else None
        asked.close()


def _environment(folder: Path) -> Path | None:
    home = folder / "published"
    python = home / "bin" / "python"
    if not python.exists():
        venv.create(home, with_pip=True)
        done = subprocess.run(
            [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", PACKAGE],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            return None
    return python
