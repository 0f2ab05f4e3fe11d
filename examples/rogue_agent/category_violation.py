"""
A travel agent charges a hotel to the flight budget, where there is more money.
"""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal

from examples.story import LOST, Story

# What is bought, what the agent says it is, what it costs.
BOOKINGS = (
    ("economy_ticket", "flight", Decimal(267)),
    ("hotel_room", "flight", Decimal(312)),
    ("hotel_room", "hotel", Decimal(312)),
    ("spa_day", "wellness", Decimal(90)),
)

with Story("A hotel that calls itself a flight") as story:
    story.part("Without FiGuard: a sum per category, as the agent names it")
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for _item, category, price in BOOKINGS[:3]:
        sums[category] += price
    for category, total in sums.items():
        story.tell(LOST, f"{category}: paid, and nobody asked", total)
    story.check("everything passes", {"flight": Decimal(579), "hotel": Decimal(312)}, dict(sums))

    story.part("With FiGuard: flights are flights")
    budget = story.client.create_budget(
        "trip",
        1000,
        expires_in="24h",
        allocations=[
            {
                "category": "flight",
                "limit": 600,
                "enforcementMode": "STRICT",
                "allowedCategories": ["flight"],
                "forbiddenItemTypes": ["hotel_room", "gift_card"],
            },
            {"category": "hotel", "limit": 400, "allowedCategories": ["hotel"]},
        ],
    )
    answers = []
    for item, category, price in BOOKINGS:
        asked = story.client.authorize(
            budget=budget,
            amount=price,
            agent_id="travel_agent",
            description=item,
            claimed_category=category,
            claimed_item_type=item,
        )
        if asked.is_authorized:
            story.client.confirm(asked, price)
        story.answer(f"{item} as {category}", price, asked)
        answers.append(asked.denial_reason or asked.decision)
    story.check(
        "the four answers",
        ["AUTHORIZED", "FORBIDDEN_ITEM_TYPE", "AUTHORIZED", "NO_MATCHING_ALLOCATION"],
        answers,
    )
    parts = {part.category: part.quantity_spent for part in story.client.get_budget(budget).allocations}
    story.check("spent by category", {"flight": Decimal(267), "hotel": Decimal(312)}, parts)
    story.books(budget, spent=579, left=421)
