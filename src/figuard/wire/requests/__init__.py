"""
The request bodies of all operations, as ``msgspec`` structs.
"""

from __future__ import annotations

from figuard.wire.requests.access import (
    CapRequest,
    CreateApiKeyRequest,
    CreateDelegationTokenRequest,
    CreateScopedTokenRequest,
    ScopeRequest,
)
from figuard.wire.requests.base import RequestBody, WireAmount
from figuard.wire.requests.budgets import (
    AllocationRequest,
    CancelBatchRequest,
    CreateBudgetRequest,
    ExtendBudgetRequest,
    FundBudgetRequest,
    ResumeBudgetRequest,
    UpdateBudgetRequest,
)
from figuard.wire.requests.history import CounterfactualRequest, HypotheticalPolicy
from figuard.wire.requests.spend import (
    AuthorizeBatchItem,
    AuthorizeBatchRequest,
    AuthorizeRequest,
    ConfirmRequest,
    ExtendEventRequest,
    ExternalEventRequest,
    FailRequest,
    MarkEventUnknownRequest,
    RefundRequest,
    VoidRequest,
    VoidTreeRequest,
)
from figuard.wire.requests.subscriptions import CreateSubscriptionRequest, EntitlementRequest
from figuard.wire.requests.webhooks import CreateWebhookRequest

__all__ = [
    "AllocationRequest",
    "AuthorizeBatchItem",
    "AuthorizeBatchRequest",
    "AuthorizeRequest",
    "CancelBatchRequest",
    "CapRequest",
    "ConfirmRequest",
    "CounterfactualRequest",
    "CreateApiKeyRequest",
    "CreateBudgetRequest",
    "CreateDelegationTokenRequest",
    "CreateScopedTokenRequest",
    "CreateSubscriptionRequest",
    "CreateWebhookRequest",
    "EntitlementRequest",
    "ExtendBudgetRequest",
    "ExtendEventRequest",
    "ExternalEventRequest",
    "FailRequest",
    "FundBudgetRequest",
    "HypotheticalPolicy",
    "MarkEventUnknownRequest",
    "RefundRequest",
    "RequestBody",
    "ResumeBudgetRequest",
    "ScopeRequest",
    "UpdateBudgetRequest",
    "VoidRequest",
    "VoidTreeRequest",
    "WireAmount",
]
