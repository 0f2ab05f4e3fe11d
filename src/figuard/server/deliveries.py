"""
Deliveries: notices on their way out, those of one book in their order, those of different books side by side.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Protocol

from figuard.domain.admin import Delivery, DeliveryStatus, Webhook
from figuard.domain.commands import Order, SettleDelivery
from figuard.domain.replies import DeliveryReply
from figuard.engine.async_engine import AsyncEngine
from figuard.engine.sweeper import SWEEPER
from figuard.ports import DueWork, GetRecords, Kind
from figuard.server.metrics import Counts

ROUND_SIZE = 200
"""How many notices one round sends."""
SENDING_MAX = 16
"""How many notices are on their way at once; each may take as long as the sender waits for an answer."""


class Sent(Protocol):
    """What became of one attempt."""

    @property
    def response_status(self) -> int | None:
        """The receiver's status, if it answered."""
        ...

    @property
    def response_body(self) -> str | None:
        """The start of its answer."""
        ...

    @property
    def error_message(self) -> str | None:
        """Why it is no success."""
        ...


Deliver = Callable[[Webhook, Delivery], Sent]


class Deliveries:
    """Sends what is due."""

    def __init__(self, engine: AsyncEngine, deliver: Deliver, counts: Counts) -> None:
        """Send by *deliver*, which blocks and never raises."""
        self._engine = engine
        self._deliver = deliver
        self._counts = counts
        self._sending = asyncio.Semaphore(SENDING_MAX)

    async def send_due(self) -> int:
        """Send every notice that is due; return how many were taken. Raises ``Refusal`` (``STORE_UNAVAILABLE``)."""
        due = DueWork("deliveries", self._engine.now(), limit=ROUND_SIZE)
        ids: tuple[str, ...] = await self._engine.query(due)
        self._counts.add("figuard_sweep_runs", "webhooks")
        if not ids:
            return 0
        found: Mapping[str, Delivery] = await self._engine.query(GetRecords(Kind.DELIVERIES, ids))
        lines: dict[tuple[str, str], list[Delivery]] = {}
        for delivery_id in ids:
            if (delivery := found.get(delivery_id)) is not None:
                lines.setdefault((delivery.webhook_id, delivery.book_id), []).append(delivery)
        webhook_ids = tuple(dict.fromkeys(webhook_id for webhook_id, _ in lines))
        webhooks: Mapping[str, Webhook] = await self._engine.query(GetRecords(Kind.WEBHOOKS, webhook_ids))
        taken = await asyncio.gather(*(self._send_line(webhooks[line[0]], lines[line]) for line in lines))
        self._counts.add("figuard_sweep_events_processed", "webhooks", by=sum(taken))
        return sum(taken)

    async def _send_line(self, webhook: Webhook, deliveries: list[Delivery]) -> int:
        """Send one book's notices to one webhook; the first that is not taken keeps the later ones back."""
        taken = 0
        for delivery in deliveries:
            async with self._sending:
                # Up to several seconds may have passed since it was found to be due: another server may have sent it.
                if not await self._is_pending(delivery):
                    continue
                sent = await asyncio.to_thread(self._deliver, webhook, delivery)
            settled = await self._settle(delivery, sent)
            if settled.status is not DeliveryStatus.DELIVERED:
                break
            taken += 1
        return taken

    async def _is_pending(self, delivery: Delivery) -> bool:
        found: Mapping[str, Delivery] = await self._engine.query(GetRecords(Kind.DELIVERIES, (delivery.id,)))
        present = found.get(delivery.id)
        return (
            present is not None and present.status is DeliveryStatus.PENDING and present.attempts == delivery.attempts
        )

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
