"""
Budgets: create, change, fund, pause, resume, cancel, extend; and what a sweep does on one.
"""

from __future__ import annotations

from typing import Any

from figuard.domain import manage
from figuard.domain.admin import Receipt
from figuard.domain.amounts import decimal_of
from figuard.domain.books import BudgetChange, BudgetOpening, EntryKind, opened
from figuard.domain.budget import Budget, Identity, Status, has_expired, status_at
from figuard.domain.codes import ErrorCode
from figuard.domain.commands import (
    Cancel,
    CancelBatch,
    CreateBudget,
    CreateReceipt,
    ExtendBudget,
    Fund,
    Order,
    Resume,
    RevokeReceipt,
    SweepBudget,
    UpdateBudget,
)
from figuard.domain.entitlements import Item
from figuard.domain.events import Decision, Event
from figuard.domain.instants import DAY, HOUR
from figuard.domain.instants import text as time_text
from figuard.domain.limits import TIMED_OUT_PER_SWEEP
from figuard.domain.notices import budget_notice, figures
from figuard.domain.refusal import Refusal
from figuard.domain.replies import BudgetReply, BudgetsReply, FundReply, ReceiptReply, SweepReply
from figuard.domain.settle import timed_out
from figuard.domain.valueclass import replace
from figuard.engine import duties, gather
from figuard.engine.gather import Loads
from figuard.engine.issue import issue_session_token
from figuard.engine.work import Load, Work
from figuard.ports import Kind

RECEIPT_DAYS = 90
"""How long a receipt's link works."""
EXPIRING_SOON_HOURS = 1
"""How long before its end a budget is announced to expire."""


def gather_budget(work: Work, order: Order, command: Any) -> Loads:  # noqa: ANN401 - any command with a budget_id
    """Read the budget a command names."""
    return gather.budgets(work, (command.budget_id,))


def _owned(work: Work, order: Order, budget_id: str) -> Budget:
    """Return the caller's budget, once time's duties are done."""
    work.need(Budget, budget_id, order.tenant_id)
    if order.only_budget_id not in {None, budget_id}:
        raise Refusal(ErrorCode.NOT_FOUND, f"there is no budget {budget_id!r}")
    duties.perform(work, budget_id)
    return work.need(Budget, budget_id)


def _replied(work: Work, budget: Budget, *, created: bool = True) -> BudgetReply:
    return BudgetReply(budget, work.now_of(budget), created=created)


def gather_create(work: Work, order: Order, command: CreateBudget) -> Loads:
    """Read the budget that may have this reference, and the entitlement it will draw on."""
    if command.external_reference:
        key = (order.tenant_id, command.external_reference)
        yield (Load(Kind.REFERENCES, (key,)),)
        known: tuple[str, ...] = work.one(Kind.REFERENCES, key) or ()
        if known:
            yield (Load(Kind.BUDGETS, known),)
    if command.item_id is not None:
        yield (Load(Kind.ITEMS, (command.item_id,)),)


def create(work: Work, order: Order, command: CreateBudget) -> BudgetReply:
    """Create a budget, or return the one with the same external reference and terms. Raises ``Refusal``."""
    if command.external_reference:
        known: tuple[str, ...] = work.one(Kind.REFERENCES, (order.tenant_id, command.external_reference)) or ()
        for budget_id in known:
            present = work.get(Budget, budget_id)
            if present is None or present.status not in {Status.ACTIVE, Status.PAUSED}:
                continue
            if status_at(present, work.now_of(present)) is not Status.EXPIRED:
                return _same_or_refuse(work, present, command)
            # Its time is over, so the reference is free; say so in its book, for only one may hold a reference.
            note = {"reason": "EXTERNAL_REFERENCE_REUSED"}
            over = BudgetChange(status=Status.EXPIRED)
            work.change(present, EntryKind.BUDGET_UPDATED, order.actor, note, budget=over)
    item = _item(work, order, command)
    now = work.now
    identity = Identity(
        id=work.ids.id(now),
        tenant_id=order.tenant_id,
        user_id=command.user_id,
        created_at=now,
        currency=command.currency,
        unit=command.unit,
        external_reference=command.external_reference,
        intent_context=command.intent_context,
        item_id=item.id if item else None,
        subscription_id=item.subscription_id if item else None,
        metadata=command.metadata,
    )
    allocations = tuple(replace(a, id=work.ids.id(now)) for a in command.allocations)
    opening = BudgetOpening(identity, command.policy, command.limit, allocations)
    stored = work.change(opened(opening), EntryKind.BUDGET_CREATED, order.actor, opening=opening)
    token, secret, stored = issue_session_token(work, stored, order.actor)
    return BudgetReply(stored, now, secret=secret, token=token)


