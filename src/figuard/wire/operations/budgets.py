"""
The operations on budgets and their past.
"""

from __future__ import annotations

from http import HTTPStatus

from figuard.domain.admin import KeyScope
from figuard.wire import requests as q
from figuard.wire import responses as r
from figuard.wire.operations.base import get, post
from figuard.wire.parse import budgets as parse
from figuard.wire.parse import history as ask
from figuard.wire.render import budgets as render
from figuard.wire.render import history as tell
from figuard.wire.render import spend, trees

PAGE = ("page", "size")

BUDGETS = (
    post(
        "create_budget",
        "/budgets",
        "Create a budget and its session token.",
        q.CreateBudgetRequest,
        r.BudgetResponse,
        parse.create,
        render.budget,
        status=HTTPStatus.CREATED,
        status_again=HTTPStatus.OK,
    ),
    get(
        "list_budgets",
        "/budgets",
        "List budgets, newest first.",
        r.Page[r.BudgetResponse],
        parse.find,
        render.budgets_page,
        query=(*PAGE, "status", "includeCancelled", "userId", "text"),
    ),
    get(
        "get_budget",
        "/budgets/{budgetId}",
        "Read one budget.",
        r.BudgetResponse,
        parse.get,
        render.viewed,
        agent_reads=True,
    ),
    post(
        "update_budget",
        "/budgets/{budgetId}",
        "Change a budget's rules, pause it or let it go on.",
        q.UpdateBudgetRequest,
        r.BudgetResponse,
        parse.update,
        render.budget,
        method="PATCH",
        idempotent=True,
    ),
    post(
        "cancel_budget",
        "/budgets/{budgetId}/cancel",
        "End a budget for good; what it holds can still be settled.",
        None,
        r.BudgetResponse,
        parse.cancel,
        render.budget,
    ),
    post(
        "cancel_batch",
        "/budgets/cancel-batch",
        "End several budgets; those that ended before are returned as they are.",
        q.CancelBatchRequest | list[str],
        list[r.BudgetResponse],
        parse.cancel_batch,
        render.budgets,
        idempotent=True,
    ),
    post(
        "resume_budget",
        "/budgets/{budgetId}/resume",
        "Let a paused budget spend again.",
        q.ResumeBudgetRequest,
        r.BudgetResponse,
        parse.resume,
        render.budget,
    ),
    post(
        "extend_budget",
        "/budgets/{budgetId}/extend",
        "Let a budget live longer.",
        q.ExtendBudgetRequest,
        r.BudgetResponse,
        parse.extend,
        render.budget,
    ),
    post(
        "fund_budget",
        "/budgets/{budgetId}/fund",
        "Change what a budget may spend: CREDIT, DEBIT, RESET or RESET_SPENT.",
        q.FundBudgetRequest,
        r.FundResponse,
        parse.fund,
        render.funded,
    ),
    post(
        "rotate_session_token",
        "/budgets/{budgetId}/rotate-token",
        "Replace the session token; the old one works for a short grace.",
        None,
        r.SessionTokenResponse,
        parse.rotate_token,
        render.session_token,
    ),
    # Reading makes the receipt when there is none yet, so the method is the contract's and the work a command's.
    get(
        "get_receipt_url",
        "/budgets/{budgetId}/receipt",
        "Make or find the public receipt of a budget.",
        r.ReceiptUrlResponse,
        parse.create_receipt,
        render.receipt,
        scope=KeyScope.OPERATOR,
    ),
    post(
        "revoke_receipt",
        "/budgets/{budgetId}/receipt",
        "Make the link of a budget's receipt dead.",
        None,
        r.ReceiptUrlResponse,
        parse.revoke_receipt,
        render.receipt,
        method="DELETE",
    ),
)
"""Create, change, fund, pause, cancel, extend; tokens and receipts of budgets."""

HISTORY = (
    get(
        "get_ledger",
        "/budgets/{budgetId}/ledger",
        "List the events of a budget, newest first.",
        r.Page[r.EventResponse],
        ask.get_ledger,
        spend.ledger,
        query=(*PAGE, "decision", "traceId", "agentId"),
        agent_reads=True,
    ),
    get(
        "get_spend_tree",
        "/budgets/{budgetId}/tree",
        "Read the events of a budget as a forest.",
        r.SpendTreeResponse,
        ask.get_tree,
        trees.tree,
        agent_reads=True,
    ),
    get(
        "get_entries",
        "/budgets/{budgetId}/entries",
        "Read the ledger entries of a budget as they were written and hashed.",
        r.EntriesResponse,
        ask.get_entries,
        tell.entries,
        query=("after", "size"),
    ),
    get(
        "verify_budget",
        "/budgets/{budgetId}/verify",
        "Recompute chain, balances and projections of a budget's ledger.",
        r.VerifyResponse,
        ask.verify,
        tell.findings,
    ),
    get(
        "replay_budget",
        "/budgets/{budgetId}/replay",
        "Read what happened to a budget, step by step.",
        r.ReplayResponse,
        ask.replay,
        tell.replay,
        query=("from", "until", "includeDenied", "includeStateSnapshots", "pageSize", "pageToken"),
    ),
    get(
        "get_budget_state_at",
        "/budgets/{budgetId}/replay/state",
        "Read how a budget stood at a moment.",
        r.StateAtResponse,
        ask.state_at,
        tell.state_at,
        query=("at",),
    ),
    get(
        "get_budget_timeline",
        "/budgets/{budgetId}/replay/timeline",
        "Read who asked for what, in order of time.",
        r.TimelineResponse,
        ask.timeline,
        tell.timeline,
        query=("from", "until"),
    ),
    post(
        "replay_counterfactual",
        "/budgets/{budgetId}/replay/counterfactual",
        "Ask what another policy would have answered.",
        q.CounterfactualRequest,
        r.CounterfactualResponse,
        ask.counterfactual,
        tell.counterfactual,
        scope=KeyScope.READ,
        idempotent=True,
    ),
    get(
        "get_spend_report",
        "/reports/spend",
        "Report spending across budgets by agent, category, day, user or budget.",
        r.SpendReportResponse,
        ask.get_report,
        tell.report,
        query=("by", "since", "until", "budgetId"),
    ),
)
"""What happened, what stood when, what would have been."""
