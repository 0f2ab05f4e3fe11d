"""
From a request about tokens and keys to its command or question.
"""

from __future__ import annotations

from figuard.domain.admin import KeyScope
from figuard.domain.commands import (
    CreateApiKey,
    Delegate,
    Revoke,
    RevokeApiKey,
    RotateApiKey,
    RotateDelegation,
)
from figuard.domain.questions import GetDelegation, ListApiKeys, ListDelegations
from figuard.domain.tokens import Cap, Scope, fold
from figuard.wire import limits
from figuard.wire.context import Call, Context
from figuard.wire.parse import fields
from figuard.wire.parse.fields import Faults
from figuard.wire.parse.path import path_id
from figuard.wire.requests import (
    CapRequest,
    CreateApiKeyRequest,
    CreateDelegationTokenRequest,
    CreateScopedTokenRequest,
    ScopeRequest,
)


def create_delegation(call: Call, context: Context) -> Delegate:
    """Return the command for a token with caps. Raises ``Refusal``."""
    body: CreateDelegationTokenRequest = call.body
    faults = Faults(call.faults or ())
    caps = fields.things(faults, "caps", body.caps, _cap, limits.CAPS_MAX, CapRequest)
    if caps is None:
        faults.add("caps", "is required; an empty list shares the parent's limit")
    seen: set[str] = set()
    for index, cap in enumerate(caps or ()):
        if cap.category in seen:
            faults.add(f"caps[{index}].category", f"{cap.category!r} is listed twice")
        seen.add(cap.category)
    return _delegate(faults, call, context, body, caps or (), scoped=False)


def create_scoped(call: Call, context: Context) -> Delegate:
    """Return the command for a token with a narrower purpose. Raises ``Refusal``."""
    body: CreateScopedTokenRequest = call.body
    faults = Faults(call.faults or ())
    if body.scope is None:
        faults.add("scope", fields.REQUIRED)
    return _delegate(faults, call, context, body, (), scoped=True)


def _delegate(
    faults: Faults,
    call: Call,
    context: Context,
    body: CreateDelegationTokenRequest | CreateScopedTokenRequest,
    caps: tuple[Cap, ...],
    *,
    scoped: bool,
) -> Delegate:
    label = fields.text(faults, "label", body.label)
    expires_at = fields.future(faults, "expiresAt", body.expires_at, context.now)
    parent_id = fields.uuid(faults, "parentTokenId", body.parent_token_id)
    scope = _scope(faults, body.scope)
    faults.check()
    return Delegate(
        budget_id=path_id(call, "budgetId", "budget"),
        label=label,
        caps=caps,
        scope=scope,
        expires_at=expires_at,
        parent_token_id=parent_id,
        scoped=scoped,
    )


def _cap(faults: Faults, at: str, body: CapRequest) -> Cap:
    category = fields.text(faults, f"{at}.category", body.category)
    return Cap(id="", category=fold(category), limit=fields.amount(faults, f"{at}.limit", body.limit))


def _scope(faults: Faults, body: ScopeRequest | None) -> Scope:
    if body is None:
        return Scope()
    return Scope(
        action_types=_folded(faults, "scope.actionTypes", body.action_types),
        categories=_folded(faults, "scope.categories", body.categories),
        max_transaction=fields.optional_amount(faults, "scope.maxTransactionQuantity", body.max_transaction_quantity),
        read_only=fields.flag(faults, "scope.readOnly", body.read_only, default=False),
    )


def _folded(faults: Faults, name: str, value: object) -> tuple[str, ...] | None:
    found = fields.words(faults, name, value)
    return None if found is None else tuple(dict.fromkeys(fold(word) for word in found))


def list_delegations(call: Call, _: Context) -> ListDelegations:
    """Return the question. Raises ``Refusal``."""
    return ListDelegations(path_id(call, "budgetId", "budget"))


def get_delegation(call: Call, _: Context) -> GetDelegation:
    """Return the question. Raises ``Refusal``."""
    return GetDelegation(_token_id(call))


def rotate_delegation(call: Call, _: Context) -> RotateDelegation:
    """Return the command. Raises ``Refusal``."""
    return RotateDelegation(_token_id(call))


def revoke_delegation(call: Call, _: Context) -> Revoke:
    """Return the command. Raises ``Refusal``."""
    return Revoke(_token_id(call))


def _token_id(call: Call) -> str:
    return path_id(call, "tokenId", "delegation token")


def create_api_key(call: Call, context: Context) -> CreateApiKey:
    """Return the command. Raises ``Refusal``."""
    body: CreateApiKeyRequest = call.body
    faults = Faults(call.faults or ())
    description = fields.optional_text(faults, "description", body.description)
    scope = fields.choice(faults, "scope", body.scope, KeyScope, KeyScope.ADMIN)
    expires_at = fields.future(faults, "expiresAt", body.expires_at, context.now)
    budget_id = fields.uuid(faults, "budgetId", body.budget_id)
    if budget_id is not None and scope is not KeyScope.AGENT:
        faults.add("budgetId", "confines keys of scope agent only; send that scope, or leave the budget out")
    faults.check()
    return CreateApiKey(description, scope, expires_at, budget_id)


def list_api_keys(_call: Call, _context: Context) -> ListApiKeys:
    """Return the question."""
    return ListApiKeys()


def revoke_api_key(call: Call, _: Context) -> RevokeApiKey:
    """Return the command. Raises ``Refusal``."""
    return RevokeApiKey(path_id(call, "keyId", "API key"))


def rotate_api_key(call: Call, _: Context) -> RotateApiKey:
    """Return the command. Raises ``Refusal``."""
    return RotateApiKey(path_id(call, "keyId", "API key"))
