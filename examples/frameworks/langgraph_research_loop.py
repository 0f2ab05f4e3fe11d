"""
A LangGraph agent searches for something that is not there: model, tools, model, tools.
"""

from __future__ import annotations

from decimal import Decimal

from langchain_core.tools import tool
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, tools_condition

from examples.frameworks.scripted import Scripted
from examples.story import ALLOWED, DENIED, LOST, Story
from figuard.integrations.langchain import guard_graph

PRICE, PATIENCE = Decimal("0.01"), 30
searches: list[str] = []


@tool
def search(words: str) -> str:
    """Search the web. Each search costs a cent."""
    searches.append(words)
    return "nothing found"


def says(results: list[str]):
    """Search again in other words, until told to stop or out of patience."""
    if results and (len(results) == PATIENCE or results[-1].startswith("FiGuard DENIED")):
        return results[-1]
    return [{"name": "search", "args": {"words": f"attempt {len(results) + 1}"}}]


def research():
    """Return LangGraph's loop of a model and its tools."""
    model = Scripted(says=says)
    graph = StateGraph(MessagesState)
    graph.add_node("model", lambda state: {"messages": [model.invoke(state["messages"])]})
    graph.add_node("tools", ToolNode([search]))
    graph.add_edge(START, "model")
    graph.add_conditional_edges("model", tools_condition)
    graph.add_edge("tools", "model")
    return graph.compile()


QUESTION = {"messages": [("user", "Who wrote it?")]}
LIMIT = {"recursion_limit": 100}

with Story("LangGraph: a research loop") as story:
    story.part("Without FiGuard")
    research().invoke(QUESTION, LIMIT)
    unsafe = len(searches)
    story.tell(LOST, f"{unsafe} searches", unsafe * PRICE)
    story.check("until the patience ends", (30, Decimal("0.30")), (unsafe, unsafe * PRICE))

    story.part("With FiGuard: the same graph, with 0.20 to spend")
    searches.clear()
    budget = story.client.create_budget("research", "0.20", expires_in="1h")
    graph = guard_graph(research(), story.client.guard(budget, price=PRICE, agent_id="researcher"))
    last = graph.invoke(QUESTION, LIMIT)["messages"][-1].content
    story.tell(ALLOWED, f"{len(searches)} searches", len(searches) * PRICE)
    story.tell(DENIED, f"search {len(searches) + 1}", PRICE, last.partition(" — ")[0])
    events = list(story.client.iter_events(budget.id))[::-1]
    story.check("20 searches", 20, len(searches))
    story.check("the 21st is denied", (21, "INSUFFICIENT_FUNDS"), (len(events), events[-1].denial_reason))
    story.check("saved", Decimal("0.10"), (unsafe - len(searches)) * PRICE)
    story.books(budget, spent="0.20", left=0)
