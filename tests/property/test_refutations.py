"""
Ten attempts to get more than was allowed, or to make the books lie. Each fails, and afterwards the ledger verifies
and the balances are what they should be.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from functools import cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from figuard.domain import commands as c
from figuard.domain.amounts import AMOUNT_MAX, QUANTA_PER_UNIT, AmountError, quanta
from figuard.domain.codes import ErrorCode
from figuard.domain.refusal import Refusal
from figuard.domain.replies import BudgetReply
from tests.builders import World

LIMIT, HELD, SPENT = 100, 30, 20


class Honest:
    """A budget of 100 with twenty spent and a hold of thirty; whoever attacks it must leave it so."""

    def __init__(self) -> None:
        self.world = World()
        self.budget: BudgetReply = self.world.budget(LIMIT)
        self.paid = self.world.authorize(self.budget, SPENT, "paid").event
        self.world.confirm(self.paid, SPENT)
        self.held = self.world.authorize(self.budget, HELD, "held").event

    def refuses(self, attack: Callable[[], Any]) -> ErrorCode:
        """Return the code with which an attack is refused; assert that it was, and that nothing moved."""
        with pytest.raises(Refusal) as refused:
            attack()
        self.is_untouched()
        return refused.value.code

    def is_untouched(self, spent: int = SPENT, reserved: int = HELD) -> None:
        """Assert that the ledger verifies and the balances are these."""
        self.world.judge(self.budget)
        balance = self.world.stored(self.budget).funds.balance
        assert (quanta(spent), quanta(reserved)) == (balance.spent, balance.reserved)


@cache
def besieged() -> Honest:
    """Return one honest budget for many attacks: none of them leaves a trace, so the next one finds it as new."""
    return Honest()


def refused_amount(value: object) -> None:
    """Try to spend, confirm and add *value*; each is refused before there is anything to record."""
    honest = Honest()
    attacks: list[Callable[[Any], Any]] = [
        lambda v: honest.world.authorize(honest.budget, v, "attack"),
        lambda v: honest.world.confirm(honest.held, v),
        lambda v: honest.world.order(c.Fund(honest.budget.budget.id, c.FundingOperation.CREDIT, quanta(v))),
    ]
    for attack in attacks:
        with pytest.raises(AmountError):
            attack(value)
    honest.is_untouched()


@given(st.integers(1, AMOUNT_MAX), st.sampled_from(["int", "text", "decimal", "float"]))
def test_1_a_negative_amount_gives_nothing_back(amount: int, form: str):
    exact = -Decimal(amount) / QUANTA_PER_UNIT
    value: object = {"int": -amount // QUANTA_PER_UNIT, "text": str(exact), "decimal": exact, "float": -1.5}[form]

    with pytest.raises(AmountError, match="must not be negative"):
        quanta(value)


def test_1_a_negative_amount_cannot_be_spent():
    refused_amount(-10)


@pytest.mark.parametrize("value", [float("nan"), "NaN", Decimal("NaN"), Decimal("sNaN"), "-nan"])
def test_2_an_amount_that_is_not_a_number_compares_with_nothing_and_is_refused(value: object):
    refused_amount(value)


@pytest.mark.parametrize("value", ["1e400", Decimal("1e400"), float("inf"), "Infinity", 10**400, "9" * 400])
def test_3_an_amount_beyond_all_bounds_is_refused(value: object):
    refused_amount(value)


@pytest.mark.parametrize("value", ["0.000000001", Decimal("1e-9"), 1e-12, "29.999999999", "1." + "0" * 80 + "1"])
def test_4_an_amount_finer_than_a_quantum_is_refused_and_never_rounded_away(value: object):
    refused_amount(value)


@given(st.integers(quanta(LIMIT - SPENT) + 1, AMOUNT_MAX))
def test_5_more_than_is_there_cannot_be_confirmed(quantity: int):
    honest = besieged()
    attack = c.Confirm(honest.held.id, quantity)

    assert ErrorCode.CONFIRM_EXCEEDS_AVAILABLE is honest.refuses(lambda: honest.world.order(attack))


@given(st.integers(0, LIMIT).filter(lambda quantity: quantity != HELD))
def test_6_a_key_stands_for_one_amount(quantity: int):
    honest = besieged()

    assert ErrorCode.IDEMPOTENCY_KEY_REUSED is honest.refuses(
        lambda: honest.world.authorize(honest.budget, quantity, "held")
    )


@given(st.integers(0, LIMIT).filter(lambda quantity: quantity != SPENT))
def test_7_a_payment_is_confirmed_once(quantity: int):
    honest = besieged()

    assert ErrorCode.EVENT_STATE_CONFLICT is honest.refuses(lambda: honest.world.confirm(honest.paid, quantity))


def test_7_a_repeated_confirmation_books_nothing_twice():
    honest = Honest()
    for _ in range(5):
        honest.world.confirm(honest.paid, SPENT)

    honest.is_untouched()


def test_8_a_hold_that_ended_is_not_confirmed_with_money_that_others_took():
    honest = Honest()
    honest.world.clock.advance("5m")
    other = honest.world.authorize(honest.budget, LIMIT - SPENT, "other").event

    with pytest.raises(Refusal, match="AUTHORIZATION_EXPIRED"):
        honest.world.confirm(honest.held, HELD)
    honest.is_untouched(SPENT, LIMIT - SPENT)
    honest.world.void(other)
    honest.world.confirm(honest.held, HELD)

    honest.is_untouched(SPENT + HELD, 0)


def test_9_a_parent_of_another_budget_lends_nothing():
    """
    It is accepted, for agents carry event ids across budgets, but neither its chain's cap nor its funds come along.
    """
    honest = Honest()
    rich = honest.world.budget(10**6)
    parent = honest.world.authorize(rich, 1, max_subtree=10**6).event
    denied = honest.world.authorize(honest.budget, LIMIT, "attack", parent_event_id=parent.id).event

    assert ("DENIED", None, parent.id) == (denied.decision, denied.place.parent_id, denied.place.foreign_parent_id)
    honest.is_untouched()
    honest.world.judge(rich)
    assert quanta(1) == honest.world.stored(rich).funds.balance.reserved


def test_9_a_parent_of_another_tenant_does_not_exist():
    honest = Honest()
    stranger = "11111111-1111-1111-1111-111111111111"
    create = c.CreateBudget("stranger", quanta(10), honest.budget.budget.policy, "USD")
    foreign = honest.world.authorize(honest.world.order(create, tenant=stranger), 1, tenant=stranger).event

    assert ErrorCode.INVALID_PARENT_EVENT is honest.refuses(
        lambda: honest.world.authorize(honest.budget, 1, "attack", parent_event_id=foreign.id)
    )


@pytest.mark.parametrize("back_to", ["2029-12-31T23:59:59Z", "2020-01-01T00:00:00Z", "1970-01-01T00:00:00Z"])
def test_10_a_clock_set_back_neither_frees_nor_prolongs_anything(back_to: str):
    honest = Honest()
    honest.world.clock.set(back_to)
    assert "DENIED" == honest.world.authorize(honest.budget, LIMIT - SPENT, "attack").event.decision
    honest.world.clock.set("2030-01-01T00:04:59Z")
    honest.is_untouched()
    honest.world.clock.set("2030-01-01T00:05:00Z")

    honest.is_untouched(SPENT, 0)
