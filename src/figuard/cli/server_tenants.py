"""
``figuard tenant``: the owners of budgets on a server, and the keys by which they come in.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Any

import typer

from figuard.cli.access import Scope
from figuard.cli.console import Output, fields, table, when
from figuard.cli.failures import NotFound
from figuard.cli.options import Database, Json
from figuard.cli.server import settings_of

if TYPE_CHECKING:
    from figuard.domain.admin import Tenant
    from figuard.domain.commands import Command
    from figuard.domain.replies import Reply
    from figuard.ports import Query

app = typer.Typer(help="Tenants of a server: nothing of one is visible to another.", no_args_is_help=True)
ACTOR = "figuard tenant"
"""What the ledger calls whoever gives orders on this command line."""


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="What people call the tenant.")],
    database: Database = None,
    as_json: Json = False,
) -> None:
    """Register a tenant and show its first admin key, once."""
    from figuard.domain.commands import CreateTenant
    from figuard.domain.replies import TenantReply

    reply = _order(database, CreateTenant(name), "")
    if not isinstance(reply, TenantReply):
        raise TypeError(f"creating a tenant was answered with {type(reply).__name__}")
    found = {"id": reply.tenant.id, "name": name, "key_id": reply.api_key.id, "scope": "admin", "key": reply.secret}
    _once(found, as_json)


@app.command("list")
def list_tenants(database: Database = None, as_json: Json = False) -> None:
    """List tenants, newest first."""
    from figuard.domain import instants
    from figuard.domain.admin import Tenant
    from figuard.ports import ListRecords

    found: tuple[Tenant, ...] = _ask(database, ListRecords(Tenant, None))
    shown = table("id", "name", "created")
    for tenant in found:
        shown.add_row(tenant.id, tenant.name, when(instants.text(tenant.created_at)))
    plain = [{"id": one.id, "name": one.name, "created_at": instants.text(one.created_at)} for one in found]
    out = Output(as_json=as_json)
    out.show(plain, out.listing(shown, "no tenants"))


@app.command()
def key(
    tenant: Annotated[str, typer.Argument(metavar="TENANT", help="The tenant's id.")],
    scope: Annotated[Scope, typer.Option("--scope", help="What the key may do.")] = Scope.ADMIN,
    description: Annotated[str | None, typer.Option("--description", help="What the key is for.")] = None,
    budget: Annotated[str | None, typer.Option("--budget", metavar="ID", help="An agent's only budget.")] = None,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """Issue one more key for a tenant, for when its admin keys are lost. It is shown once."""
    from figuard.domain.admin import KeyScope
    from figuard.domain.commands import CreateApiKey
    from figuard.domain.replies import ApiKeyReply
    from figuard.ports import GetRecords, Kind

    if not _ask(database, GetRecords(Kind.TENANTS, (tenant,))):
        raise NotFound(f"there is no tenant {tenant!r}. See: figuard tenant list")
    reply = _order(database, CreateApiKey(description, KeyScope(scope.value), budget_id=budget), tenant)
    if not isinstance(reply, ApiKeyReply):
        raise TypeError(f"creating a key was answered with {type(reply).__name__}")
    _once({"id": tenant, "key_id": reply.api_key.id, "scope": scope.value, "key": reply.secret}, as_json)


def _order(database: str | None, command: Command, tenant_id: str) -> Reply:
    from figuard.domain.commands import Order
    from figuard.server.backend import open_backend

    async def ordered() -> Reply:
        backend = await open_backend(settings_of(database=database))
        try:
            return await backend.engine.execute(Order(command, tenant_id, ACTOR))
        finally:
            await backend.close()

    return asyncio.run(ordered())


def _ask(database: str | None, query: Query) -> Any:  # noqa: ANN401 - the type is the query's own
    from figuard.server.backend import open_backend

    async def asked() -> Any:  # noqa: ANN401 - the type is the query's own
        backend = await open_backend(settings_of(database=database))
        try:
            return await backend.engine.query(query)
        finally:
            await backend.close()

    return asyncio.run(asked())


def _once(found: dict[str, Any], as_json: bool) -> None:
    out = Output(as_json=as_json)
    out.show(found, lambda: fields(found.items()))
    if not as_json:
        out.note("The key is shown this once.")
