"""
The embedded cases, through the public client on an SQLite file with full durability.
"""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from bench.measure import Result, median, rate, threaded
from figuard import FiGuardClient
from figuard.client.models import Budget

LIMIT = 10**9
SEED_BATCH = 100


class Bench:
    """One client on one file; every case ends with the whole ledger verified."""

    def __init__(self, folder: Path, name: str) -> None:
        """Open a fresh file."""
        self.path = folder / f"{name}.db"
        self.client = FiGuardClient(database=str(self.path))
        self._keys = 0

    def budget(self, **options: object) -> Budget:
        """Create a budget that nothing in a benchmark uses up."""
        return self.client.create_budget("bench", LIMIT, currency="USD", expires_in="24h", **options)  # type: ignore[arg-type]

    def authorize(self, budget: Budget) -> str:
        """Authorize one unit under a new key; return the event's id."""
        self._keys += 1
        answer = self.client.authorize(budget=budget, amount=1, idempotency_key=f"k{self._keys}")
        if not answer.is_authorized or answer.event_id is None:
            msg = f"a benchmark request was denied: {answer.denial_reason}"
            raise AssertionError(msg)
        return answer.event_id

    def pair(self, budget: Budget) -> None:
        """Authorize and confirm."""
        self.client.confirm_event(self.authorize(budget), 1)

    def fill(self, budget: Budget, events: int) -> None:
        """Put so many events into the budget, a hundred per transaction, and settle none of them."""
        for start in range(0, events, SEED_BATCH):
            requests = [{"budget": budget, "amount": 0, "idempotency_key": f"f{start + i}"} for i in range(SEED_BATCH)]
            self.client.authorize_many(requests)

    def verify(self, budget: Budget) -> None:
        """Verify the ledger. Raises ``AssertionError`` when anything is wrong with it."""
        found = self.client.verify_ledger(budget.id)
        if found.findings:
            msg = f"the ledger is broken after a benchmark: {found.findings[0]}"
            raise AssertionError(msg)


def pairs(folder: Path, count: int) -> Result:
    """Authorize and confirm, one thread."""
    bench = Bench(folder, "pairs")
    budget = bench.budget()
    measured = rate(count, lambda _: bench.pair(budget))
    bench.verify(budget)
    return replace(measured, case="embedded_pairs")


def authorizations(folder: Path, count: int) -> Result:
    """Authorize only, one thread."""
    bench = Bench(folder, "authorizations")
    budget = bench.budget()
    measured = rate(count, lambda _: bench.authorize(budget))
    bench.verify(budget)
    return replace(measured, case="embedded_authorizations")


def long_ledger(folder: Path, count: int, events: int, *, velocity: bool) -> tuple[Result, Result]:
    """Authorize in a budget of few events, then of *events*: what history costs."""
    bench = Bench(folder, f"long-{events}-{velocity}")
    options: dict[str, object] = {"velocity_max_per_day": 10**9} if velocity else {}
    budget = bench.budget(**options)
    bench.fill(budget, 1000)
    short = rate(count, lambda _: bench.pair(budget))
    bench.fill(bench_budget := bench.budget(**options), events)
    long = rate(count, lambda _: bench.pair(bench_budget))
    bench.verify(budget)
    return replace(short, case="history_1000"), replace(long, case=f"history_{events}")


def threads(folder: Path, count: int, number: int) -> Result:
    """Authorize and confirm on one budget from several threads of one process."""
    bench = Bench(folder, f"threads-{number}")
    budget = bench.budget()

    def work(thread: int, index: int) -> None:
        answer = bench.client.authorize(budget=budget, amount=1, idempotency_key=f"{thread}-{index}")
        bench.client.confirm_event(str(answer.event_id), 1)

    measured = threaded(number, count // number, work)
    bench.verify(budget)
    return Result(f"embedded_threads_{number}", measured)


def batches(folder: Path, count: int) -> Result:
    """Authorize a hundred per call."""
    bench = Bench(folder, "batches")
    budget = bench.budget()
    measured = rate(count // SEED_BATCH, lambda i: _hundred(bench, budget, i))
    bench.verify(budget)
    return replace(measured, case="embedded_batch_of_100", rate=(measured.rate or 0) * SEED_BATCH)


def _hundred(bench: Bench, budget: Budget, index: int) -> None:
    bench.client.authorize_many(
        [{"budget": budget, "amount": 1, "idempotency_key": f"b{index}-{i}"} for i in range(SEED_BATCH)]
    )


def import_milliseconds(runs: int = 7) -> Result:
    """Return what ``import figuard`` adds to a bare interpreter."""

    def wall(code: str) -> float:
        script = f"import time; t = time.perf_counter(); {code}; print((time.perf_counter() - t) * 1000)"
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
        return float(done.stdout)

    return Result("import_ms", median(wall("import figuard") for _ in range(runs)))
