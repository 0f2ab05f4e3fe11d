"""
Integrity: every ledger is recomputed again and again beside the work, and each finding is told once.

A book may be written while it is read (``figuard.engine.inspection``).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any
from uuid import NAMESPACE_OID, uuid5

import structlog

from figuard.domain.admin import Delivery, Webhook
from figuard.domain.budget import Budget
from figuard.domain.entitlements import Subscription
from figuard.domain.instants import text as time_text
from figuard.domain.questions import VerifyBook
from figuard.domain.views import Finding, FindingsView
from figuard.engine.batch import encode
from figuard.engine.owned import Perform
from figuard.engine.questions import answer
from figuard.ports import Books, GetRecords, Kind, StoreConflict
from figuard.server.backend import Backend
from figuard.server.metrics import Counts

ROUND_BOOKS = 200
"""How many books one round verifies; the next round goes on where it stopped."""
REMEMBERED_MAX = 10_000
"""How many findings a process remembers to have told."""
EVENT_TYPE = "LEDGER_INTEGRITY_VIOLATION"
_LOG = structlog.stdlib.get_logger(__name__)


class Integrity:
    """Verifies books, a few at a time."""

    def __init__(self, backend: Backend, counts: Counts) -> None:
        """Verify the books of *backend*."""
        self._backend = backend
        self._engine = backend.engine
        self._counts = counts
        self._after = ""
        self._told: dict[tuple[str, int, str], None] = {}

    async def check(self) -> tuple[Finding, ...]:
        """Verify the next books; return what was found for the first time. Raises ``Refusal``."""
        ids: tuple[str, ...] = await self._engine.query(Books(None, self._after, ROUND_BOOKS))
        news: list[Finding] = []
        for book_id in ids:
            news += await self._check_book(book_id)
        self._after = ids[-1] if len(ids) == ROUND_BOOKS else ""
        self._counts.add("figuard_integrity_runs")
        return tuple(news)

    async def _check_book(self, book_id: str) -> list[Finding]:
        owner = await self._owner(book_id)
        if owner is None:
            return []
        found = (await self._verified(book_id, owner.tenant_id)).findings
        news: list[Finding] = []
        for finding in sorted(found, key=lambda one: one.seq):
            mark = (finding.book_id, finding.seq, finding.what)
            if mark in self._told:
                continue
            self._told[mark] = None
            if len(self._told) > REMEMBERED_MAX:
                del self._told[next(iter(self._told))]
            news.append(finding)
            await self._tell(finding, owner)
        return news

    async def _owner(self, book_id: str) -> Budget | Subscription | None:
        for kind in (Kind.BUDGETS, Kind.SUBSCRIPTIONS):
            found: Mapping[str, Any] = await self._engine.query(GetRecords(kind, (book_id,)))
            if book_id in found:
                return found[book_id]
        return None

    async def _verified(self, book_id: str, tenant_id: str) -> FindingsView:
        """Verify one book; the arithmetic runs beside the loop, so that no request waits for it."""
        steps = answer(VerifyBook(book_id), tenant_id, self._engine.now())
        came: Any = None
        while True:
            step = await asyncio.to_thread(_advanced, steps, came)
            if isinstance(step, FindingsView):
                return step
            came = None if isinstance(step, Perform) else await self._engine.query(step)

    async def _tell(self, finding: Finding, owner: Budget | Subscription) -> None:
        self._counts.add("figuard_integrity_violations")
        _LOG.error("the ledger contradicts itself", book=finding.book_id, entry=finding.seq, kind=finding.what)
        found = await self._engine.query(GetRecords(Kind.TENANT_WEBHOOKS, (owner.tenant_id,)))
        webhooks: tuple[Webhook, ...] = found.get(owner.tenant_id, ())
        for webhook in webhooks:
            if EVENT_TYPE in webhook.events:
                try:
                    await self._backend.insert(self._notice(finding, owner, webhook))
                except StoreConflict:
                    # Told before: by another server, or by this one before it was restarted.
                    _LOG.debug("a finding was told already", book=finding.book_id, entry=finding.seq)

    def _notice(self, finding: Finding, owner: Budget | Subscription, webhook: Webhook) -> Delivery:
        now = self._engine.now()
        # Named after the finding, so that each is told once, however many servers find it.
        name = f"figuard finding {finding.book_id} {finding.seq} {finding.what} {webhook.id}"
        delivery_id = str(uuid5(NAMESPACE_OID, name))
        payload: dict[str, Any] = {
            "eventType": EVENT_TYPE,
            "budgetId": finding.book_id,
            "tenantId": owner.tenant_id,
            "violationType": finding.what,
            "entrySeq": finding.seq,
            "detail": finding.detail,
            "timestamp": time_text(now),
            "deliveryId": delivery_id,
        }
        return Delivery(
            id=delivery_id,
            tenant_id=owner.tenant_id,
            webhook_id=webhook.id,
            url=webhook.url,
            book_id=finding.book_id,
            event_type=EVENT_TYPE,
            payload=encode(payload),
            created_at=now,
            due_at=now,
        )


def _advanced(steps: Any, came: Any) -> Any:  # noqa: ANN401 - a step, or the view that the steps end with
    try:
        return steps.send(came)
    except StopIteration as done:
        # Carried as a value: an exception of this kind cannot leave a thread through a future.
        return done.value
