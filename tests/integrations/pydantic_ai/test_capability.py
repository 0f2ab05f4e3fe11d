"""
The capability in real agents of Pydantic AI: both dialects of OpenAI, blocking and awaited tools, whole and streamed.
"""

from __future__ import annotations

import asyncio

import pytest

pytest.importorskip("pydantic_ai")
pytest.importorskip("openai")

import httpx2
import openai
from pydantic import BaseModel
from pydantic_ai import Agent, ModelRetry, RunContext
from pydantic_ai.exceptions import ApprovalRequired, CallDeferred
from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
from pydantic_ai.models.test import TestModel
from pydantic_ai.providers.openai import OpenAIProvider
from pydantic_ai.tools import DeferredToolRequests, DeferredToolResults

from figuard.integrations.guard import UNKNOWN_AMOUNT
from figuard.integrations.pydantic_ai import FiGuardCapability
from tests.integrations.shop import BROKEN, Shop

THREE = [("buy", {"item": item, "price": price}) for item, price in (("a", 60), ("b", 60), ("c", 30))]
DENIED = "FiGuard DENIED: INSUFFICIENT_FUNDS — "
SPOKEN = {"chat": OpenAIChatModel, "responses": OpenAIResponsesModel}


OPENED = []


@pytest.fixture(autouse=True)
async def closing():
    """
    The framework keeps its HTTP clients to the end of the process; these are closed, and keep no connection open.
    """
    yield
    while OPENED:
        await OPENED.pop().close()


def provider_of(model):
    limits = httpx2.Limits(max_keepalive_connections=0)
    http = openai.DefaultAsyncHttpxClient(limits=limits)
    OPENED.append(openai.AsyncOpenAI(base_url=model.openai_url, api_key="unused", http_client=http))
    return OpenAIProvider(openai_client=OPENED[-1])


def agent_of(model, shop, *guards, awaited=True, dialect="chat", model_guard=None, **options):
    provider = provider_of(model)
    capabilities = [FiGuardCapability(guard, model_guard=model_guard) for guard in guards]
    agent = Agent(SPOKEN[dialect]("gpt-4o-mini", provider=provider), capabilities=capabilities, **options)

    if awaited:

        @agent.tool
        async def buy(ctx: RunContext, item: str, price: float = 5) -> str:
            return await shop.buy_async(item, price)

    else:

        @agent.tool_plain
        def buy(item: str, price: float = 5) -> str:
            return shop.buy(item, price)

    return agent


