"""
The one delta function: every balance of every level is the sum of what its events hold and have booked.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from figuard.domain.amounts import BALANCE_MAX, quanta
from figuard.domain.budget import Balance
from figuard.domain.entitlements import ItemPolicy
from figuard.domain.events import Decision, Event
from figuard.domain.levels import LevelKind, Touched, levels, move, shortfall
from figuard.domain.refusal import Refusal
from tests.builders import allocation
from tests.unit.domain.made import balance, budget, cap, event, item, ref, token, touching

FOOD = replace(allocation("food", 1000), id="food")
TRAVEL = replace(allocation("travel", 1000), id="travel")
BOSS = token("boss", cap("food", 1000), cap("travel", 1000))
AGENT = token("agent", cap("food", 1000))
FULL = Touched(
    budget(10_000, allocations=(FOOD, TRAVEL)), (AGENT, BOSS), item(1000), event(0, id="root", max_subtree=1000)
)
"""Something at every kind of level."""
EVERYWHERE: dict[str, Any] = {
    "allocation_id": "food",
    "caps": (ref(AGENT, "food"), ref(BOSS, "food")),
    "item_id": "item",
    "root_id": "root",
}


def everywhere(quantity: int = 10, **fields: Any) -> Event:
    """Return an event that counts at every kind of level."""
    return event(quantity, **{**EVERYWHERE, **fields})


def weighing(before: Event, held: int, booked: int) -> Event:
    """Return an event that holds and has booked so many units."""
    return replace(before, standing=replace(before.standing, held=quanta(held), booked=quanta(booked)))


def balances(touched: Touched, of: Event) -> dict[str, Balance]:
    """Return the balance of every level of an event, by the level's name."""
    return {level.name: level.balance for level in levels(touched, of.place)}


def test_an_event_counts_at_every_level_from_the_narrowest_to_the_budget():
    assert [
        LevelKind.CAP,
        LevelKind.CAP,
        LevelKind.ALLOCATION,
        LevelKind.ENTITLEMENT,
        LevelKind.CHAIN,
        LevelKind.BUDGET,
    ] == [level.kind for level in levels(FULL, everywhere().place)]


def test_an_event_of_a_flat_budget_counts_at_the_budget_alone():
    assert [LevelKind.BUDGET] == [level.kind for level in levels(Touched(budget()), event().place)]


def test_opening_an_event_moves_every_level_alike():
    opened = everywhere(10)
    moved, _ = move(FULL, None, opened)

    assert {balance(reserved=10)} == set(balances(moved, opened).values())


def test_what_an_event_has_nothing_to_do_with_does_not_move():
    moved, _ = move(FULL, None, everywhere(10))

    assert (Balance(), TRAVEL) == (moved.tokens[1].caps[1].balance, moved.budget.funds.allocations[1])


WEIGHTS = st.tuples(st.integers(0, 50), st.integers(0, 50))


@given(st.lists(st.lists(WEIGHTS, min_size=1, max_size=3), max_size=4))
def test_every_balance_is_the_sum_of_what_its_events_hold_and_have_booked(stories: list[list[tuple[int, int]]]):
    """
    Whatever steps the events take, in whatever order, no level drifts away from its events.
    """
    touched, present = FULL, dict[int, Event]()
    longest = max((len(story) for story in stories), default=0)
    for step in range(longest):
        for number, story in enumerate(stories):
            if step < len(story):
                before = present.get(number)
                after = weighing(everywhere(id=f"event {number}"), *story[step])
                touched, present[number] = move(touched, before, after)

    held = sum(e.standing.held for e in present.values())
    booked = sum(e.standing.booked for e in present.values())
    assert {Balance(booked, held)} == set(balances(touched, everywhere()).values())


@given(WEIGHTS, WEIGHTS)
def test_a_step_there_and_back_leaves_everything_as_it_was(one: tuple[int, int], other: tuple[int, int]):
    before, after = weighing(everywhere(), *one), weighing(everywhere(), *other)
    start, _ = move(FULL, None, before)

    there, moved = move(start, before, after)
    back, _ = move(there, moved, before)

    assert start == back


def test_a_step_that_moves_nothing_changes_no_object():
    opened = everywhere(10)
    start, _ = move(FULL, None, opened)

    assert start is move(start, opened, replace(opened, updated_at=5))[0]


def test_a_root_carries_the_balance_of_its_own_chain():
    root = event(10, id="root", max_subtree=100)

    assert balance(reserved=10) == move(FULL, None, root)[1].standing.subtree


def test_a_shadow_root_weighs_on_the_shadow_side_of_its_chain():
    root = event(10, id="root", max_subtree=100, shadow=True)

    assert balance(reserved=10, shadow=True) == move(FULL, None, root)[1].standing.subtree


def test_a_chain_without_a_cap_is_not_counted():
    touched = touching(FULL, root=event(0, id="root"))

    assert Balance() == (move(touched, None, everywhere())[0].root or everywhere()).standing.subtree


