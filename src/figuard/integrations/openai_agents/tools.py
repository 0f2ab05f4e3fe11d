"""
Tools of an agent, guarded where they run: below the place where the SDK turns what a tool raises into a text.

A guard around the outside of such a tool would take every failure for a success. Where that place is has changed with
the releases: an attribute of the invoker from 0.11 on, before that a variable that a closure holds.
"""

from __future__ import annotations

import copy
import functools
import inspect
import types
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar, cast

from figuard.integrations.guard import PLAIN, FiGuardUnguardableError, ToolCall, is_guarded, prove
from figuard.integrations.openai_agents.calls import Serving, decoded, identified, payer, served_by

if TYPE_CHECKING:
    from figuard.integrations.guard import ToolGuard

T = TypeVar("T")
Implementation = Callable[[Any, Any], Awaitable[Any]]

_IMPLEMENTATION = "_invoke_tool_impl"
_IN_CLOSURE = "_on_invoke_tool_impl"
_ROUTE = "__figuard_route__"


@dataclass(slots=True)
class Route:
    """
    The guard of one tool. Fixed, it always is *latest*; else each run has its own, *latest* being for runs unknown.
    """

    latest: ToolGuard
    is_fixed: bool = False

    def guard(self, context: object) -> ToolGuard:
        """Return the guard of a call."""
        return self.latest if self.is_fixed else payer(context, self.latest)


def guard_tool(tool: T, guard: ToolGuard) -> T:
    """
    Return a guarded copy of an agent's tool: ``Agent(tools=[guard_tool(buy, guard)])``.

    What is metered are the model's arguments, with the defaults of the tool's schema. A denied call does not run, and
    its result is the denial; what the tool raises releases the hold and is told to the model as the tool says. Raises
    ``FiGuardUnguardableError`` for what runs nothing here (a hosted tool, say) or is guarded already.
    """
    if not has_invoker(tool):
        raise FiGuardUnguardableError(f"{type(tool).__name__} runs nothing in this process that could be guarded")
    present = route_of(tool)
    if (present is not None and present.is_fixed) or _has_guarded_function(tool):
        raise FiGuardUnguardableError(f"{_name(tool)} is guarded already; guarded twice, it would be charged twice")
    guarded = copy.copy(tool)
    install(guarded, Route(guard, is_fixed=True))
    return guarded


def has_invoker(tool: object) -> bool:
    """Return whether a tool is run by this process, through a function that could be guarded."""
    return callable(getattr(tool, "on_invoke_tool", None))


def is_of_an_agent(tool: object) -> bool:
    """Return whether a tool is another agent. It spends nothing itself; its tools do."""
    return getattr(tool, "_agent_instance", None) is not None


def server_of(tool: object) -> Any:  # noqa: ANN401 - an MCPServer
    """Return the MCP server that a tool calls, None for any other tool."""
    found = implementation_of(tool)
    if isinstance(found, functools.partial) and getattr(found.func, "__name__", "") == "invoke_mcp_tool":
        return found.args[0]
    return None


def implementation_of(tool: object) -> object:
    """Return what runs a tool, below the SDK's own handling of errors."""
    invoker: Any = getattr(tool, "on_invoke_tool", None)
    held = getattr(invoker, _IMPLEMENTATION, None)
    if held is not None:
        return held
    cell = _cell(invoker)
    return invoker if cell is None else cell.cell_contents


def route_of(tool: object) -> Route | None:
    """Return the route of a guarded tool, None for one without."""
    return getattr(implementation_of(tool), _ROUTE, None)


def route(tool: object, guard: ToolGuard) -> None:
    """
    Guard a tool in place for the runs of hooks; harmless on one that is guarded already, by whatever means.

    Raises ``FiGuardUnguardableError`` when its calls do not get to the guard.
    """
    present = route_of(tool)
    if present is not None:
        if not present.is_fixed:
            present.latest = guard
    elif not _has_guarded_function(tool):
        install(tool, Route(guard))


