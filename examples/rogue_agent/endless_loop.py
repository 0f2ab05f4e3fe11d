"""
An agent improves a draft until its score reaches 0.95. The score repeats itself and never does.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from examples.story import ALLOWED, DENIED, LOST, Story

PRICE = Decimal("0.02")
THRESHOLD = 0.95
NIGHT = 847
"""So many iterations the agent makes until somebody comes to the office."""


def improve(iteration: int) -> float:
    """Return the score of the next draft. The model goes round in circles: it is never above 0.91."""
    return 0.85 + (iteration % 7) * 0.01


def drafts() -> Iterator[int]:
    """Yield an iteration as long as the draft is not good enough and the night lasts."""
    for iteration in range(1, NIGHT + 1):
        yield iteration
        if improve(iteration) >= THRESHOLD:
            return


with Story("An agent that is never satisfied") as story:
    story.part("Without FiGuard")
    unsafe = 0
    for _ in drafts():
        unsafe += 1  # each of them is a paid call of the model
    story.tell(LOST, f"{unsafe} iterations until the morning", unsafe * PRICE)
    story.check("the unguarded loop runs all night", (847, Decimal("16.94")), (unsafe, unsafe * PRICE))

    story.part("With FiGuard: a budget of 5.00")
    budget = story.client.create_budget("quality", 5, expires_in="24h")
    stopped_at, reason = 0, None
    for iteration in drafts():
        asked = story.client.authorize(
            budget=budget,
            amount=PRICE,
            agent_id="quality_checker",
            action_type="LLM_CALL",
            description=f"draft {iteration}",
            idempotency_key=f"quality-iter-{iteration}",
        )
        if not asked.is_authorized:
            stopped_at, reason = iteration, asked.denial_reason
            break
        story.client.confirm(asked, PRICE)
        if iteration <= 3 or iteration % 50 == 0:
            story.tell(ALLOWED, f"iteration {iteration}", iteration * PRICE, "spent so far")
    saved = (unsafe - stopped_at) * PRICE
    story.tell(DENIED, f"iteration {stopped_at}", PRICE, f"{reason}: {saved} saved")
    story.check("it stops at iteration 251", (251, "INSUFFICIENT_FUNDS"), (stopped_at, reason))
    story.check("saved", Decimal("11.92"), saved)
    story.books(budget, spent=5, left=0)
