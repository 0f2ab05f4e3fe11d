"""
Measuring in turns: a case, then what it is compared with, then both again, so that a busy moment meets all alike.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from bench.measure import Result

Case = Callable[[], Result]
Cases = Mapping[str, Case]


def in_turns(cases: Cases, rounds: int) -> dict[str, Result]:
    """Measure every case in each round, and return the round in the middle of each, under the case's name."""
    found: dict[str, list[Result]] = {name: [] for name in cases}
    for _ in range(rounds):
        for name, measure in cases.items():
            found[name].append(measure())
    return {name: middle(results) for name, results in found.items()}


def middle(results: Sequence[Result]) -> Result:
    """Return the result whose rate is in the middle, the lower of two; the first where nothing has a rate."""
    return sorted(results, key=lambda one: one.rate or 0)[(len(results) - 1) // 2]
