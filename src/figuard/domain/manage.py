"""
Operations on a budget itself: what funding, a patch, pausing, resuming, cancelling and extending change.

Each function returns the ``BudgetChange`` that the ledger records, or refuses. ``books.changed`` applies it.
"""

from __future__ import annotations

from figuard.domain.amounts import AMOUNT_MAX, text
from figuard.domain.books import BudgetChange, EntryKind
from figuard.domain.budget import Budget, Status, has_expired_unused, status_at
from figuard.domain.codes import ErrorCode
from figuard.domain.commands import FundingOperation, PolicyPatch
from figuard.domain.instants import Instant
from figuard.domain.instants import text as time_text
from figuard.domain.refusal import Refusal
from figuard.domain.valueclass import replace


def funded(budget: Budget, operation: FundingOperation, quantity: int) -> BudgetChange:
    """Return the change that funding makes. Raises ``Refusal`` when the limit would fall below what is used."""
    if budget.status is Status.CANCELLED:
        raise _state(budget, "fund it")
    if operation is FundingOperation.RESET_SPENT:
        _check_limit(budget, quantity, budget.funds.balance.reserved, "amount")
        return BudgetChange(limit=quantity, resets_spending=True)
    limit = {
        FundingOperation.CREDIT: budget.funds.limit + quantity,
        FundingOperation.DEBIT: budget.funds.limit - quantity,
        FundingOperation.RESET: quantity,
    }[operation]
    if limit > AMOUNT_MAX:
        raise Refusal(
            ErrorCode.INVALID_REQUEST, f"amount: the limit of budget {budget.id} would pass {text(AMOUNT_MAX)}"
        )
    if operation is not FundingOperation.CREDIT:
        _check_limit(budget, limit, budget.funds.balance.spent + budget.funds.balance.reserved, "amount")
    return BudgetChange(limit=limit)


def _check_limit(budget: Budget, limit: int, used: int, field: str) -> None:
    divided = sum(allocation.limit for allocation in budget.funds.allocations)
    # Raising the limit of an overdrawn budget is the remedy, not the fault.
    if limit < used and limit <= budget.funds.limit:
        balance = budget.funds.balance
        raise Refusal(
            ErrorCode.INVALID_REQUEST,
            f"{field}: totalLimit {text(limit)} of budget {budget.id} would be below what is used "
            f"(quantitySpent {text(balance.spent)}, quantityReserved {text(balance.reserved)})",
        )
    if limit <= 0:
        raise Refusal(ErrorCode.INVALID_REQUEST, f"{field}: the limit of budget {budget.id} must stay above zero")
    if limit < divided:
        raise Refusal(
            ErrorCode.INVALID_REQUEST,
            f"{field}: totalLimit {text(limit)} of budget {budget.id} would be below the sum of its allocations "
            f"({text(divided)})",
        )


def patched(budget: Budget, patch: PolicyPatch) -> tuple[EntryKind, BudgetChange]:
    """Return the change that a patch makes, and what to call it. Raises ``Refusal`` for one that cannot be."""
    if budget.status is Status.CANCELLED:
        raise _state(budget, "change it")
    policy = budget.policy
    velocity = replace(
        policy.velocity,
        per_minute=_new(patch, "velocity_per_minute", policy.velocity.per_minute),
        amount_per_hour=_new(patch, "velocity_amount_per_hour", policy.velocity.amount_per_hour),
        per_day=_new(patch, "velocity_per_day", policy.velocity.per_day),
    )
    if patch.limit is not None:
        used = budget.funds.balance.spent + budget.funds.balance.reserved
        _check_limit(budget, patch.limit, used, "totalLimit")
    changed = replace(
        policy,
        trust_mode=patch.trust_mode or policy.trust_mode,
        expires_at=patch.expires_at if patch.expires_at is not None else policy.expires_at,
        velocity=velocity,
        soft_limit=_new(patch, "soft_limit", policy.soft_limit),
        max_transaction=_new(patch, "max_transaction", policy.max_transaction),
    )
    status = None
    kind = EntryKind.BUDGET_UPDATED
    if patch.paused is True and budget.status is Status.ACTIVE:
        status, kind = Status.PAUSED, EntryKind.BUDGET_PAUSED
    elif patch.paused is False and budget.status is Status.PAUSED:
        status, kind = Status.ACTIVE, EntryKind.BUDGET_RESUMED
    return kind, BudgetChange(policy=changed if changed != policy else None, status=status, limit=patch.limit)


def _new(patch: PolicyPatch, field: str, present: int | None) -> int | None:
    if field in patch.cleared:
        return None
    given: int | None = getattr(patch, field)
    return present if given is None else given


def resumed(budget: Budget) -> BudgetChange:
    """Return the change that lets a paused budget spend again. Raises ``Refusal`` unless it is paused."""
    if budget.status is not Status.PAUSED:
        raise _state(budget, "resume it; only a paused budget can be")
    return BudgetChange(status=Status.ACTIVE)


def cancelled(budget: Budget, now: Instant) -> BudgetChange:
    """Return the change that ends a budget for good; holds stay and can be settled. Raises ``Refusal``."""
    status = status_at(budget, now)
    if status in {Status.CANCELLED, Status.EXPIRED}:
        raise Refusal(ErrorCode.INVALID_REQUEST, f"budget {budget.id} is {status}, so you cannot cancel it")
    return BudgetChange(status=Status.CANCELLED, cancelled_at=now)


def extended(budget: Budget, expires_at: Instant, now: Instant) -> BudgetChange:
    """
    Return the change that lets a budget live until *expires_at*. Raises ``Refusal`` unless that is later.

    A budget that expired because nobody used it lives again, and does not end for that reason any more.
    """
    if budget.status in {Status.CANCELLED, Status.EXPIRED}:
        raise _state(budget, "extend it")
    present = budget.policy.expires_at
    if has_expired_unused(budget, now):
        present = now
    if present is None or expires_at <= present:
        until = "for ever" if present is None else f"until {time_text(present)}"
        raise Refusal(
            ErrorCode.INVALID_REQUEST,
            f"expiresAt: budget {budget.id} lives {until} already; {time_text(expires_at)} is not later",
        )
    longer = replace(budget.policy, expires_at=expires_at)
    if has_expired_unused(budget, now):
        longer = replace(longer, unused_expiry_seconds=None)
    return BudgetChange(policy=longer)


def _state(budget: Budget, wish: str) -> Refusal:
    return Refusal(ErrorCode.BUDGET_STATE_CONFLICT, f"budget {budget.id} is {budget.status}, so you cannot {wish}")
