"""
The trace: what happened, one line each, in the manner of the tables of our style guide.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from figuard.client.steps import Call, Refused, Replied
from figuard.domain.amounts import text
from figuard.domain.budget import Budget
from figuard.domain.refusal import Refusal


@dataclass
class Trace:
    """Keeps what happened as it was; nothing is made into text before somebody wants to read it."""

    lines: list[tuple[float, str | Call, Any, Budget | None, str]] = field(default_factory=list)

    def add(
        self, at: float, what: str | Call, outcome: Any = None, budget: Budget | None = None, note: str = ""
    ) -> None:
        """Keep one line: seconds since the start, what was done, what came of it, and what befell it."""
        self.lines.append((at, what, outcome, budget, note))

    def table(self, tasks: dict[str, str]) -> str:
        """Return the lines as a table; *tasks* are the names of events."""
        return "\n".join(_row(line, tasks) for line in self.lines)


def _row(line: tuple[float, str | Call, Any, Budget | None, str], tasks: dict[str, str]) -> str:
    at, what, outcome, budget, note = line
    row = f"+{at:9.3f}s  {what if isinstance(what, str) else _asked(what, tasks):30}"
    if outcome is not None:
        row += f" -> {_answered(outcome):26}"
    if budget is not None:
        balance = budget.funds.balance
        row += f"| available {text(budget.available())} spent {text(balance.spent)} reserved {text(balance.reserved)}"
    return f"{row}  ({note})" if note else row.rstrip()


def _asked(call: Call, tasks: dict[str, str]) -> str:
    body = call.body
    name = call.operation.name.removesuffix("_event")
    about = tasks.get(call.path.get("eventId", ""), "") or getattr(body, "trace_id", "")
    figures = (getattr(body, field, None) for field in ("requested_quantity", "confirmed_quantity", "quantity"))
    amount = next((figure for figure in figures if figure is not None), None)
    moved = " moved" if getattr(body, "money_moved", None) is True else ""
    return f"{name:12} {about:6}" + (f"{amount:6.2f}" if amount is not None else "") + moved


def _answered(outcome: Any) -> str:
    if isinstance(outcome, Refusal):
        return outcome.code.value
    if isinstance(outcome, Refused):
        return outcome.error.code or str(outcome.error.status_code)
    if not isinstance(outcome, Replied):
        return type(outcome).__name__
    value = outcome.value
    again = " again" if getattr(value, "replayed", None) is True else ""
    denial = getattr(value, "denial_reason", None)
    return f"{denial if isinstance(denial, str) else getattr(value, 'decision', '')}{again}"
