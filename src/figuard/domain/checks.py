"""
The checks of an authorization, one function each, in one documented order.

A check answers None (nothing against it) or says what is wrong, which level said so, what is left there and from
when the answer may differ. The order is the declaration order of ``Denial``; the first check that objects decides.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from figuard.domain import anomaly, instants, velocity
from figuard.domain.amounts import text
from figuard.domain.budget import EnforcementMode, Status, has_expired
from figuard.domain.codes import Denial
from figuard.domain.entitlements import ItemPolicy
from figuard.domain.events import CapRef
from figuard.domain.instants import Instant
from figuard.domain.limits import CHAIN_DEPTH_MAX
from figuard.domain.situation import (
    ANOMALY,
    CAPS,
    CEILING,
    CHAIN,
    CURRENCY,
    DIVIDED,
    FUNDS,
    ITEM,
    LIFE,
    SCOPE,
    STATUS,
    TAGS,
    TWIN,
    VELOCITY,
    Situation,
)
from figuard.domain.tokens import Token, fold
from figuard.domain.valueclass import valueclass


@valueclass
class Objection:
    """What a check has against a request. Amounts are quanta."""

    message: str
    level: str = "BUDGET"
    level_id: str | None = None
    available: int | None = None
    fits: int | None = None
    retry_at: Instant | None = None
    original_event_id: str | None = None


Check = Callable[[Situation], Objection | None]


def entity(s: Situation) -> Objection | None:
    """Deny a second live event for one entity, when the budget asks for that."""
    if s.twin is None:
        return None
    return Objection(
        f"entity {s.spend.entity_id!r} already has event {s.twin.id} ({s.twin.decision}); "
        "fail or void that event to free the entity",
        original_event_id=s.twin.id,
    )


def paused(s: Situation) -> Objection | None:
    """Deny on a paused budget."""
    if s.budget.status is not Status.PAUSED:
        return None
    return Objection(f"budget {s.budget.id} is paused; an operator has to resume it")


def cancelled(s: Situation) -> Objection | None:
    """Deny on a cancelled budget."""
    if s.budget.status is not Status.CANCELLED:
        return None
    return Objection(f"budget {s.budget.id} is cancelled for good; create another one")


def expired(s: Situation) -> Objection | None:
    """Deny once the budget's life and its grace are over."""
    if s.budget.status is not Status.EXPIRED and not has_expired(s.budget, s.now):
        return None
    end = s.budget.policy.expires_at
    when = f"at {instants.text(end)}" if end is not None and end < s.now else "because nobody used it"
    return Objection(f"budget {s.budget.id} expired {when}; extend it or create another one")


def scope(s: Situation) -> Objection | None:
    """Deny what a scoped token of the chain is not for."""
    for token in s.tokens:
        if problem := _out_of_scope(s, token):
            return Objection(
                f"token {token.prefix}… {problem}",
                level="TOKEN",
                level_id=token.id,
                fits=token.scope.max_transaction,
            )
    return None


def _out_of_scope(s: Situation, token: Token) -> str | None:
    allowed = token.scope
    if allowed.read_only:
        return "may only read; authorize with a token that may spend"
    if allowed.action_types is not None and fold(s.spend.action_type) not in allowed.action_types:
        return f"is for actions {_list(allowed.action_types)}, not {s.spend.action_type!r}"
    if allowed.categories is not None and (s.spend.category or "") not in allowed.categories:
        return f"is for categories {_list(allowed.categories)}, not {s.spend.category!r}"
    if allowed.max_transaction is not None and s.spend.quantity > allowed.max_transaction:
        return f"allows at most {s.money(allowed.max_transaction)} at once, not {s.money(s.spend.quantity)}"
    return None


def entitlement(s: Situation) -> Objection | None:
    """Deny what the subscription's quota for this period cannot take; a WARN_ONLY quota lets it pass."""
    item = s.item
    if item is None or item.overage is not ItemPolicy.BLOCK:
        return None
    left = item.remaining(shadow=s.shadow)
    if left >= s.spend.quantity:
        return None
    return Objection(
        f"entitlement {item.name!r} has {text(left, item.unit)} of {text(item.limit, item.unit)} left in this period, "
        f"{text(s.spend.quantity, item.unit)} was asked; it renews at {instants.text(item.next_renewal_at)}",
        level="ENTITLEMENT",
        level_id=item.id,
        available=left,
        fits=left,
        retry_at=item.next_renewal_at,
    )


def speed(s: Situation) -> Objection | None:
    """Deny when a velocity window is full: requests in a minute, amount in an hour, requests in a day."""
    limits = s.budget.policy.velocity
    if not limits.any:
        return None
    counters = s.budget.counters
    windows = (counters.velocity, counters.shadow_velocity) if s.shadow else (counters.velocity,)
    over = velocity.excess(windows, limits, s.now, s.spend.quantity)
    if over is None:
        return None
    if over.window is velocity.HOUR_WINDOW:
        left = max(0, over.limit - over.used)
        figures = f"{s.money(over.used)} of {s.money(over.limit)} used, {s.money(s.spend.quantity)} asked"
    else:
        left = None
        figures = f"{over.used} of {over.limit} requests used"
    when = f"; it would pass from {instants.text(over.free_from)}" if over.free_from else "; it can never pass"
    return Objection(
        f"{over.setting} of budget {s.budget.id}: {figures} in the last {over.window.name}{when}",
        available=left,
        fits=left,
        retry_at=over.free_from,
    )


