"""
The decision: run the checks in order, and open an event that says what was decided and where it counts.
"""

from __future__ import annotations

from figuard.domain.budget import NOTHING, Budget
from figuard.domain.checks import Objection, checks_on
from figuard.domain.codes import Denial
from figuard.domain.entitlements import Item
from figuard.domain.events import APPROVED, Decision, Event, Place, Standing, Verdict
from figuard.domain.instants import SECOND, Instant
from figuard.domain.limits import CONFIRMATION_TIMEOUT_SECONDS_MIN, DENIAL_MESSAGE_MAX
from figuard.domain.situation import Situation
from figuard.domain.valueclass import replace

_AUTHORIZED, _DENIED = Decision.AUTHORIZED, Decision.DENIED
_WEIGHTLESS = Standing()


def objection(situation: Situation) -> tuple[Denial, Objection] | None:
    """Return the first denial in order of precedence, with what the check said, or None."""
    for denial, check in checks_on(situation.grounds()):
        found = check(situation)
        if found is not None:
            return denial, found
    return None


def decide(situation: Situation, *, event_id: str, attempt: int = 1, foreign_parent_id: str | None = None) -> Event:
    """
    Return the event that this request opens: AUTHORIZED with its hold, or DENIED with its reason.

    On a shadow budget the event is always AUTHORIZED; its verdict says what would have been, and it holds (on the
    shadow side) only what would have been authorized, so that the next preview is true as well.
    """
    found = objection(situation)
    spend, now, shadow = situation.spend, situation.now, situation.shadow
    allocation, item, parent = situation.allocation, situation.item, situation.parent
    refused = found is not None and not shadow
    # In the order of their fields: a value of ten parts costs a third of what it does by names.
    place = Place(
        shadow,
        situation.tokens[0].id if situation.tokens else None,
        allocation.id if allocation is not None else None,
        situation.caps if found is None else (),
        item.id if item is not None else None,
        item.period if item is not None else 0,
        parent.id if parent is not None else None,
        parent.place.root_id if parent is not None else event_id,
        parent.place.depth + 1 if parent is not None else 0,
        foreign_parent_id,
    )
    identity = situation.budget.identity
    return Event(
        event_id,
        identity.tenant_id,
        identity.id,
        replace(spend, max_subtree=None) if parent is not None and spend.max_subtree is not None else spend,
        _DENIED if refused else _AUTHORIZED,
        now,
        now,
        place,
        APPROVED if found is None else _verdict(situation, *found),
        _WEIGHTLESS if refused else _standing(situation, would_hold=found is None),
        attempt=attempt,
    )


def _standing(situation: Situation, *, would_hold: bool) -> Standing:
    budget, spend, now = situation.budget, situation.spend, situation.now
    if not spend.reserve:
        return Standing(epoch=budget.funds.epoch)
    seconds = budget.policy.authorization_expiry_seconds
    due_seconds = max(seconds, CONFIRMATION_TIMEOUT_SECONDS_MIN)
    return Standing(
        spend.quantity if would_hold else 0,
        0,
        budget.funds.epoch,
        None,
        0,
        NOTHING,
        hold_expires_at=now + seconds * SECOND,
        void_due_at=now + due_seconds * SECOND,
    )


def _verdict(situation: Situation, denial: Denial, said: Objection) -> Verdict:
    item = situation.item
    return Verdict(
        denial=denial,
        message=said.message[:DENIAL_MESSAGE_MAX],
        level=said.level,
        level_id=said.level_id or (situation.budget.id if said.level == "BUDGET" else None),
        available=said.available,
        fits=said.fits,
        retry_at=said.retry_at,
        original_event_id=said.original_event_id,
        revision=situation.budget.counters.revision,
        item_revision=item.revision if item else 0,
    )


def may_differ(denied: Event, budget: Budget, item: Item | None, now: Instant) -> bool:
    """
    Return whether something has happened since *denied* that could turn its answer around.

    Funds were added, a hold was released, limits, status or a token changed, a quota was renewed or released, or
    the window has passed. Until then a repeat of the key gets the stored answer again.
    """
    verdict = denied.verdict
    if verdict.revision != budget.counters.revision:
        return True
    if item is not None and verdict.item_revision != item.revision:
        return True
    return verdict.retry_at is not None and now >= verdict.retry_at
