"""
The operations that hand out access: delegation and scoped tokens, API keys.
"""

from __future__ import annotations

from http import HTTPStatus

from figuard.domain.admin import KeyScope
from figuard.wire import requests as q
from figuard.wire import responses as r
from figuard.wire.operations.base import get, post
from figuard.wire.parse import access as parse
from figuard.wire.render import access as render

ADMIN = KeyScope.ADMIN

ACCESS = (
    post(
        "create_delegation_token",
        "/budgets/{budgetId}/delegation-tokens",
        "Issue a token with caps below a budget or below another token.",
        q.CreateDelegationTokenRequest,
        r.DelegationTokenResponse,
        parse.create_delegation,
        render.token,
        status=HTTPStatus.CREATED,
    ),
    post(
        "create_scoped_token",
        "/budgets/{budgetId}/scoped-tokens",
        "Derive a token for fewer actions, categories or amounts, or for reading only.",
        q.CreateScopedTokenRequest,
        r.DelegationTokenResponse,
        parse.create_scoped,
        render.token,
        status=HTTPStatus.CREATED,
    ),
    get(
        "list_delegation_tokens",
        "/budgets/{budgetId}/delegation-tokens",
        "List the delegation and scoped tokens of a budget.",
        list[r.DelegationTokenResponse],
        parse.list_delegations,
        render.tokens,
    ),
    get(
        "get_delegation_token",
        "/delegation-tokens/{tokenId}",
        "Read one delegation or scoped token.",
        r.DelegationTokenResponse,
        parse.get_delegation,
        render.viewed,
    ),
    post(
        "rotate_delegation_token",
        "/delegation-tokens/{tokenId}/rotate",
        "Replace the secret of a delegation or scoped token.",
        None,
        r.DelegationTokenResponse,
        parse.rotate_delegation,
        render.token,
    ),
    post(
        "revoke_delegation_token",
        "/delegation-tokens/{tokenId}",
        "End a token and every token below it.",
        None,
        r.DelegationTokenResponse,
        parse.revoke_delegation,
        render.token,
        method="DELETE",
        idempotent=True,
    ),
    get(
        "list_api_keys",
        "/api-keys",
        "List the tenant's API keys, newest first.",
        list[r.ApiKeyResponse],
        parse.list_api_keys,
        render.api_keys,
        scope=ADMIN,
    ),
    post(
        "create_api_key",
        "/api-keys",
        "Issue an API key.",
        q.CreateApiKeyRequest,
        r.ApiKeyResponse,
        parse.create_api_key,
        render.api_key,
        scope=ADMIN,
        status=HTTPStatus.CREATED,
    ),
    post(
        "revoke_api_key",
        "/api-keys/{keyId}/revoke",
        "End an API key.",
        None,
        r.ApiKeyResponse,
        parse.revoke_api_key,
        render.api_key,
        scope=ADMIN,
        idempotent=True,
    ),
    post(
        "rotate_api_key",
        "/api-keys/{keyId}/rotate",
        "Replace an API key by a new one; the old one ends at once.",
        None,
        r.ApiKeyResponse,
        parse.rotate_api_key,
        render.api_key,
        scope=ADMIN,
    ),
)
"""Tokens and keys."""
