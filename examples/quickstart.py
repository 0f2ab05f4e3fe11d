"""
Ask, spend, say what it cost, and be told no. Then the same limit tried out in shadow mode, and enforced.
"""

from __future__ import annotations

from decimal import Decimal

from examples.story import ALLOWED, Story

with Story("A travel agent with 500.00") as story:
    client = story.client
    budget = client.create_budget(
        "agent_001",
        total_limit=500,
        currency="USD",
        expires_in="24h",
        authorization_expiry_seconds=300,
        intent_context="travel booking session",
    )

    story.part("Authorize, then confirm what it cost")
    flight = client.authorize(
        budget=budget,
        amount=270,
        agent_id="travel_agent",
        action_type="PURCHASE",
        description="JetBlue SFO→JFK roundtrip",
        idempotency_key="booking-001",
    )
    story.answer("JetBlue SFO→JFK roundtrip", 270, flight)
    paid = client.confirm(flight, 267)
    story.tell(ALLOWED, "JetBlue SFO→JFK roundtrip", paid.confirmed_quantity, paid.decision)
    story.check("held, then paid", (270.0, 267.0), (flight.approved_quantity, paid.confirmed_quantity))

    story.part("Be told no, and what would fit")
    hotel = client.authorize(
        budget=budget,
        amount=350,
        agent_id="travel_agent",
        action_type="PURCHASE",
        description="Marriott 3 nights",
        idempotency_key="hotel-001",
    )
    story.answer("Marriott 3 nights", 350, hotel)
    fits = hotel.denied_by.fitting_quantity if hotel.denied_by else None
    story.tell("=", "would fit", fits)
    story.check("the denial", ("INSUFFICIENT_FUNDS", Decimal(233)), (hotel.denial_reason, fits))
    story.books(budget, spent=267, left=233)

    story.part("Try a limit without blocking anybody, then enforce it")
    trial = client.create_budget("agent_002", total_limit=500, trust_mode="SHADOW")
    shadow = client.authorize(budget=trial, amount=1200)
    story.tell(ALLOWED, "in shadow mode", 1200, f"{shadow.decision}, would have been {shadow.would_have_been}")
    client.update_budget(trial.id, trust_mode="FULL_ENFORCEMENT")
    enforced = client.authorize(budget=trial, amount=1200)
    story.answer("enforced", 1200, enforced)
    story.check("shadow mode lets it pass", ("AUTHORIZED", "DENIED"), (shadow.decision, shadow.would_have_been))
    story.check("enforcement does not", "INSUFFICIENT_FUNDS", enforced.denial_reason)
