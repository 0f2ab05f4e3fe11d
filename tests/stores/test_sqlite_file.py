"""
What is special about a file: who may read it, what must never be changed, and everything that breaks it.
"""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys

import pytest

from figuard.domain.budget import Status
from figuard.ports import (
    Changes,
    FindBudgets,
    FindEvents,
    Kind,
    LedgerProtected,
    ReadEntries,
    StoreConflict,
    StoredEntry,
    StoreUnavailable,
    TreeEvents,
)
from figuard.stores.sqlite import SqliteStore
from figuard.stores.sqlite.migrate import APPLICATION_ID, migrations
from figuard.testing.store_suite_records import a_budget, a_token, an_entry, an_event, got, put, stored


@pytest.fixture
def path(tmp_path):
    return tmp_path / "books.db"


@pytest.fixture
def store(path):
    store = SqliteStore(str(path))
    yield store
    store.close()


# --------------------------------------------------------------------------------------------------------- the ledger


@pytest.mark.parametrize(
    "attack",
    [
        "UPDATE ledger_entries SET body = x'00' WHERE seq = 1",
        "UPDATE ledger_entries SET hash = 'x'",
        "DELETE FROM ledger_entries WHERE seq = 2",
        "DELETE FROM ledger_entries",
        "REPLACE INTO ledger_entries SELECT book_id, 1, tenant_id, at, kind, event_id, x'00', hash FROM ledger_entries",
    ],
)
def test_the_ledger_only_grows(store, attack):
    entries = [an_entry(1), an_entry(2)]
    put(store, entries=entries)
    with pytest.raises((LedgerProtected, StoreConflict)), store.connections.raw() as connection:
        connection.execute(attack)

    assert store.query(ReadEntries("b1")) == tuple(stored(entry) for entry in entries)


def test_changing_or_deleting_an_entry_is_called_what_it_is(store):
    put(store, entries=[an_entry(1)])
    with pytest.raises(LedgerProtected, match="compensating"), store.connections.raw() as connection:
        connection.execute("DELETE FROM ledger_entries")


def test_bytes_that_are_no_entry_are_given_back_as_they_are(store):
    """
    Damage is named by whoever verifies; a store that refused to show it could not be examined.
    """
    with store.connections.raw() as connection:
        connection.execute("INSERT INTO ledger_entries VALUES ('b1', 1, 't1', 0, 'AUTHORIZED', NULL, x'7b', 'h')")

    assert store.query(ReadEntries("b1")) == (StoredEntry(1, b"{", "h"),)


# ------------------------------------------------------------------------------------------------------ second walls


def test_a_negative_figure_is_refused(store):
    put(store, a_budget(), an_event())
    with pytest.raises(AssertionError, match="CHECK"), store.connections.raw() as connection:
        connection.execute("UPDATE events SET held = -1")


def test_an_event_without_a_budget_is_refused(store):
    with pytest.raises(AssertionError, match="FOREIGN KEY"):
        put(store, an_event())


def test_a_column_follows_when_only_some_of_many_records_change_it(store):
    """
    Records whose columns did not change are written without touching any index; one that did makes all take the
    long way.
    """
    put(store, a_budget("b1", reference="x"), a_budget("b2", reference="x"))
    put(store, updated=[a_budget("b1", reference="x", limit=7), a_budget("b2", reference="x", status=Status.CANCELLED)])

    assert got(store, Kind.REFERENCES, ("t1", "x")) == ("b1",)
    assert got(store, Kind.BUDGETS, "b1").funds.limit == 7


def test_a_budget_changed_by_another_store_is_read_anew(store, path):
    put(store, a_budget())
    assert got(store, Kind.BUDGETS, "b1") == a_budget()
    other = SqliteStore(str(path))
    put(other, updated=[a_budget(limit=7)])
    other.close()

    assert got(store, Kind.BUDGETS, "b1") == a_budget(limit=7)


def test_a_budget_rolled_back_is_read_as_it_was(store):
    put(store, a_budget())

    def write_and_give_up():
        with store.begin() as work:
            work.write(Changes(updated=[a_budget(limit=7)]))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_and_give_up()
    assert got(store, Kind.BUDGETS, "b1") == a_budget()


# --------------------------------------------------------------------------------------------------------- the file


def test_only_the_owner_may_read_the_file(tmp_path):
    folder = tmp_path / "new" / "deeper"
    store = SqliteStore(str(folder / "books.db"))
    put(store, a_budget())

    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {0o600}
    assert len(list(folder.iterdir())) == 3
    store.close()


def test_a_commit_is_on_the_disk(store):
    with store.connections.raw() as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert connection.execute("PRAGMA synchronous").fetchone() == (2,)


def test_the_file_says_that_it_is_ours(store):
    with store.connections.raw() as connection:
        assert connection.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)
        assert connection.execute("PRAGMA user_version").fetchone() == (len(migrations()),)


def test_a_newer_schema_is_refused(store, path):
    with store.connections.raw() as connection:
        connection.execute("PRAGMA user_version = 999")
    with pytest.raises(StoreUnavailable, match=r"schema version 999.*pip install --upgrade"):
        SqliteStore(str(path))
    with store.connections.raw() as connection:
        connection.execute(f"PRAGMA user_version = {len(migrations())}")


