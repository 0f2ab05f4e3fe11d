"""
What a decision looks at: everything it needs to know, gathered before it is made.
"""

from __future__ import annotations

from figuard.domain.amounts import text
from figuard.domain.budget import Allocation, Budget, EnforcementMode, Policy, Status
from figuard.domain.entitlements import Item
from figuard.domain.events import CapRef, Event, Spend
from figuard.domain.instants import Instant
from figuard.domain.tokens import UNRESTRICTED, Token, fold

# What a check can have something to object to, one bit each (``Situation.grounds``).
FUNDS = 1 << 0
"""The limit of the budget itself, which is always there."""
TWIN = 1 << 1
STATUS = 1 << 2
"""The budget is not stored as active."""
LIFE = 1 << 3
"""The budget's time is over, its grace left aside, or it may end because nobody uses it."""
SCOPE = 1 << 4
ITEM = 1 << 5
VELOCITY = 1 << 6
CURRENCY = 1 << 7
"""The request does not name the budget's currency in the budget's own letters."""
CEILING = 1 << 8
ANOMALY = 1 << 9
CHAIN = 1 << 10
"""There is a parent, a root, or a cap for what follows."""
DIVIDED = 1 << 11
TAGS = 1 << 12
CAPS = 1 << 13

_ACTIVE = Status.ACTIVE


class Situation:
    """
    One request and the state it meets. Nothing about it changes.

    ``tokens`` is the chain, leaf first. ``parent`` and ``root`` are on the same budget. ``twin`` is the event that
    already stands for the same entity, if any. ``shadow`` says that the budget only records what it would have
    decided. ``allocation`` is the one that takes the claimed category: the first that lists it, else the first OPEN
    one.
    """

    __slots__ = ("allocation", "budget", "item", "now", "parent", "root", "shadow", "spend", "tokens", "twin")

    def __init__(
        self,
        budget: Budget,
        spend: Spend,
        now: Instant,
        tokens: tuple[Token, ...] = (),
        item: Item | None = None,
        parent: Event | None = None,
        root: Event | None = None,
        twin: Event | None = None,
    ) -> None:
        """Take what was asked, and what was found of everything it touches."""
        self.budget = budget
        self.spend = spend
        self.now = now
        self.tokens = tokens
        self.item = item
        self.parent = parent
        self.root = root
        self.twin = twin
        self.shadow = budget.in_shadow
        divided = budget.funds.allocations and spend.category is not None
        self.allocation = _allocation(budget.funds.allocations, spend.category or "") if divided else None

    def grounds(self) -> int:
        """Return what is there that a check could object to, as bits: without its ground a check has nothing to say."""
        budget, spend = self.budget, self.spend
        found = _grounds_of(budget.policy, self.now)
        if self.twin is not None:
            found |= TWIN
        if budget.status is not _ACTIVE:
            found |= STATUS
        for token in self.tokens:
            if token.scope is not UNRESTRICTED:
                found |= SCOPE
            if token.caps:
                found |= CAPS
        if self.item is not None:
            found |= ITEM
        if budget.identity.currency != spend.currency:
            found |= CURRENCY
        if spend.max_subtree is not None or self.parent is not None or self.root is not None:
            found |= CHAIN
        if budget.funds.allocations:
            found |= DIVIDED
        return found

    def money(self, amount: int) -> str:
        """Return *amount* quanta with the budget's currency or unit."""
        return text(amount, self.budget.identity.measure)

    def cap_of(self, token: Token) -> CapRef | None:
        """Return which cap of *token* this request counts against; None when none covers it."""
        claims = [fold(self.allocation.category)] if self.allocation else []
        if self.spend.category is not None:
            claims.append(self.spend.category)
        for claim in claims:
            if token.cap(claim) is not None:
                return CapRef(token.id, claim)
        if not claims and len(token.caps) == 1:
            return CapRef(token.id, token.caps[0].category)
        return None

    @property
    def caps(self) -> tuple[CapRef, ...]:
        """The caps this request counts against, one for each capped token of the chain that covers it."""
        found: tuple[CapRef, ...] = ()
        for token in self.tokens:
            if token.caps and (ref := self.cap_of(token)) is not None:
                found += (ref,)
        return found


def _grounds_of(policy: Policy, now: Instant) -> int:
    found = FUNDS
    if (policy.expires_at is not None and now > policy.expires_at) or policy.unused_expiry_seconds is not None:
        found |= LIFE
    if policy.velocity.any:
        found |= VELOCITY
    if policy.max_transaction is not None:
        found |= CEILING
    if policy.anomaly.enabled:
        found |= ANOMALY
    if policy.intent_tags:
        found |= TAGS
    return found


def _allocation(allocations: tuple[Allocation, ...], category: str) -> Allocation | None:
    fallback: Allocation | None = None
    for allocation in allocations:
        if any(fold(allowed) == category for allowed in allocation.allowed_categories):
            return allocation
        if allocation.mode is EnforcementMode.OPEN and fallback is None:
            fallback = allocation
    return fallback
