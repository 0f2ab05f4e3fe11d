"""
Handing out access: delegation tokens, scoped tokens, API keys.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from figuard.client.expiry import ExpiresAt, ExpiresIn
from figuard.client.models import ApiKey, DelegationToken
from figuard.client.ops import access as ops
from figuard.client.ops.access import Caps
from figuard.client.ops.arguments import BudgetLike
from figuard.client.sync.core import Core, given
from figuard.domain.amounts import AmountLike


class Access(Core):
    """What can be done with tokens and keys."""

    def create_delegation_token(
        self,
        budget_id: BudgetLike,
        label: str,
        caps: Caps = (),
        *,
        expires_at: ExpiresAt | None = None,
        expires_in: ExpiresIn | None = None,
        parent_token_id: str | None = None,
        scope: Mapping[str, Any] | None = None,
    ) -> DelegationToken:
        """
        Issue a token below a budget, or below another token, and return it with its secret, shown this once.

        ``caps`` say how much of which category: ``[{"category": "flights", "limit": 300}]`` or ``{"flights": 300}``.
        With caps every other category is denied; without, the token shares its parent's limit. It never exceeds its
        parent: below a token that ends, it needs an end of its own. ``scope`` restricts it like
        ``create_scoped_token``. A live token of the same label is returned instead, without its secret.
        """
        return self._run(ops.create_delegation(self._session, **given(locals())))

    def create_scoped_token(
        self,
        budget_id: BudgetLike,
        label: str,
        *,
        action_types: Sequence[str] | None = None,
        categories: Sequence[str] | None = None,
        max_transaction_quantity: AmountLike | None = None,
        read_only: bool = False,
        expires_at: ExpiresAt | None = None,
        expires_in: ExpiresIn | None = None,
        parent_token_id: str | None = None,
    ) -> DelegationToken:
        """
        Derive a token with a narrower purpose and return it with its secret, shown this once.

        It may be used for these action types and categories only, up to so much at a time; None is no restriction.
        A ``read_only`` token never authorizes.
        """
        return self._run(ops.create_scoped(self._session, **given(locals())))

    def list_delegation_tokens(self, budget_id: BudgetLike) -> list[DelegationToken]:
        """Return the delegation and scoped tokens of a budget, oldest first, without secrets."""
        return self._run(ops.list_delegations(self._session, budget_id))

    def get_delegation_token(self, token_id: str | DelegationToken) -> DelegationToken:
        """Return a token and what is used of its caps, without its secret."""
        return self._run(ops.get_delegation(self._session, token_id))

    def rotate_delegation_token(self, token_id: str | DelegationToken) -> DelegationToken:
        """Replace a token's secret and return it with the new one, shown this once."""
        return self._run(ops.rotate_delegation(self._session, token_id))

    def revoke_delegation_token(self, token_id: str | DelegationToken) -> DelegationToken:
        """End a token and every token below it. Open holds can still be settled. Repeating it is harmless."""
        return self._run(ops.revoke_delegation(self._session, token_id))

    def list_api_keys(self) -> list[ApiKey]:
        """Return all API keys, newest first, without their secrets."""
        return self._run(ops.list_api_keys(self._session))

    def create_api_key(
        self,
        description: str | None = None,
        *,
        scope: str | None = None,
        expires_at: ExpiresAt | None = None,
        expires_in: ExpiresIn | None = None,
        budget: BudgetLike | None = None,
    ) -> ApiKey:
        """
        Issue an API key and return it with its secret (``raw_key``), shown this once.

        ``scope`` is "agent" (authorize and settle), "operator" (run budgets), "admin" (the default) or "read". With
        *budget* an agent's key is good for that budget alone: every other is to it as if it did not exist.
        """
        return self._run(ops.create_api_key(self._session, **given(locals())))

    def revoke_api_key(self, key_id: str) -> ApiKey:
        """End an API key. Repeating it is harmless."""
        return self._run(ops.revoke_api_key(self._session, key_id))

    def rotate_api_key(self, key_id: str) -> ApiKey:
        """Replace an API key at once by a new one, returned with its secret. 409 for a revoked key."""
        return self._run(ops.rotate_api_key(self._session, key_id))
