"""
A fleet of support agents gives refunds. Three are right; three are wrong, each in its own way.
"""

from __future__ import annotations

from decimal import Decimal

from examples.story import LOST, Story
from figuard import FiGuardClient
from figuard.client.models import AuthorizationResult, Budget, SpendEventResponse

# The order, what is refunded, and how much the agent's token may refund in all.
ORDERS = (("ORD-001", 120, 500), ("ORD-002", 340, 500), ("ORD-003", 890, 1000), ("ORD-004", 850, 200))


class Desk:
    """The refund desk: a budget for the fleet, and a token for each case."""

    def __init__(self, client: FiGuardClient) -> None:
        self.client = client
        self.budget: Budget = client.create_budget(
            "refund-fleet",
            5000,
            expires_in="8h",
            entity_dedup_enabled=True,
            velocity_max_per_minute=20,
            allocations=[{"category": "refunds", "limit": 5000, "allowedCategories": ["refunds"]}],
        )

    def ask(self, order: str, amount: int, cap: int, *, below: AuthorizationResult | None = None, attempt: int = 1):
        """Ask for a refund with a token that may refund *cap* in all."""
        token = self.client.create_delegation_token(self.budget, f"agent-{order}-{attempt}", {"refunds": cap})
        return self.client.authorize(
            token,
            amount=amount,
            agent_id=f"agent-{order}",
            action_type="REFUND",
            description=f"refund {order}",
            entity_id=order,
            claimed_category="refunds",
            idempotency_key=f"refund-{order}-{attempt}",
            parent_event_id=below,
        )

    def confirmed(self) -> list[SpendEventResponse]:
        """Return what was refunded."""
        return list(self.client.iter_events(self.budget.id, decision="CONFIRMED"))


with Story("Six refunds, three of them right") as story:
    client, desk = story.client, Desk(story.client)
    calls = client.create_budget("refund-fleet-calls", 1000, unit="api_calls", expires_in="8h")
    reasons: list[str | None] = []

    story.part("Four orders, each with an agent and a cap of its own")
    for order, amount, cap in ORDERS:
        client.confirm(client.authorize(budget=calls, amount=1, description=f"look up {order}"), 1)
        asked = desk.ask(order, amount, cap)
        story.answer(f"{order}, cap {cap}", amount, asked)
        if asked.is_authorized:
            client.confirm(asked, amount)
        reasons.append(asked.denial_reason)

    story.part("The first order again, by another agent")
    twice = desk.ask("ORD-001", 120, 500, attempt=2)
    story.answer("ORD-001, refunded before", 120, twice)
    reasons.append(twice.denial_reason)

    story.part("A case that may cost 300.00 with everything below it")
    root = client.authorize(
        budget=desk.budget, amount="0.01", claimed_category="refunds", description="case 5", max_subtree_quantity=300
    )
    below = desk.ask("ORD-005", 350, 500, below=root)
    story.answer("ORD-005 in that case", 350, below)
    reasons.append(below.denial_reason)
    voided = client.void_tree(root, "CASE_CLOSED")
    story.tell(LOST, "the case is closed with all that is open in it", None, f"{voided.voided_count} voided")

    story.part("The ledger")
    for event in reversed(desk.confirmed()):
        story.tell("=", str(event.description), event.confirmed_quantity, event.decision)
    story.check("three refunds", Decimal(1350), sum(event.confirmed_quantity or 0 for event in desk.confirmed()))
    denials = [reason for reason in reasons if reason]
    story.check(
        "three denials", ["DELEGATE_CAP_EXCEEDED", "ENTITY_ALREADY_AUTHORIZED", "SUBTREE_CAP_EXCEEDED"], denials
    )
    story.books(desk.budget, spent=1350, left=3650)
    story.books(calls, spent=4, left=996)
