"""
The books: what an entry says, and the one fold that turns entries into state.

Production appends an entry and computes the new state with ``applied``; verification, replay and state-at read the
entries back and compute it with the same function. There is no other way from an entry to a balance.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from figuard.domain.budget import (
    Allocation,
    Balance,
    Budget,
    Counters,
    Funds,
    Identity,
    Policy,
    Status,
)
from figuard.domain.codes import Denial
from figuard.domain.entitlements import Item, Subscription
from figuard.domain.events import Decision, Event, Outcome, Standing
from figuard.domain.instants import Instant
from figuard.domain.levels import Touched, levels, move
from figuard.domain.tokens import Token
from figuard.domain.valueclass import replace, valueclass


class EntryKind(StrEnum):
    """What happened."""

    AUTHORIZED = "AUTHORIZED"
    DENIED = "DENIED"
    CONFIRMED = "CONFIRMED"
    FAILED = "FAILED"
    VOIDED = "VOIDED"
    REFUNDED = "REFUNDED"
    EXTERNAL_RECORDED = "EXTERNAL_RECORDED"
    HOLD_EXTENDED = "HOLD_EXTENDED"
    HOLD_EXPIRED = "HOLD_EXPIRED"
    OUTCOME_UNKNOWN = "OUTCOME_UNKNOWN"
    BUDGET_CREATED = "BUDGET_CREATED"
    BUDGET_UPDATED = "BUDGET_UPDATED"
    BUDGET_FUNDED = "BUDGET_FUNDED"
    BUDGET_PAUSED = "BUDGET_PAUSED"
    BUDGET_RESUMED = "BUDGET_RESUMED"
    BUDGET_CANCELLED = "BUDGET_CANCELLED"
    BUDGET_EXTENDED = "BUDGET_EXTENDED"
    TOKEN_ISSUED = "TOKEN_ISSUED"
    TOKEN_ROTATED = "TOKEN_ROTATED"
    TOKEN_REVOKED = "TOKEN_REVOKED"
    RECEIPT_CREATED = "RECEIPT_CREATED"
    RECEIPT_REVOKED = "RECEIPT_REVOKED"
    SUBSCRIPTION_CREATED = "SUBSCRIPTION_CREATED"
    SUBSCRIPTION_PAUSED = "SUBSCRIPTION_PAUSED"
    SUBSCRIPTION_RESUMED = "SUBSCRIPTION_RESUMED"
    SUBSCRIPTION_CANCELLED = "SUBSCRIPTION_CANCELLED"
    ITEM_ADDED = "ITEM_ADDED"
    ITEM_RENEWED = "ITEM_RENEWED"
    ITEM_RESET = "ITEM_RESET"
    ITEM_STATE_CHANGED = "ITEM_STATE_CHANGED"

    # The members are looked up in sets at every step, and the hash that enums have is a function call.
    __hash__ = str.__hash__


_CONFIRMED = EntryKind.CONFIRMED

FAVOURABLE = frozenset(
    {
        EntryKind.FAILED,
        EntryKind.VOIDED,
        EntryKind.REFUNDED,
        EntryKind.HOLD_EXPIRED,
        EntryKind.BUDGET_UPDATED,
        EntryKind.BUDGET_FUNDED,
        EntryKind.BUDGET_RESUMED,
        EntryKind.BUDGET_CANCELLED,
        EntryKind.BUDGET_EXTENDED,
        EntryKind.TOKEN_ISSUED,
        EntryKind.TOKEN_ROTATED,
        EntryKind.TOKEN_REVOKED,
    }
)
"""Kinds after which a denial given earlier might be answered differently (``decide.may_differ``)."""


@valueclass
class EventChange:
    """What a later step changes of an event."""

    id: str
    decision: Decision
    standing: Standing
    outcome: Outcome


@valueclass
class BudgetChange:
    """What an operation on the budget itself changes: the new values of what changed, None for the rest."""

    policy: Policy | None = None
    status: Status | None = None
    limit: int | None = None
    resets_spending: bool = False
    cancelled_at: Instant | None = None


@valueclass
class BudgetOpening:
    """What a budget is when it is created."""

    identity: Identity
    policy: Policy
    limit: int
    allocations: tuple[Allocation, ...] = ()


@valueclass
class LevelAfter:
    """The balance of one level after the entry."""

    kind: str
    id: str
    name: str
    limit: int | None
    balance: Balance


@valueclass
class After:
    """The budget's figures after the entry, and those of every other level it moved."""

    limit: int
    balance: Balance
    levels: tuple[LevelAfter, ...] = ()


