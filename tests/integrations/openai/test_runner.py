"""
The Responses tool runner runs guarded functions, blocking and awaited, one by one and in parallel.
"""

from __future__ import annotations

import asyncio

import pytest

openai = pytest.importorskip("openai")
runner = pytest.importorskip("openai.lib.responses_tool_runner", reason="this openai has no Responses tool runner")

import pydantic  # noqa: E402

from figuard.integrations.guard import Costed  # noqa: E402
from figuard.integrations.openai import guard_registered_function  # noqa: E402
from tests.integrations.shop import BROKEN, Shop  # noqa: E402

SCHEMA = {
    "type": "object",
    "properties": {"item": {"type": "string"}, "price": {"type": "number"}},
    "required": ["item", "price"],
    "additionalProperties": False,
}
TOOL = {"type": "function", "name": "buy", "strict": True, "parameters": SCHEMA}
PARAMS = {"model": "m", "input": [{"role": "user", "content": "go"}]}
THREE = [("buy", {"item": name, "price": price}) for name, price in (("a", 60), ("b", 60), ("c", 30))]


EAGER = {"stream": True, "eager": True, "max_concurrent_calls": 3}
"""Calls run while the reply streams, those that are independent in parallel."""


def run(model, function, **options):
    with openai.OpenAI(base_url=model.openai_url, api_key="none", max_retries=0) as api:
        return runner.ResponsesToolRunner(functions=[function]).run(api, PARAMS, max_steps=4, **options)


def assert_one_was_denied(model, shop, books):
    assert sorted(shop.sold) in (["a", "c"], ["b", "c"])
    (denial,) = [told for told in model.results if "DENIED" in told]
    assert denial.startswith("FiGuard DENIED: INSUFFICIENT_FUNDS — ")
    books.settled(90, CONFIRMED=2, DENIED=1)


@pytest.mark.parametrize(
    ("together", "options"), [(1, {}), (1, {"stream": True}), (2, EAGER)], ids=["whole", "streamed", "eager"]
)
def test_one_of_three_is_denied(model, books, together, options):
    shop = Shop(together)
    model.play(THREE)
    function = runner.RegisteredFunction(TOOL, lambda given: shop.buy(**given), independent=True)

    run(model, guard_registered_function(function, books.client.guard(books.budget, amount_key="price")), **options)

    assert_one_was_denied(model, shop, books)


@pytest.mark.parametrize("colour", ["blocking", "asyncio"])
@pytest.mark.parametrize("is_lambda", [False, True])
async def test_awaited_functions_run_in_parallel(model, books, colour, is_lambda):
    shop = Shop(together=2)
    model.play(THREE)

    async def buy(given):
        return await shop.buy_async(**given)

    execute = (lambda given: shop.buy_async(**given)) if is_lambda else buy
    function = runner.AsyncRegisteredFunction(TOOL, execute, independent=True)
    guarded = guard_registered_function(function, books.of(colour).guard(books.budget, amount_key="price"))
    async with openai.AsyncOpenAI(base_url=model.openai_url, api_key="none", max_retries=0) as api:
        await runner.AsyncResponsesToolRunner(functions=[guarded]).run(api, PARAMS, max_steps=4, **EAGER)

    assert_one_was_denied(model, shop, books)


@pytest.mark.full
def test_on_a_server_it_is_the_same(model, served_books, shop):
    model.play(THREE)
    function = runner.RegisteredFunction(TOOL, lambda given: shop.buy(**given))

    run(model, guard_registered_function(function, served_books.client.guard(served_books.budget, amount_key="price")))

    assert_one_was_denied(model, shop, served_books)


def test_a_failure_ends_the_run_and_releases_the_hold(model, books, shop):
    model.play([("buy", {"item": BROKEN, "price": 60})])
    function = runner.RegisteredFunction(TOOL, lambda given: shop.buy(**given))

    with pytest.raises(runner.ToolRunnerError):
        run(model, guard_registered_function(function, books.client.guard(books.budget, amount_key="price")))

    books.settled(0, FAILED=1)


def test_a_typed_function_is_metered_with_its_defaults_and_settled_at_its_real_cost(model, books):
    class Buy(pydantic.BaseModel):
        item: str
        price: float

    taken = []

    def buy(given: Buy):
        taken.append(given)
        return Costed("sold", "59.5")

    model.play([("Buy", {"item": "a", "price": 60})])
    function = runner.RegisteredFunction.from_tool(_tool(Buy), execute=buy)

    run(model, guard_registered_function(function, books.client.guard(books.budget, amount_key="price")))

    assert taken == [Buy(item="a", price=60)]
    assert model.results == ["sold"]
    books.settled("59.5", CONFIRMED=1)


def _tool(form):
    from openai.lib._tools import ResponsesPydanticFunctionTool

    schema = form.model_json_schema() | {"additionalProperties": False}
    return ResponsesPydanticFunctionTool(
        {"type": "function", "name": form.__name__, "strict": True, "parameters": schema}, form
    )


def test_what_is_guarded_already_or_is_no_function_of_the_runner_is_refused(books, shop):
    guard = books.client.guard(books.budget)
    guarded = guard_registered_function(runner.RegisteredFunction(TOOL, lambda given: shop.buy(**given)), guard)

    with pytest.raises(TypeError, match="guarded already"):
        guard_registered_function(guarded, guard)
    with pytest.raises(TypeError, match="is no registered function"):
        guard_registered_function(shop.buy, guard)


def test_a_blocking_function_cannot_be_guarded_by_an_asyncio_client(books, shop):
    function = runner.RegisteredFunction(TOOL, lambda given: shop.buy(**given))

    with pytest.raises(TypeError, match="use a FiGuardClient"):
        guard_registered_function(function, books.waiting.guard(books.budget))
    asyncio.run(books.waiting.close())
