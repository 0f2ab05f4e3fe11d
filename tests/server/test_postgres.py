"""
The same server over PostgreSQL: a whole story, two servers on one database, and the schema by hand.
"""

from __future__ import annotations

import asyncio

import pytest

from figuard.server.app import Server
from figuard.server.backend import open_backend
from figuard.server.migrations import bring_up_to_date, pending
from figuard.server.settings import load
from figuard.testing.determinism import ManualClock
from figuard.wire.operations import OPERATIONS
from tests import postgres_server
from tests.server.desk import Desk
from tests.server.story import HOOK, ask, furnished

FIRST = [name for name, row in OPERATIONS.items() if row.method == "GET"] + ["authorize", "confirm_event", "void_tree"]


@pytest.fixture(scope="module")
def postgres():
    """
    A throw-away PostgreSQL.
    """
    try:
        server = postgres_server.start()
    except postgres_server.NoPostgres as missing:
        pytest.skip(str(missing))
    yield server
    server.stop()


@pytest.fixture
def url(postgres):
    """
    The address of an empty database.
    """
    name = postgres.create()
    yield postgres.url(name)
    postgres.drop(name)


async def opened(url, clock):
    settings = load({}, database=url, background=False, lanes=2, connections=4)
    return Desk(settings, await open_backend(settings, clock=clock), clock)


async def closed(*desks):
    for desk in desks:
        await desk.http.aclose()
        await desk.server.stop()


async def test_a_story_on_postgres(url):
    desk = await opened(url, ManualClock())
    key = await desk.key()
    things = await furnished(desk, key)

    answers = {name: await ask(desk, name, things, key) for name in FIRST}
    ready = await desk.http.get("/readyz")
    await closed(desk)

    assert {name: OPERATIONS[name].status for name in FIRST} == {
        name: answer.status_code for name, answer in answers.items()
    }
    assert 200 == ready.status_code


async def test_two_servers_share_one_budget_and_one_key(url):
    """
    Neither overspends, a key revoked at one opens nothing at the other, and what is due is done once.
    """
    clock = ManualClock()
    one, two = await opened(url, clock), await opened(url, clock)
    key = await one.key()
    budget = await one.budget(key, 100)

    both = await asyncio.gather(
        *(
            desk.authorize(key, budget, f"{desk is one} {n}", requestedQuantity=10)
            for n in range(10)
            for desk in (one, two)
        )
    )
    decisions = [answer.json()["decision"] for answer in both]
    clock.advance("301s")
    swept = await asyncio.gather(one.server.jobs.sweep_budgets(), two.server.jobs.sweep_budgets())
    listed = (await one.call("GET", "/api-keys", key=key)).json()
    await two.call("GET", "/budgets", key=key)
    await one.call("POST", f"/api-keys/{listed[0]['id']}/revoke", key=key)
    refused = await two.call("POST", f"/budgets/{budget['id']}/fund", {"operation": "CREDIT", "amount": 1}, key=key)
    await closed(one, two)

    assert 10 == decisions.count("AUTHORIZED")
    assert 10 == sum(done.holds_ended for done in swept)
    assert 401 == refused.status_code


async def test_two_servers_send_each_notice_once_and_note_each_key(url):
    """
    A notice is taken up by the one or the other, its book keeps its order, and a revoked key stays revoked.
    """
    clock = ManualClock()
    one, two = await opened(url, clock), await opened(url, clock)
    key = await one.key()
    await one.call("POST", "/webhooks", HOOK, key=key)
    ended = (await one.call("POST", "/api-keys", {}, key=key)).json()
    await two.call("GET", "/budgets", key=ended["rawKey"])
    budgets = [await one.budget(key) for _ in range(4)]
    for number in range(5):
        await asyncio.gather(*(one.authorize(key, b, f"k{number}", requestedQuantity=5000) for b in budgets))

    taken = await asyncio.gather(*(desk.server.jobs.deliveries.send_due() for desk in (one, two)))
    await one.call("POST", f"/api-keys/{ended['id']}/revoke", key=key)
    await asyncio.gather(*(desk.server.jobs.note_used_keys() for desk in (one, two)))
    clock.advance("1s")
    listed = {row["id"]: row for row in (await one.call("GET", "/api-keys", key=key)).json()}
    refused = await two.call("GET", "/budgets", key=ended["rawKey"])
    sent = [delivery for desk in (one, two) for _, delivery in desk.post.sent]
    await closed(one, two)

    assert 20 == sum(taken) == len({delivery.id for delivery in sent}) == len(sent)
    for desk in (one, two):
        for budget in budgets:
            line = [delivery.id for _, delivery in desk.post.sent if delivery.book_id == budget["id"]]
            assert sorted(line) == line
    assert (401, None) == (refused.status_code, listed[ended["id"]].get("lastUsedAt"))
    assert {"2030-01-01T00:00:00.000000Z"} == {row["lastUsedAt"] for row in listed.values() if row["active"]}


async def test_the_schema_is_made_by_hand(url):
    settings = load({}, database=url)

    todo = await pending(settings)
    done = await bring_up_to_date(settings)

    assert todo == done
    assert todo
    assert () == await pending(settings)
    assert isinstance(Server(settings, await _opened_and_closed(settings)), Server)


async def _opened_and_closed(settings):
    backend = await open_backend(settings)
    await backend.close()
    return backend
