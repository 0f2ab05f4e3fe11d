"""
The schema of a PostgreSQL database: what the migrations add up to, what the descriptors say, and who may open what.
"""

from __future__ import annotations

import asyncio

import asyncpg
import pytest

from figuard.ports import FindEvents, StoreUnavailable
from figuard.stores import open_async_store, open_store
from figuard.stores.postgres import migrate_database
from figuard.stores.postgres.migrate import Migration, migrate, migrations, pending
from figuard.stores.postgres.reads import BATCHED
from figuard.stores.postgres.writes import INSERT, MANY, ONE, UPDATE, WRITINGS
from figuard.stores.rows import ENTRY_COLUMNS
from figuard.stores.tables import TABLES
from figuard.testing.store_suite_records import a_budget, an_event
from figuard.testing.store_suite_records import put as put_blocking
from tests.stores.postgres_tools import connected, fetch, fetched, opened, put, schema_text

# Everything that a schema is made of, in words that say what it does and not what number it has.
DUMP = """
    SELECT 'column', attrelid::regclass::text, attname, format_type(atttypid, atttypmod), attnotnull::text,
        attcollation::regcollation::text, reloptions::text
    FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
    WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'c') AND attnum > 0 AND NOT attisdropped
    UNION ALL SELECT 'table', relname, relrowsecurity::text, relforcerowsecurity::text, '', '', ''
    FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
    UNION ALL SELECT 'constraint', conrelid::regclass::text, conname, pg_get_constraintdef(oid), '', '', ''
    FROM pg_constraint WHERE connamespace = 'public'::regnamespace
    UNION ALL SELECT 'index', tablename, indexname, indexdef, '', '', '' FROM pg_indexes WHERE schemaname = 'public'
    UNION ALL SELECT 'policy', tablename, policyname, cmd, qual, with_check, permissive FROM pg_policies
    UNION ALL SELECT 'trigger', tgrelid::regclass::text, tgname, pg_get_triggerdef(oid), tgenabled::text, '', ''
    FROM pg_trigger WHERE NOT tgisinternal
    UNION ALL SELECT 'function', proname, pg_get_functiondef(oid), proacl::text, '', '', ''
    FROM pg_proc WHERE pronamespace = 'public'::regnamespace
    ORDER BY 1, 2, 3, 4
"""
COLUMNS = """
    SELECT attname FROM pg_attribute WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped
        AND attgenerated = '' ORDER BY attnum
"""


def columns_of(database, *names):
    """Return the columns of tables or row types."""

    async def ask():
        async with connected(database.url) as connection:
            return [[row[0] for row in await connection.fetch(COLUMNS, name)] for name in names]

    return asyncio.run(ask())


@pytest.fixture
def empty(postgres, template):
    """Return an empty database, which the owner may fill."""
    name = postgres.create(owner=template.owner.user)
    yield type(template)(postgres, name, template.owner, template.app)
    postgres.drop(name)


def test_the_schema_is_the_sum_of_the_migrations(database, empty):
    fetch(empty.url, schema_text(), "SELECT 1")

    assert fetch(empty.url, DUMP) == fetch(database.url, DUMP)


def test_every_table_and_row_type_has_the_columns_of_its_descriptor(database):
    for table in TABLES.values():
        expected = [*table.names, "data"]
        assert columns_of(database, table.name, f"{table.name}_row") == [expected, expected]
    assert columns_of(database, "ledger_entries", "ledger_entries_row") == [list(ENTRY_COLUMNS)] * 2


def test_every_rule_of_uniqueness_is_an_index(database):
    indexes = fetch(
        database.url,
        "SELECT relname, indrelid::regclass::text, indpred IS NOT NULL, array(SELECT attname::text FROM pg_attribute"
        " WHERE attrelid = indrelid AND attnum = ANY (indkey) ORDER BY array_position(indkey, attnum))"
        " FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid WHERE indisunique AND NOT indisprimary"
        " AND relnamespace = 'public'::regnamespace",
    )
    found = {(name, table): (partial, tuple(columns)) for name, table, partial, columns in indexes}
    rules = {
        (rule.name, table.name): (rule.holds is not None, rule.columns)
        for table in TABLES.values()
        for rule in table.unique
    }

    assert found == rules


