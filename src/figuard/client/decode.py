"""
From response structs to models: one function per model, and nothing decided on the way.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import msgspec

from figuard.client import models as m
from figuard.client.making import made, maker
from figuard.wire import responses as r

PREFIX_LENGTH = 12
"""How much of a session token its prefix shows."""


def budget(body: r.BudgetResponse) -> m.Budget:
    """Return a budget."""
    tokens = None if body.tokens is None else [made(m.BudgetToken, token) for token in body.tokens]
    allocations = [made(m.AllocationResponse, allocation) for allocation in body.allocations]
    return made(m.Budget, body, tokens=tokens, allocations=allocations)


def budget_with_token(found: m.Budget, session_token: str) -> m.Budget:
    """Return a budget as its creation would have shown it, with its one token."""
    prefix = session_token[:PREFIX_LENGTH]
    token = m.BudgetToken("default", session_token, prefix, found.unit, found.currency)
    return replace(found, tokens=[token], session_token_prefix=prefix)


def budgets(bodies: Iterable[r.BudgetResponse]) -> list[m.Budget]:
    """Return budgets."""
    return [budget(body) for body in bodies]


def budget_page(page: r.Page[r.BudgetResponse]) -> m.BudgetPage:
    """Return a page of budgets."""
    return m.BudgetPage(budgets(page.content), page.total_elements, page.total_pages, page.number, page.size)


def funding(body: r.FundResponse) -> m.BudgetFundingResult:
    """Return what funding did."""
    return made(m.BudgetFundingResult, body)


def authorization(body: r.AuthorizeResponse) -> m.AuthorizationResult:
    """Return the answer to an authorization."""
    budget_part, allocation_part, denier = body.budget_snapshot, body.allocation_snapshot, body.denied_by
    return _authorization(
        body,
        _budget_snapshot(budget_part) if budget_part else None,
        made(m.AllocationSnapshot, allocation_part) if allocation_part else None,
        made(m.DeniedBy, denier) if denier else None,
    )


_authorization = maker(m.AuthorizationResult, "budget_snapshot", "allocation_snapshot", "denied_by")
_budget_snapshot = maker(m.BudgetSnapshot)


def batch(body: r.AuthorizeBatchResponse) -> m.AuthorizationBatch:
    """Return the answers to several authorizations."""
    return made(m.AuthorizationBatch, body, results=[authorization(result) for result in body.results])


def event(body: r.EventResponse) -> m.SpendEventResponse:
    """Return an event."""
    return _event(body)


_event = maker(m.SpendEventResponse)


def void_tree(body: r.VoidTreeResponse) -> m.VoidTreeResult:
    """Return what a void of a tree did."""
    return made(m.VoidTreeResult, body)


def ledger_page(page: r.Page[r.EventResponse]) -> m.LedgerPage:
    """Return a page of events."""
    found = [event(body) for body in page.content]
    return m.LedgerPage(found, page.total_elements, page.total_pages, page.number, page.size)


def _nodes(roots: Iterable[r.EventNode]) -> list[m.SpendTreeNode]:
    """Return a forest, built without recursion: a tree is as deep as somebody made it."""
    found: list[m.SpendTreeNode] = []
    waiting = [(root, found) for root in reversed(list(roots))]
    while waiting:
        body, siblings = waiting.pop()
        node = m.SpendTreeNode(event(body))
        siblings.append(node)
        children = [] if isinstance(body.children, msgspec.UnsetType) else body.children
        waiting += [(child, node.children) for child in reversed(children)]
    return found


def spend_tree(body: r.SpendTreeResponse) -> m.SpendTree:
    """Return a budget's events as a forest."""
    return made(m.SpendTree, body, roots=_nodes(body.roots))


def chain(body: r.ChainResponse) -> m.EventChain:
    """Return one causal chain."""
    return made(m.EventChain, body, roots=_nodes(body.roots))


def entries(body: r.EntriesResponse) -> m.LedgerEntries:
    """Return ledger entries, each decoded; numbers with a fraction are exact."""
    decoded = [_ENTRY.decode(raw) for raw in body.entries]
    return m.LedgerEntries(body.book_id, decoded, body.next_after)


_ENTRY = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal)


def verification(body: r.VerifyResponse) -> m.LedgerVerification:
    """Return what the check of a ledger found."""
    return made(m.LedgerVerification, body, findings=[made(m.LedgerFinding, finding) for finding in body.findings])


def state_at(body: r.StateAtResponse) -> m.BudgetStateSnapshot:
    """Return how a budget stood."""
    allocations = [made(m.ReplayAllocationState, allocation) for allocation in body.state.allocations]
    return made(
        m.BudgetStateSnapshot,
        body.state,
        budget_id=body.budget_id,
        projected_at=body.projected_at,
        events_applied=body.events_applied,
        allocations=allocations,
    )


def timeline(body: r.TimelineResponse) -> m.BudgetTimeline:
    """Return who asked for what."""
    return made(m.BudgetTimeline, body, timeline=[made(m.TimelineEvent, entry) for entry in body.timeline])


def report(body: r.SpendReportResponse) -> m.SpendReport:
    """Return a report."""
    return made(m.SpendReport, body, lines=[made(m.SpendReportLine, line) for line in body.lines])


def raw(body: msgspec.Struct) -> dict[str, Any]:
    """Return a body as the JSON object it is on the wire, amounts as exact ``Decimal``."""
    return msgspec.to_builtins(body, builtin_types=(Decimal,))


def delegation(body: r.DelegationTokenResponse) -> m.DelegationToken:
    """Return a delegation or scoped token."""
    caps = [made(m.DelegationTokenAllocation, cap) for cap in body.caps]
    scope = made(m.TokenScope, body.scope) if body.scope else None
    return made(m.DelegationToken, body, caps=caps, scope=scope)


def delegations(bodies: Iterable[r.DelegationTokenResponse]) -> list[m.DelegationToken]:
    """Return delegation and scoped tokens."""
    return [delegation(body) for body in bodies]


def api_key(body: r.ApiKeyResponse) -> m.ApiKey:
    """Return an API key."""
    return made(m.ApiKey, body)


def api_keys(bodies: Iterable[r.ApiKeyResponse]) -> list[m.ApiKey]:
    """Return API keys."""
    return [api_key(body) for body in bodies]


def entitlement(body: r.EntitlementResponse) -> m.EntitlementItem:
    """Return an entitlement."""
    return made(m.EntitlementItem, body)


def entitlements(bodies: Iterable[r.EntitlementResponse]) -> list[m.EntitlementItem]:
    """Return entitlements."""
    return [entitlement(body) for body in bodies]


def subscription(body: r.SubscriptionResponse) -> m.Subscription:
    """Return a subscription."""
    return made(m.Subscription, body, entitlements=entitlements(body.entitlements))


def subscriptions(bodies: Iterable[r.SubscriptionResponse]) -> list[m.Subscription]:
    """Return subscriptions."""
    return [subscription(body) for body in bodies]


def webhook(body: r.WebhookResponse) -> m.WebhookConfig:
    """Return a webhook."""
    return made(m.WebhookConfig, body)


def webhooks(bodies: Iterable[r.WebhookResponse]) -> list[m.WebhookConfig]:
    """Return webhooks."""
    return [webhook(body) for body in bodies]


def deliveries(bodies: Iterable[r.DeliveryResponse]) -> list[m.WebhookDelivery]:
    """Return deliveries."""
    return [made(m.WebhookDelivery, body) for body in bodies]


def webhook_test(body: r.WebhookTestResponse) -> m.WebhookTestResult:
    """Return what a webhook's address answered."""
    return made(m.WebhookTestResult, body)
