"""
The embedded cases, through the public client on an SQLite file with full durability.
"""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from bench.filler import KEY, fill_events
from bench.measure import Result, median, rate, threaded
from bench.turns import Case, in_turns
from figuard import FiGuardClient
from figuard.client.models import Budget

ROOT = Path(__file__).parent.parent
LIMIT = 10**9
BATCH = 100
PROCESSES = 4
ROUNDS = 3
"""How often the cases under a slow disk take turns."""


class Bench:
    """One client on one file, and the budgets that it made; in the end every ledger is verified."""

    def __init__(self, folder: Path, name: str) -> None:
        """Open a fresh file."""
        self.path = folder / f"{name}.db"
        self.client = FiGuardClient(database=str(self.path))
        self._budgets: list[Budget] = []
        self._keys = itertools.count()

    def budget(self, **options: object) -> Budget:
        """Create a budget that nothing in a benchmark uses up."""
        made = self.client.create_budget("bench", LIMIT, currency="USD", expires_in="24h", **options)  # type: ignore[arg-type]
        self._budgets.append(made)
        return made

    def filled(self, events: int, group: int, **options: object) -> Budget:
        """Create a budget with so many events, which count in its windows and hold nothing."""
        budget = self.budget(**options)
        first = self.client.authorize(budget=budget, amount=0, idempotency_key=KEY, reserve=False)
        fill_events(str(self.path), str(first.event_id), events, group)
        return budget

    def authorize(self, budget: Budget) -> str:
        """Authorize one unit under a new key; return the event's id."""
        answer = self.client.authorize(budget=budget, amount=1, idempotency_key=f"k{next(self._keys)}")
        if not answer.is_authorized or answer.event_id is None:
            msg = f"a benchmark request was denied: {answer.denial_reason}"
            raise AssertionError(msg)
        return answer.event_id

    def pair(self, budget: Budget) -> None:
        """Authorize and confirm."""
        self.client.confirm_event(self.authorize(budget), 1)

    def hundred(self, budget: Budget) -> None:
        """Authorize a hundred in one call."""
        self.client.authorize_many(
            [{"budget": budget, "amount": 1, "idempotency_key": f"b{next(self._keys)}"} for _ in range(BATCH)]
        )

    def verify(self) -> None:
        """Verify every ledger. Raises ``AssertionError`` when anything is wrong with one."""
        for budget in self._budgets:
            found = self.client.verify_ledger(budget.id)
            if found.findings:
                msg = f"the ledger is broken after a benchmark: {found.findings[0]}"
                raise AssertionError(msg)


@contextmanager
def bench(folder: Path, name: str) -> Generator[Bench]:
    """Lend a client on a fresh file; verify its ledgers in the end."""
    made = Bench(folder, name)
    yield made
    made.verify()
    made.client.close()


def pairs(on: Bench, budget: Budget, count: int) -> Case:
    """Authorize and confirm, one thread."""
    return lambda: rate(count, lambda _: on.pair(budget))


def authorizations(on: Bench, budget: Budget, count: int) -> Case:
    """Authorize only, one thread."""
    return lambda: rate(count, lambda _: on.authorize(budget))


def threads(on: Bench, budget: Budget, count: int, number: int) -> Case:
    """Authorize and confirm on one budget from several threads of one process."""
    return lambda: Result("", threaded(number, count // number, lambda *_: on.pair(budget)))


def batches(on: Bench, budget: Budget, count: int) -> Case:
    """Authorize a hundred per call; the rate is of authorizations."""

    def measure() -> Result:
        measured = rate(count // BATCH, lambda _: on.hundred(budget))
        return replace(measured, rate=(measured.rate or 0) * BATCH)

    return measure


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
    with bench(folder, "processes") as on:
        words = [sys.executable, "-m", "bench.embedded", "pairs", str(on.path), on.budget().session_token, str(count)]
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
            with bench(Path(folder), "slow") as on:
                budget, pair_count = on.budget(), int(count)
                cases = {
                    "slow pairs": pairs(on, budget, pair_count),
                    "slow threads": threads(on, budget, pair_count, 8),
                }
                found = in_turns(cases, ROUNDS)
            kept = ("rate", "p50_us", "p99_us")
            print(json.dumps({name: {key: getattr(one, key) for key in kept} for name, one in found.items()}))


if __name__ == "__main__":
    main()
