"""
Entities: at most one live event each, where a budget asks for that.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from figuard.domain import commands as c
from figuard.domain.codes import Denial
from figuard.domain.events import Decision, Event
from figuard.domain.replies import AuthorizeReply, BudgetReply
from tests.builders import World, spend


class Case:
    """A budget that wants one event per entity, and an order that has one."""

    def __init__(self, **fields: Any) -> None:
        self.world = World()
        self.budget: BudgetReply = self.world.budget(**{"entity_dedup": True, **fields})
        self.first: Event = self.ask("first").event

    def ask(self, key: str, entity_id: str | None = "order") -> AuthorizeReply:
        return self.world.authorize(self.budget, 10, key, entity_id=entity_id)


def test_a_second_event_for_an_entity_is_denied_and_names_the_first():
    case = Case()
    reply = case.ask("second")

    assert (Denial.ENTITY_ALREADY_AUTHORIZED, case.first.id, case.first) == (
        reply.event.verdict.denial, reply.event.verdict.original_event_id, reply.original,
    )  # fmt: skip


def test_a_repeated_denial_names_the_first_event_again():
    case = Case()
    case.ask("second")
    again = case.ask("second")

    assert (True, case.first) == (again.replayed, again.original)


@pytest.mark.parametrize("entity_id", ["another", "ORDER", "order ", None])
def test_other_entities_are_independent(entity_id: str | None):
    assert Decision.AUTHORIZED is Case().ask("second", entity_id).event.decision


def test_a_budget_that_does_not_ask_for_it_takes_any_number():
    assert Decision.AUTHORIZED is Case(entity_dedup=False).ask("second").event.decision


FREEING: dict[str, Callable[[Case], Any]] = {
    "fail": lambda k: k.world.fail(k.first),
    "void": lambda k: k.world.void(k.first),
    "void of a confirmed one": lambda k: (k.world.confirm(k.first, 10), k.world.void(k.first)),
    "hold ended": lambda k: k.world.clock.advance("5m"),
    "time-out": lambda k: (k.world.clock.advance("5m"), k.world.order(c.SweepBudget(k.budget.budget.id))),
}


@pytest.mark.parametrize("event", FREEING)
def test_an_entity_is_free_again_after(event: str):
    case = Case()
    FREEING[event](case)

    assert Decision.AUTHORIZED is case.ask("second").event.decision


KEEPING: dict[str, Callable[[Case], Any]] = {
    "confirm": lambda k: k.world.confirm(k.first, 10),
    "refund": lambda k: (k.world.confirm(k.first, 10), k.world.order(c.Refund(k.first.id, 10**9, "r"))),
    "unknown": lambda k: (k.world.order(c.MarkUnknown(k.first.id)), k.world.clock.advance("1h")),
    "extension": lambda k: (k.world.order(c.ExtendHold(k.first.id, 7200)), k.world.clock.advance("1h")),
    "late confirmation": lambda k: (k.world.clock.advance("1h"), k.world.confirm(k.first, 10)),
}


@pytest.mark.parametrize("event", KEEPING)
def test_an_entity_is_taken_still_after(event: str):
    case = Case()
    KEEPING[event](case)

    assert Denial.ENTITY_ALREADY_AUTHORIZED is case.ask("second").event.verdict.denial


def test_a_denied_event_does_not_take_its_entity():
    world = World()
    budget = world.budget(100, entity_dedup=True)
    world.authorize(budget, 101, "first", entity_id="order")

    assert Decision.AUTHORIZED is world.authorize(budget, 10, "second", entity_id="order").event.decision


def test_an_event_that_reserves_nothing_takes_its_entity():
    world = World()
    budget = world.budget(entity_dedup=True)
    world.authorize(budget, 10, "first", entity_id="order", reserve=False)

    assert Decision.DENIED is world.authorize(budget, 10, "second", entity_id="order").event.decision


def test_spending_outside_takes_its_entity():
    world = World()
    budget = world.budget(entity_dedup=True)
    world.order(c.RecordExternal(budget.budget.id, spend(10, "outside", entity_id="order")))

    assert Decision.DENIED is world.authorize(budget, 10, "second", entity_id="order").event.decision


def test_entities_of_different_budgets_are_different():
    world = World()
    one, other = world.budget(entity_dedup=True), world.budget(entity_dedup=True)
    world.authorize(one, 10, entity_id="order")

    assert Decision.AUTHORIZED is world.authorize(other, 10, entity_id="order").event.decision
