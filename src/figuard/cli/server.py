"""
``figuard serve``, ``figuard up`` and ``figuard migrate``: a server over a database.
"""

from __future__ import annotations

import asyncio
import os
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from figuard.cli.console import Output
from figuard.cli.options import Database, Json

if TYPE_CHECKING:
    from figuard.server.settings import ServerSettings

_NEEDED = frozenset(
    {"asyncpg", "cryptography", "httptools", "jinja2", "prometheus_client", "starlette", "structlog", "uvicorn"}
)
Host = Annotated[str | None, typer.Option("--host", help="The address to listen on; 127.0.0.1 unless told.")]
Port = Annotated[int | None, typer.Option("--port", min=0, max=65_535, help="The port; 8080 unless told, 0 any.")]
Demo = Annotated[
    bool, typer.Option("--demo", help="Seed the key fg_live_demo, which everybody knows. For trying things out.")
]


def settings_of(**arguments: Any) -> ServerSettings:  # noqa: ANN401 - a setting's own type
    """Return the server's settings from arguments and environment. Raises ``SettingsError`` and ``ImportError``."""
    try:
        from figuard.server.settings import load
    except ModuleNotFoundError as missing:
        if (missing.name or "").partition(".")[0] not in _NEEDED:
            raise
        raise ImportError(f"the server needs {missing.name}; install it: pip install 'figuard[server]'") from missing
    return load(os.environ, **arguments)


def serve(
    host: Host = None,
    port: Port = None,
    database: Database = None,
    demo: Demo = False,
    workers: Annotated[
        int | None,
        typer.Option(
            "--workers", min=1, max=64, help="How many processes serve; 1 unless told, more on PostgreSQL only."
        ),
    ] = None,
    migrate: Annotated[bool, typer.Option("--migrate", help="Bring the schema up to date first.")] = False,
) -> None:
    """
    Serve the HTTP API until stopped. Everything can be set by FIGUARD_* variables too; arguments come first.

    No key exists unless you make one: figuard tenant create NAME.
    """
    _serve(
        settings_of(
            host=host, port=port, database=database, demo=demo or None, workers=workers, migrate=migrate or None
        )
    )


def up(host: Host = None, port: Port = None, database: Database = None, demo: Demo = False) -> None:
    """Serve the database that embedded mode uses, on this machine, with logs for people."""
    log_format = None if os.environ.get("FIGUARD_LOG_FORMAT") else "text"
    _serve(settings_of(host=host, port=port, database=database, demo=demo or None, log_format=log_format))


def _serve(settings: ServerSettings) -> None:
    from figuard.server import run, workers
    from figuard.server.migrations import bring_up_to_date

    if settings.migrate:
        asyncio.run(bring_up_to_date(settings, post=False))
    (workers if settings.workers > 1 else run).main(settings, _announce)


def _announce(settings: ServerSettings, address: str, has_key: bool) -> None:
    """Say to people where the server is and how to get in; logs are for machines."""
    say = sys.stderr.write
    say(f"FiGuard listens on {address} (database {settings.where}). Stop it with Ctrl+C.\n")
    if settings.demo:
        say("DEMO: anyone who reaches it can use it with the key fg_live_demo. Never expose it.\n")
    elif not has_key:
        say("There is no API key yet. Make one: figuard keys create --scope admin, or figuard tenant create NAME\n")


def migrate(
    check: Annotated[
        bool, typer.Option("--check", help="Change nothing; exit status 1 when something is to do.")
    ] = False,
    role: Annotated[
        str | None, typer.Option("--role", help="PostgreSQL: let this role do what a server does, and no more.")
    ] = None,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """Bring the schema of a database up to date, as the owner of its tables, once no older server runs on it."""
    from figuard.server.migrations import bring_up_to_date, pending

    settings = settings_of(database=database)
    out = Output(as_json=as_json)
    if check:
        todo = asyncio.run(pending(settings))
        out.show({"pending": todo}, *(f"pending: {name}" for name in todo), *([] if todo else ["up to date"]))
        raise typer.Exit(1 if todo else 0)
    done = asyncio.run(bring_up_to_date(settings, server_role=role))
    out.show({"applied": done}, *(f"applied: {name}" for name in done), *([] if done else ["up to date"]))
