"""
Every order survives a failure at every step: nothing half-done, and a repeat comes to what a clean run comes to.

Each order runs against a store that fails at step 1, then 2, 3, … until it passes; in a second round the step is done
and then fails, so that the last failure of all is a commit whose reply is lost.
"""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from copy import copy
from itertools import zip_longest
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
import pytest

from figuard.domain.codes import ErrorCode
from figuard.domain.refusal import Refusal
from figuard.engine.audit import verify_all
from figuard.engine.handlers import HANDLERS
from figuard.ports import Store
from figuard.stores import open_store
from figuard.stores.memory import MemoryData, MemoryStore
from figuard.stores.sqlite import SqliteStore
from figuard.testing.determinism import SequentialIds
from figuard.testing.faults import Fault, FaultyStore
from tests import postgres_server
from tests.builders import World
from tests.property.every_command import ORDERS, order_of, scene

NOT_REPEATED = frozenset({"secret", "replayed", "budget"})
"""What a repeat need not say again: what is shown once, and the budget, which is shown as it is now."""
CLEAN_IDS, LATER_IDS = 1000, 2000


class OnMemory:
    """A memory store that can be left, copied and opened again."""

    def __init__(self, folder: Path) -> None:
        self.data = MemoryData()

    def copy(self, name: str) -> OnMemory:
        other = copy(self)
        other.data = MemoryData()
        for of, shelf in self.data.shelves.items():
            for row in shelf.rows.values():
                other.data.shelves[of].put(row)
        other.data.books.update((book_id, list(book)) for book_id, book in self.data.books.items())
        return other

    def open(self) -> Store:
        return MemoryStore(self.data)

    def contents(self) -> list[str]:
        """Return everything in the store, a line for each record and entry."""
        lines = [repr(row) for shelf in self.data.shelves.values() for row in shelf.rows.values()]
        return sorted(lines + [repr(sealed.body) for book in self.data.books.values() for sealed in book])


class OnSqlite:
    """The same in a file."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "books.db"

    def copy(self, name: str) -> OnSqlite:
        other = copy(self)
        other.path = self.path.with_name(f"{name}.db")
        shutil.copyfile(self.path, other.path)
        return other

    def open(self) -> Store:
        return SqliteStore(str(self.path))

    def contents(self) -> list[str]:
        with closing(sqlite3.connect(self.path)) as connection:
            return sorted(connection.iterdump())


class OnPostgres:
    """The same in a database of the server that ``places`` has started."""

    server: postgres_server.Server
    template: str

    def __init__(self, folder: Path) -> None:
        self.name = self.server.create(self.template)

    def copy(self, name: str) -> OnPostgres:
        other = copy(self)
        other.name = self.server.create(self.name)
        return other

    def open(self) -> Store:
        return open_store(self.server.url(self.name))

    def contents(self) -> list[str]:
        return asyncio.run(self._rows())

    async def _rows(self) -> list[str]:
        connection = await asyncpg.connect(self.server.url(self.name))
        try:
            tables = [row[0] for row in await connection.fetch(_TABLES)]
            rows = [(table, await connection.fetch(f'SELECT * FROM "{table}"')) for table in tables]
        finally:
            await connection.close()
        return sorted(f"{table} {tuple(row)}" for table, found in rows for row in found)

    def forget(self) -> None:
        """Remove the database: hundreds of copies would fill the disk."""
        self.server.drop(self.name)


_TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
KINDS = {"memory": OnMemory, "sqlite": OnSqlite, "postgres": OnPostgres}
SPENDING = 16
"""How many of the orders, from the first, are about spending; on SQLite the others take part in `full` only."""
CASES = [
    pytest.param(
        name, kind, marks=pytest.mark.full if kind == "postgres" or (kind == "sqlite" and place >= SPENDING) else ()
    )
    for kind in KINDS
    for place, name in enumerate(ORDERS)
]


class Rehearsal:
    """One order in one world, and any number of attempts at it from the same beginning."""

    def __init__(self, kind: str, name: str, folder: Path) -> None:
        self.place: Any = None
        self.beginning = KINDS[kind](folder)
        self.world = World(self.beginning.open())
        self.order = order_of(name, scene(self.world))
        self.world.engine.close()
        self.again()

    def again(self, name: str = "clean") -> None:
        """Start over."""
        self.forget()
        self.place = self.beginning.copy(name)

    def forget(self) -> None:
        """Remove what the last attempt left, where that takes up room."""
        if isinstance(self.place, OnPostgres):
            self.place.forget()

    @contextmanager
    def opened(
        self, ids: int = CLEAN_IDS, fail_at: int | None = None, fault: Fault = Fault.BEFORE
    ) -> Iterator[FaultyStore]:
        """Open the store anew. Ids begin where those of a clean run do, so that runs can be compared."""
        self.world.ids = SequentialIds()
        for _ in range(ids):
            self.world.ids.secret()
        store = FaultyStore(self.place.open(), fail_at=fail_at, fault=fault)
        self.world.store = store
        self.world.engine = self.world.reopened().engine
        yield store
        store.close()

    def give(self) -> Any:
        """Give the order and return its reply as far as a repeat repeats it, or None when the store failed."""
        try:
            return _comparable(msgspec.to_builtins(self.world.engine.execute(self.order)))
        except Refusal as refusal:
            if refusal.code is not ErrorCode.STORE_UNAVAILABLE:
                raise
            return None

    def judge(self) -> None:
        """Verify every book, entitlements included."""
        found = [finding for view in verify_all(self.world.engine) for finding in view.findings]
        assert found == []


def _comparable(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _comparable(part) for name, part in value.items() if name not in NOT_REPEATED}
    return [_comparable(part) for part in value] if isinstance(value, (list, tuple)) else value


@pytest.fixture(scope="module")
def places() -> Iterator[None]:
    """
    A PostgreSQL for the cases that are on it.
    """
    OnPostgres.server = postgres_server.start()
    OnPostgres.template = OnPostgres.server.create()
    open_store(OnPostgres.server.url(OnPostgres.template)).close()
    yield
    OnPostgres.server.stop()


@pytest.mark.parametrize(("name", "kind"), CASES)
def test_an_order_survives_a_failure_at_every_step(
    name: str, kind: str, tmp_path: Path, request: pytest.FixtureRequest
):
    if kind == "postgres":
        request.getfixturevalue("places")
    rehearsal = Rehearsal(kind, name, tmp_path)
    with rehearsal.opened() as store:
        reply = rehearsal.give()
        steps = list(enumerate(store.steps, start=1))
        rehearsal.judge()
    contents = rehearsal.place.contents()
    failures = [(step, Fault.BEFORE) for step, what in steps if kind == "memory" or "read" not in what]

    for step, fault in [*failures, (len(steps), Fault.AFTER)]:
        rehearsal.again(f"{fault.value}-{step}")
        with rehearsal.opened(CLEAN_IDS, step, fault):
            assert rehearsal.give() is None
        with rehearsal.opened(CLEAN_IDS if fault is Fault.BEFORE else LATER_IDS):
            rehearsal.judge()
            assert reply == rehearsal.give()
        assert _differences(contents, rehearsal.place.contents()) == []
    rehearsal.forget()


def _differences(clean: list[str], after: list[str]) -> list[str]:
    return [line for pair in zip_longest(clean, after) if len({*pair}) > 1 for line in map(str, pair)]


def test_every_command_is_among_them():
    tried = {type(order_of(name, scene(World())).command) for name in ORDERS}

    assert tried == set(HANDLERS)
