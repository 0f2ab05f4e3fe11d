"""
The decorator of programs: what a guarded function's call asks for, and a denial that is raised.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar, cast

from figuard.client.guarding.passage import Way
from figuard.client.guarding.wrapping import wrapped
from figuard.client.ops.arguments import TokenLike, exact
from figuard.client.session import logger
from figuard.client.spend import SpendBase
from figuard.domain.amounts import AmountLike

if TYPE_CHECKING:
    from figuard.client.guarding.passage import Client

F = TypeVar("F", bound=Callable[..., Any])
Arguments = Mapping[str, Any]
Amount = int | str | float | Decimal | Callable[[Arguments], AmountLike]
"""How much one call may spend: a number, or a function of the call's arguments by name."""
Key = Callable[[Arguments], str]
"""What makes two calls the same: a function of the call's arguments by name."""
Cost = Callable[[Any], AmountLike | None]
"""What a call really spent: a function of its result, None when it does not say."""


@dataclass(frozen=True, slots=True)
class Guard:
    """What every call of a guarded function asks for."""

    budget: TokenLike
    amount: Amount
    category: str | Callable[[Arguments], str | None] | None
    key: Key | None
    cost: Cost | None
    description: str | None
    agent_id: str
    action_type: str
    currency: str | None
    metadata: Mapping[str, Any] | None

    def way(self, function: Callable[..., Any], bound: inspect.BoundArguments) -> Way:
        """Return the way of one call. What the caller's own functions raise stops the call."""
        arguments = bound.arguments
        wish = {
            "budget": self.budget,
            "amount": self.amount(arguments) if callable(self.amount) else self.amount,
            "category": self.category(arguments) if callable(self.category) else self.category,
            "idempotency_key": self.key(arguments) if self.key else None,
            "description": self.description or getattr(function, "__name__", "call"),
            "agent_id": self.agent_id,
            "action_type": self.action_type,
            "currency": self.currency,
            "metadata": self.metadata,
        }
        return _Raising(wish, self.cost)


class _Raising(Way):
    """A way that ends at a denial with the exception of the spending block."""

    def __init__(self, wish: Mapping[str, Any], cost: Cost | None) -> None:
        super().__init__(wish)
        self._cost = cost

    def settled(self, spend: SpendBase, result: Any) -> Any:  # noqa: ANN401 - the function's own
        spend.settle(cost_of(self._cost, result))
        return result


def cost_of(cost: Cost | None, result: object) -> Decimal | None:
    """
    Return what a call really spent, None for all that was authorized.

    Never raises: the function has run, so what it spent is spent.
    """
    if cost is None:
        return None
    try:
        told = cost(result)
        return None if told is None else exact(told, "cost")
    except Exception:  # noqa: BLE001 - a caller's function may raise anything
        logger.warning("the cost of a guarded call is not known, so all of its amount is confirmed", exc_info=True)
        return None


def guard(client: Client, rule: Guard) -> Callable[[F], F]:
    """Return the decorator of a client of either colour."""

    def decorated(function: F) -> F:
        return cast("F", wrapped(client, function, partial(rule.way, function), owner=rule))

    return decorated
