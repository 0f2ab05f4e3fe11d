"""
Many threads, one budget: never a unit more than the limit, and never one less.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier, Event
from typing import Any

import pytest

from figuard.domain.events import Decision
from figuard.domain.questions import VerifyBook
from figuard.domain.refusal import Refusal
from figuard.ports import Store
from figuard.stores import open_store
from figuard.stores.memory import MemoryStore
from tests.builders import World, allocation, cap
from tests.simulation.checkers import money_once_per_key, story_of, verified

Open = Callable[[Path], Store]
STORES: dict[str, Open] = {
    "memory": lambda _: MemoryStore(),
    "sqlite": lambda folder: open_store(str(folder / "books.db")),
}


@pytest.fixture(params=STORES)
def world(request: pytest.FixtureRequest, tmp_path: Path):
    world = World(STORES[request.param](tmp_path))
    yield world
    world.engine.close()


def at_once(count: int, act: Callable[[int], Any]) -> list[Any]:
    """Let *count* threads do something at the same moment; return what each came to, refusals included."""
    barrier = Barrier(count)

    def one(number: int) -> Any:
        barrier.wait(timeout=30)
        try:
            return act(number)
        except Refusal as refusal:
            return refusal

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))


def judge(world: World, budget_id: str) -> None:
    """Demand that the book is right at every entry and verifies."""
    story, over = story_of(world, budget_id)
    assert [*over, *money_once_per_key(story), *verified(world, budget_id)] == []


def test_ten_threads_of_200_on_1000_get_exactly_five(world: World):
    budget = world.budget(1000)

    replies = at_once(10, lambda n: world.authorize(budget, 200, f"k{n}"))

    assert Counter({Decision.AUTHORIZED: 5, Decision.DENIED: 5}) == Counter(r.event.decision for r in replies)
    judge(world, budget.budget.id)


def test_one_key_in_many_threads_is_one_event(world: World):
    budget = world.budget(1000)

    replies = at_once(12, lambda _: world.authorize(budget, 200, "the-same"))

    assert len({reply.event.id for reply in replies}) == 1
    assert world.stored(budget).available() == 800 * 10**8
    judge(world, budget.budget.id)


def test_many_threads_confirm_and_void_one_event_and_one_of_them_wins(world: World):
    budget = world.budget(100)
    event = world.authorize(budget, 60).event

    at_once(8, lambda n: world.confirm(event, 60) if n % 2 else world.void(event))

    judge(world, budget.budget.id)


def test_a_cap_and_an_allocation_hold_against_many_threads(world: World):
    budget = world.budget(1000, allocations=(allocation("travel", 500), allocation("food", 500)))
    tokens = [world.delegate(budget, f"t{n}", cap("travel", 300)).secret for n in range(3)]

    replies = at_once(12, lambda n: world.authorize(tokens[n % 3], 100, f"k{n}", category="travel"))

    granted = [n % 3 for n, reply in enumerate(replies) if reply.event.decision is Decision.AUTHORIZED]
    assert len(granted) == 5
    assert max(Counter(granted).values()) <= 3
    judge(world, budget.budget.id)


def test_threads_on_different_budgets_do_not_disturb_each_other(world: World):
    budgets = [world.budget(20) for _ in range(6)]

    at_once(6, lambda n: [world.confirm(world.authorize(budgets[n], 1, f"k{i}").event, 1) for i in range(20)])

    assert {world.stored(budget).funds.balance.spent for budget in budgets} == {20 * 10**8}
    for budget in budgets:
        judge(world, budget.budget.id)


@pytest.mark.full
@pytest.mark.timeout(300)
def test_a_long_rush_of_everything_leaves_right_books(world: World):
    budget = world.budget(500, authorization_expiry_seconds=2)

    def act(thread: int) -> None:
        for number in range(200):
            event = world.authorize(budget, 3, f"{thread}-{number}").event
            if number % 40 == 0:
                world.clock.advance(1)
            if event.decision is not Decision.AUTHORIZED:
                continue
            try:
                (world.void, world.fail, lambda e: world.confirm(e, 2), lambda e: e)[number % 4](event)
            except Refusal as refusal:
                if refusal.code.value != "AUTHORIZATION_EXPIRED":
                    raise

    assert at_once(16, act) == [None] * 16
    judge(world, budget.budget.id)


def test_books_verify_while_they_are_written(world: World):
    budget = world.budget(10_000)
    agent = world.delegate(budget, "agent", cap("food", 5_000))
    stop = Event()

    def write(number: int) -> int:
        done = 0
        while not stop.is_set():
            event = world.authorize(agent.secret, 1, f"{number}-{done}", category="food").event
            world.confirm(event, 1) if done % 2 else world.fail(event)
            done += 1
        return done

    with ThreadPoolExecutor(3) as pool:
        writers = [pool.submit(write, number) for number in range(3)]
        views = [world.ask(VerifyBook(budget.budget.id)) for _ in range(15)]
        stop.set()

    assert [view.findings for view in views] == [()] * 15
    assert views[0].entries < views[-1].entries
    assert sum(writer.result() for writer in writers) > 0
    judge(world, budget.budget.id)
