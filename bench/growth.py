"""
How cost grows: latency with ever more events in a budget and ever more budgets in the store, memory under load.

Every figure is a ratio to the first of its row, measured in turns so that a busy moment of the machine meets all
sizes alike. ``python -m bench growth`` prints the rows, up to a million events and a million budgets;
``python -m bench growth quick`` stops at a thousandth of that.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import served
from bench.filler import fill_budgets
from bench.served import Stand, token_of

ROUNDS = 5


@dataclass(frozen=True, slots=True)
class Extent:
    """How far to go: events of a budget, budgets of a store, seconds of load while memory is watched."""

    events: tuple[int, ...]
    budgets: tuple[int, ...]
    seconds: float


FULL = Extent((1_000, 100_000, 1_000_000), (10, 10_000, 1_000_000), 600)
QUICK = Extent((100, 1_000), (10, 1_000), 6)


def medians(on: Stand, tokens: Sequence[list[str]], seconds: float, rounds: int = ROUNDS) -> list[float]:
    """Return the p50 of one client in microseconds under each list of tokens: the best of several turns."""
    found: list[list[float]] = [[] for _ in tokens]
    for turn in range(rounds):
        for number, some in enumerate(tokens):
            plan = {"tokens": some, "prefix": f"g{turn}-{number}"}
            heard = on.front.load("authorize", plan=plan, clients=1, seconds=seconds, warm_seconds=seconds / 4)
            found[number].append(heard["p50_us"])
    # What disturbs a turn only ever makes it slower.
    return [min(some) for some in found]


def by_events(on: Stand, sizes: Sequence[int], seconds: float) -> dict[int, float]:
    """Return latency by the number of events in the budget."""
    tokens = [[served.filled(on, size, group)] for group, size in enumerate(sizes, start=16)]
    return dict(zip(sizes, medians(on, tokens, seconds), strict=True))


def by_budgets(on: Stand, sizes: Sequence[int], seconds: float) -> dict[int, float]:
    """Return latency by the number of budgets in the store: one size after the other, beside a first budget."""
    found: dict[int, float] = {}
    template = on.open(1)[0]
    token = token_of(on.open(1)[0])
    made = 0
    for group, size in enumerate(sizes):
        # The groups of ids are two apart: one for budgets, one for tokens.
        fill_budgets(on.front.database, template["id"], size - made, 256 + 2 * group)
        made = size
        found[size] = medians(on, [[token]], seconds)[0]
    return found


def resident(pid: int) -> int:
    """Return how many bytes of memory a process holds."""
    text = Path(f"/proc/{pid}/statm").read_text(encoding="ascii")
    return int(text.split()[1]) * 4096


def memory(on: Stand, seconds: float, samples: int = 6) -> list[int]:
    """Return what the server holds in bytes at equal intervals of a load on all its budgets, after a first one."""
    held: list[int] = []
    for number in range(samples + 1):
        plan = {"tokens": on.tokens, "prefix": f"m{number}"}
        on.front.load("lifecycle", plan=plan, clients=32, seconds=seconds / samples, warm_seconds=0)
        held.append(resident(on.front.pid))
    return held[1:]


def ratios(found: Mapping[int, float]) -> dict[int, float]:
    """Return each figure by the first."""
    first = next(iter(found.values()))
    return {size: figure / first for size, figure in found.items()}


def slope(held: Sequence[int]) -> float:
    """Return by how much the last half of some samples lies above the first half, as a share of it."""
    middle = len(held) // 2
    before, after = statistics.median(held[:middle]), statistics.median(held[-middle:])
    return (after - before) / before


def report_events(on: Stand, extent: Extent, say: Callable[[str], None]) -> None:
    """Measure what grows with events and with load, and say it."""
    _say_rows("events", by_events(on, extent.events, on.seconds), say)
    held = memory(on, extent.seconds)
    say(f"memory over {extent.seconds:g} s of load: {', '.join(f'{one / 2**20:.0f} MiB' for one in held)}")


def report_budgets(on: Stand, extent: Extent, say: Callable[[str], None]) -> None:
    """Measure what grows with budgets, and say it."""
    _say_rows("budgets", by_budgets(on, extent.budgets, on.seconds), say)


def _say_rows(of: str, row: Mapping[int, float], say: Callable[[str], None]) -> None:
    for size, ratio in ratios(row).items():
        say(f"{size:>9,} {of}: p50 {row[size]:,.0f} µs, {ratio:.2f}×")


__all__ = ["FULL", "QUICK", "by_budgets", "by_events", "memory", "report_budgets", "report_events", "slope"]
