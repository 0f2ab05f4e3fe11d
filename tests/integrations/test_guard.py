"""
The shared guard on plain functions of either colour: what runs, what is charged, and what a denial says.
"""

from __future__ import annotations

import asyncio
import threading

import pytest

from figuard import FiGuardApiError, FiGuardDeniedException
from figuard.integrations.guard import Costed, Framework, ToolCall

PRICES = (60, 60, 30)


def buyer(guard, ran):
    """Return a guarded tool that notes what it bought."""

    @guard
    def buy(item, amount=5):
        ran.append(item)
        return f"bought {item}"

    return buy


def waiting_buyer(guard, ran):
    @guard
    async def buy(item, amount=5):
        ran.append(item)
        return f"bought {item}"

    return buy


def test_one_of_three_is_denied_and_never_entered(books):
    ran = []
    buy = buyer(books.client.guard(books.budget), ran)

    told = [buy(item, price) for item, price in zip("abc", PRICES, strict=True)]

    assert ran == ["a", "c"]
    assert told[0] == "bought a"
    assert told[1].startswith("FiGuard DENIED: INSUFFICIENT_FUNDS — ")
    assert told[2] == "bought c"
    books.settled(90, CONFIRMED=2, DENIED=1)


@pytest.mark.parametrize("colour", ["blocking", "asyncio"])
async def test_coroutine_functions_are_guarded_by_both_clients(books, colour):
    ran = []
    buy = waiting_buyer(books.of(colour).guard(books.budget), ran)

    told = await asyncio.gather(*(buy(item, 60) for item in "abc"))

    assert len(ran) == 1
    assert sum(one.startswith("FiGuard DENIED: INSUFFICIENT_FUNDS — ") for one in told) == 2
    books.settled(60, CONFIRMED=1, DENIED=2)


def test_threads_share_one_budget_exactly(books):
    ran = []
    buy = buyer(books.client.guard(books.budget), ran)
    threads = [threading.Thread(target=buy, args=(number, 30)) for number in range(8)]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(ran) == 3
    books.settled(90, CONFIRMED=3, DENIED=5)


@pytest.mark.parametrize("call", [lambda buy: buy("a", 7), lambda buy: buy(item="a", amount=7), lambda buy: buy("a")])
def test_the_amount_is_found_however_it_is_passed(books, call):
    @books.client.guard(books.budget)
    def buy(item, amount=7):
        return item

    call(buy)
    books.settled(7, CONFIRMED=1)


def test_what_raises_is_released_and_raises_on(books):
    @books.client.guard(books.budget, price=60)
    def buy():
        raise KeyError("the processor exploded")

    with pytest.raises(KeyError):
        buy()

    books.settled(0, FAILED=1)
    assert books.events[0].failure_reason == "TOOL_ERROR"
    assert "exploded" in books.events[0].error_message


def test_an_interrupt_leaves_the_hold_for_someone_who_knows(books):
    @books.client.guard(books.budget, price=60)
    def buy():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        buy()

    assert books.reserved == 60
    assert books.events[0].outcome == "UNKNOWN"


@pytest.mark.parametrize("colour", ["blocking", "asyncio"])
@pytest.mark.parametrize(("on_cancel", "reserved", "decision"), [("unknown", 60, "AUTHORIZED"), ("fail", 0, "FAILED")])
async def test_a_cancelled_call_is_settled_although_its_task_is_over(books, colour, on_cancel, reserved, decision):
    entered = asyncio.Event()

    @books.of(colour).guard(books.budget, price=60, on_cancel=on_cancel)
    async def buy():
        entered.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(buy())
    await entered.wait()
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    assert books.reserved == reserved
    assert [event.decision for event in books.events] == [decision]
    assert books.events[0].outcome == ("UNKNOWN" if on_cancel == "unknown" else None)


async def test_a_blocking_client_does_not_block_the_loop(books):
    """
    While a slow store answers on its thread, the loop goes on: the tool's own client call cannot hold it up.
    """
    asked, may_answer = threading.Event(), threading.Event()
    transport = books.client._hands._transport
    sent = transport.send

    def slow(call):
        if call.operation.name == "authorize":
            asked.set()
            assert may_answer.wait(10)
        return sent(call)

    transport.send = slow
    buy = waiting_buyer(books.client.guard(books.budget), [])

    task = asyncio.create_task(buy("a", 60))
    await asyncio.to_thread(asked.wait, 10)
    may_answer.set()  # only a loop that is not blocked gets here

    assert await task == "bought a"


async def test_a_call_cancelled_while_it_asks_leaves_no_hold(books):
    asked, may_answer, answered = threading.Event(), threading.Event(), threading.Event()
    transport = books.client._hands._transport
    sent = transport.send

    def slow(call):
        if call.operation.name == "authorize":
            asked.set()
            assert may_answer.wait(10)
        outcome = sent(call)
        if call.operation.name == "void_event":
            answered.set()
        return outcome

    transport.send = slow
    ran = []
    task = asyncio.create_task(waiting_buyer(books.client.guard(books.budget), ran)("a", 60))
    await asyncio.to_thread(asked.wait, 10)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    may_answer.set()
    await asyncio.to_thread(answered.wait, 10)

    assert ran == []
    books.settled(0, VOIDED=1)