def currency(s: Situation) -> Objection | None:
    """Deny another currency than the budget's; a request without one means USD."""
    own = s.budget.identity.currency
    if own is None:
        return None
    asked = s.spend.currency or "USD"
    if asked.upper() == own.upper():
        return None
    return Objection(f"budget {s.budget.id} is in {own}, the request is in {asked}")


def ceiling(s: Situation) -> Objection | None:
    """Deny more at once than the budget's per-transaction ceiling; exactly at it passes."""
    limit = s.budget.policy.max_transaction
    if limit is None or s.spend.quantity <= limit:
        return None
    return Objection(
        f"{s.money(s.spend.quantity)} is above the per-transaction ceiling of {s.money(limit)} of budget "
        f"{s.budget.id}; ask for less or split the purchase",
        available=limit,
        fits=limit,
    )


def unusual(s: Situation) -> Objection | None:
    """Deny what is far above the usual confirmed amount."""
    rule, baseline = s.budget.policy.anomaly, s.budget.counters.baseline
    if not s.budget.is_monetary or not anomaly.is_anomaly(baseline, rule, s.spend.quantity):
        return None
    usual = anomaly.threshold(baseline, rule)
    pauses = "; the budget is paused until an operator resumes it" if rule.auto_pause and not s.shadow else ""
    return Objection(
        f"{s.money(s.spend.quantity)} is above {s.money(usual)}, the threshold from a mean of "
        f"{s.money(baseline.mean)} over {baseline.count} payments{pauses}",
        fits=usual,
    )


def depth(s: Situation) -> Objection | None:
    """Deny a causal chain without an end."""
    if s.parent is None or s.parent.place.depth + 1 < CHAIN_DEPTH_MAX:
        return None
    return Objection(
        f"the causal chain of event {s.parent.place.root_id} is {CHAIN_DEPTH_MAX} deep; start a new root",
        level="CHAIN",
        level_id=s.parent.place.root_id,
    )


def subtree(s: Situation) -> Objection | None:
    """Deny what the cap on the whole causal chain cannot take; the root is checked against its own cap too."""
    if s.root is not None:
        cap, used, root_id = s.root.spend.max_subtree, s.root.standing.subtree.used(shadow=s.shadow), s.root.id
    else:
        cap, used, root_id = s.spend.max_subtree, 0, None
    if cap is None or (not s.spend.reserve and s.root is None):
        return None
    left = cap - used
    if s.spend.quantity <= left:
        return None
    return Objection(
        f"the chain {'of event ' + root_id if root_id else 'of this request'} may spend {s.money(cap)}, "
        f"{s.money(max(0, left))} is left, {s.money(s.spend.quantity)} was asked",
        level="CHAIN",
        level_id=root_id,
        available=left,
        fits=max(0, left),
    )


def claim_missing(s: Situation) -> Objection | None:
    """Deny a request without a category on a budget divided into allocations."""
    if not s.budget.funds.allocations or s.spend.category is not None:
        return None
    return Objection(f"budget {s.budget.id} is divided into {_labels(s)}; say which with claimed_category")


def claim_unknown(s: Situation) -> Objection | None:
    """Deny a category that no allocation takes."""
    if not s.budget.funds.allocations or s.spend.category is None or s.allocation is not None:
        return None
    return Objection(f"no allocation of budget {s.budget.id} takes {s.spend.category!r}; there are {_labels(s)}")


def item_type(s: Situation) -> Objection | None:
    """Deny an item type that a STRICT allocation forbids; a request without one passes."""
    chosen = s.allocation
    if chosen is None or chosen.mode is not EnforcementMode.STRICT or s.spend.item_type is None:
        return None
    if fold(s.spend.item_type) not in {fold(forbidden) for forbidden in chosen.forbidden_item_types}:
        return None
    return Objection(
        f"item type {s.spend.item_type!r} is forbidden in allocation {chosen.category!r}",
        level="ALLOCATION",
        level_id=chosen.id,
    )


def intent(s: Situation) -> Objection | None:
    """Deny when the stated intent contains none of the budget's tags; not applied to divided budgets."""
    tags = s.budget.policy.intent_tags
    if not tags or s.budget.funds.allocations:
        return None
    context = (s.spend.intent_context or "").casefold()
    if context.strip() and any(tag.casefold() in context for tag in tags):
        return None
    stated = repr(s.spend.intent_context) if s.spend.intent_context else "none was stated"
    return Objection(f"the intent ({stated}) contains none of the tags {_list(tags)} of budget {s.budget.id}")


