"""
``figuard budget``: create, list, show, fund, pause, resume, cancel.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from figuard.cli.console import Output, amount, fields, gauge, status, table, when
from figuard.cli.opening import client_of, find_budget
from figuard.cli.options import BudgetName, Database, Json, Page, Size
from figuard.client.models import Budget

app = typer.Typer(help="Create budgets, look at them, change them.", no_args_is_help=True)
ID_SHOWN = 18
"""How much of an id is shown where there is little room: the time and the counter in it, which tell budgets apart."""
_TOKEN_HINT = "The session token is shown this once. Give it to the agent; the id is for you."
Amount = Annotated[str, typer.Argument(metavar="AMOUNT", help="An exact amount: 500 or 0.25.")]


class Operation(StrEnum):
    """How ``fund`` changes a limit."""

    CREDIT = "credit"
    DEBIT = "debit"
    RESET = "reset"
    RESET_SPENT = "reset-spent"


@app.command()
def create(
    limit: Annotated[str, typer.Argument(metavar="LIMIT", help="How much may be spent: 500 or 0.25.")],
    user: Annotated[str, typer.Option("--user", "-u", help="Whose budget it is.")] = "me",
    currency: Annotated[str | None, typer.Option("--currency", "-c", help="Three letters; USD unless told.")] = None,
    unit: Annotated[str | None, typer.Option("--unit", help="What is counted instead of money: tokens.")] = None,
    expires_in: Annotated[str | None, typer.Option("--expires-in", help="90s, 24h, 7d; never unless told.")] = None,
    reference: Annotated[str | None, typer.Option("--reference", help="Your own name for it, used once.")] = None,
    context: Annotated[str | None, typer.Option("--context", help="What it is for.")] = None,
    allocation: Annotated[
        list[str] | None,
        typer.Option("--allocation", "-a", metavar="PART", help="A part: flights=300, trip=300:car,bus."),
    ] = None,
    max_transaction: Annotated[str | None, typer.Option("--max-transaction", help="The most at a time.")] = None,
    per_minute: Annotated[int | None, typer.Option("--per-minute", min=1, help="How many requests a minute.")] = None,
    hold_seconds: Annotated[int | None, typer.Option("--hold-seconds", min=1, help="How long a hold lasts.")] = None,
    shadow: Annotated[bool, typer.Option("--shadow", help="Record what would be denied, and block nothing.")] = False,
    dedup: Annotated[bool, typer.Option("--dedup", help="Let each entity be paid once.")] = False,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """Create a budget and show its session token."""
    out = Output(as_json=as_json)
    with client_of(database, create=True) as client:
        made = client.create_budget(
            user,
            limit,
            expires_in=expires_in,
            currency=currency,
            unit=unit,
            intent_context=context,
            external_reference=reference,
            max_transaction_quantity=max_transaction,
            authorization_expiry_seconds=hold_seconds,
            velocity_max_per_minute=per_minute,
            entity_dedup_enabled=dedup,
            allocations=[_part(text) for text in allocation or ()] or None,
            trust_mode="SHADOW" if shadow else None,
        )
    out.show(made, lambda: budget_fields(made))
    if made.session_token is not None and not as_json:
        out.note(_TOKEN_HINT)


def _part(text: str) -> dict[str, Any]:
    """Return an allocation: ``flights=300``, or ``travel=300:flight,train`` to say which categories it pays for."""
    label, _, rest = text.partition("=")
    limit, _, allowed = rest.partition(":")
    if not (label.strip() and limit.strip()):
        raise typer.BadParameter(f"an allocation looks like flights=300 or travel=300:flight,train, got {text!r}")
    words = [word.strip() for word in allowed.split(",") if word.strip()]
    return {"category": label.strip(), "limit": limit.strip(), "allowedCategories": words or [label.strip()]}


@app.command("list")
def list_budgets(
    page: Page = 0,
    size: Size = 20,
    state: Annotated[str | None, typer.Option("--status", help="ACTIVE, PAUSED or CANCELLED.")] = None,
    user: Annotated[str | None, typer.Option("--user", "-u", help="Of this user only.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Cancelled ones too.")] = False,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """List budgets, newest first."""
    out = Output(as_json=as_json)
    with client_of(database) as client:
        found = client.list_budgets(page, size, state, user, include_cancelled=everything)
    out.show(found, lambda: out.listing(_rows(found.budgets, out), "no budgets"))
    if found.total_elements > len(found.budgets) and not as_json:
        out.note(f"{len(found.budgets)} of {found.total_elements}; more with --page {page + 1}")


def _rows(budgets: Iterable[Budget], out: Output) -> Table:
    more = ("spent", "held", "", "created") if out.is_wide else ()
    shown = table("id", "user", "status", "left", "limit", *more, right=_NUMBERS, loose=("user",))
    for budget in budgets:
        unit = budget.currency or budget.unit
        extra = (
            amount(budget.quantity_spent, unit, named=False),
            amount(budget.quantity_reserved, unit, named=False),
            gauge(_used(budget), budget.total_limit, 10),
            when(budget.created_at),
        )
        left = amount(budget.available_quantity, unit, named=False)
        name = f"{budget.id[:ID_SHOWN]}…" if out.is_narrow else budget.id
        known = (name, budget.user_id, status(budget.status), left, amount(budget.total_limit, unit))
        shown.add_row(*known, *(extra if out.is_wide else ()))
    return shown


_NUMBERS = ("limit", "spent", "held", "left")


def _used(budget: Budget) -> Decimal:
    return budget.quantity_spent + budget.quantity_reserved


@app.command()
def show(budget: BudgetName, database: Database = None, as_json: Json = False) -> None:
    """Show one budget."""
    out = Output(as_json=as_json)
    with client_of(database) as client:
        found = find_budget(client, budget)
    out.show(found, lambda: budget_fields(found))
    if found.allocations and not as_json:
        parts = table("allocation", "limit", "spent", "held", "left", "", "mode", right=_NUMBERS)
        for part in found.allocations:
            used = part.quantity_spent + part.quantity_reserved
            amounts = (part.limit, part.quantity_spent, part.quantity_reserved, part.available_quantity)
            figures = [amount(value, found.currency or found.unit, named=False) for value in amounts]
            parts.add_row(part.category, *figures, gauge(used, part.limit, 10), part.enforcement_mode)
        out.say(parts)


@app.command()
def fund(
    budget: BudgetName,
    operation: Annotated[Operation, typer.Argument(help="Add, take away, set, or set and start spending from zero.")],
    quantity: Amount,
    reason: Annotated[str | None, typer.Option("--reason", "-r", help="For the record.")] = None,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """Change what a budget may spend."""
    out = Output(as_json=as_json)
    with client_of(database) as client:
        found = find_budget(client, budget)
        done = client.fund_budget(found.id, operation.name, quantity, reason)
    unit = found.currency or found.unit
    out.show(
        done,
        lambda: (
            f"limit {amount(done.previous_total_limit)} → {amount(done.total_limit, unit)}, "
            f"{amount(done.available_quantity, unit)} left"
        ),
    )


@app.command()
def pause(budget: BudgetName, database: Database = None, as_json: Json = False) -> None:
    """Stop a budget from authorizing until it is resumed."""
    with client_of(database) as client:
        _changed(client.pause_budget(find_budget(client, budget).id), as_json)


@app.command()
def resume(
    budget: BudgetName,
    reason: Annotated[str, typer.Option("--reason", "-r", help="For the record.")],
    by: Annotated[str | None, typer.Option("--by", help="Who decided it.")] = None,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """Let a paused budget authorize again."""
    with client_of(database) as client:
        _changed(client.resume_budget(find_budget(client, budget).id, reason, by), as_json)


@app.command()
def cancel(
    budget: BudgetName,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """End a budget for good. Open holds can still be settled."""
    with client_of(database) as client:
        found = find_budget(client, budget)
        if not yes:
            left = amount(found.available_quantity, found.currency or found.unit)
            typer.confirm(f"Cancel budget {found.id} of {found.user_id}, {left} left?", abort=True, err=True)
        _changed(client.cancel_budget(found.id), as_json)


def _changed(budget: Budget, as_json: bool) -> None:
    Output(as_json=as_json).show(
        budget, lambda: Text.assemble(budget.id, "  ", budget.user_id, "  ", status(budget.status))
    )


def budget_fields(budget: Budget) -> Table:
    """Return everything worth knowing about a budget as names and values."""
    unit = budget.currency or budget.unit
    is_shadow = budget.trust_mode == "SHADOW"
    per_minute = budget.velocity_max_per_minute
    ceiling = amount(budget.max_transaction_quantity, unit) or None
    return fields(
        (
            ("id", budget.id),
            ("user", budget.user_id),
            ("status", status(budget.status)),
            ("limit", amount(budget.total_limit, unit)),
            ("spent", amount(budget.quantity_spent, unit)),
            ("held", amount(budget.quantity_reserved, unit)),
            ("left", amount(budget.available_quantity, unit)),
            ("used", gauge(_used(budget), budget.total_limit)),
            ("mode", "SHADOW: nothing is blocked" if is_shadow else None),
            ("shadow", f"{amount(budget.shadow_quantity_spent, unit)} would be spent" if is_shadow else None),
            ("for", budget.intent_context or None),
            ("reference", budget.external_reference),
            ("at a time", ceiling and f"{ceiling} at most"),
            ("a minute", None if per_minute is None else f"{per_minute} requests"),
            ("created", when(budget.created_at)),
            ("expires", when(budget.expires_at) or "never"),
            ("token", budget.session_token and Text(budget.session_token, style="bold")),
        )
    )
