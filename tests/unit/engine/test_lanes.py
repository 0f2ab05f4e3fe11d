"""
Lanes: every order that is queued is answered, whatever becomes of its batch.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from figuard.domain import commands as c
from figuard.domain.codes import ErrorCode
from figuard.domain.refusal import Refusal
from figuard.engine.async_engine import AsyncEngine, Crowd, Lane
from figuard.engine.batch import Outcome
from figuard.engine.batcher import BATCH_MAX
from figuard.ports import StoreUnavailable
from tests.builders import TENANT, World


def lane(commit: Callable[[list[str]], Any]) -> Lane:
    async def awaited(orders: Sequence[c.Order]) -> list[Outcome]:
        await asyncio.sleep(0)
        outcomes: list[Outcome] = commit([order.actor for order in orders])
        return outcomes

    return Lane(awaited, Crowd())


def named(name: str) -> c.Order:
    return c.Order(c.Cancel(""), TENANT, name)


async def test_an_order_whose_commit_was_not_confirmed_is_answered_and_the_lane_goes_on():
    def commit(names: list[str]) -> list[Any]:
        if names == ["lost"]:
            raise RuntimeError("the pool is shut down")
        return [Refusal(ErrorCode.NOT_FOUND, name) for name in names]

    one = lane(commit)
    lost = await one.submit(named("lost"))
    kept = await one.submit(named("kept"))

    assert isinstance(lost, StoreUnavailable)
    assert isinstance(kept, Refusal)


async def test_an_engine_whose_commit_was_not_confirmed_says_so_as_a_refusal():
    async def commit(_: Sequence[c.Order]) -> list[Outcome]:
        raise RuntimeError("the pool is shut down")

    async def query(_: Any) -> Any:
        return None

    world = World()
    engine = AsyncEngine(commit, query, clock=world.clock, ids=world.ids, hasher=world.hasher)

    assert world.clock.now() == engine.now()
    with pytest.raises(Refusal, match="STORE_UNAVAILABLE"):
        await engine.execute(named("lost"))


async def test_those_who_wait_are_counted_over_all_lanes_until_their_batch_begins():
    crowd, sizes = Crowd(), list[int]()

    async def commit(orders: Sequence[c.Order]) -> list[Outcome]:
        sizes.append(crowd.size)
        await asyncio.sleep(0)
        return [Refusal(ErrorCode.NOT_FOUND, order.actor) for order in orders]

    lanes = [Lane(commit, crowd) for _ in range(2)]
    futures = [one.submit(named(f"{n}")) for one in lanes for n in range(BATCH_MAX + 1)]
    submitted = crowd.size
    outcomes = await asyncio.gather(*futures)

    assert 2 * (BATCH_MAX + 1) == submitted == len(outcomes)
    assert ([BATCH_MAX + 2, 2, 1, 0], 0) == (sizes, crowd.size)


async def test_a_lane_that_is_stopped_answers_everybody():
    started = asyncio.Event()

    async def commit(_: Sequence[c.Order]) -> list[Outcome]:
        started.set()
        await asyncio.Event().wait()
        return []

    crowd = Crowd()
    one = Lane(commit, crowd)
    waiting = one.submit(named("waiting"))
    gone = one.submit(named("gone"))
    gone.cancel()
    await started.wait()
    queued = one.submit(named("queued"))
    draining = one._draining
    assert draining is not None
    draining.cancel()

    assert isinstance(await waiting, StoreUnavailable)
    assert isinstance(await queued, StoreUnavailable)
    assert 0 == crowd.size
