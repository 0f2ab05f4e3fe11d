"""
Servers and a database that are killed while a crowd works: no limit is broken and no answer is lost.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import closing

import pytest

from figuard.engine import Engine
from figuard.ports import GetRecords, Kind
from figuard.stores import open_store
from tests.builders import World
from tests.load.crowd import Crowd
from tests.load.judge import Judge, Told
from tests.load.places import Place
from tests.load.test_races import created
from tests.simulation.broken import IgnoresHolds, LosesCommits

AGENTS = 24
BUDGETS, LIMIT, HOLD_SECONDS = 5, 200, 2
SWEPT_SECONDS = 30.0

pytestmark = [pytest.mark.timeout(600)]


async def furnished(url, key):
    """
    The budgets that the crowd spends from: id and token.
    """
    return [await created(url, key, LIMIT, authorizationExpirySeconds=HOLD_SECONDS) for _ in range(BUDGETS)]


async def ordeal(place, *, seconds, mishaps):
    """
    Let a crowd work, and meanwhile one mishap after another happen, evenly spread; return the crowd.
    """
    urls = [server.url for server in place.servers]
    crowd = Crowd(urls, place.key, await furnished(urls[0], place.key), hold_seconds=HOLD_SECONDS)
    working = asyncio.create_task(crowd.work(AGENTS, seconds))
    for mishap in mishaps:
        await asyncio.sleep(seconds / (len(mishaps) + 1))
        await asyncio.to_thread(mishap)
    await working
    return crowd


def again(server):
    """
    A mishap: a server is killed, and started again on its port.
    """

    def mishap():
        server.kill()
        time.sleep(0.5)
        server.start()

    return mishap


def swept(place, budgets):
    """
    Wait until the servers' own jobs have ended every hold: a test of them, too.
    """
    with closing(open_store(place.database)) as store:
        until = time.monotonic() + SWEPT_SECONDS
        while True:
            found = store.query(GetRecords(Kind.BUDGETS, tuple(budgets)))
            if not any(budget.funds.balance.reserved for budget in found.values()):
                return
            assert time.monotonic() < until, "holds outlive their end"
            time.sleep(0.2)


def judge(place, crowd, *, is_lost=True):
    """
    Judge the books, and that enough happened for that to mean something: by default that answers went missing.
    """
    budgets = [budget for budget, _ in crowd.budgets]
    swept(place, budgets)
    counts = crowd.told.counts()
    print(f"{place.kind}: {dict(counts)}; {dict(crowd.seen)}; slowest {crowd.slowest:.1f} s")

    assert [] == crowd.wrong[:10]
    assert [] == Judge(place, *budgets).findings(crowd.told)[:10]
    assert {"AUTHORIZED", "DENIED", "CONFIRMED", "VOIDED", "FAILED", "CREDIT", "DEBIT"} <= counts.keys()
    assert any(kind.startswith("lost") for kind in crowd.seen) is is_lost, crowd.seen
    place.verified()


@pytest.mark.full
def test_two_servers_and_their_database_are_killed_in_the_middle(postgres_served, durable_postgres):
    """
    A minute of everything; each server is killed once, and between them the database's first process is.
    """
    one, two = postgres_served.serve(sweep_interval="1s"), postgres_served.serve(sweep_interval="1s")

    def database():
        durable_postgres.kill()
        durable_postgres.revive()

    crowd = asyncio.run(ordeal(postgres_served, seconds=60, mishaps=[again(one), database, again(two)]))

    judge(postgres_served, crowd)
    assert crowd.seen["503 STORE_UNAVAILABLE"] > 0


@pytest.mark.full
def test_a_server_on_a_file_is_killed_in_the_middle(sqlite_served):
    server = sqlite_served.serve(sweep_interval="1s")

    crowd = asyncio.run(ordeal(sqlite_served, seconds=20, mishaps=[again(server)] * 3))

    judge(sqlite_served, crowd)


# -- the judge itself --------------------------------------------------------------------------------------------------


def played(path, wrapper=None):
    """
    A short story in a file, by an engine that may have a fault: place, budget, and what was said.
    """
    world = World(open_store(path))
    if wrapper is not None:
        world.engine = Engine(wrapper(world.store), clock=world.clock, ids=world.ids, hasher=world.hasher)
    told = Told()
    budget = world.budget(100)
    for number in range(12):
        reply = world.authorize(budget, 30, f"k{number}")
        told.authorized.append((f"k{number}", reply.event.id, reply.event.first_decision.value))
    world.engine.close()
    return Place("sqlite", path, None), budget.budget.id, told


def test_the_judge_has_nothing_against_a_sound_story(tmp_path):
    place, budget, told = played(str(tmp_path / "books.db"))

    assert [] == Judge(place, budget).findings(told)


def test_the_judge_sees_a_limit_that_was_broken(tmp_path):
    place, budget, told = played(str(tmp_path / "books.db"), IgnoresHolds)

    assert "takes ('budget', '')" in Judge(place, budget).findings(told)[0]


def test_the_judge_misses_answers_that_were_not_committed(tmp_path):
    LosesCommits.calls = iter(range(3, 1000))
    place, budget, told = played(str(tmp_path / "books.db"), LosesCommits)

    findings = Judge(place, budget).findings(told)

    assert any(line.startswith(("lost: AUTHORIZED", "lost: DENIED")) for line in findings)


@pytest.mark.parametrize("lie", ["settled", "funded"])
def test_the_judge_misses_what_is_in_no_entry(tmp_path, lie):
    place, budget, told = played(str(tmp_path / "books.db"))
    told.settled += [(told.authorized[0][1], "VOIDED", None)] * (lie == "settled")
    told.funded += [(budget, "CREDIT", 5)] * (lie == "funded")

    assert 1 == len(Judge(place, budget).findings(told))
