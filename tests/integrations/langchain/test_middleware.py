"""
The middleware in real agents: ``create_agent`` with a model over HTTP, in all four ways of running it.
"""

from __future__ import annotations

import pytest

pytest.importorskip("langchain.agents.middleware")
pytest.importorskip("langchain_openai")

from langchain.agents import create_agent
from langchain.agents.middleware import ToolRetryMiddleware
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command, interrupt

from figuard.integrations.guard import UNKNOWN_AMOUNT
from figuard.integrations.langchain import FiGuardMiddleware, guard_tool
from tests.integrations.langchain.agents import (
    DENIED,
    GO,
    THREE,
    awaited_tool,
    blocking_tool,
    chat,
    check_three,
    delegating_tool,
    run,
)
from tests.integrations.shop import BROKEN, Shop

WAYS = [
    ("invoke", blocking_tool),
    ("stream", blocking_tool),
    ("ainvoke", awaited_tool),
    ("astream", awaited_tool),
    ("ainvoke", blocking_tool),
]


def guarded_agent(model, tools, guard, **options):
    return create_agent(chat(model), tools, middleware=[FiGuardMiddleware(guard)], **options)


@pytest.mark.parametrize(("way", "made"), WAYS)
async def test_one_of_three_is_denied_and_the_model_is_told(model, shop, books, way, made):
    guard = books.client.guard(books.budget, amount_key="price")
    model.play(THREE)

    await run(guarded_agent(model, [made(shop)], guard), way)

    check_three(model, shop, books)


@pytest.mark.parametrize(("way", "made"), [one for one in WAYS if one[0].startswith("a")])
async def test_an_asyncio_client_guards_awaited_runs(model, shop, books, way, made):
    guard = books.waiting.guard(books.budget, amount_key="price")
    model.play(THREE)

    await run(guarded_agent(model, [made(shop)], guard), way)

    check_three(model, shop, books)


async def test_an_asyncio_client_refuses_a_blocking_run_and_nothing_is_bought(model, shop, books):
    guard = books.waiting.guard(books.budget, amount_key="price")
    model.play(THREE)

    with pytest.raises(TypeError, match="use a FiGuardClient"):
        guarded_agent(model, [blocking_tool(shop)], guard).invoke(GO)
    assert shop.sold == []


@pytest.mark.full
async def test_a_server_decides_the_same(model, shop, served_books):
    guard = served_books.client.guard(served_books.budget, amount_key="price")
    model.play(THREE)

    await run(guarded_agent(model, [blocking_tool(shop)], guard), "invoke")

    check_three(model, shop, served_books)


@pytest.mark.parametrize(("way", "made"), [("invoke", blocking_tool), ("ainvoke", awaited_tool)])
async def test_allowed_calls_run_beside_each_other(model, books, way, made):
    shop = Shop(together=2)
    guard = books.client.guard(books.budget, amount_key="price")
    model.play([("buy", {"item": "a", "price": 60}), ("buy", {"item": "c", "price": 30})])

    await run(guarded_agent(model, [made(shop)], guard), way)

    books.settled(90, CONFIRMED=2)


@pytest.mark.parametrize(("way", "made"), [("invoke", blocking_tool), ("ainvoke", awaited_tool)])
async def test_a_tool_that_raises_is_released(model, shop, books, way, made):
    guard = books.client.guard(books.budget, amount_key="price")
    model.play([("buy", {"item": BROKEN, "price": 60})])

    with pytest.raises(RuntimeError):
        await run(guarded_agent(model, [made(shop)], guard), way)

    books.settled(0, FAILED=1)


def test_a_denial_is_an_error_to_the_framework(model, shop, books):
    guard = books.client.guard(books.budget, amount_key="price")
    model.play([("buy", {"item": "a", "price": 101})])

    told = guarded_agent(model, [blocking_tool(shop)], guard).invoke(GO)["messages"][-2]

    assert told.content.startswith(DENIED)
    assert (told.status, told.name, told.tool_call_id) == ("error", "buy", "call_1_0")


def test_a_price_the_model_leaves_to_its_default_is_charged(model, shop, books):
    guard = books.client.guard(books.budget, amount_key="price")
    model.play([("buy", {"item": "a"})])

    guarded_agent(model, [blocking_tool(shop)], guard).invoke(GO)

    books.settled(5, CONFIRMED=1)


