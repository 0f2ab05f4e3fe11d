"""
Opening: from what the user named to a client, or to the open store itself.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeVar

from figuard.cli.failures import NotFound
from figuard.client.config import MEMORY, Settings, resolve
from figuard.client.exceptions import FiGuardApiError, FiGuardConfigError
from figuard.client.models import Budget

if TYPE_CHECKING:
    from figuard.client.sync.client import FiGuardClient
    from figuard.embedded import Embedded
    from figuard.service import Service

_SQLITE = "sqlite:///"
_CANDIDATES_SHOWN = 5
_CANDIDATES_READ = 50
_ID_START_MIN = 4


class Books(NamedTuple):
    """An open store, and a client that speaks to it."""

    store: Embedded
    client: FiGuardClient


class Book(NamedTuple):
    """A book, and whose it is."""

    id: str
    tenant_id: str


class Named(Protocol):
    """What a budget can be called by."""

    @property
    def id(self) -> str:
        """Its id."""
        ...

    @property
    def external_reference(self) -> str | None:
        """The name that its creator gave it."""
        ...

    @property
    def user_id(self) -> str:
        """Whose it is."""
        ...


Found = TypeVar("Found", bound=Named)


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
    return _fitting(client.search_budgets(name, size=_CANDIDATES_READ, include_cancelled=True).budgets, name)


def find_book(store: Embedded, name: str) -> Book:
    """
    Return the one book that *name* means, of whichever tenant: who holds the database may read all of it.

    Raises ``NotFound`` for none and for several.
    """
    from figuard.domain.budget import Identity
    from figuard.engine.inspection import Owner, owner_of
    from figuard.ports import FindBudgets, Page

    owner: Owner = store.engine.follow(owner_of(name))
    if owner is not None:
        return Book(owner.id, owner.tenant_id)
    page: Page = store.engine.query(FindBudgets(include_cancelled=True, text=name, limit=_CANDIDATES_READ))
    known: list[Identity] = [budget.identity for budget in page.records]
    found = _fitting(known, name)
    return Book(found.id, found.tenant_id)


@contextmanager
def reader_of(database: str | None, name: str) -> Generator[tuple[FiGuardClient, str]]:
    """Open a client that may read the book that *name* means, and tell the book's id. Raises ``NotFound``."""
    from figuard.client.embedded_transport import EmbeddedTransport
    from figuard.client.sync.client import FiGuardClient

    settings = settings_of(database)
    if settings.backend != "embedded":
        with client_of(database) as client:
            yield client, find_budget(client, name).id
        return
    with books_of(database) as (store, _):
        book = find_book(store, name)
        yield FiGuardClient(transport=EmbeddedTransport(_Tenanted(store, book.tenant_id), settings), log=False), book.id


@dataclass(frozen=True, slots=True)
class _Tenanted:
    """An open store as it is to one of a server's tenants."""

    store: Embedded
    tenant_id: str

    @property
    def service(self) -> Service:
        """What carries out requests."""
        return self.store.service

    def sweep(self) -> object:
        """Do what is due, and send the notices that wait."""
        return self.store.sweep()

    def close(self) -> None:
        """Release the store. Harmless twice."""
        self.store.close()


def _fitting(candidates: Iterable[Found], name: str) -> Found:
    """Return the one of these that is called so. Raises ``NotFound`` for none and for several."""
    fitting = [one for one in candidates if _is_named(one, name)]
    if len(fitting) == 1:
        return fitting[0]
    if not fitting:
        raise NotFound(f"there is no budget {name!r}. See: figuard budget list")
    listed = ", ".join(one.id for one in fitting[:_CANDIDATES_SHOWN])
    more = " …" if len(fitting) > _CANDIDATES_SHOWN else ""
    raise NotFound(f"{name!r} fits {len(fitting)} budgets ({listed}{more}). Give the id of one")


def _is_named(one: Named, name: str) -> bool:
    begins = len(name) >= _ID_START_MIN and one.id.startswith(name)
    return begins or name in {one.external_reference, one.user_id}
