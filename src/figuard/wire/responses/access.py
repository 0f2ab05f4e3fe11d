"""
Response bodies of what gives access: delegation tokens, scoped tokens, API keys.
"""

from __future__ import annotations

from decimal import Decimal

from figuard.wire.responses.base import FullBody, SparseBody


class CapResponse(FullBody, kw_only=True):
    """How much a token may use of one category (folded to lower case), and what is used."""

    id: str
    category: str
    total_limit: Decimal
    quantity_spent: Decimal
    quantity_reserved: Decimal
    available_quantity: Decimal


class ScopeResponse(FullBody, kw_only=True):
    """What a token is for; null is no restriction. Words are folded to lower case."""

    action_types: list[str] | None = None
    categories: list[str] | None = None
    max_transaction_quantity: Decimal | None = None
    read_only: bool = False


class DelegationTokenResponse(FullBody, kw_only=True):
    """
    A delegation or scoped token.

    ``session_token`` is there only in the answer that made or rotated it. ``status`` is ACTIVE, REVOKED or EXPIRED.
    """

    id: str
    parent_budget_id: str
    label: str
    status: str
    session_token: str | None = None
    session_token_prefix: str
    caps: list[CapResponse]
    revoked_at: str | None = None
    created_at: str | None = None
    kind: str = "DELEGATION"
    scope: ScopeResponse | None = None
    expires_at: str | None = None
    parent_token_id: str | None = None


class ApiKeyResponse(SparseBody, kw_only=True):
    """An API key; ``raw_key`` is there only in the answer that created it."""

    id: str
    key_prefix: str
    description: str | None = None
    active: bool
    scope: str | None = None
    created_at: str | None = None
    last_used_at: str | None = None
    expires_at: str | None = None
    revoked_at: str | None = None
    budget_id: str | None = None
    raw_key: str | None = None
