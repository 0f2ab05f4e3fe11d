"""
External references: one live budget each, found again by the same terms and free after its end.
"""

from __future__ import annotations

from typing import Any

import pytest

from figuard.domain import commands as c
from figuard.domain import questions as q
from figuard.domain.amounts import quanta
from figuard.domain.budget import Status
from figuard.domain.codes import ErrorCode
from figuard.domain.refusal import Refusal
from figuard.domain.replies import BudgetReply
from tests.builders import World, allocation
from tests.unit.domain.made import refusal
from tests.unit.engine.tools import STRANGER, contents, entry_kinds


def referred(world: World, limit: int = 100, **fields: Any) -> BudgetReply:
    """Create a budget with the reference ``order``."""
    return world.budget(limit, external_reference="order", **fields)


def ending(world: World) -> dict[str, int]:
    return {"expires_at": world.clock.now() + 60 * 10**6}


def test_the_same_reference_and_terms_are_the_same_budget():
    world = World()
    first = referred(world)
    before = contents(world)
    again = referred(world)

    assert (first.budget.id, False, None, None) == (again.budget.id, again.created, again.secret, again.token)
    assert before == contents(world)


@pytest.mark.parametrize(
    "other",
    [
        {"limit": 101},
        {"currency": "EUR"},
        {"unit": "token"},
        {"soft_limit": quanta(50)},
        {"max_transaction": quanta(50)},
        {"allocations": (allocation("food", 50),)},
    ],
)
def test_the_same_reference_with_other_terms_is_a_conflict(other: dict[str, Any]):
    world = World()
    first = referred(world)

    with pytest.raises(Refusal) as refused:
        referred(world, **other)

    assert (ErrorCode.EXTERNAL_REFERENCE_CONFLICT, {"budgetId": first.budget.id}) == (
        refused.value.code, refused.value.extra,
    )  # fmt: skip


def test_allocations_are_the_same_terms_in_any_order_and_case():
    world = World()
    first = referred(world, allocations=(allocation("food", 10), allocation("Fuel", 20)))

    assert first.budget.id == referred(world, allocations=(allocation("fuel", 20), allocation("FOOD", 10))).budget.id


def test_a_paused_budget_keeps_its_reference():
    world = World()
    first = referred(world)
    world.order(c.UpdateBudget(first.budget.id, c.PolicyPatch(paused=True)))

    assert first.budget.id == referred(world).budget.id


def test_a_used_up_budget_keeps_its_reference():
    world = World()
    first = referred(world)
    world.confirm(world.authorize(first, 100).event, 100)

    assert first.budget.id == referred(world).budget.id


def test_a_cancelled_budget_gives_its_reference_back():
    world = World()
    first = referred(world)
    world.order(c.Cancel(first.budget.id))

    assert first.budget.id != referred(world).budget.id


def test_an_expired_budget_gives_its_reference_to_a_successor():
    world = World()
    first = referred(world, **ending(world))
    world.clock.advance("3m")
    second = referred(world, 50)

    assert (True, True) == (second.created, second.budget.id != first.budget.id)
    assert second.budget.id == referred(world, 50).budget.id


def test_a_budget_that_lost_its_reference_is_expired_in_its_book():
    world = World()
    first = referred(world, **ending(world))
    world.clock.advance("3m")
    referred(world)

    assert Status.EXPIRED is world.stored(first).status
    assert "BUDGET_UPDATED" == entry_kinds(world, first.budget.id)[-1]
    world.judge(first)


def test_a_budget_that_lost_its_reference_does_not_come_back():
    world = World()
    first = referred(world, **ending(world))
    world.clock.advance("3m")
    referred(world)
    later = world.clock.now() + 10**9

    assert ErrorCode.BUDGET_STATE_CONFLICT is refusal(world.order, c.ExtendBudget(first.budget.id, later))


def test_an_expired_budget_that_is_extended_keeps_its_reference():
    world = World()
    first = referred(world, **ending(world))
    world.clock.advance("3m")
    world.order(c.ExtendBudget(first.budget.id, world.clock.now() + 10**9))

    assert first.budget.id == referred(world).budget.id


def test_references_of_different_tenants_are_different():
    world = World()
    first = referred(world)
    command = c.CreateBudget("user", quanta(1), first.budget.policy, "USD", external_reference="order")

    assert world.order(command, tenant=STRANGER).created


def test_budgets_without_a_reference_are_always_new():
    world = World()

    assert world.budget().budget.id != world.budget().budget.id


def test_a_created_budget_is_found_as_it_was_created():
    world = World()
    reply = world.budget(
        100, user_id="ann", intent_context="a trip", metadata={"team": "a"}, allocations=(allocation("food", 40),)
    )
    identity = world.stored(reply).identity

    assert ("ann", "a trip", {"team": "a"}) == (identity.user_id, identity.intent_context, identity.metadata)
    assert reply.budget == world.ask(q.GetBudget(reply.budget.id)).budget
    world.judge(reply)


def test_allocations_get_ids_of_their_own():
    world = World()
    reply = world.budget(100, allocations=(allocation("food", 40), allocation("fuel", 40)))

    assert 2 == len({part.id for part in reply.budget.funds.allocations} - {""})
