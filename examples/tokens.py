"""
A budget that counts tokens: ask for the estimate, confirm what the model really used.
"""

from __future__ import annotations

from examples.story import ALLOWED, Story

# What is done, the estimate, and the usage that the model reported.
CALLS = (("summarize the inbox", 8_500, 8_200), ("read the contract", 45_000, 44_100), ("read it again", 60_000, 0))

with Story("An agent with 100,000 tokens", places=0) as story:
    budget = story.client.create_budget("reader", 100_000, unit="tokens", expires_in="1h")

    story.part("Estimate, ask, call, confirm")
    answers = []
    for what, estimate, used in CALLS:
        asked = story.client.authorize(budget=budget, amount=estimate, action_type="LLM_CALL", description=what)
        story.answer(what, estimate, asked)
        answers.append(asked.denial_reason or asked.decision)
        if asked.is_authorized:
            story.client.confirm(asked, used)
            story.tell(ALLOWED, "  really used", used)
    story.check("the answers", ["AUTHORIZED", "AUTHORIZED", "INSUFFICIENT_FUNDS"], answers)
    story.tell("=", "left", story.client.get_budget(budget).available_quantity)
    story.books(budget, spent=52_300, left=47_700)
