"""
Hints save look-ups and decide nothing: what they lead to is read again under the lock.
"""

from __future__ import annotations

import pytest

from figuard.domain import commands as c
from figuard.domain.amounts import quanta
from figuard.domain.refusal import Refusal
from figuard.engine import hints
from figuard.engine.hints import Hints
from figuard.ports import Kind
from tests.builders import TENANT, World
from tests.unit.engine.test_async_engine import Case


async def test_what_a_name_leads_to_is_read_once():
    """
    Neither the token nor the home of the event is looked up again, and what is decided is read under the lock.
    """
    case = Case()
    event = (await case.ask(1, "a")).event
    case.store.kinds.clear()
    await case.ask(1, "b")
    await case.engine.execute(case.order(c.Confirm(event.id, quanta(1))))

    assert {Kind.TOKENS_BY_HASH, Kind.EVENT_HOMES} & set(case.store.kinds) == set()
    assert {Kind.BUDGETS, Kind.TOKENS, Kind.EVENTS} <= set(case.store.kinds)


async def test_a_token_that_is_remembered_opens_nothing_once_it_is_rotated_out():
    case = Case()
    await case.ask(1, "a")
    case.world.order(c.RotateToken(case.budget.budget.id))
    case.world.clock.advance("1h")

    with pytest.raises(Refusal, match="INVALID_SESSION_TOKEN"):
        await case.ask(1, "b")


def test_hints_are_forgotten_oldest_first():
    made = Hints()
    made.learn(Kind.EVENT_HOMES, {f"{n}": ("budget", TENANT) for n in range(hints.HOMES_MAX + 1)})
    made.learn(Kind.TOKENS_BY_HASH, {f"{n}": n for n in range(hints.TOKENS_MAX + 1)})
    made.learn(Kind.EVENTS, {"e": "not remembered"})
    world = World()
    made.note(world.authorize(world.budget()))

    assert {"2": ("budget", TENANT)} == made.known(Kind.EVENT_HOMES, ("0", "1", "2"))
    assert {"1": 1} == made.known(Kind.TOKENS_BY_HASH, ("0", "1"))
    assert {} == made.known(Kind.EVENTS, ("e",))
