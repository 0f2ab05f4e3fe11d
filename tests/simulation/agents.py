"""
Agents: each asks, works and settles with the client's own operations, and insists where it was not answered.

An agent is a generator. It yields what the operations of ``figuard.client`` yield (send this, sleep so long) and is
sent what came of it; who drives it is the simulator. It remembers what it was told.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from random import Random
from typing import Any

from figuard.client.exceptions import FiGuardApiError, FiGuardConnectionError
from figuard.client.models import AuthorizationResult
from figuard.client.ops import authorize as asking
from figuard.client.ops import settle
from figuard.client.session import Session
from figuard.client.steps import Sleep, Steps
from tests.simulation.scenery import CATEGORIES, Purse

TASK_LENGTH_MAX = 5
"""How long a task's name may get: each part of a task has one more stroke."""
NOT_BOOKED = frozenset({"AUTHORIZATION_EXPIRED", "CONFIRM_EXCEEDS_AVAILABLE"})


@dataclass
class Agent:
    """One agent, and what it was told: event, decision, and for a confirmation the amount."""

    name: str
    rng: Random
    session: Session
    purses: list[Purse]
    told: list[tuple[str, str, Decimal | None]] = field(default_factory=list)
    tasks: dict[str, str] = field(default_factory=dict)

    def live(self, tasks: int) -> Steps[None]:
        """Work through some tasks, each a spending of its own or below the one before."""
        parent: str | None = None
        for number in range(tasks):
            parent = yield from self._task(f"{self.name}{number}", parent)

    def _task(self, task: str, parent: str | None) -> Steps[str | None]:
        rng = self.rng
        purse = rng.choice(self.purses)
        called, secret = rng.choice(purse.tokens)
        asked: dict[str, Any] = {
            "session_token": secret,
            "amount": rng.randint(0, 15),
            "idempotency_key": task,
            "agent_id": self.name,
            "trace_id": task,
            "claimed_category": rng.choice(CATEGORIES) if purse.divided or len(called) > 1 else None,
            "entity_id": f"invoice-{rng.randint(1, 3)}" if rng.random() < 0.2 else None,
            "parent_event_id": parent if rng.random() < 0.7 else None,
            "max_subtree_quantity": 20 if rng.random() < 0.2 else None,
            "reserve": rng.random() < 0.9,
        }
        answer = yield from self._ask(asked)
        if answer is not None and not answer.is_authorized and rng.random() < 0.4:
            yield Sleep(rng.choice((1, 30, 70)))
            answer = yield from self._ask(asked)
        if answer is None or not answer.is_authorized or answer.event_id is None:
            return None
        self.tasks[answer.event_id] = task
        yield Sleep(rng.choice((0.5, 5, 30, 90)))
        if len(task) < TASK_LENGTH_MAX and rng.random() < 0.4:
            yield from self._task(f"{task}'", answer.event_id)
        yield from self._settle(task, answer.event_id, asked["amount"])
        return answer.event_id

    def _ask(self, asked: dict[str, Any]) -> Steps[AuthorizationResult | None]:
        answer = yield from self._insist(lambda: asking.authorize(self.session, **asked))
        if isinstance(answer, FiGuardApiError):
            return None
        self.told.append((answer.event_id, answer.decision, None))
        return answer

    def _settle(self, task: str, event: str, amount: int) -> Steps[None]:
        rng, session = self.rng, self.session
        way = rng.choice(("confirm", "confirm", "confirm", "fail", "void", "unknown", "extend", "nothing"))
        if way == "nothing":
            return
        if way == "fail":
            yield from self._insist(lambda: settle.fail(session, event, "CARD_DECLINED", None))
            return
        if way == "void":
            yield from self._insist(lambda: settle.void(session, event, "CHANGED_MIND", void_child_events=True))
            return
        if way == "unknown":
            yield from self._insist(lambda: settle.mark_unknown(session, event, None))
            if rng.random() < 0.3:
                return
            yield Sleep(rng.choice((10, 100)))
        if way == "extend":
            yield from self._insist(lambda: settle.extend_hold(session, event, 60))
        yield from self._confirm(task, event, amount)

    def _confirm(self, task: str, event: str, amount: int) -> Steps[None]:
        rng, session = self.rng, self.session
        used = rng.choice((amount, amount, amount // 2, amount + 2))
        settled = yield from self._insist(lambda: settle.confirm(session, event, used))
        if isinstance(settled, FiGuardApiError) and settled.code in NOT_BOOKED:
            settled = yield from self._insist(lambda: settle.confirm(session, event, used, money_moved=True))
        if isinstance(settled, FiGuardApiError):
            return
        self.told.append((event, settled.decision, Decimal(used)))
        if rng.random() < 0.2:
            back = Decimal(used) / 2
            key = f"refund-{task}"
            yield from self._insist(
                lambda: settle.refund(
                    session, event, back, "RETURNED", external_transaction_id=None, idempotency_key=key
                )
            )

    def _insist(self, operation: Callable[[], Steps[Any]]) -> Steps[Any]:
        """Repeat an operation until there is an answer; a refusal is one, and comes back as a value."""
        while True:
            try:
                return (yield from operation())
            except FiGuardConnectionError:
                yield Sleep(self.rng.choice((0.5, 2, 8)))
            except FiGuardApiError as refused:
                if not refused.retryable:
                    return refused
                yield Sleep(self.rng.choice((0.5, 2, 8)))
