"""
What the reference says of each type of webhook event: when it is sent, what it carries beside the common members.

``tests/docs`` makes each of them happen and compares.
"""

from __future__ import annotations

from dataclasses import dataclass

FIGURES = ("totalLimit", "quantitySpent", "quantityReserved", "availableQuantity")
WITHOUT_HELD = ("totalLimit", "quantitySpent", "availableQuantity")
SPEND = ("spendEventId", "requestedQuantity", "agentId")
ITEM = (
    "entitlementItemId", "subscriptionId", "tenantId", "entitlementName", "limitUnit", "limitQuantity",
    "currentPeriodConsumed", "remaining", "state",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class WebhookEvent:
    """When a notice is sent and what it carries; ``optional`` members are there when there is something to say."""

    when: str
    members: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    is_sent: bool = True
    by_server: bool = False


def members_of(event: WebhookEvent) -> tuple[str, ...]:
    """Return all members that an event can have."""
    return (*event.members, *event.optional)


_RESERVED = "A name of earlier versions, accepted in a subscription. This version never sends it."

WEBHOOK_EVENTS = {
    "BUDGET_50_PCT": WebhookEvent("Spent and held together reached half of the limit.", (*FIGURES, "percentUsed")),
    "BUDGET_90_PCT": WebhookEvent("They reached nine tenths.", (*FIGURES, "percentUsed")),
    "BUDGET_EXHAUSTED": WebhookEvent("Nothing is left.", (*FIGURES, "percentUsed")),
    "BUDGET_SOFT_LIMIT_REACHED": WebhookEvent("They reached the soft limit.", (*FIGURES, "softLimit")),
    "BUDGET_OVERDRAWN": WebhookEvent("More was booked than the budget has.", FIGURES),
    "BUDGET_PAUSED": WebhookEvent("The budget was paused: `MANUAL` or `ANOMALY_DETECTED`.", (*WITHOUT_HELD, "reason")),
    "BUDGET_RESUMED": WebhookEvent("A paused budget goes on.", (), ("overrideReason", "overrideBy")),
    "BUDGET_EXPIRING_SOON": WebhookEvent("The budget ends within an hour.", (*WITHOUT_HELD, "expiresAt")),
    "BUDGET_EXPIRED_UNUSED": WebhookEvent(
        "Nobody asked for `expireUnusedAfterSeconds` after its creation.", ("expiresAt", "totalLimit")
    ),
    "ALLOCATION_EXHAUSTED": WebhookEvent(
        "A request was denied by an allocation that has nothing left. `SPEND_DENIED` is sent too.",
        (
            "allocationId",
            "category",
            "allocationLimit",
            "quantitySpent",
            "triggeringEventId",
            "requestedQuantity",
        ),
    ),
    "SPEND_DENIED": WebhookEvent(
        "A request was denied, but for the reasons that have a type of their own and for a repeated entity.",
        (*SPEND, "denialReason", "denialMessage", "category"),
    ),
    "SPEND_CONFIRMED": WebhookEvent(
        "An amount was settled, or external spending was recorded.",
        (*SPEND, "confirmedQuantity", "category", *WITHOUT_HELD),
    ),
    "SPEND_PAYMENT_FAILED": WebhookEvent(
        "A hold was released by a fail.", (*SPEND, "failureReason", "availableQuantity")
    ),
    "SPEND_VOIDED": WebhookEvent("An authorization was taken back, or timed out.", (*SPEND, "voidReason")),
    "SPEND_TREE_VOIDED": WebhookEvent(
        "An authorization and everything below it was taken back. `SPEND_VOIDED` is sent for each.",
        ("rootEventId", "voidedCount", "totalQuantityReleased", "voidReason", "voidedEventIds"),
    ),
    "SPEND_REFUNDED": WebhookEvent("Money came back.", (*SPEND, "refundedQuantity")),
    "SPEND_OUTCOME_UNKNOWN": WebhookEvent("Nobody knows whether the money moved; the hold stays.", SPEND),
    "ANOMALY_DETECTED": WebhookEvent(
        "An amount was denied as far above the usual.", (*SPEND, "baselineMean", "threshold")
    ),
    "VELOCITY_LIMIT_EXCEEDED": WebhookEvent(
        "A velocity window is full. Sent once while it stays full.", (*SPEND, "violatedLimit")
    ),
    "LEDGER_INTEGRITY_VIOLATION": WebhookEvent(
        "A server found that a ledger contradicts itself. Told once for each finding, without user, currency and unit.",
        ("violationType", "entrySeq", "detail"),
        by_server=True,
    ),
    "DELEGATION_TOKEN_CREATED": WebhookEvent(
        "A delegation or scoped token was issued.", ("delegationTokenId", "parentBudgetId", "label")
    ),
    "DELEGATION_TOKEN_REVOKED": WebhookEvent(
        "A token was revoked, by itself or with one above it.",
        ("delegationTokenId", "parentBudgetId", "label", "revokedAt"),
    ),
    "RENEWAL_TOKEN_DELIVERY_FAILED": WebhookEvent(_RESERVED, is_sent=False),
    "ENTITLEMENT_STATE_CHANGED": WebhookEvent(
        "A quota became approaching or normal.", (*ITEM, "fromState", "toState", "consumedPercentage")
    ),
    "ENTITLEMENT_LIMIT_REACHED": WebhookEvent(
        "A quota is used up.", (*ITEM, "fromState", "toState", "consumedPercentage")
    ),
    "ENTITLEMENT_RENEWED": WebhookEvent(
        "A new period has begun.", (*ITEM, "previousPeriodConsumed", "newPeriodLimit", "nextRenewalAt")
    ),
    "ENTITLEMENT_PAUSED": WebhookEvent("The subscription of a quota was paused.", ITEM),
    "ENTITLEMENT_RESUMED": WebhookEvent("It goes on.", ITEM),
}
