"""
Tenants: what belongs to another is as absent as what does not exist, to the last word.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from figuard.domain import commands as c
from figuard.domain import questions as q
from figuard.domain.codes import ErrorCode
from figuard.domain.entitlements import RenewalPeriod
from figuard.domain.questions import Hypothesis
from figuard.domain.refusal import Refusal
from tests.builders import TENANT, World, spend
from tests.unit.domain.made import refusal
from tests.unit.engine.tools import STRANGER, contents, listen, subscribe


class Estate:
    """One of everything that a tenant can have."""

    def __init__(self) -> None:
        self.world = World()
        self.subscription, self.item = subscribe(self.world)
        self.budget = self.world.budget(expires_at=self.world.clock.now() + 10**9)
        self.event = self.world.authorize(self.budget, key="own").event
        self.token = self.world.delegate(self.budget, "agent").token
        self.hook = listen(self.world)
        self.key = self.world.order(c.CreateApiKey()).api_key
        self.world.fail(self.world.authorize(self.budget, key="failed").event)
        self.delivery = self.world.ask(q.ListDeliveries()).deliveries[0]


NEW = c.NewItem("n", "u", 1, RenewalPeriod.MONTHLY)
# Each with the id it is about, so that it can be asked about what does not exist as well.
ORDERS: dict[str, tuple[Callable[[str], Any], str]] = {
    "confirm": (lambda x: c.Confirm(x, 0), "event"),
    "fail": (lambda x: c.Fail(x, "r"), "event"),
    "void": (lambda x: c.Void(x, "r"), "event"),
    "void tree": (lambda x: c.VoidTree(x, "r"), "event"),
    "refund": (lambda x: c.Refund(x, 0, "r"), "event"),
    "extend hold": (lambda x: c.ExtendHold(x, 1), "event"),
    "mark unknown": (c.MarkUnknown, "event"),
    "external": (lambda x: c.RecordExternal(x, spend(1, "x")), "budget"),
    "update": (lambda x: c.UpdateBudget(x, c.PolicyPatch(paused=True)), "budget"),
    "fund": (lambda x: c.Fund(x, c.FundingOperation.CREDIT, 1), "budget"),
    "resume": (lambda x: c.Resume(x, "r"), "budget"),
    "cancel": (c.Cancel, "budget"),
    "extend": (lambda x: c.ExtendBudget(x, 10**16), "budget"),
    "rotate": (c.RotateToken, "budget"),
    "delegate": (lambda x: c.Delegate(x, "thief"), "budget"),
    "receipt": (c.CreateReceipt, "budget"),
    "revoke receipt": (c.RevokeReceipt, "budget"),
    "rotate delegation": (c.RotateDelegation, "token"),
    "revoke": (c.Revoke, "token"),
    "move": (lambda x: c.MoveSubscription(x, c.SubscriptionVerb.CANCEL), "subscription"),
    "add item": (lambda x: c.AddItem(x, NEW), "subscription"),
    "reset item": (lambda x: c.ResetItem(x, "item"), "subscription"),
    "delete webhook": (c.DeleteWebhook, "hook"),
    "retry": (c.RetryDelivery, "delivery"),
    "revoke key": (c.RevokeApiKey, "key"),
    "rotate key": (c.RotateApiKey, "key"),
}
QUESTIONS: dict[str, tuple[Callable[[str], Any], str]] = {
    "budget": (q.GetBudget, "budget"),
    "event": (q.GetEvent, "event"),
    "ledger": (q.GetLedger, "budget"),
    "tree": (q.GetTree, "budget"),
    "chain": (q.GetChain, "event"),
    "entries": (q.GetEntries, "budget"),
    "entries of a subscription": (q.GetEntries, "subscription"),
    "verify": (q.VerifyBook, "budget"),
    "replay": (q.Replay, "budget"),
    "state": (lambda x: q.StateAt(x, 10**16), "budget"),
    "timeline": (q.Timeline, "budget"),
    "counterfactual": (lambda x: q.Counterfactual(x, Hypothesis()), "budget"),
    "report": (lambda x: q.GetReport(budget_id=x), "budget"),
    "delegations": (q.ListDelegations, "budget"),
    "delegation": (q.GetDelegation, "token"),
    "subscription": (q.GetSubscription, "subscription"),
    "webhook": (q.GetWebhook, "hook"),
    "deliveries": (q.ListDeliveries, "hook"),
}
CONFINED = {name for name, (_, of) in {**ORDERS, **QUESTIONS}.items() if of in {"budget", "event", "token"}}


def id_of(estate: Estate, of: str) -> str:
    found = getattr(estate, of)
    if isinstance(found, str):
        return found
    name: str = getattr(found, of, found).id
    return name


def said(call: Callable[[], Any]) -> tuple[ErrorCode, str]:
    """Return the code and the sentence of a refusal."""
    with pytest.raises(Refusal) as refused:
        call()
    return refused.value.code, refused.value.detail


@pytest.mark.parametrize("name", ORDERS)
def test_a_stranger_cannot_tell_what_exists_from_what_does_not(name: str):
    estate = Estate()
    make, of = ORDERS[name]
    own, absent = id_of(estate, of), "00000000-0000-7000-8000-ffffffffffff"
    before = contents(estate.world)

    code, sentence = said(lambda: estate.world.order(make(own), tenant=STRANGER))

    assert (ErrorCode.NOT_FOUND, sentence.replace(own, absent)) == (
        code,
        said(lambda: estate.world.order(make(absent), tenant=STRANGER))[1],
    )
    assert before == contents(estate.world)


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_stranger_cannot_see_what_exists(name: str):
    estate = Estate()
    make, of = QUESTIONS[name]
    own, absent = id_of(estate, of), "00000000-0000-7000-8000-ffffffffffff"

    code, sentence = said(lambda: estate.world.ask(make(own), tenant=STRANGER))

    assert (ErrorCode.NOT_FOUND, sentence.replace(own, absent)) == (
        code,
        said(lambda: estate.world.ask(make(absent), tenant=STRANGER))[1],
    )


@pytest.mark.parametrize("name", [name for name in ORDERS if name in CONFINED])
def test_a_caller_confined_to_one_budget_cannot_touch_another(name: str):
    estate = Estate()
    make, of = ORDERS[name]
    order = c.Order(make(id_of(estate, of)), TENANT, "test", only_budget_id="another")
    before = contents(estate.world)

    assert ErrorCode.NOT_FOUND is refusal(estate.world.engine.execute, order)
    assert before == contents(estate.world)


@pytest.mark.parametrize("name", [name for name in QUESTIONS if name in CONFINED])
def test_a_caller_confined_to_one_budget_cannot_see_another(name: str):
    estate = Estate()
    make, of = QUESTIONS[name]

    assert ErrorCode.NOT_FOUND is refusal(
        estate.world.engine.ask, make(id_of(estate, of)), TENANT, only_budget_id="another"
    )


@pytest.mark.parametrize("name", [name for name in QUESTIONS if name in CONFINED and name != "verify"])
def test_a_caller_confined_to_its_budget_can_see_it(name: str):
    estate = Estate()
    make, of = QUESTIONS[name]
    question = make(id_of(estate, of))

    assert refusal(estate.world.engine.ask, question, TENANT, only_budget_id=estate.budget.budget.id) is None


def test_lists_show_ones_own_only():
    estate = Estate()
    lists = {
        "budgets": q.ListBudgets(),
        "subscriptions": q.ListSubscriptions(),
        "webhooks": q.ListWebhooks(),
        "deliveries": q.ListDeliveries(),
        "keys": q.ListApiKeys(),
        "lines": q.GetReport(),
    }

    assert dict.fromkeys(lists, ()) == {
        name: getattr(estate.world.ask(question, tenant=STRANGER), name) for name, question in lists.items()
    }


def test_a_stranger_cancels_nothing_in_a_batch():
    estate = Estate()
    reply = estate.world.order(c.CancelBatch((estate.budget.budget.id, "nobody")), tenant=STRANGER)

    assert ((), "ACTIVE") == (reply.budgets, estate.world.stored(estate.budget).status)


def test_a_confined_caller_sees_its_budget_alone_in_the_list():
    estate = Estate()
    estate.world.budget()
    own = estate.budget.budget.id
    view = estate.world.engine.ask(q.ListBudgets(), TENANT, only_budget_id=own)

    assert [own] == [budget.id for budget in view.budgets]  # pyright: ignore[reportAttributeAccessIssue]


def test_a_confined_caller_has_no_report_over_all_budgets():
    estate = Estate()
    ask = estate.world.engine.ask

    assert ErrorCode.SCOPE_FORBIDDEN is refusal(ask, q.GetReport(), TENANT, only_budget_id=estate.budget.budget.id)


def test_an_order_of_a_key_that_was_revoked_in_between_is_refused():
    estate = Estate()
    estate.world.order(c.RevokeApiKey(estate.key.id))
    fund = c.Order(c.Cancel(estate.budget.budget.id), TENANT, "test", key_id=estate.key.id)

    assert ErrorCode.INVALID_API_KEY is refusal(estate.world.engine.execute, fund)


def test_an_order_of_a_live_key_is_carried_out():
    estate = Estate()
    cancel = c.Order(c.Cancel(estate.budget.budget.id), TENANT, "test", key_id=estate.key.id)

    assert refusal(estate.world.engine.execute, cancel) is None


@pytest.mark.parametrize(("key_id", "tenant"), [("nobody", TENANT), (None, STRANGER)])
def test_an_order_of_an_unknown_or_foreign_key_is_refused(key_id: str | None, tenant: str):
    estate = Estate()
    cancel = c.Order(c.Cancel(estate.budget.budget.id), tenant, "test", key_id=key_id or estate.key.id)

    assert ErrorCode.INVALID_API_KEY is refusal(estate.world.engine.execute, cancel)
