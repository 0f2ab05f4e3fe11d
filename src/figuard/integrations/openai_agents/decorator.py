"""
The decorator for functions that become tools of an agent: it lies below ``@function_tool``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from agents import RunContextWrapper

from figuard.client.ops.arguments import TokenLike
from figuard.domain.amounts import AmountLike
from figuard.integrations.guard import Framework, ToolCall
from figuard.integrations.openai_agents.calls import identified
from figuard.integrations.published import published_decorator

if TYPE_CHECKING:
    from figuard.client.aio.client import AsyncFiGuardClient
    from figuard.client.sync.client import FiGuardClient

F = TypeVar("F", bound=Callable[..., Any])


def guarded_function_tool(
    client: FiGuardClient | AsyncFiGuardClient,
    session_token: TokenLike,
    *,
    category: str | None = None,
    amount_key: str = "amount",
    agent_id: str = "openai_agents_agent",
    amount_extractor: Callable[..., AmountLike | None] | None = None,
    debug: bool = False,
    **options: Any,  # noqa: ANN401 - those of client.guard, which refuses what it does not know
) -> Callable[[F], F]:
    """
    Guard a function that becomes a tool: ``@function_tool`` over ``@guarded_function_tool(client, token)``.

    Each call asks for the argument *amount_key*, or what ``amount_extractor(**arguments)`` says; positional arguments
    and defaults count, the SDK's own context does not. Denied, the function does not run and returns ``FiGuard DENIED:
    <code> — <message>``. A call without an amount is denied, unless *options* say ``on_unknown_amount``; they are those
    of ``client.guard``. Name, docstring and signature stay. *debug* logs amount and category of each call.

    Raises ``FiGuardUnguardableError`` for what is guarded already, and ``TypeError`` for a blocking function with an
    asyncio client.
    """
    return published_decorator(
        client,
        session_token,
        _FUNCTION,
        category=category,
        amount_key=amount_key,
        agent_id=agent_id,
        amount_extractor=amount_extractor,
        debug=debug,
        options=options,
    )


def _described(call: ToolCall) -> ToolCall:
    """Return the call without the SDK's context, but with what that knows, when it is the context of this very tool."""
    context = next((one for one in call.arguments.values() if isinstance(one, RunContextWrapper)), None)
    if context is None:
        return call
    arguments = {name: value for name, value in call.arguments.items() if value is not context}
    stripped = replace(call, arguments=arguments)
    if getattr(context, "tool_name", None) != call.tool:
        return stripped
    return replace(identified(stripped, context), agent_id=None)


_FUNCTION = Framework(describe=_described)
