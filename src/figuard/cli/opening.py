"""
Opening: from what the user named to a client, or to the open store itself.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from figuard.cli.failures import NotFound
from figuard.client.config import MEMORY, Settings, resolve
from figuard.client.exceptions import FiGuardApiError, FiGuardConfigError
from figuard.client.models import Budget

if TYPE_CHECKING:
    from figuard.client.sync.client import FiGuardClient
    from figuard.embedded import Embedded

_SQLITE = "sqlite:///"
_CANDIDATES_SHOWN = 5
_CANDIDATES_READ = 50
_ID_START_MIN = 4


class Books(NamedTuple):
    """An open store, and a client that speaks to it."""

    store: Embedded
    client: FiGuardClient


def settings_of(database: str | None) -> Settings:
    """Return where the books are. Raises ``FiGuardConfigError``."""
    return resolve(database=database)


def file_of(settings: Settings) -> Path | None:
    """Return the file of a local database, None for any other home."""
    if settings.backend != "embedded" or settings.database == MEMORY:
        return None
    path = settings.database.removeprefix(_SQLITE)
    return None if "://" in path else Path(path).expanduser()


@contextmanager
def client_of(database: str | None, *, create: bool = False) -> Generator[FiGuardClient]:
    """Open a client. Only with *create* is a file made that does not exist: a mistyped path is no empty book."""
    from figuard.client.sync.client import FiGuardClient

    settings = settings_of(database)
    if not create:
        _exists(settings)
    with FiGuardClient(database=database, log=False) as client:
        yield client


@contextmanager
def books_of(database: str | None) -> Generator[Books]:
    """Open the store itself. Raises ``FiGuardConfigError`` where the settings name a server instead."""
    from figuard.client.embedded_transport import EmbeddedTransport
    from figuard.client.sync.client import FiGuardClient
    from figuard.embedded import open_embedded

    settings = settings_of(database)
    if settings.backend != "embedded":
        raise FiGuardConfigError(
            f"this works on the database itself, and the settings name the server {settings.where}; give --database"
        )
    _exists(settings)
    store = open_embedded(settings.database)
    try:
        yield Books(store, FiGuardClient(transport=EmbeddedTransport(store, settings), log=False))
    finally:
        store.close()


def _exists(settings: Settings) -> None:
    path = file_of(settings)
    if path is not None and not path.exists():
        raise NotFound(
            f"there is no database {str(path)!r}. Name another with --database, or begin: figuard budget create 500"
        )


def find_budget(client: FiGuardClient, name: str) -> Budget:
    """Return the one budget that *name* means. Raises ``NotFound`` for none and for several."""
    try:
        return client.get_budget(name)
    except FiGuardApiError as error:
        if error.status_code not in {400, 404}:
            raise
    found = client.search_budgets(name, size=_CANDIDATES_READ, include_cancelled=True).budgets
    fitting = [budget for budget in found if _is_named(budget, name)]
    if len(fitting) == 1:
        return fitting[0]
    if not fitting:
        raise NotFound(f"there is no budget {name!r}. See: figuard budget list")
    listed = ", ".join(budget.id for budget in fitting[:_CANDIDATES_SHOWN])
    more = " …" if len(fitting) > _CANDIDATES_SHOWN else ""
    raise NotFound(f"{name!r} fits {len(fitting)} budgets ({listed}{more}). Give the id of one")


def _is_named(budget: Budget, name: str) -> bool:
    begins = len(name) >= _ID_START_MIN and budget.id.startswith(name)
    return begins or name in {budget.external_reference, budget.user_id}