def test_another_programs_database_is_left_alone(path):
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE budgets (id TEXT)")
    other.close()
    before = path.read_bytes()

    with pytest.raises(StoreUnavailable, match="belongs to another program"):
        SqliteStore(str(path))
    assert path.read_bytes() == before


def test_a_file_that_is_no_database_is_left_alone(path):
    path.write_bytes(b"Dear diary, " * 500)
    with pytest.raises(StoreUnavailable, match=r"books\.db' is not an SQLite database; name another file"):
        SqliteStore(str(path))
    assert path.read_bytes() == b"Dear diary, " * 500


def test_a_damaged_file_is_reported(path):
    store = SqliteStore(str(path))
    put(store, a_budget(), *(an_event(f"e{number}", description="x" * 500) for number in range(500)))
    store.close()
    content = bytearray(path.read_bytes())
    content[4096 * 3 :] = b"\xff" * (len(content) - 4096 * 3)
    path.write_bytes(content)

    def look_for_everything():
        store = SqliteStore(str(path))
        try:
            store.query(TreeEvents("b1"))
        finally:
            store.close()

    with pytest.raises(StoreUnavailable, match="is damaged; restore a backup"):
        look_for_everything()


def test_a_folder_that_cannot_be_made_is_reported(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreUnavailable, match="cannot be made"):
        SqliteStore(str(tmp_path / "file" / "books.db"))


def test_reading_needs_a_file(path):
    with pytest.raises(StoreUnavailable, match="cannot be opened"):
        SqliteStore(str(path), read_only=True)
    assert not path.exists()


def test_a_file_that_nobody_else_has_open_can_be_read(store, path):
    put(store, a_budget())
    store.close()
    reading = SqliteStore(str(path), read_only=True)

    assert reading.query(FindBudgets("t1")).records == (a_budget(),)
    reading.close()


def test_reading_needs_a_schema(path):
    sqlite3.connect(path).close()
    path.touch()
    with pytest.raises(StoreUnavailable, match="older schema"):
        SqliteStore(str(path), read_only=True)


def test_a_full_disk_takes_back_the_transaction(store):
    put(store, a_budget())
    with store.connections.raw() as connection:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {pages + 4}")
    with pytest.raises(StoreUnavailable, match="the disk is full"):
        put(store, *(an_event(f"e{number}", description="x" * 9000) for number in range(50)))
    with store.connections.raw() as connection:
        connection.execute("PRAGMA max_page_count = 1000000")
    put(store, an_event("small"))

    assert store.query(FindEvents("b1")).total == 1


def test_a_lock_that_is_held_too_long_is_reported(store, path):
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with store.connections.raw() as connection:
        connection.execute("PRAGMA busy_timeout = 1")
    with pytest.raises(StoreUnavailable, match="stayed locked by another process"):
        put(store, a_budget())
    other.execute("ROLLBACK")
    other.close()
    put(store, a_budget())


def test_closing_within_a_transaction_is_refused(store):
    with store.begin() as work:
        with pytest.raises(RuntimeError, match="finish it first"):
            store.close()
        work.write(Changes([a_budget()]))

    assert got(store, Kind.BUDGETS, "b1") == a_budget()


FORK = """
import os, sys
from figuard.ports import StoreUnavailable
from figuard.stores.sqlite import SqliteStore

store = SqliteStore(sys.argv[1])
child = os.fork()
if child:
    raise SystemExit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
try:
    store.meta("pepper")
except StoreUnavailable as refused:
    os._exit(0 if "before a fork" in str(refused) else 1)
os._exit(2)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system knows no fork")
def test_a_forked_process_is_told_to_open_the_file_itself(path):
    assert subprocess.run([sys.executable, "-c", FORK, str(path)], check=False).returncode == 0


# Each process adds its own events to one budget, reading the count first, so that a lost update would show.
WORKER = """
import sys
from dataclasses import replace
from figuard.ports import Changes, Kind
from figuard.stores.sqlite import SqliteStore
from figuard.testing.store_suite_records import stored, an_event

path, name, rounds = sys.argv[1], sys.argv[2], int(sys.argv[3])
store = SqliteStore(path)
for turn in range(rounds):
    with store.begin() as work:
        budget = work.read(Kind.BUDGETS, ("b1",))["b1"]
        funds = replace(budget.funds, limit=budget.funds.limit + 1)
        work.write(Changes([an_event(f"{name}-{turn}")], [replace(budget, funds=funds)]))
store.close()
"""


def test_two_processes_share_a_file(store, path):
    rounds = 50
    put(store, a_budget(limit=0), a_token())
    workers = [
        subprocess.Popen([sys.executable, "-c", WORKER, str(path), name, str(rounds)]) for name in ("one", "two")
    ]

    assert [worker.wait() for worker in workers] == [0, 0]
    assert got(store, Kind.BUDGETS, "b1").funds.limit == 2 * rounds
    assert store.query(FindEvents("b1")).total == 2 * rounds
