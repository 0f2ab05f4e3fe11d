"""
Settling: what confirm, fail, void, refund, extend, an unknown outcome and the end of a hold make of an event.

Each function takes the event as it is and returns it as it will be (or the same object when there is nothing to do,
which makes an identical repeat harmless), or refuses. None of them touches a balance: ``levels.move`` does.
"""

from __future__ import annotations

from figuard.domain.amounts import text
from figuard.domain.budget import Budget, OveragePolicy, UnknownOutcomePolicy
from figuard.domain.codes import ErrorCode
from figuard.domain.events import CONFIRMATION_TIMEOUT, Decision, Event, Outcome, Place, Spend, Standing
from figuard.domain.instants import SECOND, Instant
from figuard.domain.levels import Level, Touched, shortfall
from figuard.domain.refusal import Refusal
from figuard.domain.valueclass import replace

_AUTHORIZED, _CONFIRMED = Decision.AUTHORIZED, Decision.CONFIRMED


def confirmed(
    event: Event,
    touched: Touched,
    quantity: int,
    *,
    now: Instant,
    external_transaction_id: str | None = None,
    money_moved: bool = False,
) -> Event:
    """
    Return the event settled at *quantity* quanta.

    Less than the hold releases the rest. More than the hold follows the budget's overage policy. A settlement after
    the hold ended is booked when it fits. With *money_moved* it is booked whatever the limit: the books must tell
    the truth. Raises ``Refusal``.
    """
    standing, outcome, place = event.standing, event.outcome, event.place
    if event.decision is _CONFIRMED:
        same = standing.confirmed == quantity and external_transaction_id in {
            None,
            outcome.external_transaction_id,
        }
        if same:
            return event
        raise _conflict(event, f"confirmed at {text(standing.confirmed or 0)}", "confirm it again differently")
    if event.decision is not _AUTHORIZED and not event.timed_out:
        raise _conflict(event, str(event.decision), "confirm it")
    if not place.shadow and not money_moved:
        _check_room(event, touched, quantity)
    counts = not (place.shadow and event.verdict.denial is not None)
    standing = standing.settled(quantity if counts else 0, touched.budget.funds.epoch, quantity)
    return event.stepped(
        _CONFIRMED, standing, outcome.settled(now, external_transaction_id, money_moved=money_moved), now
    )


def _check_room(event: Event, touched: Touched, quantity: int) -> None:
    policy = touched.budget.policy
    if quantity > event.spend.quantity and policy.overage is OveragePolicy.REJECT:
        raise Refusal(
            ErrorCode.CONFIRM_EXCEEDS_HOLD,
            f"event {event.id} was authorized for {text(event.spend.quantity)}, {text(quantity)} cannot be confirmed "
            f"because budget {event.budget_id} has the overage policy REJECT",
        )
    if quantity <= event.standing.held:
        return
    overdraft = policy.overdraft_limit if policy.overage is OveragePolicy.ALLOW_WITH_OVERDRAFT else 0
    level = _shortfall(event, touched, quantity - event.standing.held, overdraft=overdraft)
    if level is None:
        return
    free = max(0, level.available(shadow=event.place.shadow) or 0)
    late = event.standing.hold_released_at is not None
    code = ErrorCode.AUTHORIZATION_EXPIRED if late else ErrorCode.CONFIRM_EXCEEDS_AVAILABLE
    hold = "its hold has ended" if late else f"{text(event.standing.held)} is held"
    raise Refusal(
        code,
        f"event {event.id} cannot be confirmed at {text(quantity)}: {hold} and {level.kind.lower()} {level.name!r} "
        f"has {text(free)} left",
    )


def _shortfall(event: Event, touched: Touched, need: int, *, overdraft: int = 0) -> Level | None:
    """Return the first level that cannot take *need* more; a root also counts in its own chain."""
    if event.place.root_id == event.id:
        touched = replace(touched, root=event)
    return shortfall(touched, event.place, need, overdraft=overdraft)


