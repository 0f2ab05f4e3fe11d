"""
The callback handler on real tools and agents: what it stops, what it settles, and what it knows of causes.
"""

from __future__ import annotations

import asyncio
import threading
from uuid import uuid4

import pytest

pytest.importorskip("langchain_core")

from langchain_core.runnables import RunnableLambda
from langchain_core.tools import StructuredTool, ToolException, tool

from figuard.integrations.langchain import FiGuardCallbackHandler
from tests.integrations.langchain.agents import DENIED, awaited_tool, blocking_tool
from tests.integrations.shop import BROKEN

WAYS = [("invoke", blocking_tool), ("ainvoke", awaited_tool), ("ainvoke", blocking_tool)]


async def called(used, given, way, handler, **config):
    config = {"callbacks": [handler], **config}
    if way == "invoke":
        return await asyncio.to_thread(used.invoke, given, config)
    return await used.ainvoke(given, config)


def handler_of(books, **options):
    return FiGuardCallbackHandler(books.client, books.budget, **{"amount_param": "price", **options})


@pytest.mark.parametrize(("way", "made"), WAYS)
@pytest.mark.parametrize("handles_errors", [False, True])
async def test_a_denial_is_raised_before_the_tool_and_the_rest_is_settled(shop, books, way, made, handles_errors):
    """
    Even a tool that turns its own errors into text does not run: the handler comes before it.
    """
    handler, buy = handler_of(books), made(shop)
    buy.handle_tool_error = handles_errors

    await called(buy, {"item": "a", "price": 60}, way, handler)
    with pytest.raises(ToolException, match=DENIED):
        await called(buy, {"item": "b", "price": 60}, way, handler)
    await called(buy, {"item": "c", "price": 30}, way, handler)

    assert shop.sold == ["a", "c"]
    books.settled(90, CONFIRMED=2, DENIED=1)


@pytest.mark.parametrize(("way", "made"), WAYS)
async def test_a_tool_that_raises_is_released(shop, books, way, made):
    with pytest.raises(RuntimeError):
        await called(made(shop), {"item": BROKEN, "price": 60}, way, handler_of(books))

    books.settled(0, FAILED=1)
    assert books.events[0].failure_reason == "TOOL_ERROR"


def test_an_error_that_the_tool_turns_into_a_message_is_released(books):
    @tool
    def buy(price: float) -> str:
        """Buy."""
        raise ToolException("sold out")

    buy.handle_tool_error = True
    call = {"name": "buy", "args": {"price": 60}, "id": "c1", "type": "tool_call"}

    assert buy.invoke(call, {"callbacks": [handler_of(books)]}).content == "sold out"
    books.settled(0, FAILED=1)


def test_an_agent_stops_at_a_denial_and_its_node_may_tell_the_model(model, shop, books):
    pytest.importorskip("langgraph.prebuilt")
    pytest.importorskip("langchain_openai")
    from langgraph.graph import END, START, MessagesState, StateGraph
    from langgraph.prebuilt import ToolNode

    from tests.integrations.langchain.agents import GO, chat

    tools = [blocking_tool(shop)]
    speaking = chat(model).bind_tools(tools)
    for handles in (False, True):
        graph = StateGraph(MessagesState)
        graph.add_node("model", lambda state: {"messages": [speaking.invoke(state["messages"])]})
        graph.add_node("tools", ToolNode(tools, handle_tool_errors=handles))
        graph.add_edge(START, "model")
        graph.add_conditional_edges("model", lambda state: "tools" if state["messages"][-1].tool_calls else END)
        graph.add_edge("tools", "model")
        model.play([("buy", {"item": "a", "price": 101})])
        config = {"callbacks": [handler_of(books)]}
        if handles:
            graph.compile().invoke(GO, config)
            assert "FiGuard DENIED: INSUFFICIENT_FUNDS" in model.results[0]
        else:
            with pytest.raises(ToolException, match=DENIED):
                graph.compile().invoke(GO, config)
    assert shop.sold == []
    books.settled(0, DENIED=2)


def test_the_event_says_what_earlier_releases_said(shop, books):
    handler = handler_of(books, tool_category_map={"buy": "shopping"})

    run_id = uuid4()
    blocking_tool(shop).invoke({"item": "a", "price": 60}, {"callbacks": [handler], "run_id": run_id})

    (event,) = books.events
    assert (event.action_type, event.agent_type, event.agent_id) == ("TOOL_CALL", "langchain_tool", "langchain_agent")
    assert event.claimed_category == "shopping"
    assert event.idempotency_key == str(run_id)


def test_ignored_tools_are_not_asked_for(shop, books):
    blocking_tool(shop).invoke({"item": "a", "price": 400}, {"callbacks": [handler_of(books, ignore_tools={"buy"})]})
    assert shop.sold == ["a"]
    assert books.events == []


@pytest.mark.parametrize(
    ("cost", "confirmed"),
    [
        (lambda output: len(str(getattr(output, "content", output))), len("sold a for 60.0")),
        (lambda _: 0, 60),
        (lambda _: -1, 60),
        (lambda _: None, 60),
        (lambda output: output["typo"], 60),
    ],
)
def test_the_real_cost_is_settled_where_it_is_told(shop, books, cost, confirmed):
    blocking_tool(shop).invoke({"item": "a", "price": 60}, {"callbacks": [handler_of(books, cost_extractor=cost)]})
    books.settled(confirmed, CONFIRMED=1)


