"""
Walls: which tenants a transaction is opened for, on a store that can keep everybody else out of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Collection, Generator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import pytest

from figuard.domain import commands as c
from figuard.domain import questions as q
from figuard.domain.amounts import quanta
from figuard.domain.refusal import Refusal
from figuard.domain.replies import FundReply, SweepReply
from figuard.engine.awaited import Committer
from figuard.engine.batch import Outcome
from figuard.ports import StoreConflict
from tests.builders import TENANT, World
from tests.unit.engine.test_async_engine import AwaitedUnit
from tests.unit.engine.tools import WatchedStore

STRANGER = "another tenant"


class Walled(WatchedStore):
    """A store that notes for whom each of its transactions is opened."""

    def __init__(self) -> None:
        super().__init__()
        self.named: list[list[str]] = []
        self.kinds: list[Any] = []

    @contextmanager
    def begin(self, tenants: Collection[str] = ()) -> Generator[Any]:
        self.named.append(sorted(tenants))
        with super().begin(tenants) as unit:
            yield unit


class AwaitedWalled:
    """The same, awaited."""

    def __init__(self, store: Walled) -> None:
        self.store = store

    @asynccontextmanager
    async def begin(self, tenants: Collection[str] = ()) -> AsyncGenerator[Any]:
        with self.store.begin(tenants) as unit:
            yield AwaitedUnit(unit, self.store)


def committed(colour: str, world: World, *orders: c.Order) -> list[Outcome]:
    """Commit a batch and return its outcomes."""
    if colour == "blocking":
        return world.engine.commit(orders)
    store: Any = AwaitedWalled(world.store)
    return asyncio.run(Committer(store, clock=world.clock, ids=world.ids, hasher=world.hasher).commit(orders))


def case() -> tuple[World, Walled, str]:
    store = Walled()
    world = World(store)
    budget_id = world.budget().budget.id
    store.named.clear()
    return world, store, budget_id


def funding(budget_id: str, tenant: str = TENANT) -> c.Order:
    return c.Order(c.Fund(budget_id, c.FundingOperation.CREDIT, quanta(5)), tenant, "test")


def sweeping(budget_id: str) -> c.Order:
    return c.Order(c.SweepBudget(budget_id), "", "test")


COLOURS = pytest.mark.parametrize("colour", ["blocking", "awaited"])


@COLOURS
def test_a_batch_is_walled_in_with_those_who_ordered(colour: str):
    world, store, budget_id = case()
    committed(colour, world, funding(budget_id), funding(budget_id, STRANGER), funding(budget_id))

    assert [sorted([STRANGER, TENANT])] == store.named


@COLOURS
def test_upkeep_is_everybodys(colour: str):
    world, store, budget_id = case()
    committed(colour, world, sweeping(budget_id), sweeping(budget_id))

    assert [[]] == store.named


@COLOURS
def test_upkeep_among_callers_is_committed_apart_and_all_are_answered_in_their_order(colour: str):
    world, store, budget_id = case()
    outcomes = committed(colour, world, sweeping(budget_id), funding("nobody"), sweeping("nobody"), funding(budget_id))

    assert [[TENANT], []] == store.named
    assert [SweepReply, Refusal, Refusal, FundReply] == [type(outcome) for outcome in outcomes]


@COLOURS
def test_whoever_is_decided_alone_is_walled_in_alone(colour: str):
    world, store, budget_id = case()
    store.failures = [StoreConflict("overtaken")]
    outcomes = committed(colour, world, funding(budget_id), funding(budget_id, STRANGER))

    assert [sorted([STRANGER, TENANT]), [TENANT], [STRANGER]] == store.named
    assert [FundReply, Refusal] == [type(outcome) for outcome in outcomes]


@COLOURS
def test_upkeep_that_is_decided_alone_stays_everybodys(colour: str):
    world, store, budget_id = case()
    made = world.budget()
    world.authorize(made, 1)
    world.clock.advance("301s")
    store.named.clear()
    store.failures = [StoreConflict("overtaken")]
    outcomes = committed(colour, world, sweeping(made.budget.id), sweeping(budget_id))

    assert [[], [], []] == store.named
    assert [1, 0] == [outcome.holds_ended for outcome in outcomes if isinstance(outcome, SweepReply)]


def test_what_is_due_on_a_budget_is_done_in_the_name_of_its_tenant():
    world, store, _ = case()
    made = world.budget()
    world.authorize(made, 1)
    world.clock.advance("301s")
    store.named.clear()
    held = world.ask(q.GetBudget(made.budget.id)).budget.funds.balance.reserved

    assert ([[TENANT]], 0) == (store.named, held)


def test_a_store_that_excludes_writers_is_not_told():
    class Alone(Walled):
        excludes_writers = True

    store = Alone()
    World(store).budget()

    assert [[]] == store.named
