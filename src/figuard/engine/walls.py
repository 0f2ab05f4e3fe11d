"""
Walls: whose books a batch is about, so that a store that can lets its transaction touch nobody else's.

Upkeep (sweeps, renewals, the queue of notices) is about everybody's books and ordered in nobody's name. It is committed
apart: among callers' orders, one such order would take the wall away from all of them.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from figuard.domain.commands import Order
from figuard.engine.batch import Outcome

NOBODY = ""
"""The tenant of an order that upkeep gives."""


def tenants_of(orders: Sequence[Order]) -> Collection[str] | None:
    """Return whose books a batch is about, nobody for upkeep; None when it is both and has to be taken apart."""
    tenants = {order.tenant_id for order in orders}
    if NOBODY not in tenants:
        return tenants
    return () if len(tenants) == 1 else None


def apart(orders: Sequence[Order]) -> tuple[list[Order], list[Order]]:
    """Return what callers ordered, and what upkeep did."""
    return [order for order in orders if order.tenant_id], [order for order in orders if not order.tenant_id]


def together(orders: Sequence[Order], callers: Sequence[Outcome], upkeep: Sequence[Outcome]) -> list[Outcome]:
    """Return the outcomes of both parts in the order of all."""
    called, kept = iter(callers), iter(upkeep)
    return [next(called if order.tenant_id else kept) for order in orders]
