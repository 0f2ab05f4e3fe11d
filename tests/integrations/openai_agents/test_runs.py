"""
Whole runs of the OpenAI Agents SDK: every way to guard, every way to run, both APIs of the model.
"""

from __future__ import annotations

import asyncio

import pytest

pytest.importorskip("agents")

from tests.integrations.openai_agents.desk import (
    THREE,
    assert_one_was_denied,
    blocking_tool,
    by_decorator,
    by_guard_tool,
    by_hooks,
    run,
    run_streamed,
    waiting_tool,
)
from tests.integrations.shop import BROKEN, Shop

HOW = pytest.mark.parametrize("how", [by_hooks, by_guard_tool, by_decorator])
RUN = pytest.mark.parametrize("runs", [run, run_streamed])


@HOW
@RUN
@pytest.mark.parametrize("api", ["responses", pytest.param("chat", marks=pytest.mark.full)])
async def test_one_of_three_calls_in_a_turn_is_denied(model, desk, books, how, runs, api):
    shop = Shop(together=2)
    tool, hooks = how(waiting_tool, shop, books.client.guard(books.budget, amount_key="price"), books)
    model.play(THREE)

    await runs(desk.agent(tool, api=api), hooks)

    assert_one_was_denied(model, shop, books)


@HOW
async def test_blocking_functions_too(model, desk, books, shop, how):
    tool, hooks = how(blocking_tool, shop, books.client.guard(books.budget, amount_key="price"), books)
    model.play(THREE)

    await run(desk.agent(tool), hooks)

    assert_one_was_denied(model, shop, books)


@HOW
async def test_an_asyncio_client_guards_coroutine_functions(model, desk, books, how):
    shop = Shop(together=2)
    tool, hooks = how(waiting_tool, shop, books.waiting.guard(books.budget, amount_key="price"), books)
    model.play(THREE)

    await run(desk.agent(tool), hooks)

    assert_one_was_denied(model, shop, books)


@pytest.mark.full
async def test_on_a_server_it_is_the_same(model, desk, served_books):
    shop = Shop(together=2)
    tool, hooks = by_hooks(
        waiting_tool, shop, served_books.waiting.guard(served_books.budget, amount_key="price"), served_books
    )
    model.play(THREE)

    await run(desk.agent(tool), hooks)
    await served_books.waiting.close()

    assert_one_was_denied(model, shop, served_books)


@HOW
@pytest.mark.parametrize("make", [waiting_tool, blocking_tool])
async def test_what_a_tool_raises_is_told_as_ever_and_its_hold_released(model, desk, books, shop, how, make):
    """
    The SDK makes a text of the exception; the guard lies below that, or it would take the failure for a success.
    """
    tool, hooks = how(make, shop, books.client.guard(books.budget, amount_key="price"), books)
    model.play([("buy", {"item": BROKEN, "price": 60})])

    await run(desk.agent(tool), hooks)

    (told,) = model.results
    assert "error occurred" in told
    books.settled(0, FAILED=1)


@pytest.mark.parametrize("how", [by_hooks, by_guard_tool])
async def test_a_tools_own_words_for_an_error_stay(model, desk, books, shop, how):
    def sorry(context, error):
        return f"sorry: {error}"

    def make(shop):
        return waiting_tool(shop, failure_error_function=sorry)

    tool, hooks = how(make, shop, books.client.guard(books.budget, amount_key="price"), books)
    model.play([("buy", {"item": BROKEN, "price": 60})])

    await run(desk.agent(tool), hooks)

    assert model.results == ["sorry: the till is on fire"]
    books.settled(0, FAILED=1)


@pytest.mark.parametrize("how", [by_hooks, by_guard_tool])
async def test_arguments_that_are_not_what_the_tool_takes_spend_nothing(model, desk, books, shop, how):
    tool, hooks = how(waiting_tool, shop, books.client.guard(books.budget, amount_key="price"), books)
    model.play([("buy", {"price": 60}), ("buy", {"item": "a"})])

    await run(desk.agent(tool), hooks)

    assert "FiGuard DENIED: UNKNOWN_AMOUNT" in model.results[1]
    assert shop.sold == []
    books.settled(0, FAILED=1)


@pytest.mark.parametrize("how", [by_hooks, by_guard_tool])
async def test_the_default_of_an_argument_is_metered(model, desk, books, shop, how):
    from agents import function_tool

    def make(shop):
        async def buy(item: str, price: float = 60) -> str:
            return await shop.buy_async(item, price)

        return function_tool(buy, strict_mode=False)

    tool, hooks = how(make, shop, books.client.guard(books.budget, amount_key="price"), books)
    model.play([("buy", {"item": "a"}), ("buy", {"item": "b"})])

    await run(desk.agent(tool), hooks)

    assert len(shop.sold) == 1
    books.settled(60, CONFIRMED=1, DENIED=1)


