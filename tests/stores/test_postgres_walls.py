"""
What the database itself refuses: changing the ledger, deleting anything, and looking at another tenant.
"""

from __future__ import annotations

from contextlib import asynccontextmanager, contextmanager, suppress

import asyncpg
import pytest

from figuard.domain.admin import Tenant
from figuard.domain.budget import Counters
from figuard.domain.commands import ExtendBudget, Fail, Order, RevokeApiKey, SweepBudget
from figuard.domain.questions import GetBudget
from figuard.domain.refusal import Refusal
from figuard.domain.replies import SweepReply
from figuard.domain.valueclass import replace
from figuard.engine import Engine
from figuard.engine.async_engine import over_store
from figuard.engine.awaited import Committer
from figuard.ports import Books, Changes, FindBudgets, Kind, LedgerProtected, ReadEntries, StoreConflict
from figuard.stores import open_store
from figuard.stores.postgres.reads import BATCHED
from figuard.stores.tables import TABLES
from figuard.testing.determinism import ManualClock, SequentialIds
from figuard.testing.store_suite_records import (
    a_budget,
    a_delivery,
    a_receipt,
    a_reply,
    a_subscription,
    a_token,
    a_webhook,
    an_api_key,
    an_entry,
    an_event,
    an_item,
)
from tests.stores.postgres_tools import fetched, opened, put

EVERYBODY = {"figuard.tenant": "*"}
FIRST = (
    a_budget("b1"), an_event("e1"), a_token("k1"), a_subscription("s1"), an_item("i1"), a_webhook("w1"),
    a_delivery("d1"), a_receipt("r1"), an_api_key("a1"), Tenant("t1", "first", 0), a_reply("key"),
)  # fmt: skip
SECOND = (
    a_budget("b2", tenant="t2"), an_event("e2", tenant="t2", budget="b2"), Tenant("t2", "second", 0),
    an_api_key("a2", tenant="t2"), a_token("k2", budget="b2", tenant_id="t2"),
)  # fmt: skip
WALLED = [*(table.name for table in TABLES.values()), "ledger_entries"]
ATTACKS = ["UPDATE ledger_entries SET hash = 'x'", "DELETE FROM ledger_entries", "TRUNCATE ledger_entries"]


@pytest.fixture
async def store(database):
    async with opened(database.app_url) as store:
        await put(store, *FIRST, entries=[an_entry(1)])
        await put(store, *SECOND, entries=[an_entry(1, book="b2", tenant="t2")])
        yield store


# --------------------------------------------------------------------------------------------------------- the ledger


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("who", ["url", "admin_url"], ids=["owner", "superuser"])
async def test_nobody_changes_the_ledger(store, database, who, attack):
    with pytest.raises(asyncpg.RestrictViolationError, match="append-only"):
        await fetched(getattr(database, who), attack, settings=EVERYBODY)

    assert len(await store.query(ReadEntries("b1"))) == 1


@pytest.mark.parametrize("attack", ATTACKS)
async def test_a_server_is_not_even_allowed_to_try(store, database, attack):
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await fetched(database.app_url, attack, settings=EVERYBODY)


@pytest.mark.parametrize("who", ["url", "app_url"], ids=["owner", "server"])
async def test_changing_an_entry_is_called_what_it_is(store, database, who):
    async with opened(getattr(database, who)) as other:
        with pytest.raises(LedgerProtected, match="append-only"):
            async with other.begin() as work:
                await work.fetch(ATTACKS[0])


async def test_replication_fires_the_triggers_too(store, database):
    with pytest.raises(asyncpg.RestrictViolationError):
        await fetched(database.admin_url, "SET session_replication_role = 'replica'", ATTACKS[1])


async def test_a_server_forgets_answers(store, database):
    assert await fetched(database.app_url, "DELETE FROM remembered RETURNING key", settings=EVERYBODY) == [("key",)]


@pytest.mark.parametrize("table", [*(name for name in WALLED if name != "remembered"), "meta", "schema_version"])
async def test_a_server_deletes_nothing_else(store, database, table):
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await fetched(database.app_url, f"DELETE FROM {table}", settings=EVERYBODY)


@pytest.mark.parametrize("attack", ["DROP TABLE budgets", "ALTER TABLE budgets DISABLE ROW LEVEL SECURITY"])
async def test_a_server_cannot_take_a_wall_down(store, database, attack):
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await fetched(database.app_url, attack)


# -------------------------------------------------------------------------------------------------------- the tenants


@pytest.mark.parametrize("table", WALLED)
@pytest.mark.parametrize("who", ["url", "app_url"], ids=["owner", "server"])
async def test_a_session_that_names_no_tenant_sees_nothing(store, database, who, table):
    url = getattr(database, who)

    assert await fetched(url, f"SELECT * FROM {table}") == []
    assert await fetched(url, f"SELECT * FROM {table}", settings={"figuard.tenant": "t3"}) == []
    assert await fetched(url, f"SELECT * FROM {table}", settings=EVERYBODY) != []


