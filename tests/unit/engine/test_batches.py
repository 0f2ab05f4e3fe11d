"""
A batch is its orders one after the other: none sees half of another, and none takes another down.
"""

from __future__ import annotations

import pytest

from figuard.domain import commands as c
from figuard.domain.amounts import quanta
from figuard.domain.budget import Policy
from figuard.domain.codes import ErrorCode
from figuard.domain.entitlements import RenewalPeriod
from figuard.domain.events import Decision
from figuard.domain.refusal import Refusal
from figuard.domain.replies import AuthorizeReply, BudgetReply
from figuard.ports import Kind, StoreConflict, StoreUnavailable
from tests.builders import World, allocation, spend
from tests.unit.engine.tools import (
    STRANGER,
    WatchedStore,
    asking,
    code_of,
    contents,
    decisions,
    entry_kinds,
    fingerprinted,
    order_of,
    present,
    subscribe,
    together,
)


def test_outcomes_come_in_the_order_of_their_orders():
    world = World()
    budget = world.budget()
    outcomes = together(world, *(asking(world, budget, n, f"k{n}") for n in (3, 1, 2)))

    assert ["k3", "k1", "k2"] == [o.event.spend.key for o in outcomes if isinstance(o, AuthorizeReply)]


def test_each_order_finds_the_budget_as_its_predecessors_left_it():
    world = World()
    budget = world.budget(100)
    outcomes = together(world, *(asking(world, budget, 40, f"k{n}") for n in range(3)))

    assert [Decision.AUTHORIZED, Decision.AUTHORIZED, Decision.DENIED] == decisions(outcomes)
    assert (0, quanta(80)) == fingerprinted(world, budget)


def test_a_duplicate_in_one_batch_is_charged_once():
    world = World()
    budget = world.budget()
    first, again = together(world, asking(world, budget), asking(world, budget))

    assert isinstance(first, AuthorizeReply)
    assert isinstance(again, AuthorizeReply)
    assert (first.event, False, True) == (again.event, first.replayed, again.replayed)
    assert (0, quanta(10)) == fingerprinted(world, budget)


def test_a_reused_key_in_one_batch_is_refused():
    world = World()
    budget = world.budget()
    _, other = together(world, asking(world, budget, 10), asking(world, budget, 20))

    assert ErrorCode.IDEMPOTENCY_KEY_REUSED is code_of(other)


def test_a_second_event_for_an_entity_in_one_batch_is_denied():
    world = World()
    budget = world.budget(entity_dedup=True)
    orders = [asking(world, budget, 10, key, entity_id="order") for key in "ab"]

    assert [Decision.AUTHORIZED, Decision.DENIED] == decisions(together(world, *orders))


def test_two_budgets_of_one_batch_with_one_reference_are_one_budget():
    world = World()
    create = order_of(c.CreateBudget("user", quanta(10), Policy(), "USD", external_reference="ref"))
    one, other = together(world, create, create)

    assert isinstance(one, BudgetReply)
    assert isinstance(other, BudgetReply)
    assert (True, False, one.budget.id) == (one.created, other.created, other.budget.id)


def test_two_delegations_of_one_batch_with_one_label_are_one_token():
    world = World()
    delegate = order_of(c.Delegate(world.budget().budget.id, "agent"))
    one, other = together(world, delegate, delegate)

    assert one.token.id == other.token.id  # pyright: ignore[reportAttributeAccessIssue] - both are replies


def test_one_subscriber_is_registered_once_in_one_batch():
    world = World()
    create = order_of(c.CreateSubscription("customer", "Customer", RenewalPeriod.MONTHLY))

    assert [None, ErrorCode.SUBSCRIBER_EXISTS] == [code_of(o) for o in together(world, create, create)]


def test_one_mutation_key_is_carried_out_once_in_one_batch():
    world = World()
    budget = world.budget()
    fund = order_of(
        c.Fund(budget.budget.id, c.FundingOperation.CREDIT, quanta(5)), idempotency_key="k", fingerprint="f"
    )
    one, other = together(world, fund, fund)

    assert one == other
    assert quanta(105) == world.stored(budget).funds.limit


def test_a_token_revoked_earlier_in_the_batch_opens_nothing():
    world = World()
    budget = world.budget()
    token = world.delegate(budget, "agent")
    ask = order_of(c.Authorize(world.hasher.hash(token.secret), spend()))
    _, refused = together(world, order_of(c.Revoke(token.token.id)), ask)

    assert ErrorCode.INVALID_SESSION_TOKEN is code_of(refused)


