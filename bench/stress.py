"""
Stress a running server and judge it by what its database says afterwards, not by what it answered.

``python -m bench.stress --database URL``: (1) contention: workers ask for 50 each of a budget of 1,000, and exactly 20
get it; (2) a retry storm: every key is fired many times, and there is one event per key; (3) latency, alone and in
company. The server is FIGUARD_BASE_URL, its key FIGUARD_API_KEY. Exit status 1 when a promise is broken.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import secrets
import sqlite3
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import asyncpg

from bench.load import Job, run

LIMIT, AMOUNT = 1000, 50
FITTING = LIMIT // AMOUNT
STORM_CLIENTS = 50
FOREVER = 3600.0
_COUNTED = """
    SELECT count(*), count(DISTINCT key), coalesce(sum(CASE WHEN decision = 'AUTHORIZED' THEN 1 ELSE 0 END), 0),
        coalesce(sum(CASE WHEN decision = 'DENIED' THEN 1 ELSE 0 END), 0), coalesce(sum(held + booked), 0)
    FROM events WHERE budget_id = """
QUANTA = 10**8
"""Amounts in the database are whole numbers of this part of a unit."""


@dataclass(frozen=True, slots=True)
class Counted:
    """What the database holds of one budget; ``taken`` in whole units."""

    events: int
    keys: int
    authorized: int
    denied: int
    taken: int


async def counted(database: str, budget_id: str) -> Counted:
    """Return what the database holds of a budget."""
    if database.startswith(("postgresql://", "postgres://")):
        connection = await asyncpg.connect(database, server_settings={"figuard.tenant": "*"})
        try:
            row: Any = await connection.fetchrow(_COUNTED + "$1", budget_id)
        finally:
            await connection.close()
    else:
        file = sqlite3.connect(f"file:{database.removeprefix('sqlite:///')}?mode=ro", uri=True)
        row = file.execute(_COUNTED + "?", (budget_id,)).fetchone()
        file.close()
    events, keys, authorized, denied, taken = map(int, row)
    return Counted(events, keys, authorized, denied, taken // QUANTA)


class Stress:
    """One server under stress."""

    def __init__(self, base_url: str, api_key: str, database: str) -> None:
        address = urlsplit(base_url)
        self.secure = address.scheme == "https"
        self.host = address.hostname or "localhost"
        self.port = address.port or (443 if self.secure else 80)
        self.api_key = api_key
        self.database = database
        self.broken: list[str] = []

    async def load(self, script: str, clients: int, **plan: Any) -> dict[str, Any]:
        """Put a load on the server until its scripts have ended."""
        given = {"key": self.api_key, "prefix": secrets.token_hex(4), **plan}
        return await run(Job(self.host, self.port, script, given, clients, FOREVER, warm_seconds=0, secure=self.secure))

    async def budget(self, limit: float) -> tuple[str, str]:
        """Create a budget; return its id and its session token."""
        ends = (datetime.now(UTC) + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
        body = {"userId": "stress", "totalLimit": limit, "expiresAt": ends}
        heard = await self.load("post", 1, path="/api/v1/budgets", bodies=[body])
        (made,) = heard["kept"]
        if "tokens" not in made:
            raise SystemExit(f"no budget could be created: {json.dumps(made)}")
        return made["id"], made["tokens"][0]["sessionToken"]

    def expect(self, what: str, expected: object, found: object) -> None:
        """Note a broken promise."""
        if expected != found:
            self.broken.append(f"{what}: expected {expected}, the database holds {found}")

    async def contention(self, workers: int, runs: int) -> None:
        """Let workers ask for more than there is, all at once, again and again."""
        approved = min(workers, FITTING)
        for number in range(1, runs + 1):
            budget_id, token = await self.budget(LIMIT)
            await self.load("storm", workers, tokens=[token], amount=str(AMOUNT), keys=workers, fires=1)
            found = await counted(self.database, budget_id)
            print(
                f"  run {number}: {found.authorized} authorized, {found.denied} denied, {found.taken} of {LIMIT} taken"
            )
            wanted = Counted(workers, workers, approved, workers - approved, approved * AMOUNT)
            self.expect(f"contention, run {number}", wanted, found)

    async def retries(self, keys: int, fires: int) -> None:
        """Fire every key many times from many clients."""
        budget_id, token = await self.budget(keys)
        heard = await self.load("storm", STORM_CLIENTS, tokens=[token], amount="1", keys=keys, fires=fires)
        found = await counted(self.database, budget_id)
        print(f"  {heard['answers']:,} requests under {keys:,} keys: {found.events:,} events, {found.taken:,} taken")
        self.expect("retry storm", Counted(keys, keys, keys, 0, keys), found)

    async def latency(self, count: int, concurrency: int) -> None:
        """Measure, alone and in company on one budget."""
        for name, clients in (("uncontended", 1), ("contended", concurrency)):
            _, token = await self.budget(10**9)
            heard = await self.load("storm", clients, tokens=[token], amount="0.01", keys=count, fires=1)
            points = ", ".join(f"{point} {heard[f'{point}_us'] / 1000:.1f} ms" for point in ("p50", "p95", "p99"))
            print(f"  {name} ({clients} at once): {points}")
            if heard["said"].get("OK") != count:
                self.broken.append(f"latency, {name}: {heard['said']} of {count} requests")


async def main(words: argparse.Namespace) -> int:
    """Return 1 when a promise is broken."""
    stress = Stress(words.base_url, words.api_key, words.database)
    print(f"contention: {words.workers} × {AMOUNT} on {LIMIT}, {words.runs} runs")
    await stress.contention(words.workers, words.runs)
    print(f"retry storm: {words.keys:,} keys × {words.fires}")
    await stress.retries(words.keys, words.fires)
    print(f"latency of {words.lat_count} authorizations")
    await stress.latency(words.lat_count, words.lat_concurrency)
    for broken in stress.broken:
        print(f"BROKEN  {broken}", file=sys.stderr)
    print("broken promises: " + str(len(stress.broken)) if stress.broken else "every promise kept")
    return 1 if stress.broken else 0


def arguments() -> argparse.ArgumentParser:
    """Return what can be said on the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.stress", description=__doc__)
    for name, default in (("workers", 100), ("runs", 10), ("keys", 1000), ("fires", 50)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--lat-count", type=int, default=500)
    parser.add_argument("--lat-concurrency", type=int, default=20)
    parser.add_argument("--base-url", default=os.environ.get("FIGUARD_BASE_URL", "http://localhost:8080"))
    parser.add_argument("--api-key", default=os.environ.get("FIGUARD_API_KEY", "fg_live_demo"))
    parser.add_argument(
        "--database",
        default=os.environ.get("FIGUARD_DATABASE"),
        required="FIGUARD_DATABASE" not in os.environ,
        help="the server's own database, to judge by: a postgresql:// address or an SQLite file",
    )
    return parser


if __name__ == "__main__":
    sys.exit(asyncio.run(main(arguments().parse_args())))
