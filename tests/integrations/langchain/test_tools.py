"""
Guarded tools, run by themselves, by a classic executor, and inside an agent.
"""

from __future__ import annotations

import asyncio

import pytest

pytest.importorskip("langchain_core")

from langchain_core.messages import ToolMessage
from langchain_core.tools import StructuredTool, Tool, tool

from figuard.integrations.guard import FiGuardUnguardableError, is_guarded
from figuard.integrations.langchain import FiGuardToolGuard, guard_tool, unguard_tool
from tests.integrations.langchain.agents import DENIED, awaited_tool, blocking_tool, class_tool, delegating_tool
from tests.integrations.shop import BROKEN

BLOCKING = [blocking_tool, class_tool, delegating_tool]


def both_colours(shop):
    async def buy_async(item: str, price: float = 5) -> str:
        return await shop.buy_async(item, price)

    def buy(item: str, price: float = 5) -> str:
        return shop.buy(item, price)

    return StructuredTool.from_function(buy, coroutine=buy_async, name="buy", description="Buy an item.")


async def called(used, given, way):
    if way == "invoke":
        return await asyncio.to_thread(used.invoke, given)
    return await used.ainvoke(given)


WAYS = [
    *[(made, "invoke") for made in (*BLOCKING, both_colours)],
    *[(made, "ainvoke") for made in (*BLOCKING, both_colours, awaited_tool)],
]


@pytest.mark.parametrize(("made", "way"), WAYS)
async def test_a_call_is_asked_for_once_and_a_denied_one_is_not_entered(shop, books, made, way):
    buy = guard_tool(made(shop), books.client.guard(books.budget, amount_key="price"))

    told = [
        await called(buy, {"item": item, "price": price}, way) for item, price in (("a", "60"), ("b", 60), ("c", 30))
    ]

    assert shop.sold == ["a", "c"]
    assert told[1].startswith(DENIED)
    books.settled(90, CONFIRMED=2, DENIED=1)


@pytest.mark.parametrize("made", [class_tool, delegating_tool, both_colours, awaited_tool])
async def test_an_asyncio_client_guards_awaited_calls(shop, books, made):
    buy = guard_tool(made(shop), books.waiting.guard(books.budget, amount_key="price"))

    told = [await buy.ainvoke({"item": item, "price": 60}) for item in "ab"]

    assert shop.sold == ["a"]
    assert told[1].startswith(DENIED)
    books.settled(60, CONFIRMED=1, DENIED=1)


@pytest.mark.parametrize(("made", "way"), [*((made, "invoke") for made in BLOCKING), (blocking_tool, "ainvoke")])
async def test_an_asyncio_client_refuses_calls_that_block(shop, books, made, way):
    """
    An awaited call of a blocking function tool is one too: LangChain makes it on a thread, past every coroutine.
    """
    buy = guard_tool(made(shop), books.waiting.guard(books.budget, amount_key="price"))

    with pytest.raises(TypeError, match="use a FiGuardClient"):
        await called(buy, {"item": "a", "price": 60}, way)
    assert shop.sold == []
    assert books.events == []


@pytest.mark.parametrize(("made", "way"), WAYS)
async def test_a_tool_that_raises_is_released(shop, books, made, way):
    buy = guard_tool(made(shop), books.client.guard(books.budget, amount_key="price"))

    with pytest.raises(RuntimeError):
        await called(buy, {"item": BROKEN, "price": 60}, way)
    books.settled(0, FAILED=1)


@pytest.mark.parametrize(("made", "way"), WAYS)
async def test_a_price_left_to_its_default_is_charged(shop, books, made, way):
    buy = guard_tool(made(shop), books.client.guard(books.budget, amount_key="price"))

    await called(buy, {"item": "a"}, way)
    books.settled(5, CONFIRMED=1)


def test_a_call_by_a_model_gets_a_message(shop, books):
    buy = guard_tool(blocking_tool(shop), books.client.guard(books.budget, amount_key="price"))

    told = buy.invoke({"name": "buy", "args": {"item": "a", "price": 101}, "id": "c1", "type": "tool_call"})

    assert isinstance(told, ToolMessage)
    assert told.content.startswith(DENIED)
    assert told.tool_call_id == "c1"


def test_arguments_that_are_not_valid_never_ask(shop, books):
    buy = guard_tool(blocking_tool(shop), books.client.guard(books.budget, amount_key="price"))

    with pytest.raises(ValueError, match="price"):
        buy.invoke({"item": "a", "price": "cheap"})
    assert books.events == []


def test_a_tool_with_one_text_for_input_is_guarded(books):
    asked = []
    search = Tool("search", lambda text: asked.append(text) or "found", "Search.")
    guard = books.client.guard(books.budget, amount_extractor=lambda tool_input: len(tool_input))  # noqa: PLW0108 - by name

    guard_tool(search, guard).invoke("seven77")

    assert asked == ["seven77"]
    books.settled(7, CONFIRMED=1)


async def test_a_denial_fits_a_tool_that_returns_artifacts(books):
    @tool(response_format="content_and_artifact")
    def buy(price: float):
        """Buy."""
        return "bought", {"receipt": 1}

    guarded = guard_tool(buy, books.client.guard(books.budget, amount_key="price"))
    call = {"name": "buy", "args": {"price": 101}, "id": "c1", "type": "tool_call"}

    assert guarded.invoke(call).content.startswith(DENIED)
    assert (await guarded.ainvoke({**call, "args": {"price": 1}})).artifact == {"receipt": 1}
    books.settled(1, CONFIRMED=1, DENIED=1)


