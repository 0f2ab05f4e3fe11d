"""
Anthropic: functions and tools that a model calls, by hand or through the tool runner, under a budget.

``guarded_anthropic_tool`` guards a function; ``guard_tool`` guards a tool of the tool runner; ``run_tools`` and
``run_tools_async`` make all calls of a message. Works from anthropic 0.49 on; the tool runner came later.
"""

from __future__ import annotations

from figuard.integrations import needs

needs("anthropic", "anthropic")

from figuard.integrations.anthropic.decorator import guarded_anthropic_tool  # noqa: E402 - anthropic is known to be here
from figuard.integrations.anthropic.messages import run_tools, run_tools_async  # noqa: E402
from figuard.integrations.anthropic.runner import guard_tool  # noqa: E402

__all__ = ["guard_tool", "guarded_anthropic_tool", "run_tools", "run_tools_async"]
