"""
Transactions on a file when SQLite itself refuses: nothing stays locked, nothing is half written.
"""

from __future__ import annotations

import sqlite3
from contextlib import ExitStack

import pytest

from figuard.ports import FindBudgets, FindEvents, GetRecords, Kind, StoreUnavailable
from figuard.stores.sqlite import SqliteStore
from figuard.stores.sqlite.connections import READERS_MAX
from figuard.stores.sqlite.known import KEPT_MAX
from figuard.stores.sqlite.migrate import migrate
from figuard.testing.store_suite_records import a_budget, an_event, got, put


@pytest.fixture
def store(tmp_path):
    store = SqliteStore(str(tmp_path / "books.db"))
    put(store, a_budget())
    yield store
    store.close()


def forbid(connection, action, *words):
    """Make SQLite refuse one kind of action on one thing, and return how to allow it again."""

    def judge(asked, *about):
        return sqlite3.SQLITE_DENY if asked == action and set(words) <= set(about) else sqlite3.SQLITE_OK

    connection.set_authorizer(judge)
    return lambda: connection.set_authorizer(None)


def test_a_commit_that_fails_leaves_nothing_and_frees_the_lock(store):
    allow = forbid(store.connections.writer, sqlite3.SQLITE_TRANSACTION, "COMMIT")
    with pytest.raises(StoreUnavailable, match="cannot be used"):
        put(store, an_event())
    allow()

    assert store.query(FindEvents("b1")).total == 0
    put(store, an_event())


def test_a_begin_that_fails_frees_the_lock(store):
    allow = forbid(store.connections.writer, sqlite3.SQLITE_TRANSACTION, "BEGIN")
    with pytest.raises(StoreUnavailable, match="cannot be used"):
        put(store, an_event())
    allow()
    put(store, an_event())

    assert store.query(FindEvents("b1")).total == 1


@pytest.mark.parametrize(("kind", "table"), [(Kind.BUDGETS, "budgets"), (Kind.TOKENS, "tokens")])
def test_a_read_that_fails_is_reported(store, kind, table):
    allow = forbid(store.connections.writer, sqlite3.SQLITE_READ, table)

    def read():
        with store.begin() as work:
            work.read(kind, ("b2",))

    with pytest.raises(StoreUnavailable, match="cannot be used"):
        read()
    allow()
    read()


def test_setting_meta_that_fails_is_reported(store):
    allow = forbid(store.connections.writer, sqlite3.SQLITE_INSERT, "meta")
    with pytest.raises(StoreUnavailable, match="cannot be used"):
        store.set_meta("pepper", "salt")
    allow()

    assert store.meta("pepper") is None


def test_a_migration_that_fails_leaves_nothing():
    connection = sqlite3.connect(":memory:", isolation_level=None)
    allow = forbid(connection, sqlite3.SQLITE_CREATE_TRIGGER, "ledger_entries_never_go")
    with pytest.raises(sqlite3.DatabaseError):
        migrate(connection, "books.db")
    allow()
    assert connection.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)

    migrate(connection, "books.db")
    migrate(connection, "books.db")
    assert connection.execute("SELECT count(*) FROM ledger_entries").fetchone() == (0,)
    connection.close()


def test_more_readers_than_are_kept(store):
    with ExitStack() as lent:
        for _ in range(READERS_MAX + 2):
            lent.enter_context(store.connections.reader())
        assert store.query(FindBudgets("t1")).total == 1

    assert store.query(FindBudgets("t1")).total == 1


def test_a_reader_lent_while_the_store_closes_is_closed_when_it_comes_back(store):
    with store.connections.reader() as lent:
        store.close()
        assert lent.execute("SELECT count(*) FROM budgets").fetchone() == (1,)

    with pytest.raises(sqlite3.ProgrammingError):
        lent.execute("SELECT 1")


def test_a_reader_comes_back_without_a_transaction(store):
    with store.connections.reader() as lent:
        lent.execute("BEGIN")
        lent.execute("SELECT count(*) FROM budgets").fetchone()
    put(store, an_event())

    assert store.query(FindEvents("b1")).total == 1


def test_readers_cannot_write(store):
    with pytest.raises(StoreUnavailable, match="cannot be written"), store.connections.reader() as lent:
        lent.execute("DELETE FROM budgets")


def test_more_budgets_than_are_kept_decoded(store):
    names = [f"n{number}" for number in range(KEPT_MAX + 10)]
    put(store, *(a_budget(name) for name in names))
    put(store, updated=[a_budget(name, limit=7) for name in names])

    assert got(store, Kind.BUDGETS, names[0]).funds.limit == 7
    found = store.query(GetRecords(Kind.BUDGETS, tuple(names)))
    assert {budget.funds.limit for budget in found.values()} == {7}