def failed(event: Event, reason: str, *, now: Instant, error_message: str | None = None) -> Event:
    """Return the event failed: the hold is released. Raises ``Refusal`` unless it is authorized (or timed out)."""
    if event.decision is Decision.FAILED and event.outcome.reason == reason:
        return event
    if event.decision is not Decision.AUTHORIZED and not event.timed_out:
        raise _conflict(event, str(event.decision), "fail it")
    outcome = replace(event.outcome, unknown=False, reason=reason, error_message=error_message, settled_at=now)
    return event.stepped(Decision.FAILED, event.standing.released(), outcome, now)


def voided(event: Event, reason: str, *, now: Instant) -> Event:
    """Return the event voided: a hold is released, a confirmed amount is taken back. Raises ``Refusal``."""
    if event.timed_out or (event.decision is Decision.VOIDED and event.outcome.reason == reason):
        return event
    if not event.is_live:
        raise _conflict(event, str(event.decision), "void it")
    if event.outcome.external_transaction_id is not None:
        raise Refusal(
            ErrorCode.VOID_REQUIRES_REFUND,
            f"event {event.id} was settled as external transaction "
            f"{event.outcome.external_transaction_id!r} and cannot be voided",
        )
    outcome = replace(event.outcome, unknown=False, reason=reason, settled_at=now)
    standing = event.standing.settled(0, event.standing.epoch, event.standing.confirmed)
    return event.stepped(Decision.VOIDED, standing, outcome, now)


def refunded(event: Event, quantity: int, *, now: Instant) -> Event:
    """Return the event with *quantity* quanta given back; several refunds add up. Raises ``Refusal``."""
    if event.decision is not Decision.CONFIRMED:
        raise _conflict(event, str(event.decision), "refund it; only a confirmed event can be")
    left = (event.standing.confirmed or 0) - event.standing.refunded
    if quantity > left:
        raise Refusal(
            ErrorCode.REFUND_EXCEEDS_CONFIRMED,
            f"event {event.id} has {text(left)} left to refund of {text(event.standing.confirmed or 0)} confirmed, "
            f"{text(quantity)} was asked",
        )
    standing = replace(
        event.standing,
        booked=max(0, event.standing.booked - quantity),
        refunded=event.standing.refunded + quantity,
    )
    return replace(event, standing=standing, updated_at=now)


def extended(event: Event, touched: Touched, seconds: int, *, now: Instant) -> Event:
    """
    Return the event with its hold kept for *seconds* from *now*; the event itself when it is kept that long already.

    A hold that has ended is taken again when it still fits, else refused with ``AUTHORIZATION_EXPIRED``. For an event
    of unknown outcome the policy's deadline is moved; where the policy has none, there stays none.
    """
    if event.decision is not Decision.AUTHORIZED:
        raise _conflict(event, str(event.decision), "extend its hold")
    if not event.spend.reserve:
        raise _conflict(event, "authorized without a hold", "extend it")
    until = now + seconds * SECOND
    unknown = event.outcome.unknown
    policy = touched.budget.policy
    endless = unknown and (
        policy.unknown_outcome is UnknownOutcomePolicy.HOLD or policy.unknown_outcome_seconds is None
    )
    present = event.standing
    if present.hold_released_at is None and not endless and (present.hold_expires_at or 0) >= until:
        return event
    standing = replace(
        _held_again(event, touched),
        hold_expires_at=None if endless else until,
        void_due_at=None if unknown else max(until, event.standing.void_due_at or until),
    )
    return replace(event, standing=standing, updated_at=now)


def _held_again(event: Event, touched: Touched) -> Standing:
    standing = event.standing
    if standing.hold_released_at is None:
        return standing
    counts = not (event.place.shadow and event.verdict.denial is not None)
    level = _shortfall(event, touched, event.spend.quantity) if counts and not event.place.shadow else None
    if level is not None:
        raise Refusal(
            ErrorCode.AUTHORIZATION_EXPIRED,
            f"the hold of event {event.id} has ended and {level.kind.lower()} {level.name!r} has only "
            f"{text(max(0, level.available() or 0))} left for {text(event.spend.quantity)}",
        )
    return replace(standing, held=event.spend.quantity if counts else 0, hold_released_at=None)


