"""
The stage: where a scene is played, told and checked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from figuard.cli.console import Output, amount, table

if TYPE_CHECKING:
    from figuard.client.sync.client import FiGuardClient

_NAME_WIDTH = 26
_AMOUNT_WIDTH = 9
_STYLES = {"✓": "green", "✗": "red", "⏳": "yellow", "⚠": "yellow"}


@dataclass(frozen=True, slots=True)
class Check:
    """One promise: what it is about, what must be, and what was."""

    what: str
    expected: object
    actual: object

    @property
    def passed(self) -> bool:
        """Whether it was kept."""
        return self.expected == self.actual


class Stage:
    """A client, and somewhere to say what it did."""

    def __init__(self, client: FiGuardClient, out: Output) -> None:
        """Start with nothing checked."""
        self.client = client
        self.out = out
        self.checks: list[Check] = []
        self._scenes = 0

    def open(self, title: str) -> None:
        """Begin a scene."""
        self._scenes += 1
        self.out.say(Text.assemble("\n", (f"{self._scenes}  ", "dim"), (title, "bold")))

    def tell(self, glyph: str, name: str, quantity: Decimal | None = None, remark: str = "") -> None:
        """Say what happened, in one line."""
        line = Table.grid(padding=(0, 1))
        line.add_column(width=4, justify="right", style=_STYLES.get(glyph, ""))
        line.add_column(width=_NAME_WIDTH)
        line.add_column(width=_AMOUNT_WIDTH, justify="right")
        line.add_column(style="dim", overflow="fold")
        line.add_row(glyph, name, amount(quantity), f" {remark}")
        self.out.say(line)

    def check(self, what: str, expected: object, actual: object) -> None:
        """Keep a check for the end; one that fails is told at once."""
        made = Check(what, expected, actual)
        self.checks.append(made)
        if not made.passed:
            self.tell("✗", what, remark=f"must be {_shown(expected)}, is {_shown(actual)}")

    def working(self, what: str, total: int) -> AbstractContextManager[Callable[[int], None]]:
        """Show how far a long scene has come."""
        return self.out.progress(what, total)


def failures(checks: Iterable[Check]) -> Table | None:
    """Return the checks that failed as a table of expected and actual, or None."""
    off = [check for check in checks if not check.passed]
    if not off:
        return None
    shown = table("check", "expected", "actual", right=("expected", "actual"), loose=("check",))
    for check in off:
        shown.add_row(check.what, _shown(check.expected), Text(_shown(check.actual), "red"))
    return shown


def _shown(value: object) -> str:
    return amount(value) if isinstance(value, Decimal) else str(value)
