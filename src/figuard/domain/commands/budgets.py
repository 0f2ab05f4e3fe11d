"""
Commands on a budget and its tokens.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from figuard.domain.budget import Allocation, Policy, TrustMode
from figuard.domain.instants import Instant
from figuard.domain.tokens import Cap, Scope


class FundingOperation(StrEnum):
    """How ``Fund`` changes the limit: add, take away, set, or set and start spending from zero."""

    CREDIT = "CREDIT"
    DEBIT = "DEBIT"
    RESET = "RESET"
    RESET_SPENT = "RESET_SPENT"


@dataclass(frozen=True, slots=True)
class CreateBudget:
    """Create a budget and its session token. ``allocations`` come without ids."""

    user_id: str
    limit: int
    policy: Policy
    currency: str | None = None
    unit: str | None = None
    external_reference: str | None = None
    intent_context: str = ""
    item_id: str | None = None
    allocations: tuple[Allocation, ...] = ()
    metadata: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class PolicyPatch:
    """
    New values for some policy fields, by name of ``UpdateBudget``'s wire fields; absent means unchanged.

    ``cleared`` names fields that were given as null on purpose.
    """

    trust_mode: TrustMode | None = None
    limit: int | None = None
    expires_at: Instant | None = None
    velocity_per_minute: int | None = None
    velocity_amount_per_hour: int | None = None
    velocity_per_day: int | None = None
    soft_limit: int | None = None
    max_transaction: int | None = None
    paused: bool | None = None
    cleared: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class UpdateBudget:
    """Change a budget's rules; ``patch.paused`` pauses or resumes it."""

    budget_id: str
    patch: PolicyPatch


@dataclass(frozen=True, slots=True)
class Fund:
    """Change what a budget may spend."""

    budget_id: str
    operation: FundingOperation
    quantity: int
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Resume:
    """Let a paused budget spend again."""

    budget_id: str
    reason: str
    by: str | None = None


@dataclass(frozen=True, slots=True)
class Cancel:
    """End a budget for good. With ``lenient`` one that has ended already is returned as it is."""

    budget_id: str
    lenient: bool = False


@dataclass(frozen=True, slots=True)
class CancelBatch:
    """End several budgets; unknown ones are left out of the answer."""

    budget_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ExtendBudget:
    """Let a budget live longer."""

    budget_id: str
    expires_at: Instant


@dataclass(frozen=True, slots=True)
class RotateToken:
    """Replace a budget's session token; the old one works for a short grace."""

    budget_id: str


@dataclass(frozen=True, slots=True)
class Delegate:
    """
    Issue a token below a budget or below another token.

    ``parent_token_id`` None hangs it on the budget. With ``scoped`` the token restricts what it is for (``scope``)
    rather than how much.
    """

    budget_id: str
    label: str
    caps: tuple[Cap, ...] = ()
    scope: Scope = Scope()
    expires_at: Instant | None = None
    parent_token_id: str | None = None
    scoped: bool = False


@dataclass(frozen=True, slots=True)
class RotateDelegation:
    """Replace the secret of a delegation or scoped token."""

    token_id: str


@dataclass(frozen=True, slots=True)
class Revoke:
    """End a token and every token below it."""

    token_id: str


@dataclass(frozen=True, slots=True)
class CreateReceipt:
    """Make (or find) the public receipt of a budget."""

    budget_id: str


@dataclass(frozen=True, slots=True)
class RevokeReceipt:
    """Make a receipt's link dead."""

    budget_id: str


@dataclass(frozen=True, slots=True)
class SweepBudget:
    """Do what has fallen due on one budget: end holds, void what timed out, tell that it expires."""

    budget_id: str
