"""
What time makes due is done once, however many server processes look after it; and a server that is told to stop does.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections import Counter
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from figuard.domain.amounts import quanta
from figuard.domain.books import EntryKind
from figuard.domain.commands import CreateSubscription, NewItem, Order
from figuard.domain.entitlements import RenewalPeriod
from figuard.ports import Books
from figuard.server.backend import open_backend
from figuard.server.settings import load
from figuard.stores import open_store
from figuard.testing.determinism import ManualClock
from tests.builders import World
from tests.load.crowd import Crowd
from tests.load.receiver import Receiver
from tests.load.test_mishaps import HOLD_SECONDS, furnished, judge
from tests.load.test_races import SPEND, created
from tests.load.wire import Line
from tests.simulation.checkers import entries_of

pytestmark = [pytest.mark.full, pytest.mark.timeout(300)]
EVENTS = ["SPEND_DENIED", "ENTITLEMENT_RENEWED", "LEDGER_INTEGRITY_VIOLATION"]
BUSY = {"sweep_interval": "1s", "delivery_interval": "1s", "integrity_interval": "1s", "webhook_allow_private": "true"}
QUIET_SECONDS = 4
"""So long nothing more may come: several rounds of both servers."""


@pytest.fixture
def receiver():
    """
    Somebody who wants to know.
    """
    made = Receiver()
    yield made
    made.close()


def eventually(found, seconds=40):
    """
    Wait until something is so.
    """
    until = time.monotonic() + seconds
    while not found():
        assert time.monotonic() < until, "it never came"
        time.sleep(0.1)


async def administer(place, *statements):
    """
    Do to the database what no server may do.
    """
    connection = await asyncpg.connect(place.admin)
    for statement in statements:
        await connection.execute(statement)
    await connection.close()


# -- each duty once ----------------------------------------------------------------------------------------------------


async def subscribed(place, count):
    """
    Make subscriptions as if that had been forty days ago, so that the month of each has ended once.
    """
    clock = ManualClock()
    clock.set(datetime.now(UTC) - timedelta(days=40))
    backend = await open_backend(load({}, database=place.database, background=False), clock=clock)
    item = NewItem("calls", "call", quanta(100), RenewalPeriod.MONTHLY)
    for number in range(count):
        command = CreateSubscription(f"customer-{number}", "pro", RenewalPeriod.MONTHLY, items=(item,))
        await backend.engine.execute(Order(command, place.tenant, "test"))
    await backend.close()


async def made_due(place, url, receiver):
    """
    Holds that end, denials to be told, quotas to be renewed; return the budgets.
    """
    line = Line(url, place.key)
    hook = {"url": receiver.url, "secret": "0123456789abcdef", "events": EVENTS}
    assert (await line.call("POST", "/webhooks", hook)).status == 201
    budgets = []
    for number in range(30):
        budget, token = await created(url, place.key, 10, authorizationExpirySeconds=1)
        for amount, name in ((5, f"held-{number}"), (50, f"denied-{number}")):
            body = {**SPEND, "requestedQuantity": amount, "idempotencyKey": name}
            assert (await line.call("POST", "/authorize", body, x_session_token=token)).status == 200
        budgets.append(budget)
    line.close()
    await subscribed(place, 10)
    return budgets


def kinds(place):
    """
    How many entries of each kind there are in all books.
    """
    world = World(open_store(place.database))
    try:
        books = world.store.query(Books(None, "", 1000))
        return Counter(entry.kind for book in books for entry in entries_of(world, book))
    finally:
        world.engine.close()


def test_two_servers_do_each_duty_once(postgres_served, receiver):
    """
    Holds end once, quotas renew once, notices arrive once and a finding is told once.
    """
    servers = [postgres_served.serve(**BUSY) for _ in range(2)]

    budgets = asyncio.run(made_due(postgres_served, servers[0].url, receiver))
    eventually(lambda: len(receiver.of("SPEND_DENIED")) >= 30 and len(receiver.of("ENTITLEMENT_RENEWED")) >= 10)
    eventually(lambda: kinds(postgres_served)[EntryKind.HOLD_EXPIRED] >= 30)
    postgres_served.verified()
    tampered = f"UPDATE events SET data = replace(data, '500000000', '600000000') WHERE budget_id = '{budgets[0]}'"
    asyncio.run(administer(postgres_served, tampered))
    eventually(lambda: receiver.of("LEDGER_INTEGRITY_VIOLATION"))
    time.sleep(QUIET_SECONDS)

    booked = kinds(postgres_served)
    assert (30, 10) == (booked[EntryKind.HOLD_EXPIRED], booked[EntryKind.ITEM_RENEWED])
    assert (30, 10) == (len(receiver.of("SPEND_DENIED")), len(receiver.of("ENTITLEMENT_RENEWED")))
    assert len(receiver.got) == len({notice.delivery_id for notice in receiver.got})
    found = [(n.payload["budgetId"], n.payload["entrySeq"], n.payload["violationType"]) for n in receiver.got[40:]]
    assert found
    assert len(found) == len({*found})
    assert {budgets[0]} == {budget for budget, _, _ in found}


# -- stopping ----------------------------------------------------------------------------------------------------------


def test_a_server_that_is_told_to_stop_keeps_what_it_acknowledged(place, receiver):
    """
    In the middle of the rush, with a notice on its way to somebody who never answers, and half a request.
    """
    receiver.is_slow = True
    servers = [place.serve(**BUSY) for _ in range(2 if place.kind == "postgres" else 1)]
    took = []

    def stopped():
        assert receiver.called.wait(30)
        with socket.create_connection((servers[0].host, servers[0].port)) as half:
            half.sendall(b"POST /api/v1/budgets HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n")
            half.sendall(b"x-agent-budget-key: %s\r\n\r\n{" % place.key.encode())
            took.append(servers[0].stop())
        servers[0].start()

    async def rushed():
        urls = [server.url for server in servers]
        line = Line(urls[0], place.key)
        hook = {"url": receiver.url, "secret": "0123456789abcdef", "events": ["SPEND_DENIED"]}
        assert (await line.call("POST", "/webhooks", hook)).status == 201
        line.close()
        crowd = Crowd(urls, place.key, await furnished(urls[0], place.key), hold_seconds=HOLD_SECONDS)
        working = asyncio.create_task(crowd.work(16, 16))
        await asyncio.sleep(4)
        await asyncio.to_thread(stopped)
        await working
        return crowd

    crowd = asyncio.run(rushed())

    print(f"stopped within {took[0]:.1f} s")
    assert took[0] < 10
    judge(place, crowd)


# -- losing the database -----------------------------------------------------------------------------------------------

HANG_UP = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'figuard'"


def test_lost_connections_are_made_anew_without_a_restart(postgres_served):
    """
    The database hangs up on everybody, again and again, in the middle of the rush; then once while nobody asks.
    """
    servers = [postgres_served.serve(**BUSY) for _ in range(2)]

    async def rushed():
        urls = [server.url for server in servers]
        crowd = Crowd(urls, postgres_served.key, await furnished(urls[0], postgres_served.key), hold_seconds=2)
        working = asyncio.create_task(crowd.work(16, 15))
        for _ in range(8):
            await asyncio.sleep(1.5)
            await administer(postgres_served, HANG_UP)
        await working
        return crowd

    async def asked_afterwards():
        await administer(postgres_served, HANG_UP)
        budget, token = await created(servers[0].url, postgres_served.key, 100)
        line = Line(servers[0].url, postgres_served.key)
        answers = []
        for number in range(10):
            body = {**SPEND, "requestedQuantity": 1, "idempotencyKey": f"after-{number}"}
            answers.append((await line.call("POST", "/authorize", body, x_session_token=token)).status)
            answers.append((await line.call("GET", f"/budgets/{budget}")).status)
        line.close()
        return answers

    crowd = asyncio.run(rushed())
    afterwards = asyncio.run(asked_afterwards())

    assert {200} == {*afterwards}
    assert crowd.seen["503 STORE_UNAVAILABLE"] > 0
    judge(postgres_served, crowd, is_lost=False)
