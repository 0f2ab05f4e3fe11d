"""
From a request about budgets to its command or question.
"""

from __future__ import annotations

from msgspec import UNSET

from figuard.domain.amounts import text as amount_text
from figuard.domain.anomaly import AnomalyPolicy
from figuard.domain.budget import (
    Allocation,
    OveragePolicy,
    Policy,
    Status,
    TrustMode,
    UnknownOutcomePolicy,
)
from figuard.domain.codes import ErrorCode
from figuard.domain.commands import (
    Cancel,
    CancelBatch,
    CreateBudget,
    CreateReceipt,
    ExtendBudget,
    Fund,
    FundingOperation,
    PolicyPatch,
    Resume,
    RevokeReceipt,
    RotateToken,
    UpdateBudget,
)
from figuard.domain.instants import SECOND, Instant
from figuard.domain.questions import GetBudget, ListBudgets
from figuard.domain.refusal import Refusal
from figuard.domain.tokens import fold
from figuard.domain.velocity import VelocityLimits
from figuard.wire import limits
from figuard.wire.context import Call, Context
from figuard.wire.parse import fields
from figuard.wire.parse.allocations import allocations_of
from figuard.wire.parse.fields import Faults
from figuard.wire.parse.path import path_id, query_choice, query_flag, query_page, query_size, query_text
from figuard.wire.parse.spend import currency_of
from figuard.wire.requests import (
    CancelBatchRequest,
    CreateBudgetRequest,
    ExtendBudgetRequest,
    FundBudgetRequest,
    ResumeBudgetRequest,
    UpdateBudgetRequest,
)

CURRENCY_DEFAULT = "USD"
"""What a budget is in when neither a currency nor a unit is named."""
_ANOMALY = AnomalyPolicy()
_POLICY = Policy()


def create(call: Call, context: Context) -> CreateBudget:
    """Return the command: first the fields, then the life time, then the allocations together. Raises ``Refusal``."""
    body: CreateBudgetRequest = call.body
    faults = Faults(call.faults or ())
    user_id = fields.text(faults, "userId", body.user_id)
    limit = fields.amount(faults, "totalLimit", body.total_limit)
    currency, unit = _measure(faults, body)
    policy = _policy(faults, body, context, currency)
    reference = fields.optional_text(faults, "externalReference", body.external_reference)
    item_id = fields.uuid(faults, "entitlementItemId", body.entitlement_item_id)
    intent = fields.optional_text(faults, "intentContext", body.intent_context, limits.INTENT_CONTEXT_LENGTH_MAX)
    metadata = fields.metadata(faults, "metadata", body.metadata)
    allocations = allocations_of(faults, "allocations", body.allocations) or ()
    faults.check()
    check_lifetime(policy.expires_at, context)
    check_division(limit, allocations)
    return CreateBudget(
        user_id=user_id,
        limit=limit,
        policy=policy,
        currency=currency,
        unit=unit,
        external_reference=reference,
        intent_context=intent or "",
        item_id=item_id,
        allocations=allocations,
        metadata=metadata,
    )


def _measure(faults: Faults, body: CreateBudgetRequest) -> tuple[str | None, str | None]:
    currency = currency_of(faults, body.currency)
    unit = fields.optional_text(faults, "unit", body.unit, limits.UNIT_LENGTH_MAX)
    if currency and unit:
        faults.add("currencyOrUnitValid", "needs exactly one of currency and unit, got both")
    if not currency and not unit:
        return CURRENCY_DEFAULT, None
    return currency, unit


