"""
Agents as people build them: LangChain's, LangGraph's own, and a graph made by hand.
"""

from __future__ import annotations

import importlib.metadata
import warnings

import pytest
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, create_react_agent

from tests.integrations.langchain.agents import chat

IS_OLD = importlib.metadata.version("langgraph").startswith("0.2.")


def created(model, tools, **options):
    """The agent of today's LangChain, or LangGraph's own where there is none."""
    try:
        from langchain.agents import create_agent
    except ImportError:
        return react(model, tools, **options)
    return create_agent(chat(model), tools, **options)


def react(model, tools, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it has moved, and goes on working where it was
        return create_react_agent(chat(model), tools, **options)


def by_hand(model, tools, **options):
    """A graph in which one node runs all calls of a turn."""
    speaking = chat(model).bind_tools(tools)
    graph = StateGraph(MessagesState)
    graph.add_node("model", lambda state: {"messages": [speaking.invoke(state["messages"])]})
    graph.add_node("tools", ToolNode(tools))
    graph.add_edge(START, "model")
    graph.add_conditional_edges("model", lambda state: "tools" if state["messages"][-1].tool_calls else END)
    graph.add_edge("tools", "model")
    return graph.compile(**options)


BUILDS = [created, pytest.param(react, marks=pytest.mark.full), by_hand]