def _item(work: Work, order: Order, command: CreateBudget) -> Item | None:
    if command.item_id is None:
        return None
    item = work.get(Item, command.item_id)
    if item is None or item.tenant_id != order.tenant_id:
        raise Refusal(ErrorCode.ENTITLEMENT_NOT_FOUND, f"there is no entitlement {command.item_id!r}")
    return item


def _same_or_refuse(work: Work, present: Budget, command: CreateBudget) -> BudgetReply:
    def terms(limit: int, currency: str | None, unit: str | None, policy: Any, allocations: Any) -> tuple[Any, ...]:  # noqa: ANN401 - the parts that are compared
        divided = sorted((a.category.casefold(), a.limit) for a in allocations)
        return (limit, currency, unit, policy.soft_limit, policy.max_transaction, divided)

    identity, funds = present.identity, present.funds
    stored = terms(funds.limit, identity.currency, identity.unit, present.policy, funds.allocations)
    asked = terms(command.limit, command.currency, command.unit, command.policy, command.allocations)
    if stored != asked:
        raise Refusal(
            ErrorCode.EXTERNAL_REFERENCE_CONFLICT,
            f"external reference {command.external_reference!r} belongs to budget {present.id}, which has other terms",
            extra={"budgetId": present.id},
        )
    return _replied(work, present, created=False)


def update(work: Work, order: Order, command: UpdateBudget) -> BudgetReply:
    """Change a budget's rules, pause it or let it go on. Raises ``Refusal``."""
    budget = _owned(work, order, command.budget_id)
    kind, change = manage.patched(budget, command.patch)
    if change.policy is None and change.status is None and change.limit is None:
        return _replied(work, budget)
    stored = work.change(budget, kind, order.actor, budget=change)
    if kind is EntryKind.BUDGET_PAUSED:
        shown = {name: value for name, value in figures(stored).items() if name != "quantityReserved"}
        told = budget_notice("BUDGET_PAUSED", stored, work.now_of(stored), reason="MANUAL", **shown)
        work.tell(budget.tenant_id, told)
    if kind is EntryKind.BUDGET_RESUMED:
        work.tell(budget.tenant_id, budget_notice("BUDGET_RESUMED", stored, work.now_of(stored)))
    return _replied(work, stored)


def fund(work: Work, order: Order, command: Fund) -> FundReply:
    """Change what a budget may spend. Raises ``Refusal``."""
    budget = _owned(work, order, command.budget_id)
    change = manage.funded(budget, command.operation, command.quantity)
    note = {"operation": command.operation, "amount": command.quantity, "reason": command.reason}
    stored = work.change(budget, EntryKind.BUDGET_FUNDED, order.actor, note, budget=change)
    return FundReply(
        stored, command.operation, command.quantity, budget.funds.limit, command.reason, work.now_of(stored)
    )


def resume(work: Work, order: Order, command: Resume) -> BudgetReply:
    """Let a paused budget spend again. Raises ``Refusal``."""
    budget = _owned(work, order, command.budget_id)
    note = {"overrideReason": command.reason, "overrideBy": command.by}
    stored = work.change(budget, EntryKind.BUDGET_RESUMED, order.actor, note, budget=manage.resumed(budget))
    shown = {name: value for name, value in note.items() if value is not None}
    work.tell(budget.tenant_id, budget_notice("BUDGET_RESUMED", stored, work.now_of(stored), **shown))
    return _replied(work, stored)


def cancel(work: Work, order: Order, command: Cancel) -> BudgetReply:
    """End a budget for good; what it holds can still be settled. Raises ``Refusal``."""
    budget = _owned(work, order, command.budget_id)
    now = work.now_of(budget)
    if command.lenient and status_at(budget, now) in {Status.CANCELLED, Status.EXPIRED}:
        return _replied(work, budget)
    stored = work.change(budget, EntryKind.BUDGET_CANCELLED, order.actor, budget=manage.cancelled(budget, now))
    return _replied(work, stored)


def gather_batch(work: Work, order: Order, command: CancelBatch) -> Loads:
    """Read every budget of the list."""
    return gather.budgets(work, command.budget_ids)


def cancel_batch(work: Work, order: Order, command: CancelBatch) -> BudgetsReply:
    """End several budgets; unknown ones are left out, ended ones returned as they are."""
    found: list[Budget] = []
    for budget_id in dict.fromkeys(command.budget_ids):
        present = work.get(Budget, budget_id)
        if present is None or present.tenant_id != order.tenant_id:
            continue
        found.append(cancel(work, order, Cancel(budget_id, lenient=True)).budget)
    return BudgetsReply(tuple(found), work.now)


