"""
Groups: several requests in one transaction, each for itself or all or none.
"""

from __future__ import annotations

from typing import Any

import pytest

from figuard.domain import commands as c
from figuard.domain import questions as q
from figuard.domain.amounts import quanta
from figuard.domain.anomaly import AnomalyPolicy
from figuard.domain.budget import Status
from figuard.domain.codes import Denial, ErrorCode
from figuard.domain.events import Decision
from figuard.domain.replies import AuthorizeAllReply, BudgetReply
from tests.builders import World, spend
from tests.unit.domain.made import refusal
from tests.unit.engine.tools import contents, entry_kinds, fingerprinted, heard, listen


def group(
    world: World, *requests: tuple[BudgetReply, int, str], together: bool = True, **fields: Any
) -> AuthorizeAllReply:
    """Ask for several amounts, each of a budget and under a key."""
    asked = tuple(
        c.Authorize(world.hasher.hash(budget.secret or ""), spend(quantity, key, **fields))
        for budget, quantity, key in requests
    )
    reply: AuthorizeAllReply = world.order(c.AuthorizeAll(asked, together))
    return reply


def decisions(reply: AuthorizeAllReply) -> list[Decision]:
    return [one.event.decision for one in reply.replies]


AUTHORIZED, DENIED = Decision.AUTHORIZED, Decision.DENIED


@pytest.mark.parametrize("together", [True, False])
def test_a_group_that_fits_is_authorized(together: bool):
    world = World()
    budget = world.budget(100)
    reply = group(world, (budget, 40, "a"), (budget, 60, "b"), together=together)

    assert ([AUTHORIZED] * 2, True, None) == (decisions(reply), reply.all_authorized, reply.first_denied)
    assert (0, quanta(100)) == fingerprinted(world, budget)


def test_each_for_itself_a_denial_stops_nobody():
    world = World()
    budget = world.budget(100)
    reply = group(world, (budget, 40, "a"), (budget, 70, "b"), (budget, 60, "c"), together=False)

    assert ([AUTHORIZED, DENIED, AUTHORIZED], False, 1) == (decisions(reply), reply.all_authorized, reply.first_denied)


def test_all_or_none_a_denial_undoes_what_the_group_held():
    world = World()
    budget = world.budget(100)
    reply = group(world, (budget, 40, "a"), (budget, 70, "b"), (budget, 10, "c"))

    assert ([AUTHORIZED, DENIED], False, 1) == (decisions(reply), reply.all_authorized, reply.first_denied)
    assert (0, 0) == fingerprinted(world, budget)
    world.judge(budget)


def test_all_or_none_only_the_denial_is_recorded():
    world = World()
    budget = world.budget(100)
    before = entry_kinds(world, budget.budget.id)
    group(world, (budget, 40, "a"), (budget, 70, "b"), (budget, 10, "c"))

    assert [*before, "DENIED"] == entry_kinds(world, budget.budget.id)


def test_all_or_none_holds_for_several_budgets():
    world = World()
    one, other = world.budget(100), world.budget(10)
    reply = group(world, (one, 40, "a"), (other, 40, "a"))

    assert (False, 1) == (reply.all_authorized, reply.first_denied)
    assert ((0, 0), (0, 0)) == (fingerprinted(world, one), fingerprinted(world, other))


def test_the_denial_of_a_group_says_what_was_left_beside_the_others():
    world = World()
    budget = world.budget(100)
    reply = group(world, (budget, 40, "a"), (budget, 70, "b"))
    verdict = reply.replies[1].event.verdict

    assert (Denial.INSUFFICIENT_FUNDS, quanta(60)) == (verdict.denial, verdict.fits)


def test_the_budget_of_a_denied_group_is_shown_as_it_is():
    world = World()
    budget = world.budget(100)
    reply = group(world, (budget, 40, "a"), (budget, 70, "b"))

    assert 0 == reply.replies[1].budget.funds.balance.reserved


def test_a_member_that_was_denied_beside_others_may_be_asked_alone():
    """
    What the group held is free again, so the key is decided afresh although nothing else has happened.
    """
    world = World()
    budget = world.budget(100)
    group(world, (budget, 40, "a"), (budget, 70, "b"))

    assert AUTHORIZED is world.authorize(budget, 70, "b").event.decision


def test_a_smaller_group_may_use_the_key_of_a_denied_member():
    world = World()
    budget = world.budget(100)
    group(world, (budget, 40, "a"), (budget, 70, "b"))

    assert group(world, (budget, 30, "a2"), (budget, 70, "b")).all_authorized


def test_a_first_member_that_is_denied_is_a_denial_like_any_other():
    world = World()
    budget = world.budget(100)
    group(world, (budget, 101, "a"), (budget, 10, "b"))

    assert world.authorize(budget, 101, "a").replayed


def test_a_group_can_be_repeated():
    world = World()
    budget = world.budget(100)
    first = group(world, (budget, 40, "a"), (budget, 60, "b"))
    before = contents(world)
    again = group(world, (budget, 40, "a"), (budget, 60, "b"))

    assert [one.event for one in first.replies] == [one.event for one in again.replies]
    assert before == contents(world)