def _policy(faults: Faults, body: CreateBudgetRequest, context: Context, currency: str | None) -> Policy:
    expires_at = fields.future(faults, "expiresAt", body.expires_at, context.now)
    if body.expires_at is None and not context.settings.never_expires:
        faults.add("expiresAt", fields.REQUIRED)
    overage, overdraft = _overage(faults, body)
    unknown, unknown_seconds = _unknown_outcome(faults, body)
    hold = fields.whole(faults, "authorizationExpirySeconds", body.authorization_expiry_seconds, limits.SECONDS_MAX)
    return Policy(
        expires_at=expires_at,
        grace_seconds=context.settings.grace_seconds,
        intent_tags=fields.words(faults, "intentTags", body.intent_tags) or (),
        soft_limit=fields.optional_amount(faults, "softLimit", body.soft_limit),
        max_transaction=fields.optional_amount(faults, "maxTransactionQuantity", body.max_transaction_quantity),
        authorization_expiry_seconds=hold or context.settings.hold_seconds_default,
        velocity=VelocityLimits(
            fields.whole(faults, "velocityMaxPerMinute", body.velocity_max_per_minute, limits.COUNT_MAX),
            fields.optional_amount(faults, "velocityMaxAmountPerHour", body.velocity_max_amount_per_hour),
            fields.whole(faults, "velocityMaxPerDay", body.velocity_max_per_day, limits.COUNT_MAX),
        ),
        entity_dedup=fields.flag(faults, "entityDedupEnabled", body.entity_dedup_enabled, default=False),
        anomaly=_anomaly(faults, body, currency),
        trust_mode=fields.choice(faults, "trustMode", body.trust_mode, TrustMode, _POLICY.trust_mode),
        overage=overage,
        overdraft_limit=overdraft,
        unknown_outcome=unknown,
        unknown_outcome_seconds=unknown_seconds,
        unused_expiry_seconds=fields.whole(
            faults, "expireUnusedAfterSeconds", body.expire_unused_after_seconds, limits.SECONDS_MAX
        ),
    )


def _anomaly(faults: Faults, body: CreateBudgetRequest, currency: str | None) -> AnomalyPolicy:
    name = "anomalyPauseThresholdMultiplier"
    multiplier = fields.optional_amount(faults, name, body.anomaly_pause_threshold_multiplier)
    if multiplier is not None:
        finest = limits.QUANTA_PER_UNIT // 10**limits.MULTIPLIER_FRACTION_DIGITS_MAX
        if multiplier > limits.MULTIPLIER_MAX:
            faults.add(name, f"must be at most {amount_text(limits.MULTIPLIER_MAX)}")
        if multiplier % finest:
            faults.add(name, f"must have at most {limits.MULTIPLIER_FRACTION_DIGITS_MAX} fraction digits")
    samples = fields.whole(faults, "anomalyMinSampleSize", body.anomaly_min_sample_size, limits.SAMPLES_MAX)
    enabled = fields.flag(faults, "anomalyDetectionEnabled", body.anomaly_detection_enabled, default=False)
    if enabled and currency is None:
        faults.add("anomalyDetectionValidForBudgetType", "needs a budget in a currency, got one in a unit")
    return AnomalyPolicy(
        enabled=enabled,
        auto_pause=fields.flag(faults, "autoPauseOnAnomaly", body.auto_pause_on_anomaly, default=True),
        multiplier=multiplier or _ANOMALY.multiplier,
        min_samples=samples or _ANOMALY.min_samples,
    )


def _overage(faults: Faults, body: CreateBudgetRequest) -> tuple[OveragePolicy, int]:
    policy = fields.choice(faults, "overagePolicy", body.overage_policy, OveragePolicy, _POLICY.overage)
    overdraft = fields.optional_amount(faults, "overdraftLimit", body.overdraft_limit)
    may_overdraw = policy is OveragePolicy.ALLOW_WITH_OVERDRAFT
    if may_overdraw and overdraft is None:
        faults.add("overdraftLimit", f"is required with overagePolicy {policy}")
    if not may_overdraw and overdraft is not None:
        faults.add("overdraftLimit", f"needs overagePolicy {OveragePolicy.ALLOW_WITH_OVERDRAFT}, got {policy}")
    return policy, overdraft or 0


