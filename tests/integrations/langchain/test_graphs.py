"""
Graphs that exist already: tool nodes, parallel nodes, interrupts, subgraphs, and nodes that call tools themselves.
"""

from __future__ import annotations

import operator
from typing import Annotated, TypedDict

import pytest

pytest.importorskip("langgraph")
pytest.importorskip("langchain_openai")

from langchain_core.messages import AIMessage
from langchain_core.tools import tool
from langgraph.checkpoint.memory import MemorySaver
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.prebuilt import InjectedState, ToolNode

from figuard.integrations.guard import FiGuardUnguardableError
from figuard.integrations.langchain import (
    guard_graph,
    guard_on,
    guard_tool,
    guard_tool_node,
    guarded_tool_node,
    unguard_graph,
)
from tests.integrations.langchain.agents import (
    DENIED,
    GO,
    THREE,
    awaited_tool,
    blocking_tool,
    chat,
    check_three,
    run,
)
from tests.integrations.langchain.builds import BUILDS, IS_OLD, by_hand, created
from tests.integrations.shop import BROKEN, Shop


@pytest.mark.parametrize("build", BUILDS)
@pytest.mark.parametrize(
    ("way", "made"),
    [("invoke", blocking_tool), ("ainvoke", awaited_tool), ("ainvoke", blocking_tool), ("stream", blocking_tool)],
)
async def test_a_graph_is_guarded_after_it_was_built(model, shop, books, build, way, made):
    agent = guard_graph(build(model, [made(shop)]), books.client.guard(books.budget, amount_key="price"))
    model.play(THREE)

    await run(agent, way)

    check_three(model, shop, books)


@pytest.mark.skipif(IS_OLD, reason="its tool nodes run blocking tools on a thread, where nothing can be awaited")
@pytest.mark.parametrize("made", [awaited_tool, blocking_tool])
async def test_an_asyncio_client_guards_awaited_runs(model, shop, books, made):
    agent = guard_graph(created(model, [made(shop)]), books.waiting.guard(books.budget, amount_key="price"))
    model.play(THREE)

    await run(agent, "ainvoke")

    check_three(model, shop, books)


@pytest.mark.full
async def test_a_server_decides_the_same(model, shop, served_books):
    guard = served_books.client.guard(served_books.budget, amount_key="price")
    model.play(THREE)

    await run(guard_graph(created(model, [blocking_tool(shop)]), guard), "ainvoke")

    check_three(model, shop, served_books)


@pytest.mark.parametrize(("way", "made"), [("invoke", blocking_tool), ("ainvoke", awaited_tool)])
async def test_calls_of_one_node_run_beside_each_other(model, books, way, made):
    shop = Shop(together=2)
    agent = guard_graph(by_hand(model, [made(shop)]), books.client.guard(books.budget, amount_key="price"))
    model.play([("buy", {"item": "a", "price": 60}), ("buy", {"item": "c", "price": 30})])

    await run(agent, way)

    books.settled(90, CONFIRMED=2)


@pytest.mark.parametrize("way", ["invoke", "ainvoke"])
async def test_an_error_that_the_node_turns_into_a_message_is_released(model, shop, books, way):
    guard = books.client.guard(books.budget, amount_key="price")
    tools = [blocking_tool(shop)]
    speaking = chat(model).bind_tools(tools)
    graph = StateGraph(MessagesState)
    graph.add_node("model", lambda state: {"messages": [speaking.invoke(state["messages"])]})
    graph.add_node("tools", guarded_tool_node(tools, guard, handle_tool_errors=True))
    graph.add_edge(START, "model")
    graph.add_conditional_edges("model", lambda state: "tools" if state["messages"][-1].tool_calls else END)
    graph.add_edge("tools", "model")
    model.play([("buy", {"item": BROKEN, "price": 60})])

    await run(graph.compile(), way)

    assert "on fire" in model.results[0]
    books.settled(0, FAILED=1)


class Two(TypedDict):
    told: Annotated[list, operator.add]


