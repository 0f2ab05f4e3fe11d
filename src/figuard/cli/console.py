"""
Output: for people in a terminal, for people in a pipe, and for programs.

What a command found goes to standard output, everything said about it to standard error, so that a pipe carries
results only. Programs get JSON (``--json``): the names of the Python client, amounts as exact decimal numbers.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from decimal import Decimal
from typing import IO, Any

import msgspec
from rich.box import SIMPLE_HEAD
from rich.console import Console, Group, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

PIPE_WIDTH = 200
"""How wide lines may be where nobody's window sets a limit."""
WIDE = 125
"""From this width on, tables show what is merely useful."""
ROOM = 10_000
NARROW = 100
"""Below this width, ids are shown by their beginning."""
_CONTROLS = dict.fromkeys((*range(32), *range(127, 160)), "\N{REPLACEMENT CHARACTER}") | dict.fromkeys(
    map(ord, "\t\n\r\N{LINE SEPARATOR}\N{PARAGRAPH SEPARATOR}"), " "
)
_JSON = msgspec.json.Encoder(decimal_format="number")


class Output:
    """Where one command says what it found."""

    def __init__(self, *, as_json: bool = False) -> None:
        """Write to the process's standard streams, as JSON or for people."""
        self.as_json = as_json
        self.console = _console(sys.stdout)
        self.aside = _console(sys.stderr)

    @property
    def is_wide(self) -> bool:
        """Whether there is room for more than the necessary columns."""
        return self.console.width >= WIDE

    @property
    def is_narrow(self) -> bool:
        """Whether there is no room for whole ids beside other columns."""
        return self.console.width < NARROW

    def show(self, value: Any, *rendered: RenderableType | Callable[[], RenderableType]) -> None:  # noqa: ANN401 - any model
        """Show a result: *value* to a program, *rendered* to people."""
        if self.as_json:
            self.json(value)
            return
        for part in rendered:
            self.say(part() if callable(part) else part)

    def json(self, value: Any) -> None:  # noqa: ANN401 - any model
        """Write a value as JSON, amounts exact."""
        sys.stdout.write(msgspec.json.format(_JSON.encode(value), indent=2).decode() + "\n")

    def say(self, rendered: RenderableType) -> None:
        """Say something to people; a program does not get it."""
        if self.as_json:
            return
        if self.console.is_terminal:
            self.console.print(rendered)
            return
        with self.console.capture() as captured:
            # A sentence stays one line, whatever its length.
            self.console.print(rendered, soft_wrap=isinstance(rendered, (str, Text)))
        # Columns are padded to their width, which helps nobody at the end of a line in a file.
        sys.stdout.write("".join(f"{line.rstrip()}\n" for line in captured.get().splitlines()))

    def listing(self, rows: Table, empty: str) -> RenderableType:
        """Return a table as it fits the window: whole, one block per row, or what to say when there is no row."""
        if not rows.row_count:
            return Text(empty, style="dim")
        # Measured with room to spare: within the window a measure is never larger than the window.
        unbounded = self.console.options.update(width=ROOM)
        if self.console.measure(rows, options=unbounded).minimum <= self.console.width:
            return rows
        names = [str(column.header) for column in rows.columns]
        cells = zip(*(column.cells for column in rows.columns), strict=True)
        blocks: list[RenderableType] = []
        for row in cells:
            blocks += [fields(pair for pair in zip(names, row, strict=True) if str(pair[1])), ""]
        return Group(*blocks[:-1])

    def note(self, text: str) -> None:
        """Say something about the result, beside it."""
        self.aside.print(text, style="dim", soft_wrap=True)

    @contextmanager
    def progress(self, what: str, total: int | None = None) -> Generator[Callable[[int], None]]:
        """Show on standard error how far long work has come, if anybody watches; yields what counts it."""
        columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        shown = self.aside.is_terminal and not self.as_json
        with Progress(*columns, TimeElapsedColumn(), console=self.aside, transient=True, disable=not shown) as bar:
            task = bar.add_task(what, total=total)
            yield lambda count: bar.advance(task, count)


class _Plain(Console):
    """A console that takes text for text: agents write descriptions, and a terminal obeys escape sequences."""

    def render_str(self, text: str, **options: Any) -> Text:  # noqa: ANN401 - as the base has them
        return super().render_str(clean(text), **options)


def _console(stream: IO[str]) -> Console:
    width = None if stream.isatty() or os.environ.get("COLUMNS") else PIPE_WIDTH
    return _Plain(file=stream, highlight=False, emoji=False, markup=False, width=width)


def clean(text: str) -> str:
    """Return text without control characters; a line end becomes a space."""
    return text.translate(_CONTROLS)


def table(*columns: str, right: Iterable[str] = (), loose: Iterable[str] = ()) -> Table:
    """Return an empty table; columns in *right* hold numbers, those in *loose* text that is folded where it must."""
    numbers, folded = set(right), set(loose)
    made = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1))
    for column in columns:
        made.add_column(
            column, justify="right" if column in numbers else "left", overflow="fold", no_wrap=column not in folded
        )
    return made


def fields(pairs: Iterable[tuple[str, RenderableType | None]]) -> Table:
    """Return names and values, one pair a line; a pair without a value is left out."""
    made = Table.grid(padding=(0, 2))
    made.add_column(style="dim")
    made.add_column(overflow="fold")
    for name, value in pairs:
        if value is not None:
            made.add_row(name, value)
    return made


def amount(value: Decimal | None, unit: str | None = None, *, named: bool = True) -> str:
    """Return an amount as people write it: ``1,000.00 USD``, ``52,300 tokens``; not *named*, without the unit."""
    if value is None:
        return ""
    counted = unit is not None and not (len(unit) == 3 and unit.isupper())  # noqa: PLR2004 - ISO 4217
    whole, _, fraction = f"{value:,f}".partition(".")
    fraction = fraction.rstrip("0") if counted else fraction.ljust(2, "0")
    number = f"{whole}.{fraction}" if fraction else whole
    return f"{number} {unit}" if unit and named else number


def when(text: str | None) -> str:
    """Return a time of the API to the second, in UTC: ``2026-11-22 09:30:00``."""
    return "" if text is None else text[:19].replace("T", " ")


def gauge(part: Decimal, whole: Decimal, width: int = 20) -> Text:
    """Return how much of a whole is used as a bar."""
    share = Decimal(1) if whole <= 0 else min(max(part / whole, Decimal(0)), Decimal(1))
    filled = int(share * width)
    if share and not filled:
        filled = 1
    style = "red" if share >= Decimal("0.9") else "yellow" if share >= Decimal("0.5") else "green"
    return Text.assemble(("█" * filled, style), ("░" * (width - filled), "dim"))


_STATUS_STYLES = {
    "ACTIVE": "green",
    "CONFIRMED": "green",
    "AUTHORIZED": "yellow",
    "PENDING": "yellow",
    "PAUSED": "yellow",
    "DELIVERED": "green",
    "EXHAUSTED": "red",
    "EXPIRED": "red",
    "DENIED": "red",
    "FAILED": "magenta",
    "VOIDED": "cyan",
    "CANCELLED": "dim",
    "REVOKED": "dim",
}


def status(word: str | None) -> Text:
    """Return a status in its colour; the word alone says it too."""
    return Text(word or "", style=_STATUS_STYLES.get(word or "", ""))
