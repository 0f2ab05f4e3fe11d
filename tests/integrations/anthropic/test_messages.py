"""
A loop written by hand on Anthropic's messages, whole and streamed, blocking and awaited.
"""

from __future__ import annotations

import pytest

anthropic = pytest.importorskip("anthropic")

from figuard.integrations.anthropic import guarded_anthropic_tool, run_tools, run_tools_async  # noqa: E402
from tests.integrations.shop import BROKEN, Shop  # noqa: E402

TOOLS = [{"name": "buy", "input_schema": {"type": "object", "properties": {}}}]
THREE = [("buy", {"item": name, "price": price}) for name, price in (("a", 60), ("b", 60), ("c", 30))]


class Program:
    """The loop of a program."""

    def __init__(self, model, api):
        self.client = api(base_url=model.url, api_key="none", max_retries=0)
        self.messages = [{"role": "user", "content": "go"}]

    @property
    def params(self):
        return {"model": "m", "max_tokens": 100, "messages": self.messages, "tools": TOOLS}

    def ask(self):
        return self.client.messages.create(**self.params)

    def ask_streaming(self):
        with self.client.messages.stream(**self.params) as stream:
            return stream.get_final_message()

    async def ask_streaming_awaited(self):
        async with self.client.messages.stream(**self.params) as stream:
            return await stream.get_final_message()

    def take(self, message, results):
        said = [block.model_dump(include={"type", "id", "name", "input", "text"}) for block in message.content]
        self.messages += [{"role": "assistant", "content": said}, {"role": "user", "content": results}]


@pytest.fixture
async def begin(model):
    """
    Begins loops of programs, and closes their clients afterwards.
    """
    made = []

    def make(api=anthropic.Anthropic):
        made.append(Program(model, api))
        return made[-1]

    yield make
    for program in made:
        closing = program.client.close()
        if closing is not None:
            await closing


def one_turn(program, tools, guard, ask="ask"):
    """Let the model call once and show it what came of it."""
    message = getattr(program, ask)()
    program.take(message, run_tools(message, tools, guard))
    program.ask()


async def one_turn_awaited(program, tools, guard, ask="ask"):
    message = await getattr(program, ask)()
    program.take(message, await run_tools_async(message, tools, guard))
    await program.ask()


def assert_one_was_denied(model, shop, books):
    """Of 60 + 60 + 30 against 100, one 60 did not fit: two ran, and the model read of the third, as an error."""
    assert len(shop.sold) == 2
    assert "c" in shop.sold
    assert [block.get("is_error", False) for block in model.result_blocks].count(True) == 1
    (denied,) = [block for block in model.result_blocks if block.get("is_error")]
    assert denied["content"].startswith("FiGuard DENIED: INSUFFICIENT_FUNDS — ")
    books.settled(90, CONFIRMED=2, DENIED=1)


@pytest.mark.parametrize("ask", ["ask", "ask_streaming"])
def test_one_of_three_calls_in_a_turn_is_denied(model, begin, books, ask):
    shop = Shop(together=2)
    model.play(THREE)

    one_turn(begin(), [shop.buy], books.client.guard(books.budget, amount_key="price"), ask)

    assert_one_was_denied(model, shop, books)


@pytest.mark.parametrize("ask", ["ask", "ask_streaming_awaited"])
@pytest.mark.parametrize("colour", ["blocking", "asyncio"])
async def test_coroutine_functions_are_awaited_together(model, begin, books, ask, colour):
    shop = Shop(together=2)
    model.play(THREE)
    guard = books.of(colour).guard(books.budget, amount_key="price")

    await one_turn_awaited(begin(anthropic.AsyncAnthropic), {"buy": shop.buy_async}, guard, ask)

    assert_one_was_denied(model, shop, books)


@pytest.mark.full
def test_on_a_server_it_is_the_same(model, begin, served_books):
    shop = Shop(together=2)
    model.play(THREE)

    one_turn(begin(), [shop.buy], served_books.client.guard(served_books.budget, amount_key="price"))

    assert_one_was_denied(model, shop, served_books)


def test_decorated_functions_need_no_further_guard(model, begin, books, shop):
    model.play(THREE)

    @guarded_anthropic_tool(books.client, books.budget, amount_key="price")
    def buy(item: str, price: float) -> str:
        return shop.buy(item, price)

    one_turn(begin(), [buy], None)

    assert_one_was_denied(model, shop, books)


def test_what_a_tool_raises_is_told_and_its_hold_released(model, begin, books, shop):
    model.play([("buy", {"item": BROKEN, "price": 60})])

    one_turn(begin(), [shop.buy], books.client.guard(books.budget, amount_key="price"))

    (block,) = model.result_blocks
    assert ("Error: RuntimeError: the till is on fire", True) == (block["content"], block["is_error"])
    books.settled(0, FAILED=1)


def test_a_message_run_again_is_charged_once(model, begin, books, shop):
    """
    After a crash between the tools and the next request a program has the message, and runs its calls again.
    """
    model.play([("buy", {"item": "a", "price": 30})])
    guard = books.client.guard(books.budget, amount_key="price")
    message = begin().ask()

    first, again = (run_tools(message, [shop.buy], guard) for _ in range(2))

    assert first == again
    assert shop.sold == ["a"]
    books.settled(30, CONFIRMED=1)


def test_after_a_crash_the_ledger_remembers_what_the_guard_has_forgotten(model, begin, books, shop):
    model.play([("buy", {"item": "a", "price": 30})])
    message = begin().ask()

    run_tools(message, [shop.buy], books.client.guard(books.budget, amount_key="price"))
    (block,) = run_tools(message, [shop.buy], books.client.guard(books.budget, amount_key="price"))

    assert block["content"].startswith("FiGuard DENIED: DUPLICATE_REQUEST")
    assert shop.sold == ["a"]
    books.settled(30, CONFIRMED=1)


def test_without_calls_there_is_nothing_to_send(model, begin, books, shop):
    model.play("hello")

    assert [] == run_tools(begin().ask(), [shop.buy], books.client.guard(books.budget))


def test_what_is_no_message_is_refused(books, shop):
    with pytest.raises(TypeError, match="is no message"):
        run_tools("hello", [shop.buy], books.client.guard(books.budget))
