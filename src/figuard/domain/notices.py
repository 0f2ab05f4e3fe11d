"""
Notices: what the outside is told of a change, as webhook bodies.

Each is a pure function of the state before and after, so a notice is sent for what was committed and for nothing
else. A crossing (50 %, 90 %, used up, the soft limit) is told once and armed again when the budget has recovered.
"""

from __future__ import annotations

from typing import Any

from figuard.domain.admin import Notice
from figuard.domain.amounts import decimal_of
from figuard.domain.anomaly import threshold
from figuard.domain.books import EntryKind
from figuard.domain.budget import Budget, Marks
from figuard.domain.codes import Denial
from figuard.domain.events import Event
from figuard.domain.instants import Instant
from figuard.domain.instants import text as time_text
from figuard.domain.valueclass import replace

EVENT_TYPES = (
    "BUDGET_50_PCT",
    "BUDGET_90_PCT",
    "BUDGET_EXHAUSTED",
    "BUDGET_SOFT_LIMIT_REACHED",
    "BUDGET_OVERDRAWN",
    "BUDGET_PAUSED",
    "BUDGET_RESUMED",
    "BUDGET_EXPIRING_SOON",
    "BUDGET_EXPIRED_UNUSED",
    "ALLOCATION_EXHAUSTED",
    "SPEND_DENIED",
    "SPEND_CONFIRMED",
    "SPEND_PAYMENT_FAILED",
    "SPEND_VOIDED",
    "SPEND_TREE_VOIDED",
    "SPEND_REFUNDED",
    "SPEND_OUTCOME_UNKNOWN",
    "ANOMALY_DETECTED",
    "VELOCITY_LIMIT_EXCEEDED",
    "LEDGER_INTEGRITY_VIOLATION",
    "DELEGATION_TOKEN_CREATED",
    "DELEGATION_TOKEN_REVOKED",
    "RENEWAL_TOKEN_DELIVERY_FAILED",
    "ENTITLEMENT_STATE_CHANGED",
    "ENTITLEMENT_LIMIT_REACHED",
    "ENTITLEMENT_RENEWED",
    "ENTITLEMENT_PAUSED",
    "ENTITLEMENT_RESUMED",
)
"""Every type a webhook may subscribe to."""

TELLING = frozenset(
    {
        EntryKind.DENIED,
        EntryKind.CONFIRMED,
        EntryKind.EXTERNAL_RECORDED,
        EntryKind.FAILED,
        EntryKind.VOIDED,
        EntryKind.REFUNDED,
        EntryKind.OUTCOME_UNKNOWN,
    }
)
"""Steps of an event of which ``event_notices`` has something to tell."""

_THRESHOLDS = {50: "BUDGET_50_PCT", 90: "BUDGET_90_PCT", 100: "BUDGET_EXHAUSTED"}


def budget_notice(event_type: str, budget: Budget, now: Instant, **fields: Any) -> Notice:  # noqa: ANN401 - JSON values
    """Return a notice about a budget: the common members, then *fields*."""
    identity = budget.identity
    return Notice(
        event_type,
        budget.id,
        {
            "eventType": event_type,
            "budgetId": budget.id,
            "tenantId": budget.tenant_id,
            "userId": identity.user_id,
            "currency": identity.currency,
            "unit": identity.unit,
            "timestamp": time_text(now),
            **fields,
        },
    )


def figures(budget: Budget) -> dict[str, Any]:
    """Return the budget's amounts as they stand, for a notice."""
    funds = budget.funds
    return {
        "totalLimit": decimal_of(funds.limit),
        "quantitySpent": decimal_of(funds.balance.spent),
        "quantityReserved": decimal_of(funds.balance.reserved),
        "availableQuantity": decimal_of(budget.available()),
    }


def level_of(limit: int, left: int) -> int:
    """Return how far a budget is used, held amounts included: 100, 90, 50 or 0 percent reached."""
    if left <= 0:
        return 100
    if left * 10 <= limit:
        return 90
    return 50 if left * 2 <= limit else 0


