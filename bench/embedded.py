"""
The embedded cases, through the public client on an SQLite file with full durability.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

from bench.filler import KEY, fill_events
from bench.measure import Result, median, rate, threaded
from figuard import FiGuardClient
from figuard.client.models import Budget

ROOT = Path(__file__).parent.parent
LIMIT = 10**9
SEED_BATCH = 100
SHORT = 1000
PROCESSES = 4


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


def long_ledger(folder: Path, count: int, events: int) -> tuple[Result, Result]:
    """Authorize and confirm in a budget of a thousand events, then in one of *events*: what history costs."""
    bench = Bench(folder, f"long-{events}")
    found: list[Result] = []
    for group, number in enumerate((SHORT, events), start=1):
        budget = bench.budget()
        first = bench.client.authorize(budget=budget, amount=0, idempotency_key=KEY, reserve=False)
        fill_events(str(bench.path), str(first.event_id), number, group)
        found.append(rate(count, lambda _, budget=budget: bench.pair(budget)))
        bench.verify(budget)
    return replace(found[0], case=f"history {SHORT}"), replace(found[1], case=f"history {events}")


def velocity_ledger(folder: Path, count: int, events: int) -> Result:
    """Authorize and confirm in a budget with a velocity limit and *events* inside its window."""
    bench = Bench(folder, f"velocity-{events}")
    bench.fill(budget := bench.budget(velocity_max_per_day=10**9), events)
    found = rate(count, lambda _: bench.pair(budget))
    bench.verify(budget)
    return replace(found, case=f"velocity {events}")


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


# ------------------------------------------------------------------------------------------------- processes of its own


def processes(folder: Path, count: int) -> Result:
    """Authorize and confirm on one budget from several processes, all on one file."""
    bench = Bench(folder, "processes")
    budget = bench.budget()
    words = [sys.executable, "-m", "bench.embedded", "pairs", str(bench.path), budget.session_token, str(count)]
    running = [
        subprocess.Popen([*words, f"p{n}"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT)
        for n in range(PROCESSES)
    ]
    for child in running:
        assert child.stdout is not None
        child.stdout.readline()
    start = time.perf_counter()
    for child in running:
        assert child.stdin is not None
        child.stdin.write("go\n")
        child.stdin.flush()
    for child in running:
        child.wait()
    seconds = time.perf_counter() - start
    for child in running:
        child.communicate()
    if any(child.returncode for child in running):
        raise AssertionError("a process failed")
    bench.verify(budget)
    return Result("processes", PROCESSES * count / seconds, detail={"processes": PROCESSES})


def _pairs_of_a_child(path: str, token: str, count: int, name: str) -> None:
    with FiGuardClient(database=path, log=False) as client:
        print("ready", flush=True)
        sys.stdin.readline()
        for number in range(count):
            answer = client.authorize(token, amount=1, idempotency_key=f"{name}-{number}")
            client.confirm_event(str(answer.event_id), 1)


def under(preload: Path, folder: Path, count: int) -> dict[str, Result]:
    """Return pairs by one thread and by eight, in a process that has loaded a library before everything else."""
    ran = subprocess.run(
        [sys.executable, "-m", "bench.embedded", "slow", str(folder), str(count)],
        env={**os.environ, "LD_PRELOAD": str(preload)},
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    if ran.returncode:
        raise AssertionError(ran.stderr)
    return {name: Result(name, **figures) for name, figures in json.loads(ran.stdout).items()}


def main() -> None:
    """Be one of those processes."""
    match sys.argv[1:]:
        case ["pairs", path, token, count, name]:
            _pairs_of_a_child(path, token, int(count), name)
        case ["slow", folder, count]:
            place = Path(folder)
            found = {"slow pairs": pairs(place, int(count)), "slow threads": threads(place, int(count) * 2, 8)}
            kept = ("rate", "p50_us", "p99_us")
            print(json.dumps({name: {key: getattr(one, key) for key in kept} for name, one in found.items()}))


if __name__ == "__main__":
    main()
