"""
Reading what happened: the ledger, trees, replays, reports.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from figuard.client import decode
from figuard.client.expiry import ExpiresAt, moment_text
from figuard.client.models import (
    BudgetStateSnapshot,
    BudgetTimeline,
    LedgerEntries,
    LedgerPage,
    LedgerVerification,
    SpendEventResponse,
    SpendReport,
    SpendTree,
)
from figuard.client.ops.arguments import BudgetLike, body_of, budget_id_of, exact_or_none
from figuard.client.ops.paging import Pages
from figuard.client.session import Answer, Session, perform
from figuard.client.steps import Steps
from figuard.wire.requests import AllocationRequest, CounterfactualRequest, HypotheticalPolicy


def get_ledger(
    session: Session,
    budget_id: BudgetLike,
    *,
    page: int,
    size: int,
    decision: str | None,
    trace_id: str | None,
    agent_id: str | None = None,
) -> Steps[LedgerPage]:
    """Read a page of a budget's events."""
    query: dict[str, object] = {
        "page": page,
        "size": size,
        "decision": decision,
        "traceId": trace_id,
        "agentId": agent_id,
    }
    answer = yield from _about(session, "get_ledger", budget_id, query)
    return decode.ledger_page(answer.value)


def pages(
    session: Session,
    *,
    page_size: int,
    **filters: Any,  # noqa: ANN401 - those of get_ledger
) -> Pages[SpendEventResponse]:
    """Return what reads one page of events after the other."""
    return Pages(lambda page: get_ledger(session, page=page, size=page_size, **filters), lambda found: found.events)


def get_spend_tree(session: Session, budget: BudgetLike) -> Steps[SpendTree]:
    """Read a budget's events as a forest."""
    answer = yield from _about(session, "get_spend_tree", budget)
    return decode.spend_tree(answer.value)


def get_receipt_url(session: Session, budget: BudgetLike) -> Steps[str]:
    """Make or find the public receipt of a budget."""
    answer = yield from _about(session, "get_receipt_url", budget)
    return answer.value.receipt_url


def revoke_receipt(session: Session, budget: BudgetLike) -> Steps[None]:
    """Make the receipt's link dead."""
    yield from _about(session, "revoke_receipt", budget)


def replay(
    session: Session,
    budget_id: BudgetLike,
    *,
    from_time: ExpiresAt | None,
    until: ExpiresAt | None,
    include_denied: bool,
    include_state_snapshots: bool,
    page_size: int,
    page_token: str | None,
) -> Steps[dict[str, Any]]:
    """Read what happened to a budget, step by step."""
    query: dict[str, object] = {
        "includeDenied": include_denied,
        "includeStateSnapshots": include_state_snapshots,
        "pageSize": page_size,
        "from": moment_text(from_time),
        "until": moment_text(until),
        "pageToken": page_token,
    }
    answer = yield from _about(session, "replay_budget", budget_id, query)
    return decode.raw(answer.value)


def state_at(session: Session, budget: BudgetLike, at: ExpiresAt) -> Steps[BudgetStateSnapshot]:
    """Read how a budget stood at a moment."""
    answer = yield from _about(session, "get_budget_state_at", budget, {"at": moment_text(at)})
    return decode.state_at(answer.value)


def timeline(
    session: Session, budget: BudgetLike, *, from_time: ExpiresAt | None, until: ExpiresAt | None
) -> Steps[BudgetTimeline]:
    """Read who asked for what, in order of time."""
    query = {"from": moment_text(from_time), "until": moment_text(until)}
    answer = yield from _about(session, "get_budget_timeline", budget, query)
    return decode.timeline(answer.value)


def counterfactual(
    session: Session,
    budget_id: BudgetLike,
    *,
    hypothetical_policy: Mapping[str, Any] | None,
    manifest_version: str | None,
    from_time: ExpiresAt | None,
    until: ExpiresAt | None,
) -> Steps[dict[str, Any]]:
    """Read what another policy would have answered."""
    if (hypothetical_policy is None) == (manifest_version is None):
        raise ValueError("give hypothetical_policy or manifest_version, one of the two")
    body = CounterfactualRequest(
        hypothetical_policy=None if hypothetical_policy is None else _policy(hypothetical_policy),
        manifest_version=manifest_version,
        since=moment_text(from_time),
        until=moment_text(until),
    )
    path = {"budgetId": budget_id_of(budget_id)}
    answer = yield from perform(session, "replay_counterfactual", path=path, body=body)
    return decode.raw(answer.value)


def _policy(given: Mapping[str, Any]) -> HypotheticalPolicy:
    policy = body_of(HypotheticalPolicy, given, "hypothetical_policy")
    for name in ("total_limit", "max_transaction_quantity", "velocity_max_amount_per_hour"):
        setattr(policy, name, exact_or_none(getattr(policy, name), name))
    if policy.allocations is not None:
        parts = [
            body_of(AllocationRequest, part, f"allocations[{position}]")
            for position, part in enumerate(policy.allocations)
        ]
        for part in parts:
            part.limit = exact_or_none(part.limit, f"the limit of allocation {part.category!r}")
        policy.allocations = parts
    return policy


def spend_report(
    session: Session,
    by: str,
    *,
    since: ExpiresAt | None,
    until: ExpiresAt | None,
    budget_id: BudgetLike | None,
) -> Steps[SpendReport]:
    """Read spending across budgets."""
    query = {
        "by": by,
        "since": moment_text(since),
        "until": moment_text(until),
        "budgetId": None if budget_id is None else budget_id_of(budget_id),
    }
    answer = yield from perform(session, "get_spend_report", query=query)
    return decode.report(answer.value)


def ledger_entries(session: Session, budget: BudgetLike, *, after: int, size: int) -> Steps[LedgerEntries]:
    """Read entries of a budget's ledger."""
    answer = yield from _about(session, "get_entries", budget, {"after": after, "size": size})
    return decode.entries(answer.value)


def verify_ledger(session: Session, budget: BudgetLike) -> Steps[LedgerVerification]:
    """Recompute a budget's ledger."""
    answer = yield from _about(session, "verify_budget", budget)
    return decode.verification(answer.value)


def _about(session: Session, name: str, budget: BudgetLike, query: Mapping[str, object] | None = None) -> Steps[Answer]:
    return perform(session, name, path={"budgetId": budget_id_of(budget)}, query=query)
