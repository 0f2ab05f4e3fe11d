"""
An agency runs agents for a client, and writes the client's bill from the ledger.
"""

from __future__ import annotations

from decimal import Decimal

from examples.story import ALLOWED, Story

# Which agent's token, what it does, what each call costs.
WORK = [("research", 50)] * 3 + [("research", 100)] + [("outreach", 100)] * 2

with Story("What did you spend our 500.00 on?") as story:
    client = story.client
    budget = client.create_budget("client-acme", 500, expires_in="30d", external_reference="ACME-2026-11")
    tokens = {
        "research": client.create_delegation_token(budget, "research-agent", {"research": 200}),
        "outreach": client.create_delegation_token(budget, "outreach-agent", {"outreach": 300}),
    }

    story.part("The work")
    for number, (category, price) in enumerate(WORK, start=1):
        asked = client.authorize(
            tokens[category],
            amount=price,
            agent_id=f"{category}-agent",
            claimed_category=category,
            idempotency_key=f"job-{number}",
        )
        if asked.is_authorized:
            client.confirm(asked, price)
        story.answer(f"job {number}: {category}", price, asked)

    story.part("The bill, by category")
    bill = {line.key: line for line in client.spend_report("category").lines}
    for category, line in bill.items():
        remark = f"{line.event_count - line.denied_count} calls, {line.denied_count} blocked"
        story.tell(ALLOWED, str(category), line.confirmed_quantity, remark)
    total = sum(line.confirmed_quantity for line in bill.values())
    story.tell("=", "total", total)
    seen = {key: (line.confirmed_quantity, line.event_count - line.denied_count, line.denied_count)
            for key, line in bill.items()}  # fmt: skip
    story.check("the bill", {"outreach": (Decimal(200), 2, 0), "research": (Decimal(150), 3, 1)}, seen)
    story.check("the total", Decimal(350), total)
    story.books(budget, spent=350, left=150)
