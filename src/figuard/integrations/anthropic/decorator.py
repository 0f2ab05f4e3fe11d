"""
The decorator for functions that an Anthropic model calls.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from figuard.client.ops.arguments import TokenLike
from figuard.domain.amounts import AmountLike
from figuard.integrations.dispatch import DISPATCHED
from figuard.integrations.published import published_decorator

if TYPE_CHECKING:
    from figuard.client.aio.client import AsyncFiGuardClient
    from figuard.client.sync.client import FiGuardClient

F = TypeVar("F", bound=Callable[..., Any])


def guarded_anthropic_tool(
    client: FiGuardClient | AsyncFiGuardClient,
    session_token: TokenLike,
    *,
    category: str | None = None,
    amount_key: str = "amount",
    agent_id: str = "anthropic_agent",
    amount_extractor: Callable[..., AmountLike | None] | None = None,
    debug: bool = False,
    **options: Any,  # noqa: ANN401 - those of client.guard, which refuses what it does not know
) -> Callable[[F], F]:
    """
    Guard a function that a model calls: ``@guarded_anthropic_tool(client, token, amount_key="price")``.

    Each call asks for the argument *amount_key*, or what ``amount_extractor(**arguments)`` says; positional arguments
    and defaults count. Denied, the function does not run and returns ``FiGuard DENIED: <code> — <message>``. A call
    without an amount is denied, unless *options* say ``on_unknown_amount``; they are those of ``client.guard``. Name,
    docstring and signature stay. *debug* logs amount and category of each call.

    Raises ``FiGuardUnguardableError`` for what is guarded already, and ``TypeError`` for a blocking function with an
    asyncio client.
    """
    return published_decorator(
        client,
        session_token,
        DISPATCHED,
        category=category,
        amount_key=amount_key,
        agent_id=agent_id,
        amount_extractor=amount_extractor,
        debug=debug,
        options=options,
    )
