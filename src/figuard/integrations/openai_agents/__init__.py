"""
OpenAI Agents SDK: whole runs, handoffs and MCP servers included, single tools, and functions, under a budget.

``Runner.run(agent, "...", hooks=FiGuardRunHooks(guard))`` guards everything a run calls; ``guard_tool`` guards one
tool, ``guarded_function_tool`` the function below ``@function_tool``. Works from openai-agents 0.0.5 on.
"""

from __future__ import annotations

from figuard.integrations import needs

needs("agents", "openai-agents")

from figuard.integrations.openai_agents.decorator import guarded_function_tool  # noqa: E402 - agents is known to be here
from figuard.integrations.openai_agents.hooks import FiGuardRunHooks  # noqa: E402
from figuard.integrations.openai_agents.tools import guard_tool  # noqa: E402

__all__ = ["FiGuardRunHooks", "guard_tool", "guarded_function_tool"]
