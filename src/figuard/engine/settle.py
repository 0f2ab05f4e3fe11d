"""
Settle: confirm, fail, void, refund, extend, unknown outcomes and external spending.

Each command is one rule of ``domain.settle`` applied to the event as it stands; an identical repeat changes nothing
and answers with the stored event.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from figuard.domain import settle as rules
from figuard.domain.amounts import decimal_of
from figuard.domain.books import EntryKind
from figuard.domain.budget import Budget, EnforcementMode
from figuard.domain.codes import ErrorCode
from figuard.domain.commands import (
    Confirm,
    ExtendHold,
    Fail,
    MarkUnknown,
    Order,
    RecordExternal,
    Refund,
    Void,
    VoidTree,
)
from figuard.domain.events import Event
from figuard.domain.instants import Instant
from figuard.domain.levels import Touched
from figuard.domain.limits import DESCENDANTS_MAX
from figuard.domain.notices import budget_notice
from figuard.domain.refusal import Refusal
from figuard.domain.replies import EventReply, VoidTreeReply
from figuard.domain.tokens import fold
from figuard.engine import duties, gather
from figuard.engine.gather import Loads
from figuard.engine.work import Load, Work
from figuard.ports import Kind


def gather_events(work: Work, orders: Sequence[Order]) -> Loads:
    """Read the events that the commands name, with everything that steps of them can move."""
    return gather.events(work, _named(orders))


def gather_trees(work: Work, orders: Sequence[Order]) -> Loads:
    """Read the events and their live descendants."""
    named = _named(orders)
    yield from gather.events(work, named)
    keys = [(event.id, DESCENDANTS_MAX) for event in work.known(Event, named)]
    yield ((Kind.DESCENDANTS, keys),)
    yield from gather.companions(work, [event for key in keys for event in work.many(Kind.DESCENDANTS, key)])


def _named(orders: Sequence[Order]) -> list[str]:
    commands: list[Any] = [order.command for order in orders]
    return [command.event_id for command in commands]


def _opened(work: Work, order: Order, event_id: str) -> tuple[Event, Budget, Instant]:
    """Return the caller's event with its budget, once time's duties are done."""
    event = work.need(Event, event_id, order.tenant_id)
    if order.only_budget_id not in {None, event.budget_id}:
        raise Refusal(ErrorCode.NOT_FOUND, f"there is no event {event_id!r}")
    duties.perform(work, event.budget_id)
    budget = work.need(Budget, event.budget_id)
    return work.need(Event, event_id), budget, work.now_of(budget)


def _replied(work: Work, event: Event) -> EventReply:
    budget = work.need(Budget, event.budget_id)
    return EventReply(event, budget, work.now_of(budget))


def _stepped(
    work: Work,
    order: Order,
    before: Event,
    after: Event,
    kind: EntryKind,
    note: dict[str, Any] | None = None,
    touched: Touched | None = None,
) -> EventReply:
    if after is before:
        return _replied(work, before)
    stored = work.step(before, after, kind, order.actor, note, touched)
    duties.settle_item_state(work, stored.place.item_id, order.actor)
    return _replied(work, stored)


def confirm(work: Work, order: Order, command: Confirm) -> EventReply:
    """Book the real amount. Raises ``Refusal``."""
    event, _, now = _opened(work, order, command.event_id)
    touched = work.touched(event)
    after = rules.confirmed(
        event,
        touched,
        command.quantity,
        now=now,
        external_transaction_id=command.external_transaction_id,
        money_moved=command.money_moved,
    )
    return _stepped(work, order, event, after, EntryKind.CONFIRMED, touched=touched)


def fail(work: Work, order: Order, command: Fail) -> EventReply:
    """Release the hold: the spending did not happen. Raises ``Refusal``."""
    event, _, now = _opened(work, order, command.event_id)
    after = rules.failed(event, command.reason, now=now, error_message=command.error_message)
    return _stepped(work, order, event, after, EntryKind.FAILED)


def refund(work: Work, order: Order, command: Refund) -> EventReply:
    """Give back part of a confirmed amount, as an entry of its own. Raises ``Refusal``."""
    event, _, now = _opened(work, order, command.event_id)
    after = rules.refunded(event, command.quantity, now=now)
    note = {
        "quantity": command.quantity,
        "reason": command.reason,
        "externalTransactionId": command.external_transaction_id,
    }
    return _stepped(work, order, event, after, EntryKind.REFUNDED, note)


def extend(work: Work, order: Order, command: ExtendHold) -> EventReply:
    """Keep the hold longer. Raises ``Refusal``."""
    event, _, now = _opened(work, order, command.event_id)
    after = rules.extended(event, work.touched(event), command.seconds, now=now)
    return _stepped(work, order, event, after, EntryKind.HOLD_EXTENDED)


def mark_unknown(work: Work, order: Order, command: MarkUnknown) -> EventReply:
    """Keep the hold until somebody knows whether the money moved. Raises ``Refusal``."""
    event, _, now = _opened(work, order, command.event_id)
    after = rules.unknown(event, work.touched(event), command.reason, now=now)
    return _stepped(work, order, event, after, EntryKind.OUTCOME_UNKNOWN)


def void(work: Work, order: Order, command: Void) -> EventReply:
    """Take one event back, with its live children if that was said. Raises ``Refusal``."""
    event, _, now = _opened(work, order, command.event_id)
    if rules.voided(event, command.reason, now=now) is event:
        return _replied(work, event)
    below = _below(work, event)
    if below and not command.children:
        raise Refusal(
            ErrorCode.EVENT_HAS_CHILDREN,
            f"event {event.id} has {len(below)} live descendants (the first is {below[0].id})",
        )
    _void_all(work, order, below, command.reason, now)
    # As it is now: a root carries the balance of its chain, which weighs less without the descendants.
    event = work.need(Event, event.id)
    return _stepped(work, order, event, rules.voided(event, command.reason, now=now), EntryKind.VOIDED)


def void_tree(work: Work, order: Order, command: VoidTree) -> VoidTreeReply:
    """Take an event and everything live below it back, or nothing at all. Raises ``Refusal``."""
    event, budget, now = _opened(work, order, command.event_id)
    if not event.is_live:
        raise Refusal(
            ErrorCode.EVENT_STATE_CONFLICT, f"event {event.id} is {event.decision}, so you cannot void its tree"
        )
    below = _below(work, event)
    released = sum(e.standing.held + e.standing.booked for e in (event, *below))
    _void_all(work, order, below, command.reason, now)
    event = work.need(Event, event.id)
    after = rules.voided(event, command.reason, now=now)
    work.step(event, after, EntryKind.VOIDED, order.actor)
    duties.settle_item_state(work, event.place.item_id, order.actor)
    ids = (event.id, *(e.id for e in below))
    if not event.place.shadow:
        told = budget_notice(
            "SPEND_TREE_VOIDED",
            work.need(Budget, budget.id),
            now,
            rootEventId=event.id,
            voidedCount=len(ids),
            totalQuantityReleased=decimal_of(released),
            voidReason=command.reason,
            voidedEventIds=list(ids),
        )
        work.tell(budget.tenant_id, told)
    return VoidTreeReply(work.need(Event, event.id), ids, released, command.reason, budget.identity.currency)


def _below(work: Work, event: Event) -> list[Event]:
    """Return the live descendants, in pre-order; those opened earlier in this very batch included."""
    loaded: tuple[Event, ...] = work.many(Kind.DESCENDANTS, (event.id, DESCENDANTS_MAX))
    children: dict[str, list[Event]] = {}
    seen: set[str] = set()
    for known in (*loaded, *work.opened):
        present = work.need(Event, known.id)
        if present.place.parent_id is None or present.id in seen or not present.is_live:
            continue
        seen.add(present.id)
        children.setdefault(present.place.parent_id, []).append(present)
    found: list[Event] = []
    waiting = list(reversed(children.get(event.id, [])))
    while waiting:
        present = waiting.pop()
        found.append(present)
        waiting.extend(reversed(children.get(present.id, [])))
    if len(found) >= DESCENDANTS_MAX:
        raise Refusal(
            ErrorCode.INVALID_REQUEST,
            f"event {event.id} has {DESCENDANTS_MAX} or more live descendants; void its subtrees first",
        )
    return found


def _void_all(work: Work, order: Order, events: list[Event], reason: str, now: Instant) -> None:
    """Void events that are above each other, the deepest first. Raises ``Refusal`` before anything is kept."""
    for event in reversed(events):
        present = work.need(Event, event.id)
        after = rules.voided(present, reason, now=now)
        if after is not present:
            work.step(present, after, EntryKind.VOIDED, order.actor)


def gather_external(work: Work, order: Order, command: RecordExternal) -> Loads:
    """Read the budget and what its key stands for already."""
    yield from gather.budgets(work, (command.budget_id,))
    yield (Load(Kind.ATTEMPTS, ((command.budget_id, False, command.spend.key),)),)


def record_external(work: Work, order: Order, command: RecordExternal) -> EventReply:
    """Book money that left outside the agent's path, whatever the limit. Raises ``Refusal``."""
    budget = work.need(Budget, command.budget_id, order.tenant_id)
    if order.only_budget_id not in {None, budget.id}:
        raise Refusal(ErrorCode.NOT_FOUND, f"there is no budget {budget.id!r}")
    if work.one(Kind.ATTEMPTS, (budget.id, False, command.spend.key)) is not None:
        raise Refusal(
            ErrorCode.DUPLICATE_EXTERNAL_EVENT,
            f"budget {budget.id} has an event with idempotency key {command.spend.key!r} already",
        )
    duties.perform(work, budget.id)
    budget = work.need(Budget, budget.id)
    now = work.now_of(budget)
    event = rules.external(
        command.spend,
        budget,
        event_id=work.ids.id(now),
        now=now,
        source=command.source,
        occurred_at=command.occurred_at,
        allocation_id=_allocation_of(budget, command.spend.category),
    )
    stored = work.step(None, event, EntryKind.EXTERNAL_RECORDED, order.actor)
    return _replied(work, stored)


def _allocation_of(budget: Budget, category: str | None) -> str | None:
    if category is None:
        return None
    allocations = budget.funds.allocations
    for allocation in allocations:
        if any(fold(allowed) == category for allowed in allocation.allowed_categories):
            return allocation.id
    return next((a.id for a in allocations if a.mode is EnforcementMode.OPEN), None)
