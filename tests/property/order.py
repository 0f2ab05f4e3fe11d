"""
The order of the naive model's checks, written down a second time: the first that objects is the answer.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

from tests.property.facts import LIVE, SECOND, WINDOWS, Budget, Event, Token

if TYPE_CHECKING:
    from tests.property.model import Model

GRACE_SECONDS = 60
MULTIPLIER = 3


class Question(NamedTuple):
    """What a check looks at."""

    model: Model
    budget: Budget
    event: Event
    chain: list[Token]
    dry_run: bool


def verdicts(model: Model, budget: Budget, event: Event, chain: list[Token], *, dry_run: bool) -> list[str | None]:
    """Return the answers that are right: one, or two where a velocity window's edge lies within its tolerance."""
    question = Question(model, budget, event, chain, dry_run)
    right: list[str | None] = []
    for reason, check in ORDER:
        objects = check(question)
        if objects is not False:
            right.append(reason)
        if objects is True:
            return right
    return [*right, None]


def entity(q: Question) -> bool:
    wanted = q.event.ask.entity
    if not q.budget.rules.dedup or wanted is None or q.dry_run:
        return False
    return any(_pays_for(other, wanted, shadow=q.event.shadow) for other in q.model.of(q.budget.id))


def _pays_for(other: Event, entity: str, *, shadow: bool) -> bool:
    if other.ask.entity != entity or other.state not in LIVE:
        return False
    if other.shadow and (not shadow or other.reason is not None):
        return False
    return other.state == "CONFIRMED" or other.unknown or not other.released


def expired(q: Question) -> bool:
    end = q.budget.rules.expires_at
    return end is not None and q.event.at > end + GRACE_SECONDS * SECOND


def scope(q: Question) -> bool:
    return any(
        token.read_only
        or (token.actions is not None and q.event.ask.action.casefold() not in token.actions)
        or (token.most is not None and q.event.ask.quantity > token.most)
        for token in q.chain
    )


def velocity(q: Question) -> bool | None:
    """Return None where the exact window says no, and the window with its tolerance yes."""
    near = False
    for window, (length, bucket) in WINDOWS.items():
        limit = q.budget.rules.velocity.get(window)
        if limit is None:
            continue
        more = q.event.ask.quantity if window == "hour" else 1
        if _within(q, window, length) + more > limit:
            return True
        near = near or _within(q, window, length + bucket) + more > limit
    return None if near else False


def _within(q: Question, window: str, length: int) -> int:
    sides = (False, True) if q.event.shadow else (False,)
    oldest = q.event.at - length
    return sum(amount for side in sides for at, amount in q.budget.recent.get((window, side), ()) if at > oldest)


def currency(q: Question) -> bool:
    own = q.budget.currency
    return own is not None and (q.event.ask.currency or "USD").upper() != own


def ceiling(q: Question) -> bool:
    most = q.budget.rules.max_transaction
    return most is not None and q.event.ask.quantity > most


def unusual(q: Question) -> bool:
    sampled = q.budget.sampled
    if not q.budget.rules.anomaly or q.budget.currency is None:
        return False
    if len(sampled) < q.budget.rules.samples_min or not sum(sampled):
        return False
    return q.event.ask.quantity > MULTIPLIER * Fraction(sum(sampled), len(sampled))


def subtree(q: Question) -> bool:
    ask = q.event.ask
    if q.event.parent is None:
        return ask.subtree is not None and ask.reserve and ask.quantity > ask.subtree
    root = q.event.root
    cap = q.model.events[root].ask.subtree if root else None
    return cap is not None and ask.quantity > q.model.chain_left(root, cap, shadow=q.event.shadow)


def unclaimed(q: Question) -> bool:
    return bool(q.budget.allocations) and q.event.ask.category is None


def unmatched(q: Question) -> bool:
    return bool(q.budget.allocations) and q.event.ask.category is not None and q.event.allocation is None


def forbidden(q: Question) -> bool:
    share = q.budget.allocations.get(q.event.allocation or "")
    kind = q.event.ask.item_type
    return share is not None and share.mode == "STRICT" and kind is not None and kind.casefold() in share.forbids


def intent(q: Question) -> bool:
    tags = q.budget.rules.tags
    stated = (q.event.ask.intent or "").casefold()
    return bool(tags) and not q.budget.allocations and not any(tag in stated for tag in tags)


def delegated(q: Question) -> bool:
    share = q.budget.allocations.get(q.event.allocation or "")
    for token in q.chain:
        if not token.caps:
            continue
        category = token.cap_for(share, q.event.ask.category)
        if category is None:
            return True
        if q.event.ask.quantity > q.model.cap_left(token.id, category, shadow=q.event.shadow):
            return True
    return False


def allocated(q: Question) -> bool:
    chosen = q.event.allocation
    return chosen is not None and q.event.ask.quantity > q.model.left(
        q.budget, shadow=q.event.shadow, allocation=chosen
    )


def capacity(q: Question) -> bool:
    ask = q.event.ask
    return ask.reserve and ask.quantity > q.model.left(q.budget, shadow=q.event.shadow)


ORDER: tuple[tuple[str, Callable[[Question], bool | None]], ...] = (
    ("ENTITY_ALREADY_AUTHORIZED", entity),
    ("BUDGET_PAUSED", lambda q: q.budget.status == "PAUSED"),
    ("BUDGET_CANCELLED", lambda q: q.budget.status == "CANCELLED"),
    ("BUDGET_EXPIRED", expired),
    ("TOKEN_SCOPE_VIOLATION", scope),
    ("VELOCITY_LIMIT_EXCEEDED", velocity),
    ("CURRENCY_MISMATCH", currency),
    ("EXCEEDS_QUANTITY_LIMIT", ceiling),
    ("ANOMALY_DETECTED", unusual),
    ("SUBTREE_CAP_EXCEEDED", subtree),
    ("MISSING_CLAIMED_CATEGORY", unclaimed),
    ("NO_MATCHING_ALLOCATION", unmatched),
    ("FORBIDDEN_ITEM_TYPE", forbidden),
    ("INTENT_SCOPE_VIOLATION", intent),
    ("DELEGATE_CAP_EXCEEDED", delegated),
    ("ALLOCATION_EXHAUSTED", allocated),
    ("INSUFFICIENT_FUNDS", capacity),
)
