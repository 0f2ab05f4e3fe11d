"""
The decorator: what one call asks for, what it settles, and what cannot be guarded.
"""

from __future__ import annotations

import functools

import pytest

from figuard import FiGuardDeniedException
from tests.unit.client.fakes import TOKEN, async_client, authorized, client, denied, event


def guarded(script, *, amount=5, **options):
    """Return a client's decorator and its transport."""
    guard, transport = client(script)
    return guard.guarded(TOKEN, amount, **options), transport


def test_a_call_is_authorized_run_and_confirmed():
    decorate, transport = guarded([authorized("5.00"), event()])

    @decorate
    def buy(item):
        """Buy something."""
        assert transport.names == ["authorize"]
        return f"bought {item}"

    assert buy("milk") == "bought milk"
    assert transport.names == ["authorize", "confirm_event"]
    assert (buy.__name__, buy.__doc__) == ("buy", "Buy something.")
    body = transport.calls[0].body
    assert (body.requested_quantity, body.action_type, body.description) == (5, "TOOL_CALL", "buy")


def test_a_denied_call_does_not_run():
    decorate, transport = guarded([denied()])

    @decorate
    def buy():
        pytest.fail("it ran")

    with pytest.raises(FiGuardDeniedException):
        buy()
    assert transport.names == ["authorize"]


@pytest.mark.parametrize("call", [lambda buy: buy(7), lambda buy: buy(price=7), lambda buy: buy()])
def test_the_amount_sees_the_arguments_however_they_are_passed(call):
    """
    By position, by keyword, or left to the default: a call is never unmetered because of how it was written.
    """
    decorate, transport = guarded([authorized("7.00"), event()], amount=lambda arguments: arguments["price"])

    @decorate
    def buy(price=7):
        return price

    call(buy)
    assert transport.calls[0].body.requested_quantity == 7


def test_key_and_category_see_the_arguments_too():
    decorate, transport = guarded(
        [authorized(), event()],
        key=lambda arguments: f"order-{arguments['number']}",
        category=lambda arguments: arguments["kind"],
    )

    @decorate
    def buy(number, kind):
        return number, kind

    buy(42, "flights")
    assert transport.calls[0].body.idempotency_key == "order-42"
    assert transport.calls[0].body.claimed_category == "flights"


def test_an_amount_that_cannot_be_told_stops_the_call():
    decorate, transport = guarded([], amount=lambda arguments: arguments["amount"])

    @decorate
    def buy(price):
        pytest.fail("it ran")

    with pytest.raises(KeyError):
        buy(7)
    assert transport.names == []


@pytest.mark.parametrize(
    ("cost", "confirmed"),
    [
        (lambda result: result["cost"], "3.50"),
        (lambda _: None, "5.00"),
        (lambda result: result["typo"], "5.00"),
        (lambda _: -1, "5.00"),
    ],
)
def test_the_result_says_what_was_spent_and_otherwise_all_of_it_was(cost, confirmed):
    decorate, transport = guarded([authorized("5.00"), event()], cost=cost)

    @decorate
    def buy():
        return {"cost": "3.50"}

    assert buy() == {"cost": "3.50"}
    assert str(transport.calls[1].body.confirmed_quantity) == confirmed


def test_a_call_that_raises_is_failed():
    decorate, transport = guarded([authorized(), event("FAILED")])

    @decorate
    def buy():
        raise KeyError("no such item")

    with pytest.raises(KeyError):
        buy()
    assert transport.names == ["authorize", "fail_event"]


def test_wrong_arguments_are_wrong_before_anything_is_asked():
    decorate, transport = guarded([])

    @decorate
    def buy(price):
        return price

    with pytest.raises(TypeError):
        buy(1, 2)
    assert transport.names == []


def test_methods_are_guarded_below_the_class():
    decorate, transport = guarded([authorized(), event()], amount=lambda arguments: arguments["self"].price)

    class Shop:
        price = 5

        @decorate
        def buy(self):
            return self.price

    assert Shop().buy() == 5
    assert transport.calls[0].body.requested_quantity == 5


def generator():
    yield 1


async def async_generator():
    yield 1


def plain(made):
    """Return a plain function that returns what *made* makes, as a forgotten ``await`` or ``yield from`` does."""

    def function():
        return made()

    return function


class CallableGenerator:
    def __call__(self):
        yield 1


@pytest.mark.parametrize(
    ("function", "says"),
    [
        (generator, "generator"),
        (async_generator, "generator"),
        (functools.partial(generator), "generator"),
        (CallableGenerator(), "generator"),
        (staticmethod(generator), "staticmethod"),
        ("text", "function"),
    ],
)
def test_what_cannot_be_guarded_is_refused_at_decoration(function, says):
    decorate, _ = guarded([])

    with pytest.raises(TypeError, match=says):
        decorate(function)


@pytest.mark.parametrize("made", [generator, async_generator])
def test_work_that_is_still_to_be_done_is_not_confirmed(made):
    decorate, transport = guarded([authorized(), event("FAILED")])

    with pytest.raises(TypeError, match="has not run yet"):
        decorate(plain(made))()
    assert transport.names == ["authorize", "fail_event"]


async def test_a_blocking_client_guards_a_coroutine_function():
    decorate, transport = guarded([authorized(), event()])

    @decorate
    async def buy(item):
        return item

    assert await buy("milk") == "milk"
    assert transport.names == ["authorize", "confirm_event"]


async def test_a_blocking_client_fails_a_coroutine_that_raises():
    decorate, transport = guarded([authorized(), event("FAILED")])

    @decorate
    async def buy():
        raise KeyError

    with pytest.raises(KeyError):
        await buy()
    assert transport.names == ["authorize", "fail_event"]


async def test_an_async_client_guards_a_coroutine_function():
    guard, transport = async_client([authorized(), event()])

    @guard.guarded(TOKEN, 5, cost=lambda result: result)
    async def buy():
        return 3

    assert await buy() == 3
    assert transport.calls[1].body.confirmed_quantity == 3


def test_an_async_client_cannot_guard_what_is_not_awaited():
    guard, _ = async_client()

    with pytest.raises(TypeError, match="FiGuardClient"):
        guard.guarded(TOKEN, 5)(lambda: None)


def test_an_awaitable_from_a_plain_function_is_refused():
    decorate, transport = guarded([authorized(), event("FAILED")])

    async def work():
        return 1

    with pytest.raises(TypeError, match="coroutine"):
        decorate(plain(work))()
    assert transport.names == ["authorize", "fail_event"]
