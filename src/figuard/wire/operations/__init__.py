"""
The one table of operations: what the server routes, what the client calls, what the API reference lists.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from figuard.wire.operations.access import ACCESS
from figuard.wire.operations.base import API_PREFIX, Operation, permits
from figuard.wire.operations.budgets import BUDGETS, HISTORY
from figuard.wire.operations.spending import SPENDING
from figuard.wire.operations.subscriptions import SUBSCRIPTIONS
from figuard.wire.operations.webhooks import WEBHOOKS

__all__ = ["API_PREFIX", "OPERATIONS", "Operation", "find", "permits"]

OPERATIONS: Mapping[str, Operation] = MappingProxyType(
    {operation.name: operation for operation in (*SPENDING, *BUDGETS, *HISTORY, *ACCESS, *SUBSCRIPTIONS, *WEBHOOKS)}
)
"""Every operation by its name."""


def find(name: str) -> Operation:
    """Return the operation called *name*. Raises ``KeyError``."""
    return OPERATIONS[name]
