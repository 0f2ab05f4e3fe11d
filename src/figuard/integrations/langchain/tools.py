"""
Guarded tools, for whatever runs them: agents, executors, chains, or a plain ``tool.invoke``.

A tool is guarded at its innermost methods, ``_run`` and ``_arun``, where every way of calling it ends: arguments are
validated there, and calls that are not valid never ask.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from langchain_core.runnables.config import var_child_runnable_config
from langchain_core.tools import BaseTool

from figuard.domain.amounts import AmountLike
from figuard.integrations.guard import (
    Denied,
    FiGuardUnguardableError,
    Framework,
    ToolCall,
    ToolGuard,
    attach,
    detach,
    guard_of,
)
from figuard.integrations.langchain.calls import agent_of, defaults_of, injected_into, interrupts, run_of

if TYPE_CHECKING:
    from figuard.client.aio.client import AsyncFiGuardClient
    from figuard.client.ops.arguments import TokenLike
    from figuard.client.sync.client import FiGuardClient

_MACHINERY = frozenset({"config", "run_manager", "callbacks"})
"""Parameters of LangChain's own, which are no arguments of a call."""


@dataclass(frozen=True, slots=True)
class _Handed:
    """What ``tool.run`` was handed, and ``tool._run`` is not."""

    call_id: str | None
    config: Mapping[str, Any] | None


_handed: ContextVar[_Handed | None] = ContextVar("figuard_langchain_call", default=None)


def guard_tool(tool: BaseTool, guard: ToolGuard, *, in_place: bool = False) -> BaseTool:
    """
    Return a guarded copy of a tool, or the tool itself guarded.

    Works for ``@tool`` functions of either colour, for ``StructuredTool`` and for subclasses of ``BaseTool``, in
    every agent that runs tools. A denied call returns the denial as the tool's result. Raises
    ``FiGuardUnguardableError`` for what is no tool or is guarded already.
    """
    if not isinstance(tool, BaseTool):  # pyright: ignore[reportUnnecessaryIsInstance] - a caller's
        raise FiGuardUnguardableError(f"{type(tool).__name__} is no LangChain tool; guard the BaseTool that runs")
    guarded = tool if in_place else tool.model_copy()
    framework = _framework(guarded)
    attach(guard, guarded, "_run", tool=tool.name, framework=framework, is_strict=False)
    # A tool without a coroutine of its own comes from `_arun` to `_run`: one call.
    is_native = getattr(guarded, "coroutine", None) is not None
    try:
        attach(guard, guarded, "_arun", tool=tool.name, framework=framework, is_innermost=is_native)
    except FiGuardUnguardableError:
        detach(guarded, "_run")
        raise
    object.__setattr__(guarded, "run", _noted(guarded.run))
    object.__setattr__(guarded, "arun", _noted_awaited(guarded.arun))
    return guarded


def unguard_tool(tool: BaseTool) -> BaseTool:
    """Take the guard off a tool again, and return it. Raises ``FiGuardUnguardableError`` where there is none."""
    detach(tool, "_run")
    detach(tool, "_arun")
    for name in ("run", "arun"):
        object.__delattr__(tool, name)
    return tool


def is_guarded_tool(tool: object) -> bool:
    """Return whether a tool is guarded."""
    return guard_of(getattr(tool, "_run", None)) is not None


def _framework(tool: BaseTool) -> Framework:
    injected, first = injected_into(tool), next(iter(tool.args), "tool_input")

    def describe(call: ToolCall) -> ToolCall:
        given = {name: value for name, value in call.arguments.items() if name not in _MACHINERY | injected}
        positional = given.pop("args", ()) if "args" not in tool.args else ()
        named = {first: positional[0]} if positional else {}
        handed = _handed.get() or _Handed(None, None)
        config = handed.config or var_child_runnable_config.get()
        return replace(
            call,
            arguments={**defaults_of(tool), **named, **given},
            call_id=handed.call_id,
            run_id=run_of(config),
            agent_id=agent_of(config),
        )

    def denied(refused: Denied, call: ToolCall) -> object:
        return (refused.text, None) if tool.response_format == "content_and_artifact" else refused.text

    return Framework(denied=denied, interrupts=interrupts(), describe=describe)


def _noted(run: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(run)
    def noted(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - the tool's own
        token = _handed.set(_Handed(kwargs.get("tool_call_id"), kwargs.get("config")))
        try:
            return run(*args, **kwargs)
        finally:
            _handed.reset(token)

    return noted


def _noted_awaited(run: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(run)
    async def noted(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - the tool's own
        token = _handed.set(_Handed(kwargs.get("tool_call_id"), kwargs.get("config")))
        try:
            return await run(*args, **kwargs)
        finally:
            _handed.reset(token)

    return noted


class FiGuardToolGuard:
    """
    A guard on one tool, in place: ``FiGuardToolGuard(tool, client, budget, amount_key="price")``.

    ``tool`` is the guarded tool, ``guard`` what guards it. *options* are further settings of ``client.guard``, such as
    ``cost_extractor`` or ``on_unknown_amount``. Raises as ``guard_tool`` and ``client.guard`` do.
    """

    def __init__(
        self,
        tool: BaseTool,
        client: FiGuardClient | AsyncFiGuardClient,
        session_token: TokenLike,
        *,
        category: str | None = None,
        amount_key: str = "amount",
        agent_id: str = "langchain_agent",
        amount_extractor: Callable[..., AmountLike | None] | None = None,
        debug: bool = False,
        **options: Any,  # noqa: ANN401 - those of client.guard, which refuses others
    ) -> None:
        self.guard = client.guard(
            session_token,
            category=category,
            amount_key=amount_key,
            agent_id=agent_id,
            amount_extractor=amount_extractor,
            debug=debug,
            **options,
        )
        self.tool = guard_tool(tool, self.guard, in_place=True)

    def unwrap(self) -> BaseTool:
        """Take the guard off again, and return the tool."""
        return unguard_tool(self.tool)
