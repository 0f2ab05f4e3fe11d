"""
Budgets in the engine: fund, patch, pause, resume, cancel and extend, each an entry, and receipts.
"""

from __future__ import annotations

from typing import Any

import pytest

from figuard.domain import commands as c
from figuard.domain import questions as q
from figuard.domain.amounts import quanta
from figuard.domain.budget import Status
from figuard.domain.codes import Denial, ErrorCode
from figuard.domain.events import Decision
from figuard.domain.instants import DAY
from tests.builders import World
from tests.unit.domain.made import refusal
from tests.unit.engine.tools import contents, entry_kinds, heard, listen

PAUSE, GO_ON = c.PolicyPatch(paused=True), c.PolicyPatch(paused=False)


class Case:
    """A budget of 100 that lives for an hour."""

    def __init__(self) -> None:
        self.world = World()
        self.end = self.world.clock.now() + 3600 * 10**6
        self.budget = self.world.budget(100, expires_at=self.end)
        self.id = self.budget.budget.id

    def order(self, command: Any) -> Any:
        return self.world.order(command)

    def patch(self, patch: c.PolicyPatch) -> Any:
        return self.order(c.UpdateBudget(self.id, patch))

    def last_entry(self) -> Any:
        store: Any = self.world.store
        return store._data.books[self.id][-1].entry


def test_funding_answers_with_the_limit_before_and_after():
    case = Case()
    reply = case.order(c.Fund(case.id, c.FundingOperation.CREDIT, quanta(50), "more"))

    assert (quanta(100), quanta(150), "more") == (reply.previous_limit, reply.budget.funds.limit, reply.reason)
    case.world.judge(case.budget)


@pytest.mark.parametrize(
    ("command", "kind"),
    [
        (lambda b: c.Fund(b, c.FundingOperation.DEBIT, quanta(5), "r"), "BUDGET_FUNDED"),
        (lambda b: c.UpdateBudget(b, PAUSE), "BUDGET_PAUSED"),
        (lambda b: c.UpdateBudget(b, c.PolicyPatch(limit=quanta(200))), "BUDGET_UPDATED"),
        (c.Cancel, "BUDGET_CANCELLED"),
        (lambda b: c.ExtendBudget(b, 10**16), "BUDGET_EXTENDED"),
        (c.RotateToken, "TOKEN_ROTATED"),
        (c.CreateReceipt, "RECEIPT_CREATED"),
        (lambda b: c.Delegate(b, "agent"), "TOKEN_ISSUED"),
    ],
)
def test_everything_done_to_a_budget_is_one_entry_with_its_actor(command: Any, kind: str):
    case = Case()
    before = entry_kinds(case.world, case.id)
    case.world.order(command(case.id), actor="ann")

    assert [*before, kind] == entry_kinds(case.world, case.id)
    assert "ann" == case.last_entry().actor
    case.world.judge(case.budget)


def test_an_entry_states_the_figures_after_it():
    case = Case()
    case.world.authorize(case.budget, 30)
    case.order(c.Fund(case.id, c.FundingOperation.CREDIT, quanta(50)))
    after = case.last_entry().after

    assert (quanta(150), quanta(30)) == (after.limit, after.balance.reserved)


def test_a_patch_that_changes_nothing_writes_nothing():
    case = Case()
    before = contents(case.world)
    case.patch(GO_ON)

    assert before == contents(case.world)


def test_a_paused_budget_denies_and_a_resumed_one_goes_on():
    case = Case()
    case.patch(PAUSE)
    assert Denial.BUDGET_PAUSED is case.world.authorize(case.budget, key="a").event.verdict.denial
    case.order(c.Resume(case.id, "checked", "ann"))

    assert Decision.AUTHORIZED is case.world.authorize(case.budget, key="b").event.decision


def test_pausing_and_resuming_are_told():
    case = Case()
    listen(case.world)
    case.patch(PAUSE)
    case.patch(GO_ON)
    case.patch(PAUSE)
    case.order(c.Resume(case.id, "checked", "ann"))

    assert ["BUDGET_PAUSED", "BUDGET_RESUMED"] * 2 == heard(case.world)