def _unknown_outcome(faults: Faults, body: CreateBudgetRequest) -> tuple[UnknownOutcomePolicy, int | None]:
    name = "unknownOutcomeDeadlineSeconds"
    policy = fields.choice(
        faults, "unknownOutcomePolicy", body.unknown_outcome_policy, UnknownOutcomePolicy, _POLICY.unknown_outcome
    )
    seconds = fields.whole(faults, name, body.unknown_outcome_deadline_seconds, limits.SECONDS_MAX)
    holds = policy is UnknownOutcomePolicy.HOLD
    if holds and body.unknown_outcome_deadline_seconds is not None:
        faults.add(name, "needs unknownOutcomePolicy CONFIRM or VOID, got HOLD, which has no deadline")
    if not holds and body.unknown_outcome_deadline_seconds is None:
        faults.add(name, f"is required with unknownOutcomePolicy {policy}")
    return policy, seconds


def check_lifetime(expires_at: Instant | None, context: Context) -> None:
    """Refuse an end that is further away than the settings allow. Raises ``Refusal`` (``INVALID_REQUEST``)."""
    most = context.settings.budget_lifetime_seconds_max
    if expires_at is not None and expires_at - context.now > most * SECOND:
        hours = most / 3600
        raise Refusal(
            ErrorCode.INVALID_REQUEST, f"expiresAt may be at most {hours:,.10g} hours ({most:,} seconds) from now"
        )


def check_division(limit: int, allocations: tuple[Allocation, ...]) -> None:
    """Refuse allocations that exceed the limit or share a label. Raises ``Refusal`` (``INVALID_REQUEST``)."""
    total = sum(allocation.limit for allocation in allocations)
    if total > limit:
        raise Refusal(
            ErrorCode.INVALID_REQUEST,
            f"Allocation limits sum to {amount_text(total)}, which exceeds totalLimit {amount_text(limit)} by "
            f"{amount_text(total - limit)}",
        )
    seen: set[str] = set()
    for allocation in allocations:
        label = fold(allocation.category)
        if label in seen:
            raise Refusal(ErrorCode.INVALID_REQUEST, f"allocation category {allocation.category!r} is listed twice")
        seen.add(label)


def update(call: Call, context: Context) -> UpdateBudget:
    """Return the command; null clears the rules that may be absent, other nulls change nothing. Raises ``Refusal``."""
    body: UpdateBudgetRequest = call.body
    faults = Faults(call.faults or ())
    clearable = {
        "velocity_per_minute": body.velocity_max_per_minute,
        "velocity_amount_per_hour": body.velocity_max_amount_per_hour,
        "velocity_per_day": body.velocity_max_per_day,
        "soft_limit": body.soft_limit,
        "max_transaction": body.max_transaction_quantity,
    }
    given = {name: None if value is UNSET else value for name, value in clearable.items()}
    trust_mode = fields.choice(faults, "trustMode", body.trust_mode, TrustMode, TrustMode.SHADOW)
    patch = PolicyPatch(
        trust_mode=trust_mode if body.trust_mode is not None else None,
        limit=fields.optional_amount(faults, "totalLimit", body.total_limit),
        expires_at=fields.future(faults, "expiresAt", body.expires_at, context.now),
        velocity_per_minute=fields.whole(
            faults, "velocityMaxPerMinute", given["velocity_per_minute"], limits.COUNT_MAX
        ),
        velocity_amount_per_hour=fields.optional_amount(
            faults, "velocityMaxAmountPerHour", given["velocity_amount_per_hour"]
        ),
        velocity_per_day=fields.whole(faults, "velocityMaxPerDay", given["velocity_per_day"], limits.COUNT_MAX),
        soft_limit=fields.optional_amount(faults, "softLimit", given["soft_limit"]),
        max_transaction=fields.optional_amount(faults, "maxTransactionQuantity", given["max_transaction"]),
        paused=_paused(faults, body.status),
        cleared=frozenset(name for name, value in clearable.items() if value is None),
    )
    faults.check()
    check_lifetime(patch.expires_at, context)
    return UpdateBudget(_budget_id(call), patch)


