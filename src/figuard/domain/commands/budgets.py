"""
Commands on a budget and its tokens.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from figuard.domain.budget import Allocation, Policy, TrustMode
from figuard.domain.instants import Instant
from figuard.domain.tokens import Cap, Scope
from figuard.domain.valueclass import valueclass


class FundingOperation(StrEnum):
    """How ``Fund`` changes the limit: add, take away, set, or set and start spending from zero."""

    CREDIT = "CREDIT"
    DEBIT = "DEBIT"
    RESET = "RESET"
    RESET_SPENT = "RESET_SPENT"


@valueclass
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


@valueclass
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


@valueclass
class UpdateBudget:
    """Change a budget's rules; ``patch.paused`` pauses or resumes it."""

    budget_id: str
    patch: PolicyPatch


@valueclass
class Fund:
    """Change what a budget may spend."""

    budget_id: str
    operation: FundingOperation
    quantity: int
    reason: str | None = None


@valueclass
class Resume:
    """Let a paused budget spend again."""

    budget_id: str
    reason: str
    by: str | None = None


@valueclass
class Cancel:
    """End a budget for good. With ``lenient`` one that has ended already is returned as it is."""

    budget_id: str
    lenient: bool = False


@valueclass
class CancelBatch:
    """End several budgets; unknown ones are left out of the answer."""

    budget_ids: tuple[str, ...]


@valueclass
class ExtendBudget:
    """Let a budget live longer."""

    budget_id: str
    expires_at: Instant


@valueclass
class RotateToken:
    """Replace a budget's session token; the old one works for a short grace."""

    budget_id: str


@valueclass
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


@valueclass
class RotateDelegation:
    """Replace the secret of a delegation or scoped token."""

    token_id: str


@valueclass
class Revoke:
    """End a token and every token below it."""

    token_id: str


@valueclass
class CreateReceipt:
    """Make (or find) the public receipt of a budget."""

    budget_id: str


@valueclass
class RevokeReceipt:
    """Make a receipt's link dead."""

    budget_id: str


@valueclass
class SweepBudget:
    """Do what has fallen due on one budget: end holds, void what timed out, tell that it expires."""

    budget_id: str