def test_a_denial_that_is_repeated_undoes_what_the_group_held_all_the_same():
    world = World()
    budget = world.budget(100)
    world.authorize(budget, 101, "b")
    before = contents(world)
    reply = group(world, (budget, 40, "a"), (budget, 101, "b"))

    assert (False, True) == (reply.all_authorized, reply.replies[1].replayed)
    assert before == contents(world)


def test_a_refused_member_refuses_the_whole_group():
    world = World()
    budget = world.budget(100)
    world.authorize(budget, 10, "b")
    before = contents(world)

    assert ErrorCode.IDEMPOTENCY_KEY_REUSED is refusal(group, world, (budget, 40, "a"), (budget, 20, "b"))
    assert before == contents(world)


def test_two_members_with_one_key_are_one_event():
    world = World()
    budget = world.budget(100)
    reply = group(world, (budget, 40, "a"), (budget, 40, "a"))

    assert reply.replies[0].event == reply.replies[1].event
    assert (0, quanta(40)) == fingerprinted(world, budget)


def test_an_anomaly_in_a_group_pauses_the_budget_once():
    world = World()
    budget = world.budget(1000, anomaly=AnomalyPolicy(enabled=True, min_samples=1))
    world.confirm(world.authorize(budget, 10).event, 10)
    reply = group(world, (budget, 5, "a"), (budget, 100, "b"))

    assert Denial.ANOMALY_DETECTED is reply.replies[1].event.verdict.denial
    assert Status.PAUSED is world.stored(budget).status
    assert 1 == entry_kinds(world, budget.budget.id).count("BUDGET_PAUSED")


def test_a_denied_group_tells_of_its_denial_only():
    world = World()
    listen(world)
    budget = world.budget(100)
    group(world, (budget, 60, "a"), (budget, 70, "b"))

    assert ["SPEND_DENIED"] == heard(world)


def test_a_dry_group_stores_nothing():
    world = World()
    budget = world.budget(100)
    before = contents(world)
    asked = tuple(c.Authorize(world.hasher.hash(budget.secret or ""), spend(60, key), dry_run=True) for key in "ab")
    reply = world.order(c.AuthorizeAll(asked, all_or_nothing=True))

    assert (True, before) == (reply.all_authorized, contents(world))


def test_a_dry_denial_in_a_group_is_not_recorded():
    world = World()
    budget = world.budget(100)
    before = contents(world)
    asked = tuple(c.Authorize(world.hasher.hash(budget.secret or ""), spend(n, "k"), dry_run=True) for n in (60, 101))
    reply = world.order(c.AuthorizeAll(asked, all_or_nothing=True))

    assert (1, before) == (reply.first_denied, contents(world))


def test_an_empty_group_is_authorized():
    reply = group(World())

    assert ((), True) == (reply.replies, reply.all_authorized)


def test_holds_that_ended_are_released_before_a_group_is_decided_and_stay_released_when_it_is_denied():
    world = World()
    budget = world.budget(100)
    world.authorize(budget, 60, "old")
    world.clock.advance("6m")
    reply = group(world, (budget, 40, "a"), (budget, 70, "b"))

    assert DENIED is reply.replies[1].event.decision
    assert (0, 0) == fingerprinted(world, budget)
    assert 2 == world.ask(q.GetLedger(budget.budget.id)).total
    world.judge(budget)


def test_repeating_a_group_that_was_undone_records_its_denial_once():
    """
    As long as it comes to the same; when it comes to something else that is news.
    """
    world = World()
    budget = world.budget(100)
    asked = ((budget, 40, "a"), (budget, 70, "b"))
    first = group(world, *asked)
    before = contents(world)
    again = group(world, *asked)

    assert before == contents(world)
    assert (True, first.replies[1].event) == (again.replies[1].replayed, again.replies[1].event)
    world.confirm(world.authorize(budget, 10, "between").event, 10)
    other = group(world, *asked)
    assert (2, 1) == (other.replies[1].event.attempt, first.replies[1].event.attempt)
    world.order(c.Fund(budget.budget.id, c.FundingOperation.CREDIT, quanta(50)))
    assert group(world, *asked).all_authorized


def test_an_entity_named_twice_in_a_group_that_was_undone_points_at_nothing():
    world = World()
    budget = world.budget(100, entity_dedup=True)
    reply = group(world, (budget, 1, "a"), (budget, 1, "b"), entity_id="order-7")
    denied = reply.replies[1]

    assert Denial.ENTITY_ALREADY_AUTHORIZED is denied.event.verdict.denial
    assert (None, None) == (denied.event.verdict.original_event_id, denied.original)
    assert "entity 'order-7' is named twice in this group" in (denied.event.verdict.message or "")
    before = contents(world)
    group(world, (budget, 1, "a"), (budget, 1, "b"), entity_id="order-7")
    assert before == contents(world)


def test_an_entity_that_stood_before_the_group_is_pointed_at():
    world = World()
    budget = world.budget(100, entity_dedup=True)
    original = world.authorize(budget, 1, "before", entity_id="order-7").event
    command = c.AuthorizeAll(
        (
            c.Authorize(world.hasher.hash(budget.secret or ""), spend(1, "a")),
            c.Authorize(world.hasher.hash(budget.secret or ""), spend(1, "b", entity_id="order-7")),
        ),
        all_or_nothing=True,
    )

    denied = world.order(command).replies[1]

    assert (original.id, original) == (denied.event.verdict.original_event_id, denied.original)
