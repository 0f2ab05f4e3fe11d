"""
``figuard tree`` and ``figuard report``: what was spent, by cause and by sum.
"""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

import typer
from rich.text import Text

from figuard.cli.console import Output, amount, gauge, status, table
from figuard.cli.forest import DEPTH_SHOWN_MAX, drawn
from figuard.cli.opening import client_of, find_budget
from figuard.cli.options import BudgetName, Database, Json, Since, Until
from figuard.client.models import Budget, SpendTree


class By(StrEnum):
    """What a report is by."""

    AGENT = "agent"
    CATEGORY = "category"
    DAY = "day"
    USER = "user"
    BUDGET = "budget"


def tree(
    budget: BudgetName,
    everything: Annotated[bool, typer.Option("--all", help="Every event on a line of its own.")] = False,
    depth: Annotated[int, typer.Option("--depth", min=1, max=100, help="How deep to draw.")] = DEPTH_SHOWN_MAX,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """Draw what a budget was spent on, each event below the one that caused it."""
    out = Output(as_json=as_json)
    with client_of(database) as client:
        found = find_budget(client, budget)
        forest = client.get_spend_tree(found.id)
    out.show(forest)
    if not as_json:
        show_tree(out, found, forest, grouped=not everything, depth_max=depth)


def show_tree(
    out: Output, budget: Budget, forest: SpendTree, *, grouped: bool = True, depth_max: int = DEPTH_SHOWN_MAX
) -> None:
    """Show a budget in two lines and its events below."""
    unit = budget.currency or budget.unit
    purpose = f" · {budget.intent_context}" if budget.intent_context else ""
    out.say(Text.assemble((budget.user_id, "bold"), purpose, "  ", status(budget.status), ("  " + budget.id, "dim")))
    used = budget.quantity_spent + budget.quantity_reserved
    out.say(
        Text.assemble(
            gauge(used, budget.total_limit),
            f"  {amount(budget.quantity_spent, unit, named=False)} spent",
            f", {amount(budget.quantity_reserved, unit, named=False)} held" if budget.quantity_reserved else "",
            f", {amount(budget.available_quantity, unit, named=False)} left of {amount(budget.total_limit, unit)}",
        )
    )
    out.say(drawn(forest, unit, grouped=grouped, depth_max=depth_max))
    if not forest.roots:
        out.say(Text("no events yet", style="dim"))


def report(
    by: Annotated[By, typer.Argument(help="What to add up by.")] = By.AGENT,
    budget: Annotated[str | None, typer.Option("--budget", "-b", help="Of this budget only.")] = None,
    since: Since = None,
    until: Until = None,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """Add spending up by agent, category, day, user or budget."""
    out = Output(as_json=as_json)
    with client_of(database) as client:
        only = find_budget(client, budget).id if budget else None
        found = client.spend_report(by.value, _utc(since), _utc(until), only)
    shown = table(by.value, "spent", "held", "refunded", "events", "denied", right=_NUMBERS, loose=(by.value,))
    for line in found.lines:
        shown.add_row(
            line.key or Text("(none)", style="dim"),
            amount(line.confirmed_quantity, line.measure),
            amount(line.held_quantity, line.measure, named=False),
            amount(line.refunded_quantity, line.measure, named=False),
            f"{line.event_count:,}",
            f"{line.denied_count:,}",
        )
    out.show(found, out.listing(shown, "nothing was spent"))


_NUMBERS = ("spent", "held", "refunded", "events", "denied")


def _utc(at: datetime | None) -> datetime | None:
    return at.replace(tzinfo=UTC) if at is not None and at.tzinfo is None else at
