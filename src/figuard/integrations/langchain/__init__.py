"""
LangChain and LangGraph: agents, graphs, executors and single tools, guarded where their tools run.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from figuard.integrations import needs

needs("langchain_core", "langchain")

from figuard.integrations.langchain.auto import auto_guard_langchain  # noqa: E402 - the install line comes first
from figuard.integrations.langchain.callbacks import FiGuardCallbackHandler  # noqa: E402
from figuard.integrations.langchain.tools import FiGuardToolGuard, guard_tool, unguard_tool  # noqa: E402

if TYPE_CHECKING:
    from figuard.integrations.langchain.graphs import (
        guard_graph,
        guard_on,
        guard_tool_node,
        guarded_tool_node,
        unguard_graph,
        unguard_tool_node,
    )
    from figuard.integrations.langchain.middleware import FiGuardMiddleware

__all__ = [
    "FiGuardCallbackHandler",
    "FiGuardMiddleware",
    "FiGuardToolGuard",
    "auto_guard_langchain",
    "guard_graph",
    "guard_on",
    "guard_tool",
    "guard_tool_node",
    "guarded_tool_node",
    "unguard_graph",
    "unguard_tool",
    "unguard_tool_node",
]

# Each of these needs a package beyond langchain-core.
_LATER = {
    "FiGuardMiddleware": ("middleware", "langchain.agents.middleware", "langchain>=1"),
    **dict.fromkeys(
        ("guard_graph", "guard_on", "guard_tool_node", "guarded_tool_node", "unguard_graph", "unguard_tool_node"),
        ("graphs", "langgraph.prebuilt", "langgraph"),
    ),
}


def __getattr__(name: str) -> object:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home, module, package = _LATER[name]
    try:
        import_module(module)
    except ImportError as error:
        raise ImportError(f"{name} needs {module}: pip install '{package}'", name=module) from error
    return getattr(import_module(f"{__name__}.{home}"), name)