def test_a_shadow_event_moves_the_shadow_side_of_every_level():
    opened = everywhere(10, shadow=True)
    moved, _ = move(FULL, None, opened)

    assert {balance(reserved=10, shadow=True)} == set(balances(moved, opened).values())


def test_a_shadow_event_below_a_real_root_does_not_block_real_ones():
    """
    A budget may enter shadow mode in the middle of a chain; its previews must not use up the chain's real cap.
    """
    moved, _ = move(FULL, None, everywhere(10, shadow=True))

    assert moved.root is not None
    assert 0 == moved.root.standing.subtree.used(shadow=False)


def test_what_was_booked_before_spending_was_reset_is_not_taken_off_todays_figure():
    """
    Only the budget and its allocations are reset; what a cap, a quota or a chain counts goes down all the same.
    """
    booked = everywhere(10, decision=Decision.CONFIRMED)
    start, _ = move(FULL, None, booked)
    funds = start.budget.funds
    reset = replace(funds, balance=Balance(), allocations=(replace(FOOD, balance=Balance()), TRAVEL), epoch=1)
    start = touching(start, budget=replace(start.budget, funds=reset))

    after, _ = move(start, booked, weighing(booked, 0, 0))

    assert {Balance()} == set(balances(after, booked).values())


def test_a_quota_that_was_renewed_since_is_left_alone():
    touched = touching(FULL, item=item(1000, period=1))

    moved, _ = move(touched, None, everywhere(10, item_period=0))

    assert touched.item == moved.item


def test_a_balance_that_would_become_negative_stops_the_transaction():
    with pytest.raises(AssertionError, match="would become negative"):
        move(FULL, everywhere(10), weighing(everywhere(10), 0, 0))


def at_most(units_left: int) -> Touched:
    """Return everything with the budget's balance so near to the largest that it can hold."""
    full = Balance(spent=BALANCE_MAX - quanta(units_left))
    return touching(FULL, budget=replace(FULL.budget, funds=replace(FULL.budget.funds, balance=full)))


def test_a_balance_may_reach_the_largest_that_a_column_holds():
    moved, _ = move(at_most(10), None, everywhere(10))

    assert BALANCE_MAX == moved.budget.funds.balance.used(shadow=False)


@pytest.mark.parametrize("shadow", [False, True])
def test_a_balance_too_large_for_a_column_is_refused(shadow: bool):
    full = Balance(BALANCE_MAX, 0, BALANCE_MAX, 0)
    touched = touching(FULL, budget=replace(FULL.budget, funds=replace(FULL.budget.funds, balance=full)))

    with pytest.raises(Refusal, match="BALANCE_OUT_OF_RANGE"):
        move(touched, None, everywhere(1, shadow=shadow))


NEAREST = [
    ("agent/food", touching(FULL, tokens=(token("agent", cap("food", 5)), BOSS))),
    ("boss/food", touching(FULL, tokens=(AGENT, token("boss", cap("food", 5))))),
    ("food", touching(FULL, budget=budget(10_000, allocations=(replace(FOOD, limit=quanta(5)), TRAVEL)))),
    ("API calls", touching(FULL, item=item(5))),
    ("root", touching(FULL, root=event(0, id="root", max_subtree=5))),
    ("budget", touching(FULL, budget=budget(5, allocations=(FOOD, TRAVEL)))),
]


@pytest.mark.parametrize(("name", "touched"), NEAREST, ids=[name for name, _ in NEAREST])
def test_a_shortfall_is_found_at_the_one_level_that_has_too_little(name: str, touched: Touched):
    found = shortfall(touched, everywhere().place, quanta(5) + 1)

    assert name == (found.name if found else None)
    assert shortfall(touched, everywhere().place, quanta(5)) is None


@pytest.mark.parametrize("need", [0, -1])
def test_nothing_more_always_fits(need: int):
    overdrawn = touching(FULL, budget=budget(5, spent=10, allocations=(FOOD, TRAVEL)))

    assert shortfall(overdrawn, everywhere().place, need) is None


def test_a_quota_that_only_warns_has_no_shortfall():
    touched = touching(FULL, item=item(5, overage=ItemPolicy.WARN_ONLY))

    assert shortfall(touched, everywhere().place, quanta(10)) is None


@pytest.mark.parametrize(("overdraft", "fits"), [(4, False), (5, True)])
def test_an_overdraft_makes_room_in_the_budget(overdraft: int, fits: bool):
    touched = Touched(budget(5))

    assert fits is (shortfall(touched, event().place, quanta(10), overdraft=quanta(overdraft)) is None)


def test_a_cap_that_is_no_more_is_no_level():
    touched = touching(FULL, tokens=(token("agent"), BOSS))

    assert "agent/food" not in balances(touched, everywhere())


def test_an_event_keeps_its_balance_when_no_cap_of_a_token_is_its_own():
    other = replace(everywhere(10), place=replace(everywhere().place, caps=(ref(AGENT, "food"),)))
    moved, _ = move(FULL, None, other)

    assert BOSS is moved.tokens[1]
