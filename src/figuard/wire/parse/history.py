"""
From a request about the past to its question.
"""

from __future__ import annotations

from base64 import b64decode
from binascii import Error as NotBase64

from figuard.domain.codes import ErrorCode
from figuard.domain.events import Decision
from figuard.domain.questions import (
    Counterfactual,
    GetEntries,
    GetLedger,
    GetReport,
    GetTree,
    Hypothesis,
    Replay,
    StateAt,
    Timeline,
    VerifyBook,
)
from figuard.domain.refusal import Refusal
from figuard.wire import limits
from figuard.wire.context import Call, Context
from figuard.wire.parse import fields
from figuard.wire.parse.allocations import allocations_of
from figuard.wire.parse.fields import Faults
from figuard.wire.parse.path import (
    path_id,
    period,
    query_choice,
    query_flag,
    query_id,
    query_page,
    query_size,
    query_text,
    query_time,
    query_whole,
)
from figuard.wire.requests import CounterfactualRequest, HypotheticalPolicy

REPORTS = ("agent", "category", "day", "user", "budget")
"""What spending can be reported by."""
OFFSET_MAX = 2**53
"""The furthest that a listing may be continued from."""


def get_ledger(call: Call, _: Context) -> GetLedger:
    """Return the question of a page of events. Raises ``Refusal``."""
    return GetLedger(
        _budget_id(call),
        page=query_page(call),
        size=query_size(call),
        decision=query_choice(call, "decision", Decision),
        trace_id=query_text(call, "traceId"),
        agent_id=query_text(call, "agentId"),
    )


def get_tree(call: Call, _: Context) -> GetTree:
    """Return the question. Raises ``Refusal``."""
    return GetTree(_budget_id(call))


def get_entries(call: Call, _: Context) -> GetEntries:
    """Return the question of entries after a number. Raises ``Refusal``."""
    return GetEntries(
        _budget_id(call),
        after_seq=query_whole(call, "after", 0, most=OFFSET_MAX),
        size=query_size(call, limits.ENTRIES_SIZE_DEFAULT),
    )


def verify(call: Call, _: Context) -> VerifyBook:
    """Return the question. Raises ``Refusal``."""
    return VerifyBook(_budget_id(call))


def replay(call: Call, _: Context) -> Replay:
    """Return the question of a page of steps. Raises ``Refusal``."""
    since, until = period(call, "from", "until")
    return Replay(
        _budget_id(call),
        since=since,
        until=until,
        include_denied=query_flag(call, "includeDenied", default=True),
        include_states=query_flag(call, "includeStateSnapshots", default=True),
        size=query_size(call, limits.REPLAY_PAGE_SIZE_DEFAULT, "pageSize"),
        offset=_offset(query_text(call, "pageToken")),
    )


def _offset(page_token: str | None) -> int:
    """Return where a page token continues; one that nobody issued starts from the beginning, as it always did."""
    if page_token is None:
        return 0
    try:
        digits = b64decode(page_token + "=" * (-len(page_token) % 4), validate=True)
    except (NotBase64, ValueError):
        return 0
    return min(int(digits), OFFSET_MAX) if digits.isdigit() else 0


def state_at(call: Call, _: Context) -> StateAt:
    """Return the question. Raises ``Refusal``."""
    at = query_time(call, "at")
    if at is None:
        raise Refusal(ErrorCode.INVALID_REQUEST, "the query parameter at is required: an ISO 8601 time with an offset")
    return StateAt(_budget_id(call), at)


def timeline(call: Call, _: Context) -> Timeline:
    """Return the question. Raises ``Refusal``."""
    since, until = period(call, "from", "until")
    return Timeline(_budget_id(call), since, until)


def counterfactual(call: Call, _: Context) -> Counterfactual:
    """Return the question of another policy. Raises ``Refusal``."""
    body: CounterfactualRequest = call.body
    faults = Faults(call.faults or ())
    version = fields.optional_text(faults, "manifestVersion", body.manifest_version)
    if (body.hypothetical_policy is None) == (version is None):
        faults.add("policySourceValid", "needs exactly one of hypotheticalPolicy and manifestVersion")
    hypothesis = _hypothesis(faults, body.hypothetical_policy)
    since, until = fields.time(faults, "from", body.since), fields.time(faults, "until", body.until)
    if since is not None and until is not None and until < since:
        faults.add("until", "must not be before from")
    faults.check()
    return Counterfactual(_budget_id(call), hypothesis, version, since, until)


def _hypothesis(faults: Faults, body: HypotheticalPolicy | None) -> Hypothesis:
    if body is None:
        return Hypothesis()
    at = "hypotheticalPolicy."
    enabled = body.anomaly_detection_enabled
    return Hypothesis(
        limit=fields.optional_amount(faults, f"{at}totalLimit", body.total_limit),
        max_transaction=fields.optional_amount(faults, f"{at}maxTransactionQuantity", body.max_transaction_quantity),
        anomaly_enabled=None
        if enabled is None
        else fields.flag(faults, f"{at}anomalyDetectionEnabled", enabled, default=False),
        velocity_per_minute=fields.whole(
            faults, f"{at}velocityMaxPerMinute", body.velocity_max_per_minute, limits.COUNT_MAX
        ),
        velocity_amount_per_hour=fields.optional_amount(
            faults, f"{at}velocityMaxAmountPerHour", body.velocity_max_amount_per_hour
        ),
        velocity_per_day=fields.whole(faults, f"{at}velocityMaxPerDay", body.velocity_max_per_day, limits.COUNT_MAX),
        allocations=allocations_of(faults, f"{at}allocations", body.allocations, lenient=True),
    )


def get_report(call: Call, _: Context) -> GetReport:
    """Return the question of spending across budgets. Raises ``Refusal``."""
    by = query_text(call, "by") or REPORTS[0]
    if by not in REPORTS:
        raise Refusal(ErrorCode.INVALID_REQUEST, f"by must be one of {', '.join(REPORTS)}, got {by!r}")
    since, until = period(call, "since", "until")
    return GetReport(by, since, until, query_id(call, "budgetId"))


def _budget_id(call: Call) -> str:
    return path_id(call, "budgetId", "budget")
