"""
Creating, reading and changing budgets.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict, Unpack

from figuard.client import decode
from figuard.client.context import digest
from figuard.client.expiry import ExpiresAt, ExpiresIn, expiry
from figuard.client.models import Budget, BudgetFundingResult, BudgetPage
from figuard.client.ops.arguments import (
    BudgetLike,
    body_of,
    budget_id_of,
    exact,
    exact_or_none,
    plain,
    strings,
)
from figuard.client.ops.paging import Pages
from figuard.client.session import Answer, Session, perform
from figuard.client.steps import Steps
from figuard.domain.amounts import AmountLike
from figuard.wire.requests import (
    AllocationRequest,
    CancelBatchRequest,
    CreateBudgetRequest,
    ExtendBudgetRequest,
    FundBudgetRequest,
    RequestBody,
    ResumeBudgetRequest,
    UpdateBudgetRequest,
)

CLEARABLE = (
    "velocity_max_per_minute",
    "velocity_max_amount_per_hour",
    "velocity_max_per_day",
    "soft_limit",
    "max_transaction_quantity",
)
"""The rules of a budget that ``update_budget(clear=...)`` can take away."""
_CREATED = 201


class BudgetOptions(TypedDict, total=False):
    """The optional arguments of ``create_budget``, apart from those about its end and its retries."""

    currency: str | None
    unit: str | None
    intent_context: str | None
    intent_tags: Sequence[str] | None
    external_reference: str | None
    soft_limit: AmountLike | None
    max_transaction_quantity: AmountLike | None
    authorization_expiry_seconds: int | None
    velocity_max_per_minute: int | None
    velocity_max_amount_per_hour: AmountLike | None
    velocity_max_per_day: int | None
    anomaly_detection_enabled: bool
    auto_pause_on_anomaly: bool
    entity_dedup_enabled: bool
    allocations: Sequence[Mapping[str, Any] | AllocationRequest] | None
    metadata: Mapping[str, Any] | None
    trust_mode: str | None
    overage_policy: str | None
    overdraft_limit: AmountLike | None
    unknown_outcome_policy: str | None
    unknown_outcome_deadline_seconds: int | None
    expire_unused_after_seconds: int | None
    entitlement_item_id: str | None
    anomaly_pause_threshold_multiplier: AmountLike | None
    anomaly_min_sample_size: int | None


def create(
    session: Session,
    user_id: str,
    total_limit: AmountLike,
    expires_at: ExpiresAt | None = None,
    expires_in: ExpiresIn | None = None,
    idempotency_key: str | None = None,
    **options: Unpack[BudgetOptions],
) -> Steps[Budget]:
    """Create a budget, and make sure that its token reaches the caller."""
    may_be_never = session.settings.backend == "embedded"
    end = expiry(expires_at, expires_in, now=session.now(), may_be_never=may_be_never)
    body = _create_body(user_id, total_limit, end, options)
    answer = yield from perform(session, "create_budget", body=body, idempotency_key=idempotency_key)
    budget = decode.budget(answer.value)
    if _token_was_lost(answer, budget, body, idempotency_key):
        # Our own first attempt made the budget and its reply, with the only copy of the token, got lost.
        budget = decode.budget_with_token(budget, (yield from rotate_session_token(session, budget)))
    _learn(session, budget)
    return budget


def create_for_tokens(
    session: Session,
    *,
    model: str,
    max_tokens: int,
    metadata: Mapping[str, Any] | None = None,
    **arguments: Any,  # noqa: ANN401 - those of create
) -> Steps[Budget]:
    """Create a budget that counts the tokens of one model."""
    described = {"model": model, **(metadata or {})}
    return create(session, total_limit=max_tokens, unit="tokens", metadata=described, **arguments)


def _create_body(user_id: str, total_limit: AmountLike, end: str | None, options: BudgetOptions) -> CreateBudgetRequest:
    multiplier = options.get("anomaly_pause_threshold_multiplier")
    return CreateBudgetRequest(
        user_id=user_id,
        total_limit=exact(total_limit, "total_limit"),
        expires_at=end,
        currency=options.get("currency"),
        unit=options.get("unit"),
        external_reference=options.get("external_reference"),
        entitlement_item_id=options.get("entitlement_item_id"),
        intent_context=options.get("intent_context"),
        intent_tags=strings(options.get("intent_tags"), "intent_tags"),
        soft_limit=exact_or_none(options.get("soft_limit"), "soft_limit"),
        max_transaction_quantity=exact_or_none(options.get("max_transaction_quantity"), "max_transaction_quantity"),
        authorization_expiry_seconds=options.get("authorization_expiry_seconds"),
        velocity_max_per_minute=options.get("velocity_max_per_minute"),
        velocity_max_amount_per_hour=exact_or_none(
            options.get("velocity_max_amount_per_hour"), "velocity_max_amount_per_hour"
        ),
        velocity_max_per_day=options.get("velocity_max_per_day"),
        entity_dedup_enabled=True if options.get("entity_dedup_enabled") else None,
        anomaly_detection_enabled=True if options.get("anomaly_detection_enabled") else None,
        auto_pause_on_anomaly=None if options.get("auto_pause_on_anomaly", True) else False,
        anomaly_pause_threshold_multiplier=exact_or_none(multiplier, "anomaly_pause_threshold_multiplier"),
        anomaly_min_sample_size=options.get("anomaly_min_sample_size"),
        trust_mode=options.get("trust_mode"),
        overage_policy=options.get("overage_policy"),
        overdraft_limit=exact_or_none(options.get("overdraft_limit"), "overdraft_limit"),
        unknown_outcome_policy=options.get("unknown_outcome_policy"),
        unknown_outcome_deadline_seconds=options.get("unknown_outcome_deadline_seconds"),
        expire_unused_after_seconds=options.get("expire_unused_after_seconds"),
        metadata=plain(options.get("metadata")),
        allocations=_allocations(options.get("allocations")),
    )


def _allocations(given: Sequence[Mapping[str, Any] | AllocationRequest] | None) -> list[AllocationRequest] | None:
    if given is None:
        return None
    made = [body_of(AllocationRequest, one, f"allocations[{position}]") for position, one in enumerate(given)]
    for one in made:
        one.limit = exact_or_none(one.limit, f"the limit of allocation {one.category!r}")
    return made


def _token_was_lost(answer: Answer, budget: Budget, body: CreateBudgetRequest, idempotency_key: str | None) -> bool:
    """
    Return whether this is our own repeat, so that nobody else can hold the token that is missing.

    With an external reference the budget may have been there before, and its token be in somebody's hands.
    """
    if budget.session_token is not None:
        return False
    ours = answer.attempts > 1 or idempotency_key is not None
    return ours and (answer.status == _CREATED or body.external_reference is None)


def _learn(session: Session, budget: Budget) -> None:
    for token in budget.tokens or ():
        if token.session_token is not None:
            session.budgets.learn(digest(token.session_token), budget.id)


def get(session: Session, budget: BudgetLike) -> Steps[Budget]:
    """Read one budget."""
    answer = yield from _on(session, "get_budget", budget)
    return decode.budget(answer.value)


def find(
    session: Session,
    *,
    page: int = 0,
    size: int = 20,
    status: str | None = None,
    user_id: str | None = None,
    include_cancelled: bool = False,
    text: str | None = None,
) -> Steps[BudgetPage]:
    """Read a page of budgets."""
    query: dict[str, object] = {
        "page": page,
        "size": size,
        "status": status,
        "userId": user_id,
        "includeCancelled": True if include_cancelled else None,
        "text": text,
    }
    answer = yield from perform(session, "list_budgets", query=query)
    return decode.budget_page(answer.value)


def pages(
    session: Session,
    *,
    page_size: int,
    **filters: Any,  # noqa: ANN401 - those of find
) -> Pages[Budget]:
    """Return what reads one page of budgets after the other."""
    return Pages(lambda page: find(session, page=page, size=page_size, **filters), lambda found: found.budgets)


def update(
    session: Session,
    budget_id: BudgetLike,
    *,
    expires_at: ExpiresAt | None = None,
    expires_in: ExpiresIn | None = None,
    clear: Sequence[str] = (),
    **changes: Any,  # noqa: ANN401 - fields of the request
) -> Steps[Budget]:
    """Change a budget's rules; None leaves one as it is, *clear* names those to take away."""
    body = UpdateBudgetRequest()
    for name, value in changes.items():
        if value is not None:
            is_amount = name in {"total_limit", "velocity_max_amount_per_hour", *CLEARABLE[3:]}
            setattr(body, name, exact(value, name) if is_amount else value)
    if expires_at is not None or expires_in is not None:
        body.expires_at = expiry(expires_at, expires_in, now=session.now())
    for name in strings(clear, "clear") or ():
        if name not in CLEARABLE:
            raise ValueError(f"clear takes {', '.join(CLEARABLE)}, got {name!r}")
        if changes.get(name) is not None:
            raise ValueError(f"{name} is both set and cleared")
        setattr(body, name, None)
    answer = yield from _on(session, "update_budget", budget_id, body)
    return decode.budget(answer.value)


