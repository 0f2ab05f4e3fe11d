"""
The parameters that the decorators of earlier releases have, made into today's guard.

``guarded_openai_function``, ``guarded_function_tool`` and ``guarded_anthropic_tool`` differ in nothing but the name of
their agent and in how their framework is spoken to.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar, cast

from figuard.client.ops.arguments import TokenLike
from figuard.client.session import logger
from figuard.domain.amounts import AmountLike
from figuard.integrations.guard import Framework, ToolCall, ToolGuard

if TYPE_CHECKING:
    from figuard.client.aio.client import AsyncFiGuardClient
    from figuard.client.sync.client import FiGuardClient

F = TypeVar("F", bound=Callable[..., Any])


def published_decorator(
    client: FiGuardClient | AsyncFiGuardClient,
    session_token: TokenLike,
    framework: Framework,
    *,
    category: str | None,
    amount_key: str,
    agent_id: str,
    amount_extractor: Callable[..., AmountLike | None] | None,
    debug: bool,
    options: dict[str, Any],
) -> Callable[[F], F]:
    """
    Return the decorator. The extractor is called with the arguments by name, as these decorators always did.

    With *debug* each call is logged (INFO) with its amount and category before it is asked. *options* are further
    settings of ``client.guard``. Raises what that raises.
    """

    def extracted(arguments: Mapping[str, Any]) -> AmountLike | None:
        assert amount_extractor is not None
        return amount_extractor(**arguments)

    guard = client.guard(
        session_token,
        category=category,
        amount_key=amount_key,
        agent_id=agent_id,
        amount_extractor=None if amount_extractor is None else extracted,
        **options,
    )
    spoken = _told(guard, framework) if debug else framework

    def decorated(function: F) -> F:
        return cast("F", guard.wrap(function, framework=spoken))

    return decorated


def _told(guard: ToolGuard, framework: Framework) -> Framework:
    def describe(call: ToolCall) -> ToolCall:
        described = framework.describe(call)
        amount, category = guard.policy.amount(described), guard.policy.category_of(described)
        logger.info("guarding %s: amount %s, category %s", described.tool, amount, category)
        return described

    return replace(framework, describe=describe)
