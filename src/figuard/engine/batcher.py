"""
The batcher: callers in many threads, one transaction at a time, no thread of its own.

A caller queues its order. Whoever finds nobody committing becomes the leader: it takes everything that waits, commits
it in one transaction and hands out the answers, until nothing is left. So a lone caller pays no hand-over, and under
load the next batch is whatever arrived while the last one committed. There is no timer.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence

from figuard.domain.codes import ErrorCode
from figuard.domain.commands import Order
from figuard.domain.refusal import Refusal
from figuard.engine.batch import Outcome
from figuard.ports import StoreUnavailable

BATCH_MAX = 512
"""How many orders one transaction may decide."""
QUEUE_MAX = 10_000
"""How many orders may wait; one more is refused at once instead of waiting for ever."""
LEAD_ROUNDS_MAX = 64
"""How many batches one caller commits for others before another waiting caller takes over."""

Commit = Callable[[Sequence[Order]], list[Outcome]]


class _Ticket:
    """One waiting order: its answer, and a baton that its caller wakes on."""

    __slots__ = ("order", "outcome", "wake")

    def __init__(self, order: Order) -> None:
        self.order = order
        self.outcome: Outcome | None = None
        self.wake = threading.Event()


class Batcher:
    """Turns concurrent orders into batches for *commit*, which is never called by two threads at once."""

    def __init__(self, commit: Commit) -> None:
        """Take the function that decides and commits one batch."""
        self._commit = commit
        self._mutex = threading.Lock()
        self._waiting: deque[_Ticket] = deque()
        self._leading = False

    def submit(self, order: Order) -> Outcome:
        """Return what the order came to, once it is committed. Raises ``Refusal`` (``OVERLOADED``) when full."""
        ticket: _Ticket | None = None
        with self._mutex:
            if self._leading:
                self._check_room()
                ticket = _Ticket(order)
                self._waiting.append(ticket)
            else:
                self._leading = True
        if ticket is None:
            return self._lead_off(order)
        ticket.wake.wait()
        if ticket.outcome is None:
            self._lead(LEAD_ROUNDS_MAX)
        if ticket.outcome is None:
            msg = "an order was neither committed nor refused"
            raise AssertionError(msg)
        return ticket.outcome

    def _check_room(self) -> None:
        if len(self._waiting) >= QUEUE_MAX:
            raise Refusal(
                ErrorCode.OVERLOADED, f"{QUEUE_MAX} requests are waiting to be committed", retry_after_seconds=1.0
            )

    def _lead_off(self, order: Order) -> Outcome:
        """Commit one's own order, since nobody waits; then the orders of those who came meanwhile."""
        try:
            (outcome,) = self._commit((order,))
        except BaseException:
            self._abdicate()
            raise
        self._lead(LEAD_ROUNDS_MAX - 1)
        return outcome

    def _lead(self, rounds: int) -> None:
        """Commit batch after batch; pass the lead on when the rounds are used up and somebody still waits."""
        for _ in range(rounds):
            with self._mutex:
                if not self._waiting:
                    self._leading = False
                    return
                batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), BATCH_MAX))]
            self._settle(batch)
        self._abdicate()

    def _settle(self, batch: list[_Ticket]) -> None:
        try:
            outcomes = self._commit([ticket.order for ticket in batch])
        except BaseException:
            # The leader is being interrupted. Its followers must not be left waiting, and cannot be told more.
            for ticket in batch:
                ticket.outcome = StoreUnavailable("the commit was interrupted; repeat with the same idempotency key")
            self._abdicate()
            raise
        else:
            for ticket, outcome in zip(batch, outcomes, strict=True):
                ticket.outcome = outcome
        finally:
            for ticket in batch:
                ticket.wake.set()

    def _abdicate(self) -> None:
        """Pass the lead to whoever waits first, or to nobody."""
        with self._mutex:
            heir = self._waiting[0] if self._waiting else None
            self._leading = heir is not None
        if heir is not None:
            heir.wake.set()
