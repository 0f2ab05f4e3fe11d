"""
From replies and views of budgets to response structs.
"""

from __future__ import annotations

from figuard.domain.budget import Allocation, Budget, status_at
from figuard.domain.instants import Instant
from figuard.domain.replies import BudgetReply, BudgetsReply, FundReply, ReceiptReply, SecretReply
from figuard.domain.views import BudgetsView, BudgetView
from figuard.wire.context import Context
from figuard.wire.render.common import metadata, money, optional_money, page, time_text, when
from figuard.wire.render.spend import allocation_status
from figuard.wire.responses import (
    AllocationResponse,
    BudgetResponse,
    BudgetTokenResponse,
    FundResponse,
    Page,
    ReceiptUrlResponse,
    SessionTokenResponse,
)


def budget(reply: BudgetReply, context: Context) -> BudgetResponse:
    """Return the budget; with its session token if it was just made."""
    identity, token = reply.budget.identity, reply.token
    response = budget_response(reply.budget, reply.now, context.trace_id)
    if reply.secret is not None:
        prefix = token.prefix if token else None
        response.session_token_prefix = prefix
        response.tokens = [
            BudgetTokenResponse(
                category="default",
                session_token=reply.secret,
                session_token_prefix=prefix,
                unit=identity.unit,
                currency=identity.currency,
            )
        ]
    return response


def viewed(view: BudgetView, context: Context) -> BudgetResponse:
    """Return the budget as it stands."""
    return budget_response(view.budget, view.now, context.trace_id)


def budgets(reply: BudgetsReply, _: Context) -> list[BudgetResponse]:
    """Return several budgets."""
    return [budget_response(one, reply.now) for one in reply.budgets]


def budgets_page(view: BudgetsView, _: Context) -> Page[BudgetResponse]:
    """Return a page of budgets."""
    return page(view.budgets, view.total, view.page, view.size, lambda one: budget_response(one, view.now))


def budget_response(budget: Budget, now: Instant, trace_id: str | None = None) -> BudgetResponse:
    """Return a budget as of *now*."""
    identity, policy, funds = budget.identity, budget.policy, budget.funds
    balance, anomaly, velocity = funds.balance, policy.anomaly, policy.velocity
    in_shadow = bool(budget.in_shadow or balance.shadow_spent or balance.shadow_reserved)
    return BudgetResponse(
        id=budget.id,
        user_id=identity.user_id,
        external_reference=identity.external_reference,
        intent_context=identity.intent_context,
        intent_tags=list(policy.intent_tags) or None,
        total_limit=money(funds.limit),
        max_transaction_quantity=optional_money(policy.max_transaction),
        currency=identity.currency,
        unit=identity.unit,
        quantity_spent=money(balance.spent),
        quantity_reserved=money(balance.reserved),
        available_quantity=money(budget.available()),
        soft_limit=optional_money(policy.soft_limit),
        authorization_expiry_seconds=policy.authorization_expiry_seconds,
        velocity_max_per_minute=velocity.per_minute,
        velocity_max_amount_per_hour=optional_money(velocity.amount_per_hour),
        velocity_max_per_day=velocity.per_day,
        entity_dedup_enabled=policy.entity_dedup,
        anomaly_detection_enabled=anomaly.enabled,
        auto_pause_on_anomaly=anomaly.auto_pause,
        anomaly_pause_threshold_multiplier=money(anomaly.multiplier),
        anomaly_min_sample_size=anomaly.min_samples,
        trust_mode=policy.trust_mode.value,
        overage_policy=policy.overage.value,
        overdraft_limit=money(policy.overdraft_limit) if policy.overdraft_limit else None,
        unknown_outcome_policy=policy.unknown_outcome.value,
        unknown_outcome_deadline_seconds=policy.unknown_outcome_seconds,
        expire_unused_after_seconds=policy.unused_expiry_seconds,
        status=status_at(budget, now).value,
        allocations=[_allocation(one) for one in funds.allocations],
        expires_at=when(policy.expires_at),
        cancelled_at=when(budget.cancelled_at),
        created_at=time_text(identity.created_at),
        updated_at=time_text(max(budget.head.at, identity.created_at)),
        entitlement_item_id=identity.item_id,
        subscription_id=identity.subscription_id,
        shadow_quantity_spent=money(balance.shadow_spent) if in_shadow else None,
        shadow_quantity_reserved=money(balance.shadow_reserved) if in_shadow else None,
        metadata=metadata(identity.metadata),
        trace_id=trace_id,
    )


def _allocation(allocation: Allocation) -> AllocationResponse:
    balance = allocation.balance
    return AllocationResponse(
        id=allocation.id,
        category=allocation.category,
        allowed_categories=list(allocation.allowed_categories),
        forbidden_item_types=list(allocation.forbidden_item_types) or None,
        enforcement_mode=allocation.mode.value,
        limit=money(allocation.limit),
        quantity_spent=money(balance.spent),
        quantity_reserved=money(balance.reserved),
        available_quantity=money(allocation.limit - balance.spent - balance.reserved),
        status=allocation_status(allocation),
    )


def funded(reply: FundReply, context: Context) -> FundResponse:
    """Return the budget's figures after funding."""
    funds = reply.budget.funds
    return FundResponse(
        budget_id=reply.budget.id,
        operation=reply.operation.value,
        amount=money(reply.quantity),
        reason=reply.reason,
        previous_total_limit=money(reply.previous_limit),
        total_limit=money(funds.limit),
        quantity_spent=money(funds.balance.spent),
        quantity_reserved=money(funds.balance.reserved),
        available_quantity=money(reply.budget.available()),
        status=status_at(reply.budget, reply.now).value,
        updated_at=time_text(reply.now),
        trace_id=context.trace_id,
    )


def session_token(reply: SecretReply, _: Context) -> SessionTokenResponse:
    """Return the new session token."""
    return SessionTokenResponse(session_token=reply.secret, session_token_prefix=reply.token.prefix)


def receipt(reply: ReceiptReply, context: Context) -> ReceiptUrlResponse:
    """Return where the receipt is."""
    base = context.settings.base_url.rstrip("/")
    return ReceiptUrlResponse(
        receipt_url=f"{base}/receipts/{reply.receipt.token}", expires_at=time_text(reply.receipt.expires_at)
    )
