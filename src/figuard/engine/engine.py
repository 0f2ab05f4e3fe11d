"""
The engine over a blocking store: orders in, replies out; questions in, views out.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from figuard.domain.codes import ErrorCode
from figuard.domain.commands import Order, SweepBudget
from figuard.domain.instants import Instant
from figuard.domain.questions import Question
from figuard.domain.refusal import Refusal
from figuard.domain.replies import Reply
from figuard.domain.views import View
from figuard.engine.batch import Outcome, Read, ReadMany, run
from figuard.engine.batcher import Batcher
from figuard.engine.duties import CLOCK
from figuard.engine.owned import Perform, Steps
from figuard.engine.questions import answer
from figuard.engine.walls import apart, tenants_of, together
from figuard.engine.work import Work
from figuard.ports import (
    Clock,
    DueWork,
    GetRecords,
    Hasher,
    Ids,
    Kind,
    OutcomeUnknown,
    Query,
    Store,
    StoreConflict,
    StoreUnavailable,
)

_LOG = logging.getLogger(__name__)
STORE_RETRY_AFTER_SECONDS = 1.0
"""How long a caller should wait after the store could not be reached."""


class Engine:
    """Decides, records and answers. Safe to share between threads."""

    def __init__(self, store: Store, *, clock: Clock, ids: Ids, hasher: Hasher) -> None:
        """Take the store and where time, ids and hashes come from."""
        self.store = store
        self.clock = clock
        self.ids = ids
        self.hasher = hasher
        self._alone = store.excludes_writers
        self._batcher = Batcher(self.commit)

    def now(self) -> Instant:
        """Return the present instant."""
        return self.clock.now()

    def execute(self, order: Order) -> Reply:
        """
        Carry out one order and return its reply, once it is committed.

        Raises ``Refusal``: for a rule, as the rule says; ``STORE_UNAVAILABLE`` when the store cannot be reached, in
        which case a repeat with the same idempotency key is safe; ``INTERNAL_ERROR`` for a defect of ours.
        """
        outcome = self._batcher.submit(order)
        if isinstance(outcome, Exception):
            raise as_refusal(outcome) from (None if isinstance(outcome, Refusal) else outcome)
        return outcome

    def ask(self, question: Question, tenant_id: str, *, only_budget_id: str | None = None) -> View:
        """Answer a question from committed data. Raises ``Refusal`` (``NOT_FOUND``, ``STORE_UNAVAILABLE``)."""
        view: View = self.follow(answer(question, tenant_id, self.clock.now(), only_budget_id))
        return view

    def follow(self, steps: Steps) -> Any:  # noqa: ANN401 - what the steps end with
        """Answer every step of an answer in the making, and return what it ends with. Raises ``Refusal``."""
        try:
            step = next(steps)
            while True:
                step = steps.send(self._perform(step) if isinstance(step, Perform) else self.query(step))
        except StopIteration as done:
            return done.value

    def follow_all(self, many: Sequence[Steps]) -> list[Any]:
        """
        Follow several answers side by side and return what each ends with, in their order. Raises ``Refusal``.

        What they ask for at one time is asked together: records of one kind in one query, the rest at once.
        """
        done: list[Any] = [None] * len(many)
        said: dict[int, Any] = dict.fromkeys(range(len(many)))
        while said:
            asked: dict[int, Query] = {}
            for place, answered in said.items():
                try:
                    step = many[place].send(answered)
                    while isinstance(step, Perform):
                        step = many[place].send(self._perform(step))
                    asked[place] = step
                except StopIteration as end:
                    done[place] = end.value
            said = self._answers(asked)
        return done

    def _answers(self, asked: Mapping[int, Query]) -> dict[int, Any]:
        """Return what each query answers, by the place it was asked for."""
        keys: dict[Kind, dict[Any, None]] = {}
        others: dict[int, Query] = {}
        for place, query in asked.items():
            if isinstance(query, GetRecords):
                keys.setdefault(query.kind, {}).update(dict.fromkeys(query.keys))
            else:
                others[place] = query
        shared = [GetRecords(kind, tuple(some)) for kind, some in keys.items()]
        try:
            found = self.store.query_all([*shared, *others.values()])
        except StoreUnavailable as error:
            raise as_refusal(error) from error
        records = dict(zip(keys, found, strict=False))
        answers = dict(zip(others, found[len(shared) :], strict=True))
        for place, query in asked.items():
            if isinstance(query, GetRecords):
                answers[place] = {key: records[query.kind][key] for key in query.keys if key in records[query.kind]}
        return answers

    def _perform(self, step: Perform) -> None:
        """Do what is due before somebody looks; a store that cannot be written is shown as it is."""
        try:
            self.execute(duty_of(step))
        except Refusal as refusal:
            if refusal.code is not ErrorCode.STORE_UNAVAILABLE:
                raise
            _LOG.info("a due hold of budget %s is not released: %s", step.budget_id, refusal.detail)

    def due(self, query: DueWork) -> tuple[str, ...]:
        """Return ids of what a sweep should look at. Raises ``Refusal`` (``STORE_UNAVAILABLE``)."""
        return tuple(self.query(query))

    def records(self, query: GetRecords) -> Mapping[Any, Any]:
        """Return records by key, committed and without a lock. Raises ``Refusal`` (``STORE_UNAVAILABLE``)."""
        found: Mapping[Any, Any] = self.query(query)
        return found

    def query(self, query: Query) -> Any:  # noqa: ANN401 - the type is the query's own
        """Answer a query of the store as it is. Raises ``Refusal`` (``STORE_UNAVAILABLE``)."""
        try:
            return self.store.query(query)
        except StoreUnavailable as error:
            raise as_refusal(error) from error

    def close(self) -> None:
        """Release the store."""
        self.store.close()

    # -- one transaction -------------------------------------------------------------------------------------------

    def commit(self, orders: Sequence[Order]) -> list[Outcome]:
        """Commit a batch; when that fails as a whole, each order alone, so one cannot take the others down."""
        tenants = () if self._alone else tenants_of(orders)
        if tenants is None:
            callers, upkeep = apart(orders)
            return together(orders, self.commit(callers), self.commit(upkeep))
        try:
            return self._transact(orders, tenants)
        except OutcomeUnknown as error:
            # It may have been committed. Only a caller with its key may repeat an order; we must not.
            return [error] * len(orders)
        except Exception as error:  # noqa: BLE001 - every cause is retried once, singly, and reported to its caller
            if len(orders) == 1 and not isinstance(error, StoreConflict):
                return [error]
            _LOG.warning("a batch of %d failed (%s); deciding each alone", len(orders), type(error).__name__)
        return [self._singly(order) for order in orders]

    def _singly(self, order: Order) -> Outcome:
        try:
            return self._transact([order], () if self._alone else tenants_of([order]) or ())[0]
        except Exception as error:  # noqa: BLE001 - reported to its caller
            return error

    def _transact(self, orders: Sequence[Order], tenants: Collection[str]) -> list[Outcome]:
        work = Work(self.clock.now(), self.ids, self.hasher, alone=self._alone)
        with self.store.begin(tenants) as unit:
            steps = run(work, orders)
            try:
                step = next(steps)
                while True:
                    if isinstance(step, Read):
                        step = steps.send(unit.read(step.kind, step.keys))
                    elif isinstance(step, ReadMany):
                        step = steps.send([unit.read(kind, keys) for kind, keys in step.reads])
                    else:
                        unit.write(step.changes)
                        step = steps.send(None)
            except StopIteration as done:
                outcomes: list[Outcome] = done.value
        return outcomes


def as_refusal(error: Exception) -> Refusal:
    """Return an outcome that is an exception as the refusal its caller gets; a defect of ours is logged."""
    if isinstance(error, Refusal):
        return error
    if isinstance(error, StoreUnavailable):
        return Refusal(ErrorCode.STORE_UNAVAILABLE, str(error), retry_after_seconds=STORE_RETRY_AFTER_SECONDS)
    _LOG.error("an order failed unexpectedly", exc_info=error)
    return Refusal(ErrorCode.INTERNAL_ERROR, f"the request failed inside FiGuard ({type(error).__name__})")


def duty_of(step: Perform) -> Order:
    """Return the order that does what is due on a budget."""
    return Order(SweepBudget(step.budget_id), step.tenant_id, CLOCK)
