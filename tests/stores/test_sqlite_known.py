"""
What a store knows of its file without reading it again: as much as nobody has changed since, and never more.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing, contextmanager
from dataclasses import replace

import pytest

from figuard.domain.entitlements import SubscriptionStatus
from figuard.ports import Changes, Kind, StoreConflict, StoreUnavailable
from figuard.stores.codecs import encode
from figuard.stores.sqlite import SqliteStore
from figuard.testing.store_suite_records import (
    a_budget,
    a_subscription,
    a_token,
    a_webhook,
    an_api_key,
    an_event,
    an_item,
    got,
    put,
)

RECORDS = (
    a_budget(),
    an_event(),
    a_token(),
    a_subscription(),
    an_item(),
    an_api_key(),
    a_webhook(),
)
CHANGED = (
    a_budget(limit=7),
    an_event(attempt=1, at=0, description="another thing"),
    a_token(revoked_at=9),
    replace(a_subscription(), status=SubscriptionStatus.CANCELLED),
    replace(an_item(), limit=7),
    an_api_key(revoked_at=9),
    a_webhook(deleted_at=9),
)
READS = (
    (Kind.BUDGETS, "b1"),
    (Kind.EVENTS, "e1"),
    (Kind.TOKENS, "k1"),
    (Kind.TOKENS_BY_HASH, "hash of k1"),
    (Kind.SUBSCRIPTIONS, "s1"),
    (Kind.ITEMS, "i1"),
    (Kind.CALLERS, "a1"),
    (Kind.TENANT_WEBHOOKS, "t1"),
)
"""Every kind of read whose answers are known, by a key of one of the records."""


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "books.db")


@pytest.fixture
def store(path):
    with closing(SqliteStore(path)) as store:
        put(store, *RECORDS)
        for kind, key in READS:
            got(store, kind, key)
        yield store


@contextmanager
def listening(store):
    """Collect the statements that the store's transactions run."""
    heard: list[str] = []
    store.connections.writer.set_trace_callback(heard.append)
    yield heard
    store.connections.writer.set_trace_callback(None)


def read_all(work):
    return {kind: work.read(kind, (key,)).get(key) for kind, key in READS}


def selects(heard):
    return [statement for statement in heard if statement.startswith("SELECT")]


def test_what_the_transaction_before_has_read_is_not_read_again(store):
    with store.begin() as work:
        before = read_all(work)
    with listening(store) as heard, store.begin() as work:
        again = read_all(work)

    assert again == before
    assert None not in again.values()
    assert selects(heard) == []


def test_what_the_transaction_before_has_written_is_not_read_again(store):
    put(store, updated=CHANGED)
    with listening(store) as heard, store.begin() as work:
        found = work.read(Kind.BUDGETS, ("b1",)), work.read(Kind.EVENTS, ("e1",)), work.read(Kind.CALLERS, ("a1",))

    assert found == ({"b1": CHANGED[0]}, {"e1": CHANGED[1]}, {"a1": CHANGED[5]})
    assert selects(heard) == []


@pytest.mark.parametrize(("kind", "key"), READS, ids=lambda value: getattr(value, "name", value))
def test_what_this_store_changes_is_known_as_changed(store, kind, key):
    before = got(store, kind, key)
    put(store, updated=CHANGED)

    assert got(store, kind, key) != before


@pytest.mark.parametrize(("kind", "key"), READS, ids=lambda value: getattr(value, "name", value))
def test_what_another_store_changes_is_seen(store, path, kind, key):
    before = got(store, kind, key)
    with closing(SqliteStore(path)) as other:
        put(other, updated=CHANGED)

    assert got(store, kind, key) != before


@pytest.mark.parametrize(("kind", "key"), READS, ids=lambda value: getattr(value, "name", value))
def test_what_another_store_changed_before_the_last_transaction_is_seen_by_the_next(store, path, kind, key):
    """
    A transaction that reads other things must not make believe that everything is as it was.
    """
    before = got(store, kind, key)
    with closing(SqliteStore(path)) as other:
        put(other, updated=CHANGED)
    put(store, a_budget("b2"))

    assert got(store, kind, key) != before


def test_what_another_program_changes_is_seen(store, path):
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("UPDATE api_keys SET data = ? WHERE id = 'a1'", (encode(CHANGED[5]),))

    assert got(store, Kind.CALLERS, "a1") == CHANGED[5]


def test_what_is_changed_by_hand_on_the_same_connection_is_seen(store):
    with store.connections.raw() as connection:
        connection.execute("UPDATE api_keys SET data = ? WHERE id = 'a1'", (encode(CHANGED[5]),))

    assert got(store, Kind.CALLERS, "a1") == CHANGED[5]


def test_a_secret_that_was_replaced_finds_nothing(store):
    """
    A token is found by its present secret and by the one before, until that is replaced as well.
    """
    put(store, updated=[a_token(hash="second", previous_hash="hash of k1")])
    assert got(store, Kind.TOKENS_BY_HASH, "hash of k1").hash == "second"
    put(store, updated=[a_token(hash="third", previous_hash="second")])

    assert got(store, Kind.TOKENS_BY_HASH, "hash of k1") is None
    assert got(store, Kind.TOKENS_BY_HASH, "second").hash == "third"


def test_the_first_webhook_is_seen_by_who_found_none(store):
    assert got(store, Kind.TENANT_WEBHOOKS, "t2") == ()
    put(store, a_webhook("w2", tenant="t2"))

    assert got(store, Kind.TENANT_WEBHOOKS, "t2") == (a_webhook("w2", tenant="t2"),)


def test_what_was_rolled_back_is_not_known(store):
    def write_and_give_up():
        with store.begin() as work:
            work.write(Changes(updated=list(CHANGED)))
            assert work.read(Kind.BUDGETS, ("b1",)) == {"b1": CHANGED[0]}
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_and_give_up()

    for kind, key in READS:
        assert got(store, kind, key) not in CHANGED


def test_what_was_not_committed_is_not_known(store):
    def judge(asked, what, *_):
        is_commit = asked == sqlite3.SQLITE_TRANSACTION and what == "COMMIT"
        return sqlite3.SQLITE_DENY if is_commit else sqlite3.SQLITE_OK

    store.connections.writer.set_authorizer(judge)
    with pytest.raises(StoreUnavailable):
        put(store, updated=CHANGED)
    store.connections.writer.set_authorizer(None)

    for kind, key in READS:
        assert got(store, kind, key) not in CHANGED


def test_what_a_conflict_has_half_written_is_read_from_the_file(store):
    def write_half():
        with store.begin() as work:
            with pytest.raises(StoreConflict):
                work.write(Changes(updated=[a_budget(limit=7), an_event("missing")]))
            with listening(store) as heard:
                work.read(Kind.BUDGETS, ("b1",))
            assert len(selects(heard)) == 1

    with pytest.raises(StoreConflict):
        write_half()

    assert got(store, Kind.BUDGETS, "b1") == a_budget()


def test_a_transaction_that_cannot_ask_whether_anybody_wrote_frees_the_lock(store):
    def judge(asked, what, *_):
        is_asking = asked == sqlite3.SQLITE_PRAGMA and what == "data_version"
        return sqlite3.SQLITE_DENY if is_asking else sqlite3.SQLITE_OK

    store.connections.writer.set_authorizer(judge)
    with pytest.raises(StoreUnavailable):
        put(store, a_budget("b2"))
    store.connections.writer.set_authorizer(None)
    put(store, a_budget("b2"))

    assert got(store, Kind.BUDGETS, "b2") == a_budget("b2")
