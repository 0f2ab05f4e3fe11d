"""
No single call is expensive. A night of them is.
"""

from __future__ import annotations

from decimal import Decimal

from examples.story import ALLOWED, LOST, Story

PRICE = Decimal("0.37")
NIGHT = [PRICE] * 844 + [Decimal("0.19")]
"""What an agent's calls cost one night; the last was cut off in the morning."""

with Story("Small change") as story:
    story.part("Without FiGuard")
    bill = sum(NIGHT)
    story.tell(LOST, f"{len(NIGHT)} calls in a night", bill)
    story.check("the bill", Decimal("312.47"), bill)

    story.part("With FiGuard: a budget of 10.00, and no call above 0.75")
    budget = story.client.create_budget("night-shift", 10, expires_in="24h", max_transaction_quantity="0.75")
    calls, reason = 0, None
    for number, price in enumerate(NIGHT, start=1):
        asked = story.client.authorize(budget=budget, amount=price, idempotency_key=f"call-{number}")
        if not asked.is_authorized:
            story.tell(ALLOWED, f"calls 1 to {calls}", calls * PRICE)
            story.answer(f"call {number}", price, asked)
            reason = asked.denial_reason
            break
        story.client.confirm(asked, price)
        calls += 1
    spent = calls * PRICE
    saved = bill - spent
    story.tell("=", "what did not happen", saved, f"{saved / bill:.0%} of the bill")
    story.check("27 calls, and the 28th is denied", (27, "INSUFFICIENT_FUNDS"), (calls, reason))
    story.check("saved", Decimal("302.48"), saved)

    large = story.client.authorize(budget=budget, amount="4.20", idempotency_key="a-large-one")
    story.answer("one large call", "4.20", large)
    story.check("a large call has its own limit", "EXCEEDS_QUANTITY_LIMIT", large.denial_reason)
    story.books(budget, spent="9.99", left="0.01")
