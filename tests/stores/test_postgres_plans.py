"""
How PostgreSQL carries the statements out: by index, on 100,000 rows nobody has counted, as on empty tables.

A lane prepares its statements once. A plan that was made when the tables were empty must still be the right one a
year later, so none may depend on how much the planner believes there to be.
"""

from __future__ import annotations

import json
import re

import pytest

from figuard.domain.admin import Delivery, Webhook
from figuard.domain.budget import Budget
from figuard.domain.events import Decision, Event
from figuard.ports import (
    Books,
    DueWork,
    FindBudgets,
    FindEvents,
    Kind,
    ListRecords,
    ReadEntries,
    SealedEntry,
    SpendReport,
    TreeEvents,
)
from figuard.stores.postgres.connections import READER, WRITER
from figuard.stores.postgres.reads import BATCHED, dollars
from figuard.stores.postgres.store import POSTGRES
from figuard.stores.postgres.writes import INSERT, MANY, ONE, UPDATE, statement
from figuard.stores.queries import plan
from figuard.stores.tables import TABLES
from tests.stores.postgres_tools import connected

ROWS = 100_000
# With NULL for a value, a plan made for that value would be of no use to anyone else.
ANY_VALUES = {**READER, "plan_cache_mode": "force_generic_plan"}
LARGE = {"budgets", "events", "ledger_entries"}
# A hundred tenants with ten budgets each, a hundred events and entries in every budget.
FILL = f"""
    ALTER TABLE budgets SET (autovacuum_enabled = off);
    ALTER TABLE events SET (autovacuum_enabled = off);
    ALTER TABLE ledger_entries SET (autovacuum_enabled = off);
    INSERT INTO budgets SELECT 'b' || n, 't' || n / 10, 'u', 'r' || n, 'USD', 'u', n, 'ACTIVE', n, '{{}}'
        FROM generate_series(0, {ROWS // 100} - 1) AS n;
    INSERT INTO events SELECT 'e' || n, 't' || n / 1000, 'b' || n / 100, 'k' || n, 1, 'x' || n, NULL, 'a', 'c',
        'e' || n - 1, 'e' || n - n % 10, n, 1, 'AUTHORIZED', NULL, 1, 0, 0, 0, n, n, '{{}}'
        FROM generate_series(0, {ROWS} - 1) AS n;
    INSERT INTO ledger_entries SELECT 'b' || n / 100, n % 100 + 1, 't' || n / 1000, n, 'AUTHORIZED', 'e' || n, '', 'h'
        FROM generate_series(0, {ROWS} - 1) AS n;
"""
QUERIES = {
    "budgets of a tenant": FindBudgets("t7"),
    "events of a budget": FindEvents("b70"),
    "denials of a budget": FindEvents("b70", decision=Decision.DENIED),
    "tree of a budget": TreeEvents("b70"),
    "tree of an event": TreeEvents("b70", "e7000"),
    "entries of a book": ReadEntries("b70", 5),
    "books": Books(),
    "books of a tenant": Books("t7", "b70"),
    "report of a budget": SpendReport("t7", "agent", budget_id="b70"),
    "expiring": DueWork("expiring", 1, 1),
    "webhooks": ListRecords(Webhook, "t7"),
    "deliveries of a webhook": ListRecords(Delivery, "t7", (("webhook_id", "w1"),)),
}
WRITES = {
    "authorize": ((UPDATE, Budget, MANY), (INSERT, Event, MANY), (INSERT, SealedEntry, MANY)),
    "authorize one": ((UPDATE, Budget, ONE), (INSERT, Event, ONE), (INSERT, SealedEntry, ONE)),
    "authorize many of one": ((UPDATE, Budget, ONE), (INSERT, Event, MANY), (INSERT, SealedEntry, MANY)),
    "confirm": ((UPDATE, Budget, MANY), (UPDATE, Event, MANY), (INSERT, SealedEntry, MANY)),
    **{f"update {table.name}": ((UPDATE, of, MANY),) for of, table in TABLES.items()},
    **{f"update one of {table.name}": ((UPDATE, of, ONE),) for of, table in TABLES.items()},
}


@pytest.fixture(scope="module", params=["empty", "full"])
def filled(request, postgres, template):
    name = postgres.create(template.name, owner=template.owner.user)
    if request.param == "full":
        postgres.execute(FILL, database=name)
    yield type(template)(postgres, name, template.owner, template.app)
    postgres.drop(name)


async def planned(url, settings, text):
    """Return the nodes of the plan of a prepared statement, whatever its values."""
    count = len(set(re.findall(r"\$\d+", text)))
    values = f"({', '.join(['NULL'] * count)})" if count else ""
    async with connected(url, settings) as connection:
        await connection.execute(f"PREPARE it AS {text}")
        ((found,),) = await connection.fetch(f"EXPLAIN (FORMAT JSON) EXECUTE it{values}")
    return list(nodes(json.loads(found)[0]["Plan"]))


def nodes(node):
    yield node
    for child in node.get("Plans", ()):
        yield from nodes(child)


def scans(found):
    """Return what a plan does to a table without being led there by a key."""
    whole = [node for node in found if node["Node Type"] == "Seq Scan"]
    return [
        *whole,
        *(node for node in found if "Index" in node["Node Type"] and not node.get("Index Cond")),
        *(node for node in found if node["Node Type"] in {"Hash Join", "Merge Join"}),
    ]


@pytest.mark.parametrize("kind", Kind, ids=lambda kind: kind.name)
async def test_a_read_is_led_by_a_key(filled, kind):
    batched = BATCHED[kind]
    many = (batched.text, batched.locking, batched.walling)
    for text in filter(None, (*many, batched.one, batched.locking_one, batched.walling_one)):
        found = await planned(filled.app_url, WRITER, text)
        assert scans(found) == []
        assert any("Index" in node["Node Type"] for node in found)


@pytest.mark.parametrize("parts", WRITES.values(), ids=WRITES)
async def test_a_write_is_led_by_a_key(filled, parts):
    assert scans(await planned(filled.app_url, WRITER, statement(parts))) == []


@pytest.mark.parametrize("filled", ["full"], indirect=True)
@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES)
async def test_a_list_does_not_read_whole_tables(filled, query):
    """
    With the statistics that PostgreSQL gathers by itself within a minute.
    """
    async with connected(filled.url) as connection:
        await connection.execute("ANALYZE")
    for step in plan(query, POSTGRES).statements:
        found = await planned(filled.app_url, ANY_VALUES, dollars(step.text))
        assert [node for node in found if node["Node Type"] == "Seq Scan" and node["Relation Name"] in LARGE] == []
