"""
What happens when the server, the network or another transaction gets in the way: nothing is half written, nobody waits
for ever, and the next transaction goes ahead.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from urllib.parse import urlsplit

import asyncpg
import pytest
from asyncpg import InterfaceError

from figuard.domain.budget import Funds
from figuard.ports import Changes, FindEvents, GetRecords, Kind, OutcomeUnknown, StoreConflict, StoreUnavailable
from figuard.stores import open_async_store, open_store
from figuard.stores.postgres.failures import failure, place_of
from figuard.testing.store_suite_records import a_budget, a_subscription, an_event
from figuard.testing.store_suite_records import put as put_blocking
from tests.stores.postgres_tools import fetched, opened, pid_of, put

PROCESSES = 2
ROUNDS = 25
TERMINATE_ALL = (
    "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
    " WHERE application_name = 'figuard' AND datname = current_database()"
)


@pytest.fixture
async def store(database):
    async with opened(database.app_url) as store:
        await put(store, a_budget("b1"), a_budget("b2"))
        yield store


async def count(store):
    return (await store.query(FindEvents("b1"))).total


# --------------------------------------------------------------------------------------------------------- the server


async def test_a_session_killed_in_a_transaction_leaves_nothing(store, database):
    async def go_on_after_the_kill():
        async with store.begin() as work:
            await work.write(Changes([an_event("e1")]))
            await fetched(database.admin_url, f"SELECT pg_terminate_backend({await pid_of(work)}, 5000)")
            await work.write(Changes([an_event("e2")]))

    with pytest.raises(StoreUnavailable, match="try again"):
        await go_on_after_the_kill()
    assert await count(store) == 0
    await put(store, an_event("e1"))
    assert await count(store) == 1


async def test_sessions_that_ended_while_idle_are_replaced_unnoticed(store, database):
    assert await count(store) == 0
    await fetched(database.admin_url, TERMINATE_ALL)

    await put(store, an_event("e1"))
    assert await count(store) == 1


async def test_a_session_killed_before_the_commit_leaves_nothing(store, database):
    async def commit_after_the_kill():
        async with store.begin() as work:
            await work.write(Changes([an_event("e1")]))
            await fetched(database.admin_url, f"SELECT pg_terminate_backend({await pid_of(work)}, 5000)")

    with pytest.raises(StoreUnavailable):
        await commit_after_the_kill()
    assert await count(store) == 0


@pytest.mark.parametrize(("lose_request", "written"), [(True, 0), (False, 1)], ids=["request", "reply"])
async def test_a_connection_lost_in_a_commit_leaves_it_unknown(store, database, lose_request, written):
    async with cutting(database, b"COMMIT", lose_request=lose_request) as url, opened(url, writers=1) as remote:
        with pytest.raises(OutcomeUnknown, match="nobody knows"):
            await put(remote, an_event("e1"))

    async with store.begin() as work:
        # Waits for the lock that a commit without a listener may still hold.
        await work.read(Kind.BUDGETS, ("b1",))
    assert await count(store) == written


async def test_a_server_that_is_not_there_is_named_without_its_password():
    with pytest.raises(StoreUnavailable, match=r"'127\.0\.0\.1:1/books' cannot be reached") as told:
        await open_async_store("postgresql://me:secret@127.0.0.1:1/books")

    assert "secret" not in str(told.value)


async def test_of_several_hosts_the_one_that_answers_is_taken(database, postgres):
    if postgres.process is None:
        pytest.skip("only a server of ours listens where we know")
    url = postgres.tcp_url(database.name, database.app).replace("@", "@127.0.0.1:1,")
    async with opened(url) as store:
        await put(store, a_budget())

        assert await count(store) == 0


async def test_a_wrong_password_is_told(database, postgres):
    if postgres.process is None:
        pytest.skip("somebody else's server may let everybody in")
    url = postgres.tcp_url(database.name, replace(database.app, password="wrong"))
    with pytest.raises(StoreUnavailable, match="check the user and the password"):
        await open_async_store(url)


async def test_a_missing_database_is_told(postgres):
    with pytest.raises(StoreUnavailable, match="create it first"):
        await open_async_store(postgres.url("no_such_database"))


async def test_a_closed_store_is_closed_while_a_transaction_hangs(database):
    """
    A transaction that somebody forgot does not keep a server from stopping.
    """
    store = await open_async_store(database.app_url)
    work = store.begin()
    await work.__aenter__()
    async with asyncio.timeout(20):
        await store.close()

    with pytest.raises(StoreUnavailable, match="closed"):
        await count(store)
    await work.__aexit__(ValueError, ValueError(), None)


# ---------------------------------------------------------------------------------------------------------- the locks


async def test_a_lock_that_is_held_too_long_is_told(store, database):
    async with opened(f"{database.app_url}&lock_timeout=100ms") as hasty, store.begin() as work:
        await work.read(Kind.BUDGETS, ("b1",))
        with pytest.raises(StoreUnavailable, match="stayed locked"):
            async with hasty.begin() as waiting:
                await waiting.read(Kind.BUDGETS, ("b1",))

        assert (await hasty.query(GetRecords(Kind.BUDGETS, ("b1",))))["b1"] == a_budget("b1")


async def test_a_statement_that_takes_too_long_is_told(database):
    async with opened(f"{database.app_url}&statement_timeout=100ms") as hasty:
        with pytest.raises(StoreUnavailable, match="took too long"):
            async with hasty.begin() as work:
                await work.fetch("SELECT pg_sleep(30)")


async def test_a_transaction_that_does_nothing_for_too_long_gives_its_locks_back(store, database):
    async def let_others_wait(idle):
        async with idle.begin() as work:
            await work.read(Kind.BUDGETS, ("b1",))
            await asyncio.create_task(put(store, updated=[a_budget("b1", limit=7)]))
            await work.write(Changes([an_event("e1")]))

    async with opened(f"{database.app_url}&idle_in_transaction_session_timeout=100ms") as idle:
        with pytest.raises(StoreUnavailable, match="try again"):
            await let_others_wait(idle)
    assert await count(store) == 0


async def test_a_deadlock_is_a_conflict_for_one_of_the_two(store):
    """
    Budgets are locked in the order of their ids, so it takes two reads in the wrong order to get there.
    """
    both = asyncio.Barrier(2)

    async def cross(first, second):
        async with store.begin() as work:
            await work.read(Kind.BUDGETS, (first,))
            await both.wait()
            await work.read(Kind.BUDGETS, (second,))

    outcomes = await asyncio.gather(cross("b1", "b2"), cross("b2", "b1"), return_exceptions=True)

    assert sorted(type(outcome) for outcome in outcomes if outcome) == [StoreConflict]


async def test_budgets_are_locked_in_the_order_of_their_ids(store):
    async def cross(*keys):
        for _ in range(ROUNDS):
            async with store.begin() as work:
                await work.read(Kind.BUDGETS, keys)

    await asyncio.gather(cross("b1", "b2"), cross("b2", "b1"))


async def test_more_transactions_than_lanes_take_turns(database):
    async with opened(database.app_url, writers=2) as store:
        await put(store, a_budget("b1"))
        await asyncio.gather(*(put(store, an_event(f"e{number}")) for number in range(ROUNDS)))

        assert await count(store) == ROUNDS


async def test_a_task_that_is_cancelled_while_it_waits_frees_its_lane(store, database):
    async with opened(database.app_url, writers=1) as narrow:

        async def wait_for_lock():
            async with narrow.begin() as work:
                await work.read(Kind.BUDGETS, ("b1",))

        async with store.begin() as work:
            await work.read(Kind.BUDGETS, ("b1",))
            waiting = asyncio.create_task(wait_for_lock())
            await blocked(database)
            waiting.cancel()
            with suppress(asyncio.CancelledError):
                await waiting
            await put(narrow, an_event("e1"))

    assert await count(store) == 1


async def blocked(database):
    """Return when some transaction waits for a lock."""
    waits = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    async with asyncio.timeout(10):
        found = []
        while not found:
            found = await fetched(database.admin_url, waits)


# ----------------------------------------------------------------------------------------------- loops and processes


def test_two_stores_on_loops_of_their_own_share_one_budget(database):
    """
    As [S-41] says of threads; the reference, which is locked by a number instead of a row, is claimed once as well.
    """
    stores = [open_store(database.app_url) for _ in range(PROCESSES)]
    put_blocking(stores[0], a_subscription())
    try:
        with stores[0].begin() as work:
            assert work.read(Kind.REFERENCES, (("t1", "order"),)) == {("t1", "order"): ()}
            work.write(Changes([a_budget(reference="order")]))
        with stores[1].begin() as work:
            assert work.read(Kind.REFERENCES, (("t1", "order"),)) == {("t1", "order"): ("b1",)}
    finally:
        for store in stores:
            store.close()


COUNT_UP = """
import sys
from dataclasses import replace
from figuard.domain.budget import Funds
from figuard.ports import Changes, Kind
from figuard.stores import open_store
store = open_store(sys.argv[1])
for _ in range(int(sys.argv[2])):
    with store.begin() as work:
        budget = work.read(Kind.BUDGETS, ("b1",))["b1"]
        work.write(Changes(updated=[replace(budget, funds=Funds(budget.funds.limit + 1))]))
