"""
Handing out access: delegation tokens, scoped tokens, API keys.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from figuard.client import decode
from figuard.client.context import digest
from figuard.client.expiry import ExpiresAt, ExpiresIn, expiry
from figuard.client.models import ApiKey, DelegationToken
from figuard.client.ops.arguments import BudgetLike, body_of, budget_id_of, exact_or_none, strings
from figuard.client.session import Session, perform
from figuard.client.steps import Steps
from figuard.domain.amounts import AmountLike
from figuard.wire.requests import (
    CapRequest,
    CreateApiKeyRequest,
    CreateDelegationTokenRequest,
    CreateScopedTokenRequest,
    ScopeRequest,
)

Caps = Sequence[Mapping[str, Any] | CapRequest] | Mapping[str, AmountLike]
"""How much of which category: ``[{"category": "flights", "limit": 300}]`` or ``{"flights": 300}``."""


def create_delegation(
    session: Session,
    budget_id: BudgetLike,
    label: str,
    caps: Caps,
    *,
    expires_at: ExpiresAt | None,
    expires_in: ExpiresIn | None,
    parent_token_id: str | None,
    scope: Mapping[str, Any] | ScopeRequest | None,
) -> Steps[DelegationToken]:
    """Issue a token below a budget or below another token."""
    body = CreateDelegationTokenRequest(
        label=label,
        caps=_caps(caps),
        scope=None if scope is None else _scope(scope),
        expires_at=_end(session, expires_at, expires_in),
        parent_token_id=parent_token_id,
    )
    path = {"budgetId": budget_id_of(budget_id)}
    answer = yield from perform(session, "create_delegation_token", path=path, body=body)
    return _learned(session, decode.delegation(answer.value))


def create_scoped(
    session: Session,
    budget_id: BudgetLike,
    label: str,
    *,
    action_types: Sequence[str] | None,
    categories: Sequence[str] | None,
    max_transaction_quantity: AmountLike | None,
    read_only: bool,
    expires_at: ExpiresAt | None,
    expires_in: ExpiresIn | None,
    parent_token_id: str | None,
) -> Steps[DelegationToken]:
    """Derive a token with a narrower purpose."""
    scope = ScopeRequest(
        action_types=strings(action_types, "action_types"),
        categories=strings(categories, "categories"),
        max_transaction_quantity=max_transaction_quantity,
        read_only=read_only or None,
    )
    body = CreateScopedTokenRequest(
        label=label,
        scope=_scope(scope),
        expires_at=_end(session, expires_at, expires_in),
        parent_token_id=parent_token_id,
    )
    path = {"budgetId": budget_id_of(budget_id)}
    answer = yield from perform(session, "create_scoped_token", path=path, body=body)
    return _learned(session, decode.delegation(answer.value))


def _caps(given: Caps) -> list[CapRequest]:
    if isinstance(given, Mapping):
        caps = [CapRequest(category=category, limit=limit) for category, limit in given.items()]
    else:
        caps = [body_of(CapRequest, one, f"caps[{position}]") for position, one in enumerate(given)]
    for cap in caps:
        cap.limit = exact_or_none(cap.limit, f"the limit of cap {cap.category!r}")
    return caps


def _scope(given: Mapping[str, Any] | ScopeRequest) -> ScopeRequest:
    scope = body_of(ScopeRequest, given, "scope")
    scope.action_types = strings(scope.action_types, "action_types")
    scope.categories = strings(scope.categories, "categories")
    scope.max_transaction_quantity = exact_or_none(scope.max_transaction_quantity, "max_transaction_quantity")
    return scope


def _end(session: Session, expires_at: ExpiresAt | None, expires_in: ExpiresIn | None) -> str | None:
    return expiry(expires_at, expires_in, now=session.now(), may_be_never=True)


def _learned(session: Session, token: DelegationToken) -> DelegationToken:
    if token.session_token is not None:
        session.budgets.learn(digest(token.session_token), token.parent_budget_id)
    return token


def list_delegations(session: Session, budget: BudgetLike) -> Steps[list[DelegationToken]]:
    """Read the tokens of a budget."""
    answer = yield from perform(session, "list_delegation_tokens", path={"budgetId": budget_id_of(budget)})
    return decode.delegations(answer.value)


def get_delegation(session: Session, token: str | DelegationToken) -> Steps[DelegationToken]:
    """Read one token."""
    return _on_token(session, "get_delegation_token", token)


def rotate_delegation(session: Session, token: str | DelegationToken) -> Steps[DelegationToken]:
    """Replace the secret of a token."""
    return _on_token(session, "rotate_delegation_token", token)


def revoke_delegation(session: Session, token: str | DelegationToken) -> Steps[DelegationToken]:
    """End a token and every token below it."""
    return _on_token(session, "revoke_delegation_token", token)


def _on_token(session: Session, name: str, token: str | DelegationToken) -> Steps[DelegationToken]:
    token_id = token.id if isinstance(token, DelegationToken) else token
    answer = yield from perform(session, name, path={"tokenId": token_id})
    return _learned(session, decode.delegation(answer.value))


def list_api_keys(session: Session) -> Steps[list[ApiKey]]:
    """Read all keys."""
    answer = yield from perform(session, "list_api_keys")
    return decode.api_keys(answer.value)


def create_api_key(
    session: Session,
    description: str | None,
    *,
    scope: str | None,
    expires_at: ExpiresAt | None,
    expires_in: ExpiresIn | None,
    budget: BudgetLike | None,
) -> Steps[ApiKey]:
    """Issue a key."""
    end = _end(session, expires_at, expires_in)
    budget_id = None if budget is None else budget_id_of(budget)
    body = CreateApiKeyRequest(description=description, scope=scope, expires_at=end, budget_id=budget_id)
    answer = yield from perform(session, "create_api_key", body=body)
    return decode.api_key(answer.value)


def revoke_api_key(session: Session, key_id: str) -> Steps[ApiKey]:
    """End a key."""
    answer = yield from perform(session, "revoke_api_key", path={"keyId": key_id})
    return decode.api_key(answer.value)


def rotate_api_key(session: Session, key_id: str) -> Steps[ApiKey]:
    """Replace a key by a new one."""
    answer = yield from perform(session, "rotate_api_key", path={"keyId": key_id})
    return decode.api_key(answer.value)
