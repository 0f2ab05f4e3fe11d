"""
The decision: run the checks in order, and open an event that says what was decided and where it counts.
"""

from __future__ import annotations

from figuard.domain.budget import Budget
from figuard.domain.checks import CHECKS, Objection
from figuard.domain.codes import Denial
from figuard.domain.entitlements import Item
from figuard.domain.events import APPROVED, Decision, Event, Place, Standing, Verdict
from figuard.domain.instants import SECOND, Instant
from figuard.domain.limits import CONFIRMATION_TIMEOUT_SECONDS_MIN, DENIAL_MESSAGE_MAX
from figuard.domain.situation import Situation
from figuard.domain.valueclass import replace


def objection(situation: Situation) -> tuple[Denial, Objection] | None:
    """Return the first denial in order of precedence, with what the check said, or None."""
    for denial, check in CHECKS:
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
    verdict = _verdict(situation, found)
    refused = found is not None and not shadow
    parent = situation.parent
    place = Place(
        shadow=shadow,
        token_id=situation.tokens[0].id if situation.tokens else None,
        allocation_id=situation.allocation.id if situation.allocation else None,
        caps=situation.caps if found is None else (),
        item_id=situation.item.id if situation.item else None,
        item_period=situation.item.period if situation.item else 0,
        parent_id=parent.id if parent else None,
        root_id=parent.place.root_id if parent else event_id,
        depth=parent.place.depth + 1 if parent else 0,
        foreign_parent_id=foreign_parent_id,
    )
    return Event(
        id=event_id,
        tenant_id=situation.budget.tenant_id,
        budget_id=situation.budget.id,
        spend=replace(spend, max_subtree=None) if parent and spend.max_subtree is not None else spend,
        decision=Decision.DENIED if refused else Decision.AUTHORIZED,
        created_at=now,
        updated_at=now,
        place=place,
        verdict=verdict,
        standing=Standing() if refused else _standing(situation, would_hold=found is None),
        attempt=attempt,
    )


def _standing(situation: Situation, *, would_hold: bool) -> Standing:
    if not situation.spend.reserve:
        return Standing(epoch=situation.budget.funds.epoch)
    seconds = situation.budget.policy.authorization_expiry_seconds
    return Standing(
        held=situation.spend.quantity if would_hold else 0,
        epoch=situation.budget.funds.epoch,
        hold_expires_at=situation.now + seconds * SECOND,
        void_due_at=situation.now + max(seconds, CONFIRMATION_TIMEOUT_SECONDS_MIN) * SECOND,
    )


def _verdict(situation: Situation, found: tuple[Denial, Objection] | None) -> Verdict:
    if found is None:
        return APPROVED
    denial, said = found
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
