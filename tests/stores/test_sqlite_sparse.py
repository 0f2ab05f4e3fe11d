"""
Rows with gaps: NULL is written into a statement, and everything else is bound in its place.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from itertools import product
from operator import attrgetter
from typing import NamedTuple

import pytest

from figuard.domain.events import Standing
from figuard.ports import Changes, Kind, StoreConflict
from figuard.stores.sqlite import SqliteStore
from figuard.stores.sqlite.sparse import Sparse
from figuard.stores.sqlite.work import STATEMENTS
from figuard.testing.store_suite_records import a_budget, an_event, got, put

INSERT = "INSERT INTO t (json, a, b, c) VALUES (?, ?, ?, ?)"


class Columns(NamedTuple):
    """A record of three columns."""

    a: str | None
    b: int | str | None
    c: int | str | None


def sparse(*places):
    return Sparse(INSERT, ("a", "b", attrgetter("c")), places)


@pytest.fixture
def store(tmp_path):
    with closing(SqliteStore(str(tmp_path / "books.db"))) as store:
        put(store, a_budget())
        yield store


@pytest.mark.parametrize(
    ("row", "text", "values"),
    [
        (("x", "y", "z"), INSERT, ("{}", "x", "y", "z")),
        (("x", None, "z"), "INSERT INTO t (json, a, b, c) VALUES (?, ?, NULL, ?)", ("{}", "x", "z")),
        (("x", None, None), "INSERT INTO t (json, a, b, c) VALUES (?, ?, NULL, NULL)", ("{}", "x")),
        ((None, "y", None), "INSERT INTO t (json, a, b, c) VALUES (?, ?, ?, NULL)", ("{}", None, "y")),
    ],
)
def test_gaps_in_the_places_that_were_named_are_written_out(row, text, values):
    assert sparse(1, 2).fitted((Columns(*row), "{}")) == (text, values)


def test_rows_with_the_same_gaps_share_a_statement():
    rows = [("a", None, 1), ("b", "y", 2), ("c", None, 3)]
    groups = dict(sparse(1).grouped((Columns(*row), "{}") for row in rows))

    assert groups == {
        "INSERT INTO t (json, a, b, c) VALUES (?, ?, NULL, ?)": [("{}", "a", 1), ("{}", "c", 3)],
        INSERT: [("{}", "b", "y", 2)],
    }


def test_every_row_is_written_as_it_is():
    statement = sparse(0, 1, 2)
    rows = list(product((None, "", "0", "x"), (None, 0, 1), (None, "y")))
    written = [(Columns(*row), f"{{{number}}}") for number, row in enumerate(rows)]
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("CREATE TABLE t (json, a, b, c)")
        for one in written:
            connection.execute(*statement.fitted(one))
        for text, group in statement.grouped(written):
            connection.executemany(text, group)
        found = connection.execute("SELECT a, b, c, json FROM t").fetchall()

    assert sorted(map(repr, found)) == sorted(repr((*row, data)) for row, data in written * 2)


def test_the_columns_of_events_that_are_mostly_empty_are_among_the_places():
    """
    An authorization and its confirmation bind no None at all.
    """
    statements = STATEMENTS[type(an_event())]
    held = an_event(standing=Standing(held=5, hold_expires_at=1, void_due_at=1))
    settled = an_event(standing=Standing(confirmed=5))

    for statement in (statements.insert, statements.update):
        for event in (held, settled):
            assert None not in statement.fitted((event, "{}"))[1]


def test_events_with_and_without_gaps_are_written_together(store):
    events = [
        an_event("e1"),
        an_event("e2", entity_id="x", trace_id="t", category="c", parent="e1", root="e1"),
        an_event("e3", standing=Standing(held=5, hold_expires_at=7, void_due_at=9)),
    ]
    put(store, *events)

    assert [got(store, Kind.EVENTS, event.id) for event in events] == events
    assert got(store, Kind.NEXT_EXPIRY, ("b1", 0)) == 7
    assert got(store, Kind.ENTITY_EVENTS, ("b1", "x")) == (events[1],)


def test_a_write_that_breaks_off_for_any_reason_cannot_be_committed(store):
    """
    Also for a defect of ours: of what was written before it nothing may stay.
    """

    def write_half():
        with store.begin() as work:
            with pytest.raises(KeyError):
                work.write(Changes(updated=[a_budget(limit=7)], inserted=["no record"]))
            assert work.read(Kind.BUDGETS, ("b1",))["b1"].funds.limit == 7

    with pytest.raises(StoreConflict):
        write_half()

    assert got(store, Kind.BUDGETS, "b1") == a_budget()
