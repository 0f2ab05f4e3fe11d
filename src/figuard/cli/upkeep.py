"""
``figuard sweep``, ``figuard doctor`` and ``figuard version``: looking after a database.
"""

from __future__ import annotations

import platform
import sqlite3
import sys
from dataclasses import asdict
from typing import Annotated

import typer
from rich.text import Text

from figuard._version import __version__
from figuard.cli.console import Output, clean, fields
from figuard.cli.opening import books_of
from figuard.cli.options import Database, Json


def sweep(database: Database = None, as_json: Json = False) -> None:
    """
    End holds that are over, renew quotas, forget old answers, send the webhooks that wait.

    Exit status 1 when a webhook was not taken. A server does all this by itself. In embedded mode holds end inside
    the next call on their budget, so only webhooks and quiet budgets need it: run it by cron.
    """
    out = Output(as_json=as_json)
    with books_of(database) as (store, _):
        done = store.sweep()
    pairs = (
        ("holds ended", str(done.holds_ended)),
        ("voided", str(done.voided)),
        ("notices", str(done.notices)),
        ("renewed", str(done.renewed)),
        ("forgotten", str(done.forgotten)),
        ("delivered", str(done.delivered)),
        ("not delivered", Text(str(done.undelivered), "red" if done.undelivered else "")),
    )
    out.show(asdict(done), lambda: fields(pairs))
    if done.undelivered and not as_json:
        out.note("What was not delivered is tried again later. See: figuard webhooks deliveries")
    raise typer.Exit(1 if done.undelivered else 0)


def doctor(
    server: Annotated[
        bool, typer.Option("--server", help="Examine a server's settings instead, and name every unsafe one.")
    ] = False,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """
    Examine a database: file, permissions, schema, integrity, clock, ledger. Or, with --server, a server's settings.

    Exit status 1 unless all is well.
    """
    from figuard.cli.doctor import State, examined
    from figuard.cli.doctor_server import server_examined

    marks = {State.WELL: ("✓ ", "green"), State.WARNING: ("⚠ ", "yellow"), State.BAD: ("✗ ", "red")}
    out = Output(as_json=as_json)
    with out.progress("examining") as advance:
        found = list(server_examined(database) if server else examined(database, advance))
    shown = fields(
        (
            check.name,
            Text.assemble(
                marks[check.state], clean(check.detail), (f". {check.remedy}" if check.remedy else "", "dim")
            ),
        )
        for check in found
    )
    all_is_well = all(check.state is State.WELL for check in found)
    out.show({"is_well": all_is_well, "checks": found}, shown)
    raise typer.Exit(0 if all_is_well else 1)


def version(as_json: Json = False) -> None:
    """Show versions."""
    found = {
        "figuard": __version__,
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "platform": f"{sys.platform} {platform.machine()}",
    }
    Output(as_json=as_json).show(found, lambda: fields(found.items()))


def show_version(wanted: bool) -> None:
    """Answer ``--version``, as every command line does."""
    if wanted:
        typer.echo(f"figuard {__version__}")
        raise typer.Exit
