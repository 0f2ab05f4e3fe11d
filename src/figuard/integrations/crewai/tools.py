"""
One tool of CrewAI under a guard, in place.

Every path of CrewAI ends in one callable: ``func`` of a tool made by ``@tool``, ``_run`` and ``_arun`` of a subclass of
``BaseTool``. That is what is wrapped, so it does not matter whether a crew, a flow, an adapter or a program calls the
tool, by position or by name, from a loop or from a thread. Never a hook: CrewAI goes on when a hook fails.
"""

from __future__ import annotations

import gc
import inspect
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from crewai.tools.base_tool import BaseTool, Tool
from crewai.tools.structured_tool import CrewStructuredTool

from figuard.integrations.guard import (
    FiGuardUnguardableError,
    Framework,
    ToolGuard,
    attach,
    denial_text,
    detach,
)

if TYPE_CHECKING:
    from figuard.client.async_client import AsyncFiGuardClient
    from figuard.client.ops.arguments import TokenLike
    from figuard.client.sync.client import FiGuardClient
    from figuard.domain.amounts import AmountLike

_DENIED = denial_text("")
_PROBE = ("figuard probes this tool",) * 20
"""More arguments than a body takes. Given by position, since CrewAI checks named ones before it calls anything."""

_USES = ("current_usage_count", "max_usage_count")


class FiGuardCrewGuard:
    """
    Guards a CrewAI tool in place: ``FiGuardCrewGuard(tool, client, budget.session_token)``.

    A denied call does not run the tool; its result is the text ``FiGuard DENIED: <code> — <message>``, which the model
    reads and CrewAI's cache does not keep. Otherwise the amount is held, the tool runs, and what it cost is confirmed;
    when it raises, or returns CrewAI's own ``ToolFailure``, the hold is released.

    *tool* is what ``@tool`` makes, an instance of a subclass of ``BaseTool``, or a ``CrewStructuredTool``. The amount
    is the argument *amount_key*, defaults included, or ``amount_extractor(**arguments)``; a call without one is denied,
    or costs ``on_unknown_amount``. ``debug`` logs the category and amount of every call. *options* are those of
    ``client.guard``. ``also`` guards further tools with the same budget.

    Raises ``FiGuardUnguardableError`` for what is no such tool or is guarded already, and ``TypeError`` for a blocking
    tool with an ``AsyncFiGuardClient``.
    """

    def __init__(
        self,
        tool: Any,  # noqa: ANN401 - any tool of CrewAI
        client: FiGuardClient | AsyncFiGuardClient,
        session_token: TokenLike,
        *,
        category: str | None = None,
        amount_key: str = "amount",
        agent_id: str = "crewai_agent",
        amount_extractor: Callable[..., AmountLike | None] | None = None,
        debug: bool = False,
        **options: Any,  # noqa: ANN401 - those of client.guard, which refuses what it does not know
    ) -> None:
        guard = client.guard(
            session_token,
            category=category,
            amount_key=amount_key,
            agent_id=agent_id,
            amount_extractor=amount_extractor,
            debug=debug,
            **options,
        )
        self._attach(tool, guard)

    @classmethod
    def over(cls, guard: ToolGuard, tool: Any) -> Self:  # noqa: ANN401 - any tool of CrewAI
        """Guard *tool* with a guard that exists, ``client.guard(budget, ...)``; any number of tools may share one."""
        made = cls.__new__(cls)
        made._attach(tool, guard)  # noqa: SLF001 - another way to make one
        return made

    def also(self, tool: Any) -> Self:  # noqa: ANN401 - any tool of CrewAI
        """Guard another tool with the same budget and settings, and return its guard."""
        return self.over(self.guard, tool)

    def _attach(self, tool: Any, guard: ToolGuard) -> None:  # noqa: ANN401 - any tool of CrewAI
        self.tool, self.guard = tool, guard
        self._attached: list[tuple[Any, str]] = []
        self._vetoed: list[tuple[Any, Callable[..., Any]]] = []
        try:
            for seam in _seams(tool):
                attach(
                    guard,
                    seam.owner,
                    seam.attribute,
                    tool=tool.name,
                    framework=FRAMEWORK,
                    is_innermost=False,  # `_arun` may well call `_run`: one call, charged once
                    is_strict=seam.is_strict,
                    probe=seam.probe,
                )
                self._attached.append((seam.owner, seam.attribute))
            for one in (tool, *_structured_forms(tool)):
                self._veto_caching(one)
        except BaseException:
            self.unwrap()
            raise

    def unwrap(self) -> Any:  # noqa: ANN401 - the tool's own
        """Take the guard off and return the tool as it was. Harmless twice."""
        while self._attached:
            detach(*self._attached.pop())
        while self._vetoed:
            one, before = self._vetoed.pop()
            object.__setattr__(one, "cache_function", before)
        return self.tool

    def _veto_caching(self, tool: Any) -> None:  # noqa: ANN401 - any tool of CrewAI
        """Keep denials out of the cache of results: the next call may be allowed."""
        before = getattr(tool, "cache_function", None)
        if not callable(before):
            return

        def may_cache(arguments: Any = None, result: Any = None) -> bool:  # noqa: ANN401 - as CrewAI calls it
            is_denial = isinstance(result, str) and result.startswith(_DENIED)
            return not is_denial and bool(before(arguments, result))

        object.__setattr__(tool, "cache_function", may_cache)
        self._vetoed.append((tool, before))


