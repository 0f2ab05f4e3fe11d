"""
A LangChain agent pays an invoice, the answer gets lost, and LangChain's own retry pays it again.
"""

from __future__ import annotations

from decimal import Decimal

from langchain.agents import create_agent
from langchain.agents.middleware import ToolRetryMiddleware
from langchain_core.tools import tool

from examples.frameworks.scripted import Scripted
from examples.story import ALLOWED, DENIED, LOST, Story
from figuard.integrations.langchain import FiGuardMiddleware

charges: list[Decimal] = []


@tool
def pay(invoice: str, amount: float) -> str:
    """Pay an invoice. The first answer of the bank gets lost, after the money moved."""
    charges.append(Decimal(str(amount)))
    if len(charges) == 1:
        raise TimeoutError("no answer from the bank")
    return f"paid {invoice}: charge {len(charges)}"


def says(results: list[str]):
    """Pay once, then tell what came of it."""
    return results[-1] if results else [{"name": "pay", "args": {"invoice": "INV-1234", "amount": 50}}]


def retry() -> ToolRetryMiddleware:
    """Return LangChain's retry: one more attempt, at once."""
    return ToolRetryMiddleware(max_retries=1, initial_delay=0, jitter=False)


ORDER = {"messages": [("user", "Pay INV-1234.")]}

with Story("LangChain: a payment and its retry") as story:
    story.part("Without FiGuard")
    create_agent(Scripted(says=says), [pay], middleware=[retry()]).invoke(ORDER)
    story.tell(LOST, f"{len(charges)} charges for INV-1234", sum(charges))
    story.check("the retry pays again", Decimal(100), sum(charges))

    story.part("With FiGuard: one key for the invoice, below the retry")
    charges.clear()
    client = story.client
    budget = client.create_budget("payables", 500, expires_in="24h")
    guard = client.guard(budget, key=lambda call: f"invoice-{call['invoice']}-usd-5000", agent_id="payer")
    agent = create_agent(Scripted(says=says), [pay], middleware=[retry(), FiGuardMiddleware(guard)])
    told = agent.invoke(ORDER)["messages"][-1].content
    story.tell(LOST, f"{len(charges)} charge, its answer lost", sum(charges), "held until somebody knows")
    story.tell(DENIED, "the retry, before it reaches the bank", 50, told.partition(" — ")[0])
    story.check(
        "the retry is not made", (1, True), (len(charges), told.startswith("FiGuard DENIED: DUPLICATE_REQUEST"))
    )

    story.part("Next morning: the bank's statement has the charge")
    [event] = client.iter_events(budget.id)
    story.check("its outcome was not known", "UNKNOWN", event.outcome)
    client.confirm(event.id, charges[0])
    story.tell(ALLOWED, "one event, confirmed once", charges[0], "the books tell what happened")
    story.books(budget, spent=50, left=450)
