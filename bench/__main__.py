"""
Run the benchmarks: ``python -m bench [quick]``. Prints a table, appends a line of JSON, and judges the targets.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from bench import embedded, references
from bench.measure import Result, machine
from bench.report import Judged, Row, judge, table

RESULTS = Path(__file__).parent / "results.jsonl"


@dataclass(frozen=True, slots=True)
class Size:
    """How much a run does."""

    name: str
    calls: int
    published_pairs: int
    published_events: int
    events: int


QUICK = Size("quick", 2_000, 200, 5_000, 10_000)
FULL = Size("full", 10_000, 600, 100_000, 1_000_000)


def run(size: Size, console: Console) -> list[Judged]:
    """Measure everything once and return the judged rows. Raises ``AssertionError`` when a ledger is broken."""
    found: dict[str, Result] = {}
    with tempfile.TemporaryDirectory(prefix="figuard-bench-") as name:
        folder = Path(name)
        with Progress(SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), console=console) as bar:
            for label, case in _cases(folder, size):
                task = bar.add_task(label, total=1)
                found.update(case())
                bar.update(task, completed=1)
    return judge(found)


def _cases(folder: Path, size: Size) -> list[tuple[str, Callable[[], dict[str, Result]]]]:
    def published() -> dict[str, Result]:
        plain = references.published(folder, size.published_pairs)
        long = references.published(folder, max(20, size.published_pairs // 20), size.published_events)
        return {key: value for key, value in (("published", plain), ("published_long", long)) if value is not None}

    def history(*, velocity: bool) -> dict[str, Result]:
        events = size.published_events if velocity else size.events
        short, long = embedded.long_ledger(folder, size.calls // 4, events, velocity=velocity)
        suffix = "_velocity" if velocity else ""
        return {f"short{suffix}": short, f"long{suffix}": long}

    return [
        ("import", lambda: {"import": embedded.import_milliseconds()}),
        ("raw sqlite3", lambda: {"raw": references.raw_sqlite(folder, size.calls)}),
        ("pairs, one thread", lambda: {"pairs": embedded.pairs(folder, size.calls)}),
        ("authorizations, one thread", lambda: {"authorizations": embedded.authorizations(folder, size.calls)}),
        ("pairs, eight threads", lambda: {"threads": embedded.threads(folder, size.calls, 8)}),
        ("batches of a hundred", lambda: {"batches": embedded.batches(folder, size.calls)}),
        (f"a budget of {size.events:,} events", lambda: history(velocity=False)),
        (f"velocity, {size.published_events:,} events", lambda: history(velocity=True)),
        (f"published {references.PACKAGE}", published),
    ]


def main() -> int:
    """Return 0 when every target that could be measured is met."""
    size = QUICK if "quick" in sys.argv[1:] else FULL
    console = Console()
    facts = {"date": datetime.now(UTC).isoformat(timespec="seconds"), "size": size.name, **machine()}
    console.print("  ".join(f"{name} {value}" for name, value in facts.items()))
    judged = run(size, console)
    console.print(table(judged))
    with RESULTS.open("a", encoding="utf-8") as file:
        file.write(json.dumps({**facts, "rows": [asdict(row.row) | {"met": row.met} for row in judged]}) + "\n")
    return 0 if all(row.met is not False for row in judged) else 1


__all__ = ["Row", "main", "run"]

if __name__ == "__main__":
    sys.exit(main())
