"""
What callers may pass where an id or an amount is wanted, and the one value that becomes of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, TypedDict, TypeVar, cast

from figuard.client.models import AuthorizationResult, Budget, BudgetToken, DelegationToken, SpendEventResponse
from figuard.domain.amounts import AmountLike, decimal_of, quanta
from figuard.wire.requests import RequestBody

Body = TypeVar("Body", bound=RequestBody)
BudgetLike = str | Budget
"""A budget's id, or the budget."""
EventLike = str | AuthorizationResult | SpendEventResponse
"""An event's id, the answer of ``authorize``, or the event."""
TokenLike = str | Budget | BudgetToken | DelegationToken
"""A raw session token, or what carries one: a budget or a token fresh from its creation."""


class AuthorizeArguments(TypedDict, total=False):
    """The arguments of ``authorize``, for ``authorize_many`` as a dictionary each."""

    session_token: TokenLike | None
    agent_id: str
    action_type: str
    description: str
    requested_quantity: AmountLike | None
    idempotency_key: str | None
    currency: str | None
    intent_context: str | None
    entity_id: str | None
    claimed_category: str | None
    claimed_item_type: str | None
    parent_event_id: EventLike | None
    agent_type: str | None
    trace_id: str | None
    metadata: Mapping[str, Any] | None
    max_subtree_quantity: AmountLike | None
    dry_run: bool
    reserve: bool
    budget: TokenLike | None
    amount: AmountLike | None


def given(frame: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments of a method from its fresh ``locals()``, so that a wide signature is written down once."""
    del frame["self"]
    return frame


def budget_id_of(budget: BudgetLike) -> str:
    """Return a budget's id."""
    return budget.id if isinstance(budget, Budget) else budget


def event_id_of(event: EventLike) -> str:
    """Return an event's id. Raises ``ValueError`` for an answer that has none, such as that of a dry run."""
    if isinstance(event, SpendEventResponse):
        return event.id
    if isinstance(event, AuthorizationResult):
        if event.event_id is None:
            raise ValueError("this authorization was a dry run: there is no event to settle")
        return event.event_id
    return event


def token_of(session_token: TokenLike | None, budget: TokenLike | None) -> str:
    """Return the one raw session token that was given. Raises ``ValueError`` for none, and for two different ones."""
    if session_token is None:
        if budget is None:
            raise ValueError("give budget= or session_token=")
        return _raw_token(budget)
    raw = _raw_token(session_token)
    if budget is not None and _raw_token(budget) != raw:
        raise ValueError("budget and session_token name two different tokens; give one of them")
    return raw


def _raw_token(token: TokenLike) -> str:
    raw = token if isinstance(token, str) else token.session_token
    if raw is None:
        raise ValueError(
            f"this {type(token).__name__} carries no session token: only the answer that made it does; "
            "keep that token, or replace it with rotate_session_token"
        )
    if not raw.strip():
        raise ValueError("the session token is blank")
    return raw


def amount_of(amount: AmountLike | None, requested_quantity: AmountLike | None) -> Decimal:
    """Return the one amount that was given. Raises ``ValueError`` for none, for two, and for what is no amount."""
    if amount is not None and requested_quantity is not None:
        raise ValueError("amount and requested_quantity are the same thing; give one of them")
    if amount is None and requested_quantity is None:
        raise ValueError("give amount= or requested_quantity=")
    return exact(requested_quantity if amount is None else amount, "amount")


def exact(value: object, name: str) -> Decimal:
    """Return an amount as an exact ``Decimal``. Raises ``ValueError`` naming it."""
    return decimal_of(quanta(value, name))


def exact_or_none(value: object, name: str) -> Decimal | None:
    """Return an amount as an exact ``Decimal``, None for None. Raises ``ValueError`` naming it."""
    return None if value is None else exact(value, name)


def strings(value: Sequence[str] | None, name: str) -> list[str] | None:
    """Return a list of texts. Raises ``TypeError`` for a single text, which would be taken apart letter by letter."""
    if value is None:
        return None
    if isinstance(value, str):
        raise TypeError(f"{name} must be a list of texts, got the text {value!r}")
    return list(value)


def plain(value: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return a mapping as a dictionary, None for None."""
    return None if value is None else dict(value)


def body_of(kind: type[Body], given: Body | Mapping[str, Any], what: str) -> Body:
    """
    Return a request part from a dictionary whose keys are spelled as on the wire or as in Python.

    Raises ``ValueError`` for a key that is neither: a misspelled limit must not silently be no limit.
    """
    if isinstance(given, kind):
        return given
    attributes = dict(zip(kind.__struct_encode_fields__, kind.__struct_fields__, strict=True))
    members: dict[str, Any] = {}
    for key, value in cast("Mapping[str, Any]", given).items():
        name = attributes.get(key, key)
        if name not in kind.__struct_fields__ or name in members:
            known = ", ".join(attributes)
            raise ValueError(f"{what} has {'twice' if name in members else 'an unknown key'} {key!r}; it takes {known}")
        members[name] = value
    return kind(**members)
