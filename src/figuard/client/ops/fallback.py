"""
Answering in place of a service that does not, within a ``FailOpen`` policy, and telling it afterwards.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TypeVar

from figuard.client import decode
from figuard.client.context import digest
from figuard.client.exceptions import FiGuardApiError, FiGuardConnectionError, FiGuardError
from figuard.client.fail_open import (
    CONFIRMED,
    FAILED,
    FALLBACK_PREFIX,
    OPEN,
    RECORDED,
    VOIDED,
    CeilingReached,
    Fallback,
    Fallbacks,
)
from figuard.client.models import AuthorizationResult, Reconciliation, SpendEventResponse
from figuard.client.retry import Retry
from figuard.client.session import Session, logger, perform
from figuard.client.steps import Local, Steps, value_of
from figuard.domain.amounts import quanta
from figuard.domain.codes import ErrorCode
from figuard.domain.instants import text as time_text
from figuard.wire.requests import AuthorizeRequest, ExternalEventRequest

T = TypeVar("T")

AUTOMATIC_MAX = 20
"""How many fallbacks one ordinary call tells the service about by the way."""
RECONCILE_MAX = 10_000
"""How many fallbacks one ``reconcile`` handles."""


def remembered(
    session: Session, fallbacks: Fallbacks, body: AuthorizeRequest, token: str
) -> Steps[AuthorizationResult | None]:
    """Return the answer this client gave itself under the same key, or None; it must not be approved twice."""
    if body.dry_run:
        return None
    found = yield from _local(partial(fallbacks.known, _fallback(session, fallbacks, body, token, None)))
    return None if found is None else _approved(found)


def approve(
    session: Session,
    body: AuthorizeRequest,
    token: str,
    budget_id: str | None,
    error: FiGuardApiError | FiGuardConnectionError,
) -> Steps[AuthorizationResult]:
    """Approve within the policy, or raise *error*: the service's own refusals always stand."""
    fallbacks = session.fallbacks
    # Not every 5xx is an outage: a ledger that contradicts itself must stop, and its code says so.
    is_away = isinstance(error, FiGuardConnectionError) or (error.status_code >= 500 and error.retryable)  # noqa: PLR2004 - HTTP
    if fallbacks is None or not is_away or body.dry_run:
        raise error
    fallbacks.reached(answered=False)
    wanted = _fallback(session, fallbacks, body, token, budget_id)
    try:
        admitted = yield from _local(partial(fallbacks.admit, wanted))
    except CeilingReached as ceiling:
        error.add_note(f"not approved without the service either: {ceiling}")
        raise error from ceiling
    logger.warning("approved %s without the service: %s", admitted.id, error)
    return _approved(admitted)


def _fallback(
    session: Session, fallbacks: Fallbacks, body: AuthorizeRequest, token: str, budget_id: str | None
) -> Fallback:
    now = session.now()
    return Fallback(
        id=f"{FALLBACK_PREFIX}{body.idempotency_key}",
        home=fallbacks.home,
        token=digest(token),
        # Kept only while nothing else tells which budget the spending belongs to.
        session_token=None if budget_id else token,
        budget_id=budget_id,
        agent_id=body.agent_id or "",
        action_type=body.action_type or "",
        description=body.description or "",
        category=body.claimed_category,
        trace_id=body.trace_id,
        requested=quanta(body.requested_quantity),
        occurred_at=now,
        updated_at=now,
    )


def _approved(found: Fallback) -> AuthorizationResult:
    state = CONFIRMED if found.state == RECORDED else found.state
    return AuthorizationResult(
        event_id=found.id,
        decision="AUTHORIZED",
        approved_quantity=found.requested_quantity,
        authorized_at=time_text(found.occurred_at),
        is_fallback=True,
        current_decision=state,
    )


def settle(
    session: Session,
    event_id: str,
    state: str | None,
    **changes: str | int | None,
) -> Steps[SpendEventResponse]:
    """
    Settle an event that a client approved itself (``is_fallback``), without the service.

    *state* None leaves it as it is. Raises ``FiGuardApiError`` as the service would.
    """
    fallbacks = session.fallbacks
    if fallbacks is None:
        raise FiGuardApiError(
            404,
            f"{ErrorCode.NOT_FOUND}: {event_id!r} was approved by a client that fails open; "
            "settle it with one that has the same FailOpen policy",
        )
    if state is None:
        work: Callable[[], Fallback | None] = partial(fallbacks.find, event_id)
    else:
        work = partial(fallbacks.settle, event_id, state, session.now(), **changes)
    found = yield from _local(work)
    if found is None:
        raise FiGuardApiError(404, f"{ErrorCode.NOT_FOUND}: no fallback {event_id!r} is known here")
    return _event(found)


