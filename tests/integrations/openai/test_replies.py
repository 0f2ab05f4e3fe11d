"""
Both APIs of OpenAI, whole and streamed, blocking and awaited: the dispatcher makes the calls of a real response.
"""

from __future__ import annotations

import asyncio

import pytest

openai = pytest.importorskip("openai")

from figuard import FiGuardDeniedException, FiGuardError  # noqa: E402
from figuard.integrations.openai import guarded_openai_function, run_tools, run_tools_async  # noqa: E402
from tests.integrations.shop import BROKEN, Shop  # noqa: E402

PROPERTIES = {"item": {"type": "string"}, "price": {"type": "number"}}
SCHEMA = {"type": "object", "properties": PROPERTIES}
CHAT_TOOLS = [{"type": "function", "function": {"name": "buy", "parameters": SCHEMA}}]
RESPONSES_TOOLS = [{"type": "function", "name": "buy", "parameters": SCHEMA, "strict": False}]
THREE = [("buy", {"item": name, "price": price}) for name, price in (("a", 60), ("b", 60), ("c", 30))]
START = {"role": "user", "content": "go"}


class Chat:
    """The loop of a program on chat completions."""

    def __init__(self, model, api):
        self.client = api(base_url=model.openai_url, api_key="none", max_retries=0)
        self.messages = [START]

    def ask(self):
        return self.client.chat.completions.create(model="m", messages=self.messages, tools=CHAT_TOOLS)

    def ask_streaming(self):
        with self._streams().stream(model="m", messages=self.messages, tools=CHAT_TOOLS) as stream:
            return stream.get_final_completion()

    def _streams(self):
        # The stream helper left the beta room in openai 1.92.
        completions = self.client.chat.completions
        return completions if hasattr(completions, "stream") else self.client.beta.chat.completions

    def take(self, response, results):
        called = response.choices[0].message.tool_calls
        calls = [one.model_dump(include={"id", "type", "function"}) for one in called]
        self.messages += [{"role": "assistant", "tool_calls": calls}, *results]


class Responses:
    """The loop of a program on the Responses API."""

    def __init__(self, model, api):
        self.client = api(base_url=model.openai_url, api_key="none", max_retries=0)
        self.items = [START]

    def ask(self):
        return self.client.responses.create(model="m", input=self.items, tools=RESPONSES_TOOLS)

    def ask_streaming(self):
        if not hasattr(self.client.responses, "stream"):
            pytest.skip("this openai has no stream helper for responses")
        with self.client.responses.stream(model="m", input=self.items, tools=RESPONSES_TOOLS) as stream:
            return stream.get_final_response()

    def take(self, response, results):
        calls = [
            {"type": "function_call", "call_id": one.call_id, "name": one.name, "arguments": one.arguments}
            for one in response.output
        ]
        self.items += [*calls, *results]


@pytest.fixture
async def begin(model):
    """
    Begins loops of programs, and closes their clients afterwards.
    """
    made = []

    def make(loop, api=openai.OpenAI):
        made.append(loop(model, api))
        return made[-1]

    yield make
    for program in made:
        closing = program.client.close()
        if closing is not None:
            await closing


LOOPS = pytest.mark.parametrize("loop", [Chat, Responses])


def one_turn(program, tools, guard, ask="ask"):
    """Let the model call once and show it what came of it."""
    response = getattr(program, ask)()
    program.take(response, run_tools(response, tools, guard))
    program.ask()


async def one_turn_awaited(program, tools, guard):
    response = await program.ask()
    program.take(response, await run_tools_async(response, tools, guard))
    await program.ask()


def assert_one_was_denied(model, shop, books):
    """Of 60 + 60 + 30 against 100, one 60 did not fit: two ran, the model read of the third."""
    assert len(shop.sold) == 2
    assert "c" in shop.sold
    assert len(model.results) == 3
    (denial,) = [told for told in model.results if "DENIED" in told]
    assert denial.startswith("FiGuard DENIED: INSUFFICIENT_FUNDS — ")
    books.settled(90, CONFIRMED=2, DENIED=1)