def unknown(event: Event, touched: Touched, reason: str | None, *, now: Instant) -> Event:
    """
    Return the event marked as of unknown outcome: its hold stays until someone settles it or the policy's deadline.

    A hold that has ended is taken again when it fits; when it does not, the mark alone is kept.
    """
    if event.decision is not Decision.AUTHORIZED and not event.timed_out:
        raise _conflict(event, str(event.decision), "mark its outcome as unknown")
    if event.outcome.unknown:
        return event
    try:
        standing = _held_again(event, touched)
    except Refusal:
        standing = event.standing
    seconds = touched.budget.policy.unknown_outcome_seconds
    bounded = seconds is not None and touched.budget.policy.unknown_outcome is not UnknownOutcomePolicy.HOLD
    deadline = now + seconds * SECOND if bounded and seconds is not None else None
    standing = replace(standing, hold_expires_at=deadline, void_due_at=None)
    outcome = replace(event.outcome, unknown=True, reason=reason)
    return event.stepped(Decision.AUTHORIZED, standing, outcome, now)


def hold_ended(event: Event, budget: Budget, *, now: Instant) -> Event:
    """
    Return the event once its hold's time is over: nothing is held, at any level, from now on.

    An event of unknown outcome reaches its deadline here and is settled as the budget's policy says: booked in full
    (money may have moved, so whatever the limit) or voided.
    """
    if not event.outcome.unknown:
        standing = replace(event.standing, held=0, hold_expires_at=None, hold_released_at=now)
        return replace(event, standing=standing, updated_at=now)
    if budget.policy.unknown_outcome is UnknownOutcomePolicy.CONFIRM:
        counts = not (event.place.shadow and event.verdict.denial is not None)
        quantity = event.spend.quantity
        standing = event.standing.settled(quantity if counts else 0, budget.funds.epoch, quantity)
        outcome = replace(event.outcome, unknown=False, settled_at=now)
        return event.stepped(Decision.CONFIRMED, standing, outcome, now)
    outcome = replace(event.outcome, unknown=False, reason="UNKNOWN_OUTCOME_DEADLINE", settled_at=now)
    return event.stepped(Decision.VOIDED, event.standing.released(), outcome, now)


def timed_out(event: Event, *, now: Instant) -> Event:
    """Return the event voided because no settlement came; a late one can still be booked (``confirmed``)."""
    standing = replace(event.standing.released(), hold_released_at=event.standing.hold_released_at or now)
    return event.stepped(Decision.VOIDED, standing, replace(event.outcome, reason=CONFIRMATION_TIMEOUT), now)


def external(
    spend: Spend,
    budget: Budget,
    *,
    event_id: str,
    now: Instant,
    source: str,
    occurred_at: Instant | None,
    allocation_id: str | None,
) -> Event:
    """Return an event for money that already left outside the agent's path: booked whatever the limit."""
    return Event(
        id=event_id,
        tenant_id=budget.tenant_id,
        budget_id=budget.id,
        spend=spend,
        decision=Decision.CONFIRMED,
        created_at=now,
        updated_at=now,
        place=Place(allocation_id=allocation_id, root_id=event_id),
        standing=Standing(booked=spend.quantity, epoch=budget.funds.epoch, confirmed=spend.quantity),
        outcome=Outcome(source=source, occurred_at=occurred_at if occurred_at is not None else now, settled_at=now),
    )


def _conflict(event: Event, state: str, wish: str) -> Refusal:
    return Refusal(ErrorCode.EVENT_STATE_CONFLICT, f"event {event.id} is {state}, so you cannot {wish}")
