"""
The table of commands.
"""

from __future__ import annotations

import sys
from io import TextIOWrapper
from typing import Annotated

import typer

from figuard.cli import access, budgets, ledger, reports, server, server_tenants, upkeep, webhooks
from figuard.cli.demo import command as demo
from figuard.cli.failures import Commands

app = typer.Typer(
    cls=Commands,
    name="figuard",
    epilog="Exit status: 0 all is well, 1 something is not, 2 the command was wrong.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def begin(
    _version: Annotated[
        bool, typer.Option("--version", callback=upkeep.show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Agents ask before they spend. The answer is exact, and it is written down."""


app.command("demo")(demo.demo)
app.add_typer(budgets.app, name="budget")
app.command("tree")(reports.tree)
app.command("report")(reports.report)
app.add_typer(ledger.app, name="ledger")
app.command("sweep")(upkeep.sweep)
app.command("doctor")(upkeep.doctor)
app.add_typer(access.app, name="keys")
app.add_typer(webhooks.app, name="webhooks")
app.command("up")(server.up)
app.command("serve")(server.serve)
app.command("migrate")(server.migrate)
app.add_typer(server_tenants.app, name="tenant")
app.command("version")(upkeep.version)


def run() -> None:
    """Run the command line."""
    for stream in (sys.stdout, sys.stderr):
        # Where the locale knows no check marks they are written all the same, rather than failing on them.
        if isinstance(stream, TextIOWrapper) and stream.encoding.lower().replace("-", "") != "utf8":
            stream.reconfigure(encoding="utf-8", errors="replace")
    app()
