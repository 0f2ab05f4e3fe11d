"""
``figuard keys``: the API keys that open a server on this database.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from figuard.cli.console import Output, fields, status, table, when
from figuard.cli.opening import client_of, find_budget
from figuard.cli.options import Database, Json
from figuard.client.models import ApiKey

app = typer.Typer(help="API keys for agents, operators, admins and readers.", no_args_is_help=True)
KeyId = Annotated[str, typer.Argument(metavar="KEY", help="The key's id.")]


class Scope(StrEnum):
    """What a key may do."""

    AGENT = "agent"
    OPERATOR = "operator"
    ADMIN = "admin"
    READ = "read"


@app.command("list")
def list_keys(database: Database = None, as_json: Json = False) -> None:
    """List keys, newest first, without their secrets."""
    with client_of(database) as client:
        found = client.list_api_keys()
    shown = table(
        "id", "prefix", "scope", "status", "description", "created", "last used", "expires", loose=("description",)
    )
    for key in found:
        shown.add_row(
            key.id,
            key.key_prefix,
            key.scope,
            status("ACTIVE" if key.active else "REVOKED"),
            key.description,
            when(key.created_at),
            when(key.last_used_at),
            when(key.expires_at) or "never",
        )
    out = Output(as_json=as_json)
    out.show(found, out.listing(shown, "no keys"))


@app.command()
def create(
    description: Annotated[str | None, typer.Argument(help="What the key is for.")] = None,
    scope: Annotated[Scope, typer.Option("--scope", help="What it may do; agent: only spend.")] = Scope.AGENT,
    expires_in: Annotated[str | None, typer.Option("--expires-in", help="90s, 24h, 7d; never unless told.")] = None,
    budget: Annotated[str | None, typer.Option("--budget", help="An agent's only budget, named as elsewhere.")] = None,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """Issue a key and show its secret."""
    with client_of(database, create=True) as client:
        own = None if budget is None else find_budget(client, budget)
        _once(client.create_api_key(description, scope=scope.value, expires_in=expires_in, budget=own), as_json)


@app.command()
def rotate(key: KeyId, database: Database = None, as_json: Json = False) -> None:
    """Replace a key by a new one; the old one ends at once."""
    with client_of(database) as client:
        _once(client.rotate_api_key(key), as_json)


@app.command()
def revoke(key: KeyId, database: Database = None, as_json: Json = False) -> None:
    """End a key."""
    with client_of(database) as client:
        ended = client.revoke_api_key(key)
    Output(as_json=as_json).show(ended, f"{ended.id} {ended.key_prefix}… is revoked")


def _once(key: ApiKey, as_json: bool) -> None:
    out = Output(as_json=as_json)
    pairs = (("id", key.id), ("scope", key.scope), ("key", key.raw_key), ("expires", when(key.expires_at) or "never"))
    out.show(key, lambda: fields(pairs))
    if not as_json:
        out.note("The key is shown this once.")