def test_nodes_that_run_beside_each_other_share_the_budget(books):
    shop = Shop()
    buy = blocking_tool(shop)

    def buying(item):
        call = {"name": "buy", "args": {"item": item, "price": 60}, "id": "call_0", "type": "tool_call"}
        graph = StateGraph(MessagesState)
        graph.add_node("tools", ToolNode([buy]))
        graph.add_edge(START, "tools")
        graph.add_edge("tools", END)
        inner = graph.compile()
        return lambda _: {"told": [inner.invoke({"messages": [AIMessage("", tool_calls=[call])]})["messages"][-1]]}

    graph = StateGraph(Two)
    for item in "ab":
        graph.add_node(item, buying(item))
        graph.add_edge(START, item)
        graph.add_edge(item, END)
    agent = guard_graph(graph.compile(), books.client.guard(books.budget, amount_key="price"))

    told = agent.invoke({"told": []})["told"]

    assert len(shop.sold) == 1
    assert sum(one.content.startswith(DENIED) for one in told) == 1
    books.settled(60, CONFIRMED=1, DENIED=1)


@pytest.mark.parametrize("way", ["invoke", "ainvoke"])
async def test_the_tools_of_a_subgraph_are_guarded(model, shop, books, way):
    inner = by_hand(model, [blocking_tool(shop)])
    outer = StateGraph(MessagesState)
    outer.add_node("team", inner)
    outer.add_edge(START, "team")
    outer.add_edge("team", END)
    agent = guard_graph(outer.compile(), books.client.guard(books.budget, amount_key="price"))
    model.play(THREE)

    await run(agent, way)

    check_three(model, shop, books)


def test_an_agent_that_is_a_tool_of_another_is_guarded_inside(model, shop, books):
    worker = by_hand(model, [blocking_tool(shop)])

    @tool
    def delegate(price: float) -> str:
        """Have somebody else do it."""
        return str(worker.invoke(GO)["messages"][-1].content)

    boss = guard_graph(by_hand(model, [delegate]), books.client.guard(books.budget, amount_key="price"))
    model.play([("delegate", {"price": 10})], [("buy", {"item": item, "price": 60}) for item in "ab"])
    boss.invoke(GO)

    assert len(shop.sold) == 1
    books.settled(70, CONFIRMED=2, DENIED=1)


def test_a_node_that_calls_a_tool_by_itself_is_guarded(shop, books):
    buy = blocking_tool(shop)
    graph = StateGraph(Two)
    graph.add_node("buy", lambda _: {"told": [buy.invoke({"item": item, "price": 60}) for item in "ab"]})
    graph.add_edge(START, "buy")
    graph.add_edge("buy", END)

    agent = guard_graph(graph.compile(), books.client.guard(books.budget, amount_key="price"))

    assert agent.invoke({"told": []})["told"][1].startswith(DENIED)
    assert shop.sold == ["a"]


def test_a_tool_that_an_agent_shares_with_others_stays_as_it_is(model, shop, books):
    buy = blocking_tool(shop)

    guard_graph(created(model, [buy]), books.client.guard(books.budget, amount_key="price"))

    buy.invoke({"item": "a", "price": 400})
    assert books.events == []


def test_a_graph_that_is_not_compiled_yet_is_guarded(books):
    shop = Shop()
    graph = StateGraph(MessagesState)
    graph.add_node("tools", ToolNode([blocking_tool(shop)]))
    graph.add_edge(START, "tools")
    graph.add_edge("tools", END)
    guard_graph(graph, books.client.guard(books.budget, amount_key="price"))
    call = {"name": "buy", "args": {"item": "a", "price": 101}, "id": "call_0", "type": "tool_call"}

    told = graph.compile().invoke({"messages": [AIMessage("", tool_calls=[call])]})

    assert told["messages"][-1].content.startswith(DENIED)
    assert shop.sold == []


@pytest.mark.skipif(IS_OLD, reason="interrupt() came later")
@pytest.mark.parametrize("way", ["invoke", "ainvoke"])
async def test_what_ran_beside_an_interrupted_tool_is_not_charged_or_run_again(model, shop, books, way):
    """
    A node that is resumed makes all calls of its turn again: those that are settled give their results again.
    """
    from langgraph.types import Command, interrupt

    @tool
    def ask(price: float) -> str:
        """Ask somebody."""
        return f"they said {interrupt('well?')}"

    guard = books.client.guard(books.budget, amount_key="price")
    agent = guard_graph(by_hand(model, [blocking_tool(shop), ask], checkpointer=MemorySaver()), guard)
    thread = {"configurable": {"thread_id": "1"}}
    model.play([("buy", {"item": "a", "price": 60}), ("ask", {"price": 10})])

    await run(agent, way, GO, thread)
    books.settled(60, CONFIRMED=1, VOIDED=1)
    await run(agent, way, Command(resume="yes"), thread)

    assert shop.sold == ["a"]
    assert [text.split(" ")[0] for text in model.results] == ["sold", "they"]
    books.settled(70, CONFIRMED=2, VOIDED=1)