def resume(session: Session, budget: BudgetLike, override_reason: str, override_by: str | None) -> Steps[Budget]:
    """Let a paused budget spend again."""
    body = ResumeBudgetRequest(override_reason=override_reason, override_by=override_by)
    answer = yield from _on(session, "resume_budget", budget, body)
    return decode.budget(answer.value)


def extend(
    session: Session, budget: BudgetLike, expires_at: ExpiresAt | None, expires_in: ExpiresIn | None
) -> Steps[Budget]:
    """Let a budget live longer."""
    body = ExtendBudgetRequest(expires_at=expiry(expires_at, expires_in, now=session.now()))
    answer = yield from _on(session, "extend_budget", budget, body)
    return decode.budget(answer.value)


def cancel(session: Session, budget: BudgetLike) -> Steps[Budget]:
    """End a budget."""
    answer = yield from _on(session, "cancel_budget", budget)
    return decode.budget(answer.value)


def cancel_batch(session: Session, budgets: Sequence[BudgetLike]) -> Steps[list[Budget]]:
    """End several budgets."""
    if isinstance(budgets, str):
        raise TypeError(f"budget_ids must be a list of ids, got the text {budgets!r}")
    body = CancelBatchRequest(budget_ids=[budget_id_of(one) for one in budgets])
    answer = yield from perform(session, "cancel_batch", body=body)
    return decode.budgets(answer.value)


def fund(
    session: Session,
    budget: BudgetLike,
    operation: str,
    amount: AmountLike,
    reason: str | None,
    idempotency_key: str | None,
) -> Steps[BudgetFundingResult]:
    """Change what a budget may spend."""
    body = FundBudgetRequest(operation=operation, amount=exact(amount, "amount"), reason=reason)
    answer = yield from _on(session, "fund_budget", budget, body, idempotency_key)
    return decode.funding(answer.value)


def rotate_session_token(session: Session, budget: BudgetLike) -> Steps[str]:
    """Replace a budget's session token."""
    answer = yield from _on(session, "rotate_session_token", budget)
    token: str = answer.value.session_token
    session.budgets.learn(digest(token), budget_id_of(budget))
    return token


def _on(
    session: Session, name: str, budget: BudgetLike, body: RequestBody | None = None, idempotency_key: str | None = None
) -> Steps[Answer]:
    path = {"budgetId": budget_id_of(budget)}
    return perform(session, name, path=path, body=body, idempotency_key=idempotency_key)