store.close()
"""


async def test_processes_that_share_a_budget_take_turns(store, database):
    running = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", COUNT_UP, database.app_url, str(ROUNDS), stderr=subprocess.PIPE
        )
        for _ in range(PROCESSES)
    ]
    ended = [(await process.communicate(), process.returncode) for process in running]
    found = await store.query(GetRecords(Kind.BUDGETS, ("b1",)))

    assert [code for _, code in ended] == [0] * PROCESSES, ended
    assert found["b1"].funds == Funds(a_budget().funds.limit + PROCESSES * ROUNDS)


def test_a_store_does_not_survive_a_fork(database):
    store = open_store(database.app_url)
    child = os.fork()
    if child == 0:
        try:
            store.query(FindEvents("b1"))
        except StoreUnavailable as error:
            os._exit(7 if "before a fork" in str(error) else 1)
        os._exit(2)
    _, status = os.waitpid(child, 0)
    store.close()

    assert os.waitstatus_to_exitcode(status) == 7


# ------------------------------------------------------------------------------------------------------------ messages


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("postgresql://me:secret@db.example:5433/books?sslmode=require", "db.example:5433/books"),
        ("postgresql:///my%20books?host=/run/postgresql", "/run/postgresql/my books"),
        ("postgresql://me:secret@db1:5432,db2:5433/books", "db1:5432,db2:5433/books"),
        ("postgresql://", "localhost/"),
    ],
)
def test_a_database_is_named_without_its_password(url, place):
    assert place_of(url) == place


def test_a_defect_of_ours_is_not_called_the_databases():
    error = KeyError("b1")

    assert failure(error, "books") is error
    assert isinstance(failure(TimeoutError(), "books"), StoreUnavailable)


@pytest.mark.parametrize(
    ("error", "what_now"),
    [
        (InterfaceError("connection is closed"), "try again"),
        (InterfaceError("pool is closing"), "open it again"),
        (OSError(111, "refused"), "try again"),
        (asyncpg.DiskFullError("no space"), "make room"),
        (asyncpg.TooManyConnectionsError("enough"), "max_connections"),
        (asyncpg.OutOfMemoryError("none left"), "try again"),
        (asyncpg.ReadOnlySQLTransactionError("standby"), "primary"),
        (asyncpg.InsufficientPrivilegeError("permission denied for table budgets"), "figuard migrate"),
        (asyncpg.UndefinedTableError("no budgets"), "figuard migrate"),
        (asyncpg.DataCorruptedError("torn page"), "backup"),
    ],
)
def test_a_failure_says_what_now(error, what_now):
    told = failure(error, "books")

    assert isinstance(told, StoreUnavailable)
    assert what_now in str(told)


# --------------------------------------------------------------------------------------------------- a cutting network


@asynccontextmanager
async def cutting(database, word, *, lose_request):
    """Provide a URL over a network that goes down at *word*: before the server hears it, or before its answer."""
    server = database.server
    if server.process is None:
        pytest.skip("the network in the middle needs a server of ours")
    target = urlsplit(server.tcp_address)

    async def serve(reader, writer):
        upstream_reader, upstream_writer = await asyncio.open_connection(target.hostname, target.port)
        answering = asyncio.create_task(forward(upstream_reader, writer))
        try:
            while data := await reader.read(65536):
                is_last = word in data
                if is_last:
                    answering.cancel()
                if not (is_last and lose_request):
                    upstream_writer.write(data)
                    await upstream_writer.drain()
                if is_last:
                    if not lose_request:
                        await upstream_reader.read(1)
                    break
        finally:
            answering.cancel()
            upstream_writer.close()
            writer.close()

    async def forward(reader, writer):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.close()

    proxy = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = proxy.sockets[0].getsockname()[1]
    login = database.app
    async with proxy:
        yield f"postgresql://{login.user}:{login.password}@127.0.0.1:{port}/{database.name}"
