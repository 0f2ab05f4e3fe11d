"""
The limit: what the database alone does with the smallest transaction that reserves money, measured by pgbench.

One statement takes the amount if it fits and writes one row under a unique key. It knows no tenants, rules, windows,
chain or settlement; nothing that decides and records can do less.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from bench.measure import Result
from tests.postgres_server import DEBIAN, Server, candidates

SCHEMA = (
    "CREATE TABLE balances (id int PRIMARY KEY, quota bigint NOT NULL, held bigint NOT NULL) WITH (fillfactor = 50)",
    (
        "CREATE TABLE entries (budget int NOT NULL, key text NOT NULL, amount bigint NOT NULL, body text NOT NULL,"
        " PRIMARY KEY (budget, key))"
    ),
)
_RESERVE = """\
\\set budget random(1, {budgets})
\\set one random(1, 9000000000000000000)
\\set two random(1, 9000000000000000000)
WITH taken AS (
    UPDATE balances SET held = held + 1 WHERE id = :budget AND quota - held >= 1 RETURNING id
)
INSERT INTO entries SELECT id, :one || '-' || :two, 1, '{body}' FROM taken;
"""
BODY_BYTES = 400
"""How long the row that is written is, about as long as the JSON of one authorization."""


def program() -> Path | None:
    """Return pgbench: that of the server's own binaries, else Debian's, else whichever is found; None without one."""
    places = [folder / "pgbench" for folder in candidates()]
    places += sorted(DEBIAN.glob("*/bin/pgbench"), reverse=True)
    if found := shutil.which("pgbench"):
        places.append(Path(found))
    return next((place for place in places if os.access(place, os.X_OK)), None)


def prepare(server: Server, budgets: int) -> str:
    """Make a database with so many budgets, and return its name."""
    name = server.create()
    fill = f"INSERT INTO balances SELECT n, 1000000000, 0 FROM generate_series(1, {budgets}) n"
    server.execute(*SCHEMA, fill, "VACUUM ANALYZE", database=name)
    return name


def measure(server: Server, name: str, folder: Path, *, budgets: int, clients: int, seconds: float) -> Result:
    """Run pgbench with so many clients on that many budgets. Raises ``RuntimeError`` with its own words."""
    path = program()
    assert path is not None
    script = folder / f"reserve-{budgets}.sql"
    script.write_text(_RESERVE.format(budgets=budgets, body="x" * BODY_BYTES), encoding="utf-8")
    url = urlsplit(server.url(name))
    where = {key: values[0] for key, values in parse_qs(url.query).items()}
    words = [str(path), "-n", "-M", "prepared", "-c", str(clients), "-j", str(min(clients, 2)), "-T", f"{seconds:.0f}"]
    ran = subprocess.run(
        [*words, "-f", str(script), "-h", where["host"], "-p", where["port"], "-U", url.username or "", name],
        capture_output=True,
        text=True,
        timeout=seconds + 60,
        check=False,
    )
    rate = re.search(r"tps = ([\d.]+) \(without", ran.stdout)
    latency = re.search(r"latency average = ([\d.]+) ms", ran.stdout)
    if ran.returncode or rate is None or latency is None:
        raise RuntimeError(f"pgbench failed:\n{ran.stdout}{ran.stderr}")
    kept = {"clients": clients, "budgets": budgets}
    return Result("pgbench", float(rate[1]), p50_us=float(latency[1]) * 1000, detail=kept)
