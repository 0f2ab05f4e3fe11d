"""
The work that time alone makes due: ending holds, renewing quotas, sending webhooks, verifying ledgers.

Each job is a loop of its own, so a slow receiver delays no release of a hold. Every step is an order that may be given
twice, so any number of servers may do this work on one database.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import structlog

from figuard.domain.codes import ErrorCode
from figuard.domain.commands import Command, ForgetAnswers, NoteKeyUses, Order, SweepBudget, SweepItem
from figuard.domain.instants import HOUR
from figuard.domain.limits import FORGOTTEN_PER_ROUND, KEY_USE_SECONDS
from figuard.domain.refusal import Refusal
from figuard.domain.replies import SweepReply
from figuard.engine.budgets import EXPIRING_SOON_HOURS
from figuard.engine.sweeper import SWEEPER
from figuard.ports import DueWork, StoreUnavailable
from figuard.server.auth import Gate
from figuard.server.backend import Backend
from figuard.server.deliveries import Deliver, Deliveries
from figuard.server.integrity import Integrity
from figuard.server.metrics import Counts
from figuard.server.settings import ServerSettings

ROUND_SIZE = 500
"""How many budgets or entitlements one round looks at; what is left waits for the next."""
AT_ONCE = 32
"""How many sweeping orders are given side by side: they share batches, and leave room for callers."""
USED_SECONDS = float(KEY_USE_SECONDS)
"""How often it is noted which keys were used."""
KEYS_AT_ONCE = 100
"""How many of them one transaction notes."""
FORGET_SECONDS = 60.0
"""How often answers are forgotten that were remembered long enough."""
FORGETTING_ROUNDS = 20
"""How many transactions one round of that takes at the most."""
_LOG = structlog.stdlib.get_logger(__name__)


class Jobs:
    """The background jobs of one server. Belongs to one event loop."""

    def __init__(
        self,
        settings: ServerSettings,
        backend: Backend,
        deliver: Deliver,
        counts: Counts,
        gate: Gate,
        *,
        verifies: bool = True,
    ) -> None:
        """
        Work on *backend*; *deliver* sends one notice and blocks meanwhile.

        Of several workers one *verifies*: nobody claims that work, so all would read the same books and count the same
        findings.
        """
        self._settings = settings
        self._backend = backend
        self._engine = backend.engine
        self._counts = counts
        self._gate = gate
        self.deliveries = Deliveries(backend.engine, deliver, counts)
        self.integrity = Integrity(backend, counts)
        self._verifies = verifies
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Start every job."""
        settings = self._settings
        jobs: tuple[tuple[str, float, Callable[[], Awaitable[object]]], ...] = (
            ("holds", settings.sweep_seconds, self.sweep_budgets),
            ("renewals", settings.sweep_seconds, self.renew),
            ("webhooks", settings.delivery_seconds, self.deliveries.send_due),
            ("integrity", settings.integrity_seconds, self.integrity.check),
            ("keys", USED_SECONDS, self.note_used_keys),
            ("memory", FORGET_SECONDS, self.forget_answers),
        )
        wanted = [job for job in jobs if self._verifies or job[0] != "integrity"]
        self._tasks = [asyncio.create_task(self._repeat(*job), name=f"figuard-{job[0]}") for job in wanted]

    async def stop(self) -> None:
        """Stop every job where it waits; what is being committed is committed. Harmless twice."""
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task

    async def _repeat(self, name: str, seconds: float, job: Callable[[], Awaitable[object]]) -> None:
        while True:
            await asyncio.sleep(seconds)
            try:
                await job()
            except (Refusal, StoreUnavailable) as error:
                _LOG.warning("a background job could not go on; it is tried again", job=name, error=str(error))
            except Exception:  # noqa: BLE001 - logged, with where it came from
                # A defect in one round must not end the rounds after it.
                _LOG.exception("a background job failed; it is tried again", job=name)

    async def sweep_budgets(self) -> SweepReply:
        """End holds that are over, void what timed out, announce what expires soon. Raises ``Refusal``."""
        now = self._engine.now()
        due: tuple[str, ...] = await self._engine.query(DueWork("holds", now, limit=ROUND_SIZE))
        soon = DueWork("expiring", now, until=now + EXPIRING_SOON_HOURS * HOUR, limit=ROUND_SIZE)
        expiring: tuple[str, ...] = await self._engine.query(soon)
        self._counts.pending_authorizations = len(due)
        done = await self._give([SweepBudget(budget_id) for budget_id in dict.fromkeys((*due, *expiring))])
        self._counts.add("figuard_sweep_runs", "holds")
        self._counts.add("figuard_sweep_events_processed", "holds", by=done.holds_ended + done.voided)
        self._counts.add("figuard_reservation_expired", by=done.holds_ended)
        return done

    async def renew(self) -> SweepReply:
        """Renew the entitlements whose period is over. Raises ``Refusal``."""
        due: tuple[str, ...] = await self._engine.query(DueWork("items", self._engine.now(), limit=ROUND_SIZE))
        self._counts.add("figuard_renewal_sweep_runs")
        try:
            done = await self._give([SweepItem(item_id) for item_id in due])
        except Refusal:
            self._counts.add("figuard_renewal_sweep_errors")
            raise
        self._counts.add("figuard_renewal_sweep_items_renewed", by=done.renewed)
        return done

    async def note_used_keys(self) -> None:
        """Note which API keys were used since the last round."""
        used, self._gate.used = sorted(self._gate.used), set()
        for start in range(0, len(used), KEYS_AT_ONCE):
            await self._one(NoteKeyUses(tuple(used[start : start + KEYS_AT_ONCE])))

    async def forget_answers(self) -> int:
        """Forget answers that were remembered long enough; return how many. Raises ``Refusal``."""
        forgotten = 0
        for _ in range(FORGETTING_ROUNDS):
            found = (await self._one(ForgetAnswers())).forgotten
            forgotten += found
            if found < FORGOTTEN_PER_ROUND:
                break
        return forgotten

    async def _give(self, commands: list[SweepBudget] | list[SweepItem]) -> SweepReply:
        """Give orders side by side, and return what they did together."""
        total = SweepReply()
        for start in range(0, len(commands), AT_ONCE):
            replies = await asyncio.gather(*(self._one(command) for command in commands[start : start + AT_ONCE]))
            for reply in replies:
                total = SweepReply(
                    total.holds_ended + reply.holds_ended,
                    total.voided + reply.voided,
                    total.notices + reply.notices,
                    total.renewed + reply.renewed,
                )
        return total

    async def _one(self, command: Command) -> SweepReply:
        try:
            reply = await self._engine.execute(Order(command, "", SWEEPER))
        except Refusal as refusal:
            # Gone since the query: another server, or its owner, was faster.
            if refusal.code is not ErrorCode.NOT_FOUND:
                raise
            return SweepReply()
        return reply if isinstance(reply, SweepReply) else SweepReply()
