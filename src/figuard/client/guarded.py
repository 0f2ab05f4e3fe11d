"""
The decorator: what a guarded function's call asks for, and the wrappers of either colour.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeVar, cast

from figuard.client.ops.arguments import TokenLike, exact
from figuard.client.session import logger
from figuard.client.spend import SpendBase
from figuard.domain.amounts import AmountLike

if TYPE_CHECKING:
    from figuard.client.aio.spending import Spending as AsyncSpending
    from figuard.client.sync.spending import Spending

F = TypeVar("F", bound=Callable[..., Any])
Arguments = Mapping[str, Any]
Amount = int | str | float | Decimal | Callable[[Arguments], AmountLike]
"""How much one call may spend: a number, or a function of the call's arguments by name."""
Key = Callable[[Arguments], str]
"""What makes two calls the same: a function of the call's arguments by name."""


@dataclass(frozen=True, slots=True)
class Guard:
    """What every call of a guarded function asks for."""

    budget: TokenLike
    amount: Amount
    category: str | Callable[[Arguments], str | None] | None
    key: Key | None
    cost: Callable[[Any], AmountLike | None] | None
    description: str | None
    agent_id: str
    action_type: str
    currency: str | None
    metadata: Mapping[str, Any] | None

    def request(self, function: Callable[..., Any], bound: inspect.BoundArguments) -> dict[str, Any]:
        """Return the arguments of ``spend`` for one call. What the caller's own functions raise stops the call."""
        bound.apply_defaults()
        arguments = bound.arguments
        return {
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

    def settle(self, spend: SpendBase, result: object) -> None:
        """Settle one call by its result. Never raises: the function has run, so what it spent is spent."""
        spend.settle(None if self.cost is None else self._cost(result))

    def _cost(self, result: object) -> Decimal | None:
        assert self.cost is not None
        try:
            cost = self.cost(result)
            return None if cost is None else exact(cost, "cost")
        except Exception:  # noqa: BLE001 - a caller's function may raise anything
            logger.warning("the cost of a guarded call is not known, so all of its amount is confirmed", exc_info=True)
            return None


def guard(client: Spending | AsyncSpending, rule: Guard) -> Callable[[F], F]:
    """Return the decorator of a client of either colour."""

    def decorated(function: F) -> F:
        return cast("F", _wrapped(client, rule, function))

    return decorated


def _wrapped(client: Spending | AsyncSpending, rule: Guard, function: Callable[..., Any]) -> Callable[..., Any]:
    if isinstance(function, (staticmethod, classmethod)) or not callable(function):
        raise TypeError("guarded takes a function; put it below @staticmethod or @classmethod")
    if _is(inspect.isgeneratorfunction, function) or _is(inspect.isasyncgenfunction, function):
        raise TypeError(f"{_name(function)} is a generator: its work is done after it returned, so guard each step")
    blocking = _blocking(client)
    if _is(inspect.iscoroutinefunction, function):
        waiting = cast("AsyncSpending", client)
        return _awaited(waiting, rule, function) if blocking is None else _beside(blocking, rule, function)
    if blocking is None:
        raise TypeError(
            f"{_name(function)} is not async, and an AsyncFiGuardClient can only be awaited; use a FiGuardClient for it"
        )
    return _blocked(blocking, rule, function)


def _is(kind: Callable[[object], bool], function: Callable[..., Any]) -> bool:
    """Return whether calling *function* is of a kind; it may be a partial, or an object with ``__call__``."""
    return kind(function) or kind(getattr(function, "__call__", None))  # noqa: B004 - what runs, not whether


def _blocking(client: Spending | AsyncSpending) -> Spending | None:
    from figuard.client.sync.spending import Spending

    return client if isinstance(client, Spending) else None


def _blocked(client: Spending, rule: Guard, function: Callable[..., Any]) -> Callable[..., Any]:
    """A blocking function and a blocking client."""
    signature = inspect.signature(function)

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - the function's own
        with client.spend(**rule.request(function, signature.bind(*args, **kwargs))) as spend:
            result = function(*args, **kwargs)
            _refuse_unfinished(function, result)
            rule.settle(spend, result)
        return result

    return wrapper


def _awaited(client: AsyncSpending, rule: Guard, function: Callable[..., Any]) -> Callable[..., Any]:
    """A coroutine function and an asyncio client."""
    signature = inspect.signature(function)

    @functools.wraps(function)
    async def wrapper(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - the function's own
        async with client.spend(**rule.request(function, signature.bind(*args, **kwargs))) as spend:
            rule.settle(spend, result := await function(*args, **kwargs))
        return result

    return wrapper


def _beside(client: Spending, rule: Guard, function: Callable[..., Any]) -> Callable[..., Any]:
    """A coroutine function and a blocking client, which works on threads so that the loop goes on."""
    signature = inspect.signature(function)

    @functools.wraps(function)
    async def wrapper(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - the function's own
        spend = client.spend(**rule.request(function, signature.bind(*args, **kwargs)))
        await asyncio.to_thread(spend.ask_now)
        error: BaseException | None = None
        spend.open_scope()
        try:
            result = await function(*args, **kwargs)
            rule.settle(spend, result)
            return result
        except BaseException as raised:
            error = raised
            raise
        finally:
            spend.close_scope()
            await asyncio.shield(asyncio.to_thread(spend.settle_now, error))

    return wrapper


def _refuse_unfinished(function: Callable[..., Any], result: object) -> None:
    """Raise for a result whose work is still to be done: confirming it would book what nobody did yet."""
    if inspect.iscoroutine(result):
        result.close()
    elif not (inspect.isgenerator(result) or inspect.isasyncgen(result) or inspect.isawaitable(result)):
        return
    raise TypeError(f"{_name(function)} returned {type(result).__name__}, which has not run yet; guard what runs it")


def _name(function: Callable[..., Any]) -> str:
    return getattr(function, "__qualname__", None) or repr(function)