def test_an_asyncio_client_is_refused_for_a_function_that_blocks(books):
    with pytest.raises(TypeError, match="use a FiGuardClient"):
        books.waiting.guard(books.budget)(lambda amount: amount)


def test_an_asyncio_client_is_refused_for_a_call_that_blocks_and_nothing_runs(books):
    guard = books.waiting.guard(books.budget)

    with pytest.raises(TypeError, match="use a FiGuardClient"):
        guard.run(ToolCall("buy", {"amount": 1}), lambda: pytest.fail("it ran"))


def test_who_cannot_ask_does_not_run(books):
    guard = books.client.guard("st_unknown", price=1)

    with pytest.raises(FiGuardApiError):
        guard.wrap(lambda: pytest.fail("it ran"))()


def test_a_denial_may_be_raised_instead(books):
    guard = books.client.guard(books.budget, price=101, on_denied="raise")

    with pytest.raises(FiGuardDeniedException) as raised:
        guard.wrap(lambda: pytest.fail("it ran"))()
    assert raised.value.denial_reason == "INSUFFICIENT_FUNDS"


def test_the_tool_keeps_its_name_and_its_doc(books):
    @books.client.guard(books.budget)
    def buy(item: str, amount: float) -> str:
        """Buy something."""
        return item

    assert (buy.__name__, buy.__doc__) == ("buy", "Buy something.")


# --------------------------------------------------------------------------------------------------- what is settled


@pytest.mark.parametrize(
    ("options", "result", "told"),
    [
        ({"cost_extractor": lambda result: result["paid"]}, {"paid": "45.10"}, {"paid": "45.10"}),
        ({"cost_key": "paid"}, {"paid": 45.1}, {"paid": 45.1}),
        ({"cost_key": "paid"}, '{"paid": 45.1}', '{"paid": 45.1}'),
        ({}, Costed("booked", "45.10"), "booked"),
    ],
    ids=["extractor", "member", "json", "costed"],
)
def test_the_real_cost_is_settled(books, options, result, told):
    guard = books.client.guard(books.budget, price=60, **options)

    assert guard.wrap(lambda: result)() == told
    books.settled("45.10", CONFIRMED=1)


@pytest.mark.parametrize("result", [{}, {"paid": None}, {"paid": "much"}, {"paid": -1}, "{not json", 7])
def test_a_cost_that_nobody_can_tell_is_the_amount(books, result):
    guard = books.client.guard(books.budget, price=60, cost_key="paid")

    assert guard.wrap(lambda: result)() == result
    books.settled(60, CONFIRMED=1)


def test_a_result_that_cannot_be_settled_still_reaches_the_model(books):
    """
    The tool has done its work. The hold stays as of unknown outcome, so the money is not lent twice.
    """
    guard = books.client.guard(books.budget, price=60, cost_key="paid")

    assert guard.wrap(lambda: {"paid": 1000})() == {"paid": 1000}
    assert books.reserved == 60
    assert books.events[0].outcome == "UNKNOWN"


def test_a_result_that_stands_for_a_failure_is_failed(books):
    framework = Framework(failed=lambda result: result.get("error"))
    guard = books.client.guard(books.budget, price=60)

    result = guard.run(ToolCall("buy", {}), lambda: {"error": "no such item"}, framework)

    assert result == {"error": "no such item"}
    books.settled(0, FAILED=1)
    assert books.events[0].error_message == "no such item"


def test_what_a_framework_interrupts_is_voided(books):
    class Pause(Exception):
        pass

    def body():
        raise Pause

    guard = books.client.guard(books.budget, price=60)

    with pytest.raises(Pause):
        guard.run(ToolCall("buy", {}), body, Framework(interrupts=(Pause,)))
    books.settled(0, VOIDED=1)


def test_a_framework_says_what_a_denial_looks_like(books):
    framework = Framework(denied=lambda denied, call: (call.call_id, denied.code, denied.text))
    guard = books.client.guard(books.budget, price=101)

    call_id, code, text = guard.run(ToolCall("buy", {}, call_id="c1"), lambda: pytest.fail("it ran"), framework)

    assert (call_id, code) == ("c1", "INSUFFICIENT_FUNDS")
    assert text.startswith("FiGuard DENIED: INSUFFICIENT_FUNDS — ")


def test_what_a_tool_calls_is_its_child(books):
    guard = books.client.guard(books.budget, price=10)
    search = guard.wrap(lambda: "found", tool="search")
    research = guard.wrap(lambda: search(), tool="research")  # noqa: PLW0108 - it is the call that counts

    research()

    outer, inner = books.events
    assert inner.parent_event_id == outer.id
    books.settled(20, CONFIRMED=2)
