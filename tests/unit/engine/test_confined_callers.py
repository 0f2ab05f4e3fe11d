"""
A caller confined to one budget: to it every other budget, and all that is in one, is as absent as what never was.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from figuard.domain import commands as c
from figuard.domain.admin import KeyScope
from figuard.domain.amounts import quanta
from figuard.domain.budget import Policy
from figuard.domain.codes import ErrorCode
from figuard.domain.refusal import Refusal
from tests.builders import World, spend
from tests.unit.domain.made import refusal
from tests.unit.engine.tools import STRANGER, contents

SETTLEMENTS: dict[str, Callable[[str], Any]] = {
    "confirm": lambda event: c.Confirm(event, quanta(10)),
    "fail": lambda event: c.Fail(event, "r"),
    "void": lambda event: c.Void(event, "r"),
    "void tree": lambda event: c.VoidTree(event, "r"),
    "refund": lambda event: c.Refund(event, quanta(1), "r"),
    "extend": lambda event: c.ExtendHold(event, 60),
    "unknown": lambda event: c.MarkUnknown(event, "r"),
}


def said(world: World, command: Any, **fields: Any) -> Refusal:
    """Return the refusal of an order."""
    with pytest.raises(Refusal) as caught:
        world.order(command, **fields)
    return caught.value


def test_a_token_of_another_budget_is_answered_like_one_that_does_not_exist():
    world = World()
    own, other = world.budget(), world.budget()
    before = contents(world)
    confined = {"only_budget_id": own.budget.id}
    foreign = said(world, c.Authorize(world.hasher.hash(other.secret or ""), spend(10)), **confined)
    absent = said(world, c.Authorize(world.hasher.hash("st_nobody"), spend(10)), **confined)

    assert (absent.code, absent.detail) == (foreign.code, foreign.detail)
    assert ErrorCode.INVALID_SESSION_TOKEN is foreign.code
    assert before == contents(world)


def test_a_group_with_a_token_of_another_budget_moves_nothing():
    world = World()
    own, other = world.budget(), world.budget()
    before = contents(world)
    group = c.AuthorizeAll(
        tuple(c.Authorize(world.hasher.hash(one.secret or ""), spend(10)) for one in (own, other)), all_or_nothing=True
    )

    assert ErrorCode.INVALID_SESSION_TOKEN is refusal(world.order, group, only_budget_id=own.budget.id)
    assert before == contents(world)


def test_a_parent_on_another_budget_is_answered_like_one_that_does_not_exist():
    world = World()
    own, other = world.budget(), world.budget()
    elsewhere = world.authorize(other).event.id

    def asked(parent: str) -> Refusal:
        command = c.Authorize(world.hasher.hash(own.secret or ""), spend(10, parent_event_id=parent))
        return said(world, command, only_budget_id=own.budget.id)

    foreign, absent = asked(elsewhere), asked("nobody")

    assert ErrorCode.INVALID_PARENT_EVENT is foreign.code
    assert absent.detail == foreign.detail.replace(elsewhere, "nobody")


@pytest.mark.parametrize("name", SETTLEMENTS)
@pytest.mark.parametrize("key", [None, "key"])
def test_an_event_of_another_budget_is_answered_like_one_that_does_not_exist(name: str, key: str | None):
    """
    Also under an idempotency key that somebody else has used for the very same request.
    """
    world = World()
    own, event = world.budget(), world.authorize(world.budget()).event
    if name == "refund":
        world.confirm(event, 10)
    command, absent = SETTLEMENTS[name](event.id), SETTLEMENTS[name]("nobody")
    world.order(command, key=key) if key else None
    before = contents(world)
    foreign = said(world, command, key=key, only_budget_id=own.budget.id)

    assert said(world, absent, only_budget_id=own.budget.id).detail == foreign.detail.replace(event.id, "nobody")
    assert before == contents(world)


@pytest.mark.parametrize("name", SETTLEMENTS)
def test_an_event_of_ones_own_budget_is_settled_and_its_key_answers_again(name: str):
    world = World()
    own = world.budget()
    event = world.authorize(own).event
    if name == "refund":
        world.confirm(event, 10)
    command = SETTLEMENTS[name](event.id)
    first = world.order(command, key="key", only_budget_id=own.budget.id)
    before = contents(world)
    again = world.order(command, key="key", only_budget_id=own.budget.id)

    assert before == contents(world)
    assert type(first) is type(again)


def test_an_agents_key_is_issued_for_one_budget_and_its_successor_too():
    world = World()
    own = world.budget().budget.id
    key = world.order(c.CreateApiKey(scope=KeyScope.AGENT, budget_id=own)).api_key

    assert (own, own) == (key.budget_id, world.order(c.RotateApiKey(key.id)).api_key.budget_id)


@pytest.mark.parametrize("scope", sorted(set(KeyScope) - {KeyScope.AGENT}))
def test_only_an_agents_key_can_be_confined(scope: KeyScope):
    world = World()
    command = c.CreateApiKey(scope=scope, budget_id=world.budget().budget.id)

    assert ErrorCode.INVALID_REQUEST is refusal(world.order, command)


def test_no_key_is_issued_for_a_budget_of_somebody_else():
    world = World()
    theirs = world.order(c.CreateBudget("user", quanta(1), Policy(), currency="USD"), tenant=STRANGER).budget.id
    before = contents(world)

    foreign = said(world, c.CreateApiKey(scope=KeyScope.AGENT, budget_id=theirs))
    absent = said(world, c.CreateApiKey(scope=KeyScope.AGENT, budget_id="nobody"))

    assert (ErrorCode.NOT_FOUND, absent.detail) == (foreign.code, foreign.detail.replace(theirs, "nobody"))
    assert before == contents(world)