def test_a_resumption_keeps_who_and_why():
    case = Case()
    case.patch(PAUSE)
    case.order(c.Resume(case.id, "checked", "ann"))

    assert {"overrideReason": "checked", "overrideBy": "ann"} == case.last_entry().note


def test_a_cancelled_budget_denies_for_good():
    case = Case()
    reply = case.order(c.Cancel(case.id))

    assert (Status.CANCELLED, case.world.clock.now()) == (reply.budget.status, reply.budget.cancelled_at)
    assert Denial.BUDGET_CANCELLED is case.world.authorize(case.budget).event.verdict.denial
    assert ErrorCode.BUDGET_STATE_CONFLICT is refusal(case.order, c.Resume(case.id, "r"))


def test_cancelling_twice_is_refused_unless_lenient():
    case = Case()
    first = case.order(c.Cancel(case.id))

    assert ErrorCode.INVALID_REQUEST is refusal(case.order, c.Cancel(case.id))
    assert first.budget == case.order(c.Cancel(case.id, lenient=True)).budget


def test_a_cancelled_budget_keeps_its_holds():
    case = Case()
    case.world.authorize(case.budget, 30)
    case.order(c.Cancel(case.id))

    assert quanta(30) == case.world.stored(case.budget).funds.balance.reserved


def test_several_budgets_are_cancelled_at_once():
    case = Case()
    other, ended = case.world.budget(), case.world.budget()
    case.order(c.Cancel(ended.budget.id))
    ids = (case.id, "nobody", other.budget.id, ended.budget.id, case.id)
    reply = case.order(c.CancelBatch(ids))

    assert [case.id, other.budget.id, ended.budget.id] == [budget.id for budget in reply.budgets]
    assert {Status.CANCELLED} == {budget.status for budget in reply.budgets}


def test_an_expired_budget_denies_after_its_grace_and_an_extended_one_goes_on():
    case = Case()
    case.world.clock.advance("61m")
    assert Decision.AUTHORIZED is case.world.authorize(case.budget, key="in grace").event.decision
    case.world.clock.advance(1)
    assert Denial.BUDGET_EXPIRED is case.world.authorize(case.budget, key="over").event.verdict.denial
    case.order(c.ExtendBudget(case.id, case.end + DAY))

    assert Decision.AUTHORIZED is case.world.authorize(case.budget, key="extended").event.decision


def test_a_debit_below_what_is_used_is_refused_and_changes_nothing():
    case = Case()
    case.world.authorize(case.budget, 60)
    before = contents(case.world)

    assert ErrorCode.INVALID_REQUEST is refusal(case.order, c.Fund(case.id, c.FundingOperation.DEBIT, quanta(41)))
    assert before == contents(case.world)


def test_a_debit_may_use_what_an_ended_hold_gave_back():
    case = Case()
    case.world.authorize(case.budget, 60)
    case.world.clock.advance("5m")

    assert refusal(case.order, c.Fund(case.id, c.FundingOperation.DEBIT, quanta(90))) is None


def test_budgets_are_listed_newest_first_without_cancelled_ones():
    case = Case()
    newer = case.world.budget(user_id="ann")
    case.world.order(c.Cancel(case.world.budget().budget.id))
    view = case.world.ask(q.ListBudgets())

    assert ([newer.budget.id, case.id], 2) == ([budget.id for budget in view.budgets], view.total)
    assert 3 == case.world.ask(q.ListBudgets(include_cancelled=True)).total
    assert 1 == case.world.ask(q.ListBudgets(status=Status.CANCELLED)).total
    assert 1 == case.world.ask(q.ListBudgets(user_id="ann")).total


def test_a_list_shows_no_hold_that_has_ended():
    case = Case()
    case.world.authorize(case.budget, 60)
    case.world.clock.advance("5m")

    assert [0] == [budget.funds.balance.reserved for budget in case.world.ask(q.ListBudgets()).budgets]


