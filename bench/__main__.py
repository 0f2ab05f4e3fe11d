"""
Run the benchmarks: ``python -m bench [quick] [group …]``. Prints tables, keeps the figures as JSON, and judges.

The groups are postgres, disk, sqlite, embedded and overload; all of them unless named. ``python -m bench keep`` makes
the last full run the one that BENCHMARKS.md shows; ``python -m bench growth`` takes long and shows what grows.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from bench import growth, page, pgbench, served
from bench.measure import machine
from bench.report import figures, judge, ratios
from bench.run import ALL_GROUPS, FULL, QUICK, run
from tests import postgres_server


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
