"""
Delegation: any depth, a child never exceeds its parent, and what is held is held on the whole chain.
"""

from __future__ import annotations

from typing import Any

import pytest

from figuard.domain import commands as c
from figuard.domain import questions as q
from figuard.domain.amounts import quanta
from figuard.domain.budget import Balance
from figuard.domain.codes import Denial, ErrorCode
from figuard.domain.events import Decision
from figuard.domain.refusal import Refusal
from figuard.domain.tokens import Token
from figuard.domain.valueclass import replace
from tests.builders import World, allocation, cap
from tests.unit.domain.made import balance, refusal
from tests.unit.engine.delegates import DEPTH, Chain


def test_a_hold_is_taken_on_the_whole_chain():
    chain = Chain()
    chain.ask(50)

    assert [balance(reserved=50)] * DEPTH == chain.balances()
    chain.world.judge(chain.budget)


def test_a_hold_by_a_token_in_the_middle_does_not_touch_those_below():
    chain = Chain()
    chain.ask(50, depth=3)

    assert [balance(reserved=50)] * 3 + [Balance()] * 2 == chain.balances()


@pytest.mark.parametrize(
    ("settle", "expected"),
    [
        (lambda w, e: w.confirm(e, 30), balance(30)),
        (lambda w, e: w.fail(e), Balance()),
        (lambda w, e: w.void(e), Balance()),
        (lambda w, e: (w.confirm(e, 30), w.order(c.Refund(e.id, quanta(10), "r"))), balance(20)),
        (lambda w, _: w.clock.advance("5m"), Balance()),
    ],
)
def test_a_settlement_moves_the_whole_chain_alike(settle: Any, expected: Balance):
    chain = Chain()
    settle(chain.world, chain.ask(50))
    chain.world.stored(chain.budget)

    assert [expected] * DEPTH == chain.balances()
    chain.world.judge(chain.budget)


def test_a_denial_anywhere_in_the_chain_holds_nothing_anywhere():
    """
    The root's hundred are used up by others, although the leaf has its sixty.
    """
    chain = Chain()
    chain.ask(80, "others", depth=1)
    before = chain.balances()
    denied = chain.ask(30, "leaf")

    assert (Denial.DELEGATE_CAP_EXCEEDED, chain.tokens[0].token.id) == (denied.verdict.denial, denied.verdict.level_id)
    assert before == chain.balances()


def test_the_sum_of_children_never_exceeds_their_parent():
    world = World()
    budget = world.budget(1000)
    parent = world.delegate(budget, "parent", cap("food", 100))
    children = [world.delegate(budget, f"child {n}", cap("food", 100), parent_token_id=parent.token.id) for n in "ab"]
    events = [world.authorize(child.secret, 60, f"k{n}", category="food").event for n, child in enumerate(children)]

    assert [Decision.AUTHORIZED, Decision.DENIED] == [event.decision for event in events]


def test_a_child_of_a_token_that_is_dead_opens_nothing():
    """
    Revoking ends the children too; one that was left alive all the same does not come in.
    """
    world = World()
    budget = world.budget()
    parent = world.delegate(budget, "parent")
    child = world.delegate(budget, "child", parent_token_id=parent.token.id)
    store: Any = world.store
    store._data.shelves[Token].put(replace(parent.token, revoked_at=1))

    with pytest.raises(Refusal, match="INVALID_SESSION_TOKEN"):
        world.authorize(child.secret)


def test_a_child_without_caps_is_bound_by_its_parents():
    world = World()
    budget = world.budget(1000)
    parent = world.delegate(budget, "parent", cap("food", 100))
    child = world.delegate(budget, "child", parent_token_id=parent.token.id)

    assert Decision.DENIED is world.authorize(child.secret, 101, "a", category="food").event.decision
    assert Decision.DENIED is world.authorize(child.secret, 1, "b", category="travel").event.decision


def test_a_delegated_event_names_its_token():
    chain = Chain()

    assert chain.tokens[-1].token.id == chain.ask(1).place.token_id