def _event(found: Fallback) -> SpendEventResponse:
    return SpendEventResponse(
        id=found.id,
        decision=CONFIRMED if found.state == RECORDED else found.state,
        requested_quantity=found.requested_quantity,
        created_at=time_text(found.occurred_at),
        agent_id=found.agent_id,
        action_type=found.action_type,
        description=found.description,
        confirmed_quantity=found.confirmed_quantity,
        claimed_category=found.category,
        idempotency_key=found.id.removeprefix(FALLBACK_PREFIX),
        failure_reason=found.reason,
        trace_id=found.trace_id,
        budget_id=found.budget_id,
        external_transaction_id=found.external_transaction_id,
    )


def reconciling(session: Session, steps: Steps[T]) -> Steps[T]:
    """Run an operation; when it reached the service, tell that about what was spent without it."""
    return steps if session.fallbacks is None else _reconciling(session, session.fallbacks, steps)


def _reconciling(session: Session, fallbacks: Fallbacks, steps: Steps[T]) -> Steps[T]:
    result = yield from steps
    try:
        if (yield from _local(fallbacks.has_news)):
            yield from _tell(session, fallbacks, limit=AUTOMATIC_MAX, with_errors=False)
    except FiGuardError as error:
        # The caller's own answer is there, and must not be lost because of something else.
        logger.warning("could not tell the service about fallbacks: %s", error)
    return result


def reconcile(session: Session) -> Steps[Reconciliation]:
    """Tell the service about everything that was spent without it."""
    fallbacks = session.fallbacks
    if fallbacks is None:
        return Reconciliation()
    recorded, failed = yield from _tell(session, fallbacks, limit=RECONCILE_MAX, with_errors=True)
    released: list[str] = []
    for state in (FAILED, VOIDED):
        found: list[Fallback] = yield from _local(partial(fallbacks.of_state, state, limit=RECONCILE_MAX))
        released += [one.id for one in found]
    still_open: list[Fallback] = yield from _local(partial(fallbacks.of_state, OPEN, limit=RECONCILE_MAX))
    yield from _local(partial(fallbacks.forget, session.now()))
    return Reconciliation(recorded, released, [one.id for one in still_open], failed)


def _tell(
    session: Session, fallbacks: Fallbacks, *, limit: int, with_errors: bool
) -> Steps[tuple[list[str], dict[str, str]]]:
    # One attempt each: whoever made this call waits for something else.
    once = replace(session, retry=Retry(attempts_max=1), fallbacks=None)
    recorded: list[str] = []
    failed: dict[str, str] = {}
    due: list[Fallback] = yield from _local(partial(fallbacks.settled, limit=limit, with_errors=with_errors))
    for one in due:
        try:
            yield from _record(once, one)
        except FiGuardApiError as error:
            if error.retryable:
                raise
            failed[one.id] = str(error)
            yield from _local(partial(fallbacks.update, replace(one, error=str(error), updated_at=session.now())))
            logger.warning("the service refused to record %s: %s", one.id, error)
        else:
            recorded.append(one.id)
            after = replace(one, state=RECORDED, session_token=None, error=None, updated_at=session.now())
            yield from _local(partial(fallbacks.update, after))
            logger.info("recorded %s, %s spent without the service", one.id, one.confirmed_quantity)
    return recorded, failed


def _record(session: Session, one: Fallback) -> Steps[None]:
    if not one.confirmed:
        return
    # The key is the fallback's own, not the agent's: the authorization whose reply was lost may have opened an event
    # under that one. Such an event was never settled, so its hold ends by itself.
    body = ExternalEventRequest(
        budget_id=one.budget_id or session.budgets.get(one.token) or (yield from _budget_id(session, one)),
        agent_id=one.agent_id,
        action_type=one.action_type,
        description=one.description,
        quantity=one.confirmed_quantity,
        idempotency_key=one.id,
        claimed_category=one.category,
        source="FALLBACK",
        occurred_at=time_text(one.occurred_at),
        metadata={"externalTransactionId": one.external_transaction_id} if one.external_transaction_id else None,
    )
    try:
        yield from perform(session, "record_external_event", body=body)
    except FiGuardApiError as error:
        if error.code != ErrorCode.DUPLICATE_EXTERNAL_EVENT:
            raise
        logger.debug("%s was recorded before, its reply was lost", one.id)


def _budget_id(session: Session, one: Fallback) -> Steps[str]:
    """Ask which budget a session token belongs to, with a dry run that records nothing."""
    body = AuthorizeRequest(
        agent_id=one.agent_id,
        action_type=one.action_type,
        description=one.description,
        requested_quantity=0,
        idempotency_key=session.new_key(),
        dry_run=True,
    )
    answer = yield from perform(session, "authorize", body=body, session_token=one.session_token)
    snapshot = decode.authorization(answer.value).budget_snapshot
    if snapshot is None or snapshot.id is None:
        raise FiGuardApiError(404, f"{ErrorCode.NOT_FOUND}: the service does not say which budget {one.id!r} is of")
    return snapshot.id


def _local(work: Callable[[], T]) -> Steps[T]:
    return value_of((yield Local(work)))
