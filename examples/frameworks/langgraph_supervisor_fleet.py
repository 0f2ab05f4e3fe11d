"""
A LangGraph supervisor with three agents. The researcher never has enough.
"""

from __future__ import annotations

from collections import Counter
from decimal import Decimal

from langchain.agents import create_agent
from langchain_core.tools import tool
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.types import Command

from examples.frameworks.scripted import Scripted
from examples.story import ALLOWED, DENIED, LOST, Story
from figuard.integrations.langchain import FiGuardMiddleware

PRICE = Decimal("0.50")
WANTED = {"billing": 2, "researcher": 9, "writer": 2}
CAPS = {"billing": 4, "researcher": 3, "writer": 2}
calls: Counter[str] = Counter()


@tool
def work(agent: str) -> str:
    """Do a piece of work. Each costs half a dollar."""
    calls[agent] += 1
    return f"{agent} did piece {calls[agent]}"


def member(name: str, guards: dict) -> object:
    """Return an agent that works until it has what it wants, or is told to stop."""

    def says(results: list[str]):
        if len(results) == WANTED[name] or (results and results[-1].startswith("FiGuard DENIED")):
            return results[-1]
        return [{"name": "work", "args": {"agent": name}}]

    middleware = [FiGuardMiddleware(guards[name])] if guards else []
    return create_agent(Scripted(says=says), [work], middleware=middleware, name=name)


class State(MessagesState):
    """The conversation, who has reported so far, and with which words."""

    reports: dict


def fleet(guards: dict):
    """Return the graph: a supervisor that hands the work to one agent after the other."""

    def supervisor(state: State) -> Command:
        waiting = [name for name in WANTED if name not in state["reports"]]
        return Command(goto=waiting[0] if waiting else END)

    graph = StateGraph(State)
    graph.add_node("supervisor", supervisor, destinations=(*WANTED, END))
    graph.add_edge(START, "supervisor")
    for name in WANTED:
        agent = member(name, guards)

        def report(state: State, name=name, agent=agent) -> Command:
            last = agent.invoke({"messages": [("user", "Go.")]})["messages"][-1].content
            return Command(goto="supervisor", update={"reports": {**state["reports"], name: last}})

        graph.add_node(name, report)
    return graph.compile()


JOB = {"messages": [("user", "Write the report.")], "reports": {}}

with Story("LangGraph: a supervisor and its fleet") as story:
    story.part("Without FiGuard")
    fleet({}).invoke(JOB)
    unsafe = sum(calls.values()) * PRICE
    for name, count in calls.items():
        story.tell(LOST, f"{name}: {count} calls", count * PRICE)
    story.check("the fleet spends", Decimal("6.50"), unsafe)

    story.part("With FiGuard: one budget of 10.00, a capped token for each")
    calls.clear()
    client = story.client
    budget = client.create_budget("fleet", 10, expires_in="1h")
    tokens = {name: client.create_delegation_token(budget, name, {name: cap}) for name, cap in CAPS.items()}
    guards = {name: client.guard(token, price=PRICE, agent_id=name, category=name) for name, token in tokens.items()}
    reports = fleet(guards).invoke(JOB)["reports"]
    for name, count in calls.items():
        story.tell(ALLOWED, f"{name}: {count} calls", count * PRICE, f"cap {CAPS[name]}.00")
    story.tell(DENIED, "researcher: call 7", PRICE, reports["researcher"].partition(" — ")[0])
    story.check("who worked how often", {"billing": 2, "researcher": 6, "writer": 2}, dict(calls))
    denied = [event for event in client.iter_events(budget.id) if event.denial_reason]
    story.check(
        "the researcher is stopped at call 7",
        [("researcher", "DELEGATE_CAP_EXCEEDED")],
        [(event.agent_id, event.denial_reason) for event in denied],
    )
    story.check("saved", Decimal("1.50"), unsafe - sum(calls.values()) * PRICE)
    story.books(budget, spent=5, left=5)
