"""
The capability: ``Agent(model, capabilities=[FiGuardCapability(guard)])``, or the same for a single ``agent.run``.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from pydantic_ai.capabilities import AbstractCapability
from pydantic_ai.messages import ModelResponse, TextPart

from figuard.integrations.guard import ToolGuard
from figuard.integrations.pydantic_ai.calls import MODEL, TOOL, asked_model, asked_tool

Handler = Callable[[Any], Awaitable[Any]]


class FiGuardCapability(AbstractCapability[Any]):
    """
    Guards every function tool of an agent, in ``run``, ``run_sync`` and ``run_stream``, with a client of either colour.

    A denied tool does not run, and the model reads the denial as its result. Arguments are validated before they are
    priced. A tool that asks for a retry is released, and the retry is a new call; one that is deferred or needs an
    approval is voided. The agent's name says who calls, unless the guard was given an ``agent_id`` of its own.

    With *model_guard* each request to the model is a spending too: it is asked with the arguments ``model``,
    ``messages`` (how many) and ``max_tokens``, so it needs a price (``price=``, or an ``amount_extractor``); its
    ``cost_extractor`` is given the ``ModelResponse`` and says what the request really cost. A denied request is not
    sent; the run ends with the denial as the agent's answer.
    """

    def __init__(self, guard: ToolGuard, *, model_guard: ToolGuard | None = None) -> None:
        self.guard = guard
        self.model_guard = model_guard

    async def wrap_tool_execute(self, ctx: Any, *, call: Any, tool_def: Any, args: Any, handler: Handler) -> Any:  # noqa: ANN401 - Pydantic AI's own
        if getattr(tool_def, "kind", None) == "output":
            return await handler(args)  # the form of the answer, which buys nothing
        asked = asked_tool(self.guard, ctx, call, tool_def, args)
        return await self.guard.run_async(asked, lambda: handler(args), TOOL)

    async def wrap_model_request(self, ctx: Any, *, request_context: Any, handler: Handler) -> Any:  # noqa: ANN401 - as above
        if self.model_guard is None:
            return await handler(request_context)
        asked = asked_model(self.model_guard, ctx, request_context)
        told = await self.model_guard.run_async(asked, lambda: handler(request_context), MODEL)
        return ModelResponse(parts=[TextPart(told)]) if isinstance(told, str) else told
