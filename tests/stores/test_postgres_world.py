"""
The engine on PostgreSQL: what it decides, writes and verifies there is what it does everywhere.
"""

from __future__ import annotations

import pytest

from figuard.domain import commands as c
from figuard.domain.codes import ErrorCode
from figuard.domain.events import Decision
from figuard.domain.refusal import Refusal
from figuard.engine.sweeper import sweep
from figuard.ports import FindBudgets
from figuard.stores import open_store
from tests.builders import TENANT, World, cap


@pytest.fixture
def world(database):
    store = open_store(database.app_url)
    yield World(store)
    store.close()


def test_an_authorization_lives_its_life(world):
    budget = world.budget(100)
    spent = world.authorize(budget, 30, "k1").event
    world.confirm(spent, 25)
    world.fail(world.authorize(budget, 20, "k2").event)
    denied = world.authorize(budget, 90, "k3").event
    again = world.authorize(budget, 30, "k1")

    assert denied.decision is Decision.DENIED
    assert again.replayed
    assert again.event.id == spent.id
    assert world.stored(budget).funds.balance.spent == 25 * 10**8
    assert world.stored(budget).funds.balance.reserved == 0
    assert world.judge(budget).entries == 7


def test_holds_end_when_the_sweeper_comes(world):
    budget = world.budget(100)
    world.authorize(budget, 30)
    world.clock.advance("10m")

    assert sweep(world.engine).holds_ended == 1
    assert world.stored(budget).funds.balance.reserved == 0
    world.judge(budget)


def test_delegation_holds_at_every_level(world):
    budget = world.budget(100)
    token = world.delegate(budget, "shopper", cap("books", 20))

    assert world.authorize(token.secret, 15, "k1", category="books").event.decision is Decision.AUTHORIZED
    assert world.authorize(token.secret, 15, "k2", category="books").event.decision is Decision.DENIED
    world.judge(budget)


def test_a_reference_is_claimed_once(world):
    first = world.budget(100, external_reference="order-7")
    again = world.budget(100, external_reference="order-7")

    assert again.budget.id == first.budget.id
    assert world.engine.query(FindBudgets(TENANT)).total == 1


def test_a_key_answers_again_after_a_restart(world):
    budget = world.budget(100)
    fund = c.Fund(budget.budget.id, c.FundingOperation.CREDIT, 10**8)
    first = world.order(fund, key="once")
    again = world.reopened().order(fund, key="once")

    assert again == first
    assert world.stored(budget).funds.limit == 101 * 10**8


def test_a_store_that_is_gone_is_a_refusal_that_may_be_repeated(world):
    budget = world.budget(100)
    world.store.close()
    with pytest.raises(Refusal) as refused:
        world.authorize(budget)

    assert refused.value.code is ErrorCode.STORE_UNAVAILABLE