def test_text_compares_by_code_point_in_every_index(database):
    """
    Whatever language the database was made with.
    """
    other = fetch(
        database.url,
        "SELECT indexrelid::regclass FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid"
        " WHERE relnamespace = 'public'::regnamespace AND EXISTS ("
        " SELECT 1 FROM unnest(indcollation) AS of WHERE of NOT IN (0, 'pg_catalog.\"C\"'::regcollation))",
    )

    assert [row[0] for row in other if row[0] != "schema_version_pkey"] == []


def test_a_budget_is_changed_in_place(database):
    """
    Heap-only: no index is written when a balance moves, which is what keeps a busy budget quick.
    """
    store = open_store(database.app_url)
    put_blocking(store, *(a_budget(f"b{number}") for number in range(50)))
    for limit in range(20):
        put_blocking(store, updated=[a_budget("b7", limit=limit)])
    store.close()
    flushed = "SELECT pg_stat_force_next_flush()"
    counted = fetch(
        database.admin_url,
        flushed,
        "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = 'budgets'",
    )

    assert counted[0][0] >= 20
    assert counted[0][0] == counted[0][1]


@pytest.mark.parametrize("figure", ["requested", "confirmed", "held", "booked", "refunded", "shadow", "shadow_max"])
def test_no_figure_of_an_event_is_less_than_nothing(database, figure):
    """
    The engine never writes such a thing; whoever else does is told by the database.
    """
    store = open_store(database.app_url)
    put_blocking(store, a_budget("b1"), an_event("e1"))
    store.close()
    change = "shadow = 2" if figure == "shadow_max" else f"{figure} = -1"

    with pytest.raises(asyncpg.CheckViolationError):
        fetch(database.admin_url, f"UPDATE events SET {change} WHERE id = 'e1' RETURNING id")


def test_columns_said_never_to_change_are_not_written_again():
    for table in TABLES.values():
        texts, changing = WRITINGS[table.record].texts, (*table.changing, "data")
        many = texts[UPDATE, MANY].partition(" SET ")[2].partition(" FROM ")[0]
        one = texts[UPDATE, ONE].partition(" SET ")[2].partition(" WHERE ")[0]
        assert many == ", ".join(f"{name} = new.{name}" for name in changing)
        assert [part.partition(" = ")[0] for part in one.split(", ")] == list(changing)


@pytest.mark.parametrize("record", [a_budget("b1"), an_event("e1")], ids=["budget", "event"])
def test_a_row_of_many_that_are_updated_holds_what_the_statement_takes_of_it(record):
    """
    At the places that the type of the rows gives them; all else is left blank.
    """
    table, reads = TABLES[type(record)], WRITINGS[type(record)].reads
    whole = dict(zip(table.names, reads[INSERT, MANY](record), strict=True))
    row = dict(zip(table.names, reads[UPDATE, MANY](record), strict=True))
    taken = {*table.key, *table.changing}

    assert {name: whole[name] if name in taken else None for name in table.names} == row
    assert any(whole[name] is not None for name in set(table.names) - taken)


def test_what_locks_locks_in_one_order():
    locking = {kind.name: batched.locking for kind, batched in BATCHED.items() if batched.locking}

    assert set(locking) == {"BUDGETS", "ITEMS", "SUBSCRIPTIONS", "WEBHOOKS", "DELIVERIES", "API_KEYS"}
    for text in locking.values():
        assert text.endswith("WHERE id = ANY ($1::text[]) ORDER BY id FOR UPDATE")


# --------------------------------------------------------------------------------------------------------- migrations


def test_migrations_are_numbered_from_one_and_named_by_phase():
    assert [migration.version for migration in migrations()] == list(range(1, len(migrations()) + 1))
    assert migrations()[0].phase == "pre"


async def test_many_who_open_an_empty_database_make_one_schema(empty):
    stores = await asyncio.gather(*(open_async_store(empty.url) for _ in range(4)))
    await put(stores[0], a_budget())
    for store in stores:
        assert (await store.query(FindEvents("b1"))).total == 0
        await store.close()

    assert await fetched(empty.url, "SELECT count(*) FROM schema_version") == [(len(migrations()),)]


async def test_a_role_that_may_not_make_tables_says_who_does(empty):
    with pytest.raises(StoreUnavailable, match="figuard migrate"):
        await open_async_store(empty.app_url)


