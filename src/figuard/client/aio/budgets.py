# Generated from src/figuard/client/sync/budgets.py by tools/generate_async_client.py: change that file, then run
# `make generate`.
# ruff: noqa: FBT001, FBT002 - the published signatures
"""
Budgets: create, read, change, fund, end.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from figuard.client.aio.core import Core, given
from figuard.client.expiry import ExpiresAt, ExpiresIn
from figuard.client.models import Budget, BudgetFundingResult, BudgetPage
from figuard.client.ops import budgets as ops
from figuard.client.ops.arguments import BudgetLike
from figuard.domain.amounts import AmountLike


class Budgets(Core):
    """What can be done with budgets."""

    async def create_budget(
        self,
        user_id: str,
        total_limit: AmountLike,
        expires_at: ExpiresAt | None = None,
        expires_in: ExpiresIn | None = None,
        currency: str | None = None,
        unit: str | None = None,
        intent_context: str | None = None,
        intent_tags: Sequence[str] | None = None,
        external_reference: str | None = None,
        soft_limit: AmountLike | None = None,
        max_transaction_quantity: AmountLike | None = None,
        authorization_expiry_seconds: int | None = None,
        velocity_max_per_minute: int | None = None,
        velocity_max_amount_per_hour: AmountLike | None = None,
        velocity_max_per_day: int | None = None,
        anomaly_detection_enabled: bool = False,
        auto_pause_on_anomaly: bool = True,
        entity_dedup_enabled: bool = False,
        allocations: Sequence[Mapping[str, Any]] | None = None,
        metadata: Mapping[str, Any] | None = None,
        trust_mode: str | None = None,
        *,
        overage_policy: str | None = None,
        overdraft_limit: AmountLike | None = None,
        unknown_outcome_policy: str | None = None,
        unknown_outcome_deadline_seconds: int | None = None,
        expire_unused_after_seconds: int | None = None,
        entitlement_item_id: str | None = None,
        anomaly_pause_threshold_multiplier: AmountLike | None = None,
        anomaly_min_sample_size: int | None = None,
        idempotency_key: str | None = None,
    ) -> Budget:
        """
        Create a budget of *total_limit* and return it with its session token, which is shown this once.

        ``currency`` (3 letters, USD unless given) or ``unit`` ("tokens", "api_calls") says what amounts count. Give
        ``expires_at`` or ``expires_in``; embedded, neither means never. ``authorization_expiry_seconds`` is how long
        a hold lasts. ``allocations`` divide the budget: dictionaries with ``category``, ``limit`` and optionally
        ``enforcementMode`` (OPEN, CATEGORY_CONSTRAINED, STRICT), ``allowedCategories``, ``forbiddenItemTypes``.
        ``trust_mode`` "SHADOW" records what would have been decided and never blocks.

        With ``external_reference`` a live budget of the same reference and terms is returned instead, without a
        token; other terms are an error (409). ``overage_policy`` rules confirmations above the hold: REJECT,
        ALLOW_IF_AVAILABLE (default), or ALLOW_WITH_OVERDRAFT up to ``overdraft_limit``. A hold of unknown outcome
        stays (HOLD) or becomes CONFIRM or VOID at ``unknown_outcome_deadline_seconds``.
        """
        return await self._run(ops.create(self._session, **given(locals())))

    async def create_token_budget(
        self,
        *,
        model: str,
        max_tokens: int,
        expires_at: ExpiresAt | None = None,
        expires_in: ExpiresIn | None = None,
        intent_context: str | None = None,
        user_id: str = "agent",
        external_reference: str | None = None,
        allocations: Sequence[Mapping[str, Any]] | None = None,
        metadata: Mapping[str, Any] | None = None,
        idempotency_key: str | None = None,
    ) -> Budget:
        """
        Create a budget of *max_tokens* tokens for one *model*.

        As ``create_budget`` with the unit "tokens"; ``metadata["model"]`` is the model unless it is given.
        """
        return await self._run(ops.create_for_tokens(self._session, **given(locals())))

    async def get_budget(self, budget_id: BudgetLike) -> Budget:
        """Return a budget as it stands, without its token."""
        return await self._run(ops.get(self._session, budget_id))

    async def list_budgets(
        self,
        page: int = 0,
        size: int = 20,
        status: str | None = None,
        user_id: str | None = None,
        include_cancelled: bool = False,
    ) -> BudgetPage:
        """
        Return a page of budgets, newest first. ``page`` counts from 0, ``size`` is at most 500.

        ``status`` is compared with the stored one: ACTIVE, PAUSED or CANCELLED. Cancelled budgets are left out
        unless asked for.
        """
        return await self._run(ops.find(self._session, **given(locals())))

    def iter_budgets(
        self,
        status: str | None = None,
        user_id: str | None = None,
        include_cancelled: bool = False,
        page_size: int = 100,
    ) -> AsyncIterator[Budget]:
        """Go through all budgets, newest first, one page at a time."""
        return self._iterate(ops.pages(self._session, **given(locals())))

    async def search_budgets(
        self, text: str, page: int = 0, size: int = 20, status: str | None = None, include_cancelled: bool = False
    ) -> BudgetPage:
        """Return a page of budgets whose user id, external reference or id contains *text*."""
        return await self._run(ops.find(self._session, **given(locals())))

    async def update_budget(
        self,
        budget_id: BudgetLike,
        trust_mode: str | None = None,
        total_limit: AmountLike | None = None,
        velocity_max_per_minute: int | None = None,
        velocity_max_amount_per_hour: AmountLike | None = None,
        velocity_max_per_day: int | None = None,
        expires_at: ExpiresAt | None = None,
        status: str | None = None,
        *,
        expires_in: ExpiresIn | None = None,
        soft_limit: AmountLike | None = None,
        max_transaction_quantity: AmountLike | None = None,
        clear: Sequence[str] = (),
    ) -> Budget:
        """
        Change a budget's rules. What is None stays as it is; *clear* names rules to take away.

        ``trust_mode`` is FULL_ENFORCEMENT or SHADOW, ``status`` ACTIVE or PAUSED. The velocity limits, ``soft_limit``
        and ``max_transaction_quantity`` can be cleared.
        """
        return await self._run(ops.update(self._session, **given(locals())))

    async def pause_budget(self, budget_id: BudgetLike) -> Budget:
        """Stop a budget from authorizing until it is resumed. Open holds can still be settled."""
        return await self._run(ops.update(self._session, budget_id, status="PAUSED"))

    async def resume_budget(
        self, budget_id: BudgetLike, override_reason: str, override_by: str | None = None
    ) -> Budget:
        """Let a paused budget authorize again, for the record with a reason and a name. 409 unless it is paused."""
        return await self._run(ops.resume(self._session, budget_id, override_reason, override_by))

    async def extend_budget(
        self, budget_id: BudgetLike, expires_at: ExpiresAt | None = None, expires_in: ExpiresIn | None = None
    ) -> Budget:
        """Let a budget live until later. 400 for an earlier end, 409 for a cancelled or exhausted budget."""
        return await self._run(ops.extend(self._session, budget_id, expires_at, expires_in))

    async def cancel_budget(self, budget_id: BudgetLike) -> Budget:
        """End a budget for good. Open holds can still be settled. 400 when it has ended already."""
        return await self._run(ops.cancel(self._session, budget_id))

    async def cancel_batch(self, budget_ids: Sequence[BudgetLike]) -> list[Budget]:
        """End up to 100 budgets. Ended ones come back as they are, unknown ones not at all."""
        return await self._run(ops.cancel_batch(self._session, budget_ids))

    async def fund_budget(
        self,
        budget_id: BudgetLike,
        operation: str,
        amount: AmountLike,
        reason: str | None = None,
        *,
        idempotency_key: str | None = None,
    ) -> BudgetFundingResult:
        """
        Change what a budget may spend: CREDIT adds to the limit, DEBIT takes away, RESET sets it, and RESET_SPENT
        sets it and starts spending from zero.

        400 when the limit would be below what is spent; 409 for a cancelled or exhausted budget.
        """
        return await self._run(ops.fund(self._session, budget_id, operation, amount, reason, idempotency_key))

    async def rotate_session_token(self, budget_id: BudgetLike) -> str:
        """Replace a budget's session token and return the new one, shown this once. The old works 60 s longer."""
        return await self._run(ops.rotate_session_token(self._session, budget_id))