async def test_a_session_sees_the_tenants_it_names(store, database):
    async def seen(tenants):
        settings = {"figuard.tenant": tenants}
        return [
            row[0] for row in await fetched(database.app_url, "SELECT id FROM events ORDER BY id", settings=settings)
        ]

    assert await seen("t1") == ["e1"]
    assert await seen("t2") == ["e2"]
    assert await seen("t1,t2") == ["e1", "e2"]


async def test_a_session_writes_only_for_the_tenants_it_names(store, database):
    settings = {"figuard.tenant": "t1"}
    changed = await fetched(database.app_url, "UPDATE events SET held = 7 RETURNING id", settings=settings)
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
        await fetched(database.app_url, "UPDATE tenants SET id = 't2'", settings=settings)

    assert [row[0] for row in changed] == ["e1"]


async def test_a_transaction_may_be_held_to_its_tenants(store):
    async with store.begin(["t1"]) as work:
        found = await work.read(Kind.BUDGETS, ("b1", "b2"))
        events = await work.read(Kind.EVENTS, ("e1", "e2"))

    assert list(found) == ["b1"]
    assert list(events) == ["e1"]


async def test_the_wall_goes_up_with_the_first_lock(store):
    """
    In the same statement, and before it looks at any row; what comes later is behind it too.
    """
    statements = []
    async with store.begin(["t1"]) as work:
        fetch = work.fetch

        async def noted(text, *values):
            statements.append(text)
            return await fetch(text, *values)

        work.fetch = noted
        own = await work.read(Kind.BUDGETS, ("b1", "b2"))
        later = await work.read(Kind.BUDGETS, ("b2",))
        events = await work.read(Kind.EVENTS, ("e1", "e2"))

    assert (["b1"], [], ["e1"]) == (list(own), list(later), list(events))
    assert 3 == len(statements)


@pytest.mark.parametrize(
    "kind", [kind for kind in Kind if BATCHED[kind].walling is not None], ids=lambda kind: kind.name
)
async def test_every_lock_can_be_the_one_that_raises_the_wall(store, kind):
    own, other = {
        Kind.BUDGETS: ("b1", "b2"),
        Kind.ITEMS: ("i1", "i2"),
        Kind.SUBSCRIPTIONS: ("s1", "s2"),
        Kind.WEBHOOKS: ("w1", "w2"),
        Kind.DELIVERIES: ("d1", "d2"),
        Kind.API_KEYS: ("a1", "a2"),
    }[kind]
    await put(
        store,
        a_subscription("s2", tenant="t2"),
        replace(an_item("i2", subscription="s2"), tenant_id="t2"),
        a_webhook("w2", tenant="t2"),
        a_delivery("d2", tenant="t2"),
    )
    async with store.begin(["t1"]) as work:
        assert [own] == list(await work.read(kind, (other, own)))
    async with store.begin(["t1", "t2"]) as work:
        assert [own, other] == list(await work.read(kind, (other, own)))
    async with store.begin() as work:
        assert [own, other] == list(await work.read(kind, (other, own)))


async def test_a_wall_does_not_outlive_its_transaction(store):
    """
    The next transaction on the same lane sees whom it names, or everybody.
    """
    for _ in range(8):
        async with store.begin(["t1"]) as work:
            assert ["b1"] == list(await work.read(Kind.BUDGETS, ("b1", "b2")))
        async with store.begin() as work:
            assert ["b1", "b2"] == list(await work.read(Kind.BUDGETS, ("b1", "b2")))


class Peeking:
    """A store that looks, at the end of each of the engine's transactions, at what else can be read through it."""

    def __init__(self, store):
        self.store = store
        self.seen = []

    @asynccontextmanager
    async def begin(self, tenants=()):
        async with self.store.begin(tenants) as work:
            yield work
            kinds = {Kind.BUDGETS: ("b1", "b2"), Kind.EVENTS: ("e1", "e2"), Kind.API_KEYS: ("a1", "a2")}
            self.seen.append([key for kind, keys in kinds.items() for key in await work.read(kind, keys)])

    async def query(self, query):
        return await self.store.query(query)


@pytest.mark.parametrize(
    ("command", "tenant", "visible"),
    [
        (ExtendBudget("b1", 0), "t1", ["b1", "e1", "a1"]),
        (ExtendBudget("b2", 0), "t2", ["b2", "e2", "a2"]),
        (ExtendBudget("b2", 0), "t1", ["b1", "e1", "a1"]),
        (Fail("e2", "r"), "t1", ["b1", "e1", "a1"]),
        (RevokeApiKey("a2"), "t1", ["b1", "e1", "a1"]),
        (SweepBudget("b1"), "", ["b1", "b2", "e1", "e2", "a1", "a2"]),
    ],
)
async def test_the_engines_transactions_see_the_tenants_of_their_orders_only(store, command, tenant, visible):
    peeking = Peeking(store)
    engine = over_store(peeking, clock=ManualClock(), ids=SequentialIds(), hasher=None)

    with suppress(Refusal):
        await engine.execute(Order(command, tenant, "test"))

    assert [visible] == peeking.seen


