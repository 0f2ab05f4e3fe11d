"""
A budget that counts calls of a paid API. A batch asks once for all of its calls.
"""

from __future__ import annotations

from examples.story import ALLOWED, Story

# What is done, how many calls it may take, and how many it took.
BATCHES = (("geocode the new customers", 50, 48), ("check the addresses", 200, 200), ("geocode everybody", 800, 0))

with Story("An agent with 1,000 calls", places=0) as story:
    budget = story.client.create_budget("geocoder", 1000, unit="api_calls", expires_in="24h")

    story.part("One question per batch")
    answers = []
    for what, calls, made in BATCHES:
        asked = story.client.authorize(budget=budget, amount=calls, action_type="API_CALL", description=what)
        story.answer(what, calls, asked)
        answers.append(asked.denial_reason or asked.decision)
        if asked.is_authorized:
            story.client.confirm(asked, made)
            story.tell(ALLOWED, "  really made", made)
    story.check("the answers", ["AUTHORIZED", "AUTHORIZED", "INSUFFICIENT_FUNDS"], answers)
    story.tell("=", "left", story.client.get_budget(budget).available_quantity)
    story.books(budget, spent=248, left=752)
