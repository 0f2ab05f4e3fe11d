"""
A repeat of a call that may have paid: nobody knows, so it is not made again until somebody has looked.
"""

from __future__ import annotations

import asyncio

import pytest

DOUBT = "FiGuard DENIED: DUPLICATE_REQUEST — an earlier attempt under this idempotency key may have paid"


class Bank:
    """
    A bank that charges, and whose first answer gets lost.
    """

    def __init__(self):
        self.charged = []

    def pay(self, invoice, amount):
        self.charged.append(amount)
        if len(self.charged) == 1:
            raise TimeoutError("no answer")
        return f"paid {invoice}"

    async def pay_async(self, invoice, amount):
        return self.pay(invoice, amount)


@pytest.fixture
def bank():
    return Bank()


def guarded(books, bank, colour):
    """
    A call of the guarded bank, blocking or awaited.
    """
    guard = books.of(colour).guard(books.budget, key=lambda call: call["invoice"])
    if colour == "blocking":
        pay = guard.wrap(bank.pay)
        return lambda: pay("INV-1", 50)
    pay = guard.wrap(bank.pay_async)
    return lambda: asyncio.run(pay("INV-1", 50))


@pytest.mark.parametrize("colour", ["blocking", "asyncio"])
def test_a_retry_after_a_time_out_does_not_pay_again(colour, books, bank):
    pay = guarded(books, bank, colour)
    with pytest.raises(TimeoutError):
        pay()

    told = [pay(), pay()]

    assert [50] == bank.charged
    assert all(text.startswith(DOUBT) for text in told)
    [event] = books.events
    assert ("AUTHORIZED", "UNKNOWN", 50) == (event.decision, event.outcome, event.held_quantity)
    books.client.confirm(event.id, 50)
    books.settled(50, CONFIRMED=1)


def test_the_same_over_a_server(served_books, bank):
    pay = guarded(served_books, bank, "blocking")
    with pytest.raises(TimeoutError):
        pay()

    assert pay().startswith(DOUBT)
    assert [50] == bank.charged


def test_it_runs_again_once_somebody_has_found_that_it_did_not_pay(books, bank):
    pay = guarded(books, bank, "blocking")
    with pytest.raises(TimeoutError):
        pay()
    books.client.void(books.events[0], "NOT_ON_THE_STATEMENT")

    assert "paid INV-1" == pay()
    assert 50 == books.spent
    assert 0 == books.reserved


def test_it_does_not_run_again_once_somebody_has_found_that_it_did(books, bank):
    pay = guarded(books, bank, "blocking")
    with pytest.raises(TimeoutError):
        pay()
    books.client.confirm(books.events[0], 50)

    assert pay().startswith("FiGuard DENIED: DUPLICATE_REQUEST — ")
    assert [50] == bank.charged
    books.settled(50, CONFIRMED=1)
