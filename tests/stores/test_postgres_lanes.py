"""
Lanes begin the next transaction with the COMMIT of the one before: it holds nothing, it is given up when nobody comes,
and when it is lost nobody notices.
"""

from __future__ import annotations

import asyncio

import pytest

from figuard.ports import FindEvents, GetRecords, Kind, StoreUnavailable
from figuard.stores.postgres.lanes import CHAIN_SECONDS, STATEMENTS_MAX
from figuard.testing.store_suite_records import a_budget, an_event
from tests.stores.postgres_tools import fetched, opened, pid_of, put

WAIT_SECONDS = 10.0
AHEAD, AT_REST = "idle in transaction", "idle"
SESSION = "SELECT state, backend_xid IS NULL AND backend_xmin IS NULL FROM pg_stat_activity WHERE pid = "
LOCKS = "SELECT count(*) FROM pg_locks WHERE locktype <> 'virtualxid' AND pid = "


@pytest.fixture
async def store(database):
    async with opened(database.app_url, writers=1) as store:
        await put(store, a_budget("b1"))
        yield store


async def lane_pid(store):
    async with store.begin() as work:
        return await pid_of(work)


async def state_of(database, pid):
    ((state, holds_nothing),) = await fetched(database.admin_url, f"{SESSION}{pid}")
    return state, holds_nothing


async def until(database, pid, state):
    """Return when a session is in a state."""
    found = None
    async with asyncio.timeout(WAIT_SECONDS):
        while found != state:
            found, _ = await state_of(database, pid)


async def test_a_transaction_begun_ahead_holds_nothing(store, database):
    await put(store, an_event("e1"))
    pid = await lane_pid(store)

    assert await state_of(database, pid) == (AHEAD, True)
    assert await fetched(database.admin_url, f"{LOCKS}{pid}") == [(0,)]
    assert (await store.query(FindEvents("b1"))).total == 1


async def test_it_sees_what_was_committed_after_it_began(store, database):
    """
    A snapshot is taken by a statement, not by the beginning.
    """
    pid = await lane_pid(store)
    async with opened(database.app_url) as other:
        await put(other, updated=[a_budget("b1", limit=7)])
    async with store.begin() as work:
        seen = await work.read(Kind.BUDGETS, ("b1",))

        assert (await pid_of(work), seen["b1"]) == (pid, a_budget("b1", limit=7))


async def test_it_is_ended_when_nobody_needs_it(store, database):
    pid = await lane_pid(store)
    await until(database, pid, AT_REST)

    await put(store, an_event("e1"))
    assert await lane_pid(store) == pid


async def test_it_is_everybodys_again_after_one_tenants(store):
    """
    What the transaction before was confined to ended with it.
    """
    async with store.begin(("t2",)) as work:
        assert await work.read(Kind.BUDGETS, ("b1",)) == {}
    async with store.begin() as work:
        assert set(await work.read(Kind.BUDGETS, ("b1",))) == {"b1"}


async def test_a_chain_has_an_end(store, database):
    """
    The server tells its autovacuum what was written only when a session has no transaction open.
    """
    pid = await lane_pid(store)
    async with store.begin() as work:
        await work.fetch("SELECT 1")
        assert await pid_of(work) == pid
        work.lane._since -= CHAIN_SECONDS

    assert (await state_of(database, pid))[0] == AT_REST
    await put(store, an_event("e1"))
    assert (await state_of(database, pid))[0] == AHEAD


@pytest.mark.full
async def test_what_is_written_without_a_pause_is_counted(store, database):
    counted = "SELECT n_tup_ins > 0 FROM pg_stat_user_tables WHERE relname = 'events'"
    async with asyncio.timeout(WAIT_SECONDS):
        number = 0
        while await fetched(database.admin_url, counted) != [(True,)]:
            number += 1
            await put(store, an_event(f"e{number}"))


async def test_a_lane_for_which_somebody_waits_is_handed_on_clean(store, database):
    async def one(number):
        async with store.begin() as work:
            await work.read(Kind.BUDGETS, ("b1",))
            return await pid_of(work), number

    found = await asyncio.gather(*map(one, range(9)))

    assert [number for _, number in found] == list(range(9))
    assert len({pid for pid, _ in found}) == 1


async def test_one_that_the_server_ended_is_replaced_unnoticed(database):
    async with opened(f"{database.app_url}&idle_in_transaction_session_timeout=1s", writers=1) as store:
        pid = await lane_pid(store)
        # The server shall be the one to end it.
        store._connections.lanes._timer.cancel()
        sessions = await fetched(database.admin_url, f"{SESSION}{pid}")
        async with asyncio.timeout(WAIT_SECONDS):
            while sessions:
                sessions = await fetched(database.admin_url, f"{SESSION}{pid}")
        await put(store, a_budget("b1"))

        assert set(await store.query(GetRecords(Kind.BUDGETS, ("b1",)))) == {"b1"}


async def test_one_that_is_lost_before_we_hear_of_it_is_replaced_unnoticed(store, database):
    """
    The server's last words lie in the socket, unread, when the first statement is sent.
    """
    pid = await lane_pid(store)
    async with store.begin() as work:
        assert work.lane.is_ahead
        await fetched(database.admin_url, f"SELECT pg_terminate_backend({pid}, 5000)")
        assert set(await work.read(Kind.BUDGETS, ("b1",))) == {"b1"}
        assert await pid_of(work) != pid


async def test_one_that_is_lost_later_is_told(store, database):
    async def go_on():
        async with store.begin() as work:
            await fetched(database.admin_url, f"SELECT pg_terminate_backend({await pid_of(work)}, 5000)")
            await work.read(Kind.BUDGETS, ("b1",))

    with pytest.raises(StoreUnavailable, match="try again"):
        await go_on()


async def test_a_store_is_closed_while_one_is_being_ended(database):
    async with opened(database.app_url, writers=1) as store:
        pid = await lane_pid(store)
        lanes = store._connections.lanes
        # Twice nobody has used it.
        lanes._look()
        lanes._look()
    gone = await fetched(database.admin_url, f"SELECT count(*) FROM pg_stat_activity WHERE pid = {pid}")

    assert gone == [(0,)]


# ----------------------------------------------------------------------------------------------- prepared statements


async def test_statements_are_prepared_again_when_a_table_has_changed(store, database):
    async with store.begin() as work:
        await work.read(Kind.BUDGETS, ("b1",))
    await fetched(database.url, "ALTER TABLE budgets ALTER COLUMN data TYPE varchar", "SELECT 1")

    async def read():
        async with store.begin() as work:
            return set(await work.read(Kind.BUDGETS, ("b1",)))

    with pytest.raises(StoreUnavailable):
        await read()
    assert await read() == {"b1"}


async def test_what_a_lane_keeps_prepared_is_bounded(store):
    async with store.begin() as work:
        for number in range(STATEMENTS_MAX + 1):
            assert await work.fetch(f"SELECT {number}") == [(number,)]

        assert len(work.lane.prepared) < STATEMENTS_MAX
