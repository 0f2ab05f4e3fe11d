"""
How a spending block begins and ends, and what an exception says about the money.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal

from figuard.client.denial_reasons import DenialReason
from figuard.client.exceptions import FiGuardApiError, FiGuardDeniedException, FiGuardError
from figuard.client.models import AuthorizationResult, SpendEventResponse
from figuard.client.ops import settle
from figuard.client.session import Session, logger
from figuard.client.steps import Steps
from figuard.domain.codes import ErrorCode
from figuard.domain.valueclass import valueclass

TOOL_ERROR = "TOOL_ERROR"
"""The reason of a spending whose block raised."""
_MESSAGE_MAX = 500
_CAUSES_MAX = 10

# By name, because none of these libraries may be imported just to ask whether one of theirs was raised.
_TIMEOUTS = frozenset(
    {
        "TimeoutException",  # httpx, httpx2: the parent of all their time-outs
        "APITimeoutError",  # openai, anthropic
        "Timeout",  # requests, litellm
        "TimeoutError",  # Python's own, urllib3, redis, playwright
        "ServerTimeoutError",  # aiohttp
        "DeadlineExceeded",  # google-api-core
        "TimeoutExpired",  # subprocess
    }
)


@valueclass
class Wish:
    """What a block said about its own end: confirm, fail, void, unknown, or nothing (None)."""

    what: str | None = None
    amount: Decimal | None = None
    external_transaction_id: str | None = None
    reason: str | None = None
    error_message: str | None = None


def begin(
    session: Session, ask: Callable[[], Steps[AuthorizationResult]], *, raise_on_denial: bool
) -> Steps[tuple[AuthorizationResult, FiGuardDeniedException | None]]:
    """Ask, and return the answer with why the block must not run; that is raised when the caller wants it so."""
    answer = yield from ask()
    refused = refusal_of(answer)
    if refused is None and answer.replayed:
        refused = yield from _doubt_of(session, answer)
    if raise_on_denial and refused is not None:
        raise refused
    return answer, refused


def _doubt_of(session: Session, answer: AuthorizationResult) -> Steps[FiGuardDeniedException | None]:
    """Return why a key that was asked before must not be spent on, or None: its first attempt may have paid."""
    event = yield from settle.get_event(session, answer)
    if event.outcome != "UNKNOWN":
        return None
    return FiGuardDeniedException(
        DenialReason.DUPLICATE_REQUEST,
        f"an earlier attempt under this idempotency key may have paid, its outcome is not known; confirm, fail or void "
        f"event {answer.event_id} first",
        answer.event_id,
        result=answer,
    )


def refusal_of(answer: AuthorizationResult) -> FiGuardDeniedException | None:
    """Return why what *answer* was asked for must not be done, or None when it may."""
    if was_settled_before(answer):
        return FiGuardDeniedException(
            DenialReason.DUPLICATE_REQUEST,
            f"event {answer.event_id} of this idempotency key was settled before; running its block again would pay "
            "twice. Use a new key for a new spending",
            answer.event_id,
            result=answer,
        )
    try:
        answer.raise_if_denied()
    except FiGuardDeniedException as refused:
        return refused
    return None


def was_settled_before(answer: AuthorizationResult) -> bool:
    """Return whether the key was asked before and its spending has been confirmed since."""
    return "CONFIRMED" in {answer.decision, answer.current_decision}


def end(
    session: Session, answer: AuthorizationResult, wish: Wish, error: BaseException | None
) -> Steps[SpendEventResponse | None]:
    """
    Settle as a block was left, and return the event.

    Raises only when the block raised nothing: its own exception is the more important one, and gets a note instead.
    """
    if error is None:
        return (yield from _settled(session, answer, wish, wish.what or "confirm", None))
    what = wish.what or ("unknown" if leaves_doubt(error) else "fail")
    try:
        return (yield from _settled(session, answer, wish, what, error))
    except FiGuardError as failure:
        error.add_note(f"FiGuard: {what} of event {answer.event_id} did not succeed either: {failure}")
        logger.warning("could not %s event %s after %r: %s", what, answer.event_id, error, failure)
        return None


def _settled(
    session: Session, answer: AuthorizationResult, wish: Wish, what: str, error: BaseException | None
) -> Steps[SpendEventResponse]:
    if what == "confirm":
        return (yield from _confirmed(session, answer, wish))
    if what == "void":
        voided = yield from settle.void(session, answer, wish.reason or "VOIDED", void_child_events=True)
        return voided.event
    if what == "unknown":
        return (yield from settle.mark_unknown(session, answer, wish.reason or _kind(error)))
    said = wish.error_message or (str(error)[:_MESSAGE_MAX] if error is not None else None)
    return (yield from settle.fail(session, answer, wish.reason or TOOL_ERROR, said or None))


def _confirmed(session: Session, answer: AuthorizationResult, wish: Wish) -> Steps[SpendEventResponse]:
    """Confirm; when that fails the money has moved all the same, so the hold must stay."""
    amount = answer.approved_quantity if wish.amount is None else wish.amount
    try:
        try:
            return (yield from _confirm(session, answer, amount or Decimal(), wish, money_moved=False))
        except FiGuardApiError as error:
            if error.code != ErrorCode.AUTHORIZATION_EXPIRED:
                raise
            # The block took longer than its hold. The books must tell the truth, whatever the limit.
            return (yield from _confirm(session, answer, amount or Decimal(), wish, money_moved=True))
    except FiGuardError as error:
        try:
            yield from settle.mark_unknown(session, answer, "CONFIRM_FAILED")
        except FiGuardError as failure:
            error.add_note(f"FiGuard: event {answer.event_id} could not be marked as unknown either: {failure}")
        raise


def _confirm(
    session: Session, answer: AuthorizationResult, amount: Decimal, wish: Wish, *, money_moved: bool
) -> Steps[SpendEventResponse]:
    transaction = wish.external_transaction_id
    return settle.confirm(session, answer, amount, external_transaction_id=transaction, money_moved=money_moved)


def leaves_doubt(error: BaseException) -> bool:
    """
    Return whether money may have moved although the block raised.

    So it is for time-outs, of any library, for cancellations and for interrupts: the request may have arrived and
    only its answer did not. What caused an exception counts as much as the exception.
    """
    if isinstance(error, FiGuardError):
        return False
    return any(_is_doubtful(one) for one in _all_of(error))


def _is_doubtful(error: BaseException) -> bool:
    interrupted = not issubclass(type(error), (Exception, BaseExceptionGroup))
    return interrupted or any(kind.__name__ in _TIMEOUTS for kind in type(error).__mro__)


def _all_of(error: BaseException) -> Iterator[BaseException]:
    """Yield an exception, those of a group, and what caused each; bounded, because causes may go in circles."""
    waiting: list[tuple[BaseException, int]] = [(error, 0)]
    while waiting:
        one, depth = waiting.pop()
        yield one
        if depth == _CAUSES_MAX:
            continue
        if isinstance(one, BaseExceptionGroup):
            waiting += [(inner, depth + 1) for inner in one.exceptions]  # pyright: ignore[reportUnknownMemberType,reportUnknownVariableType] - of any type
        if one.__cause__ is not None:
            waiting.append((one.__cause__, depth + 1))


def _kind(error: BaseException | None) -> str | None:
    return type(error).__name__ if error is not None else None
