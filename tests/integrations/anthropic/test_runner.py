"""
Anthropic's tool runner runs guarded tools, blocking and awaited, whole, streamed and eagerly.
"""

from __future__ import annotations

import asyncio

import pytest

anthropic = pytest.importorskip("anthropic")
if not hasattr(anthropic, "beta_tool"):
    pytest.skip("this anthropic has no tool runner", allow_module_level=True)

from figuard.integrations.anthropic import guard_tool, guarded_anthropic_tool  # noqa: E402
from tests.integrations.shop import BROKEN  # noqa: E402

CALLS = [("buy", {"item": item, "price": price}) for item, price in (("a", 60), ("b", 60), (BROKEN, 30))]
PARAMS = {"model": "m", "max_tokens": 100, "messages": [{"role": "user", "content": "go"}]}


def tool_of(shop):
    @anthropic.beta_tool
    def buy(item: str, price: float = 60) -> str:
        """Buy an item."""
        return shop.buy(item, price)

    return buy


def async_tool_of(shop):
    @anthropic.beta_async_tool
    async def buy(item: str, price: float = 60) -> str:
        """Buy an item."""
        return await shop.buy_async(item, price)

    return buy


def run(model, *tools, **options):
    with anthropic.Anthropic(base_url=model.url, api_key="none", max_retries=0) as api:
        return api.beta.messages.tool_runner(**PARAMS, tools=tools, **options).until_done()


async def run_async(model, *tools, **options):
    async with anthropic.AsyncAnthropic(base_url=model.url, api_key="none", max_retries=0) as api:
        return await api.beta.messages.tool_runner(**PARAMS, tools=tools, **options).until_done()


def assert_one_was_denied(model, shop, books):
    """Of 60 + 60 + 30 against 100: the first ran, the second was denied, the third raised. The model reads both."""
    assert shop.sold == ["a", BROKEN]
    _, denied, failed = model.result_blocks
    assert denied["content"].startswith("FiGuard DENIED: INSUFFICIENT_FUNDS — ")
    assert (True, True) == (denied["is_error"], failed["is_error"])
    assert "the till is on fire" in failed["content"]
    books.settled(60, CONFIRMED=1, DENIED=1, FAILED=1)


WAYS = pytest.mark.parametrize(
    "options", [{}, {"stream": True}, {"stream": True, "run_tools_eagerly": True}], ids=["whole", "streamed", "eager"]
)


@WAYS
def test_one_is_denied_and_one_fails(model, books, shop, options):
    model.play(CALLS)

    run(model, guard_tool(tool_of(shop), books.client.guard(books.budget, amount_key="price")), **options)

    assert_one_was_denied(model, shop, books)


@WAYS
@pytest.mark.parametrize("colour", ["blocking", "asyncio"])
async def test_awaited_tools_too(model, books, shop, options, colour):
    model.play(CALLS)
    guard = books.of(colour).guard(books.budget, amount_key="price")

    await run_async(model, guard_tool(async_tool_of(shop), guard), **options)

    assert_one_was_denied(model, shop, books)


@pytest.mark.full
def test_on_a_server_it_is_the_same(model, served_books, shop):
    model.play(CALLS)

    run(model, guard_tool(tool_of(shop), served_books.client.guard(served_books.budget, amount_key="price")))

    assert_one_was_denied(model, shop, served_books)


def test_the_default_of_an_argument_is_metered(model, books, shop):
    model.play([("buy", {"item": "a"}), ("buy", {"item": "b"})])

    run(model, guard_tool(tool_of(shop), books.client.guard(books.budget, amount_key="price")))

    assert shop.sold == ["a"]
    books.settled(60, CONFIRMED=1, DENIED=1)


def test_a_call_that_the_tool_cannot_take_spends_nothing(model, books, shop):
    model.play([("buy", {"item": ["a"], "price": 60})])

    run(model, guard_tool(tool_of(shop), books.client.guard(books.budget, amount_key="price")))

    assert shop.sold == []
    books.settled(0, FAILED=1)


def test_the_decorator_lies_below_the_runners_own(model, books, shop):
    model.play(CALLS)

    @anthropic.beta_tool
    @guarded_anthropic_tool(books.client, books.budget, amount_key="price")
    def buy(item: str, price: float) -> str:
        """Buy an item."""
        return shop.buy(item, price)

    run(model, buy)

    assert shop.sold == ["a", BROKEN]
    assert model.results[1].startswith("FiGuard DENIED: INSUFFICIENT_FUNDS — ")
    books.settled(60, CONFIRMED=1, DENIED=1, FAILED=1)


def test_a_tool_of_a_class_is_guarded(model, books, shop):
    from anthropic.lib.tools import BetaBuiltinFunctionTool

    class Buy(BetaBuiltinFunctionTool):
        def to_dict(self):
            return {"name": "buy", "input_schema": {"type": "object", "properties": {}}}

        def call(self, input):
            return shop.buy(**input)

    model.play(CALLS)

    run(model, guard_tool(Buy(), books.client.guard(books.budget, amount_key="price")))

    assert_one_was_denied(model, shop, books)


def test_the_tool_itself_stays_as_it_was(books, shop):
    tool = tool_of(shop)

    guard_tool(tool, books.client.guard(books.budget, amount_key="price"))

    assert tool.call({"item": "a", "price": 600}) == "sold a for 600.0"
    assert {} == books.decisions


def test_what_is_guarded_already_or_is_no_tool_is_refused(books, shop):
    guard = books.client.guard(books.budget)

    with pytest.raises(TypeError, match="guarded already"):
        guard_tool(guard_tool(tool_of(shop), guard), guard)
    with pytest.raises(TypeError, match="guarded already"):
        guard_tool(anthropic.beta_tool(guard.wrap(tool_of(shop).func)), guard)
    with pytest.raises(TypeError, match="is no tool"):
        guard_tool(shop.buy, guard)


def test_a_blocking_tool_cannot_be_guarded_by_an_asyncio_client(books, shop):
    with pytest.raises(TypeError, match="use a FiGuardClient"):
        guard_tool(tool_of(shop), books.waiting.guard(books.budget))
    asyncio.run(books.waiting.close())
