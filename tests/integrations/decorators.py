"""
What the decorators of all frameworks promise alike. A test module takes these tests in by ``import *`` and has a
fixture ``decorator``.
"""

from __future__ import annotations

import asyncio
import inspect

import pytest

from tests.integrations.shop import BROKEN, Shop

__all__ = [
    "test_a_call_without_an_amount_is_denied",
    "test_a_coroutine_function_is_asked_for_and_settled_around_its_run",
    "test_a_default_is_metered",
    "test_an_extractor_is_called_with_the_arguments_by_name",
    "test_guarding_twice_is_refused",
    "test_many_threads_never_spend_more_than_there_is",
    "test_name_docstring_and_signature_stay",
    "test_positional_arguments_count",
    "test_the_budget_can_be_a_token_and_the_category_is_told",
    "test_the_denied_body_is_not_entered_and_the_text_is_exact",
    "test_unknown_settings_are_refused",
    "test_what_the_body_raises_is_raised_and_its_hold_released",
]


def test_the_denied_body_is_not_entered_and_the_text_is_exact(books, decorator, shop):
    buy = decorator(books.client, books.budget, amount_key="price")(shop.buy)

    told = [buy(item=item, price=price) for item, price in (("a", 60), ("b", 60), ("c", 30))]

    assert shop.sold == ["a", "c"]
    denied = next(event for event in books.events if event.decision == "DENIED")
    assert told[1] == f"FiGuard DENIED: INSUFFICIENT_FUNDS — {denied.denial_message}"
    books.settled(90, CONFIRMED=2, DENIED=1)


def test_positional_arguments_count(books, decorator, shop):
    buy = decorator(books.client, books.budget, amount_key="price")(shop.buy)

    buy("a", 60)

    assert buy("b", 60).startswith("FiGuard DENIED")
    books.settled(60, CONFIRMED=1, DENIED=1)


def test_a_default_is_metered(books, decorator, shop):
    @decorator(books.client, books.budget)
    def buy(item, amount=400):
        return shop.buy(item, amount)

    assert buy(item="a").startswith("FiGuard DENIED: INSUFFICIENT_FUNDS")
    assert buy(item="b", amount=40) == "sold b for 40"
    books.settled(40, CONFIRMED=1, DENIED=1)


def test_a_call_without_an_amount_is_denied(books, decorator, shop):
    buy = decorator(books.client, books.budget)(shop.buy)
    free = decorator(books.client, books.budget, on_unknown_amount=0)(shop.buy)

    assert buy("a", price=60).startswith("FiGuard DENIED: UNKNOWN_AMOUNT — ")
    assert free("b", price=60) == "sold b for 60"
    assert shop.sold == ["b"]
    books.settled(0, CONFIRMED=1)


def test_an_extractor_is_called_with_the_arguments_by_name(books, decorator, shop):
    buy = decorator(books.client, books.budget, amount_extractor=lambda item, price: price * len(item))(shop.buy)

    assert buy("ab", 30) == "sold ab for 30"
    books.settled(60, CONFIRMED=1)


def test_what_the_body_raises_is_raised_and_its_hold_released(books, decorator, shop):
    buy = decorator(books.client, books.budget, amount_key="price")(shop.buy)

    with pytest.raises(RuntimeError, match="on fire"):
        buy(BROKEN, 60)

    assert [event.failure_reason for event in books.events] == ["TOOL_ERROR"]
    books.settled(0, FAILED=1)


@pytest.mark.parametrize("colour", ["blocking", "asyncio"])
async def test_a_coroutine_function_is_asked_for_and_settled_around_its_run(books, decorator, colour):
    shop = Shop(together=2)
    buy = decorator(books.of(colour), books.budget, amount_key="price")(shop.buy_async)

    assert inspect.iscoroutinefunction(buy)
    told = await asyncio.gather(*(buy(item, price) for item, price in (("a", 60), ("b", 60), ("c", 30))))

    assert len(shop.sold) == 2
    assert sum(one.startswith("FiGuard DENIED") for one in told) == 1
    books.settled(90, CONFIRMED=2, DENIED=1)


def test_many_threads_never_spend_more_than_there_is(books, decorator):
    from concurrent.futures import ThreadPoolExecutor

    shop = Shop(together=5)
    buy = decorator(books.client, books.budget, amount_key="price")(shop.buy)
    with ThreadPoolExecutor(8) as pool:
        told = list(pool.map(lambda number: buy(str(number), 20), range(8)))

    assert len(shop.sold) == 5
    assert sum(one.startswith("FiGuard DENIED") for one in told) == 3
    books.settled(100, CONFIRMED=5, DENIED=3)


def test_the_budget_can_be_a_token_and_the_category_is_told(books, decorator, shop):
    token = books.client.create_delegation_token(books.budget, label="buyer")
    buy = decorator(books.client, token.session_token, category="toys", amount_key="price", agent_id="b")(shop.buy)

    buy("a", 10)

    (event,) = books.events
    assert ("toys", "b", "TOOL_CALL") == (event.claimed_category, event.agent_id, event.action_type)


def test_name_docstring_and_signature_stay(books, decorator, shop):
    buy = decorator(books.client, books.budget)(shop.buy)

    assert ("buy", shop.buy.__doc__) == (buy.__name__, buy.__doc__)
    assert inspect.signature(buy) == inspect.signature(shop.buy)


def test_guarding_twice_is_refused(books, decorator, shop):
    guard = decorator(books.client, books.budget)

    with pytest.raises(TypeError, match="guarded already"):
        guard(guard(shop.buy))


def test_unknown_settings_are_refused(books, decorator):
    with pytest.raises(TypeError, match="amuont"):
        decorator(books.client, books.budget, amuont="price")
