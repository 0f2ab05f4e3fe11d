"""
What a budget is: who it belongs to, what it allows, what is spent and held, and how it stands.

All amounts are quanta (``amounts``), all times instants (``instants``). A change makes a new value.
"""

from __future__ import annotations

from dataclasses import field
from enum import StrEnum
from typing import Any

from figuard.domain.anomaly import AnomalyPolicy, Baseline
from figuard.domain.instants import Instant
from figuard.domain.valueclass import valueclass
from figuard.domain.velocity import VelocityLimits, Windows

EMBEDDED_TENANT = "00000000-0000-0000-0000-000000000000"
"""The tenant of a store that nobody shares: embedded mode, and the command line on a file."""
GENESIS = "0" * 64
"""What the first entry of a book names as the hash before it."""


class Status(StrEnum):
    """
    How a budget stands. EXHAUSTED and EXPIRED are derived when read (``status_at``).

    EXPIRED is stored only on a budget whose external reference was given to a successor after its time was over.
    """

    ACTIVE = "ACTIVE"
    PAUSED = "PAUSED"
    EXHAUSTED = "EXHAUSTED"
    EXPIRED = "EXPIRED"
    CANCELLED = "CANCELLED"


class TrustMode(StrEnum):
    """Whether decisions bind (FULL_ENFORCEMENT) or are only recorded (SHADOW)."""

    FULL_ENFORCEMENT = "FULL_ENFORCEMENT"
    SHADOW = "SHADOW"


class EnforcementMode(StrEnum):
    """Which claims an allocation takes: listed categories, the same minus forbidden item types, or what is left."""

    OPEN = "OPEN"
    CATEGORY_CONSTRAINED = "CATEGORY_CONSTRAINED"
    STRICT = "STRICT"


class OveragePolicy(StrEnum):
    """What happens when more is confirmed than was held."""

    REJECT = "REJECT"
    ALLOW_IF_AVAILABLE = "ALLOW_IF_AVAILABLE"
    ALLOW_WITH_OVERDRAFT = "ALLOW_WITH_OVERDRAFT"


class UnknownOutcomePolicy(StrEnum):
    """What a hold of unknown outcome becomes at its deadline: still held, booked in full, or released."""

    HOLD = "HOLD"
    CONFIRM = "CONFIRM"
    VOID = "VOID"


@valueclass
class Balance:
    """What is spent and held at one level; shadow spending is counted beside it and never blocks anything."""

    spent: int = 0
    reserved: int = 0
    shadow_spent: int = 0
    shadow_reserved: int = 0

    def used(self, *, shadow: bool) -> int:
        """Return what counts against the limit: real spending, and for a shadow decision the shadow's too."""
        real = self.spent + self.reserved
        return real + self.shadow_spent + self.shadow_reserved if shadow else real

    def moved(self, spent: int, reserved: int, *, shadow: bool) -> Balance:
        """Return this balance with *spent* and *reserved* added to its real or its shadow side."""
        if shadow:
            return Balance(self.spent, self.reserved, self.shadow_spent + spent, self.shadow_reserved + reserved)
        return Balance(self.spent + spent, self.reserved + reserved, self.shadow_spent, self.shadow_reserved)


NOTHING = Balance()
"""Neither spent nor held: always this one value where that is so from the start, and known by it when it is written."""


@valueclass
class Allocation:
    """A part of a budget set aside for some categories; ``category`` is its label."""

    id: str
    category: str
    limit: int
    mode: EnforcementMode = EnforcementMode.CATEGORY_CONSTRAINED
    allowed_categories: tuple[str, ...] = ()
    forbidden_item_types: tuple[str, ...] = ()
    balance: Balance = NOTHING


@valueclass
class Identity:
    """What never changes about a budget."""

    id: str
    tenant_id: str
    user_id: str
    created_at: Instant
    currency: str | None = None
    unit: str | None = None
    external_reference: str | None = None
    intent_context: str = ""
    item_id: str | None = None
    subscription_id: str | None = None
    metadata: dict[str, Any] | None = None

    @property
    def measure(self) -> str:
        """The word behind an amount: the currency, or the unit."""
        return self.currency or self.unit or ""