def test_a_flat_budgets_cap_is_released_again():
    """
    The reference system lets caps of flat budgets fill up for good.
    """
    world = World()
    budget = world.budget(1000)
    token = world.delegate(budget, "agent", cap("food", 50)).secret
    for n in range(10):
        world.fail(world.authorize(token, 50, f"k{n}", category="food").event)

    assert Decision.AUTHORIZED is world.authorize(token, 50, "last", category="food").event.decision


def test_a_cap_is_found_whatever_the_case_of_the_allocation():
    world = World()
    budget = world.budget(1000, allocations=(allocation("PAYOUT", 1000),))
    token = world.delegate(budget, "agent", cap("payout", 50)).secret

    assert Decision.DENIED is world.authorize(token, 51, category="Payout").event.decision


# -- issuing -------------------------------------------------------------------------------------------------------


def test_a_delegated_token_is_told_with_its_secret_once():
    world = World()
    budget = world.budget()
    first, again = (world.delegate(budget, "agent") for _ in range(2))

    assert (True, first.token, None) == (first.secret is not None, again.token, again.secret)


def test_a_label_can_be_used_again_after_a_revocation():
    world = World()
    budget = world.budget()
    first = world.delegate(budget, "agent")
    world.order(c.Revoke(first.token.id))
    second = world.delegate(budget, "agent")

    assert (False, True) == (first.token.id == second.token.id, second.secret is not None)


def test_a_label_can_be_used_again_after_its_token_expired():
    world = World()
    budget = world.budget()
    first = world.delegate(budget, "agent", expires_at=world.clock.now() + 10**6)
    world.clock.advance(1)
    second = world.delegate(budget, "agent")

    assert first.token.id != second.token.id
    assert world.ask(q.GetDelegation(first.token.id)).token.revoked_at is not None
    world.judge(budget)


def test_a_delegation_and_a_scoped_token_may_share_a_label():
    world = World()
    budget = world.budget()

    assert world.delegate(budget, "agent").token.id != world.delegate(budget, "agent", scoped=True).token.id


@pytest.mark.parametrize(("scoped", "prefix"), [(False, "st_"), (True, "sc_")])
def test_a_secret_shows_what_kind_of_token_it_opens(scoped: bool, prefix: str):
    world = World()
    reply = world.delegate(world.budget(), "agent", scoped=scoped)

    assert (prefix, reply.token.prefix) == (reply.secret[:3], reply.secret[:12])


def test_a_secret_is_never_stored():
    world = World()
    budget = world.budget()
    token = world.delegate(budget, "agent")
    store: Any = world.store
    books = b"".join(sealed.body for sealed in store._data.books[budget.budget.id])

    for secret in (budget.secret, token.secret):
        assert world.hasher.hash(secret).split(":")[1].encode() not in books
        assert secret.encode() not in books
        assert secret not in repr(list(store._data.shelves[Token].rows.values()))


def test_a_cancelled_budget_is_not_delegated():
    world = World()
    budget = world.budget()
    world.order(c.Cancel(budget.budget.id))

    assert ErrorCode.BUDGET_STATE_CONFLICT is refusal(world.delegate, budget, "agent")


def test_a_parent_of_another_budget_is_unknown():
    world = World()
    foreign = world.delegate(world.budget(), "agent")

    assert ErrorCode.NOT_FOUND is refusal(world.delegate, world.budget(), "x", parent_token_id=foreign.token.id)


def test_a_child_that_would_exceed_its_parent_is_not_made():
    chain = Chain()
    leaf = chain.tokens[-1].token.id

    code = refusal(chain.world.delegate, chain.budget, "x", cap("food", 61), parent_token_id=leaf)
    assert ErrorCode.DELEGATION_EXCEEDS_PARENT is code


def test_the_session_token_may_be_a_parent():
    world = World()
    budget = world.budget()
    child = world.delegate(budget, "child", parent_token_id=budget.token.id)

    assert Decision.AUTHORIZED is world.authorize(child.secret).event.decision