@pytest.mark.parametrize("how", [by_hooks, by_guard_tool])
async def test_the_same_call_in_a_later_turn_is_another_purchase(model, desk, books, shop, how):
    """
    Some servers count the ids of calls from nought in every turn.
    """
    unguarded = Shop()
    tool, hooks = how(waiting_tool, shop, books.client.guard(books.budget, amount_key="price"), books)
    call = ("buy", {"item": "a", "price": 30})
    for made, under in ((waiting_tool(unguarded), None), (tool, hooks)):
        model.play([call], [call], reuse_ids=True)
        await run(desk.agent(made), under)

    # Newer releases of the SDK take it for the same call themselves; then it is one purchase with and without a guard.
    assert shop.sold == unguarded.sold
    books.settled(30 * len(shop.sold), CONFIRMED=len(shop.sold))


async def test_the_next_run_of_an_agent_pays_from_its_own_budget(model, desk, books, shop):
    agent = desk.agent(waiting_tool(shop))
    other = books.client.create_budget("other", 100, currency="USD", expires_in="1h")
    for budget, item in ((books.budget, "a"), (other, "b")):
        model.play([("buy", {"item": item, "price": 60})])
        await run(agent, books.client.guard(budget, amount_key="price"))

    assert shop.sold == ["a", "b"]
    assert 60 == books.client.get_budget(other.id).quantity_spent
    books.settled(60, CONFIRMED=1)


async def test_runs_that_share_an_agent_at_once_pay_each_its_own(model, desk, books):
    """
    Both runs are inside the tool at the same time, whoever came last.
    """
    shop = Shop(together=2)
    agent = desk.agent(waiting_tool(shop))
    budgets = [books.budget, books.client.create_budget("other", 100, currency="USD", expires_in="1h")]
    call = [("buy", {"item": "a", "price": 60})]
    model.play(call, call)

    await asyncio.gather(*(run(agent, books.client.guard(budget, amount_key="price")) for budget in budgets))

    assert [60, 60] == [books.client.get_budget(budget.id).quantity_spent for budget in budgets]


async def test_a_run_without_hooks_is_still_guarded(model, desk, books, shop):
    agent = desk.agent(waiting_tool(shop))
    for hooks in (books.client.guard(books.budget, amount_key="price"), None):
        model.play([("buy", {"item": "a", "price": 60})])
        await run(agent, hooks)

    assert shop.sold == ["a"]
    books.settled(60, CONFIRMED=1, DENIED=1)


async def test_an_agent_that_is_handed_over_to_is_guarded(model, desk, books, shop):
    second = desk.agent(waiting_tool(shop), name="second")
    first = desk.agent(waiting_tool(shop), name="first", handoffs=[second])
    model.play(
        [("buy", {"item": "a", "price": 60})],
        [("transfer_to_second", {})],
        [("buy", {"item": "b", "price": 60}), ("buy", {"item": "c", "price": 30})],
    )

    result = await run(first, books.client.guard(books.budget, amount_key="price"))

    assert result.last_agent is second
    assert shop.sold == ["a", "c"]
    assert any(told.startswith("FiGuard DENIED: INSUFFICIENT_FUNDS") for told in model.results)
    books.settled(90, CONFIRMED=2, DENIED=1)


def test_a_program_that_waits_is_guarded(model, books, shop):
    """
    ``Runner.run_sync`` has a loop of its own.
    """
    from agents import Runner, set_tracing_disabled

    from figuard.integrations.openai_agents import FiGuardRunHooks
    from tests.integrations.openai_agents.desk import Desk

    set_tracing_disabled(disabled=True)
    desk = Desk(model)
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        model.play(THREE)
        guard = books.client.guard(books.budget, amount_key="price")
        Runner.run_sync(desk.agent(blocking_tool(shop)), "go", hooks=FiGuardRunHooks(guard))
    finally:
        loop.run_until_complete(desk.close())
        asyncio.set_event_loop(None)
        loop.close()

    assert_one_was_denied(model, shop, books)


async def test_a_tool_whose_function_is_guarded_is_charged_once_under_hooks(model, desk, books, shop):
    guard = books.client.guard(books.budget, amount_key="price")
    tool, _ = by_decorator(waiting_tool, shop, guard, books)
    model.play([("buy", {"item": "a", "price": 30})])

    await run(desk.agent(tool), guard)

    books.settled(30, CONFIRMED=1)