@pytest.mark.skipif(IS_OLD, reason="interrupt() came later")
def test_another_process_that_resumes_does_not_buy_again_either(model, shop, books):
    from langgraph.types import Command, interrupt

    @tool
    def ask(price: float) -> str:
        """Ask somebody."""
        return f"they said {interrupt('well?')}"

    saver, thread = MemorySaver(), {"configurable": {"thread_id": "1"}}
    model.play([("buy", {"item": "a", "price": 60}), ("ask", {"price": 10})])
    for given in (GO, Command(resume="yes")):
        guard = books.client.guard(books.budget, amount_key="price")  # one that remembers nothing
        guard_graph(by_hand(model, [blocking_tool(shop), ask], checkpointer=saver), guard).invoke(given, thread)

    assert shop.sold == ["a"]
    assert model.results[0].startswith("FiGuard DENIED: DUPLICATE_REQUEST — ")
    books.settled(70, CONFIRMED=2, VOIDED=1)


def test_equal_ids_in_two_turns_are_two_purchases(model, shop, books):
    agent = guard_graph(by_hand(model, [blocking_tool(shop)]), books.client.guard(books.budget, amount_key="price"))
    same = [("buy", {"item": "a", "price": 40})]
    model.play(same, same, reuse_ids=True)

    agent.invoke(GO)

    assert shop.sold == ["a", "a"]
    books.settled(80, CONFIRMED=2)


def test_state_is_injected_and_is_no_part_of_the_call(model, shop, books):
    seen = []

    @tool
    def buy(item: str, price: float, state: Annotated[dict, InjectedState]) -> str:
        """Buy an item."""
        seen.append(len(state["messages"]))
        return shop.buy(item, price)

    guard = books.client.guard(books.budget, amount_key="price", record_inputs=True)
    model.play([("buy", {"item": "a", "price": 60}), ("buy", {"item": "b", "price": 60})])

    by_hand(model, [guard_tool(buy, guard)]).invoke(GO)

    assert seen == [2]
    assert books.decisions == {"CONFIRMED": 1, "DENIED": 1}
    assert all("messages" not in event.description for event in books.events)


# ----------------------------------------------------------------------------------------- on, off, and not possible


def test_a_graph_is_guarded_once_and_freed_again(model, shop, books):
    guard, other = (books.client.guard(books.budget, amount_key="price") for _ in range(2))
    agent = by_hand(model, [blocking_tool(shop)])

    assert guard_graph(guard_graph(agent, guard), guard) is agent
    assert guard_on(agent) is guard
    with pytest.raises(FiGuardUnguardableError, match="charged twice"):
        guard_graph(agent, other)
    unguard_graph(agent)

    assert guard_on(agent) is None
    model.play(THREE)
    agent.invoke(GO)
    assert sorted(shop.sold) == ["a", "b", "c"]
    assert books.events == []


@pytest.mark.skipif(IS_OLD, reason="its tools are guarded one by one")
def test_a_node_whose_calls_do_not_get_to_the_guard_is_refused(shop, books):
    class Other(ToolNode):
        def _func(self, given, config, runtime):
            return {"messages": []}

    node = Other([blocking_tool(shop)])

    with pytest.raises(FiGuardUnguardableError, match="does not reach the guard"):
        guard_tool_node(node, books.client.guard(books.budget))
    assert guard_on(node) is None
    assert shop.sold == []


async def test_a_node_is_proved_inside_a_running_loop_too(shop, books):
    node = guarded_tool_node([awaited_tool(shop)], books.client.guard(books.budget))

    assert guard_on(node) is not None
    assert books.events == []


@pytest.mark.parametrize("thing", [object(), "an agent", None, lambda state: state])
def test_what_holds_no_tools_is_refused(books, thing):
    with pytest.raises(FiGuardUnguardableError, match="no tool"):
        guard_graph(thing, books.client.guard(books.budget))
