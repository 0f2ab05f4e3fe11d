"""
The engine under asyncio: the same batches, awaited.

Orders wait in lanes. A lane is one queue and one transaction at a time: it takes everything that waits, commits it,
and answers. While one batch is being committed the next one gathers, so there is no timer. A budget keeps to one lane
as far as that is known beforehand; that saves waiting for row locks and is never needed for correctness.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any
from zlib import crc32

from figuard.domain.codes import ErrorCode
from figuard.domain.commands import Order
from figuard.domain.instants import Instant
from figuard.domain.questions import Question
from figuard.domain.refusal import Refusal
from figuard.domain.replies import Reply
from figuard.domain.views import View
from figuard.engine.awaited import Committer
from figuard.engine.batch import Outcome
from figuard.engine.batcher import BATCH_MAX, QUEUE_MAX
from figuard.engine.engine import Engine, as_refusal, duty_of
from figuard.engine.hints import Hints
from figuard.engine.owned import Perform
from figuard.engine.questions import answer
from figuard.ports import AsyncStore, Clock, Hasher, Ids, Query, StoreUnavailable

Commit = Callable[[Sequence[Order]], Awaitable[list[Outcome]]]


class Crowd:
    """How many orders wait, over all lanes: every request asks several times, so it is counted and not added up."""

    __slots__ = ("size",)

    def __init__(self) -> None:
        """Start with nobody."""
        self.size = 0


class Lane:
    """One queue, drained by one task; *commit* is never awaited twice at once."""

    def __init__(self, commit: Commit, crowd: Crowd) -> None:
        """Take what decides and commits one batch, and the count of those who wait here and in the other lanes."""
        self._commit = commit
        self._crowd = crowd
        self._waiting: deque[tuple[Order, asyncio.Future[Outcome]]] = deque()
        self._draining: asyncio.Task[None] | None = None

    def submit(self, order: Order) -> asyncio.Future[Outcome]:
        """Queue an order; the future is done once it is committed."""
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._waiting.append((order, future))
        self._crowd.size += 1
        if self._draining is None:
            self._draining = asyncio.create_task(self._drain())
        return future

    async def _drain(self) -> None:
        try:
            while self._waiting:
                await self._settle(self._next())
        finally:
            self._draining = None

    def _next(self) -> list[tuple[Order, asyncio.Future[Outcome]]]:
        """Take the next batch out of the queue."""
        waiting = self._waiting
        if len(waiting) > BATCH_MAX:
            batch = [waiting.popleft() for _ in range(BATCH_MAX)]
        else:
            batch = list(waiting)
            waiting.clear()
        self._crowd.size -= len(batch)
        return batch

    async def _settle(self, batch: list[tuple[Order, asyncio.Future[Outcome]]]) -> None:
        try:
            outcomes = await self._commit([order for order, _ in batch])
        except BaseException as error:
            self._answer(batch, StoreUnavailable("the server stopped before the commit was confirmed"))
            if not isinstance(error, Exception):
                # The lane itself is being stopped: nobody comes for those who still wait.
                self._answer(self._waiting, StoreUnavailable("the server stopped"))
                self._crowd.size -= len(self._waiting)
                self._waiting.clear()
                raise
        else:
            for (_, future), outcome in zip(batch, outcomes, strict=True):
                # A caller that went away has cancelled its future; what was committed stays committed.
                if not future.done():
                    future.set_result(outcome)

    @staticmethod
    def _answer(orders: Iterable[tuple[Order, asyncio.Future[Outcome]]], outcome: Outcome) -> None:
        for _, future in orders:
            if not future.done():
                future.set_result(outcome)

    async def finish(self) -> None:
        """Wait until everything that was queued is answered."""
        while self._draining is not None:
            with suppress(Exception):
                await asyncio.shield(self._draining)


class AsyncEngine:
    """Decides, records and answers, without ever blocking the loop."""

    def __init__(
        self,
        commit: Commit,
        query: Callable[[Query], Awaitable[Any]],
        *,
        clock: Clock,
        ids: Ids,
        hasher: Hasher,
        lanes: int = 1,
        queue_max: int = QUEUE_MAX,
        hints: Hints | None = None,
    ) -> None:
        """Take how a batch is committed and a query answered; use ``over_store`` or ``over_engine``."""
        self.clock = clock
        self.ids = ids
        self.hasher = hasher
        self._query = query
        self._queue_max = queue_max
        self._crowd = Crowd()
        self._lanes = [Lane(commit, self._crowd) for _ in range(lanes)]
        self._hints = hints

    def now(self) -> Instant:
        """Return the present instant."""
        return self.clock.now()

    @property
    def waiting(self) -> int:
        """How many orders wait to be committed."""
        return self._crowd.size

    @property
    def is_full(self) -> bool:
        """Whether one more order would be refused."""
        return self._crowd.size >= self._queue_max

    async def execute(self, order: Order) -> Reply:
        """As ``Engine.execute``. Raises ``Refusal`` (``OVERLOADED``) at once when too many wait already."""
        return self.settled(order, await self.submit(order))

    def submit(self, order: Order) -> asyncio.Future[Outcome]:
        """Queue an order; ``settled`` makes a reply of what it comes to. Raises ``Refusal`` (``OVERLOADED``)."""
        self.check_room()
        return self._lane(order).submit(order)

    def check_room(self) -> None:
        """Raise ``Refusal`` (``OVERLOADED``) when so many orders wait that one more is better told to come again."""
        if self.is_full:
            raise overloaded(self._queue_max)

    def settled(self, order: Order, outcome: Outcome) -> Reply:
        """Return the reply of an order that is done. Raises ``Refusal`` as ``execute`` does."""
        if isinstance(outcome, Exception):
            raise as_refusal(outcome) from (None if isinstance(outcome, Refusal) else outcome)
        if self._hints is not None:
            self._hints.note(outcome)
        return outcome

    async def ask(self, question: Question, tenant_id: str, *, only_budget_id: str | None = None) -> View:
        """As ``Engine.ask``."""
        steps = answer(question, tenant_id, self.clock.now(), only_budget_id)
        try:
            step = next(steps)
            while True:
                step = steps.send(await (self._perform(step) if isinstance(step, Perform) else self.query(step)))
        except StopIteration as done:
            view: View = done.value
            return view

    async def _perform(self, step: Perform) -> None:
        try:
            await self.execute(duty_of(step))
        except Refusal as refusal:
            # A store that cannot be written is shown as it is.
            if refusal.code is not ErrorCode.STORE_UNAVAILABLE:
                raise

    async def query(self, query: Query) -> Any:  # noqa: ANN401 - the type is the query's own
        """Answer a query of the store as it is. Raises ``Refusal`` (``STORE_UNAVAILABLE``)."""
        try:
            return await self._query(query)
        except StoreUnavailable as error:
            raise as_refusal(error) from error

    async def finish(self) -> None:
        """Wait until every queued order is committed and answered."""
        for lane in self._lanes:
            await lane.finish()

    def _lane(self, order: Order) -> Lane:
        if self._hints is None or len(self._lanes) == 1:
            return self._lanes[0]
        return self._lanes[crc32(self._hints.home_of(order).encode()) % len(self._lanes)]


def overloaded(queue_max: int) -> Refusal:
    """Return what a caller is told when so many orders wait already."""
    detail = f"{queue_max:,} requests are waiting to be committed"
    return Refusal(ErrorCode.OVERLOADED, detail, retry_after_seconds=1.0)


def over_engine(
    engine: Engine, run_blocking: Callable[..., Awaitable[Any]], *, queue_max: int = QUEUE_MAX
) -> AsyncEngine:
    """
    Return an engine over a blocking store.

    *run_blocking* runs a function with arguments off the loop; batches go one at a time, as the store wants it.
    """

    async def commit(orders: Sequence[Order]) -> list[Outcome]:
        outcomes: list[Outcome] = await run_blocking(engine.commit, orders)
        return outcomes

    async def query(question: Query) -> Any:  # noqa: ANN401 - the type is the query's own
        return await run_blocking(engine.store.query, question)

    return AsyncEngine(commit, query, clock=engine.clock, ids=engine.ids, hasher=engine.hasher, queue_max=queue_max)


def over_store(
    store: AsyncStore, *, clock: Clock, ids: Ids, hasher: Hasher, lanes: int = 1, queue_max: int = QUEUE_MAX
) -> AsyncEngine:
    """Return an engine over an awaited store, with so many lanes."""
    committer = Committer(store, clock=clock, ids=ids, hasher=hasher)
    return AsyncEngine(
        committer.commit,
        store.query,
        clock=clock,
        ids=ids,
        hasher=hasher,
        lanes=lanes,
        queue_max=queue_max,
        hints=committer.hints,
    )
