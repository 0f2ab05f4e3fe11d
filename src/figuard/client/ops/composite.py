"""
Several authorizations as one: in a single transaction where one client holds them all, else one after the other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, Protocol, TypedDict, Unpack

from figuard.client.exceptions import FiGuardApiError, FiGuardCompositeError
from figuard.client.models import AuthorizationBatch, AuthorizationResult, SpendEventResponse
from figuard.client.ops.arguments import EventLike, TokenLike
from figuard.client.session import Session, logger
from figuard.client.steps import Invoke, Raised, Steps, value_of
from figuard.domain.amounts import AmountLike
from figuard.domain.valueclass import valueclass
from figuard.host import random_uuid

PARTIAL_DENIAL = "COMPOSITE_PARTIAL_DENIAL"
AUTHORIZE_ERROR = "COMPOSITE_AUTHORIZE_ERROR"
_NO_BATCHES = frozenset({404, 405, 501})
"""What a server answers that does not know batches."""

Unspecified = Literal["error", "zero", "authorized"]


class CompositeOptions(TypedDict, total=False):
    """The further arguments of ``authorize`` that all resources share."""

    currency: str | None
    intent_context: str | None
    entity_id: str | None
    claimed_category: str | None
    claimed_item_type: str | None
    parent_event_id: EventLike | None
    agent_type: str | None
    metadata: Mapping[str, Any] | None
    dry_run: bool
    reserve: bool


class Guarded(Protocol):
    """One resource: which client, which token, what it is called."""

    @property
    def client(self) -> Any:  # noqa: ANN401 - of either colour, or a double
        """A client of either colour, or what has its methods."""
        ...

    @property
    def session_token(self) -> TokenLike:
        """The token of the resource's budget."""
        ...

    @property
    def resource(self) -> str:
        """The resource's name."""
        ...


@valueclass
class CompositeAuthorizationResult:
    """
    The answers of all resources asked, in their order.

    After a denial nothing is held: ``first_denial`` is the answer that denied, and ``authorizations`` may end with it.
    """

    resources: list[str]
    authorizations: list[AuthorizationResult]
    all_authorized: bool
    first_denial: AuthorizationResult | None = None
    first_denial_resource: str | None = None

    def event_ids(self) -> list[str]:
        """Return the ids of the events that were authorized."""
        return [one.event_id for one in self.authorizations if one.is_authorized and one.event_id is not None]


def checked(resources: Sequence[Guarded]) -> list[Guarded]:
    """Return the resources. Raises ``ValueError`` for none, and for two of the same name."""
    if not resources:
        raise ValueError("a composite guard needs at least one resource")
    names = [one.resource for one in resources]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"every resource needs a name of its own, {twice[0]!r} is there twice")
    return list(resources)


def authorize(
    resources: Sequence[Guarded],
    *,
    agent_id: str,
    action_type: str,
    description: str,
    requested: Mapping[str, AmountLike],
    idempotency_key: str | None,
    trace_id: str | None,
    **options: Unpack[CompositeOptions],
) -> Steps[CompositeAuthorizationResult]:
    """Authorize every resource, or hold nothing."""
    _check_names(resources, requested, "requested")
    key = (idempotency_key or "").strip() or random_uuid()
    asks: list[dict[str, Any]] = [
        {
            **options,
            "session_token": one.session_token,
            "agent_id": agent_id,
            "action_type": action_type,
            "description": description,
            "requested_quantity": requested.get(one.resource, 0),
            "idempotency_key": f"{key}:{one.resource}",
            "trace_id": trace_id,
        }
        for one in resources
    ]
    together = _batch_method(resources)
    if together is not None:
        came = yield Invoke(together, {"requests": asks, "all_or_nothing": True})
        if not _is_unknown_there(came):
            return _of_batch(resources, value_of(came))
    return (yield from _one_by_one(resources, asks))


def _batch_method(resources: Sequence[Guarded]) -> Callable[..., Any] | None:
    """Return what authorizes all of them in one transaction, None when they do not share their books."""
    sessions = [getattr(one.client, "_session", None) for one in resources]
    first = sessions[0]
    if not isinstance(first, Session) or first.fallbacks is not None:
        return None
    same = all(isinstance(one, Session) and one.settings.home == first.settings.home for one in sessions)
    return resources[0].client.authorize_many if same else None


def _is_unknown_there(came: object) -> bool:
    error = came.error if isinstance(came, Raised) else None
    # An event or budget that is not there is a 404 too, but only the operation itself can be missing here.
    return isinstance(error, FiGuardApiError) and error.status_code in _NO_BATCHES


