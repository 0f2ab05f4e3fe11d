"""
A batch of any orders does what they do one after the other, to the last byte.
"""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from figuard.domain import commands as c
from figuard.domain import questions as q
from figuard.domain.amounts import quanta
from figuard.domain.codes import Denial
from figuard.domain.replies import AuthorizeReply, EventReply
from figuard.engine.batch import Outcome
from tests.builders import World, allocation, cap, spend
from tests.unit.engine.tools import asking, code_of, contents, order_of, together

ASKS = st.tuples(st.just("ask"), st.integers(1, 40), st.integers(0, 5))
VERBS = st.sampled_from(["fund", "pause", "resume", "external", "confirm", "void"])
OTHERS = st.tuples(VERBS, st.integers(1, 40), st.integers(0, 5))


def orders_of(world: World, steps: list[tuple[str, int, int]]) -> list[c.Order]:
    """Return orders on a fresh budget with three events; the same steps give the same orders in every world."""
    budget = world.budget(100, entity_dedup=True, allocations=(allocation("food", 90),))
    token = world.delegate(budget, "agent", cap("food", 60))
    events = [world.authorize(budget, 10, f"event {n}", category="food").event.id for n in range(3)]
    orders = list[c.Order]()
    for verb, amount, which in steps:
        event, budget_id = events[which % 3], budget.budget.id
        asked = spend(amount, f"k{which}", category="food", entity_id=f"e{amount % 7}", parent_event_id=event)
        secret = token.secret if which % 2 else budget.secret
        command = {
            "ask": c.Authorize(world.hasher.hash(secret or ""), asked),
            "fund": c.Fund(budget_id, c.FundingOperation.CREDIT, quanta(amount)),
            "pause": c.UpdateBudget(budget_id, c.PolicyPatch(paused=True)),
            "resume": c.Resume(budget_id, "r"),
            "external": c.RecordExternal(budget_id, spend(amount, f"x{which}", category="food")),
            "confirm": c.Confirm(event, quanta(amount)),
            "void": c.Void(event, "r", children=True),
        }[verb]
        orders.append(order_of(command))
    return orders


def shown(outcome: Outcome) -> Any:
    if isinstance(outcome, AuthorizeReply | EventReply):
        return (outcome.event.decision, outcome.event.verdict.denial, outcome.budget.funds)
    return code_of(outcome)


@given(st.lists(ASKS | OTHERS, min_size=2, max_size=5))
def test_a_batch_writes_the_very_bytes_that_its_orders_write_one_after_the_other(steps: list[tuple[str, int, int]]):
    at_once, in_turn = World(), World()
    batch, singles = orders_of(at_once, steps), orders_of(in_turn, steps)

    outcomes = at_once.engine.commit(batch)
    expected = [outcome for single in singles for outcome in in_turn.engine.commit([single])]

    assert [shown(outcome) for outcome in expected] == [shown(outcome) for outcome in outcomes]
    assert contents(in_turn)["entries"] == contents(at_once)["entries"]


def test_a_denial_in_a_batch_names_what_its_predecessors_left():
    world = World()
    budget = world.budget(100)
    *_, denied = together(world, asking(world, budget, 70, "a"), asking(world, budget, 40, "b"))

    assert isinstance(denied, AuthorizeReply)
    assert (Denial.INSUFFICIENT_FUNDS, quanta(30)) == (denied.event.verdict.denial, denied.event.verdict.fits)
    assert 2 == world.ask(q.GetLedger(budget.budget.id)).total