def extend(work: Work, order: Order, command: ExtendBudget) -> BudgetReply:
    """Let a budget live longer. Raises ``Refusal``."""
    budget = _owned(work, order, command.budget_id)
    change = manage.extended(budget, command.expires_at, work.now_of(budget))
    return _replied(work, work.change(budget, EntryKind.BUDGET_EXTENDED, order.actor, budget=change))


def gather_receipt(work: Work, order: Order, command: Any) -> Loads:  # noqa: ANN401 - CreateReceipt or RevokeReceipt
    """Read the budget and its receipts."""
    yield from gather.budgets(work, (command.budget_id,))
    yield (Load(Kind.RECEIPTS, (command.budget_id,)),)


def create_receipt(work: Work, order: Order, command: CreateReceipt) -> ReceiptReply:
    """Return the budget's working receipt, or make one. Raises ``Refusal``."""
    budget = _owned(work, order, command.budget_id)
    for known in work.many(Kind.RECEIPTS, budget.id):
        if known.revoked_at is None and work.now < known.expires_at:
            return ReceiptReply(known)
    now = work.now_of(budget)
    receipt = Receipt(work.ids.id(now), budget.tenant_id, budget.id, work.ids.secret(), now, now + RECEIPT_DAYS * DAY)
    work.change(budget, EntryKind.RECEIPT_CREATED, order.actor, {"receiptId": receipt.id})
    work.put(receipt)
    return ReceiptReply(receipt)


def revoke_receipt(work: Work, order: Order, command: RevokeReceipt) -> ReceiptReply:
    """Make the budget's receipt link dead. Raises ``Refusal`` when there is none."""
    budget = _owned(work, order, command.budget_id)
    for known in work.many(Kind.RECEIPTS, budget.id):
        if known.revoked_at is None:
            work.change(budget, EntryKind.RECEIPT_REVOKED, order.actor, {"receiptId": known.id})
            revoked = replace(known, revoked_at=work.now)
            work.put(revoked)
            return ReceiptReply(revoked)
    raise Refusal(ErrorCode.NOT_FOUND, f"budget {budget.id!r} has no receipt")


def gather_sweep(work: Work, order: Order, command: SweepBudget) -> Loads:
    """Read the budget and the events that no settlement came for."""
    yield from gather.budgets(work, (command.budget_id,))
    budget = work.get(Budget, command.budget_id)
    if budget is None:
        return
    key = (budget.id, work.now_of(budget), TIMED_OUT_PER_SWEEP)
    yield (Load(Kind.TIMED_OUT, (key,)),)
    yield from gather.companions(work, work.many(Kind.TIMED_OUT, key))


def sweep(work: Work, order: Order, command: SweepBudget) -> SweepReply:
    """Do what is due on one budget: end holds, void what timed out, announce its end."""
    budget = work.need(Budget, command.budget_id)
    ended = duties.perform(work, budget.id)
    now = work.now_of(budget)
    voided = 0
    for loaded in work.many(Kind.TIMED_OUT, (budget.id, now, TIMED_OUT_PER_SWEEP)):
        event = work.need(Event, loaded.id)
        due = event.standing.void_due_at
        if event.decision is not Decision.AUTHORIZED or due is None or due > now:
            continue
        work.step(event, timed_out(event, now=now), EntryKind.VOIDED, duties.CLOCK)
        voided += 1
    return SweepReply(holds_ended=ended, voided=voided, notices=_announce(work, work.need(Budget, budget.id)))


def _announce(work: Work, budget: Budget) -> int:
    """Tell once that the budget is about to expire, or that it expired because nobody used it."""
    now, marks, end = work.now_of(budget), budget.counters.marks, budget.policy.expires_at
    if budget.status is Status.CANCELLED:
        return 0
    unused = budget.policy.unused_expiry_seconds is not None and not budget.counters.events
    if unused and has_expired(budget, now) and not marks.unused:
        marks = replace(marks, unused=True)
        limit = decimal_of(budget.funds.limit)
        told = budget_notice(
            "BUDGET_EXPIRED_UNUSED", budget, now, expiresAt=time_text(end) if end else None, totalLimit=limit
        )
    elif end is not None and now < end <= now + EXPIRING_SOON_HOURS * HOUR and marks.expiring_for != end:
        marks = replace(marks, expiring_for=end)
        shown = {name: value for name, value in figures(budget).items() if name != "quantityReserved"}
        told = budget_notice("BUDGET_EXPIRING_SOON", budget, now, expiresAt=time_text(end), **shown)
    else:
        return 0
    work.put(replace(budget, counters=replace(budget.counters, marks=marks)))
    work.tell(budget.tenant_id, told)
    return 1
