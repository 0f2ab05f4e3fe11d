"""
OpenAI: functions that a model calls, through chat completions, Responses or the Responses tool runner, under a budget.

``guarded_openai_function`` guards a function; ``run_tools`` and ``run_tools_async`` make all calls of a response;
``guard_registered_function`` guards one of the tool runner's. Works from openai 1.66 on.
"""

from __future__ import annotations

from figuard.integrations import needs

needs("openai", "openai")

from figuard.integrations.openai.decorator import guarded_openai_function  # noqa: E402 - openai is known to be here now
from figuard.integrations.openai.replies import run_tools, run_tools_async  # noqa: E402
from figuard.integrations.openai.runner import guard_registered_function  # noqa: E402

__all__ = ["guard_registered_function", "guarded_openai_function", "run_tools", "run_tools_async"]
