"""
The schema: what the migrations add up to, what the descriptors say, and that every look-up has its index.
"""

from __future__ import annotations

import re
import sqlite3
from importlib.resources import files

import pytest

from figuard.ports import Books, DueWork, FindBudgets, FindEvents, ReadEntries, TreeEvents
from figuard.stores.lookups import LOOKUPS
from figuard.stores.queries import plan
from figuard.stores.sqlite import SqliteStore
from figuard.stores.sqlite.placeholders import unnumbered
from figuard.stores.sqlite.store import SQLITE
from figuard.stores.sqlite.work import STATEMENTS
from figuard.stores.tables import TABLES

SCHEMA = (files("figuard.stores.sqlite") / "schema.sql").read_text(encoding="utf-8")


@pytest.fixture
def store():
    store = SqliteStore(":memory:")
    yield store
    store.close()


def dump(connection):
    """Return the SQL of everything in the schema, without comments and spaces that mean nothing."""
    rows = connection.execute("SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY type, name")
    return [(kind, name, " ".join(re.sub(r"--.*", "", text).split())) for kind, name, text in rows]


def explained(connection, text):
    """Return the steps in which a statement is answered, whatever its values."""
    bare, _ = unnumbered(text)
    return [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {bare}", (0,) * bare.count("?"))]


def test_the_schema_is_the_sum_of_the_migrations(store):
    whole = sqlite3.connect(":memory:")
    whole.executescript(SCHEMA)
    with store.connections.raw() as connection:
        assert dump(connection) == dump(whole)
    whole.close()


def test_every_table_has_the_columns_of_its_descriptor(store):
    with store.connections.raw() as connection:
        for table in TABLES.values():
            names = [row[1] for row in connection.execute(f"PRAGMA table_info({table.name})")]
            assert names == [*table.names, "data"]


def test_every_rule_of_uniqueness_is_an_index(store):
    with store.connections.raw() as connection:
        for table in TABLES.values():
            indexes = {row[1]: row for row in connection.execute(f"PRAGMA index_list({table.name})") if row[2]}
            named = {
                name: (tuple(column[2] for column in connection.execute(f"PRAGMA index_info({name})")), bool(row[4]))
                for name, row in indexes.items()
                if row[3] == "c"
            }
            assert named == {rule.name: (rule.columns, rule.holds is not None) for rule in table.unique}


def test_columns_said_never_to_change_are_not_written_again():
    for statements, table in ((STATEMENTS[of], table) for of, table in TABLES.items()):
        for name in set(table.names) - set(table.changing) - set(table.key):
            assert name not in re.findall(r"\w+", statements.update.text)


@pytest.mark.parametrize(
    ("text", "bare", "values"),
    [
        ("SELECT ?1, ?2", "SELECT ?, ?", "ab"),
        ("SELECT ?2, ?1", "SELECT ?, ?", "ba"),
        ("SELECT ?1, ?1", "SELECT ?, ?", "aa"),
        ("SELECT ?2", "SELECT ?", "b"),
        ("SELECT 1", "SELECT 1", ""),
    ],
)
def test_numbered_placeholders_become_bare_ones(text, bare, values):
    found, order = unnumbered(text)

    assert found == bare
    assert "".join(order(("a", "b")) if order else "ab"[: len(values)]) == values


def test_no_statement_has_numbered_placeholders(store):
    """
    Python 3.12.3, which many systems have, warns of every one.
    """
    for statements in STATEMENTS.values():
        assert not re.search(
            r"\?\d",
            f"{statements.insert.text} {statements.update.text} {statements.refresh and statements.refresh.text}",
        )


def test_every_read_is_answered_by_an_index(store):
    """
    Also with nothing in the file: the plans do not depend on statistics that nobody gathers.
    """
    with store.connections.raw() as connection:
        for kind, lookup in LOOKUPS.items():
            steps = explained(connection, lookup.sql)
            assert [step for step in steps if re.match(r"SCAN (?!below)", step)] == [], kind
            assert not any("events_created" in step for step in steps), kind


@pytest.mark.parametrize(
    "query",
    [
        FindBudgets("t1"),
        FindEvents("b1"),
        TreeEvents("b1"),
        TreeEvents("b1", "e1"),
        ReadEntries("b1"),
        Books(),
        *(DueWork(what, 1, 1) for what in ("items", "expiring")),
    ],
)
def test_every_list_is_answered_by_an_index(store, query):
    with store.connections.raw() as connection:
        for statement in plan(query, SQLITE).statements:
            steps = explained(connection, statement.text)
            assert [step for step in steps if re.match(r"SCAN (?!chain)", step)] == []


def test_a_sweep_looks_at_undecided_events_only(store):
    with store.connections.raw() as connection:
        (statement,) = plan(DueWork("holds", 1), SQLITE).statements
        steps = explained(connection, statement.text)

    assert [step for step in steps if "events" in step] == ["SCAN events USING COVERING INDEX events_undecided"] * 2
