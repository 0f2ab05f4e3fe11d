"""
The sweeper: what has fallen due on budgets that nobody asks, and notices that wait to be sent.

Every step is an ordinary order, decided in its own transaction and safe to give twice, so any number of sweepers may
run at once. Work is bounded: what is left waits for the next sweep.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from figuard.domain.admin import Delivery, Webhook
from figuard.domain.codes import ErrorCode
from figuard.domain.commands import (
    ClaimDeliveries,
    Command,
    ForgetAnswers,
    Order,
    SettleDelivery,
    SweepBudget,
    SweepItem,
)
from figuard.domain.instants import HOUR
from figuard.domain.limits import FORGOTTEN_PER_ROUND
from figuard.domain.refusal import Refusal
from figuard.domain.replies import DeliveriesReply, DeliveryReply, SweepReply
from figuard.domain.valueclass import valueclass
from figuard.engine.budgets import EXPIRING_SOON_HOURS
from figuard.engine.engine import Engine
from figuard.ports import DueWork, GetRecords, Kind

SWEEPER = "sweeper"
"""The actor of a sweep's orders."""
SWEEP_LIMIT = 500
"""How many budgets, entitlements and deliveries one sweep looks at, each."""
FORGETTING_ROUNDS = 20
"""How often one sweep forgets as many remembered answers as one transaction may."""


@valueclass
class Attempt:
    """What became of one attempt to deliver: the receiver's status and answer, or why there was none."""

    response_status: int | None = None
    response_body: str | None = None
    error_message: str | None = None


Deliver = Callable[[Webhook, Delivery], Attempt]
"""Send one notice. It never raises: whatever went wrong is in the attempt."""


@dataclass(slots=True)
class SweepSummary:
    """How much one sweep did."""

    holds_ended: int = 0
    voided: int = 0
    notices: int = 0
    renewed: int = 0
    delivered: int = 0
    undelivered: int = 0
    forgotten: int = 0

    def add(self, reply: SweepReply) -> None:
        """Add what one order did."""
        self.holds_ended += reply.holds_ended
        self.voided += reply.voided
        self.notices += reply.notices
        self.renewed += reply.renewed
        self.forgotten += reply.forgotten


def sweep(engine: Engine, deliver: Deliver | None = None) -> SweepSummary:
    """
    Do everything that is due: end holds, void what timed out, announce, renew, forget, and send what waits.

    Raises ``Refusal`` (``STORE_UNAVAILABLE``) when the store cannot be reached; what was done until then stays done.
    """
    now = engine.now()
    summary = SweepSummary()
    budgets: dict[str, None] = dict.fromkeys(engine.due(DueWork("holds", now, limit=SWEEP_LIMIT)))
    soon = DueWork("expiring", now, until=now + EXPIRING_SOON_HOURS * HOUR, limit=SWEEP_LIMIT)
    budgets.update(dict.fromkeys(engine.due(soon)))
    for budget_id in budgets:
        _give(engine, SweepBudget(budget_id), summary)
    for item_id in engine.due(DueWork("items", now, limit=SWEEP_LIMIT)):
        _give(engine, SweepItem(item_id), summary)
    for _ in range(FORGETTING_ROUNDS):
        before = summary.forgotten
        _give(engine, ForgetAnswers(), summary)
        if summary.forgotten - before < FORGOTTEN_PER_ROUND:
            break
    if deliver is not None:
        send_due(engine, deliver, summary)
    return summary


def send_due(engine: Engine, deliver: Deliver, summary: SweepSummary) -> None:
    """
    Send the notices that are due, those of one book in their order.

    A book whose notice could not be delivered keeps its later ones back until that one is delivered or given up, by
    whichever sweep. Each is taken up when its turn comes and not before, since sending takes as long as it takes.
    """
    for _ in range(SWEEP_LIMIT):
        claimed = engine.execute(Order(ClaimDeliveries(1), "", SWEEPER))
        if not isinstance(claimed, DeliveriesReply) or not claimed.deliveries:
            return
        (delivery,) = claimed.deliveries
        webhook: Webhook = engine.records(GetRecords(Kind.WEBHOOKS, (delivery.webhook_id,)))[delivery.webhook_id]
        attempt = deliver(webhook, delivery)
        settled = SettleDelivery(delivery.id, attempt.response_status, attempt.response_body, attempt.error_message)
        reply = engine.execute(Order(settled, delivery.tenant_id, SWEEPER))
        if isinstance(reply, DeliveryReply) and reply.delivery.delivered_at is not None:
            summary.delivered += 1
        else:
            summary.undelivered += 1


def _give(engine: Engine, command: Command, summary: SweepSummary) -> None:
    try:
        reply = engine.execute(Order(command, "", SWEEPER))
    except Refusal as refusal:
        # Gone since the query: another sweeper or its owner was faster. Anything else is a real failure.
        if refusal.code is not ErrorCode.NOT_FOUND:
            raise
        return
    if isinstance(reply, SweepReply):
        summary.add(reply)