@valueclass
class Entry:
    """
    One line of a book. A book is the history of one budget, or of one subscription.

    Exactly one of the fact fields is set. ``prev`` is the SHA-256 of the entry before it; ``after`` repeats the
    balances so that an auditor sees them without a computer, and so that the fold can be checked line by line.
    """

    book_id: str
    tenant_id: str
    seq: int
    at: Instant
    kind: EntryKind
    actor: str
    prev: str
    event: Event | None = None
    change: EventChange | None = None
    opening: BudgetOpening | None = None
    budget: BudgetChange | None = None
    token: Token | None = None
    subscription: Subscription | None = None
    item: Item | None = None
    note: dict[str, Any] | None = None
    after: After | None = None


def opened(opening: BudgetOpening) -> Budget:
    """Return the new budget."""
    return Budget(opening.identity, opening.policy, Funds(opening.limit, allocations=opening.allocations))


def changed(budget: Budget, change: BudgetChange) -> Budget:
    """Return the budget after an operation on itself."""
    funds = budget.funds
    if change.limit is not None:
        funds = replace(funds, limit=change.limit)
    if change.resets_spending:
        funds = replace(
            funds,
            balance=_unspent(funds.balance),
            allocations=tuple(replace(a, balance=_unspent(a.balance)) for a in funds.allocations),
            epoch=funds.epoch + 1,
        )
    return replace(
        budget,
        policy=change.policy or budget.policy,
        funds=funds,
        status=change.status or budget.status,
        cancelled_at=change.cancelled_at or budget.cancelled_at,
    )


def _unspent(balance: Balance) -> Balance:
    return replace(balance, spent=0, shadow_spent=0)


def applied_event(touched: Touched, before: Event | None, after: Event, kind: EntryKind) -> tuple[Touched, Event]:
    """Return everything touched, and the event, once it is as *after* says: balances, counters, baseline."""
    counters = _counted(touched.budget, before, after, kind)
    moved, event = move(touched, before, after, counters)
    item = moved.item
    if item is not None and item.balance.used(shadow=True) < (touched.item or item).balance.used(shadow=True):
        moved = replace(moved, item=replace(item, revision=item.revision + 1))
    return moved, event


def _counted(budget: Budget, before: Event | None, after: Event, kind: EntryKind) -> Counters:
    counters, policy, standing = budget.counters, budget.policy, after.standing
    events, real, shadow, baseline = counters.events, counters.velocity, counters.shadow_velocity, counters.baseline
    may_differ = kind in FAVOURABLE
    if before is None:
        denial = after.verdict.denial
        # A budget that expired because nobody used it must not come back to life because somebody asks.
        if denial is None or denial is not Denial.BUDGET_EXPIRED:
            events += 1
        approved = after.spend.quantity if denial is None and after.is_live else 0
        if after.place.shadow:
            shadow = shadow.counted(policy.velocity, after.created_at, approved)
        else:
            real = real.counted(policy.velocity, after.created_at, approved)
    else:
        may_differ |= standing.held + standing.booked < before.standing.held + before.standing.booked
        if kind is _CONFIRMED and policy.anomaly.enabled and not after.place.shadow:
            baseline = baseline.sampled(standing.confirmed or 0)
            # After a sample another amount is unusual, so what was denied for being so may pass.
            may_differ = True
    expiry, soonest = standing.hold_expires_at, counters.next_expiry
    if expiry is not None and (soonest is None or expiry < soonest):
        soonest = expiry
    revision = counters.revision + 1 if may_differ else counters.revision
    return Counters(events, real, shadow, baseline, counters.marks, revision, soonest)


def figures(touched: Touched, event: Event | None = None) -> After:
    """Return the balances to write beside an entry: the budget's, and those of the event's other levels."""
    funds = touched.budget.funds
    if event is None or not (touched.tokens or touched.item or touched.root or event.place.allocation_id):
        return After(funds.limit, funds.balance)
    others = levels(touched, event.place)[:-1]
    return After(
        funds.limit,
        funds.balance,
        tuple([LevelAfter(level.kind, level.id, level.name, level.limit, level.balance) for level in others]),
    )