def _paused(faults: Faults, status: object) -> bool | None:
    if status is None:
        return None
    if status not in {Status.ACTIVE, Status.PAUSED}:
        faults.check()
        raise Refusal(ErrorCode.INVALID_REQUEST, f"status may be set to ACTIVE or PAUSED only, got {str(status)!r}")
    return status == Status.PAUSED


def fund(call: Call, _: Context) -> Fund:
    """Return the command. Raises ``Refusal``."""
    body: FundBudgetRequest = call.body
    faults = Faults(call.faults or ())
    operation = fields.choice(faults, "operation", body.operation, FundingOperation, FundingOperation.CREDIT)
    if body.operation is None:
        faults.add("operation", fields.REQUIRED)
    quantity = fields.amount(faults, "amount", body.amount)
    reason = fields.optional_text(faults, "reason", body.reason, limits.REASON_LENGTH_MAX)
    faults.check()
    return Fund(_budget_id(call), operation, quantity, reason)


def resume(call: Call, _: Context) -> Resume:
    """Return the command. Raises ``Refusal``."""
    body: ResumeBudgetRequest = call.body
    faults = Faults(call.faults or ())
    reason = fields.text(faults, "overrideReason", body.override_reason, limits.REASON_LENGTH_MAX)
    by = fields.optional_text(faults, "overrideBy", body.override_by)
    faults.check()
    return Resume(_budget_id(call), reason, by)


def extend(call: Call, context: Context) -> ExtendBudget:
    """Return the command. Raises ``Refusal``."""
    body: ExtendBudgetRequest = call.body
    faults = Faults(call.faults or ())
    expires_at = fields.future(faults, "expiresAt", body.expires_at, context.now)
    if body.expires_at is None:
        faults.add("expiresAt", fields.REQUIRED)
    faults.check()
    check_lifetime(expires_at, context)
    return ExtendBudget(_budget_id(call), expires_at or 0)


def cancel(call: Call, _: Context) -> Cancel:
    """Return the command. Raises ``Refusal``."""
    return Cancel(_budget_id(call))


def cancel_batch(call: Call, _: Context) -> CancelBatch:
    """Return the command; the body is an object or a bare list of ids. Raises ``Refusal``."""
    body: CancelBatchRequest | list[str] = call.body
    faults = Faults(call.faults or ())
    given = body if isinstance(body, list) else body.budget_ids
    ids = fields.things(
        faults,
        "budgetIds",
        given,
        lambda inner, at, one: fields.uuid(inner, at, one) or "",
        limits.CANCEL_BATCH_SIZE_MAX,
    )
    if not ids:
        faults.add("budgetIds", fields.REQUIRED if ids is None else "must not be empty")
    for index, one in enumerate(ids or ()):
        if not one:
            faults.add(f"budgetIds[{index}]", fields.REQUIRED)
    faults.check()
    return CancelBatch(ids or ())


def rotate_token(call: Call, _: Context) -> RotateToken:
    """Return the command. Raises ``Refusal``."""
    return RotateToken(_budget_id(call))


def create_receipt(call: Call, _: Context) -> CreateReceipt:
    """Return the command. Raises ``Refusal``."""
    return CreateReceipt(_budget_id(call))


def revoke_receipt(call: Call, _: Context) -> RevokeReceipt:
    """Return the command. Raises ``Refusal``."""
    return RevokeReceipt(_budget_id(call))


def get(call: Call, _: Context) -> GetBudget:
    """Return the question. Raises ``Refusal``."""
    return GetBudget(_budget_id(call))


def find(call: Call, _: Context) -> ListBudgets:
    """Return the question of a page of budgets. Raises ``Refusal``."""
    return ListBudgets(
        page=query_page(call),
        size=query_size(call),
        status=query_choice(call, "status", Status),
        include_cancelled=query_flag(call, "includeCancelled", default=False),
        user_id=query_text(call, "userId"),
        text=query_text(call, "text"),
    )


def _budget_id(call: Call) -> str:
    return path_id(call, "budgetId", "budget")
