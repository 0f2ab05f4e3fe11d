"""
A batch is its orders one after the other: none sees half of another, and none takes another down.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from figuard.domain import commands as c
from figuard.domain import questions as q
from figuard.domain.amounts import quanta
from figuard.domain.budget import Policy
from figuard.domain.codes import Denial, ErrorCode
from figuard.domain.entitlements import RenewalPeriod
from figuard.domain.events import Decision
from figuard.domain.refusal import Refusal
from figuard.domain.replies import AuthorizeReply, BudgetReply, EventReply
from figuard.engine.batch import Outcome
from figuard.ports import Kind, StoreConflict, StoreUnavailable
from tests.builders import TENANT, World, allocation, cap, spend
from tests.unit.engine.tools import STRANGER, WatchedStore, contents, entry_kinds, fingerprinted, present, subscribe


def order(command: Any, **fields: Any) -> c.Order:
    return c.Order(command, TENANT, "test", **fields)


def asking(world: World, budget: BudgetReply, quantity: int = 10, key: str = "k1", **fields: Any) -> c.Order:
    """Return the order of an authorization."""
    return order(c.Authorize(world.hasher.hash(budget.secret or ""), spend(quantity, key, **fields)))


def together(world: World, *orders: c.Order) -> list[Outcome]:
    """Commit orders as one batch."""
    return world.engine.commit(orders)


def decisions(outcomes: list[Outcome]) -> list[Decision]:
    return [outcome.event.decision for outcome in outcomes if isinstance(outcome, AuthorizeReply)]


def code(outcome: Outcome) -> ErrorCode | None:
    return outcome.code if isinstance(outcome, Refusal) else None


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

    assert ErrorCode.IDEMPOTENCY_KEY_REUSED is code(other)


def test_a_second_event_for_an_entity_in_one_batch_is_denied():
    world = World()
    budget = world.budget(entity_dedup=True)
    orders = [asking(world, budget, 10, key, entity_id="order") for key in "ab"]

    assert [Decision.AUTHORIZED, Decision.DENIED] == decisions(together(world, *orders))


def test_two_budgets_of_one_batch_with_one_reference_are_one_budget():
    world = World()
    create = order(c.CreateBudget("user", quanta(10), Policy(), "USD", external_reference="ref"))
    one, other = together(world, create, create)

    assert isinstance(one, BudgetReply)
    assert isinstance(other, BudgetReply)
    assert (True, False, one.budget.id) == (one.created, other.created, other.budget.id)


def test_two_delegations_of_one_batch_with_one_label_are_one_token():
    world = World()
    delegate = order(c.Delegate(world.budget().budget.id, "agent"))
    one, other = together(world, delegate, delegate)

    assert one.token.id == other.token.id  # pyright: ignore[reportAttributeAccessIssue] - both are replies


def test_one_subscriber_is_registered_once_in_one_batch():
    world = World()
    create = order(c.CreateSubscription("customer", "Customer", RenewalPeriod.MONTHLY))

    assert [None, ErrorCode.SUBSCRIBER_EXISTS] == [code(o) for o in together(world, create, create)]


def test_one_mutation_key_is_carried_out_once_in_one_batch():
    world = World()
    budget = world.budget()
    fund = order(c.Fund(budget.budget.id, c.FundingOperation.CREDIT, quanta(5)), idempotency_key="k", fingerprint="f")
    one, other = together(world, fund, fund)

    assert one == other
    assert quanta(105) == world.stored(budget).funds.limit


def test_a_token_revoked_earlier_in_the_batch_opens_nothing():
    world = World()
    budget = world.budget()
    token = world.delegate(budget, "agent")
    ask = order(c.Authorize(world.hasher.hash(token.secret), spend()))
    _, refused = together(world, order(c.Revoke(token.token.id)), ask)

    assert ErrorCode.INVALID_SESSION_TOKEN is code(refused)


def test_a_void_takes_children_along_that_were_opened_earlier_in_the_batch():
    world = World()
    budget = world.budget()
    root = world.authorize(budget, 10, "root").event
    outcomes = together(
        world, asking(world, budget, 5, "child", parent_event_id=root.id), order(c.Void(root.id, "r", children=True))
    )

    assert [None, None] == [code(outcome) for outcome in outcomes]
    assert (0, 0) == fingerprinted(world, budget)


def test_a_void_refuses_for_children_that_were_opened_earlier_in_the_batch():
    world = World()
    budget = world.budget()
    root = world.authorize(budget, 10, "root").event
    _, refused = together(
        world, asking(world, budget, 5, "child", parent_event_id=root.id), order(c.Void(root.id, "r"))
    )

    assert ErrorCode.EVENT_HAS_CHILDREN is code(refused)


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
        world, asking(world, budget, 1, "a"), order(c.VoidTree(root.id, "r")), asking(world, budget, 1, "b")
    )

    assert [None, ErrorCode.VOID_REQUIRES_REFUND, None] == [code(outcome) for outcome in outcomes]
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
    outcomes = together(world, order(c.Confirm("nobody", 0)), order(c.Cancel("no")))

    assert [ErrorCode.NOT_FOUND, ErrorCode.NOT_FOUND] == [code(outcome) for outcome in outcomes]


def test_a_refused_batch_writes_nothing():
    world = World()
    budget = world.budget()
    before = contents(world)
    together(world, order(c.Confirm("nobody", 0)), order(c.Resume(budget.budget.id, "r")))

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
    settled = reads(*(order(c.Fail(event.id, "r")) for event in held))

    assert [Kind.TOKENS_BY_HASH, Kind.BUDGETS, Kind.ATTEMPTS, Kind.TOKENS] == lone == many
    assert [Kind.EVENT_HOMES, Kind.BUDGETS, Kind.EVENTS] == settled


def test_an_event_of_nobody_keeps_nothing_from_those_it_is_settled_with():
    world, _ = watched()
    known = world.authorize(world.budget()).event
    outcomes = together(world, *(order(c.Void(event_id, "r")) for event_id in ("nothing", known.id, "nobody")))

    assert [ErrorCode.NOT_FOUND, None, ErrorCode.NOT_FOUND] == [code(outcome) for outcome in outcomes]


def test_a_token_of_another_tenant_keeps_nothing_from_those_it_is_asked_with():
    world, store = watched()
    budget, foreign = world.budget(), world.order(c.CreateBudget("user", quanta(10), Policy(), "USD"), tenant=STRANGER)
    store.reads.clear()
    one, refused, other = together(
        world, asking(world, budget, key="a"), asking(world, foreign, key="b"), asking(world, budget, key="c")
    )

    assert [None, ErrorCode.TENANT_MISMATCH, None] == [code(outcome) for outcome in (one, refused, other)]
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


# -- as if one after the other -------------------------------------------------------------------------------------

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
        orders.append(order(command))
    return orders


def shown(outcome: Outcome) -> Any:
    if isinstance(outcome, AuthorizeReply | EventReply):
        return (outcome.event.decision, outcome.event.verdict.denial, outcome.budget.funds)
    return code(outcome)


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