def ran_sync(agent, options):
    """A blocking run takes the loop of its thread, or makes one that nobody closes."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        return agent.run_sync("go", **options).output
    finally:
        asyncio.set_event_loop(None)
        loop.close()


async def ran(agent, way, **options):
    if way == "run":
        return (await agent.run("go", **options)).output
    if way == "run_sync":
        return await asyncio.to_thread(ran_sync, agent, options)
    async with agent.run_stream("go", **options) as streamed:
        return await streamed.get_output()


def check_three(model, shop, books):
    assert len(model.requests) == 2
    assert [text.startswith(DENIED) for text in sorted(model.results)] == [True, False, False]
    assert len(shop.sold) == 2
    assert shop.sold.count("c") == 1
    books.settled(90, CONFIRMED=2, DENIED=1)


@pytest.mark.parametrize(
    ("dialect", "awaited", "way"),
    [
        ("chat", True, "run"),
        ("chat", False, "run_sync"),
        ("chat", True, "run_stream"),
        ("responses", False, "run"),
        ("responses", True, "run_stream"),
    ],
)
@pytest.mark.parametrize("colour", ["blocking", pytest.param("asyncio", marks=pytest.mark.full)])
async def test_one_of_three_is_denied_and_the_model_is_told(model, shop, books, dialect, awaited, way, colour):
    guard = books.of(colour).guard(books.budget, amount_key="price")
    model.play(THREE)

    await ran(agent_of(model, shop, guard, awaited=awaited, dialect=dialect), way)

    check_three(model, shop, books)


@pytest.mark.full
async def test_a_server_decides_the_same(model, shop, served_books):
    guard = served_books.client.guard(served_books.budget, amount_key="price")
    model.play(THREE)

    await ran(agent_of(model, shop, guard), "run")

    check_three(model, shop, served_books)


async def test_a_single_run_of_an_agent_that_exists_is_guarded(model, shop, books):
    guard = books.client.guard(books.budget, amount_key="price")
    model.play(THREE)

    await ran(agent_of(model, shop), "run", capabilities=[FiGuardCapability(guard)])

    check_three(model, shop, books)


@pytest.mark.parametrize("awaited", [True, False])
async def test_allowed_calls_run_beside_each_other(model, books, awaited):
    shop = Shop(together=2)
    guard = books.client.guard(books.budget, amount_key="price")
    model.play([THREE[0], THREE[2]])

    await ran(agent_of(model, shop, guard, awaited=awaited), "run")

    books.settled(90, CONFIRMED=2)


async def test_a_tool_that_raises_is_released(model, shop, books):
    guard = books.client.guard(books.budget, amount_key="price")
    model.play([("buy", {"item": BROKEN, "price": 60})])

    with pytest.raises(RuntimeError, match="on fire"):
        await ran(agent_of(model, shop, guard), "run")
    books.settled(0, FAILED=1)


async def test_a_tool_that_wants_a_retry_is_released_and_charged_once(model, books):
    tried = []
    guard = books.client.guard(books.budget, amount_key="price")
    agent = agent_of(model, Shop(), guard)

    @agent.tool_plain
    def order(price: float) -> str:
        tried.append(price)
        if len(tried) == 1:
            raise ModelRetry("say it again")
        return "ordered"

    model.play([("order", {"price": 60})], [("order", {"price": 60})])
    await ran(agent, "run")

    assert tried == [60, 60]
    books.settled(60, FAILED=1, CONFIRMED=1)


@pytest.mark.parametrize("pause", [CallDeferred, ApprovalRequired])
async def test_a_call_that_waits_for_somebody_holds_nothing(model, books, pause):
    guard = books.client.guard(books.budget, amount_key="price")
    agent = agent_of(model, Shop(), guard, output_type=[str, DeferredToolRequests])

    @agent.tool
    def order(ctx: RunContext, price: float) -> str:
        if not ctx.tool_call_approved:
            raise pause
        return "ordered"

    model.play([("order", {"price": 60})])
    first = await agent.run("go")
    books.settled(0, VOIDED=1)

    if pause is ApprovalRequired:
        results = DeferredToolResults(approvals={call.tool_call_id: True for call in first.output.approvals})
        await agent.run(message_history=first.all_messages(), deferred_tool_results=results)
        assert model.results == ["ordered"]
        books.settled(60, VOIDED=1, CONFIRMED=1)


async def test_equal_ids_in_two_steps_and_two_runs_are_purchases_of_their_own(model, shop, books):
    agent = agent_of(model, shop, books.client.guard(books.budget, amount_key="price"))
    same = [("buy", {"item": "a", "price": 20})]
    for _ in range(2):
        model.play(same, same, reuse_ids=True)
        await ran(agent, "run")

    assert shop.sold == ["a"] * 4
    books.settled(80, CONFIRMED=4)


async def test_a_price_the_model_leaves_to_its_default_is_charged(model, shop, books):
    model.play([("buy", {"item": "a"})])

    await ran(agent_of(model, shop, books.client.guard(books.budget, amount_key="price")), "run")

    books.settled(5, CONFIRMED=1)


async def test_a_price_under_another_name_is_no_free_ride(model, shop, books):
    model.play([("buy", {"item": "a", "price": 400})])

    await ran(agent_of(model, shop, books.client.guard(books.budget)), "run")

    assert model.results[0].startswith(f"FiGuard DENIED: {UNKNOWN_AMOUNT} — ")
    assert shop.sold == []


class Answer(BaseModel):
    text: str


async def test_the_form_of_the_answer_costs_nothing(books):
    agent = Agent(
        TestModel(custom_output_args={"text": "done"}),
        output_type=Answer,
        capabilities=[FiGuardCapability(books.client.guard(books.budget))],
    )

    assert (await agent.run("go")).output.text == "done"
    assert books.events == []


@pytest.mark.parametrize(("told", "name"), [({}, "buyer"), ({"agent_id": "mine"}, "mine")])
async def test_the_agent_is_named(model, shop, books, told, name):
    guard = books.client.guard(books.budget, amount_key="price", **told)
    model.play([THREE[0]])

    await ran(agent_of(model, shop, guard, name="buyer"), "run")

    assert [event.agent_id for event in books.events] == [name]


async def test_each_agent_pays_from_its_own_token(model, shop, books):
    tokens = {
        name: books.client.create_delegation_token(books.budget.id, name, [{"category": "shop", "limit": limit}])
        for name, limit in (("scout", 10), ("buyer", 90))
    }
    guard = books.client.guard(token_resolver=tokens.__getitem__, category="shop", amount_key="price")
    for name in tokens:
        model.play([("buy", {"item": name, "price": 50})])
        await ran(agent_of(model, shop, guard, name=name), "run")

    assert shop.sold == ["buyer"]
    assert {event.agent_id: event.decision for event in books.events} == {"scout": "DENIED", "buyer": "CONFIRMED"}


# ------------------------------------------------------------------------------------------------- model requests


def tokens_used(response):
    return response.usage.input_tokens + response.usage.output_tokens


@pytest.mark.parametrize("way", ["run", "run_stream"])
@pytest.mark.parametrize("dialect", ["chat", pytest.param("responses", marks=pytest.mark.full)])
async def test_a_request_to_the_model_is_denied_before_it_is_sent(model, shop, books, way, dialect):
    guard = books.client.guard(books.budget, amount_key="price")
    model_guard = guard.with_options(price=75, cost_extractor=tokens_used, action_type="LLM_CALL")
    model.play([("buy", {"item": "a", "price": 1})])

    told = await ran(agent_of(model, shop, guard, dialect=dialect, model_guard=model_guard), way)

    used, bought, denied = books.events
    assert len(model.requests) == 1
    assert told.startswith(DENIED)
    assert (used.description, used.action_type, denied.decision) == ("model_request", "LLM_CALL", "DENIED")
    assert 0 < used.confirmed_quantity < 75
    books.settled(used.confirmed_quantity + bought.confirmed_quantity, CONFIRMED=2, DENIED=1)


async def test_a_request_has_a_size_to_be_priced_by(model, shop, books):
    asked = []

    def price(model, messages, max_tokens):
        asked.append((model, messages, max_tokens))
        return 1

    guard = books.client.guard(books.budget, amount_extractor=price)
    model.play("hello")
    await agent_of(model, shop, guard, model_guard=guard).run("go", model_settings={"max_tokens": 50})

    assert asked == [("gpt-4o-mini", 1, 50)]
