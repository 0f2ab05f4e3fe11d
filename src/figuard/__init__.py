"""
Agents ask before they spend; the answer is exact, and it is written down.

Names are loaded when they are first used: ``import figuard`` by itself loads no engine, no HTTP library and no agent
framework.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from figuard._version import __version__

if TYPE_CHECKING:
    from figuard.client.aio.client import AsyncFiGuardClient
    from figuard.client.aio.composite import AsyncCompositeGuard, AsyncGuardedResource
    from figuard.client.allocations import build_allocations_from_percentages
    from figuard.client.context import (
        clear_current_event_id,
        figuard_run_in_executor,
        figuard_scope,
        get_current_event_id,
    )
    from figuard.client.denial_reasons import DenialReason
    from figuard.client.exceptions import (
        FiGuardApiError,
        FiGuardCapabilityError,
        FiGuardCompositeError,
        FiGuardConfigError,
        FiGuardConnectionError,
        FiGuardDeniedException,
        FiGuardError,
        FiGuardWebhookVerificationError,
    )
    from figuard.client.fail_open import FailOpen
    from figuard.client.models import (
        AllocationResponse,
        AllocationSnapshot,
        ApiKey,
        AuthorizationBatch,
        AuthorizationResult,
        Budget,
        BudgetFundingResult,
        BudgetPage,
        BudgetSnapshot,
        BudgetStateSnapshot,
        BudgetTimeline,
        BudgetToken,
        DelegationToken,
        DelegationTokenAllocation,
        DeniedBy,
        EntitlementItem,
        EventChain,
        LedgerEntries,
        LedgerFinding,
        LedgerPage,
        LedgerVerification,
        Reconciliation,
        ReplayAllocationState,
        SpendEventResponse,
        SpendReport,
        SpendReportLine,
        SpendTree,
        SpendTreeNode,
        Subscription,
        TimelineEvent,
        TokenScope,
        VoidResult,
        VoidTreeResult,
        WebhookConfig,
        WebhookDelivery,
        WebhookTestResult,
    )
    from figuard.client.ops.composite import CompositeAuthorizationResult
    from figuard.client.retry import Retry
    from figuard.client.spend import AsyncSpend, Spend
    from figuard.client.sync.client import FiGuardClient
    from figuard.client.sync.composite import CompositeGuard, GuardedResource
    from figuard.client.verification import verify_webhook

__all__ = [
    "AllocationResponse",
    "AllocationSnapshot",
    "ApiKey",
    "AsyncCompositeGuard",
    "AsyncFiGuardClient",
    "AsyncGuardedResource",
    "AsyncSpend",
    "AuthorizationBatch",
    "AuthorizationResult",
    "Budget",
    "BudgetFundingResult",
    "BudgetPage",
    "BudgetSnapshot",
    "BudgetStateSnapshot",
    "BudgetTimeline",
    "BudgetToken",
    "CompositeAuthorizationResult",
    "CompositeGuard",
    "DelegationToken",
    "DelegationTokenAllocation",
    "DenialReason",
    "DeniedBy",
    "EntitlementItem",
    "EventChain",
    "FailOpen",
    "FiGuardApiError",
    "FiGuardCapabilityError",
    "FiGuardClient",
    "FiGuardCompositeError",
    "FiGuardConfigError",
    "FiGuardConnectionError",
    "FiGuardDeniedException",
    "FiGuardError",
    "FiGuardWebhookVerificationError",
    "GuardedResource",
    "LedgerEntries",
    "LedgerFinding",
    "LedgerPage",
    "LedgerVerification",
    "Reconciliation",
    "ReplayAllocationState",
    "Retry",
    "Spend",
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
    "__version__",
    "build_allocations_from_percentages",
    "clear_current_event_id",
    "figuard_run_in_executor",
    "figuard_scope",
    "get_current_event_id",
    "verify_webhook",
]

_MODULES = {
    "client.aio.client": ("AsyncFiGuardClient",),
    "client.aio.composite": (
        "AsyncCompositeGuard",
        "AsyncGuardedResource",
    ),
    "client.allocations": ("build_allocations_from_percentages",),
    "client.context": (
        "clear_current_event_id",
        "figuard_run_in_executor",
        "figuard_scope",
        "get_current_event_id",
    ),
    "client.denial_reasons": ("DenialReason",),
    "client.exceptions": (
        "FiGuardApiError",
        "FiGuardCapabilityError",
        "FiGuardCompositeError",
        "FiGuardConfigError",
        "FiGuardConnectionError",
        "FiGuardDeniedException",
        "FiGuardError",
        "FiGuardWebhookVerificationError",
    ),
    "client.fail_open": ("FailOpen",),
    "client.models": (
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
    ),
    "client.ops.composite": ("CompositeAuthorizationResult",),
    "client.retry": ("Retry",),
    "client.spend": (
        "AsyncSpend",
        "Spend",
    ),
    "client.sync.client": ("FiGuardClient",),
    "client.sync.composite": (
        "CompositeGuard",
        "GuardedResource",
    ),
    "client.verification": ("verify_webhook",),
}
_HOMES = {name: module for module, names in _MODULES.items() for name in names}

# Not in __all__: a star import must not fail, nor load a framework, where the framework is or is not installed.
_INTEGRATIONS = {
    "auto_guard_langchain": "langchain",
    "auto_guard_crewai": "crewai",
}


def __getattr__(name: str) -> object:
    if name in _HOMES:
        value = getattr(import_module(f"figuard.{_HOMES[name]}"), name)
        globals()[name] = value
        return value
    if name in _INTEGRATIONS:
        return _integration(name, _INTEGRATIONS[name])
    raise AttributeError(f"module 'figuard' has no attribute {name!r}")


def _integration(name: str, framework: str) -> object:
    try:
        return getattr(import_module(f"figuard.integrations.{framework}"), name)
    except ImportError as error:
        raise ImportError(
            f"{name} needs {framework}, which is not installed: pip install 'figuard[{framework}]'"
        ) from error


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_INTEGRATIONS})
