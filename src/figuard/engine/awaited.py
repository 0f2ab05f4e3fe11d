"""
Batches on an awaited store: one transaction each, driven step by step.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from figuard.domain.commands import Order
from figuard.engine.batch import Outcome, Read, ReadMany, run
from figuard.engine.hints import Hints
from figuard.engine.walls import apart, tenants_of, together
from figuard.engine.work import Work
from figuard.ports import AsyncStore, AsyncUnitOfWork, Clock, Hasher, Ids, Kind, OutcomeUnknown, StoreConflict


class Committer:
    """Decides and commits batches. Belongs to one event loop."""

    def __init__(self, store: AsyncStore, *, clock: Clock, ids: Ids, hasher: Hasher) -> None:
        """Take the store and where time, ids and hashes come from."""
        self.hints = Hints()
        self._store = store
        self._clock = clock
        self._ids = ids
        self._hasher = hasher

    async def commit(self, orders: Sequence[Order]) -> list[Outcome]:
        """As ``Engine.commit``."""
        tenants = tenants_of(orders)
        if tenants is None:
            callers, upkeep = apart(orders)
            return together(orders, await self.commit(callers), await self.commit(upkeep))
        try:
            return await self._transact(orders, tenants)
        except OutcomeUnknown as error:
            return [error] * len(orders)
        except Exception as error:  # noqa: BLE001 - every cause is retried once, singly, and reported to its caller
            if len(orders) == 1 and not isinstance(error, StoreConflict):
                return [error]
        return [await self._alone(order) for order in orders]

    async def _alone(self, order: Order) -> Outcome:
        try:
            return (await self._transact([order], tenants_of([order]) or ()))[0]
        except Exception as error:  # noqa: BLE001 - reported to its caller
            return error

    async def _transact(self, orders: Sequence[Order], tenants: Collection[str]) -> list[Outcome]:
        work = Work(self._clock.now(), self._ids, self._hasher)
        async with self._store.begin(tenants) as unit:
            steps = run(work, orders)
            try:
                step = next(steps)
                while True:
                    if isinstance(step, Read):
                        step = steps.send(await self._read(unit, step.kind, step.keys))
                    elif isinstance(step, ReadMany):
                        step = steps.send(await unit.read_many(step.reads))
                    else:
                        await unit.write(step.changes)
                        step = steps.send(None)
            except StopIteration as done:
                outcomes: list[Outcome] = done.value
        return outcomes

    async def _read(self, unit: AsyncUnitOfWork, kind: Kind, keys: Sequence[Any]) -> Mapping[Any, Any]:
        """Read what is not remembered, and remember it."""
        known = self.hints.known(kind, keys)
        left = [key for key in keys if key not in known] if known else keys
        if not left:
            return known
        answers = await unit.read(kind, left)
        self.hints.learn(kind, answers)
        return {**known, **answers} if known else answers
