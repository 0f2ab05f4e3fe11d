"""
The denial codes by name, for code that asks why: ``if auth.denial_reason == DenialReason.INSUFFICIENT_FUNDS``.
"""

from __future__ import annotations

from enum import StrEnum

from figuard.client.exceptions import denial_row
from figuard.domain.codes import LEGACY_DENIALS


class DenialReason(StrEnum):
    """
    Why a spend was denied. Every member equals its own name as text.

    The members up to ``INSUFFICIENT_FUNDS`` are answered today, in the order in which they are checked. Those after
    it are names of earlier versions: nothing answers with them any more, and code that compares with them still runs.
    """

    ENTITY_ALREADY_AUTHORIZED = "ENTITY_ALREADY_AUTHORIZED"
    BUDGET_PAUSED = "BUDGET_PAUSED"
    BUDGET_CANCELLED = "BUDGET_CANCELLED"
    BUDGET_EXPIRED = "BUDGET_EXPIRED"
    TOKEN_SCOPE_VIOLATION = "TOKEN_SCOPE_VIOLATION"
    ENTITLEMENT_LIMIT_REACHED = "ENTITLEMENT_LIMIT_REACHED"
    VELOCITY_LIMIT_EXCEEDED = "VELOCITY_LIMIT_EXCEEDED"
    CURRENCY_MISMATCH = "CURRENCY_MISMATCH"
    EXCEEDS_QUANTITY_LIMIT = "EXCEEDS_QUANTITY_LIMIT"
    ANOMALY_DETECTED = "ANOMALY_DETECTED"
    CAUSAL_CHAIN_TOO_DEEP = "CAUSAL_CHAIN_TOO_DEEP"
    SUBTREE_CAP_EXCEEDED = "SUBTREE_CAP_EXCEEDED"
    MISSING_CLAIMED_CATEGORY = "MISSING_CLAIMED_CATEGORY"
    NO_MATCHING_ALLOCATION = "NO_MATCHING_ALLOCATION"
    FORBIDDEN_ITEM_TYPE = "FORBIDDEN_ITEM_TYPE"
    INTENT_SCOPE_VIOLATION = "INTENT_SCOPE_VIOLATION"
    DELEGATE_CAP_EXCEEDED = "DELEGATE_CAP_EXCEEDED"
    ALLOCATION_EXHAUSTED = "ALLOCATION_EXHAUSTED"
    INSUFFICIENT_FUNDS = "INSUFFICIENT_FUNDS"

    BUDGET_EXHAUSTED = "BUDGET_EXHAUSTED"
    DUPLICATE_REQUEST = "DUPLICATE_REQUEST"
    CAUSAL_CYCLE_DETECTED = "CAUSAL_CYCLE_DETECTED"
    DELEGATION_TOKEN_REVOKED = "DELEGATION_TOKEN_REVOKED"
    MISSING_SESSION_TOKEN = "MISSING_SESSION_TOKEN"
    INVALID_SESSION_TOKEN = "INVALID_SESSION_TOKEN"
    TENANT_MISMATCH = "TENANT_MISMATCH"
    INVALID_PARENT_EVENT = "INVALID_PARENT_EVENT"
    ENTITLEMENT_NOT_FOUND = "ENTITLEMENT_NOT_FOUND"
    SUBSCRIPTION_PAUSED = "SUBSCRIPTION_PAUSED"
    SUBSCRIPTION_CANCELLED = "SUBSCRIPTION_CANCELLED"

    @property
    def retryable(self) -> bool:
        """Whether waiting alone can change the answer: a window passes, a hold ends, a period renews."""
        row = denial_row(self)
        return row is not None and row.retryable

    @property
    def terminal(self) -> bool:
        """Whether the same request stays denied until somebody changes it or the budget."""
        return not self.retryable

    @property
    def meaning(self) -> str:
        """What happened, in one sentence."""
        row = denial_row(self)
        return row.meaning if row else LEGACY_DENIALS[self]

    @property
    def remedy(self) -> str | None:
        """What to do now; None for a name that is no longer answered."""
        row = denial_row(self)
        return row.remedy if row else None


def retryable(code: str | None) -> bool:
    """Return whether waiting alone can change the answer *code*; False for None and for a code unknown here."""
    row = denial_row(code)
    return row is not None and row.retryable


def terminal(code: str | None) -> bool:
    """Return whether *code* is a denial that stays until somebody changes the request or the budget."""
    return code is not None and not retryable(code)
