"""
What the client answers with: frozen values, amounts as exact ``Decimal``, times as ISO 8601 text in UTC.

A field that the service did not send is None. Secrets (session tokens, raw keys) are left out of every ``repr``.
"""

from figuard.client.models.access import ApiKey, DelegationToken, DelegationTokenAllocation, TokenScope
from figuard.client.models.budgets import (
    AllocationResponse,
    AllocationSnapshot,
    Budget,
    BudgetFundingResult,
    BudgetPage,
    BudgetSnapshot,
    BudgetToken,
)
from figuard.client.models.events import (
    AuthorizationBatch,
    AuthorizationResult,
    DeniedBy,
    EventChain,
    LedgerPage,
    SpendEventResponse,
    SpendTree,
    SpendTreeNode,
    VoidResult,
    VoidTreeResult,
)
from figuard.client.models.history import (
    BudgetStateSnapshot,
    BudgetTimeline,
    LedgerEntries,
    LedgerFinding,
    LedgerVerification,
    Reconciliation,
    ReplayAllocationState,
    SpendReport,
    SpendReportLine,
    TimelineEvent,
)
from figuard.client.models.subscriptions import EntitlementItem, Subscription
from figuard.client.models.webhooks import WebhookConfig, WebhookDelivery, WebhookTestResult

__all__ = [
    "AllocationResponse",
    "AllocationSnapshot",
    "ApiKey",
    "AuthorizationBatch",
    "AuthorizationResult",
    "Budget",
    "BudgetFundingResult",
    "BudgetPage",
    "BudgetSnapshot",
    "BudgetStateSnapshot",
    "BudgetTimeline",
    "BudgetToken",
    "DelegationToken",
    "DelegationTokenAllocation",
    "DeniedBy",
    "EntitlementItem",
    "EventChain",
    "LedgerEntries",
    "LedgerFinding",
    "LedgerPage",
    "LedgerVerification",
    "Reconciliation",
    "ReplayAllocationState",
    "SpendEventResponse",
    "SpendReport",
    "SpendReportLine",
    "SpendTree",
    "SpendTreeNode",
    "Subscription",
    "TimelineEvent",
    "TokenScope",
    "VoidResult",
    "VoidTreeResult",
    "WebhookConfig",
    "WebhookDelivery",
    "WebhookTestResult",
]
