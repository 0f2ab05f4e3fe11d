"""
What a store may do to a batch that memory never does: answer differently under the lock, and lose a commit's reply.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Self

import pytest

from figuard.domain import commands as c
from figuard.domain.amounts import quanta
from figuard.domain.codes import ErrorCode
from figuard.domain.commands import FundingOperation
from figuard.domain.refusal import Refusal
from figuard.domain.tokens import Cap
from figuard.engine.async_engine import over_store
from figuard.ports import Kind, OutcomeUnknown, UnitOfWork
from figuard.stores.memory import MemoryStore
from tests.builders import TENANT, World, cap

LOCKED = Kind.TOKENS


class _Overtaken:
    """A transaction in which somebody changed a token between its first reading and its lock."""

    def __init__(self, unit: UnitOfWork, change: Any) -> None:
        self._unit = unit
        self._change = change

    def read(self, kind: Kind, keys: Sequence[Any]) -> Mapping[Any, Any]:
        found = self._unit.read(kind, keys)
        return {key: self._change(token) for key, token in found.items()} if kind is LOCKED else found

    def write(self, changes: Any) -> None:
        self._unit.write(changes)


class OvertakenStore(MemoryStore):
    """A store that resolves tokens before it locks, as a server of many processes does."""

    excludes_writers = False
    change: Any = staticmethod(lambda token: token)

    @contextmanager
    def begin(self, tenants: Collection[str] = ()) -> Iterator[Any]:
        with super().begin(tenants) as unit:
            yield _Overtaken(unit, self.change)


class LostStore(MemoryStore):
    """A store that commits and loses the connection before it can say so."""

    losing = False
    commits = 0

    @contextmanager
    def begin(self, tenants: Collection[str] = ()) -> Iterator[Any]:
        with super().begin(tenants) as unit:
            yield unit
        self.commits += 1
        if self.losing:
            raise OutcomeUnknown("the connection was lost during COMMIT")


def test_a_token_revoked_before_the_lock_opens_nothing():
    store = OvertakenStore()
    world = World(store)
    budget = world.budget()
    token = world.delegate(budget, "agent").secret
    store.change = lambda found: replace(found, revoked_at=1)

    with pytest.raises(Refusal, match="INVALID_SESSION_TOKEN"):
        world.authorize(token)


def test_a_cap_used_up_before_the_lock_denies():
    store = OvertakenStore()
    world = World(store)
    budget = world.budget()
    token = world.delegate(budget, "agent", cap("search", 10)).secret

    def used_up(found: Any) -> Any:
        return replace(found, caps=tuple(Cap(one.id, one.category, 0) for one in found.caps))

    store.change = used_up

    assert world.authorize(token, 1, category="search").event.verdict.denial == "DELEGATE_CAP_EXCEEDED"


def funding(world: World, budget_id: str, times: int) -> list[c.Order]:
    command = c.Fund(budget_id, FundingOperation.CREDIT, quanta(10))
    return [c.Order(command, TENANT, "test") for _ in range(times)]


def test_a_batch_of_unknown_outcome_is_not_carried_out_again():
    store = LostStore()
    world = World(store)
    budget = world.budget(100)
    store.losing, store.commits = True, 0

    outcomes = world.engine.commit(funding(world, budget.budget.id, 3))

    assert [OutcomeUnknown] * 3 == [type(outcome) for outcome in outcomes]
    assert 1 == store.commits
    assert quanta(130) == world.stored(budget).funds.limit


def test_a_lone_caller_learns_that_it_may_repeat_with_its_key():
    store = LostStore()
    world = World(store)
    budget = world.budget(100)
    store.losing = True

    with pytest.raises(Refusal) as refused:
        world.order(c.Fund(budget.budget.id, FundingOperation.CREDIT, quanta(10)), key="k")
    store.losing = False
    again = world.order(c.Fund(budget.budget.id, FundingOperation.CREDIT, quanta(10)), key="k")

    assert ErrorCode.STORE_UNAVAILABLE is refused.value.code
    assert quanta(110) == again.budget.funds.limit == world.stored(budget).funds.limit


async def test_an_awaited_batch_of_unknown_outcome_is_not_carried_out_again():
    store = LostStore()
    world = World(store)
    budget = world.budget(100)
    store.losing, store.commits = True, 0
    engine = over_store(Awaited(store), clock=world.clock, ids=world.ids, hasher=world.hasher)

    with pytest.raises(Refusal, match="STORE_UNAVAILABLE"):
        await engine.execute(funding(world, budget.budget.id, 1)[0])

    assert 1 == store.commits
    assert quanta(110) == world.stored(budget).funds.limit


class Awaited:
    """A blocking store behind the awaited contract."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    def begin(self, tenants: Collection[str] = ()) -> _AwaitedUnit:
        return _AwaitedUnit(self._store.begin())

    async def query(self, query: Any) -> Any:
        return self._store.query(query)

    async def meta(self, key: str) -> str | None:
        return self._store.meta(key)

    async def set_meta(self, key: str, value: str, *, if_absent: bool = True) -> str:
        return self._store.set_meta(key, value, if_absent=if_absent)

    async def close(self) -> None:
        self._store.close()


class _AwaitedUnit:
    def __init__(self, frame: Any) -> None:
        self._frame = frame
        self._unit: Any = None

    async def __aenter__(self) -> Self:
        self._unit = self._frame.__enter__()
        return self

    async def __aexit__(self, *error: object) -> Any:
        return self._frame.__exit__(*error)

    async def read(self, kind: Kind, keys: Sequence[Any]) -> Mapping[Any, Any]:
        return self._unit.read(kind, keys)

    async def read_many(self, reads: Any) -> Any:
        return [self._unit.read(kind, keys) for kind, keys in reads]

    async def write(self, changes: Any) -> None:
        self._unit.write(changes)
