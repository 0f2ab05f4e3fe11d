"""
The levels an event counts at, and the one function that moves them.

A level is a limit with a balance: the budget, an allocation of it, a cap of each token in the chain, an entitlement
and the chain of a root event. Whatever happens to an event, its effect is the difference of what it weighs before
and after, added at every one of its levels. There is no second place where a balance changes.
"""

from __future__ import annotations

from enum import StrEnum

from figuard.domain.amounts import BALANCE_MAX
from figuard.domain.budget import Allocation, Balance, Budget, Counters, Funds
from figuard.domain.codes import ErrorCode
from figuard.domain.entitlements import Item, ItemPolicy
from figuard.domain.events import CapRef, Event, Place
from figuard.domain.refusal import Refusal
from figuard.domain.tokens import Cap, Token
from figuard.domain.valueclass import replace, valueclass


class LevelKind(StrEnum):
    """What a level is a limit of; the order is the order in which levels are tried."""

    CAP = "CAP"
    ALLOCATION = "ALLOCATION"
    ENTITLEMENT = "ENTITLEMENT"
    CHAIN = "CHAIN"
    BUDGET = "BUDGET"


_BUDGET = LevelKind.BUDGET
"""The level that every event counts at, named once: an enum looks its members up by a function at every use."""


@valueclass
class Level:
    """One limit with its balance; ``limit`` None is a level that counts but never refuses."""

    kind: LevelKind
    id: str
    name: str
    limit: int | None
    balance: Balance

    def available(self, *, shadow: bool = False) -> int | None:
        """Return what is left here in quanta, or None without a limit."""
        return None if self.limit is None else self.limit - self.balance.used(shadow=shadow)


@valueclass
class Touched:
    """Everything one event can move: its budget, its token chain (leaf first), its entitlement, its chain's root."""

    budget: Budget
    tokens: tuple[Token, ...] = ()
    item: Item | None = None
    root: Event | None = None


def levels(touched: Touched, place: Place) -> tuple[Level, ...]:
    """Return the levels of an event at *place*, those of tokens first and the budget last."""
    found: list[Level] = []
    if place.caps:
        by_id = {token.id: token for token in touched.tokens}
        for ref in place.caps:
            token = by_id[ref.token_id]
            if cap := token.cap(ref.category):
                found.append(Level(LevelKind.CAP, token.id, f"{token.label}/{cap.category}", cap.limit, cap.balance))
    if place.allocation_id is not None and (allocation := touched.budget.allocation(place.allocation_id)):
        found.append(
            Level(LevelKind.ALLOCATION, allocation.id, allocation.category, allocation.limit, allocation.balance)
        )
    item = touched.item
    if item is not None and place.item_id == item.id and place.item_period == item.period:
        limit = item.limit if item.overage is ItemPolicy.BLOCK else None
        found.append(Level(LevelKind.ENTITLEMENT, item.id, item.name, limit, item.balance))
    root = touched.root
    if root is not None and root.spend.max_subtree is not None:
        found.append(Level(LevelKind.CHAIN, root.id, root.id, root.spend.max_subtree, root.standing.subtree))
    budget_id, funds = touched.budget.identity.id, touched.budget.funds
    found.append(Level(_BUDGET, budget_id, budget_id, funds.limit, funds.balance))
    return tuple(found)


def shortfall(touched: Touched, place: Place, need: int, *, overdraft: int = 0) -> Level | None:
    """Return the first level that cannot take *need* more quanta, or None; only the budget may be overdrawn."""
    if need <= 0:
        return None
    for level in levels(touched, place):
        free = level.available(shadow=place.shadow)
        if free is None:
            continue
        if level.kind is _BUDGET:
            free += overdraft
        if free < need:
            return level
    return None


def move(
    touched: Touched, before: Event | None, after: Event, counters: Counters | None = None
) -> tuple[Touched, Event]:
    """
    Return everything touched, and the event, once it weighs what *after* says instead of *before*.

    The event comes back because a root carries the balance of its own chain. *counters* are those of the budget from
    now on, if they change too. Raises ``Refusal`` (``BALANCE_OUT_OF_RANGE``) when a sum would not fit a 64-bit column.
    """
    budget, tokens, item, root = touched.budget, touched.tokens, touched.item, touched.root
    held, booked = after.standing.held, after.standing.booked
    if before is not None:
        held -= before.standing.held
        booked -= before.standing.booked
    funds = budget.funds
    if held or booked:
        place = after.place
        shadow = place.shadow
        # What was booked before spending was last reset is no longer part of today's figure.
        funds = _funds(funds, place, booked if after.standing.epoch == funds.epoch else 0, held)
        if place.caps:
            tokens = tuple([_token(token, place.caps, booked, held, shadow=shadow) for token in tokens])
        if item is not None and place.item_id == item.id and place.item_period == item.period:
            item = replace(item, balance=_moved(item.balance, booked, held, shadow=shadow))
        if place.root_id == after.id and after.spend.max_subtree is not None:
            after = _root(after, booked, held, shadow=shadow)
        elif root is not None and root.spend.max_subtree is not None:
            root = _root(root, booked, held, shadow=shadow)
    elif counters is None:
        return touched, after
    moved = Budget(
        budget.identity,
        budget.policy,
        funds,
        budget.status,
        budget.cancelled_at,
        counters or budget.counters,
        budget.head,
    )
    return Touched(moved, tokens, item, root), after


def _moved(balance: Balance, spent: int, held: int, *, shadow: bool) -> Balance:
    moved = balance.moved(spent, held, shadow=shadow)
    if moved.spent < 0 or moved.reserved < 0 or moved.shadow_spent < 0 or moved.shadow_reserved < 0:
        msg = f"a balance would become negative: {balance} moved by spent {spent}, reserved {held}"
        raise AssertionError(msg)
    if moved.spent + moved.reserved > BALANCE_MAX or moved.shadow_spent + moved.shadow_reserved > BALANCE_MAX:
        raise Refusal(ErrorCode.BALANCE_OUT_OF_RANGE, "the balance would exceed what a 64-bit column can hold")
    return moved


def _funds(funds: Funds, place: Place, spent: int, held: int) -> Funds:
    allocations, shadow = funds.allocations, place.shadow
    if place.allocation_id is not None:
        allocations = tuple(
            [
                _allocation(one, spent, held, shadow=shadow) if one.id == place.allocation_id else one
                for one in allocations
            ]
        )
    return Funds(funds.limit, _moved(funds.balance, spent, held, shadow=shadow), allocations, funds.epoch)


def _allocation(one: Allocation, spent: int, held: int, *, shadow: bool) -> Allocation:
    return Allocation(
        one.id,
        one.category,
        one.limit,
        one.mode,
        one.allowed_categories,
        one.forbidden_item_types,
        _moved(one.balance, spent, held, shadow=shadow),
    )


def _token(token: Token, caps: tuple[CapRef, ...], spent: int, held: int, *, shadow: bool) -> Token:
    for ref in caps:
        if ref.token_id == token.id:
            break
    else:
        return token
    moved = [
        Cap(cap.id, cap.category, cap.limit, _moved(cap.balance, spent, held, shadow=shadow))
        if cap.category == ref.category
        else cap
        for cap in token.caps
    ]
    return replace(token, caps=tuple(moved))


def _root(root: Event, spent: int, held: int, *, shadow: bool) -> Event:
    # By the event that moves, not by the root: a budget may enter or leave shadow mode in the middle of a chain.
    subtree = _moved(root.standing.subtree, spent, held, shadow=shadow)
    return replace(root, standing=replace(root.standing, subtree=subtree))
