"""
BENCHMARKS.md: one chosen run, rendered from the file of its figures, so that no number on the page was typed.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench.measure import Result
from bench.report import MARKS, bound, judge, shown

ROOT = Path(__file__).parent.parent
RESULTS = Path(__file__).parent / "results"
KEPT = RESULTS / "kept.jsonl"
PAGE = ROOT / "BENCHMARKS.md"
_ABOUT = """\
# Benchmarks

<!-- Rendered by `python -m bench keep` from bench/results/kept.jsonl; do not edit. -->

{facts}

Everything is durable: PostgreSQL with `fsync`, `synchronous_commit` and `full_page_writes` on, SQLite in WAL mode with
`synchronous=FULL`; an answer is sent after its commit. All rules, the hash chain and the idempotency keys are on; the
limit of requests per minute is off. Load generator, server and database share this one machine. After every case all
ledgers were verified.

## Ratios

What counts is a ratio within one run; absolute figures move from machine to machine. Where a case was served by one
process and by two workers of one server, both ratios are shown, and the better one, which comes first, is judged. A
case and what it is compared with take turns, three times, so that a busy moment meets all alike; of each, the round in
the middle is shown.

{ratios}

pgbench runs the smallest transaction that reserves money: one statement that updates a balance and inserts one row,
at its best number of clients of eight and more, which a first look at each finds. "A transaction per request" is plain
Python (uvicorn, Starlette, asyncpg) that locks the budget, looks, writes and commits for each request, in as many
processes as the server it is compared with. figuard 1.2.0 is the release on the package index. The 1 ms disk is
emulated: every sync sleeps a millisecond longer.

## Figures

{figures}

The canonical two are `hot` (100 clients, one budget, over HTTP on PostgreSQL: authorizations per second) and `lone`
(one client: latency of one authorization). `spread` is over 10,000 budgets; in `lifecycle` every authorization is
confirmed, failed or voided, and each request counts; `denials` asks for more than there is; `retries` sends every key
five times; `delegation` stands five levels below its budget; `velocity` has three windows; `batches` are requests of a
hundred, counted singly; `ledger` is a budget with that many events. `overload` is a crowd that asks three times as
much as `capacity`: its rate and latency are those of what was admitted, and `overload refused` those of the 503s.
Embedded pairs are an authorization and its confirmation; `history` has a velocity limit and a thousand events in its
window, `history long` and `published long` a hundred thousand. `2 workers` are two processes of one server
(`figuard serve --workers 2`), or two of the reference; every other row over HTTP is served by one process. Each worker
has a queue of its own, so under overload two admit twice as many at once.

## What the numbers do not say

- Nothing about a network: all connections are local, without TLS.
- Nothing about your disk: where a sync takes a millisecond, single transactions are twenty times slower than here, and
  group commit matters more; that is what the rows of the 1 ms disk are for.
- Nothing about your interpreter: one compiled without optimizations takes 1.4 times the processor time of the same
  version from a distribution (cycles per embedded authorization with its confirmation, `perf stat`).
- Nothing about another processor beside another disk: figuard 1.2.0, and pgbench where a sync takes a millisecond, wait
  for the disk most of the time, while FiGuard computes. Their targets come from a machine on which SQLite alone commits
  20,000 transactions a second and pgbench 8,000 on one row; the slower a processor is, the smaller are these ratios.
- Nothing about many cores: the load generator and PostgreSQL take their share of the few cores there are.
- Nothing about hours: a case runs for seconds. That memory and latency stay flat is tested apart
  (`tests/growth`).
- The references do less: pgbench and the transaction per request know no rules, no chain and no settlement.

## How to reproduce

```sh
make bench         # five to six minutes; every row above
make bench-quick   # forty seconds; the canonical rows
```

`make setup PYTHON=…` chooses the interpreter. Both start their own PostgreSQL from the binaries of the `embedded-
postgres` package, their own servers and load generators, and fail when a ledger does not verify. `python -m bench
growth` shows how cost grows with the books, and `bench/stress.py` puts load on a server of yours.
"""


def write(facts: Mapping[str, str], found: Mapping[str, Result]) -> Path:
    """Keep the figures of a run as lines of JSON, its facts first; return the file."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"last-{facts['size']}.jsonl"
    lines = [{"facts": dict(facts)}, *(asdict(result) for result in found.values())]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path


def read(path: Path) -> tuple[dict[str, str], dict[str, Result]]:
    """Return the facts and the figures of a run."""
    first, *rest = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    return first["facts"], {line["case"]: Result(**line) for line in rest}


def keep(size: str = "full") -> Path:
    """Make the last run of a size the one that is shown, and render it."""
    shutil.copyfile(RESULTS / f"last-{size}.jsonl", KEPT)
    PAGE.write_text(render(KEPT), encoding="utf-8")
    return PAGE


def render(path: Path) -> str:
    """Return the page that shows a run."""
    facts, found = read(path)
    ratios = [("case: what it is compared with", "measured", "target", "stretch", "")]
    for one in judge(found):
        target = one.target
        bounds = bound(target, target.target), bound(target, target.stretch)
        ratios.append((target.label, shown(one), *bounds, MARKS[one.met]))
    figures = [("case", "per second", "p50 µs", "p99 µs", "")]
    for name, result in found.items():
        # What an import takes is no rate.
        numbers = (None if name == "import" else result.rate, result.p50_us, result.p99_us)
        detail = f"{result.rate:.0f} ms" if name == "import" else _detail(result.detail)
        figures.append((name, *("" if one is None else f"{one:,.0f}" for one in numbers), detail))
    named = "\n".join(f"- {name}: {value}" for name, value in facts.items())
    return _ABOUT.format(facts=named, ratios=_table(ratios), figures=_table(figures))


def _detail(detail: Mapping[str, Any]) -> str:
    return ", ".join(
        f"{name} {value:,}" if isinstance(value, int) else f"{name} {value}" for name, value in detail.items()
    )


def _table(rows: list[tuple[str, ...]]) -> str:
    head, *rest = rows
    lines = ["| " + " | ".join(row) + " |" for row in (head, *rest)]
    return "\n".join([lines[0], "|" + "---|" * len(head), *lines[1:]])
