"""
A CrewAI crew of three that works at the same time. The researcher asks 25 sources where 20 are paid for.
"""

from __future__ import annotations

import logging
import os
import threading
from collections import Counter
from decimal import Decimal

# ruff: noqa: E402 - CrewAI reads this when it is imported
os.environ |= {"CREWAI_DISABLE_TELEMETRY": "true", "CREWAI_TRACING_ENABLED": "false", "OTEL_SDK_DISABLED": "true"}
logging.disable(logging.WARNING)  # it warns that it does not know this model

from crewai import Agent, BaseLLM, Crew, Task
from crewai.tools import tool

from examples.story import ALLOWED, DENIED, LOST, Story
from figuard.integrations.crewai import guard_crew

PRICE = Decimal("0.10")
WANTED = {"research": 25, "analysis": 8, "writing": 4}
CAPS = {"research": 2, "analysis": 2, "writing": 1}


class Scripted(BaseLLM):
    """A model that has its member work until it has what it wants, or is told to stop."""

    member: str

    def call(self, messages: list[dict], tools: list | None = None, **_: object) -> object:
        """Return a call of the member's tool, or the last thing it heard."""
        results = [message["content"] for message in messages if message.get("role") == "tool"]
        if not tools or len(results) == WANTED[self.member] or (results and results[-1].startswith("FiGuard DENIED")):
            return results[-1] if results else "Everything is in the report."
        return [{"id": f"call_{len(results)}", "function": {"name": self.member, "arguments": {"piece": len(results)}}}]

    def supports_function_calling(self) -> bool:
        """Return that it calls tools by itself, as most models do."""
        return True


class Office:
    """What the crew does, and proof that it does it at the same time: nobody goes on until all three have begun."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self.all_began = threading.Barrier(len(WANTED), timeout=30)

    def crew(self) -> Crew:
        """Return three members at work side by side, and a clerk who ends the day."""
        members = [self._member(name) for name in WANTED]
        clerk = Agent(role="clerk", goal="file", backstory="files", llm=Scripted(model="scripted", member="writing"))
        tasks = [
            Task(description=f"Do the {one.role}.", expected_output="work", agent=one, async_execution=True)
            for one in members
        ]
        tasks.append(Task(description="File it.", expected_output="a file", agent=clerk))
        return Crew(agents=[*members, clerk], tasks=tasks)

    def _member(self, name: str) -> Agent:
        @tool(name)
        def work(piece: int) -> str:
            """Do one piece of work, for a dime."""
            self.calls[name] += 1
            if self.calls[name] == 1:
                self.all_began.wait()
            return f"{name} {piece} done"

        llm = Scripted(model="scripted", member=name)
        return Agent(role=name, goal=name, backstory=name, tools=[work], llm=llm, max_iter=50)


with Story("CrewAI: a crew that works in parallel") as story:
    story.part("Without FiGuard")
    office = Office()
    office.crew().kickoff()
    unsafe = sum(office.calls.values()) * PRICE
    for name in WANTED:
        story.tell(LOST, f"{name}: {office.calls[name]} calls", office.calls[name] * PRICE)
    story.check("the crew spends", Decimal("3.70"), unsafe)

    story.part("With FiGuard: one budget of 5.00, a capped token for each member")
    office = Office()
    budget = story.client.create_budget("crew", 5, expires_in="1h")
    crew = office.crew()
    guard_crew(crew, story.client, budget, caps={name: {name: cap} for name, cap in CAPS.items()}, price=PRICE)
    crew.kickoff()
    for name in WANTED:
        remark = f"cap {CAPS[name]}.00"
        story.tell(ALLOWED, f"{name}: {office.calls[name]} calls", office.calls[name] * PRICE, remark)
    denied = [event for event in story.client.iter_events(budget.id) if event.denial_reason]
    story.tell(DENIED, "research: call 21", PRICE, denied[0].denial_reason if denied else "")
    story.check("who worked how often", {"research": 20, "analysis": 8, "writing": 4}, dict(office.calls))
    story.check("only the researcher is stopped", ["research"], [event.agent_id for event in denied])
    story.check("saved", Decimal("0.50"), unsafe - sum(office.calls.values()) * PRICE)
    story.books(budget, spent="3.20", left="1.80")
