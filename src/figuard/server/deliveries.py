"""
Deliveries: notices on their way out, those of one book in their order, those of different books side by side.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from figuard.domain.admin import Delivery, DeliveryStatus, Webhook
from figuard.domain.commands import ClaimDeliveries, Order, SettleDelivery
from figuard.domain.replies import DeliveriesReply, DeliveryReply
from figuard.engine.async_engine import AsyncEngine
from figuard.engine.sweeper import SWEEPER
from figuard.ports import GetRecords, Kind
from figuard.server.metrics import Counts
from figuard.wire.render.webhooks import Sent

ROUND_SIZE = 200
"""How many notices one round sends."""
SENDING_MAX = 16
"""How many notices are on their way at once; each may take as long as the sender waits for an answer."""
Deliver = Callable[[Webhook, Delivery], Sent]


class Deliveries:
    """Sends what is due."""

    def __init__(self, engine: AsyncEngine, deliver: Deliver, counts: Counts) -> None:
        """Send by *deliver*, which blocks and never raises."""
        self._engine = engine
        self._deliver = deliver
        self._counts = counts

    async def send_due(self) -> int:
        """
        Send every notice that is due; return how many were taken. Raises ``Refusal`` (``STORE_UNAVAILABLE``).

        A notice is taken up, by one server, when there is a hand free to send it at once. What comes after it in its
        line waits until it is delivered or given up.
        """
        self._counts.add("figuard_sweep_runs", "webhooks")
        taken, left = 0, ROUND_SIZE
        sending: set[asyncio.Task[bool]] = set()
        try:
            while True:
                claimed = await self._claimed(min(SENDING_MAX - len(sending), left))
                left -= len(claimed)
                sending |= {asyncio.create_task(self._sent(delivery)) for delivery in claimed}
                if not sending:
                    break
                # Whenever one has arrived the next of its line may be due.
                done, sending = await asyncio.wait(sending, return_when=asyncio.FIRST_COMPLETED)
                taken += sum([task.result() for task in done])
        finally:
            for task in sending:
                task.cancel()
            await asyncio.gather(*sending, return_exceptions=True)
        self._counts.add("figuard_sweep_events_processed", "webhooks", by=taken)
        return taken

    async def _claimed(self, most: int) -> tuple[Delivery, ...]:
        """Take up as many notices as that, if there are so many."""
        if most < 1:
            return ()
        reply = await self._engine.execute(Order(ClaimDeliveries(most), "", SWEEPER))
        return reply.deliveries if isinstance(reply, DeliveriesReply) else ()

    async def _sent(self, delivery: Delivery) -> bool:
        """Send a notice; return whether it was taken."""
        found: Mapping[str, Webhook] = await self._engine.query(GetRecords(Kind.WEBHOOKS, (delivery.webhook_id,)))
        sent = await asyncio.to_thread(self._deliver, found[delivery.webhook_id], delivery)
        return (await self._settle(delivery, sent)).status is DeliveryStatus.DELIVERED

    async def _settle(self, delivery: Delivery, sent: Sent) -> Delivery:
        command = SettleDelivery(delivery.id, sent.response_status, sent.response_body, sent.error_message)
        reply = await self._engine.execute(Order(command, delivery.tenant_id, SWEEPER))
        settled = reply.delivery if isinstance(reply, DeliveryReply) else delivery
        if delivery.attempts:
            self._counts.add("figuard_webhook_retry_attempts")
        if settled.status is DeliveryStatus.DELIVERED and delivery.attempts:
            self._counts.add("figuard_webhook_retry_recovered")
        if settled.status is DeliveryStatus.FAILED:
            self._counts.add("figuard_webhook_retry_terminal")
        return settled
