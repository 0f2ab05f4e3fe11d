"""
From replies and views of tokens and keys to response structs. A secret is shown once, by the reply that made it.
"""

from __future__ import annotations

from figuard.domain.admin import ApiKey
from figuard.domain.instants import Instant
from figuard.domain.replies import ApiKeyReply, TokenReply
from figuard.domain.tokens import Cap, Token
from figuard.domain.views import ApiKeysView, TokensView, TokenView
from figuard.wire.context import Context
from figuard.wire.render.common import money, optional_money, time_text, when
from figuard.wire.responses import ApiKeyResponse, CapResponse, DelegationTokenResponse, ScopeResponse


def token(reply: TokenReply, context: Context) -> DelegationTokenResponse:
    """Return the token, with its secret if it was just made."""
    return _token(reply.token, context.now, reply.secret)


def viewed(view: TokenView, context: Context) -> DelegationTokenResponse:
    """Return the token."""
    return _token(view.token, context.now)


def tokens(view: TokensView, context: Context) -> list[DelegationTokenResponse]:
    """Return several tokens."""
    return [_token(one, context.now) for one in view.tokens]


def _token(token: Token, now: Instant, secret: str | None = None) -> DelegationTokenResponse:
    scope = token.scope
    return DelegationTokenResponse(
        id=token.id,
        parent_budget_id=token.budget_id,
        label=token.label,
        status=_status(token, now),
        session_token=secret,
        session_token_prefix=token.prefix,
        caps=[_cap(cap) for cap in token.caps],
        revoked_at=when(token.revoked_at),
        created_at=time_text(token.created_at),
        kind=token.kind.value,
        scope=ScopeResponse(
            action_types=None if scope.action_types is None else list(scope.action_types),
            categories=None if scope.categories is None else list(scope.categories),
            max_transaction_quantity=optional_money(scope.max_transaction),
            read_only=scope.read_only,
        ),
        expires_at=when(token.expires_at),
        parent_token_id=token.path[0] if token.path else None,
    )


def _status(token: Token, now: Instant) -> str:
    if token.revoked_at is not None:
        return "REVOKED"
    return "ACTIVE" if token.is_live(now) else "EXPIRED"


def _cap(cap: Cap) -> CapResponse:
    return CapResponse(
        id=cap.id,
        category=cap.category,
        total_limit=money(cap.limit),
        quantity_spent=money(cap.balance.spent),
        quantity_reserved=money(cap.balance.reserved),
        available_quantity=money(cap.limit - cap.balance.spent - cap.balance.reserved),
    )


def api_key(reply: ApiKeyReply, context: Context) -> ApiKeyResponse:
    """Return the key, with its secret if it was just made."""
    return _api_key(reply.api_key, context.now, reply.secret)


def api_keys(view: ApiKeysView, context: Context) -> list[ApiKeyResponse]:
    """Return several keys."""
    return [_api_key(one, context.now) for one in view.keys]


def _api_key(key: ApiKey, now: Instant, secret: str | None = None) -> ApiKeyResponse:
    return ApiKeyResponse(
        id=key.id,
        key_prefix=key.prefix,
        description=key.description,
        active=key.is_live(now),
        scope=key.scope.value,
        created_at=time_text(key.created_at),
        last_used_at=when(key.last_used_at),
        expires_at=when(key.expires_at),
        revoked_at=when(key.revoked_at),
        budget_id=key.budget_id,
        raw_key=secret,
    )
