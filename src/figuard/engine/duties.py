"""
Duties: what time alone makes happen. Holds end, quotas renew, entitlements change state.

They run at the start of every command on a budget, inside its transaction, so that no answer depends on whether a
sweep came by in time; the sweep runs the very same functions for budgets that nobody asks.
"""

from __future__ import annotations

from typing import Any

from figuard.domain.admin import Notice
from figuard.domain.amounts import decimal_of
from figuard.domain.books import EntryKind
from figuard.domain.budget import Budget
from figuard.domain.entitlements import (
    Item,
    ItemState,
    Subscription,
    SubscriptionStatus,
    renewed,
    state_of,
)
from figuard.domain.events import Decision, Event
from figuard.domain.instants import Instant
from figuard.domain.instants import text as time_text
from figuard.domain.limits import ENDED_HOLDS_MAX
from figuard.domain.settle import hold_ended
from figuard.domain.valueclass import replace
from figuard.engine.work import Work
from figuard.ports import Kind

CLOCK = "clock"
"""The actor of what time alone made happen."""

_ENDINGS = {
    Decision.AUTHORIZED: EntryKind.HOLD_EXPIRED,
    Decision.CONFIRMED: EntryKind.CONFIRMED,
    Decision.VOIDED: EntryKind.VOIDED,
}


def perform(work: Work, budget_id: str) -> int:
    """Do what is due on a budget that has been gathered; return how many holds ended."""
    budget = work.get(Budget, budget_id)
    if budget is None:
        return 0
    if budget.identity.item_id is not None:
        renew(work, budget.identity.item_id)
    soonest = budget.counters.next_expiry
    # The book's own time is the later of these two.
    if soonest is None or (soonest > work.now and soonest > budget.head.at):
        return 0
    return end_holds(work, budget, soonest)


def end_holds(work: Work, budget: Budget, soonest: Instant) -> int:
    """End every hold whose time is over, the first of them at *soonest*, at all levels at once; return how many."""
    now = work.now_of(budget)
    due: tuple[Event, ...] = work.many(Kind.DUE_HOLDS, (budget.id, now, ENDED_HOLDS_MAX))
    ended = 0
    for loaded in due:
        event = work.need(Event, loaded.id)
        expires_at = event.standing.hold_expires_at
        if event.decision is not Decision.AUTHORIZED or expires_at is None or expires_at > now:
            continue
        after = hold_ended(event, work.need(Budget, budget.id), now=now)
        work.step(event, after, _ENDINGS[after.decision], CLOCK)
        ended += 1
    if ended:
        settle_item_state(work, budget.identity.item_id, CLOCK)
    # A full round may have left some behind: then the mark stays, and the next command goes on.
    following = soonest if len(due) == ENDED_HOLDS_MAX else _following(work, budget.id, now)
    present = work.need(Budget, budget.id)
    work.put(replace(present, counters=replace(present.counters, next_expiry=following)))
    return ended


def _following(work: Work, budget_id: str, now: int) -> int | None:
    """Return when the next hold ends: the soonest in the store, or of those opened in this very batch."""
    stored: int | None = work.one(Kind.NEXT_EXPIRY, (budget_id, now))
    candidates = [] if stored is None else [stored]
    for opened in work.opened:
        event = work.need(Event, opened.id)
        expires_at = event.standing.hold_expires_at
        if event.budget_id == budget_id and expires_at is not None:
            candidates.append(expires_at)
    return min(candidates, default=None)


def renew(work: Work, item_id: str) -> bool:
    """Start the current period of an entitlement that is due; return whether it was."""
    item = work.get(Item, item_id)
    subscription = work.get(Subscription, item.subscription_id) if item else None
    if item is None or subscription is None or subscription.status is not SubscriptionStatus.ACTIVE:
        return False
    after = renewed(item, work.now)
    if after is item:
        return False
    previous = item.consumed
    after = _in_state(work, after)
    stored = work.record(subscription, EntryKind.ITEM_RENEWED, CLOCK, item=after)
    work.put(after)
    work.tell(
        item.tenant_id,
        item_notice(
            "ENTITLEMENT_RENEWED",
            after,
            stored,
            work,
            previousPeriodConsumed=decimal_of(previous),
            newPeriodLimit=decimal_of(after.limit),
            nextRenewalAt=time_text(after.next_renewal_at),
        ),
    )
    return True


def settle_item_state(work: Work, item_id: str | None, actor: str) -> None:
    """Record and tell that an entitlement became approaching, reached or normal again, if it did."""
    item = work.get(Item, item_id) if item_id else None
    subscription = work.get(Subscription, item.subscription_id) if item else None
    if item is None or subscription is None:
        return
    after = _in_state(work, item)
    if after is item:
        return
    stored = work.record(
        subscription,
        EntryKind.ITEM_STATE_CHANGED,
        actor,
        {"from": item.state, "to": after.state, "percentage": after.percentage},
        item=after,
    )
    work.put(after)
    reached = after.state is ItemState.LIMIT_REACHED
    work.tell(
        item.tenant_id,
        item_notice(
            "ENTITLEMENT_LIMIT_REACHED" if reached else "ENTITLEMENT_STATE_CHANGED",
            after,
            stored,
            work,
            fromState=item.state,
            toState=after.state,
            consumedPercentage=after.percentage,
        ),
    )


def _in_state(work: Work, item: Item) -> Item:
    state = state_of(item)
    return item if state is item.state else replace(item, state=state, state_since=work.now)


def item_notice(event_type: str, item: Item, subscription: Subscription, work: Work, **fields: Any) -> Notice:  # noqa: ANN401 - JSON values
    """Return a notice about an entitlement."""
    return Notice(
        event_type,
        subscription.id,
        {
            "eventType": event_type,
            "entitlementItemId": item.id,
            "subscriptionId": item.subscription_id,
            "tenantId": item.tenant_id,
            "entitlementName": item.name,
            "limitUnit": item.unit,
            "limitQuantity": decimal_of(item.limit),
            "currentPeriodConsumed": decimal_of(item.consumed),
            "remaining": decimal_of(item.remaining()),
            "state": item.state,
            "timestamp": time_text(work.now),
            **fields,
        },
    )
