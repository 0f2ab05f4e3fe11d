"""
Thousands of unreliable worlds, and the same books in each: right.
"""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor

import pytest

from figuard.ports import Store
from figuard.stores import open_store
from tests import postgres_server
from tests.simulation.broken import BROKEN
from tests.simulation.simulator import Simulation, judged

QUICK_WORLDS = 2000
CHUNK = 100
SQLITE_WORLDS = 60
POSTGRES_WORLDS = 3
POSTGRES_WORLDS_FULL = 40
DETECTION_SEEDS = 100


def _first_wrong(seeds: range) -> str | None:
    return next((report for seed in seeds if (report := judged(seed)) is not None), None)


@pytest.mark.parametrize("first", range(0, QUICK_WORLDS, CHUNK))
def test_the_books_are_right_in_every_world(first: int):
    report = _first_wrong(range(first, first + CHUNK))

    assert report is None, report


def _sqlite() -> Store:
    return open_store(":memory:")


def test_they_are_right_on_sqlite_too():
    reports = (judged(seed, open_store=_sqlite) for seed in range(SQLITE_WORLDS))

    assert next(filter(None, reports), None) is None


@pytest.fixture(scope="module")
def opened():
    """
    Opens one more empty PostgreSQL database as a store; the one before it is done with.
    """
    server = postgres_server.start()
    template = server.create()
    open_store(server.url(template)).close()
    last: list[tuple[str, Store]] = []

    def forget() -> None:
        for name, store in last:
            store.close()
            server.drop(name)
        last.clear()

    def open_next() -> Store:
        forget()
        name = server.create(template)
        last.append((name, open_store(server.url(name))))
        return last[0][1]

    yield open_next
    forget()
    server.stop()


def test_they_are_right_on_postgres_too(opened: Callable[[], Store]):
    reports = (judged(seed, open_store=opened) for seed in range(POSTGRES_WORLDS))

    assert next(filter(None, reports), None) is None


@pytest.mark.full
@pytest.mark.timeout(1200)
def test_memory_and_postgres_see_the_same_world(opened: Callable[[], Store]):
    """
    In worlds where no step of a transaction fails the same happens on both, to the last line. (Where one does it is
    another one: a database with many writers is asked more.)
    """
    compared = 0
    for seed in range(POSTGRES_WORLDS, POSTGRES_WORLDS + POSTGRES_WORLDS_FULL):
        on_memory, on_postgres = Simulation(seed), Simulation(seed, open_store=opened)

        has_crashes = on_memory.odds.crash > 0
        assert on_memory.run() == on_postgres.run() == []
        assert has_crashes or on_memory.table() == on_postgres.table()
        compared += not has_crashes
    assert compared > POSTGRES_WORLDS_FULL // 4


def test_memory_and_sqlite_see_the_same_world():
    for seed in range(20):
        on_memory, on_sqlite = Simulation(seed), Simulation(seed, open_store=_sqlite)
        on_memory.run()
        on_sqlite.run()

        assert on_memory.table() == on_sqlite.table()


@pytest.mark.parametrize("fault", BROKEN)
def test_the_checkers_find_a_broken_service(fault: str):
    """
    A world in which nothing is ever found proves nothing: each planted fault shows within the first hundred seeds.
    """
    make, words = BROKEN[fault]

    reports = (judged(seed, make) for seed in range(DETECTION_SEEDS))

    assert any(words in report for report in reports if report is not None)


@pytest.mark.full
@pytest.mark.timeout(3600)
def test_the_books_are_right_in_very_many_worlds():
    """
    As many of FIGUARD_SIMULATION_WORLDS as fit into FIGUARD_SIMULATION_SECONDS, other ones every day.
    """
    worlds = int(os.environ.get("FIGUARD_SIMULATION_WORLDS", "200000"))
    seconds = float(os.environ.get("FIGUARD_SIMULATION_SECONDS", "300"))
    first = QUICK_WORLDS + int(time.time() // 86_400) * worlds
    until = time.monotonic() + seconds
    chunks = iter(range(first, first + worlds, CHUNK))
    done = 0
    with ProcessPoolExecutor(mp_context=multiprocessing.get_context("spawn")) as pool:
        while time.monotonic() < until and done < worlds:
            batch = [range(start, start + CHUNK) for start, _ in zip(chunks, range(16), strict=False)]
            for report in pool.map(_first_wrong, batch):
                assert report is None, report
            done += sum(map(len, batch))

    print(f"{done} worlds from seed {first} on")
    assert done > 0
