"""
Request bodies that hand out access: delegation tokens, scoped tokens and API keys.
"""

from __future__ import annotations

from typing import ClassVar

from figuard.wire.requests.base import RequestBody, WireAmount


class CapRequest(RequestBody, kw_only=True):
    """How much a delegation token may use of one category."""

    category: str | None = None
    limit: WireAmount | None = None

    required: ClassVar[tuple[str, ...]] = ("category", "limit")


class ScopeRequest(RequestBody, kw_only=True):
    """What a token is for; an absent member is no restriction, an empty list allows nothing."""

    action_types: list[str] | None = None
    categories: list[str] | None = None
    max_transaction_quantity: WireAmount | None = None
    read_only: bool | None = None


class CreateDelegationTokenRequest(RequestBody, kw_only=True):
    """
    Issue a token below a budget or below another token. (``POST /budgets/{budgetId}/delegation-tokens``)

    An empty ``caps`` shares the parent's limit. ``expires_at`` is ISO 8601; without it the token lives as long as
    its parent.
    """

    label: str | None = None
    caps: list[CapRequest] | None = None
    scope: ScopeRequest | None = None
    expires_at: str | None = None
    parent_token_id: str | None = None

    required: ClassVar[tuple[str, ...]] = ("label", "caps")


class CreateScopedTokenRequest(RequestBody, kw_only=True):
    """Derive a token with a narrower purpose. (``POST /budgets/{budgetId}/scoped-tokens``)"""

    label: str | None = None
    scope: ScopeRequest | None = None
    expires_at: str | None = None
    parent_token_id: str | None = None

    required: ClassVar[tuple[str, ...]] = ("label", "scope")


class CreateApiKeyRequest(RequestBody, kw_only=True):
    """
    Issue a key for the caller's tenant. (``POST /api-keys``)

    ``scope`` is agent, operator, admin (default) or read; ``expires_at`` is ISO 8601. ``budget_id`` confines an
    agent's key to that budget: any other is to it as if it did not exist.
    """

    description: str | None = None
    scope: str | None = None
    expires_at: str | None = None
    budget_id: str | None = None
