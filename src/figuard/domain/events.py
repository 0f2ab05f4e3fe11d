"""
What an event is: one authorization and everything that became of it.

An event is opened once and then only moves on. Two figures say what it weighs right now: ``held`` (reserved, not yet
spent) and ``booked`` (spent). Every balance of every level is the sum of those two over its events.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from figuard.domain.budget import NOTHING, Balance
from figuard.domain.codes import Denial
from figuard.domain.instants import Instant
from figuard.domain.valueclass import valueclass

CONFIRMATION_TIMEOUT = "CONFIRMATION_TIMEOUT"
"""The reason on a void that nobody asked for: the hold had ended and no settlement came."""


class Decision(StrEnum):
    """How an event stands."""

    AUTHORIZED = "AUTHORIZED"
    DENIED = "DENIED"
    CONFIRMED = "CONFIRMED"
    FAILED = "FAILED"
    VOIDED = "VOIDED"


_AUTHORIZED, _CONFIRMED = Decision.AUTHORIZED, Decision.CONFIRMED


@valueclass
class Spend:
    """What was asked. ``quantity`` and ``max_subtree`` are quanta; ``category`` is folded."""

    key: str
    agent_id: str
    action_type: str
    description: str
    quantity: int
    fingerprint: str
    currency: str | None = None
    category: str | None = None
    item_type: str | None = None
    entity_id: str | None = None
    intent_context: str | None = None
    trace_id: str | None = None
    agent_type: str | None = None
    parent_event_id: str | None = None
    max_subtree: int | None = None
    reserve: bool = True
    metadata: dict[str, Any] | None = None


@valueclass
class CapRef:
    """Which cap of which token an event counts against."""

    token_id: str
    category: str


@valueclass
class Place:
    """Where an event counts: fixed when it is opened, so that every later step moves the same levels."""

    shadow: bool = False
    token_id: str | None = None
    allocation_id: str | None = None
    caps: tuple[CapRef, ...] = ()
    item_id: str | None = None
    item_period: int = 0
    parent_id: str | None = None
    root_id: str | None = None
    depth: int = 0
    foreign_parent_id: str | None = None


@valueclass
class Standing:
    """
    What an event weighs now, in quanta.

    ``epoch`` is the budget's reset count when ``booked`` was booked. ``subtree`` is kept on a root whose chain has
    a cap: what the whole chain weighs. ``confirmed`` stays as settled; refunds lower ``booked`` and raise
    ``refunded``.
    """

    held: int = 0
    booked: int = 0
    epoch: int = 0
    confirmed: int | None = None
    refunded: int = 0
    subtree: Balance = NOTHING
    hold_expires_at: Instant | None = None
    hold_released_at: Instant | None = None
    void_due_at: Instant | None = None

    def released(self) -> Standing:
        """Return it with nothing held and nothing waited for any more."""
        return self.settled(self.booked, self.epoch, self.confirmed)

    def settled(self, booked: int, epoch: int, confirmed: int | None) -> Standing:
        """Return it with *booked* in its place, nothing held and nothing waited for any more."""
        return Standing(0, booked, epoch, confirmed, self.refunded, self.subtree, None, self.hold_released_at, None)


@valueclass
class Verdict:
    """
    The answer given when the event was opened.

    A denial names the level that refused (``level``), what it has left and what would fit (quanta), the moment from
    which the answer may differ (``retry_at``), and the budget's ``revision`` it was made at. In shadow mode the
    event is authorized and ``denial`` says what would have been.
    """

    denial: Denial | None = None
    message: str | None = None
    level: str | None = None
    level_id: str | None = None
    available: int | None = None
    fits: int | None = None
    retry_at: Instant | None = None
    original_event_id: str | None = None
    revision: int = 0
    item_revision: int = 0


APPROVED = Verdict()
"""The answer to a request that nothing speaks against."""


@valueclass
class Outcome:
    """What the world reported back."""

    unknown: bool = False
    reason: str | None = None
    error_message: str | None = None
    external_transaction_id: str | None = None
    source: str | None = None
    occurred_at: Instant | None = None
    settled_at: Instant | None = None
    money_moved: bool = False

    def settled(self, now: Instant, external_transaction_id: str | None, *, money_moved: bool) -> Outcome:
        """Return it once the spending is known to have happened, under this id if it has one."""
        return Outcome(
            False,  # noqa: FBT003 - in the order of the fields, which costs half of what names do
            None,
            self.error_message,
            external_transaction_id,
            self.source,
            self.occurred_at,
            now,
            money_moved,
        )


@valueclass
class Event:
    """One authorization (or external spending) and its present state."""

    id: str
    tenant_id: str
    budget_id: str
    spend: Spend
    decision: Decision
    created_at: Instant
    updated_at: Instant
    place: Place = Place()
    verdict: Verdict = APPROVED
    standing: Standing = Standing()
    outcome: Outcome = Outcome()
    attempt: int = 1

    def stepped(self, decision: Decision, standing: Standing, outcome: Outcome, now: Instant) -> Event:
        """Return the event after a step, which changes nothing else of it."""
        return Event(
            self.id,
            self.tenant_id,
            self.budget_id,
            self.spend,
            decision,
            self.created_at,
            now,
            self.place,
            self.verdict,
            standing,
            outcome,
            self.attempt,
        )

    @property
    def is_live(self) -> bool:
        """Whether children may hang on it: authorized or confirmed."""
        return self.decision is _AUTHORIZED or self.decision is _CONFIRMED

    @property
    def blocks_entity(self) -> bool:
        """Whether it stops another event for the same entity: confirmed, held, or of unknown outcome (maybe paid)."""
        if self.decision is Decision.CONFIRMED:
            return True
        if self.decision is not Decision.AUTHORIZED:
            return False
        return self.outcome.unknown or self.standing.hold_released_at is None

    def stands_for_entity(self, *, shadow: bool) -> bool:
        """Whether it stops a decision for the same entity: a shadow event stops shadow decisions only."""
        would_not_exist = self.place.shadow and (not shadow or self.verdict.denial is not None)
        return self.blocks_entity and not would_not_exist

    @property
    def first_decision(self) -> Decision:
        """The decision as first given, whatever became of the event."""
        return Decision.DENIED if self.decision is Decision.DENIED else Decision.AUTHORIZED

    @property
    def timed_out(self) -> bool:
        """Whether it was voided only because no settlement came in time; a late one can still be booked."""
        return self.decision is Decision.VOIDED and self.outcome.reason == CONFIRMATION_TIMEOUT
