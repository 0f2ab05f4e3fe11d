"""
Measuring: rates, percentiles and the facts of the machine, without opinion.
"""

from __future__ import annotations

import os
import platform
import sqlite3
import statistics
import subprocess
import sys
import threading
import time
import timeit
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tests.postgres_server import candidates


@dataclass(frozen=True, slots=True)
class Result:
    """One measured case: ``rate`` per second where that is what counts, latencies in microseconds."""

    case: str
    rate: float | None = None
    p50_us: float | None = None
    p99_us: float | None = None
    detail: dict[str, Any] = field(default_factory=dict[str, Any])


def rate(count: int, work: Callable[[int], object]) -> Result:
    """Call *work* with 0, 1, … and return the rate with the percentiles of single calls."""
    spent: list[int] = []
    start = time.perf_counter()
    for index in range(count):
        began = time.perf_counter_ns()
        work(index)
        spent.append(time.perf_counter_ns() - began)
    elapsed = time.perf_counter() - start
    return Result("", count / elapsed, percentile(spent, 50), percentile(spent, 99))


def percentile(nanoseconds: Iterable[int], percent: int) -> float:
    """Return a percentile in microseconds."""
    ordered = sorted(nanoseconds)
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)] / 1000


def threaded(threads: int, each: int, work: Callable[[int, int], object]) -> float:
    """Run *work*(thread, index) from several threads at once and return the joint rate per second."""
    barrier = threading.Barrier(threads + 1)

    def body(thread: int) -> None:
        barrier.wait()
        for index in range(each):
            work(thread, index)

    workers = [threading.Thread(target=body, args=(number,)) for number in range(threads)]
    for worker in workers:
        worker.start()
    barrier.wait()
    start = time.perf_counter()
    for worker in workers:
        worker.join()
    return threads * each / (time.perf_counter() - start)


def median(values: Iterable[float]) -> float:
    """Return the median."""
    return statistics.median(values)


def machine() -> dict[str, str]:
    """Return what the figures depend on: processor, cores, versions, commit."""
    cpu = next(
        (line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")),
        platform.processor(),
    )
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False, cwd=Path(__file__).parent
    )
    return {
        "cpu": cpu,
        "cores": str(os.cpu_count()),
        "system": f"{platform.system()} {platform.release()}",
        "python": f"{sys.version.split()[0]}, a million calls in {_million_calls():.0f} ms",
        "sqlite": sqlite3.sqlite_version,
        "postgresql": _postgres(),
        **{name: version(name) for name in ("asyncpg", "uvicorn", "uvloop")},
        "commit": commit.stdout.strip() or "unknown",
    }


def _million_calls() -> float:
    """Return what calling a function a million times takes in milliseconds: builds of one version differ by a half."""
    return 1000 * min(timeit.repeat("call()", "def call(): pass", number=1_000_000, repeat=3))


def _postgres() -> str:
    place = next(iter(candidates()), None)
    if place is None:
        return "none"
    said = subprocess.run(
        [place / "postgres", "--version"], capture_output=True, text=True, check=False, cwd="/"
    ).stdout
    return said.split()[-1] if said else str(place)


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
