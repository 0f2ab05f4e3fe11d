"""
The report: ratios against references of the same run, and whether they meet their targets.

Absolute figures move from machine to machine; a ratio within one run is what can be compared.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from rich.table import Table

from bench.measure import Result


@dataclass(frozen=True, slots=True)
class Target:
    """What a case is compared with, and what is expected of the ratio (or of the figure itself)."""

    label: str
    target: float
    stretch: float
    value: Callable[[Mapping[str, Result]], float | None]
    at_most: bool = False
    unit: str = "×"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the report."""

    label: str
    value: float | None
    target: float
    stretch: float
    at_most: bool
    unit: str
    absolute: str


@dataclass(frozen=True, slots=True)
class Judged:
    """A row and whether it meets its target; None when its reference could not be measured."""

    row: Row
    met: bool | None


def _rates(above: str, below: str) -> Callable[[Mapping[str, Result]], float | None]:
    def ratio(found: Mapping[str, Result]) -> float | None:
        one, other = found.get(above), found.get(below)
        if one is None or other is None or not one.rate or not other.rate:
            return None
        return one.rate / other.rate

    return ratio


def _latency(above: str, below: str) -> Callable[[Mapping[str, Result]], float | None]:
    def ratio(found: Mapping[str, Result]) -> float | None:
        one, other = found.get(above), found.get(below)
        if one is None or other is None or not one.p50_us or not other.p50_us:
            return None
        return one.p50_us / other.p50_us

    return ratio


def _import(found: Mapping[str, Result]) -> float | None:
    return found["import"].rate if "import" in found else None


TARGETS = (
    Target("pairs, one thread, against the published package", 10, 25, _rates("pairs", "published")),
    Target("with a velocity limit and a long ledger, likewise", 100, 300, _rates("long_velocity", "published_long")),
    Target("authorizations against raw sqlite3 (one update, one insert)", 0.25, 0.5, _rates("authorizations", "raw")),
    Target("eight threads against one", 1, 2, _rates("threads", "pairs")),
    Target("latency in a long ledger against 1,000 events", 1.2, 1.05, _latency("long", "short"), at_most=True),
    Target("batch of 100 against single calls", 3, 6, _rates("batches", "authorizations")),
    Target("import figuard", 80, 40, _import, at_most=True, unit=" ms"),
)


def judge(found: Mapping[str, Result]) -> list[Judged]:
    """Return every target with its ratio and whether it is met."""
    judged: list[Judged] = []
    absolute = ", ".join(f"{name} {result.rate:,.0f}/s" for name, result in found.items() if result.rate)
    for target in TARGETS:
        value = target.value(found)
        row = Row(target.label, value, target.target, target.stretch, target.at_most, target.unit, absolute)
        met = None if value is None else (value <= target.target if target.at_most else value >= target.target)
        judged.append(Judged(row, met))
    return judged


def table(judged: list[Judged]) -> Table:
    """Return the table to print."""
    shown = Table("case", "measured", "target", "stretch", "")
    for item in judged:
        row, sign = item.row, "≤" if item.row.at_most else "≥"
        measured = "not measured here" if row.value is None else f"{row.value:,.2f}{row.unit}"
        mark = {True: "met", False: "MISSED", None: "–"}[item.met]
        shown.add_row(
            row.label, measured, f"{sign} {row.target:g}{row.unit}", f"{sign} {row.stretch:g}{row.unit}", mark
        )
    if judged:
        shown.caption = judged[0].row.absolute
    return shown
