"""
``figuard ledger``: the entries themselves. Show them, verify them, take them elsewhere.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO, TYPE_CHECKING, Annotated

import typer

from figuard.cli.audit import Heads, Verdict, show_verdict
from figuard.cli.console import Output
from figuard.cli.entries import entry_table
from figuard.cli.failures import NotFound
from figuard.cli.opening import books_of, find_book, reader_of
from figuard.cli.options import BudgetName, Database, Json

if TYPE_CHECKING:
    from figuard.domain.views import FindingsView
    from figuard.engine.verify import Verifier

app = typer.Typer(help="The append-only, hash-chained record of everything.", no_args_is_help=True)
OneBudget = Annotated[str | None, typer.Argument(metavar="[BUDGET]", help="Only this budget's book; all unless given.")]
LINES_PER_STEP = 500
"""After how many lines the progress is shown anew."""
STANDARD_STREAM = "-"


@app.command()
def show(
    budget: BudgetName,
    after: Annotated[int, typer.Option("--after", min=0, help="Entries above this number.")] = 0,
    size: Annotated[int, typer.Option("--size", min=1, max=500, help="How many.")] = 100,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """Show a budget's entries, oldest first."""
    out = Output(as_json=as_json)
    with reader_of(database, budget) as (client, book_id):
        found = client.ledger_entries(book_id, after, size)
    out.show(found, lambda: entry_table(found.entries, wide=out.is_wide))
    if found.next_after is not None and not as_json:
        out.note(f"there are more: --after {found.next_after}")


@app.command()
def verify(
    budget: OneBudget = None,
    file: Annotated[str | None, typer.Option("--file", "-f", help="An export instead; - is standard input.")] = None,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """
    Recompute hash chain, balances and projections from the entries.

    Exit status 1 when anything is wrong. With --file nothing but the file is needed. A database may be written
    meanwhile; only entitlements, which many budgets share, are compared exactly when it is at rest.
    """
    if file is not None and budget is not None:
        raise typer.BadParameter("--file is verified whole; leave BUDGET out")
    out = Output(as_json=as_json)
    verdict = _of_file(file, out) if file is not None else _of_database(database, budget, out)
    show_verdict(out, verdict)
    raise typer.Exit(0 if verdict.is_sound else 1)


def _of_database(database: str | None, budget: str | None, out: Output) -> Verdict:
    from figuard.engine.inspection import verified

    with books_of(database) as (store, _), out.progress("verifying books") as advance:
        if budget is not None:
            verifier: Verifier = store.engine.follow(verified(find_book(store, budget).id))
            return Verdict.of([verifier.view()], projections=True)
        views: list[FindingsView] = []
        for view in store.verify_all():
            views.append(view)
            advance(1)
        return Verdict.of(views, projections=True)


def _of_file(name: str, out: Output) -> Verdict:
    from figuard.engine.verify import verify_lines

    heads = Heads()
    with _reading(name) as (stream, size), out.progress("verifying bytes", size) as advance:
        views = list(verify_lines(heads.watch(_counted(stream, advance))))
    if not views:
        raise NotFound(f"{name!r} has no entries, so it proves nothing. Was the export cut off?")
    return Verdict.of(views, projections=False, heads=heads)


@contextmanager
def _reading(name: str) -> Generator[tuple[IO[bytes], int | None]]:
    if name == STANDARD_STREAM:
        yield sys.stdin.buffer, None
        return
    path = Path(name).expanduser()
    with path.open("rb") as stream:
        yield stream, path.stat().st_size


def _counted(lines: Iterable[bytes], advance: Callable[[int], None]) -> Iterator[bytes]:
    """Pass lines on and report their bytes now and then; at each line it would cost more than the line."""
    waiting = 0
    for number, line in enumerate(lines):
        waiting += len(line)
        if number % LINES_PER_STEP == 0:
            advance(waiting)
            waiting = 0
        yield line


@app.command()
def export(
    budget: OneBudget = None,
    output: Annotated[str, typer.Option("--output", "-o", help="A file; - is standard output.")] = STANDARD_STREAM,
    force: Annotated[bool, typer.Option("--force", help="Replace the file if it exists.")] = False,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """
    Write every entry as a line of JSON that ends with its hash (NDJSON).

    Anyone can verify it: figuard ledger verify --file FILE.
    """
    out = Output(as_json=as_json)
    target = None if output == STANDARD_STREAM else Path(output).expanduser()
    if target is not None and target.exists() and not force:
        raise NotFound(f"{output!r} exists already. Name another file, or give --force to replace it")
    with books_of(database) as (store, _), out.progress("exporting entries") as advance:
        book_id = find_book(store, budget).id if budget else None
        count = 0
        with _writing(target) as stream:
            for line in store.export(book_id):
                stream.write(line + b"\n")
                count += 1
                if count % LINES_PER_STEP == 0:
                    advance(LINES_PER_STEP)
    if target is not None:
        out.show({"entries": count, "output": str(target)}, f"{count:,} entries in {target}")
    elif not as_json and out.aside.is_terminal:
        out.note(f"{count:,} entries")


@contextmanager
def _writing(target: Path | None) -> Generator[IO[bytes]]:
    """Write to standard output, or to a file that appears only when it is whole."""
    if target is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    with NamedTemporaryFile(dir=target.parent, prefix=f".{target.name}.", delete=False) as stream:
        temporary = Path(stream.name)
        try:
            yield stream.file
            stream.flush()
            os.fsync(stream.fileno())
        except BaseException:
            temporary.unlink()
            raise
    temporary.replace(target)
