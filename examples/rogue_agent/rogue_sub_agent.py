"""
A researcher searches in a loop and takes the money of its colleagues, who have not begun.
"""

from __future__ import annotations

from decimal import Decimal

from examples.story import LOST, Story, money

FLEET, SEARCH = Decimal(1000), Decimal(5)
COLLEAGUES = (("analyst", Decimal(50)), ("writer", Decimal(40)))
NEVER = 1000
"""The researcher is after something that is not there, so it would search this often."""

with Story("A sub-agent that takes it all") as story:
    story.part("Without FiGuard: one purse of 1,000.00 for all three")
    purse, stopped_at = FLEET, 0
    for search in range(1, NEVER + 1):
        if purse < SEARCH:
            stopped_at = search
            break
        purse -= SEARCH
    story.tell(LOST, f"researcher: {stopped_at - 1} searches", FLEET - purse, "the purse is empty")
    unserved = [agent for agent, price in COLLEAGUES if purse < price]
    for agent in unserved:
        story.tell(LOST, f"{agent}: cannot work")
    story.check("the purse is empty at call 201", (201, 0), (stopped_at, purse))
    story.check("the colleagues go without", ["analyst", "writer"], unserved)

    story.part("With FiGuard: a token for each, the researcher's capped at 200.00")
    client = story.client
    budget = client.create_budget("report-fleet", FLEET, expires_in="8h")
    researcher = client.create_delegation_token(budget, "researcher", {"search_api": 200})
    tokens = {
        "analyst": client.create_delegation_token(budget, "analyst", {"llm_calls": 300}),
        "writer": client.create_delegation_token(budget, "writer", {"llm_calls": 200}),
    }
    reason = None
    for search in range(1, NEVER + 1):
        asked = client.authorize(
            researcher,
            amount=SEARCH,
            agent_id="researcher",
            claimed_category="search_api",
            idempotency_key=f"search-{search}",
        )
        if not asked.is_authorized:
            stopped_at, reason = search, asked.denial_reason
            story.answer(f"researcher: search {search}", SEARCH, asked)
            break
        client.confirm(asked, SEARCH)
    cap = client.get_delegation_token(researcher).caps[0]
    story.check("the researcher stops at call 41", (41, "DELEGATE_CAP_EXCEEDED"), (stopped_at, reason))
    story.check("with its cap spent", Decimal(200), cap.quantity_spent)

    for agent, price in COLLEAGUES:
        asked = client.authorize(tokens[agent], amount=price, agent_id=agent, claimed_category="llm_calls")
        client.confirm(asked, price)
        story.answer(f"{agent}: has its money", price, asked)
        story.check(f"the {agent} works", expected=True, actual=asked.is_authorized)
    story.tell("=", "left for the fleet", client.get_budget(budget).available_quantity, f"of {money(FLEET)}")
    story.books(budget, spent=290, left=710)