def crossings(before: Budget | None, after: Budget, now: Instant) -> tuple[Marks, list[Notice]]:
    """Return the marks to keep and the notices of thresholds that were crossed upwards since they were last told."""
    marks, limit, balance, soft = after.counters.marks, after.funds.limit, after.funds.balance, after.policy.soft_limit
    used = balance.spent + balance.reserved
    left = limit - used
    level = level_of(limit, left)
    above = soft is not None and used >= soft
    told: list[Notice] = []
    if level == marks.threshold and above is marks.soft and left >= 0:
        return marks, told
    if level > marks.threshold:
        percent = decimal_of(used * 10_000 // limit * 1_000_000)
        told.append(budget_notice(_THRESHOLDS[level], after, now, **figures(after), percentUsed=percent))
    if above and not marks.soft and soft is not None:
        told.append(
            budget_notice("BUDGET_SOFT_LIMIT_REACHED", after, now, softLimit=decimal_of(soft), **figures(after))
        )
    if left < 0 and (before is None or before.available() >= 0):
        told.append(budget_notice("BUDGET_OVERDRAWN", after, now, **figures(after)))
    if level != marks.threshold or above != marks.soft:
        marks = replace(marks, threshold=level, soft=above)
    return marks, told


def event_notices(kind: EntryKind, budget: Budget, event: Event, now: Instant) -> list[Notice]:
    """Return the notices of one step of an event; shadow events tell nothing."""
    if event.place.shadow:
        return []
    spend, common = event.spend, {"spendEventId": event.id, "requestedQuantity": decimal_of(event.spend.quantity)}
    match kind:
        case EntryKind.DENIED:
            return _denial(budget, event, now, common)
        case EntryKind.CONFIRMED | EntryKind.EXTERNAL_RECORDED:
            fields = {
                "confirmedQuantity": decimal_of(event.standing.confirmed or 0),
                "agentId": spend.agent_id,
                "category": spend.category,
                **{name: value for name, value in figures(budget).items() if name != "quantityReserved"},
            }
            return [budget_notice("SPEND_CONFIRMED", budget, now, **common, **fields)]
        case EntryKind.FAILED:
            fields = {
                "failureReason": event.outcome.reason,
                "agentId": spend.agent_id,
                "availableQuantity": decimal_of(budget.available()),
            }
            return [budget_notice("SPEND_PAYMENT_FAILED", budget, now, **common, **fields)]
        case EntryKind.VOIDED:
            fields = {"voidReason": event.outcome.reason, "agentId": spend.agent_id}
            return [budget_notice("SPEND_VOIDED", budget, now, **common, **fields)]
        case EntryKind.REFUNDED:
            fields = {"refundedQuantity": decimal_of(event.standing.refunded), "agentId": spend.agent_id}
            return [budget_notice("SPEND_REFUNDED", budget, now, **common, **fields)]
        case EntryKind.OUTCOME_UNKNOWN:
            return [budget_notice("SPEND_OUTCOME_UNKNOWN", budget, now, **common, agentId=spend.agent_id)]
        case _:
            return []


def _denial(budget: Budget, event: Event, now: Instant, common: dict[str, Any]) -> list[Notice]:
    verdict, agent = event.verdict, event.spend.agent_id
    match verdict.denial:
        case Denial.ENTITY_ALREADY_AUTHORIZED | None:
            return []
        case Denial.VELOCITY_LIMIT_EXCEEDED:
            # Told once while the window stays full: a loop of denials must not become a loop of webhooks.
            if now < budget.counters.marks.velocity_until:
                return []
            return [
                budget_notice(
                    "VELOCITY_LIMIT_EXCEEDED", budget, now, **common, violatedLimit=verdict.message, agentId=agent
                )
            ]
        case Denial.ANOMALY_DETECTED:
            baseline = budget.counters.baseline
            fields = {
                "baselineMean": decimal_of(baseline.mean),
                "threshold": decimal_of(threshold(baseline, budget.policy.anomaly)),
                "agentId": agent,
            }
            return [budget_notice("ANOMALY_DETECTED", budget, now, **common, **fields)]
        case denial:
            fields = {
                "denialReason": denial.value,
                "denialMessage": verdict.message,
                "agentId": agent,
                "category": event.spend.category,
            }
            told = [budget_notice("SPEND_DENIED", budget, now, **common, **fields)]
            return [*told, *_allocation(budget, event, now)]


def _allocation(budget: Budget, event: Event, now: Instant) -> list[Notice]:
    chosen = budget.allocation(event.place.allocation_id)
    if event.verdict.denial is not Denial.ALLOCATION_EXHAUSTED or chosen is None:
        return []
    if chosen.limit != chosen.balance.used(shadow=False):
        return []
    return [
        budget_notice(
            "ALLOCATION_EXHAUSTED",
            budget,
            now,
            allocationId=chosen.id,
            category=chosen.category,
            allocationLimit=decimal_of(chosen.limit),
            quantitySpent=decimal_of(chosen.balance.spent),
            triggeringEventId=event.id,
            requestedQuantity=decimal_of(event.spend.quantity),
        )
    ]
