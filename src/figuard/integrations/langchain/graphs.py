"""
LangGraph graphs, built or compiled: every tool that a graph can call, in its nodes, subgraphs and tools' own graphs.
"""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextvars import copy_context
from dataclasses import replace
from functools import partial
from typing import Any

from langchain_core.messages import AIMessage
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import BaseTool
from langgraph.prebuilt import ToolNode

from figuard.integrations.guard import (
    FiGuardUnguardableError,
    ToolCall,
    ToolGuard,
    attach,
    detach,
    guard_of,
    is_guarded,
    prove,
)
from figuard.integrations.langchain.calls import call_of, told_in_messages
from figuard.integrations.langchain.tools import guard_tool, is_guarded_tool, unguard_tool

_DEPTH_MAX = 20
_FRAMEWORKS = frozenset({"langchain", "langchain_classic", "langchain_core", "langgraph"})
_PROBE = {"name": "figuard_probe", "args": {}, "id": "figuard_probe", "type": "tool_call"}
"""A call of a tool that nobody has: where the guard is missing, it comes to nothing."""


def guarded_tool_node(tools: Iterable[Any], guard: ToolGuard, **options: Any) -> ToolNode:  # noqa: ANN401 - ToolNode's
    """Return a ``ToolNode`` of these tools, guarded. *options* are its own."""
    return guard_tool_node(ToolNode(list(tools), **options), guard)


def guard_tool_node(node: ToolNode, guard: ToolGuard) -> ToolNode:
    """
    Guard a ``ToolNode`` in place, and return it: each call, blocking or awaited, alone or beside others.

    Raises ``FiGuardUnguardableError`` when it is guarded already or calls would not get to the guard.
    """
    if not hasattr(node, "_wrap_tool_call"):
        return _guard_tools_of(node, guard)
    framework = replace(told_in_messages(), describe=partial(_described, node))
    what = "the tool node"
    attach(guard, node, "_run_one", tool=what, framework=framework, is_innermost=False, is_strict=False)
    try:
        attach(guard, node, "_arun_one", tool=what, framework=framework, is_innermost=False)
        prove(lambda: node.invoke(_probing(), _config()), what)
        prove(lambda: _on_a_loop(lambda: node.ainvoke(_probing(), _config())), what)
    except FiGuardUnguardableError:
        unguard_tool_node(node)
        raise
    return node


def unguard_tool_node(node: ToolNode) -> ToolNode:
    """Take the guard off a ``ToolNode`` again, and return it."""
    for name in ("_run_one", "_arun_one"):
        if is_guarded(getattr(node, name)):
            detach(node, name)
    if not hasattr(node, "_wrap_tool_call"):
        for tool in filter(is_guarded_tool, node.tools_by_name.values()):
            unguard_tool(tool)
    return node


def _guard_tools_of(node: ToolNode, guard: ToolGuard) -> ToolNode:
    """Guard the tools of an older node, which tells errors from results by their text only."""
    if any(map(is_guarded_tool, node.tools_by_name.values())):
        raise FiGuardUnguardableError("the tool node is guarded already; guarded twice, each call is charged twice")
    for name, tool in node.tools_by_name.items():
        node.tools_by_name[name] = guard_tool(tool, guard)
    return node


def _described(node: ToolNode, made: ToolCall) -> ToolCall:
    """Return the tool call that a call of a node's ``_run_one(call, ...)`` makes."""
    call: Mapping[str, Any] = made.arguments["call"]
    runtime = made.arguments.get("tool_runtime")
    config = runtime.config if runtime is not None else made.arguments.get("config")
    return call_of(call, node.tools_by_name.get(call["name"]), config)


def _probing() -> dict[str, Any]:
    return {"messages": [AIMessage(content="", tool_calls=[_PROBE])]}


def _config() -> RunnableConfig:
    """Return what a node needs to run outside of a graph."""
    try:
        from langgraph.runtime import Runtime
    except ImportError:  # older ones need nothing
        return {}
    return {"configurable": {"__pregel_runtime": Runtime()}}


def _on_a_loop(made: Callable[[], Any]) -> None:
    """Await something on a thread, because the caller may be inside a running loop."""
    raised: list[BaseException] = []

    async def awaited() -> None:
        await made()

    def run() -> None:
        try:
            asyncio.run(awaited())
        except BaseException as error:  # noqa: BLE001 - raised again below, on the caller's thread
            raised.append(error)

    thread = threading.Thread(target=partial(copy_context().run, run), name="figuard-probe")
    thread.start()
    thread.join()
    if raised:
        raise raised[0]


# ----------------------------------------------------------------------------------------------------- whole graphs


