"""
Asking before spending: one request, or several in one transaction.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from functools import partial
from typing import Any, Unpack, cast

import msgspec

from figuard.client import decode, telemetry
from figuard.client.context import Origin, ambient_parent, digest, origins
from figuard.client.exceptions import FiGuardApiError, FiGuardConnectionError, FiGuardError
from figuard.client.fail_open import is_fallback
from figuard.client.models import AuthorizationBatch, AuthorizationResult, Budget, DelegationToken
from figuard.client.ops import fallback, settle
from figuard.client.ops.arguments import (
    AuthorizeArguments,
    EventLike,
    amount_of,
    event_id_of,
    exact,
    exact_or_none,
    plain,
    token_of,
)
from figuard.client.session import Session, logger, perform
from figuard.client.steps import Steps
from figuard.domain.valueclass import valueclass
from figuard.wire.requests import AuthorizeBatchItem, AuthorizeBatchRequest, AuthorizeRequest

RENEWALS_MAX = 100
"""How many spendings may fail under one idempotency key before it is used up."""
_TAKEN_BACK = frozenset({"FAILED", "VOIDED"})


@valueclass
class Asked:
    """One request ready to be sent, and what it is known by here."""

    body: AuthorizeRequest
    token: str = field(repr=False)
    token_digest: str
    budget_id: str | None


def authorize(session: Session, **given: Unpack[AuthorizeArguments]) -> Steps[AuthorizationResult]:
    """Ask for one authorization."""
    return ask(session, given)


def ask(session: Session, given: Mapping[str, Any]) -> Steps[AuthorizationResult]:
    """Ask for one authorization, from the arguments of ``authorize`` as they are: to unpack twenty takes its time."""
    asked = _asked(session, cast("AuthorizeArguments", given))
    body = asked.body
    if logger.isEnabledFor(logging.DEBUG):
        logger.debug(
            "authorize agent=%s quantity=%s key=%s token=%s parent=%s",
            body.agent_id,
            body.requested_quantity,
            body.idempotency_key,
            _shown(asked.token),
            body.parent_event_id,
        )
    with telemetry.span(
        "authorize",
        agent_id=body.agent_id,
        action_type=body.action_type,
        requested_quantity=body.requested_quantity,
        claimed_category=body.claimed_category,
        parent_event_id=body.parent_event_id,
        dry_run=body.dry_run,
    ) as span:
        # Looked for in here: where nobody else has begun a trace, this span begins one.
        body.trace_id = body.trace_id or telemetry.sampled_trace_id()
        result = yield from _answered(session, asked)
        telemetry.note_answer(span, result)
    return result


def _answered(session: Session, asked: Asked) -> Steps[AuthorizationResult]:
    if session.fallbacks is not None:
        given_before = yield from fallback.remembered(session, session.fallbacks, asked.body, asked.token)
        if given_before is not None:
            return given_before
    try:
        answer = yield from perform(session, "authorize", body=asked.body, session_token=asked.token)
    except (FiGuardApiError, FiGuardConnectionError) as error:
        return (yield from fallback.approve(session, asked.body, asked.token, asked.budget_id, error))
    result = decode.authorization(answer.value)
    _learn(session, asked, result)
    return result


def authorize_many(
    session: Session, requests: Sequence[Mapping[str, Any]], *, all_or_nothing: bool
) -> Steps[AuthorizationBatch]:
    """Ask for several authorizations in one transaction."""
    asked: list[Asked] = []
    items: list[AuthorizeBatchItem] = []
    for position, request in enumerate(requests):
        if unknown := sorted(request.keys() - AuthorizeArguments.__annotations__.keys()):
            raise TypeError(f"requests[{position}] has unknown arguments: {', '.join(map(repr, unknown))}")
        arguments: AuthorizeArguments = {**request}  # pyright: ignore[reportAssignmentType] - checked just now
        one = _asked(session, arguments)
        one.body.trace_id = one.body.trace_id or telemetry.sampled_trace_id()
        asked.append(one)
        items.append(AuthorizeBatchItem(**msgspec.structs.asdict(one.body), session_token=one.token))
    body = AuthorizeBatchRequest(requests=items, all_or_nothing=all_or_nothing or None)
    answer = yield from perform(session, "authorize_batch", body=body)
    results = decode.batch(answer.value)
    for one, result in zip(asked, results.results, strict=False):
        _learn(session, one, result)
    return results


def _asked(session: Session, given: AuthorizeArguments) -> Asked:
    token = token_of(given.get("session_token"), given.get("budget"))
    token_digest = digest(token)
    budget_id, known = _budget_id(given), session.budgets.get(token_digest)
    if budget_id is None:
        budget_id = known
    elif budget_id != known:
        session.budgets.learn(token_digest, budget_id)
    dry_run, reserve = given.get("dry_run", False), given.get("reserve", True)
    parent = given.get("parent_event_id")
    body = AuthorizeRequest(
        agent_id=given.get("agent_id", "agent"),
        action_type=given.get("action_type", "SPEND"),
        description=given.get("description", "spend"),
        requested_quantity=amount_of(given.get("amount"), given.get("requested_quantity")),
        idempotency_key=(given.get("idempotency_key") or "").strip() or session.new_key(),
        currency=given.get("currency"),
        agent_type=given.get("agent_type"),
        intent_context=given.get("intent_context"),
        entity_id=given.get("entity_id"),
        claimed_category=given.get("claimed_category"),
        claimed_item_type=given.get("claimed_item_type"),
        parent_event_id=_parent_id(parent)
        if parent
        else ambient_parent(session.settings.home, token_digest, budget_id),
        trace_id=given.get("trace_id"),
        metadata=plain(given.get("metadata")),
        max_subtree_quantity=exact_or_none(given.get("max_subtree_quantity"), "max_subtree_quantity"),
        dry_run=True if dry_run else None,
        reserve=None if reserve else False,
    )
    return Asked(body, token, token_digest, budget_id)


def _budget_id(given: AuthorizeArguments) -> str | None:
    for one in (given.get("budget"), given.get("session_token")):
        if isinstance(one, Budget):
            return one.id
        if isinstance(one, DelegationToken):
            return one.parent_budget_id
    return None


def _parent_id(parent: EventLike) -> str | None:
    event_id = event_id_of(parent)
    if is_fallback(event_id):
        # Only this client knows it: to the service it would be a parent that does not exist.
        logger.debug("left out the parent %s, which is no event of the ledger", event_id)
        return None
    return event_id


def _learn(session: Session, asked: Asked, result: AuthorizationResult) -> None:
    """Remember which budget the token belongs to, and where the event comes from."""
    budget_id = result.budget_snapshot.id if result.budget_snapshot else None
    if budget_id is not None and budget_id != asked.budget_id:
        session.budgets.learn(asked.token_digest, budget_id)
    if result.event_id is not None:
        origin = Origin(session.settings.home, asked.token_digest, budget_id or asked.budget_id)
        origins.learn(result.event_id, origin)


def _shown(token: str) -> str:
    return f"{token[:8]}…" if len(token) > 16 else "???"  # noqa: PLR2004 - never more than half of it


def asking(session: Session, given: dict[str, Any]) -> Callable[[], Steps[AuthorizationResult]]:
    """Return what asks for a spending block, from the arguments of ``spend``."""
    own = {"raise_on_denial", "category", "renew_key"}
    arguments = {name: value for name, value in given.items() if name not in own}
    if (category := given["category"]) is not None:
        if arguments["claimed_category"] is not None:
            raise ValueError("category and claimed_category are the same thing; give one of them")
        arguments["claimed_category"] = category
    if given["renew_key"] and given["idempotency_key"] is not None:
        return partial(_authorize_anew, session, given["idempotency_key"], arguments)
    return partial(authorize, session, **arguments)


def _authorize_anew(session: Session, key: str, arguments: dict[str, Any]) -> Steps[AuthorizationResult]:
    """Ask under *key*, or under the first of its successors whose event can still be settled as asked."""
    for attempt in range(1, RENEWALS_MAX + 1):
        arguments["idempotency_key"] = key if attempt == 1 else f"{key}#{attempt}"
        answer = yield from authorize(session, **arguments)
        if answer.current_decision in _TAKEN_BACK:
            continue
        if not (yield from _is_over(session, answer)):
            return answer
    raise FiGuardError(f"the {RENEWALS_MAX} spendings of idempotency key {key!r} were all taken back; use a new key")


def _is_over(session: Session, answer: AuthorizationResult) -> Steps[bool]:
    """Return whether an earlier event's hold has ended unsettled: whoever spends on it now spends what nobody holds."""
    if not answer.replayed or answer.shadow or answer.is_fallback or answer.current_decision != "AUTHORIZED":
        return False
    if answer.event_id is None or not answer.approved_quantity:
        return False
    event = yield from settle.get_event(session, answer.event_id)
    return not event.held_quantity


def authorize_tokens(
    session: Session,
    *,
    estimated_tokens: int,
    model: str,
    description: str | None = None,
    metadata: Mapping[str, Any] | None = None,
    **others: Any,  # noqa: ANN401 - those of authorize
) -> Steps[AuthorizationResult]:
    """Ask before a model is called, in tokens."""
    return authorize(
        session,
        action_type="LLM_CALL",
        amount=exact(estimated_tokens, "estimated_tokens"),
        description=description or f"{model}: about {estimated_tokens} tokens",
        metadata={"model": model, **(metadata or {})},
        **others,
    )