@dataclass(frozen=True, slots=True)
class _Seam:
    """
    Where calls of a tool go through: an object, its attribute, and a call of it as CrewAI makes it.

    Not ``is_strict``: an awaited call may come here too, so an asyncio client is refused at a blocking call only.
    """

    owner: Any
    attribute: str
    probe: Callable[[], Any] | None = None
    is_strict: bool = True


def _seams(tool: Any) -> list[_Seam]:  # noqa: ANN401 - any tool of CrewAI
    """Return where calls of a tool go through. Raises ``FiGuardUnguardableError`` for what is no tool."""
    if isinstance(tool, CrewStructuredTool):
        original = getattr(tool, "_original_tool", None) or getattr(tool.func, "__self__", None)
        return _seams(original) if isinstance(original, BaseTool) else [_Seam(tool, "func")]
    if not isinstance(tool, BaseTool):
        raise FiGuardUnguardableError(
            f"{type(tool).__name__} is no tool of CrewAI: give it what @tool made, or an instance of a BaseTool"
        )
    run = _probing(tool, tool.run)
    if isinstance(tool, Tool):
        return [_Seam(tool, "func", run)]
    awaited = getattr(type(tool), "_arun", None) is not getattr(BaseTool, "_arun", None)
    seams = [_Seam(tool, "_run", run, is_strict=not awaited)]
    if awaited:
        seams.append(_Seam(tool, "_arun", _probing(tool, tool.arun)))
    # What was made of the tool before has kept its bare method.
    return seams + [_Seam(form, "func", is_strict=not awaited) for form in _structured_forms(tool)]


def _probing(tool: Any, run: Callable[..., Any]) -> Callable[[], Any]:  # noqa: ANN401 - any tool of CrewAI
    """Return a call of a tool as CrewAI makes it, which leaves no trace in the tool's count of uses."""

    def probe() -> Any:  # noqa: ANN401 - never returns where the guard is
        with _uncounted(tool):
            return run(*_PROBE)

    async def probe_awaited() -> Any:  # noqa: ANN401 - as above
        with _uncounted(tool):
            return await run(*_PROBE)

    return probe_awaited if inspect.iscoroutinefunction(run) else probe


@contextmanager
def _uncounted(tool: Any) -> Generator[None]:  # noqa: ANN401 - any tool of CrewAI
    before = {name: getattr(tool, name) for name in _USES if hasattr(tool, name)}
    try:
        if before:
            tool.max_usage_count = None
        yield
    finally:
        for name, value in before.items():
            object.__setattr__(tool, name, value)


def _structured_forms(tool: Any) -> list[CrewStructuredTool]:  # noqa: ANN401 - any tool of CrewAI
    """Return what ``to_structured_tool`` has made of a tool so far. CrewAI itself makes them anew for each task."""
    return [one for one in gc.get_objects() if type(one) is CrewStructuredTool and _is_of(one, tool)]


def _is_of(form: CrewStructuredTool, tool: Any) -> bool:  # noqa: ANN401 - any tool of CrewAI
    return getattr(form.func, "__self__", None) is tool


def _failure(result: object) -> str | None:
    """Return what CrewAI's own ``ToolFailure`` says, which a tool returns in place of raising (crewai 1.16 on)."""
    told = getattr(result, "as_agent_message", None)
    return str(told()) if callable(told) and type(result).__name__ == "ToolFailure" else None


FRAMEWORK = Framework(failed=_failure)
"""How CrewAI is spoken to: a denial is the text itself, since an exception would reach the model only as an error."""
