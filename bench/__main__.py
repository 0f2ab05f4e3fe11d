"""
Run the benchmarks: ``python -m bench [quick] [group …]``. Prints tables, keeps the figures as JSON, and judges.

The groups are postgres, disk, sqlite, embedded and overload; all of them unless named. ``python -m bench keep`` makes
the last full run the one that BENCHMARKS.md shows; ``python -m bench growth`` takes long and shows what grows.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from bench import embedded, growth, overload, page, pgbench, references, served, slowdisk
from bench.measure import Result, machine
from bench.report import figures, judge, ratios
from tests import postgres_server

Found = dict[str, Result]
Cases = Iterator[Found]


@dataclass(frozen=True, slots=True)
class Size:
    """How much a run does. Loads and pgbench run for ``seconds`` each; so many ``workers`` serve some cases again."""

    name: str
    seconds: float
    budgets: int
    calls: int
    cases: tuple[str, ...]
    pgbench: dict[str, tuple[int, ...]]
    groups: tuple[str, ...]
    workers: tuple[int, ...]
    ledger: int
    published_pairs: int
    published_events: int


ALL_GROUPS = ("embedded", "sqlite", "postgres", "overload", "disk")
QUICK = Size(
    "quick", 1.5, 1_000, 500, ("lone", "hot", "spread", "lifecycle"), {"lone": (1,), "hot": (8,), "spread": (16,)},
    ("embedded", "postgres"), (), 0, 0, 0,
)  # fmt: skip
FULL = Size(
    "full", 3, 10_000, 3_000, tuple(served.CASES), {"lone": (1,), "hot": (8, 16, 32), "spread": (16, 32)},
    ALL_GROUPS, (2,), 100_000, 400, 100_000,
)  # fmt: skip


class Run:
    """One run: where it works, how much it does."""

    def __init__(self, folder: Path, size: Size) -> None:
        self.folder = folder
        self.size = size

    def embedded(self) -> Cases:
        """Yield the cases without a server."""
        folder, size = self.folder, self.size
        yield {"import": embedded.import_milliseconds()}
        yield {"raw": references.raw_sqlite(folder, size.calls)}
        yield {"pairs": embedded.pairs(folder, size.calls)}
        yield {"authorizations": embedded.authorizations(folder, size.calls)}
        yield {"threads": embedded.threads(folder, size.calls, 8)}
        yield {"embedded batches": embedded.batches(folder, size.calls)}
        if not size.published_pairs:
            return
        yield {"processes": embedded.processes(folder, size.calls // 4)}
        short, long = embedded.long_ledger(folder, size.calls // 4, size.ledger)
        yield {"history": short, "history long": long}
        yield {"velocity long": embedded.velocity_ledger(folder, size.calls // 4, size.published_events)}
        plain = references.published(folder, size.published_pairs)
        aged = references.published(folder, max(20, size.published_pairs // 20), size.published_events)
        yield {name: one for name, one in (("published", plain), ("published long", aged)) if one is not None}

    def _by_workers(self, on: served.Stand, names: tuple[str, ...]) -> Cases:
        """Yield cases of the same books, served by several workers."""
        for workers in self.size.workers:
            with on.served_by(workers, self.folder) as shared:
                for name in names:
                    yield {served.labelled(name, workers): served.CASES[name](shared)}

    def postgres(self) -> Cases:
        """Yield the references on PostgreSQL and the cases over HTTP."""
        size = self.size
        server = postgres_server.start(served.SETTINGS, durable=True)
        try:
            yield served.pgbench_cases(server, self.folder, size.seconds, size.pgbench, size.budgets)
            for workers in (1, *self.size.workers):
                yield served.naive_cases(
                    server, self.folder, size.seconds, ("hot", "spread"), size.budgets, workers=workers
                )
            database = server.tcp_url(server.create())
            with served.stand(database, self.folder, size.seconds, size.budgets) as on:
                for name in size.cases:
                    yield {name: served.CASES[name](on)}
                yield from self._by_workers(on, ("hot", "spread", "lifecycle"))
                if size.ledger:
                    yield {"ledger 1000": served.long_ledger(on, 1_000, 1)}
                    yield {"ledger long": served.long_ledger(on, size.ledger, 2)}
        finally:
            server.stop()

    def sqlite(self) -> Cases:
        """Yield the cases over HTTP on one SQLite file."""
        with served.stand(str(self.folder / "served.db"), self.folder, self.size.seconds, 1_000) as on:
            for name in ("lone", "hot", "spread", "lifecycle"):
                yield {f"sqlite {name}": served.CASES[name](on)}

    def disk(self) -> Cases:
        """Yield the same on a disk that takes a millisecond to sync."""
        with tempfile.TemporaryDirectory(prefix="figuard-disk-") as name:
            library = slowdisk.compiled(Path(name))
            if library is None:
                yield {}
                return
            seconds, budgets = self.size.seconds, self.size.budgets // 5
            server = postgres_server.start(served.SETTINGS, durable=True, preload=str(library))
            try:
                found = served.pgbench_cases(server, self.folder, seconds, {"hot": (8, 32)}, budgets)
                for workers in (1, *self.size.workers):
                    found |= served.naive_cases(server, self.folder, seconds, ("spread",), budgets, workers=workers)
                yield {f"slow {case}": result for case, result in found.items()}
                with served.stand(server.tcp_url(server.create()), self.folder, seconds, budgets) as on:
                    yield {f"slow {case}": served.CASES[case](on) for case in ("lone", "hot", "spread")}
                    for some in self._by_workers(on, ("hot", "spread")):
                        yield {f"slow {case}": result for case, result in some.items()}
            finally:
                server.stop()
            with tempfile.TemporaryDirectory(prefix="figuard-slow-") as place:
                yield embedded.under(library, Path(place), self.size.calls // 6)

    def overload(self) -> Cases:
        """Yield what happens when three times as much is asked as can be committed."""
        server = postgres_server.start(served.SETTINGS, durable=True)
        try:
            database = server.tcp_url(server.create())
            with served.stand(database, self.folder, self.size.seconds, 1, queue=overload.QUEUE) as on:
                yield overload.run(on)
                for workers in self.size.workers:
                    with on.served_by(workers, self.folder, queue=overload.QUEUE) as shared:
                        found = overload.run(shared)
                    yield {served.labelled(case, workers): result for case, result in found.items()}
        finally:
            server.stop()


def run(size: Size, groups: tuple[str, ...], say: Callable[[str], None]) -> Found:
    """Measure everything once. Raises ``AssertionError`` when a ledger is broken."""
    found: Found = {}
    with tempfile.TemporaryDirectory(prefix="figuard-bench-") as name:
        work = Run(Path(name), size)
        for group in groups:
            began = time.perf_counter()
            cases: Callable[[], Cases] = getattr(work, group)
            for some in cases():
                found |= {case: replace(result, case=case) for case, result in some.items()}
            say(f"{group}: {time.perf_counter() - began:.0f} s, every ledger verified")
    return found


def grow(extent: growth.Extent, say: Callable[[str], None]) -> None:
    """Show how cost grows with the books, on both databases. Raises ``AssertionError`` when a ledger is broken."""
    server = postgres_server.start(served.SETTINGS, durable=True)
    try:
        with tempfile.TemporaryDirectory(prefix="figuard-growth-") as name:
            folder = Path(name)
            for kind in ("postgresql", "sqlite"):
                # A million budgets are copies of one; what else is measured stands in a database of its own, and is
                # verified to the last entry.
                long, wide = (
                    server.tcp_url(server.create()) if kind == "postgresql" else str(folder / f"{part}.db")
                    for part in ("long", "wide")
                )
                say(kind)
                with served.stand(long, folder, 2, 100) as on:
                    growth.report_events(on, extent, say)
                with served.stand(wide, folder, 2, 1, is_copied=True) as on:
                    growth.report_budgets(on, extent, say)
    finally:
        server.stop()


def main() -> int:
    """Return 0 when every target that could be measured is met, 1 when one is missed."""
    words = sys.argv[1:]
    console = Console()
    if words[:1] == ["keep"]:
        console.print(f"{page.keep(*words[1:])} is rendered")
        return 0
    # A run starts its own databases, whatever this environment was made for.
    os.environ.pop("DATABASE_URL", None)
    if words[:1] == ["growth"]:
        grow(growth.QUICK if "quick" in words else growth.FULL, console.print)
        return 0
    size = QUICK if "quick" in words else FULL
    groups = tuple(word for word in words if word in ALL_GROUPS) or size.groups
    facts = {"date": datetime.now(UTC).isoformat(timespec="seconds"), "size": size.name, **machine()}
    facts |= {"pgbench": "yes" if pgbench.program() else "not found, its rows are left out"}
    console.print("  ".join(f"{name} {value}" for name, value in facts.items()))
    found = run(size, groups, console.print)
    judged = judge(found)
    console.print(figures(found), ratios(judged))
    path = page.write(facts, found)
    console.print(f"kept in {path}")
    return 1 if any(one.met is False for one in judged) else 0


if __name__ == "__main__":
    sys.exit(main())
