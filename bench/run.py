"""
What a run measures: its size, and the groups of cases, in each of which a case and its references take turns.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from bench import embedded, overload, references, served, slowdisk
from bench.measure import Result
from bench.turns import Case, Cases, in_turns
from tests import postgres_server

Found = dict[str, Result]
THREADS = 8
SHORT_LEDGER = 1_000


@dataclass(frozen=True, slots=True)
class Size:
    """
    How much a run does: so many ``rounds`` of turns, in which each load and pgbench run for ``seconds``.

    ``calls`` is how often each embedded case is called in a round, ``single`` the cases over HTTP that are compared
    with none other. So many ``workers`` serve some cases too. ``ledger`` is how many events a long one has, 0 for no
    such case, and for none of the published package either.
    """

    name: str
    seconds: float
    rounds: int
    budgets: int
    calls: int
    single: tuple[str, ...]
    pgbench: dict[str, tuple[int, ...]]
    groups: tuple[str, ...]
    workers: tuple[int, ...]
    ledger: int


ALL_GROUPS = ("embedded", "sqlite", "postgres", "overload", "disk")
QUICK = Size(
    "quick", 1, 2, 1_000, 150, ("lifecycle",), {"lone": (1,), "hot": (8,), "spread": (16,)},
    ("embedded", "postgres"), (), 0,
)  # fmt: skip
FULL = Size(
    "full", 1, 3, 10_000, 600, ("lifecycle", "denials", "retries", "delegation", "velocity"),
    {"lone": (1,), "hot": (8, 16, 32), "spread": (16, 32)}, ALL_GROUPS, (2,), 100_000,
)  # fmt: skip


class Run:
    """One run: where it works, how much it does, and whom it tells what it has done."""

    def __init__(self, folder: Path, size: Size, say: Callable[[str], None]) -> None:
        """Measure so much, with all files in a folder."""
        self.folder = folder
        self.size = size
        self.found: Found = {}
        self._say = say

    def group(self, name: str) -> None:
        """Measure a group of cases. Raises ``AssertionError`` when a ledger is broken."""
        began = time.perf_counter()
        getattr(self, f"_{name}")()
        self._say(f"{name}: {time.perf_counter() - began:.0f} s, every ledger verified")

    def _turns(self, cases: Cases, *, rounds: int | None = None) -> None:
        """Measure cases that are compared with each other."""
        began = time.perf_counter()
        self.found |= in_turns(cases, self.size.rounds if rounds is None else rounds)
        self._say(f"  {', '.join(cases)}: {time.perf_counter() - began:.0f} s")

    def _embedded(self) -> None:
        """Measure the cases without a server."""
        folder, size, calls = self.folder, self.size, self.size.calls
        self.found["import"] = embedded.import_milliseconds()
        with ExitStack() as opened:
            lend = partial(self._lent, opened)
            cases: dict[str, Case] = {
                "raw": references.raw_sqlite(folder, calls * 2),
                "authorizations": embedded.authorizations(*lend("authorizations"), calls),
                "pairs": embedded.pairs(*lend("pairs"), calls),
                "threads": embedded.threads(*lend("threads"), calls, THREADS),
                "embedded batches": embedded.batches(*lend("batches"), calls),
            }
            if size.ledger and (published := opened.enter_context(references.published(folder))) is not None:
                cases["published"] = published(calls // 6)
            self._turns(cases)
        if size.ledger:
            self._embedded_long()

    def _lent(self, opened: ExitStack, name: str) -> tuple[embedded.Bench, embedded.Budget]:
        on = opened.enter_context(embedded.bench(self.folder, name))
        return on, on.budget()

    def _embedded_long(self) -> None:
        """Measure long ledgers, and several processes on one file."""
        size, calls = self.size, self.size.calls // 3
        self.found["processes"] = embedded.processes(self.folder, calls)
        with ExitStack() as opened:
            on = opened.enter_context(embedded.bench(self.folder, "long"))
            lengths = {"history": SHORT_LEDGER, "history long": size.ledger}
            cases = {
                name: embedded.pairs(on, on.filled(events, group, velocity_max_per_day=embedded.LIMIT), calls)
                for group, (name, events) in enumerate(lengths.items(), start=1)
            }
            published = opened.enter_context(references.published(self.folder, size.ledger))
            if published is not None:
                cases["published long"] = published(calls // 10)
            self._turns(cases)

    def _postgres(self) -> None:
        """Measure the references on PostgreSQL and the cases over HTTP."""
        size, folder = self.size, self.folder
        with _postgresql(None) as server, ExitStack() as opened:
            lend = opened.enter_context
            cases = lend(served.pgbench_cases(server, folder, size.seconds, size.pgbench, size.budgets))
            cases |= lend(served.naive_cases(server, folder, size.seconds, size.budgets, (1, *size.workers)))
            on = lend(served.stand(server.tcp_url(server.create()), folder, size.seconds, size.budgets))
            cases |= {"lone": partial(served.lone, on)} | self._by_workers(on, opened)
            for case in ("lone", "hot", "spread"):
                self._turns(_of(case, cases))
            self._turns({name: partial(served.CASES[name], on) for name in size.single}, rounds=1)
            if size.ledger:
                self._turns({name: partial(served.CASES[name], on) for name in ("singles", "batches")})
                lengths = {"ledger 1000": SHORT_LEDGER, "ledger long": size.ledger}
                self._turns(
                    {name: served.long_ledger(on, events, n) for n, (name, events) in enumerate(lengths.items(), 1)}
                )

    def _by_workers(self, on: served.Stand, opened: ExitStack) -> dict[str, Case]:
        """Return the cases that are served by one process and by several workers, on the same books."""
        cases: dict[str, Case] = {}
        for workers in (1, *self.size.workers):
            front = on if workers == 1 else opened.enter_context(on.served_by(workers, self.folder))
            for name in ("hot", "spread"):
                cases[served.labelled(name, workers)] = partial(served.CASES[name], front)
        return cases

    def _sqlite(self) -> None:
        """Measure the cases over HTTP on one SQLite file."""
        with served.stand(str(self.folder / "served.db"), self.folder, self.size.seconds, 1_000) as on:
            names = ("lone", "hot", "spread", "lifecycle")
            self._turns({f"sqlite {name}": partial(served.CASES[name], on) for name in names}, rounds=1)

    def _disk(self) -> None:
        """Measure the same on a disk that takes a millisecond to sync."""
        size = self.size
        with tempfile.TemporaryDirectory(prefix="figuard-disk-") as name:
            library = slowdisk.compiled(Path(name))
            if library is None:
                self._say("no compiler: the cases of the slow disk are left out")
                return
            with _postgresql(library) as server, ExitStack() as opened:
                lend, budgets = opened.enter_context, size.budgets // 5
                clients = {"hot": size.pgbench["hot"]}
                cases = lend(served.pgbench_cases(server, self.folder, size.seconds, clients, budgets))
                counts = (1, *size.workers)
                cases |= lend(served.naive_cases(server, self.folder, size.seconds, budgets, counts, ("spread",)))
                on = lend(served.stand(server.tcp_url(server.create()), self.folder, size.seconds, budgets))
                cases |= self._by_workers(on, opened)
                for case in ("hot", "spread"):
                    self._turns({f"slow {name}": measure for name, measure in _of(case, cases).items()})
            self.found |= embedded.under(library, Path(name), size.calls // 6)

    def _overload(self) -> None:
        """Measure what happens when three times as much is asked as can be committed."""
        with _postgresql(None) as server:
            database = server.tcp_url(server.create())
            with served.stand(database, self.folder, self.size.seconds, 1, queue=overload.QUEUE) as on:
                self.found |= overload.run(on)
                for workers in self.size.workers:
                    with on.served_by(workers, self.folder, queue=overload.QUEUE) as shared:
                        found = overload.run(shared)
                    self.found |= {served.labelled(case, workers): result for case, result in found.items()}


def _of(case: str, cases: Cases) -> Cases:
    """Return a case and its references, by whomever served."""
    return {name: measure for name, measure in cases.items() if case in name.split()}


@contextmanager
def _postgresql(preload: Path | None) -> Generator[postgres_server.Server]:
    """Lend a durable PostgreSQL of its own."""
    server = postgres_server.start(served.SETTINGS, durable=True, preload=None if preload is None else str(preload))
    try:
        yield server
    finally:
        server.stop()


def run(size: Size, groups: tuple[str, ...], say: Callable[[str], None]) -> Found:
    """Measure everything once. Raises ``AssertionError`` when a ledger is broken."""
    with tempfile.TemporaryDirectory(prefix="figuard-bench-") as name:
        work = Run(Path(name), size, say)
        for group in groups:
            work.group(group)
    return {case: replace(result, case=case) for case, result in work.found.items()}