def _of_batch(resources: Sequence[Guarded], batch: AuthorizationBatch) -> CompositeAuthorizationResult:
    names = [one.resource for one in resources]
    if batch.all_authorized or batch.first_denied is None:
        return CompositeAuthorizationResult(names, list(batch.results), batch.all_authorized)
    denied, name = batch.results[batch.first_denied], names[batch.first_denied]
    return CompositeAuthorizationResult(
        [name], [denied], all_authorized=False, first_denial=denied, first_denial_resource=name
    )


def _one_by_one(resources: Sequence[Guarded], asks: Sequence[Mapping[str, Any]]) -> Steps[CompositeAuthorizationResult]:
    names: list[str] = []
    answers: list[AuthorizationResult] = []
    for one, ask in zip(resources, asks, strict=True):
        came = yield Invoke(one.client.authorize, ask)
        if isinstance(came, Raised):
            yield from _take_back(resources, answers, AUTHORIZE_ERROR, came.error)
            raise came.error
        answer: AuthorizationResult = came.value
        names.append(one.resource)
        answers.append(answer)
        if not answer.is_authorized:
            yield from _take_back(resources, answers[:-1], PARTIAL_DENIAL, None)
            return CompositeAuthorizationResult(
                names, answers, all_authorized=False, first_denial=answer, first_denial_resource=one.resource
            )
    return CompositeAuthorizationResult(names, answers, all_authorized=True)


def _take_back(
    resources: Sequence[Guarded], answers: Sequence[AuthorizationResult], reason: str, error: Exception | None
) -> Steps[None]:
    for one, answer in zip(resources, answers, strict=False):
        if answer.event_id is None:
            continue
        came = yield Invoke(one.client.void_event, {"event_id": answer.event_id, "reason": reason})
        if isinstance(came, Raised):
            logger.warning("could not void event %s of %s: %s", answer.event_id, one.resource, came.error)
            if error is not None:
                error.add_note(f"FiGuard: event {answer.event_id} of {one.resource} was not voided: {came.error}")


def confirm(
    resources: Sequence[Guarded],
    result: CompositeAuthorizationResult,
    confirmed: Mapping[str, AmountLike],
    *,
    unspecified: Unspecified,
) -> Steps[list[SpendEventResponse]]:
    """Confirm every resource."""
    _check_names(resources, confirmed, "confirmed")
    missing = [name for name in result.resources if name not in confirmed]
    if missing and unspecified == "error":
        raise ValueError(
            f"confirmed says nothing about {', '.join(map(repr, missing))}; name every resource, or say "
            "unspecified='zero' or unspecified='authorized'"
        )
    amounts: dict[str, AmountLike] = {}
    for name, answer in zip(result.resources, result.authorizations, strict=True):
        default = 0 if unspecified == "zero" else answer.approved_quantity or 0
        amounts[name] = confirmed.get(name, default)
    return (yield from _settle(resources, result, "confirm_event", lambda name: {"confirmed_quantity": amounts[name]}))


def fail(
    resources: Sequence[Guarded], result: CompositeAuthorizationResult, reason: str, error_message: str | None
) -> Steps[list[SpendEventResponse]]:
    """Fail every resource."""
    said = {"reason": reason, "error_message": error_message}
    return _settle(resources, result, "fail_event", lambda _: said)


def void(
    resources: Sequence[Guarded], result: CompositeAuthorizationResult, reason: str
) -> Steps[list[SpendEventResponse]]:
    """Void every resource."""
    voids = yield from _settle(resources, result, "void_event", lambda _: {"reason": reason})
    return [one.event for one in voids]


def _settle(
    resources: Sequence[Guarded],
    result: CompositeAuthorizationResult,
    method: str,
    arguments: Callable[[str], Mapping[str, Any]],
) -> Steps[list[Any]]:
    """Settle each, whatever becomes of the others. Raises ``FiGuardCompositeError`` when any failed."""
    clients = {one.resource: one.client for one in resources}
    settled: dict[str, Any] = {}
    failures: dict[str, Exception] = {}
    for name, answer in zip(result.resources, result.authorizations, strict=True):
        if not answer.is_authorized or answer.event_id is None:
            continue
        came = yield Invoke(getattr(clients[name], method), {"event_id": answer.event_id, **arguments(name)})
        if isinstance(came, Raised):
            failures[name] = came.error
        else:
            settled[name] = came.value
    if failures:
        raise FiGuardCompositeError(method, failures, settled)
    return list(settled.values())


def _check_names(resources: Sequence[Guarded], given: Mapping[str, Any], what: str) -> None:
    if unknown := sorted(given.keys() - {one.resource for one in resources}):
        known = ", ".join(repr(one.resource) for one in resources)
        raise ValueError(f"{what} names {unknown[0]!r}, which is no resource of this guard; it has {known}")