def delegated(s: Situation) -> Objection | None:
    """Deny what any token of the chain has no cap for, or not enough left of it."""
    for token in s.tokens:
        if token.caps and (objection := _over_cap(s, token, s.cap_of(token))):
            return objection
    return None


def _over_cap(s: Situation, token: Token, ref: CapRef | None) -> Objection | None:
    who = f"token {token.label!r}" if token.label else f"token {token.prefix}…"
    cap = token.cap(ref.category) if ref else None
    if cap is None:
        asked = repr(s.spend.category) if s.spend.category else "no category"
        capped = _list(tuple(c.category for c in token.caps))
        return Objection(f"{who} is capped for {capped}, the request claims {asked}", "TOKEN", token.id, fits=0)
    left = cap.limit - cap.balance.used(shadow=s.shadow)
    if s.spend.quantity <= left:
        return None
    return Objection(
        f"{who} has {s.money(left)} of {s.money(cap.limit)} left for {cap.category!r}, "
        f"{s.money(s.spend.quantity)} was asked",
        level="TOKEN",
        level_id=token.id,
        available=left,
        fits=max(0, left),
    )


def allocated(s: Situation) -> Objection | None:
    """Deny what the allocation cannot take; a request that reserves nothing is checked too."""
    chosen = s.allocation
    if chosen is None:
        return None
    left = chosen.limit - chosen.balance.used(shadow=s.shadow)
    if s.spend.quantity <= left:
        return None
    return Objection(
        f"allocation {chosen.category!r} of budget {s.budget.id} has {s.money(left)} of {s.money(chosen.limit)} left, "
        f"{s.money(s.spend.quantity)} was asked",
        level="ALLOCATION",
        level_id=chosen.id,
        available=left,
        fits=max(0, left),
    )


def capacity(s: Situation) -> Objection | None:
    """Deny what the budget cannot take; a request that reserves nothing takes nothing."""
    left = s.budget.available(shadow=s.shadow)
    if not s.spend.reserve or s.spend.quantity <= left:
        return None
    balance = s.budget.funds.balance
    held = balance.reserved + (balance.shadow_reserved if s.shadow else 0)
    spent = balance.spent + (balance.shadow_spent if s.shadow else 0)
    hint = "; confirm or void what is held to free it" if held else "; lower the amount or add funds"
    return Objection(
        f"{s.money(s.spend.quantity)} was asked, budget {s.budget.id} has {s.money(left)} available "
        f"({s.money(s.budget.funds.limit)} limit, {s.money(spent)} spent, {s.money(held)} held){hint}",
        level_id=s.budget.id,
        available=left,
        fits=max(0, left),
    )


def _labels(s: Situation) -> str:
    return _list(tuple(allocation.category for allocation in s.budget.funds.allocations))


def _list(words: tuple[str, ...]) -> str:
    return ", ".join(repr(word) for word in words)


CHECKS: tuple[tuple[Denial, Check, int], ...] = (
    (Denial.ENTITY_ALREADY_AUTHORIZED, entity, TWIN),
    (Denial.BUDGET_PAUSED, paused, STATUS),
    (Denial.BUDGET_CANCELLED, cancelled, STATUS),
    (Denial.BUDGET_EXPIRED, expired, STATUS | LIFE),
    (Denial.TOKEN_SCOPE_VIOLATION, scope, SCOPE),
    (Denial.ENTITLEMENT_LIMIT_REACHED, entitlement, ITEM),
    (Denial.VELOCITY_LIMIT_EXCEEDED, speed, VELOCITY),
    (Denial.CURRENCY_MISMATCH, currency, CURRENCY),
    (Denial.EXCEEDS_QUANTITY_LIMIT, ceiling, CEILING),
    (Denial.ANOMALY_DETECTED, unusual, ANOMALY),
    (Denial.CAUSAL_CHAIN_TOO_DEEP, depth, CHAIN),
    (Denial.SUBTREE_CAP_EXCEEDED, subtree, CHAIN),
    (Denial.MISSING_CLAIMED_CATEGORY, claim_missing, DIVIDED),
    (Denial.NO_MATCHING_ALLOCATION, claim_unknown, DIVIDED),
    (Denial.FORBIDDEN_ITEM_TYPE, item_type, DIVIDED),
    (Denial.INTENT_SCOPE_VIOLATION, intent, TAGS),
    (Denial.DELEGATE_CAP_EXCEEDED, delegated, CAPS),
    (Denial.ALLOCATION_EXHAUSTED, allocated, DIVIDED),
    (Denial.INSUFFICIENT_FUNDS, capacity, FUNDS),
)
"""Every check once, in order of precedence, with the grounds of which it needs one to have anything to object."""


@cache
def checks_on(grounds: int) -> tuple[tuple[Denial, Check], ...]:
    """Return the checks that may object on these grounds, in order of precedence."""
    return tuple((denial, check) for denial, check, needed in CHECKS if needed & grounds)