# -- receipts ------------------------------------------------------------------------------------------------------


def test_a_receipt_shows_the_confirmed_payments_to_whoever_has_its_link():
    case = Case()
    confirmed = case.world.authorize(case.budget, 30, "a").event
    case.world.confirm(confirmed, 20)
    case.world.authorize(case.budget, 30, "b")
    receipt = case.order(c.CreateReceipt(case.id)).receipt
    view = case.world.ask(q.ReadReceipt(receipt.token), tenant="whoever")

    assert (case.id, [confirmed.id]) == (view.budget.id, [event.id for event in view.events])


def test_a_budget_has_one_working_receipt():
    case = Case()

    assert case.order(c.CreateReceipt(case.id)).receipt == case.order(c.CreateReceipt(case.id)).receipt


def test_a_revoked_receipt_is_dead_and_can_be_replaced():
    case = Case()
    first = case.order(c.CreateReceipt(case.id)).receipt
    revoked = case.order(c.RevokeReceipt(case.id)).receipt
    second = case.order(c.CreateReceipt(case.id)).receipt

    assert (first.id, True) == (revoked.id, revoked.revoked_at is not None)
    assert ErrorCode.NOT_FOUND is refusal(case.world.ask, q.ReadReceipt(first.token))
    assert refusal(case.world.ask, q.ReadReceipt(second.token)) is None


@pytest.mark.parametrize("made", [True, False])
def test_there_is_nothing_to_revoke_where_no_receipt_works(made: bool):
    case = Case()
    if made:
        case.order(c.CreateReceipt(case.id))
        case.order(c.RevokeReceipt(case.id))

    assert ErrorCode.NOT_FOUND is refusal(case.order, c.RevokeReceipt(case.id))


@pytest.mark.parametrize(("days", "code"), [(89, None), (90, ErrorCode.RECEIPT_EXPIRED)])
def test_a_receipt_works_for_ninety_days(days: int, code: ErrorCode | None):
    case = Case()
    receipt = case.order(c.CreateReceipt(case.id)).receipt
    case.world.clock.advance(f"{days}d")

    assert code is refusal(case.world.ask, q.ReadReceipt(receipt.token))


def test_an_expired_receipt_is_replaced_by_a_new_one():
    case = Case()
    first = case.order(c.CreateReceipt(case.id)).receipt
    case.world.clock.advance("90d")

    assert first.id != case.order(c.CreateReceipt(case.id)).receipt.id


def test_an_unknown_receipt_is_not_found():
    assert ErrorCode.NOT_FOUND is refusal(World().ask, q.ReadReceipt("guess"))


# -- reports and ledgers -------------------------------------------------------------------------------------------


def test_a_report_adds_up_what_was_confirmed_held_and_denied():
    case = Case()
    case.world.confirm(case.world.authorize(case.budget, 30, "a", agent_id="ann").event, 20)
    case.world.authorize(case.budget, 10, "b", agent_id="ann")
    case.world.authorize(case.budget, 1000, "c", agent_id="ann")
    for question in (q.GetReport(), q.GetReport(budget_id=case.id)):
        (line,) = case.world.ask(question).lines

        assert ("ann", "USD", quanta(20), quanta(10), 1) == (
            line.key, line.measure, line.confirmed, line.held, line.denied,
        )  # fmt: skip


def test_a_ledger_is_filtered_and_paged():
    case = Case()
    for n in range(5):
        case.world.authorize(case.budget, 10, f"k{n}", trace_id=f"trace {n % 2}", agent_id=f"agent {n % 3}")
    case.world.authorize(case.budget, 1000, "denied")
    ask = case.world.ask

    assert (6, 2) == ((view := ask(q.GetLedger(case.id, page=1, size=4))).total, len(view.events))
    assert 1 == ask(q.GetLedger(case.id, decision=Decision.DENIED)).total
    assert 3 == ask(q.GetLedger(case.id, trace_id="trace 0")).total
    assert 2 == ask(q.GetLedger(case.id, agent_id="agent 1")).total
