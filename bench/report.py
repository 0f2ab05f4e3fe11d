"""
The report: ratios against references of the same run, and whether they meet their targets.

Absolute figures move from machine to machine; a ratio within one run is what can be compared.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from rich.table import Table

from bench.measure import Result

Found = Mapping[str, Result]
"""What was measured, by the name of the case."""


Value = Callable[[Found], float | None]
"""A ratio, or a figure, of what was found; None where it could not be measured."""


@dataclass(frozen=True, slots=True)
class Target:
    """
    What a case is compared with, and what is expected of the ratio (or of the figure itself).

    ``shared`` is the same of several workers. The better of the two is judged, and both are shown.
    """

    label: str
    target: float
    stretch: float
    value: Value
    shared: Value | None = None
    at_most: bool = False
    unit: str = "×"


@dataclass(frozen=True, slots=True)
class Judged:
    """A target with what was measured; ``met`` is None where that could not be."""

    target: Target
    value: float | None
    shared: float | None
    met: bool | None


WORKERS = "2 workers"
"""How the cases are called that several workers served."""


def _rates(above: str, below: str) -> Value:
    """Return what divides the rates of two cases."""

    def ratio(found: Found) -> float | None:
        one, other = found.get(above), found.get(below)
        if one is None or other is None or not one.rate or not other.rate:
            return None
        return one.rate / other.rate

    return ratio


def _latencies(above: str, below: str) -> Value:
    """Return what divides the medians of two cases."""

    def ratio(found: Found) -> float | None:
        one, other = found.get(above), found.get(below)
        if one is None or other is None or not one.p50_us or not other.p50_us:
            return None
        return one.p50_us / other.p50_us

    return ratio


def _shared(above: str, below: str) -> Value:
    """Return what divides the rate that several workers reach."""
    return _rates(f"{above} {WORKERS}", below)


def _tail(case: str) -> Value:
    def ratio(found: Found) -> float | None:
        one = found.get(case)
        return None if one is None or not one.p50_us or not one.p99_us else one.p99_us / one.p50_us

    return ratio


def _import(found: Found) -> float | None:
    return found["import"].rate if "import" in found else None


TARGETS = (
    Target(
        "PostgreSQL, one hot budget, 100 clients: pgbench",
        1.2,
        2.5,
        _rates("hot", "pgbench hot"),
        _shared("hot", "pgbench hot"),
    ),
    Target(
        "PostgreSQL, 10,000 budgets, 100 clients: pgbench",
        0.30,
        0.5,
        _rates("spread", "pgbench spread"),
        _shared("spread", "pgbench spread"),
    ),
    Target(
        "PostgreSQL, one hot budget: a transaction per request, by as many processes",
        6,
        12,
        _rates("hot", "naive hot"),
        _shared("hot", f"naive hot {WORKERS}"),
    ),
    Target(
        "PostgreSQL, 10,000 budgets: a transaction per request, by as many processes",
        2.5,
        4,
        _rates("spread", "naive spread"),
        _shared("spread", f"naive spread {WORKERS}"),
    ),
    Target(
        "1 ms disk, one hot budget: pgbench",
        12,
        20,
        _rates("slow hot", "slow pgbench hot"),
        _shared("slow hot", "slow pgbench hot"),
    ),
    Target(
        "1 ms disk, 2,000 budgets: a transaction per request, by as many processes",
        2,
        3,
        _rates("slow spread", "slow naive spread"),
        _shared("slow spread", f"slow naive spread {WORKERS}"),
    ),
    Target("one lone authorize, p50: pgbench with one client", 8, 4, _latencies("lone", "pgbench lone"), at_most=True),
    Target("one hot budget, 100 clients, p99: its p50", 5, 2, _tail("hot"), at_most=True),
    Target("embedded pairs, one thread: figuard 1.2.0", 10, 25, _rates("pairs", "published")),
    Target(
        "embedded pairs, velocity, 100,000 events: figuard 1.2.0", 100, 300, _rates("history long", "published long")
    ),
    Target("embedded authorizations: raw sqlite3", 0.25, 0.5, _rates("authorizations", "raw")),
    Target("embedded pairs, eight threads: one thread", 1, 2, _rates("threads", "pairs")),
    Target("1 ms disk, embedded pairs, eight threads: one thread", 1, 2, _rates("slow threads", "slow pairs")),
    Target(
        "latency in a long ledger over HTTP: 1,000 events",
        1.2,
        1.05,
        _latencies("ledger long", "ledger 1000"),
        at_most=True,
    ),
    Target(
        "latency in a long ledger, embedded: 1,000 events",
        1.2,
        1.05,
        _latencies("history long", "history"),
        at_most=True,
    ),
    Target("batch endpoint, 100 in one call: single calls", 3, 6, _rates("batches", "singles")),
    Target("embedded batches of 100: single calls", 3, 6, _rates("embedded batches", "authorizations")),
    Target("import figuard", 80, 40, _import, at_most=True, unit=" ms"),
)
"""The targets: each label says what is divided by what."""


def judge(found: Found) -> list[Judged]:
    """Return every target with its ratio and whether it is met."""
    judged: list[Judged] = []
    for target in TARGETS:
        value, shared = target.value(found), None if target.shared is None else target.shared(found)
        best = max((one for one in (value, shared) if one is not None), default=None)
        met = None if best is None else (best <= target.target if target.at_most else best >= target.target)
        judged.append(Judged(target, value, shared, met))
    return judged


def bound(target: Target, figure: float) -> str:
    """Return a bound in words."""
    return f"{'≤' if target.at_most else '≥'} {figure:g}{target.unit}"


def shown(judged: Judged) -> str:
    """Return a measured ratio in words: the better one first, where there are two."""
    named = ((judged.value, "1 process"), (judged.shared, WORKERS))
    measured = sorted(((value, how) for value, how in named if value is not None), reverse=True)
    if not measured:
        return "not measured"
    said = [f"{value:,.2f}{judged.target.unit}" for value, _ in measured]
    if judged.shared is None:
        return said[0]
    return "; ".join(f"{one} ({how})" for one, (_, how) in zip(said, measured, strict=True))


MARKS = {True: "met", False: "MISSED", None: "–"}


def ratios(judged: list[Judged]) -> Table:
    """Return the table of ratios."""
    made = Table("case: what it is compared with", "measured", "target", "stretch", "")
    for one in judged:
        target = one.target
        made.add_row(
            target.label, shown(one), bound(target, target.target), bound(target, target.stretch), MARKS[one.met]
        )
    return made


def figures(found: Found) -> Table:
    """Return the table of everything that was measured."""
    made = Table("case", "per second", "p50 µs", "p99 µs", "")
    for name, result in found.items():
        numbers = (result.rate, result.p50_us, result.p99_us)
        detail = ", ".join(f"{key} {value}" for key, value in result.detail.items())
        made.add_row(name, *("" if number is None else f"{number:,.0f}" for number in numbers), detail)
    return made