def install(tool: Any, one: Route) -> None:  # noqa: ANN401 - any tool of the SDK
    """Put a guard into a tool and prove that calls get to it."""
    before = tool.on_invoke_tool
    passing = is_of_an_agent(tool) or server_of(tool) is not None
    tool.on_invoke_tool = _rebuilt(tool, before, functools.partial(_passing if passing else _guarded, tool, one))
    try:
        if route_of(tool) is not one:  # and so a call would run the body
            raise FiGuardUnguardableError(f"{_name(tool)} cannot be guarded: {type(tool).__name__} does not let it be")
        if not passing:
            prove(lambda: tool.on_invoke_tool(None, "{}"), f"the tool {_name(tool)!r}")
    except FiGuardUnguardableError:
        tool.on_invoke_tool = before
        raise


def _guarded(tool: Any, one: Route, implementation: Implementation) -> Implementation:  # noqa: ANN401 - as above
    name, schema = _name(tool), getattr(tool, "params_json_schema", None)

    @functools.wraps(implementation)
    async def guarded(context: Any, arguments: Any) -> Any:  # noqa: ANN401 - the SDK's own
        guard = one.guard(context)

        async def body() -> Any:  # noqa: ANN401 - the tool's own
            with served_by(Serving(guard)):
                made = cast("Any", implementation(context, arguments))
                return await made if inspect.isawaitable(made) else made

        call = identified(ToolCall(name, decoded(schema, arguments)), context, guard.policy.run_id)
        return await guard.run_async(call, body, PLAIN, is_innermost=True)

    setattr(guarded, _ROUTE, one)
    return guarded


def _passing(tool: Any, one: Route, implementation: Implementation) -> Implementation:  # noqa: ANN401 - as above
    """What a call of another agent or of an MCP server passes: it says who pays for what is guarded further down."""
    is_server = server_of(tool) is not None

    @functools.wraps(implementation)
    async def passing(context: Any, arguments: Any) -> Any:  # noqa: ANN401 - the SDK's own
        with served_by(Serving(one.guard(context), context if is_server else None)):
            return await implementation(context, arguments)

    setattr(passing, _ROUTE, one)
    return passing


def _rebuilt(tool: object, invoker: Any, wrap: Callable[[Any], Any]) -> Any:  # noqa: ANN401 - of many shapes
    """Return an invoker like *invoker* whose implementation is wrapped; one of a tool's own is wrapped whole."""
    held = getattr(invoker, _IMPLEMENTATION, None)
    if held is not None:
        made = copy.copy(invoker)
        made._invoke_tool_impl = wrap(_unrouted(held))  # noqa: SLF001 - the SDK has no other way in
        made._function_tool = tool  # noqa: SLF001 - whose error handling it asks for
        return made
    cell = _cell(invoker)
    if cell is None:
        return wrap(_unrouted(invoker))
    inner = _unrouted(cell.cell_contents)
    cells = tuple(types.CellType(wrap(inner)) if one is cell else one for one in invoker.__closure__)
    made = types.FunctionType(invoker.__code__, invoker.__globals__, invoker.__name__, invoker.__defaults__, cells)
    made.__kwdefaults__ = invoker.__kwdefaults__
    made.__dict__.update(invoker.__dict__)
    return made


def _unrouted(implementation: Any) -> Any:  # noqa: ANN401 - of many shapes
    """Return an implementation without the guard that hooks have put around it; a copy may have one of its own."""
    return implementation.__wrapped__ if hasattr(implementation, _ROUTE) else implementation


def _cell(invoker: Any) -> types.CellType | None:  # noqa: ANN401 - of many shapes
    names: tuple[str, ...] = getattr(getattr(invoker, "__code__", None), "co_freevars", ())
    return invoker.__closure__[names.index(_IN_CLOSURE)] if _IN_CLOSURE in names else None


def _has_guarded_function(tool: object) -> bool:
    """Return whether the function that a tool was made of is guarded by a decorator."""
    implementation = _unrouted(implementation_of(tool))
    closure = getattr(implementation, "__closure__", None) or ()
    return is_guarded(implementation) or any(is_guarded(cell.cell_contents) for cell in closure if _is_filled(cell))


def _is_filled(cell: types.CellType) -> bool:
    try:
        return callable(cell.cell_contents)
    except ValueError:  # the variable has no value yet
        return False


def _name(tool: object) -> str:
    return str(getattr(tool, "name", type(tool).__name__))
