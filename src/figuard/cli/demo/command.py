"""
The command: play every scene on fresh books, show what they say, verify them, and judge every number.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, NoReturn, cast

import typer
from rich.text import Text

from figuard.cli.audit import Verdict, sentence
from figuard.cli.console import Output
from figuard.cli.demo.scenes import SCENES
from figuard.cli.demo.stage import Check, Stage, failures
from figuard.cli.failures import NotFound
from figuard.cli.opening import Books, books_of
from figuard.cli.options import Json
from figuard.cli.reports import show_tree

Scene = Callable[[Stage], None]
TREES_SHOWN = ("travel", "report")
"""Whose spend trees are shown at the end."""


def demo(
    keep: Annotated[
        Path | None, typer.Option("--keep", metavar="FILE", help="Keep the books in a new file, to look around in.")
    ] = None,
    as_json: Json = False,
) -> None:
    """
    See it work: six incidents, a few seconds, no key, no network.

    Every number is checked; exit status 1 when one is not what it must be.
    """
    perform(Output(as_json=as_json), keep, SCENES)


def perform(out: Output, keep: Path | None, scenes: Sequence[Scene]) -> NoReturn:
    """Play scenes, on books that are kept or not, and end the process with their verdict."""
    if keep is None:
        with TemporaryDirectory(prefix="figuard-demo-") as folder:
            passed = play(out, Path(folder, "demo.db"), scenes)
    elif keep.exists():
        raise NotFound(f"{str(keep)!r} exists already. The demo needs a new file")
    else:
        passed = play(out, keep, scenes)
        out.note(f"Look around: figuard tree report --database {keep}")
    raise typer.Exit(0 if passed else 1)


def play(out: Output, database: Path, scenes: Sequence[Scene]) -> bool:
    """Play scenes on new books; return whether every check passed."""
    started = time.monotonic()
    out.say(Text.assemble(("FiGuard", "bold"), ": agents ask before they spend. No key, no network, real books."))
    database.touch(mode=0o600)
    with books_of(str(database)) as books:
        stage = Stage(books.client, out)
        for scene in scenes:
            scene(stage)
        _show_trees(stage)
        _verify(stage, books, len(scenes))
    off = failures(stage.checks)
    passed = off is None
    seconds = round(time.monotonic() - started, 1)
    result = {"passed": passed, "seconds": seconds, "checks": [_row(check) for check in stage.checks]}
    out.show(
        result, off or Text.assemble(("✓ ", "green"), f"{len(stage.checks)} numbers, each as promised, in {seconds} s")
    )
    return passed


def _show_trees(stage: Stage) -> None:
    for user in TREES_SHOWN:
        for budget in stage.client.list_budgets(user_id=user).budgets:
            stage.out.say("")
            show_tree(stage.out, budget, stage.client.get_spend_tree(budget.id))


def _verify(stage: Stage, books: Books, expected: int) -> None:
    verdict = Verdict.of(books.store.verify_all(), projections=True)
    stage.out.say(Text.assemble("\n", ("$ figuard ledger verify", "dim")))
    stage.out.say(sentence(verdict))
    stage.check("the ledger is sound", True, verdict.is_sound)
    stage.check("every budget has its book", expected, len(verdict.books))


def _row(check: Check) -> dict[str, object]:
    return {
        "what": check.what,
        "expected": _plain(check.expected),
        "actual": _plain(check.actual),
        "passed": check.passed,
    }


def _plain(value: object) -> object:
    return sorted(map(str, cast("set[object]", value))) if isinstance(value, set) else value