async def test_the_owner_makes_room_for_a_server(empty):
    assert await migrate_database(empty.url, server_role=empty.app.user) == tuple(
        f"{step.version:04}_{step.phase}_{step.name}" for step in migrations()
    )
    async with opened(empty.app_url) as store:
        await put(store, a_budget())

    assert await migrate_database(empty.url, post=True, server_role=empty.app.user) == ()


async def test_only_the_owner_makes_room_for_a_server(empty):
    with pytest.raises(StoreUnavailable, match="owner"):
        await migrate_database(empty.app_url)
    with pytest.raises(StoreUnavailable, match="cannot be reached"):
        await migrate_database("postgresql://127.0.0.1:1/books")


async def test_reading_only_does_not_make_tables(empty):
    with pytest.raises(StoreUnavailable, match="figuard migrate"):
        await open_async_store(empty.url, read_only=True)

    assert await fetched(empty.url, "SELECT to_regclass('budgets')") == [(None,)]


@pytest.mark.parametrize(
    "theirs", ["CREATE TABLE budgets (id int)", "CREATE TABLE schema_version (installed_rank int)"]
)
async def test_tables_of_another_program_are_left_alone(empty, theirs):
    await fetched(empty.url, theirs, "SELECT 1")
    with pytest.raises(StoreUnavailable, match="another program"):
        await open_async_store(empty.url)


async def test_a_schema_of_its_own_makes_room_beside_another_program(empty):
    await fetched(empty.url, "CREATE TABLE budgets (id int)", "CREATE SCHEMA books", "SELECT 1")
    async with opened(f"{empty.url}&search_path=books") as store:
        await put(store, a_budget())

    assert await fetched(empty.url, "SELECT count(*) FROM budgets") == [(0,)]


def test_a_database_of_another_encoding_is_refused(postgres, empty):
    postgres.drop(empty.name)
    postgres.execute(f"CREATE DATABASE {empty.name} TEMPLATE template0 ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'")
    with pytest.raises(StoreUnavailable, match="UTF8"):
        open_store(empty.admin_url)


async def test_older_servers_go_on_beside_a_newer_pre_migration(database):
    await fetched(
        database.url, "INSERT INTO schema_version (version, phase, name) VALUES (9001, 'pre', 'later')", "SELECT 1"
    )
    async with opened(database.app_url) as store:
        await put(store, a_budget())

    await fetched(database.url, "UPDATE schema_version SET phase = 'post' WHERE version = 9001", "SELECT 1")
    with pytest.raises(StoreUnavailable, match="upgrade"):
        await open_async_store(database.app_url)


async def test_a_column_that_is_added_later_does_not_disturb_an_older_server(database):
    async with opened(database.app_url) as store:
        await put(store, a_budget("b1"))
        await fetched(database.url, "ALTER TABLE budgets ADD COLUMN region text DEFAULT 'eu'", "SELECT 1")
        await put(store, a_budget("b2"), updated=[a_budget("b1", limit=7)])

        assert await fetched(database.admin_url, "SELECT count(*) FROM budgets WHERE region = 'eu'") == [(2,)]


async def test_post_migrations_wait_until_they_are_asked_for(database):
    steps = (
        *migrations(),
        Migration(9001, "pre", "add", "CREATE TABLE added (id int)"),
        Migration(9002, "post", "drop", "DROP TABLE added"),
        Migration(9003, "pre", "more", "CREATE TABLE more (id int)"),
    )
    async with connected(database.url) as connection:
        assert await migrate(connection, "books", steps) == ("9001_pre_add",)
        assert [step.version for step in await pending(connection, "books", steps)] == [9002, 9003]
        assert await migrate(connection, "books", steps, post=True) == ("9002_post_drop", "9003_pre_more")
        assert await migrate(connection, "books", steps, post=True) == ()


async def test_a_migration_that_fails_leaves_nothing(database):
    steps = (*migrations(), Migration(9001, "pre", "torn", "CREATE TABLE torn (id int); SELECT 1 / 0"))
    async with connected(database.url) as connection:
        with pytest.raises(Exception, match="division by zero"):
            await migrate(connection, "books", steps)
        assert await connection.fetch("SELECT to_regclass('torn')") == [(None,)]
        assert await pending(connection, "books") == ()
