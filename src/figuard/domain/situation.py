"""
What a decision looks at: everything it needs to know, gathered before it is made.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from figuard.domain.amounts import text
from figuard.domain.budget import Allocation, Budget, EnforcementMode
from figuard.domain.entitlements import Item
from figuard.domain.events import CapRef, Event, Spend
from figuard.domain.instants import Instant
from figuard.domain.tokens import Token, fold


@dataclass(frozen=True)
class Situation:
    """
    One request and the state it meets.

    ``tokens`` is the chain, leaf first. ``parent`` and ``root`` are on the same budget. ``twin`` is the event that
    already stands for the same entity, if any.
    """

    budget: Budget
    spend: Spend
    now: Instant
    tokens: tuple[Token, ...] = ()
    item: Item | None = None
    parent: Event | None = None
    root: Event | None = None
    twin: Event | None = None

    @property
    def shadow(self) -> bool:
        """Whether the budget only records what it would have decided."""
        return self.budget.in_shadow

    def money(self, amount: int) -> str:
        """Return *amount* quanta with the budget's currency or unit."""
        return text(amount, self.budget.identity.measure)

    @cached_property
    def allocation(self) -> Allocation | None:
        """The allocation that takes the claimed category: the first that lists it, else the first OPEN one."""
        category = self.spend.category
        if category is None:
            return None
        fallback: Allocation | None = None
        for allocation in self.budget.funds.allocations:
            if any(fold(allowed) == category for allowed in allocation.allowed_categories):
                return allocation
            if allocation.mode is EnforcementMode.OPEN and fallback is None:
                fallback = allocation
        return fallback

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

    @cached_property
    def caps(self) -> tuple[CapRef, ...]:
        """The caps this request counts against, one for each capped token of the chain that covers it."""
        found = (self.cap_of(token) for token in self.tokens if token.caps)
        return tuple(ref for ref in found if ref is not None)