def test_a_void_takes_children_along_that_were_opened_earlier_in_the_batch():
    world = World()
    budget = world.budget()
    root = world.authorize(budget, 10, "root").event
    outcomes = together(
        world, asking(world, budget, 5, "child", parent_event_id=root.id), order_of(c.Void(root.id, "r", children=True))
    )

    assert [None, None] == [code_of(outcome) for outcome in outcomes]
    assert (0, 0) == fingerprinted(world, budget)


def test_a_void_refuses_for_children_that_were_opened_earlier_in_the_batch():
    world = World()
    budget = world.budget()
    root = world.authorize(budget, 10, "root").event
    _, refused = together(
        world, asking(world, budget, 5, "child", parent_event_id=root.id), order_of(c.Void(root.id, "r"))
    )

    assert ErrorCode.EVENT_HAS_CHILDREN is code_of(refused)


# -- refusals and defects ------------------------------------------------------------------------------------------


def test_a_refused_order_leaves_no_trace_and_its_neighbours_are_fine():
    """
    The tree is voided from below until a payment settled outside stops it: what was voided by then comes back.
    """
    world = World()
    budget = world.budget()
    root = world.authorize(budget, 10, "root").event
    paid = world.authorize(budget, 10, "paid", parent_event_id=root.id).event
    open_one = world.authorize(budget, 10, "open", parent_event_id=root.id).event
    world.confirm(paid, 10, external_transaction_id="tx")
    before = entry_kinds(world, budget.budget.id)

    outcomes = together(
        world, asking(world, budget, 1, "a"), order_of(c.VoidTree(root.id, "r")), asking(world, budget, 1, "b")
    )

    assert [None, ErrorCode.VOID_REQUIRES_REFUND, None] == [code_of(outcome) for outcome in outcomes]
    assert Decision.AUTHORIZED is present(world, open_one).decision
    assert [*before, "AUTHORIZED", "AUTHORIZED"] == entry_kinds(world, budget.budget.id)
    world.judge(budget)


def test_a_defect_in_one_order_does_not_take_its_neighbours_down():
    world = World()
    budget = world.budget()
    spoiled = asking(world, budget, 1, "spoiled", metadata={"no": object()})
    one, defect, other = together(world, asking(world, budget, 1, "a"), spoiled, asking(world, budget, 1, "b"))

    assert isinstance(defect, TypeError)
    assert [Decision.AUTHORIZED] * 2 == decisions([one, other])
    world.judge(budget)


def test_a_defect_reaches_its_caller_as_an_internal_error():
    world = World()
    budget = world.budget()

    with pytest.raises(Refusal, match=r"INTERNAL_ERROR.*TypeError"):
        world.authorize(budget, metadata={"no": object()})


def test_an_order_for_nothing_is_refused_before_its_turn():
    world = World()
    outcomes = together(world, order_of(c.Confirm("nobody", 0)), order_of(c.Cancel("no")))

    assert [ErrorCode.NOT_FOUND, ErrorCode.NOT_FOUND] == [code_of(outcome) for outcome in outcomes]


def test_a_refused_batch_writes_nothing():
    world = World()
    budget = world.budget()
    before = contents(world)
    together(world, order_of(c.Confirm("nobody", 0)), order_of(c.Resume(budget.budget.id, "r")))

    assert before == contents(world)


# -- one transaction -----------------------------------------------------------------------------------------------


def watched() -> tuple[World, WatchedStore]:
    store = WatchedStore()
    return World(store), store


def test_a_batch_is_one_transaction():
    world, store = watched()
    budget = world.budget()
    before = store.transactions
    together(world, *(asking(world, budget, 1, f"k{n}") for n in range(20)))

    assert 1 == store.transactions - before


def test_reads_of_one_kind_are_made_in_one_go():
    world, store = watched()
    budgets = [world.budget() for _ in range(5)]
    store.reads.clear()
    together(world, *(asking(world, budget, 1, f"k{n}") for n, budget in enumerate(budgets)))
    kinds = [kind for kind, _ in store.reads]

    assert sorted(set(kinds), key=kinds.index) == kinds


def test_reads_are_made_in_ascending_phase():
    world, store = watched()
    _, item = subscribe(world)
    budgets = [world.budget(item_id=item.id), world.budget(entity_dedup=True)]
    store.reads.clear()
    together(world, *(asking(world, budget, 1, f"k{n}", entity_id="e") for n, budget in enumerate(budgets)))
    phases = [kind.phase for kind, _ in store.reads]

    assert sorted(phases) == phases


