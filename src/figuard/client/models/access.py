"""
Who may ask, as the client shows it: delegation tokens, scoped tokens and API keys.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class DelegationTokenAllocation:
    """How much a token may use of one category, and what is spent and held of it."""

    id: str
    category: str
    total_limit: Decimal
    quantity_spent: Decimal
    quantity_reserved: Decimal
    available_quantity: Decimal


@dataclass(frozen=True, slots=True)
class TokenScope:
    """What a token is for; None is no restriction. Words are folded to lower case."""

    action_types: list[str] | None = None
    categories: list[str] | None = None
    max_transaction_quantity: Decimal | None = None
    read_only: bool = False


@dataclass(frozen=True, slots=True)
class DelegationToken:
    """
    A token below a budget or below another token.

    With ``caps`` it may use that much of those categories and nothing else; without, it shares its parent's limit.
    ``scope`` restricts what it is for (see ``create_scoped_token``). ``session_token`` is only there in the answer
    that made it.
    """

    id: str
    parent_budget_id: str
    label: str
    status: str
    session_token_prefix: str
    caps: list[DelegationTokenAllocation]
    session_token: str | None = field(default=None, repr=False)
    revoked_at: str | None = None
    created_at: str | None = None
    expires_at: str | None = None
    parent_token_id: str | None = None
    kind: str = "DELEGATION"
    scope: TokenScope | None = None

    @property
    def is_active(self) -> bool:
        """Whether the token opens anything."""
        return self.status == "ACTIVE"

    @property
    def is_revoked(self) -> bool:
        """Whether the token was ended, by itself or with one above it."""
        return self.status == "REVOKED"


@dataclass(frozen=True, slots=True)
class ApiKey:
    """An API key. ``raw_key`` is only there in the answer that made it; ``budget_id`` is the only one it opens."""

    id: str
    key_prefix: str
    active: bool
    description: str | None = None
    created_at: str | None = None
    last_used_at: str | None = None
    raw_key: str | None = field(default=None, repr=False)
    scope: str | None = None
    expires_at: str | None = None
    budget_id: str | None = None