def test_the_original_stays_as_it_was(shop, books):
    buy = blocking_tool(shop)

    guarded = guard_tool(buy, books.client.guard(books.budget, amount_key="price"))

    assert (guarded.name, guarded.description, guarded.args) == (buy.name, buy.description, buy.args)
    assert not is_guarded(buy._run)
    buy.invoke({"item": "a", "price": 400})
    assert books.events == []


@pytest.mark.parametrize("made", [*BLOCKING, awaited_tool, both_colours])
async def test_a_guard_in_place_is_taken_off(shop, books, made):
    buy = made(shop)
    before = dict(vars(buy))

    assert guard_tool(buy, books.client.guard(books.budget), in_place=True) is buy
    assert unguard_tool(buy) is buy

    assert dict(vars(buy)) == before
    await buy.ainvoke({"item": "a", "price": 400})
    assert books.events == []


def test_a_tool_is_guarded_once(shop, books):
    guard = books.client.guard(books.budget, amount_key="price")
    buy = guard_tool(blocking_tool(shop), guard)

    for again in (buy, buy.model_copy()):
        with pytest.raises(FiGuardUnguardableError, match="charged twice"):
            guard_tool(again, guard)
    buy.invoke({"item": "a", "price": 60})
    books.settled(60, CONFIRMED=1)


@pytest.mark.parametrize("thing", [len, "buy", None, object()])
def test_what_is_no_tool_is_refused(books, thing):
    with pytest.raises(FiGuardUnguardableError, match="no LangChain tool"):
        guard_tool(thing, books.client.guard(books.budget))


async def test_a_cancelled_tool_keeps_its_hold_until_somebody_knows(books):
    entered = asyncio.Event()

    @tool
    async def buy(price: float) -> str:
        """Buy."""
        entered.set()
        await asyncio.Event().wait()
        return "never"

    task = asyncio.create_task(
        guard_tool(buy, books.client.guard(books.budget, amount_key="price")).ainvoke({"price": 60})
    )
    await entered.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert books.reserved == 60
    assert books.events[0].outcome == "UNKNOWN"


def test_what_a_tool_calls_is_its_child(books):
    guard = books.client.guard(books.budget, price=10)
    search = guard_tool(StructuredTool.from_function(lambda: "found", name="search", description="Search."), guard)
    research = guard_tool(
        StructuredTool.from_function(lambda: search.invoke({}), name="research", description="Research."), guard
    )

    research.invoke({})

    outer, inner = books.events
    assert (outer.description, inner.description) == ("research", "search")
    assert inner.parent_event_id == outer.id


# ---------------------------------------------------------------------------------------------- the published name


def test_the_published_guard_is_true_in_place(shop, books):
    buy = blocking_tool(shop)
    made = FiGuardToolGuard(buy, books.client, books.budget, category="shop", amount_key="price", debug=True)

    assert made.tool is buy
    assert buy.invoke({"item": "a", "price": 60}).startswith("sold a")
    assert buy.invoke({"item": "b", "price": 60}).startswith(DENIED)
    assert {event.agent_id for event in books.events} == {"langchain_agent"}
    assert {event.claimed_category for event in books.events} == {"shop"}
    assert made.unwrap() is buy
    assert not is_guarded(buy._run)


@pytest.mark.parametrize(
    "extractor", [lambda call: call["price"] * 2, lambda **call: call["price"] * 2, lambda price, **_: price * 2]
)
def test_the_published_guard_takes_an_extractor_in_every_documented_form(shop, books, extractor):
    buy = FiGuardToolGuard(blocking_tool(shop), books.client, books.budget, amount_extractor=extractor).tool

    buy.invoke({"item": "a", "price": 30})
    books.settled(60, CONFIRMED=1)


def test_the_published_guard_knows_no_other_arguments(shop, books):
    with pytest.raises(TypeError, match="amount_param"):
        FiGuardToolGuard(blocking_tool(shop), books.client, books.budget, amount_param="price")


# ------------------------------------------------------------------------------------------------ classic executors


def executor(model, tools):
    agents = pytest.importorskip("langchain_classic.agents" if _is_new() else "langchain.agents")
    pytest.importorskip("langchain_openai")
    from langchain_core.prompts import ChatPromptTemplate

    from tests.integrations.langchain.agents import chat

    prompt = ChatPromptTemplate.from_messages([("human", "{input}"), ("placeholder", "{agent_scratchpad}")])
    return agents.AgentExecutor(agent=agents.create_tool_calling_agent(chat(model), tools, prompt), tools=tools)


def _is_new():
    import importlib.metadata

    return not importlib.metadata.version("langchain-core").startswith("0.")


@pytest.mark.parametrize(
    ("made", "way"), [(blocking_tool, "invoke"), (awaited_tool, "ainvoke"), (class_tool, "ainvoke")]
)
async def test_an_executor_shows_the_denial_to_the_model(model, shop, books, made, way):
    from tests.integrations.langchain.agents import THREE, check_three

    agent = executor(model, [guard_tool(made(shop), books.client.guard(books.budget, amount_key="price"))])
    model.play(THREE)

    await called(agent, {"input": "go"}, way)

    check_three(model, shop, books)


def test_an_executor_is_guarded_by_one_line(model, shop, books):
    from figuard.integrations.langchain import auto_guard_langchain

    agent = executor(model, [blocking_tool(shop)])

    assert auto_guard_langchain(agent, budget=100, amount_param="price", client=books.client) is agent
    model.play([("buy", {"item": item, "price": 60}) for item in "ab"])
    agent.invoke({"input": "go"})

    assert shop.sold == ["a"]
    assert model.results[1].startswith(DENIED)