@LOOPS
@pytest.mark.parametrize("ask", ["ask", "ask_streaming"])
def test_one_of_three_calls_in_a_turn_is_denied(model, begin, books, loop, ask):
    shop = Shop(together=2)
    model.play(THREE)

    one_turn(begin(loop), {"buy": shop.buy}, books.client.guard(books.budget, amount_key="price"), ask)

    assert_one_was_denied(model, shop, books)


@LOOPS
@pytest.mark.parametrize("colour", ["blocking", "asyncio"])
async def test_coroutine_functions_are_awaited_together(model, begin, books, loop, colour):
    shop = Shop(together=2)
    model.play(THREE)
    guard = books.of(colour).guard(books.budget, amount_key="price")

    await one_turn_awaited(begin(loop, openai.AsyncOpenAI), {"buy": shop.buy_async}, guard)

    assert_one_was_denied(model, shop, books)


async def test_blocking_functions_run_on_threads_of_an_awaited_loop(model, begin, books):
    shop = Shop(together=2)
    model.play(THREE)
    guard = books.client.guard(books.budget, amount_key="price")

    await one_turn_awaited(begin(Chat, openai.AsyncOpenAI), {"buy": shop.buy}, guard)

    assert_one_was_denied(model, shop, books)


@pytest.mark.full
@LOOPS
def test_on_a_server_it_is_the_same(model, begin, served_books, loop):
    shop = Shop(together=2)
    model.play(THREE)

    one_turn(begin(loop), {"buy": shop.buy}, served_books.client.guard(served_books.budget, amount_key="price"))

    assert_one_was_denied(model, shop, served_books)


@pytest.mark.full
async def test_on_a_server_awaited_too(model, begin, served_books):
    shop = Shop(together=2)
    model.play(THREE)
    guard = served_books.waiting.guard(served_books.budget, amount_key="price")

    await one_turn_awaited(begin(Responses, openai.AsyncOpenAI), {"buy": shop.buy_async}, guard)
    await served_books.waiting.close()

    assert_one_was_denied(model, shop, served_books)


@LOOPS
def test_what_a_tool_raises_is_told_and_its_hold_released(model, begin, books, shop, loop):
    model.play([("buy", {"item": BROKEN, "price": 60})])

    one_turn(begin(loop), {"buy": shop.buy}, books.client.guard(books.budget, amount_key="price"))

    assert model.results == ["Error: RuntimeError: the till is on fire"]
    books.settled(0, FAILED=1)


@LOOPS
def test_decorated_functions_need_no_further_guard(model, begin, books, shop, loop):
    model.play(THREE)

    @guarded_openai_function(books.client, books.budget, amount_key="price")
    def buy(item: str, price: float) -> str:
        return shop.buy(item, price)

    one_turn(begin(loop), [buy], None)

    assert_one_was_denied(model, shop, books)


@LOOPS
@pytest.mark.parametrize("decorated", [True, False])
def test_a_response_run_again_is_charged_once(model, begin, books, shop, loop, decorated):
    """
    After a crash between the tools and the next request a program has the response, and runs its calls again.
    """
    model.play([("buy", {"item": "a", "price": 30})])
    guard = books.client.guard(books.budget, amount_key="price")
    tools = {"buy": guarded_openai_function(books.client, books.budget, amount_key="price")(shop.buy)}
    program = begin(loop)
    response = program.ask()

    first, again = (run_tools(response, *((tools,) if decorated else ({"buy": shop.buy}, guard))) for _ in range(2))

    assert first == again
    assert shop.sold == ["a"]
    books.settled(30, CONFIRMED=1)


@LOOPS
def test_the_same_call_in_a_later_turn_is_another_purchase(model, begin, books, shop, loop):
    """
    Some servers count the ids of calls from nought in every turn.
    """
    call = ("buy", {"item": "a", "price": 30})
    model.play([call], [call], reuse_ids=True)
    guard = books.client.guard(books.budget, amount_key="price")
    program = begin(loop)

    for _ in range(2):
        response = program.ask()
        program.take(response, run_tools(response, {"buy": shop.buy}, guard))

    assert shop.sold == ["a", "a"]
    books.settled(60, CONFIRMED=2)


