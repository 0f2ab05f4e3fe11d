"""
The engine under asyncio: the same answers and the same bytes, many callers at once, nobody left waiting.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from figuard.domain import commands as c
from figuard.domain import questions as q
from figuard.domain.amounts import quanta
from figuard.domain.codes import ErrorCode
from figuard.domain.refusal import Refusal
from figuard.domain.replies import AuthorizeReply, BudgetReply, EventReply
from figuard.engine.async_engine import over_engine, over_store
from figuard.engine.hints import Hints
from figuard.ports import Kind, StoreConflict, StoreUnavailable
from figuard.stores.memory import MemoryStore
from tests.builders import TENANT, World, spend
from tests.unit.engine.tools import contents


class AwaitedUnit:
    """One transaction of ``AwaitedStore``."""

    def __init__(self, inner: Any, store: AwaitedStore) -> None:
        self._inner = inner
        self._store = store

    async def read(self, kind: Any, keys: Sequence[Any]) -> Any:
        await asyncio.sleep(0)
        self._store.kinds.append(kind)
        return self._inner.read(kind, keys)

    async def read_many(self, reads: Any) -> Any:
        return [await self.read(kind, keys) for kind, keys in reads]

    async def write(self, changes: Any) -> None:
        await asyncio.sleep(0)
        if self._store.failures and (failure := self._store.failures.pop(0)) is not None:
            raise failure
        self._inner.write(changes)


class AwaitedStore:
    """A memory store that is awaited, one transaction at a time; it counts them and fails as it was told."""

    def __init__(self, inner: MemoryStore) -> None:
        self.inner = inner
        self.failures: list[Exception | None] = []
        self.transactions = 0
        self.kinds: list[Kind] = []
        self._turn = asyncio.Lock()

    @asynccontextmanager
    async def begin(self, tenants: Collection[str] = ()) -> AsyncIterator[AwaitedUnit]:
        async with self._turn:
            self.transactions += 1
            with self.inner.begin() as unit:
                yield AwaitedUnit(unit, self)

    async def query(self, query: Any) -> Any:
        await asyncio.sleep(0)
        return self.inner.query(query)

    async def close(self) -> None:
        self.inner.close()


class Case:
    """A world whose store is awaited; orders for it, and a budget."""

    def __init__(self, **fields: Any) -> None:
        self.world = World()
        self.budget: BudgetReply = self.world.budget(100)
        inner: Any = self.world.store
        self.store: Any = AwaitedStore(inner)
        world = self.world
        self.engine = over_store(self.store, clock=world.clock, ids=world.ids, hasher=world.hasher, **fields)

    @property
    def hints(self) -> Hints:
        assert self.engine._hints is not None
        return self.engine._hints

    def order(self, command: Any) -> c.Order:
        return c.Order(command, TENANT, "test")

    def asking(self, quantity: int = 10, key: str = "k1", **fields: Any) -> c.Order:
        token = self.world.hasher.hash(self.budget.secret or "")
        return self.order(c.Authorize(token, spend(quantity, key, **fields)))

    async def ask(self, quantity: int = 10, key: str = "k1", **fields: Any) -> AuthorizeReply:
        reply = await self.engine.execute(self.asking(quantity, key, **fields))
        assert isinstance(reply, AuthorizeReply)
        return reply

    @property
    def reserved(self) -> int:
        return self.world.stored(self.budget).funds.balance.reserved


async def test_an_awaited_store_gets_the_very_bytes_of_a_blocking_one():
    awaited, blocking = Case(), Case()
    commands = [(10, "a"), (95, "b"), (20, "c")]
    for quantity, key in commands:
        await awaited.ask(quantity, key)
        blocking.world.authorize(blocking.budget, quantity, key)

    assert contents(blocking.world)["entries"] == contents(awaited.world)["entries"]


async def test_many_tasks_never_spend_more_than_the_limit():
    case = Case()
    replies = await asyncio.gather(*(case.ask(3, f"k{n}") for n in range(100)))

    assert 33 == [reply.event.decision for reply in replies].count("AUTHORIZED")  # pyright: ignore[reportArgumentType]
    case.world.judge(case.budget)


async def test_many_tasks_with_one_key_are_charged_once():
    case = Case()
    replies = await asyncio.gather(*(case.ask(30, "same") for _ in range(20)))

    assert (1, quanta(30)) == (len({reply.event.id for reply in replies}), case.reserved)


async def test_what_arrives_during_a_commit_is_the_next_batch():
    case = Case()
    await asyncio.gather(*(case.ask(1, f"k{n}") for n in range(50)))

    assert case.store.transactions <= 3


async def test_a_refusal_reaches_its_caller_alone():
    case = Case()
    results = await asyncio.gather(
        case.ask(1, "a"), case.engine.execute(case.order(c.Cancel("nobody"))), case.ask(1, "b"), return_exceptions=True
    )

    assert [AuthorizeReply, Refusal, AuthorizeReply] == [type(result) for result in results]


async def test_a_defect_reaches_its_caller_as_an_internal_error():
    case = Case()
    results = await asyncio.gather(
        case.ask(1, "a"), case.ask(1, "b", metadata={"no": object()}), return_exceptions=True
    )

    assert isinstance(results[1], Refusal)
    assert (AuthorizeReply, ErrorCode.INTERNAL_ERROR) == (type(results[0]), results[1].code)


async def test_a_batch_that_fails_as_a_whole_is_decided_one_by_one():
    case = Case()
    case.store.failures = [RuntimeError("whole"), None, StoreUnavailable("single"), None]
    results = await asyncio.gather(*(case.ask(1, key) for key in "abc"), return_exceptions=True)

    assert [True, False, True] == [isinstance(result, AuthorizeReply) for result in results]
    assert quanta(2) == case.reserved


@pytest.mark.parametrize(
    ("failures", "code"),
    [
        ([StoreConflict("once")], None),
        ([StoreUnavailable("gone")], ErrorCode.STORE_UNAVAILABLE),
        ([RuntimeError("a defect")], ErrorCode.INTERNAL_ERROR),
    ],
)
async def test_a_lone_order_is_tried_again_only_after_a_conflict(failures: list[Exception], code: ErrorCode | None):
    case = Case()
    case.store.failures = failures
    (result,) = await asyncio.gather(case.ask(), return_exceptions=True)

    assert code is (result.code if isinstance(result, Refusal) else None)


async def test_too_many_waiting_orders_are_refused_at_once():
    case = Case(queue_max=2)
    results = await asyncio.gather(*(case.ask(1, f"k{n}") for n in range(5)), return_exceptions=True)
    codes = [result.code for result in results if isinstance(result, Refusal)]

    assert [ErrorCode.OVERLOADED] * 3 == codes


async def test_a_caller_that_goes_away_takes_nothing_back():
    case = Case()
    task = asyncio.create_task(case.ask(30, "gone"))
    await asyncio.sleep(0)
    task.cancel()
    await case.engine.finish()

    assert quanta(30) == case.reserved


async def test_finishing_waits_for_everything_that_was_queued():
    case = Case()
    tasks = [asyncio.create_task(case.ask(1, f"k{n}")) for n in range(10)]
    await asyncio.sleep(0)
    await case.engine.finish()

    assert (quanta(10), 0) == (case.reserved, case.engine.waiting)
    await asyncio.gather(*tasks)


async def test_finishing_with_nothing_queued_is_done_at_once():
    await Case().engine.finish()


async def test_questions_are_answered_as_by_a_blocking_engine():
    case = Case()
    event = (await case.ask()).event
    for question in (
        q.GetEvent(event.id),
        q.GetBudget(case.budget.budget.id),
        q.ListBudgets(),
        q.GetTree(event.budget_id),
    ):
        assert case.world.ask(question) == await case.engine.ask(question, TENANT)


async def test_looking_at_a_budget_ends_its_holds():
    case = Case()
    await case.ask(30)
    case.world.clock.advance("5m")
    view: Any = await case.engine.ask(q.GetBudget(case.budget.budget.id), TENANT)

    assert 0 == view.budget.funds.balance.reserved


@pytest.mark.parametrize(("failure", "code"), [(StoreUnavailable("x"), None), (RuntimeError("x"), "INTERNAL_ERROR")])
async def test_a_store_that_cannot_be_written_shows_a_budget_as_it_is(failure: Exception, code: str | None):
    case = Case()
    await case.ask(30)
    case.world.clock.advance("5m")
    case.store.failures = [failure]
    question = q.GetBudget(case.budget.budget.id)
    (result,) = await asyncio.gather(case.engine.ask(question, TENANT), return_exceptions=True)

    assert code == (result.code if isinstance(result, Refusal) else None)


async def test_a_store_that_cannot_be_read_is_reported():
    case = Case()
    await case.store.close()

    with pytest.raises(Refusal, match="STORE_UNAVAILABLE"):
        await case.engine.ask(q.ListBudgets(), TENANT)


async def test_a_question_about_nothing_is_refused():
    with pytest.raises(Refusal, match="NOT_FOUND"):
        await Case().engine.ask(q.GetBudget("nobody"), TENANT)


# -- lanes ---------------------------------------------------------------------------------------------------------


async def test_what_is_known_to_concern_one_budget_keeps_to_one_lane():
    case = Case(lanes=16)
    event = (await case.ask(30)).event
    budget_id = case.budget.budget.id
    orders = [
        case.asking(),
        *(case.order(x) for x in (c.Confirm(event.id, 1), c.Cancel(budget_id), c.RotateToken(budget_id))),
    ]

    assert 1 == len({case.engine._lane(order) for order in orders})


async def test_a_settlement_teaches_the_lane_of_its_event():
    case = Case(lanes=16)
    event = case.world.authorize(case.budget, 30).event
    order = case.order(c.Confirm(event.id, quanta(20)))
    reply = await case.engine.execute(order)

    assert isinstance(reply, EventReply)
    assert event.budget_id == case.hints.home_of(order)


async def test_a_group_keeps_to_the_lane_of_its_first_request():
    case = Case(lanes=16)
    await case.ask(1, "a")
    one = case.asking(1, "b")
    assert isinstance(one.command, c.Authorize)

    assert case.engine._lane(one) is case.engine._lane(case.order(c.AuthorizeAll((one.command,))))


async def test_several_lanes_keep_to_the_limit_all_the_same():
    case = Case(lanes=4)
    await asyncio.gather(*(case.ask(3, f"k{n}") for n in range(60)))
    await asyncio.gather(*(case.engine.execute(case.order(c.CreateTenant(f"{n}"))) for n in range(5)))

    assert quanta(99) == case.reserved
    case.world.judge(case.budget)


# -- over a blocking engine ----------------------------------------------------------------------------------------


async def test_a_blocking_engine_is_awaited_in_threads():
    world = World()
    budget = world.budget(100)
    engine = over_engine(world.engine, asyncio.to_thread)
    token = world.hasher.hash(budget.secret or "")
    orders = [c.Order(c.Authorize(token, spend(3, f"k{n}")), TENANT, "test") for n in range(50)]
    await asyncio.gather(*(engine.execute(order) for order in orders))
    view: Any = await engine.ask(q.GetBudget(budget.budget.id), TENANT)

    assert quanta(99) == view.budget.funds.balance.reserved
    world.judge(budget)