async def test_upkeep_takes_the_wall_away_from_nobody(store):
    """
    What callers order in the same batch is committed apart, and everybody is answered in their order.
    """
    peeking = Peeking(store)
    committer = Committer(peeking, clock=ManualClock(), ids=SequentialIds(), hasher=None)
    orders = [
        Order(SweepBudget("b1"), "", "test"),
        Order(ExtendBudget("b2", 0), "t2", "test"),
        Order(SweepBudget("b2"), "", "test"),
        Order(ExtendBudget("b3", 0), "t2", "test"),
    ]

    outcomes = await committer.commit(orders)

    assert [["b2", "e2", "a2"], ["b1", "b2", "e1", "e2", "a1", "a2"]] == peeking.seen
    assert [SweepReply, Refusal, SweepReply, Refusal] == [type(outcome) for outcome in outcomes]
    assert ("'b3'" in str(outcomes[1]), "'b3'" in str(outcomes[3])) == (False, True)


class BlockingPeeking(Peeking):
    """The same for callers who do not await."""

    excludes_writers = False

    @contextmanager
    def begin(self, tenants=()):
        with self.store.begin(tenants) as work:
            yield work
            self.seen.append(list(work.read(Kind.BUDGETS, ("b1", "b2"))))

    def query(self, query):
        return self.store.query(query)


def test_embedded_transactions_stand_behind_their_wall_too(database):
    """
    Upkeep is committed apart here as well; what is due on a budget somebody asks for is done in its tenant's name.
    """
    store = open_store(database.app_url)
    with store.begin() as work:
        work.write(Changes([*FIRST, *SECOND, replace(a_budget("b3"), counters=Counters(next_expiry=1))]))
    peeking = BlockingPeeking(store)
    engine = Engine(peeking, clock=ManualClock(), ids=SequentialIds(), hasher=None)

    outcomes = engine.commit([Order(SweepBudget("b1"), "", "test"), Order(ExtendBudget("b2", 0), "t2", "test")])
    engine.ask(GetBudget("b3"), "t1")
    store.close()

    assert [["b2"], ["b1", "b2"], ["b1"]] == peeking.seen
    assert [SweepReply, Refusal] == [type(outcome) for outcome in outcomes]


async def test_names_are_resolved_before_the_wall_goes_up(store):
    """
    A foreign token can then be refused as foreign, instead of as unknown.
    """
    async with store.begin(["t1"]) as work:
        homes = await work.read(Kind.EVENT_HOMES, ("e1", "e2"))
        token = await work.read(Kind.TOKENS_BY_HASH, ("hash of k2",))

    assert homes == {"e1": ("b1", "t1"), "e2": ("b2", "t2")}
    assert token["hash of k2"].tenant_id == "t2"


async def test_a_transaction_that_reaches_beyond_its_tenants_writes_nothing(store):
    with pytest.raises(AssertionError, match="beyond its tenants"):
        async with store.begin(["t1"]) as work:
            await work.write(Changes([an_event("e3"), an_event("e4", tenant="t2", budget="b2")]))
    with pytest.raises(StoreConflict, match="does not exist"):
        async with store.begin(["t1"]) as work:
            await work.write(Changes(updated=[a_budget("b2", tenant="t2", limit=7)]))
    async with store.begin() as work:
        assert list(await work.read(Kind.EVENTS, ("e3", "e4"))) == []


async def test_the_next_transaction_on_a_lane_is_free_again(database):
    async with opened(database.app_url, writers=1) as store:
        await put(store, *FIRST)
        await put(store, *SECOND)
        async with store.begin(["t1", "t2"]) as work:
            assert len(await work.read(Kind.BUDGETS, ("b1", "b2"))) == 2
        async with store.begin(["t1"]) as work:
            await work.read(Kind.BUDGETS, ("b1",))
        async with store.begin() as work:
            assert len(await work.read(Kind.BUDGETS, ("b1", "b2"))) == 2


async def test_a_query_of_one_tenant_puts_the_wall_around_it(store, database):
    """
    Shown on a store whose sessions see nobody: what names its tenant is answered, what names none is not.
    """
    async with opened(f"{database.app_url}&figuard.tenant=nobody") as walled:
        assert (await walled.query(FindBudgets("t1"))).total == 1
        assert await walled.query(Books("t2")) == ("b2",)
        assert await walled.query(Books()) == ()


@pytest.mark.parametrize("name", ["", "*", "a,b"])
async def test_a_tenant_that_cannot_be_told_from_several_is_refused(store, name):
    with pytest.raises(ValueError, match="comma"):
        store.begin([name])