def test_the_same_call_twice_in_the_body_of_a_tool_is_two_purchases(model, begin, books, shop):
    """
    The ids of the model's call belong to the tool that the model called, not to what its body calls.
    """
    model.play([("pair", {"item": "a"})])
    guard = books.client.guard(books.budget, price={"pair": 5, "buy": 20})
    buy = guard.wrap(shop.buy)

    def pair(item):
        return [buy(item, 20), buy(item, 20)]

    run_tools(begin(Chat).ask(), {"pair": pair}, guard)

    assert shop.sold == ["a", "a"]
    books.settled(45, CONFIRMED=3)


@pytest.mark.parametrize(
    ("name", "arguments", "told"),
    [
        ("rent", {"price": 1}, "Error: there is no tool called 'rent'"),
        ("buy", [1], "Error: the arguments are no JSON object"),
        ("buy", {"prize": 1}, "Error: TypeError: "),
    ],
)
def test_a_call_that_makes_no_sense_is_told_and_asks_for_nothing(model, begin, books, shop, name, arguments, told):
    model.play([(name, arguments)])

    (message,) = run_tools(begin(Chat).ask(), [shop.buy], books.client.guard(books.budget, amount_key="price"))

    assert message["content"].startswith(told)
    assert ([], {}) == (shop.sold, books.decisions)


def test_arguments_that_are_no_json_are_told_and_ask_for_nothing(model, begin, books, shop):
    model.play([("buy", {"item": "a"})])
    response = begin(Chat).ask()
    response.choices[0].message.tool_calls[0].function.arguments = '{"item": '

    (message,) = run_tools(response, [shop.buy], books.client.guard(books.budget))

    assert message["content"].startswith("Error: the arguments are no JSON: ")
    assert ([], {}) == (shop.sold, books.decisions)


def test_a_function_without_a_guard_is_refused(model, begin, shop):
    model.play(THREE)

    with pytest.raises(TypeError, match="buy is not guarded"):
        run_tools(begin(Chat).ask(), [shop.buy])

    assert shop.sold == []


def test_a_blocking_dispatcher_refuses_what_it_cannot_wait_for(model, begin, books, shop):
    model.play(THREE)

    with pytest.raises(TypeError, match="is async"):
        run_tools(begin(Chat).ask(), {"buy": shop.buy_async}, books.client.guard(books.budget))

    assert shop.sold == []


def test_nobody_to_ask_is_told_to_the_program_and_nothing_runs(model, begin, books, shop):
    model.play(THREE)
    response = begin(Chat).ask()
    guard = books.client.guard(books.budget, amount_key="price")
    books.client.close()

    with pytest.raises(FiGuardError, match="closed"):
        run_tools(response, {"buy": shop.buy}, guard)

    assert shop.sold == []


async def test_what_is_raised_to_the_program_leaves_no_call_behind(model, begin, books):
    """
    A denial that is raised is raised when every call of the turn is over, not in the middle of another one.
    """
    model.play([("buy", {"item": "a", "price": 30}), ("buy", {"item": "b", "price": 600})])
    over = []

    async def buy(item, price):
        while books.decisions.get("DENIED") != 1:
            await asyncio.to_thread(books.events.__len__)
        for _ in range(20):
            await asyncio.sleep(0)
        over.append(item)

    guard = books.client.guard(books.budget, amount_key="price", on_denied="raise")
    response = await begin(Chat, openai.AsyncOpenAI).ask()

    with pytest.raises(FiGuardDeniedException):
        await run_tools_async(response, [buy], guard)

    assert over == ["a"]
    books.settled(30, CONFIRMED=1, DENIED=1)


def test_without_calls_there_is_nothing_to_send(model, begin, books, shop):
    model.play("hello")

    assert [] == run_tools(begin(Chat).ask(), [shop.buy], books.client.guard(books.budget))


def test_what_is_no_response_is_refused(books, shop):
    with pytest.raises(TypeError, match="is no response"):
        run_tools("hello", [shop.buy], books.client.guard(books.budget))


async def test_a_cancelled_call_keeps_its_hold_until_somebody_knows(model, begin, books):
    model.play([("wait", {"amount": 60})])
    program, begun = begin(Chat, openai.AsyncOpenAI), asyncio.Event()

    async def wait(amount):
        begun.set()
        await asyncio.Event().wait()

    response = await program.ask()
    task = asyncio.create_task(run_tools_async(response, [wait], books.client.guard(books.budget)))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert books.reserved == 60
    assert books.events[0].outcome == "UNKNOWN"
