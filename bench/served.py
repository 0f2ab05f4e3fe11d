"""
The cases over HTTP: one database, one server, one load at a time; in the end every ledger is verified.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from bench import naive, pgbench, servers
from bench.filler import MARKER, fill_events, settle
from bench.measure import Result
from bench.scripts import BATCH
from bench.servers import Broken, Front
from bench.turns import Case
from tests import postgres_server

CLIENTS = 100
LIMIT = 10**9
WARM_SECONDS = 0.3
"""For how long a load runs before it counts."""
LOOK_SECONDS = 1
"""For how long pgbench runs at each number of clients, to find its best."""
DEPTH = 5
CATEGORY = "model"
SETTINGS = {"shared_buffers": "256MB", "max_wal_size": "4GB", "max_connections": "200"}
"""
What PostgreSQL is set to beside its defaults: everything is durable, no checkpoint falls into one case only, and all
that take turns may stay connected.
"""


@dataclass(slots=True)
class Stand:
    """A server with its budgets, ready for loads. Keys of different cases never meet."""

    front: Front
    seconds: float
    tokens: list[str] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    opened: list[str] = field(default_factory=list)
    """Every budget that was made by the server, and not by copying rows."""
    _cases: itertools.count[int] = field(default_factory=itertools.count)

    def open(self, count: int, **fields: Any) -> list[dict[str, Any]]:
        """Create budgets with these fields; return them as they were answered."""
        expires = (datetime.now(UTC) + timedelta(days=30)).strftime("%Y-%m-%dT%H:%M:%SZ")
        bodies = [{"userId": f"user-{n}", "totalLimit": LIMIT, "expiresAt": expires, **fields} for n in range(count)]
        made = self.front.post("/api/v1/budgets", bodies)
        self.opened += [one["id"] for one in made]
        return made

    def prefix(self, case: str) -> str:
        """Return what the keys of a case begin with, and those of no other."""
        return f"{case[:8]}{next(self._cases):02d}"

    @contextmanager
    def served_by(self, workers: int, folder: Path, **settings: object) -> Generator[Stand]:
        """Serve the same books by so many workers of a server of their own, beside the one that is idle meanwhile."""
        with servers.figuard(self.front.database, folder, key=self.front.key, workers=workers, **settings) as front:
            yield replace(self, front=front)

    def load(self, case: str, script: str, tokens: list[str], *, clients: int = CLIENTS, **plan: Any) -> Result:
        """Put a load on the server and return what came of it. Raises ``Broken`` for an answer that is an error."""
        given = {"tokens": tokens, "prefix": self.prefix(case), **plan}
        heard = self.front.load(script, plan=given, clients=clients, seconds=self.seconds, warm_seconds=WARM_SECONDS)
        wrong = {what: count for what, count in heard["said"].items() if what not in {"OK", "DENIED"}}
        if wrong or not heard["answers"]:
            raise Broken(f"{case}: {heard['answers']} answers, of which {wrong} are errors")
        return Result(case, heard["rate"], heard["p50_us"], heard["p99_us"], {"clients": clients, **heard["said"]})


def token_of(budget: Mapping[str, Any]) -> str:
    """Return the session token of a budget that was just made."""
    return budget["tokens"][0]["sessionToken"]


@contextmanager
def stand(
    database: str, folder: Path, seconds: float, budgets: int, *, is_copied: bool = False, **settings: object
) -> Generator[Stand]:
    """
    Serve a database and create budgets in it; verify every ledger of it in the end.

    Where budgets are copied by the million, only the ledgers of those that are no copies.
    """
    with servers.figuard(database, folder, **settings) as front:
        made = Stand(front, seconds)
        found = made.open(budgets)
        made.tokens, made.ids = [token_of(one) for one in found], [one["id"] for one in found]
        settle(database)
        yield made
        if is_copied:
            front.verify(made.opened)
    if not is_copied:
        servers.verify(database)


# ------------------------------------------------------------------------------------------------------- the cases


def lone(on: Stand) -> Result:
    """One client, one budget: the latency nobody else adds to."""
    return on.load("lone", "authorize", on.tokens[:1], clients=1)


def hot(on: Stand) -> Result:
    """A hundred clients on one budget."""
    return on.load("hot", "authorize", on.tokens[:1])


def spread(on: Stand) -> Result:
    """A hundred clients over all budgets."""
    return on.load("spread", "authorize", on.tokens)


def lifecycle(on: Stand) -> Result:
    """Authorize, then confirm, fail or void, over all budgets."""
    return on.load("lifecycle", "lifecycle", on.tokens)


def denials(on: Stand) -> Result:
    """A hundred clients ask for more than there is. Raises ``Broken`` when one of them gets it."""
    poor = token_of(on.open(1, totalLimit=1)[0])
    found = on.load("denials", "authorize", [poor], amount="2")
    if found.detail.get("OK"):
        raise Broken(f"a budget of 1 approved {found.detail['OK']} times 2")
    return found


def retries(on: Stand) -> Result:
    """Every key is sent five times by whoever comes next."""
    return on.load("retries", "retry", on.tokens[1:2])


def delegation(on: Stand) -> Result:
    """A hundred clients under a token that stands five levels below its budget."""
    budget = on.open(1)[0]
    token: dict[str, Any] = {}
    for depth in range(DEPTH):
        body: dict[str, Any] = {"label": f"agent-{depth}", "caps": [{"category": CATEGORY, "limit": LIMIT - depth}]}
        if token:
            body["parentTokenId"] = token["id"]
        (token,) = on.front.post(f"/api/v1/budgets/{budget['id']}/delegation-tokens", [body])
    return on.load("delegation", "authorize", [token["sessionToken"]], fields={"claimedCategory": CATEGORY})


def velocity(on: Stand) -> Result:
    """A hundred clients on one budget with three velocity windows."""
    limits = {"velocityMaxPerMinute": 10**9, "velocityMaxAmountPerHour": 10**9, "velocityMaxPerDay": 10**9}
    return on.load("velocity", "authorize", [token_of(on.open(1, **limits)[0])])


def batches(on: Stand) -> Result:
    """Four clients, a hundred authorizations per request; the rate is of authorizations."""
    found = on.load("batches", "batch", on.tokens[2:3], clients=4)
    return Result(found.case, (found.rate or 0) * BATCH, found.p50_us, found.p99_us, found.detail)


def singles(on: Stand) -> Result:
    """Four clients, one authorization per request: what batches are compared with."""
    return on.load("singles", "authorize", on.tokens[2:3], clients=4)


def long_ledger(on: Stand, events: int, group: int) -> Case:
    """One client on a budget with so many events already."""
    return partial(on.load, f"ledger {events}", "authorize", [filled(on, events, group)], clients=1)


def filled(on: Stand, events: int, group: int) -> str:
    """Return the token of a new budget with so many events."""
    token = token_of(on.open(1)[0])
    (first,) = on.front.post("/api/v1/authorize", [MARKER | {"_token": token}])
    fill_events(on.front.database, first["eventId"], events, group)
    return token


CASES: Mapping[str, Callable[[Stand], Result]] = {
    "lone": lone,
    "hot": hot,
    "spread": spread,
    "lifecycle": lifecycle,
    "denials": denials,
    "retries": retries,
    "delegation": delegation,
    "velocity": velocity,
    "singles": singles,
    "batches": batches,
}
"""The named cases. The canonical two are ``hot`` and ``lone``."""


def labelled(case: str, workers: int) -> str:
    """Return the name of a case that so many processes serve."""
    return case if workers == 1 else f"{case} {workers} workers"


@contextmanager
def naive_cases(
    server: postgres_server.Server,
    folder: Path,
    seconds: float,
    budgets: int,
    workers: Sequence[int],
    names: Sequence[str] = ("hot", "spread"),
) -> Generator[dict[str, Case]]:
    """Lend the reference: one transaction per request, in plain Python, by so many processes, on its own database."""
    name = server.create()
    fill = f"INSERT INTO naive_budgets SELECT 'token-' || n, 100000000000, 0 FROM generate_series(0, {budgets - 1}) n"
    server.execute(*naive.SCHEMA, fill, "VACUUM ANALYZE", database=name)
    words = [sys.executable, "-m", "bench.naive", server.tcp_url(name)]
    tokens = {"hot": ["token-0"], "spread": [f"token-{n}" for n in range(budgets)]}
    cases: dict[str, Case] = {}
    with ExitStack() as running:
        for number in workers:
            address, pid = running.enter_context(servers.process(words, servers.environment(None), folder))
            for _ in range(number - 1):
                running.enter_context(servers.process([*words, str(address[1])], servers.environment(None), folder))
            on = Stand(Front(*address, "none", server.url(name), pid), seconds)
            for case in names:
                label = labelled(f"naive {case}", number)
                # Keys of one process and of two meet in one database.
                cases[label] = partial(on.load, f"{number}{case}", "authorize", tokens[case])
        yield cases
    server.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@contextmanager
def pgbench_cases(
    server: postgres_server.Server, folder: Path, seconds: float, clients: Mapping[str, tuple[int, ...]], budgets: int
) -> Generator[dict[str, Case]]:
    """
    Lend pgbench on one budget and over all, each at whichever of these numbers of clients a first look found the best.

    Lends nothing where there is no pgbench.
    """
    if pgbench.program() is None:
        yield {}
        return
    name = pgbench.prepare(server, budgets)
    cases: dict[str, Case] = {}
    for case, numbers in clients.items():
        over = budgets if case == "spread" else 1
        at = {
            number: partial(pgbench.measure, server, name, folder, budgets=over, clients=number) for number in numbers
        }
        looks = {number: measure(seconds=LOOK_SECONDS).rate or 0 for number, measure in at.items() if len(at) > 1}
        best = max(looks, key=looks.__getitem__, default=numbers[0])
        cases[f"pgbench {case}"] = partial(at[best], seconds=seconds)
    yield cases
    server.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
