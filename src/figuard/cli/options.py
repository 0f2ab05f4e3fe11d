"""
What many commands take: which database, for whom the output is.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from figuard.cli.failures import JSON_FLAG


def _remember(context: typer.Context, as_json: bool) -> bool:
    context.meta[JSON_FLAG] = as_json
    return as_json


Database = Annotated[
    str | None,
    typer.Option(
        "--database",
        "-d",
        metavar="PATH|URL",
        # Not declared as the option's variable: the client reads it, and says so when it contradicts another one.
        help="A file, sqlite:///file.db or postgresql://…; else FIGUARD_DATABASE, else ~/.figuard/figuard.db.",
    ),
]
"""Which books."""
Json = Annotated[bool, typer.Option("--json", callback=_remember, help="Write JSON, with exact decimals.")]
"""Whether a program reads the output."""
BudgetName = Annotated[
    str,
    typer.Argument(metavar="BUDGET", help="Its id, the start of its id, its reference or its user, if only one fits."),
]
"""Which budget."""
Page = Annotated[int, typer.Option("--page", min=0, help="Which page, from 0.")]
Size = Annotated[int, typer.Option("--size", min=1, max=500, help="How many lines a page has.")]
Since = Annotated[datetime | None, typer.Option("--since", help="From this time on (UTC).")]
Until = Annotated[datetime | None, typer.Option("--until", help="Before this time (UTC).")]
