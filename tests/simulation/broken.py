"""
Services with one fault each, for the proof that the checkers find it.
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import count
from typing import Any

from figuard.domain import commands as c
from figuard.domain.budget import Budget
from figuard.engine import Engine
from figuard.ports import Changes, Kind, Store
from tests.builders import World


class Forgetful(Engine):
    """Forgets which keys it has answered: every delivery of a request is a new request."""

    calls = count()

    def execute(self, order: c.Order) -> Any:
        command = order.command
        if isinstance(command, c.Authorize):
            spend = replace(command.spend, key=f"{command.spend.key}#{next(self.calls)}")
            order = replace(order, command=replace(command, spend=spend))
        return super().execute(order)


class Wrapped:
    """A store around a store, to be broken in one place."""

    def __init__(self, store: Store) -> None:
        self.store = store

    @contextmanager
    def begin(self, tenants: Collection[str] = ()) -> Generator[Any]:
        with self.store.begin(tenants) as work:
            yield self.broken(work)

    def broken(self, work: Any) -> Any:
        return work

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)


class _Reads:
    """A unit of work that answers reads through a function."""

    def __init__(self, work: Any, answer: Any) -> None:
        self.work = work
        self.answer = answer
        self.write = work.write

    def read(self, kind: Kind, keys: Sequence[Any]) -> Mapping[Any, Any]:
        return self.answer(kind, self.work.read(kind, keys))


class IgnoresHolds(Wrapped):
    """Counts only what is spent: while a request is decided, the limit is higher by what is held."""

    def broken(self, work: Any) -> Any:
        return _Generous(work)


class _Generous:
    def __init__(self, work: Any) -> None:
        self.work = work
        self.added: dict[str, int] = {}

    def read(self, kind: Kind, keys: Sequence[Any]) -> Mapping[Any, Any]:
        answers = self.work.read(kind, keys)
        if kind is not Kind.BUDGETS:
            return answers
        self.added = {key: budget.funds.balance.reserved for key, budget in answers.items()}
        return {key: _raised(budget, self.added[key]) for key, budget in answers.items()}

    def write(self, changes: Changes) -> None:
        updated = [_raised(r, -self.added[r.id]) if isinstance(r, Budget) else r for r in changes.updated]
        self.work.write(replace(changes, updated=updated))


def _raised(budget: Budget, amount: int) -> Budget:
    return replace(budget, funds=replace(budget.funds, limit=budget.funds.limit + amount))


class NeverReleases(Wrapped):
    """Never finds a hold whose time is over."""

    def broken(self, work: Any) -> Any:
        hidden = {Kind.DUE_HOLDS, Kind.TIMED_OUT}
        return _Reads(work, lambda kind, answers: dict.fromkeys(answers, ()) if kind in hidden else answers)


class LosesCommits(Wrapped):
    """Says that it has committed, and now and then it has not."""

    calls = count()

    def broken(self, work: Any) -> Any:
        return _Forgets(work) if next(self.calls) % 7 == 0 else work


class _Forgets:
    def __init__(self, work: Any) -> None:
        self.read = work.read

    def write(self, changes: Changes) -> None:
        """Write nothing."""


class BooksTwice(Engine):
    """Books twice of what is confirmed."""

    def execute(self, order: c.Order) -> Any:
        command = order.command
        if isinstance(command, c.Confirm):
            order = replace(order, command=replace(command, quantity=command.quantity * 2))
        return super().execute(order)


def engine_over(wrapper: type[Wrapped]) -> Any:
    """Return a maker of real engines on a broken store."""

    def make(world: World) -> Engine:
        return Engine(wrapper(world.store), clock=world.clock, ids=world.ids, hasher=world.hasher)

    return make


def engine_of(broken: type[Engine]) -> Any:
    """Return a maker of broken engines."""
    return lambda world: broken(world.store, clock=world.clock, ids=world.ids, hasher=world.hasher)


BROKEN = {
    "forgets the keys": (engine_of(Forgetful), "moved money in"),
    "ignores holds": (engine_over(IgnoresHolds), "takes ('budget', '')"),
    "never releases a hold": (engine_over(NeverReleases), "after its hold ended"),
    "loses commits": (engine_over(LosesCommits), "which is in no entry"),
    "books twice what is confirmed": (engine_of(BooksTwice), "no entry says so"),
}
"""Makers of engines by what is wrong with them, with words of the finding that has to show it."""