def guard_graph(graph: Any, guard: ToolGuard) -> Any:  # noqa: ANN401 - of any graph's type
    """
    Guard every tool that a graph can call, in place, and return the graph.

    Finds the tool nodes of the graph, compiled or not, of its subgraphs, and of the graphs and tools that the functions
    of its nodes and tools refer to. What carries this guard already is left as it is. Raises
    ``FiGuardUnguardableError`` when there is nothing to guard.
    """
    found = list(_found(graph))
    if not found:
        raise FiGuardUnguardableError(
            f"{type(graph).__name__} cannot be guarded: no tool node and no tool was found in it; guard its tools with "
            "guard_tool, or give its agent a FiGuardMiddleware"
        )
    for thing in found:
        if isinstance(thing, ToolNode):
            if guard_on(thing) is not guard:
                guard_tool_node(thing, guard)
        elif guard_on(thing) is not guard:
            guard_tool(thing, guard, in_place=True)
    return graph


def has_tools(graph: Any) -> bool:  # noqa: ANN401 - as above
    """Return whether there is something in a graph that ``guard_graph`` would guard."""
    return next(_found(graph), None) is not None


def unguard_graph(graph: Any) -> Any:  # noqa: ANN401 - as above
    """Take the guard off every tool of a graph again, and return it."""
    for thing in _found(graph):
        if isinstance(thing, ToolNode):
            unguard_tool_node(thing)
        elif is_guarded_tool(thing):
            unguard_tool(thing)
    return graph


def guard_on(thing: Any) -> ToolGuard | None:  # noqa: ANN401 - of many types
    """Return the guard on a graph, a tool node or a tool; None where there is none."""
    if isinstance(thing, BaseTool):
        return guard_of(thing._run)  # noqa: SLF001 - where the guard of a tool sits
    if isinstance(thing, ToolNode):
        inner = [guard_of(tool._run) for tool in thing.tools_by_name.values()]  # noqa: SLF001 - as above
        return guard_of(getattr(thing, "_run_one", None)) or (inner[0] if inner and all(inner) else None)
    guards = [guard_on(one) for one in _found(thing)]
    return guards[0] if guards and all(guards) else None


def _found(root: Any) -> Iterator[ToolNode | BaseTool]:  # noqa: ANN401 - as above
    """Yield the tool nodes of a graph, and the tools that its functions call by themselves; each once."""
    seen: set[int] = set()
    waiting: list[tuple[Any, int]] = [(root, 0)]
    while waiting:
        thing, depth = waiting.pop()
        if id(thing) in seen or depth > _DEPTH_MAX:
            continue
        seen.add(id(thing))
        if isinstance(thing, ToolNode):
            yield thing
            functions = [_functions(tool) for tool in thing.tools_by_name.values()]
            waiting += [(one, depth + 1) for each in functions for one in each]
        elif isinstance(thing, BaseTool):
            yield thing
            waiting += [(one, depth + 1) for one in _functions(thing)]
        else:
            waiting += [(one, depth + 1) for one in _inside(thing)]


def _functions(tool: BaseTool) -> list[Any]:
    return [one for one in (getattr(tool, "func", None), getattr(tool, "coroutine", None)) if one is not None]


def _inside(thing: Any) -> Iterator[Any]:  # noqa: ANN401 - as above
    """Yield what a graph, a node, a chain or a function is made of."""
    if inspect.isfunction(thing) or inspect.ismethod(thing):
        yield from _named_by(thing)
        return
    nodes = getattr(thing, "nodes", None)
    if isinstance(nodes, Mapping):
        yield from nodes.values()
    for name in ("bound", "runnable", "func", "afunc", "steps", "steps__", "runnables", "fallbacks", "default"):
        part = vars(thing).get(name) if hasattr(thing, "__dict__") else getattr(thing, name, None)
        if part is None:
            part = getattr(thing, name, None) if name == "steps" else None
        if isinstance(part, Mapping):
            yield from part.values()
        elif isinstance(part, (list, tuple)):
            yield from part
        elif part is not None:
            yield part


def _named_by(function: Any) -> Iterator[Any]:  # noqa: ANN401 - as above
    """Yield the tools and graphs that a function refers to, and no other of its names."""
    code = inspect.unwrap(function)
    owner = getattr(code, "__self__", None)
    code = getattr(code, "__func__", code)
    names: dict[str, Any] = {}
    if inspect.isfunction(code):
        known = inspect.getclosurevars(code)
        names = {**known.globals, **known.nonlocals}
    # The frameworks' own functions show tools to the model, and call them through tool nodes only.
    wanted = (ToolNode,) if str(code.__module__).partition(".")[0] in _FRAMEWORKS else (ToolNode, BaseTool)
    for value in (owner, *names.values()):
        for one in value if isinstance(value, (list, tuple)) else (value,):
            if isinstance(one, wanted) or _is_graph(one):
                yield one


def _is_graph(thing: Any) -> bool:  # noqa: ANN401 - as above
    return not inspect.isclass(thing) and any(kind.__name__ in {"Pregel", "StateGraph"} for kind in type(thing).__mro__)