def test_nothing_is_read_twice():
    world, store = watched()
    budget = world.budget(allocations=(allocation("food", 50),))
    store.reads.clear()
    together(world, *(asking(world, budget, 1, f"k{n % 3}", category="food") for n in range(9)))
    asked = [(kind, key) for kind, keys in store.reads for key in keys]

    assert len(set(asked)) == len(asked)


def test_orders_of_one_kind_are_gathered_in_as_many_reads_as_one_of_them():
    world, store = watched()
    budgets = [world.budget(1000) for _ in range(3)]
    held = [world.authorize(budget, key="held").event for budget in budgets]

    def reads(*orders: c.Order) -> list[Kind]:
        store.reads.clear()
        together(world, *orders)
        return [kind for kind, _ in store.reads if kind is not Kind.TENANT_WEBHOOKS]

    lone = reads(asking(world, budgets[0], key="lone"))
    many = reads(*(asking(world, budget, key=f"k{n}") for budget in budgets for n in range(3)))
    settled = reads(*(order_of(c.Fail(event.id, "r")) for event in held))

    assert [Kind.TOKENS_BY_HASH, Kind.BUDGETS, Kind.ATTEMPTS, Kind.TOKENS] == lone == many
    assert [Kind.EVENT_HOMES, Kind.BUDGETS, Kind.EVENTS] == settled


def test_an_event_of_nobody_keeps_nothing_from_those_it_is_settled_with():
    world, _ = watched()
    known = world.authorize(world.budget()).event
    outcomes = together(world, *(order_of(c.Void(event_id, "r")) for event_id in ("nothing", known.id, "nobody")))

    assert [ErrorCode.NOT_FOUND, None, ErrorCode.NOT_FOUND] == [code_of(outcome) for outcome in outcomes]


def test_a_token_of_another_tenant_keeps_nothing_from_those_it_is_asked_with():
    world, store = watched()
    budget, foreign = world.budget(), world.order(c.CreateBudget("user", quanta(10), Policy(), "USD"), tenant=STRANGER)
    store.reads.clear()
    one, refused, other = together(
        world, asking(world, budget, key="a"), asking(world, foreign, key="b"), asking(world, budget, key="c")
    )

    assert [None, ErrorCode.TENANT_MISMATCH, None] == [code_of(outcome) for outcome in (one, refused, other)]
    assert (foreign.budget.id,) not in [keys for kind, keys in store.reads if kind is Kind.BUDGETS]


def test_the_budget_is_locked_before_what_it_guards_is_read():
    world, store = watched()
    budget = world.budget()
    store.reads.clear()
    world.authorize(budget)
    kinds = [kind for kind, _ in store.reads]

    assert kinds.index(Kind.BUDGETS) < min(kinds.index(Kind.TOKENS), kinds.index(Kind.ATTEMPTS))


def test_a_batch_that_fails_as_a_whole_is_decided_one_by_one():
    world, store = watched()
    budget = world.budget()
    store.failures = [StoreUnavailable("gone"), None, StoreUnavailable("gone again"), None]
    one, failed, other = together(world, *(asking(world, budget, 10, key) for key in "abc"))

    assert [Decision.AUTHORIZED] * 2 == decisions([one, other])
    assert isinstance(failed, StoreUnavailable)
    assert (0, quanta(20)) == fingerprinted(world, budget)


def test_a_lone_order_is_tried_again_after_a_conflict():
    world, store = watched()
    budget = world.budget()
    store.failures = [StoreConflict("somebody was faster")]

    assert Decision.AUTHORIZED is world.authorize(budget).event.decision


@pytest.mark.parametrize(
    ("failures", "expected"),
    [
        ([StoreUnavailable("gone")], ErrorCode.STORE_UNAVAILABLE),
        ([StoreConflict("once"), StoreConflict("twice")], ErrorCode.INTERNAL_ERROR),
        ([RuntimeError("a defect")], ErrorCode.INTERNAL_ERROR),
    ],
)
def test_a_store_that_fails_is_reported_and_nothing_is_written(failures: list[Exception], expected: ErrorCode):
    world, store = watched()
    budget = world.budget()
    before = contents(world)
    store.failures = [*failures]

    with pytest.raises(Refusal) as refused:
        world.authorize(budget)

    assert (expected, True) == (refused.value.code, refused.value.row.retryable)
    assert before == contents(world)


def test_a_store_that_cannot_be_read_is_reported():
    world = World()
    budget = world.budget()
    world.store.close()

    with pytest.raises(Refusal, match="STORE_UNAVAILABLE"):
        world.stored(budget)
