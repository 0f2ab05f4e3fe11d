"""
Settlements in the engine: what each does to the balances, that repeats are harmless, and spending outside.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from figuard.domain import commands as c
from figuard.domain.amounts import quanta
from figuard.domain.budget import EnforcementMode, OveragePolicy
from figuard.domain.codes import Denial, ErrorCode
from figuard.domain.events import Decision, Event
from figuard.domain.limits import DESCENDANTS_MAX
from figuard.domain.refusal import Refusal
from figuard.engine.settle import _below
from figuard.engine.work import Work
from figuard.ports import Kind
from tests.builders import World, allocation, spend
from tests.unit.domain.made import balance, event, refusal
from tests.unit.engine.tools import contents, entry_kinds, fingerprinted, heard, listen, present


class Held:
    """A budget of 100 with a hold of ten."""

    def __init__(self, **fields: Any) -> None:
        self.world = World()
        self.budget = self.world.budget(100, **fields)
        self.event = self.world.authorize(self.budget, 10).event

    def order(self, command: Any) -> Any:
        return self.world.order(command)

    def refund(self, quantity: int) -> Any:
        return self.order(c.Refund(self.event.id, quanta(quantity), "r", "refund tx"))


Step = Callable[[Held], Any]


@pytest.mark.parametrize(
    ("steps", "spent", "reserved"),
    [
        ((lambda k: k.world.confirm(k.event, 10),), 10, 0),
        ((lambda k: k.world.confirm(k.event, 3),), 3, 0),
        ((lambda k: k.world.confirm(k.event, 0),), 0, 0),
        ((lambda k: k.world.confirm(k.event, 90),), 90, 0),
        ((lambda k: k.world.fail(k.event),), 0, 0),
        ((lambda k: k.world.void(k.event),), 0, 0),
        ((lambda k: k.world.confirm(k.event, 8), lambda k: k.world.void(k.event)), 0, 0),
        ((lambda k: k.world.confirm(k.event, 8), lambda k: k.refund(3)), 5, 0),
        ((lambda k: k.world.confirm(k.event, 8), lambda k: k.refund(3), lambda k: k.world.void(k.event)), 0, 0),
        ((lambda k: k.order(c.MarkUnknown(k.event.id)),), 0, 10),
        ((lambda k: k.order(c.ExtendHold(k.event.id, 60)),), 0, 10),
    ],
)
def test_a_settlement_moves_the_balance(steps: tuple[Step, ...], spent: int, reserved: int):
    held = Held()
    for step in steps:
        step(held)

    assert (quanta(spent), quanta(reserved)) == fingerprinted(held.world, held.budget)
    held.world.judge(held.budget)


@pytest.mark.parametrize(
    "step",
    [lambda k: k.world.confirm(k.event, 8), lambda k: k.world.fail(k.event), lambda k: k.world.void(k.event)],
)
def test_an_identical_repeat_answers_with_the_stored_event_and_stores_nothing(step: Step):
    held = Held()
    first = step(held)
    before = contents(held.world)
    again = step(held)

    assert (first.event, before) == (again.event, contents(held.world))


@pytest.mark.parametrize(
    ("kind", "step"),
    [
        ("CONFIRMED", lambda k: k.world.confirm(k.event, 8)),
        ("FAILED", lambda k: k.world.fail(k.event)),
        ("VOIDED", lambda k: k.world.void(k.event)),
        ("HOLD_EXTENDED", lambda k: k.order(c.ExtendHold(k.event.id, 3600))),
        ("OUTCOME_UNKNOWN", lambda k: k.order(c.MarkUnknown(k.event.id))),
        ("REFUNDED", lambda k: (k.world.confirm(k.event, 8), k.refund(1))),
    ],
)
def test_each_settlement_is_one_entry_of_its_kind(kind: str, step: Step):
    held = Held()
    step(held)

    assert kind == entry_kinds(held.world, held.budget.budget.id)[-1]


def test_a_marker_holds_nothing_and_is_confirmed_at_what_was_spent():
    world = World()
    budget = world.budget(10)
    marker = world.authorize(budget, 100, reserve=False).event
    assert (0, 0) == fingerprinted(world, budget)
    world.confirm(marker, 6)

    assert (quanta(6), 0) == fingerprinted(world, budget)
    world.judge(budget)


@pytest.mark.parametrize("settle", ["fail", "void"])
def test_a_marker_on_an_allocation_can_be_taken_back(settle: str):
    world = World()
    budget = world.budget(10, allocations=(allocation("food", 10),))
    marker = world.authorize(budget, 5, category="food", reserve=False).event
    getattr(world, settle)(marker)

    assert balance() == world.stored(budget).funds.allocations[0].balance


def test_a_refund_keeps_its_reason_and_transaction_in_the_ledger():
    held = Held()
    held.world.confirm(held.event, 10)
    held.refund(4)
    store: Any = held.world.store
    note = store._data.books[held.budget.budget.id][-1].entry.note

    assert {"quantity": quanta(4), "reason": "r", "externalTransactionId": "refund tx"} == note


def test_refunds_of_money_booked_before_a_reset_leave_todays_figure_alone():
    held = Held()
    held.world.confirm(held.event, 10)
    held.order(c.Fund(held.budget.budget.id, c.FundingOperation.RESET_SPENT, quanta(100)))
    held.world.confirm(held.world.authorize(held.budget, 7, "new").event, 7)
    held.refund(10)

    assert (quanta(7), 0) == fingerprinted(held.world, held.budget)
    held.world.judge(held.budget)


def test_a_hold_from_before_a_reset_is_confirmed_into_the_new_figure():
    held = Held()
    held.order(c.Fund(held.budget.budget.id, c.FundingOperation.RESET_SPENT, quanta(100)))
    held.world.confirm(held.event, 10)

    assert (quanta(10), 0) == fingerprinted(held.world, held.budget)
    held.world.judge(held.budget)


@pytest.mark.parametrize(
    ("policy", "quantity", "code"),
    [
        (OveragePolicy.REJECT, 11, ErrorCode.CONFIRM_EXCEEDS_HOLD),
        (OveragePolicy.ALLOW_IF_AVAILABLE, 100, None),
        (OveragePolicy.ALLOW_IF_AVAILABLE, 101, ErrorCode.CONFIRM_EXCEEDS_AVAILABLE),
        (OveragePolicy.ALLOW_WITH_OVERDRAFT, 130, None),
        (OveragePolicy.ALLOW_WITH_OVERDRAFT, 131, ErrorCode.CONFIRM_EXCEEDS_AVAILABLE),
    ],
)
def test_more_than_was_held_follows_the_overage_policy(policy: OveragePolicy, quantity: int, code: ErrorCode | None):
    held = Held(overage=policy, overdraft_limit=quanta(30))

    assert code is refusal(held.world.confirm, held.event, quantity)


def test_an_overdrawn_budget_reads_negative_and_denies():
    held = Held(overage=OveragePolicy.ALLOW_WITH_OVERDRAFT, overdraft_limit=quanta(30))
    listen(held.world, "BUDGET_OVERDRAWN")
    held.world.confirm(held.event, 130)

    assert -quanta(30) == held.world.stored(held.budget).available()
    assert Denial.INSUFFICIENT_FUNDS is held.world.authorize(held.budget, 1, "b").event.verdict.denial
    assert ["BUDGET_OVERDRAWN"] == heard(held.world)


@pytest.mark.parametrize("close", [c.UpdateBudget("", c.PolicyPatch(paused=True)), c.Cancel(""), None])
@pytest.mark.parametrize("settle", ["confirm", "fail", "void"])
def test_what_is_held_can_be_settled_whatever_became_of_the_budget(close: Any, settle: str):
    held = Held(expires_at=10**16)
    if close is not None:
        held.order(replace(close, budget_id=held.budget.budget.id))
    else:
        held.world.clock.set("2400-01-01T00:00:00Z")

    assert refusal(getattr(held.world, settle), held.event, *([10] if settle == "confirm" else [])) is None


@pytest.mark.parametrize("command", [c.Confirm("x", 0), c.VoidTree("x", "r"), c.Refund("x", 0, "r")])
def test_an_unknown_event_is_not_found(command: Any):
    assert ErrorCode.NOT_FOUND is refusal(World().order, command)


def test_a_balance_that_no_column_can_hold_is_refused_and_changes_nothing():
    world = World()
    largest = 90_000_000_000
    budget = world.budget(largest)
    world.order(c.RecordExternal(budget.budget.id, spend(largest, "a")))
    before = contents(world)

    assert ErrorCode.BALANCE_OUT_OF_RANGE is refusal(
        world.order, c.RecordExternal(budget.budget.id, spend(largest, "b"))
    )
    assert before == contents(world)


# -- outside -------------------------------------------------------------------------------------------------------


def test_spending_outside_is_booked_whatever_limit_status_or_currency():
    world = World()
    budget = world.budget(10)
    world.order(c.Cancel(budget.budget.id))
    reply = world.order(c.RecordExternal(budget.budget.id, spend(50, currency="EUR"), "IMPORT", 5))

    assert (Decision.CONFIRMED, "IMPORT", 5) == (
        reply.event.decision, reply.event.outcome.source, reply.event.outcome.occurred_at,
    )  # fmt: skip
    assert (quanta(50), 0) == fingerprinted(world, budget)
    world.judge(budget)


@pytest.mark.parametrize(("category", "charged"), [("food", "food"), ("yachts", "rest"), (None, None)])
def test_spending_outside_charges_the_allocation_of_its_category(category: str | None, charged: str | None):
    world = World()
    parts = (allocation("food", 50), allocation("rest", 50, "x", mode=EnforcementMode.OPEN))
    budget = world.budget(100, allocations=parts)
    world.order(c.RecordExternal(budget.budget.id, spend(5, category=category)))

    assert {a.category: quanta(5) if a.category == charged else 0 for a in budget.budget.funds.allocations} == {
        a.category: a.balance.spent for a in world.stored(budget).funds.allocations
    }


def test_spending_outside_in_a_category_that_nobody_takes_charges_the_budget_alone():
    world = World()
    budget = world.budget(100, allocations=(allocation("food", 50),))
    reply = world.order(c.RecordExternal(budget.budget.id, spend(5, category="yachts")))

    assert reply.event.place.allocation_id is None


def test_spending_outside_is_recorded_once():
    world = World()
    budget = world.budget()
    world.order(c.RecordExternal(budget.budget.id, spend(5)))

    with pytest.raises(Refusal, match="has an event with idempotency key 'k1' already"):
        world.order(c.RecordExternal(budget.budget.id, spend(5)))
    assert (quanta(5), 0) == fingerprinted(world, budget)


def test_spending_outside_is_told_with_the_thresholds_it_crosses():
    world = World()
    listen(world)
    world.order(c.RecordExternal(world.budget(100).budget.id, spend(95)))

    assert ["SPEND_CONFIRMED", "BUDGET_90_PCT"] == heard(world)


def test_spending_outside_can_be_refunded():
    world = World()
    budget = world.budget()
    reply = world.order(c.RecordExternal(budget.budget.id, spend(50)))
    world.order(c.Refund(reply.event.id, quanta(20), "r"))

    assert (quanta(30), 0) == fingerprinted(world, budget)
    assert quanta(20) == present(world, reply.event).standing.refunded


def test_a_void_takes_only_so_many_descendants_along():
    world = World()
    work = Work(0, world.ids, world.hasher)
    root = event(id="root")
    children: tuple[Event, ...] = tuple(event(id=f"child {n}", parent_id="root") for n in range(DESCENDANTS_MAX))
    work.take(Kind.DESCENDANTS, [("root", DESCENDANTS_MAX)], {("root", DESCENDANTS_MAX): children})

    with pytest.raises(Refusal, match="void its subtrees first"):
        _below(work, root)