def test_a_price_under_another_name_is_no_free_ride(model, shop, books):
    guard = books.client.guard(books.budget, amount_key="amount")
    model.play([("buy", {"item": "a", "price": 400})])

    guarded_agent(model, [blocking_tool(shop)], guard).invoke(GO)

    assert model.results[0].startswith(f"FiGuard DENIED: {UNKNOWN_AMOUNT} — ")
    assert shop.sold == []


def test_equal_ids_in_two_turns_are_two_purchases(model, shop, books):
    guard = books.client.guard(books.budget, amount_key="price")
    same = [("buy", {"item": "a", "price": 40})]
    model.play(same, same, reuse_ids=True)

    guarded_agent(model, [blocking_tool(shop)], guard).invoke(GO)

    assert shop.sold == ["a", "a"]
    books.settled(80, CONFIRMED=2)


def test_two_runs_with_equal_ids_are_two_purchases(model, shop, books):
    agent = guarded_agent(model, [blocking_tool(shop)], books.client.guard(books.budget, amount_key="price"))
    for _ in range(2):
        model.play([("buy", {"item": "a", "price": 40})], reuse_ids=True)
        agent.invoke(GO)

    books.settled(80, CONFIRMED=2)


@pytest.mark.parametrize(("guard_first", "charged"), [(True, {"CONFIRMED": 1}), (False, {"FAILED": 2, "CONFIRMED": 1})])
@pytest.mark.parametrize("is_guarded_below", [False, True])
def test_a_retry_is_charged_once(model, books, guard_first, charged, is_guarded_below):
    tried = []

    @tool
    def buy(item: str, price: float) -> str:
        """Buy an item."""
        tried.append(item)
        if len(tried) < 3:
            raise ConnectionError("busy")
        return "bought"

    guard = books.client.guard(books.budget, amount_key="price")
    retry = ToolRetryMiddleware(max_retries=3, initial_delay=0.0, jitter=False)
    layers = [FiGuardMiddleware(guard), retry] if guard_first else [retry, FiGuardMiddleware(guard)]
    model.play([("buy", {"item": "a", "price": 60})])

    used = guard_tool(buy, guard) if is_guarded_below else buy
    create_agent(chat(model), [used], middleware=layers).invoke(GO)

    assert len(tried) == 3
    books.settled(60, **charged)


@pytest.mark.parametrize("way", ["invoke", "ainvoke"])
async def test_an_interrupted_tool_holds_nothing_and_is_charged_once_when_it_is_run_again(model, shop, books, way):
    @tool
    def buy(item: str, price: float) -> str:
        """Buy an item."""
        return shop.buy(item, price) if interrupt("really?") else "left it"

    guard = books.client.guard(books.budget, amount_key="price")
    agent = guarded_agent(model, [buy], guard, checkpointer=InMemorySaver())
    thread = {"configurable": {"thread_id": "1"}}
    model.play([("buy", {"item": "a", "price": 60})])

    await run(agent, way, GO, thread)
    books.settled(0, VOIDED=1)
    await run(agent, way, Command(resume=True), thread)

    assert shop.sold == ["a"]
    books.settled(60, VOIDED=1, CONFIRMED=1)


async def test_each_agent_of_a_fleet_pays_from_its_own_token(model, shop, books):
    tokens = {
        name: books.client.create_delegation_token(books.budget.id, name, [{"category": "shop", "limit": limit}])
        for name, limit in (("scout", 10), ("buyer", 90))
    }
    guard = books.client.guard(token_resolver=tokens.__getitem__, category="shop", amount_key="price")
    agent = guarded_agent(model, [blocking_tool(shop)], guard)

    for name in tokens:
        model.play([("buy", {"item": name, "price": 50})])
        await run(agent, "invoke", config={"metadata": {"agent_id": name}})

    assert shop.sold == ["buyer"]
    assert {event.agent_id: event.decision for event in books.events} == {"scout": "DENIED", "buyer": "CONFIRMED"}


@pytest.mark.parametrize("way", ["invoke", "ainvoke"])
async def test_a_guarded_tool_below_the_middleware_is_charged_once(model, shop, books, way):
    guard = books.client.guard(books.budget, amount_key="price")
    model.play(THREE)

    await run(guarded_agent(model, [guard_tool(delegating_tool(shop), guard)], guard), way)

    check_three(model, shop, books)