@pytest.mark.parametrize(
    ("options", "arguments", "asked"),
    [
        ({"amount_extractor": lambda call: call["price"] * 2}, {"item": "a", "price": 30}, 60),
        ({"on_unknown_amount": 7}, {"item": "a"}, 7),
    ],
)
def test_the_amount_is_found(shop, books, options, arguments, asked):
    blocking_tool(shop).invoke(arguments, {"callbacks": [handler_of(books, **options)]})
    books.settled(asked, CONFIRMED=1)


def test_an_amount_nobody_can_tell_is_denied(shop, books):
    with pytest.raises(ToolException, match="FiGuard DENIED: UNKNOWN_AMOUNT — "):
        blocking_tool(shop).invoke({"item": "a"}, {"callbacks": [handler_of(books)]})
    assert shop.sold == []


@pytest.mark.parametrize("told", ['{"price": 60}', "{'price': 60}"])
def test_arguments_are_read_as_json_or_as_python(books, told):
    handler, run_id = handler_of(books), uuid4()

    handler.on_tool_start({"name": "buy"}, told, run_id=run_id)
    handler.on_tool_end("done", run_id=run_id)

    books.settled(60, CONFIRMED=1)


@pytest.mark.parametrize("told", ["", "not a dictionary", "[1]", "__import__('os')"])
def test_text_that_says_no_arguments_says_no_amount(books, told):
    with pytest.raises(ToolException, match="UNKNOWN_AMOUNT"):
        handler_of(books).on_tool_start({"name": "buy"}, told, run_id=uuid4())


def test_each_agent_pays_from_its_own_token(shop, books):
    asked = []

    def resolve(agent):
        asked.append(agent)
        return books.budget if agent == "buyer" else ""

    handler = FiGuardCallbackHandler(books.client, token_resolver=resolve, amount_param="price")
    buy = blocking_tool(shop)

    buy.invoke({"item": "a", "price": 60}, {"callbacks": [handler], "metadata": {"agent_id": "buyer"}})
    for metadata in ({"agent_id": "ghost"}, {}):
        with pytest.raises(ValueError, match="empty token"):
            buy.invoke({"item": "b", "price": 1}, {"callbacks": [handler], "metadata": metadata})

    assert asked == ["buyer", "ghost", None]
    assert shop.sold == ["a"]
    assert [event.agent_id for event in books.events] == ["buyer"]


def test_a_fixed_token_pays_for_whoever_calls(shop, books):
    blocking_tool(shop).invoke(
        {"item": "a", "price": 60}, {"callbacks": [handler_of(books)], "metadata": {"agent_id": "somebody"}}
    )
    assert [event.agent_id for event in books.events] == ["somebody"]


def test_calls_that_follow_each_other_are_siblings_and_nested_ones_are_children(shop, books):
    handler = handler_of(books, on_unknown_amount=1)
    buy = blocking_tool(shop)

    def research() -> str:
        """Research, by way of something that is no tool."""
        return RunnableLambda(buy.invoke).invoke({"item": "a", "price": 1})

    outer = StructuredTool.from_function(research, name="research")
    outer.invoke({}, {"callbacks": [handler]})
    buy.invoke({"item": "b", "price": 1}, {"callbacks": [handler]})

    first, child, second = books.events
    assert (first.parent_event_id, child.parent_event_id, second.parent_event_id) == (None, first.id, None)


def test_calls_beside_each_other_do_not_mix(shop, books):
    handler, buy = handler_of(books), blocking_tool(shop)
    threads = [
        threading.Thread(target=buy.invoke, args=({"item": item, "price": 30}, {"callbacks": [handler]}))
        for item in "abc"
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    books.settled(90, CONFIRMED=3)


def test_what_ends_without_having_begun_is_no_matter(books):
    handler = handler_of(books)

    handler.on_tool_end("done", run_id=uuid4())
    handler.on_tool_error(RuntimeError("no"), run_id=uuid4())

    assert books.events == []


def test_what_cannot_be_settled_does_not_take_the_result_away(shop, books, caplog):
    handler = handler_of(books, cost_extractor=lambda _: 1000)

    told = blocking_tool(shop).invoke({"item": "a", "price": 60}, {"callbacks": [handler]})

    assert told.startswith("sold a")
    assert "its hold stays" in caplog.text
    assert books.events[0].outcome == "UNKNOWN"


def test_a_handler_raises_so_that_langchain_does_not_swallow_it():
    assert FiGuardCallbackHandler.raise_error is True


@pytest.mark.parametrize("options", [{}, {"session_token": "st_1", "token_resolver": str}])
def test_one_of_token_and_resolver_is_needed(books, options):
    with pytest.raises(ValueError, match="token_resolver"):
        FiGuardCallbackHandler(books.client, **options)


def test_an_asyncio_client_is_refused(books):
    with pytest.raises(TypeError, match="FiGuardMiddleware"):
        FiGuardCallbackHandler(books.waiting, books.budget)
