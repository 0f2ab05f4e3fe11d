"""
Thousands of unreliable worlds, and the same books in each: right.
"""

from __future__ import annotations

import multiprocessing
import os
import time
from concurrent.futures import ProcessPoolExecutor

import pytest

from figuard.ports import Store
from figuard.stores import open_store
from tests.simulation.broken import BROKEN
from tests.simulation.simulator import Simulation, judged

QUICK_WORLDS = 2000
CHUNK = 100
SQLITE_WORLDS = 60
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
