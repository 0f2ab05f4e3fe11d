"""
A search finds nothing, so the agent searches again, at once, in other words.
"""

from __future__ import annotations

from decimal import Decimal

from examples.story import LOST, Story

PRICE = Decimal("1.50")
STEPS = 94
"""So many steps the framework lets a run make before it gives up."""


def search(_words: str) -> list[str]:
    """Return what was found: always nothing."""
    return []


with Story("The same search, again and again") as story:
    story.part("Without FiGuard: until the framework's own limit of steps")
    made = 0
    for step in range(1, STEPS + 1):
        made += 1  # paid for, whatever it finds
        if search(f"words {step}"):
            break
    story.tell(LOST, f"{made} searches", made * PRICE)
    story.check("the unguarded loop", (94, Decimal(141)), (made, made * PRICE))

    story.part("With FiGuard: a budget of 100.00, three searches a minute")
    budget = story.client.create_budget("searcher", 100, expires_in="1h", velocity_max_per_minute=3)
    answers, wait = [], 0.0
    for attempt in range(1, 6):
        asked = story.client.authorize(
            budget=budget, amount=PRICE, agent_id="searcher", idempotency_key=f"search-{attempt}"
        )
        if asked.is_authorized:
            search(f"words {attempt}")
            story.client.confirm(asked, PRICE)
        story.answer(f"search {attempt}", PRICE, asked)
        answers.append(asked.denial_reason or asked.decision)
        wait = asked.retry_after_seconds or wait
    story.check("three and no more", ["AUTHORIZED"] * 3 + ["VELOCITY_LIMIT_EXCEEDED"] * 2, answers)
    story.check("the denial says how long to wait", expected=True, actual=0 < wait <= 61)
    story.books(budget, spent="4.50", left="95.50")
