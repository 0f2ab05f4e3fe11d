"""
Many callers at one moment: never a unit more than the limit, and one event per key, judged by the database.
"""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from figuard.server.run import serving
from figuard.server.settings import load
from tests.load.judge import Judge, Told
from tests.load.places import Place
from tests.load.wire import Line

LIMIT, ASKED, CALLERS = 1000, 50, 100
GRANTED = LIMIT // ASKED
DEMO = "fg_live_demo"
SPEND = {"agentId": "agent", "actionType": "SPEND", "description": "something"}


async def created(url, key, limit, **fields):
    """
    A new budget: its id and its token.
    """
    line = Line(url, key)
    body = {"userId": "user", "totalLimit": limit, "expiresAt": "2027-06-01T00:00:00Z", **fields}
    answer = await line.call("POST", "/budgets", body)
    line.close()
    assert answer.status == 201, answer
    return answer.body["id"], answer.body["tokens"][0]["sessionToken"]


async def rush(urls, key, token, names, *, amount, lines=CALLERS, told):
    """
    Every name at once, over so many connections; the first of them wait for each other.
    """
    todo = list(reversed(names))
    barrier = asyncio.Barrier(min(lines, len(names)))

    async def caller(number):
        line = Line(urls[number % len(urls)], key)
        await line.call("GET", "/budgets?size=1")
        await barrier.wait()
        while todo:
            name = todo.pop()
            body = {**SPEND, "requestedQuantity": amount, "idempotencyKey": name}
            answer = await line.call("POST", "/authorize", body, x_session_token=token)
            assert answer.status == 200, answer
            told.authorized.append((name, answer.body["eventId"], answer.body["decision"]))
        line.close()

    await asyncio.gather(*(caller(number) for number in range(barrier.parties)))


async def race(urls, key):
    """
    A hundred callers of 50 on a budget of 1,000; return the budget and what they were told.
    """
    told = Told()
    budget, token = await created(urls[0], key, LIMIT)
    await rush(urls, key, token, [f"k{n}" for n in range(CALLERS)], amount=ASKED, told=told)
    return budget, told


async def storm(urls, key, *, keys, fires):
    """
    Every key fired so often, in an order in which its repeats overtake each other.
    """
    told = Told()
    budget, token = await created(urls[0], key, keys)
    names = [f"k{(n * 7919) % keys}" for n in range(keys * fires)]
    await rush(urls, key, token, names, amount=1, told=told)
    return budget, told


def judge_race(place, budget, told):
    """
    Twenty were granted and eighty were not, in the books and in what was said.
    """
    judge = Judge(place, budget)
    assert [] == judge.findings(told)
    assert Counter(AUTHORIZED=GRANTED, DENIED=CALLERS - GRANTED) == judge.decisions() == told.counts()


def judge_storm(place, budget, told, *, keys, fires):
    """
    One event per key, and the same one in every answer.
    """
    judge = Judge(place, budget)
    assert [] == judge.findings(told)
    assert Counter(AUTHORIZED=keys) == judge.decisions()
    assert keys * fires == len(told.authorized)
    assert {name for name, _, _ in told.authorized} == {event.spend.key for event in judge.events().values()}
    assert keys == len({(name, event) for name, event, _ in told.authorized})


async def test_a_rush_and_a_storm_on_one_server(tmp_path):
    """
    The short one: in this process, over real sockets.
    """
    place = Place("sqlite", str(tmp_path / "books.db"), tmp_path)
    async with serving(load({}, database=place.database, port=0, demo=True, rate_per_minute=0)) as (_, url):
        rushed = await race([url], DEMO)
        stormed = await storm([url], DEMO, keys=20, fires=50)

    judge_race(place, *rushed)
    judge_storm(place, *stormed, keys=20, fires=50)


@pytest.mark.full
@pytest.mark.timeout(300)
def test_a_hundred_callers_of_50_on_1000_get_twenty(place):
    """
    Over one server, and on PostgreSQL over two that share the database.
    """
    urls = [place.serve().url for _ in range(2 if place.kind == "postgres" else 1)]

    budget, told = asyncio.run(race(urls, place.key))

    judge_race(place, budget, told)
    place.verified()


@pytest.mark.full
@pytest.mark.timeout(600)
def test_a_thousand_keys_fired_fifty_times_are_a_thousand_events(place):
    urls = [place.serve().url for _ in range(2 if place.kind == "postgres" else 1)]

    budget, told = asyncio.run(storm(urls, place.key, keys=1000, fires=50))

    judge_storm(place, budget, told, keys=1000, fires=50)
    place.verified()