@valueclass
class Policy:
    """What a budget allows. Amounts are quanta; None means no such rule."""

    expires_at: Instant | None = None
    grace_seconds: int = 60
    intent_tags: tuple[str, ...] = ()
    soft_limit: int | None = None
    max_transaction: int | None = None
    authorization_expiry_seconds: int = 300
    velocity: VelocityLimits = VelocityLimits()
    entity_dedup: bool = False
    anomaly: AnomalyPolicy = AnomalyPolicy()
    trust_mode: TrustMode = TrustMode.FULL_ENFORCEMENT
    overage: OveragePolicy = OveragePolicy.ALLOW_IF_AVAILABLE
    overdraft_limit: int = 0
    unknown_outcome: UnknownOutcomePolicy = UnknownOutcomePolicy.HOLD
    unknown_outcome_seconds: int | None = None
    unused_expiry_seconds: int | None = None


@valueclass
class Funds:
    """
    The money side of a budget.

    ``epoch`` counts how often spending was reset to zero; a void or refund of something booked in an earlier epoch
    leaves today's figure alone.
    """

    limit: int
    balance: Balance = NOTHING
    allocations: tuple[Allocation, ...] = ()
    epoch: int = 0


@valueclass
class Marks:
    """Which notices were sent, so that each crossing is told once."""

    threshold: int = 0
    soft: bool = False
    expiring_for: Instant | None = None
    unused: bool = False
    velocity_until: Instant = 0


@valueclass
class Counters:
    """What a decision needs to know of the past, in constant space."""

    events: int = 0
    velocity: Windows = Windows()
    shadow_velocity: Windows = Windows()
    baseline: Baseline = Baseline()
    marks: Marks = Marks()
    revision: int = 0
    next_expiry: Instant | None = None

    def marked(self, marks: Marks) -> Counters:
        """Return them with these marks."""
        return Counters(
            self.events,
            self.velocity,
            self.shadow_velocity,
            self.baseline,
            marks,
            self.revision,
            self.next_expiry,
        )


@valueclass
class Head:
    """Where a book ends: number, hash and time of its newest entry."""

    seq: int = 0
    hash: str = GENESIS
    at: Instant = 0


@valueclass
class Budget:
    """One budget, whole: enough to decide any request for it without looking at its history."""

    identity: Identity
    policy: Policy
    funds: Funds
    status: Status = Status.ACTIVE
    cancelled_at: Instant | None = None
    counters: Counters = field(default_factory=Counters)
    head: Head = Head()

    @property
    def id(self) -> str:
        """The budget's id."""
        return self.identity.id

    @property
    def tenant_id(self) -> str:
        """The owner's id."""
        return self.identity.tenant_id

    @property
    def is_monetary(self) -> bool:
        """Whether amounts are money (and not tokens or another unit)."""
        return self.identity.currency is not None

    @property
    def in_shadow(self) -> bool:
        """Whether decisions are only recorded."""
        return self.policy.trust_mode is TrustMode.SHADOW

    def available(self, *, shadow: bool = False) -> int:
        """Return limit less spent and held; negative when the budget is overdrawn."""
        return self.funds.limit - self.funds.balance.used(shadow=shadow)

    def allocation(self, allocation_id: str | None) -> Allocation | None:
        """Return the allocation with this id, or None."""
        for allocation in self.funds.allocations:
            if allocation.id == allocation_id:
                return allocation
        return None


def has_expired(budget: Budget, now: Instant) -> bool:
    """Return whether the budget's life, with its grace, is over (spec: denied only after ``expires_at`` + grace)."""
    end = budget.policy.expires_at
    if end is not None and now > end + budget.policy.grace_seconds * 1_000_000:
        return True
    return has_expired_unused(budget, now)


def has_expired_unused(budget: Budget, now: Instant) -> bool:
    """Return whether the budget's life is over because nobody used it in time, which is what its owner asked for."""
    unused = budget.policy.unused_expiry_seconds
    return unused is not None and not budget.counters.events and now > budget.identity.created_at + unused * 1_000_000


# A member is thirty times as dear to read from its class.
_ACTIVE, _EXPIRED, _EXHAUSTED = Status.ACTIVE, Status.EXPIRED, Status.EXHAUSTED


def status_at(budget: Budget, now: Instant) -> Status:
    """Return how the budget stands at *now*: the stored status, or EXPIRED or EXHAUSTED where that is so."""
    if budget.status is not _ACTIVE:
        return budget.status
    if has_expired(budget, now):
        return _EXPIRED
    if budget.funds.balance.spent >= budget.funds.limit:
        return _EXHAUSTED
    return _ACTIVE
