"""
A payment goes through, its answer gets lost, and the agent tries again. Then three agents find the same invoice.
"""

from __future__ import annotations

import contextlib
from decimal import Decimal

from examples.story import ALLOWED, LOST, Story
from figuard.client.models import AuthorizationResult

AMOUNT = Decimal(1500)


class Processor:
    """A payment processor: it charges, and the first of its answers never arrives."""

    def __init__(self) -> None:
        self.charges: list[Decimal] = []

    def charge(self, amount: Decimal) -> str:
        """Take the money and return the number of the charge."""
        self.charges.append(amount)
        if len(self.charges) == 1:
            raise TimeoutError("the money moved, the answer got lost")
        return f"ch_{len(self.charges):03}"

    def find(self) -> str | None:
        """Return the number of the charge that was made, if any."""
        return "ch_001" if self.charges else None


with Story("A payment that is made twice") as story:
    story.part("Without FiGuard: INV-2026-0342, and one retry")
    processor = Processor()
    with contextlib.suppress(TimeoutError):
        processor.charge(AMOUNT)
    processor.charge(AMOUNT)
    story.tell(LOST, f"{len(processor.charges)} charges for one invoice", sum(processor.charges))
    story.check("the unguarded retry pays twice", Decimal(3000), sum(processor.charges))

    story.part("With FiGuard: the same agent, one key for the invoice")
    client, processor = story.client, Processor()
    budget = client.create_budget("payables", 50_000, entity_dedup_enabled=True)

    def pay(key: str, invoice: str, amount: Decimal) -> AuthorizationResult:
        """Ask for an invoice, and pay it unless that was asked before."""
        asked = client.authorize(
            budget=budget,
            amount=amount,
            agent_id="payables",
            action_type="PAYMENT",
            description=f"invoice {invoice}",
            entity_id=invoice,
            idempotency_key=key,
        )
        if asked.is_authorized and asked.replayed:
            # This was asked before, so the money may have moved: look, instead of paying again.
            client.confirm(asked, amount, external_transaction_id=processor.find())
        elif asked.is_authorized:
            try:
                client.confirm(asked, amount, external_transaction_id=processor.charge(amount))
            except TimeoutError as lost:
                client.mark_unknown(asked, str(lost))
        return asked

    first = pay("invoice-INV-2026-0342", "INV-2026-0342", AMOUNT)
    story.tell(LOST, "first attempt: charged, answer lost", AMOUNT, "held until somebody knows")
    again = pay("invoice-INV-2026-0342", "INV-2026-0342", AMOUNT)
    story.tell(ALLOWED, "second attempt: found ch_001", AMOUNT, "the same event, confirmed once")
    tree = client.get_spend_tree(budget.id)
    story.check("both attempts are authorized", ("AUTHORIZED", "AUTHORIZED"), (first.decision, again.decision))
    story.check("one event", (first.event_id, 1), (again.event_id, tree.total_events))
    story.check("one charge", [AMOUNT], processor.charges)
    story.books(budget, spent=1500, left=48_500)

    story.part("With FiGuard: three agents, three keys, one invoice of 4,800.00")
    paid, blocked = Decimal(0), Decimal(0)
    for agent in ("mailbox", "portal", "chat"):
        asked = pay(f"{agent}-INV-2026-0341", "INV-2026-0341", Decimal(4800))
        paid, blocked = (paid + 4800, blocked) if asked.is_authorized else (paid, blocked + 4800)
        story.answer(f"the {agent} agent", 4800, asked)
    story.check("paid once, blocked twice", (4800, 9600), (paid, blocked))
    story.books(budget, spent=6300, left=43_700)
