"""
Pydantic AI: one capability guards every tool of an agent, and its model requests where that is wanted.
"""

from __future__ import annotations

from figuard.integrations import needs

needs("pydantic_ai", "pydantic-ai")

from figuard.integrations.pydantic_ai.capability import FiGuardCapability  # noqa: E402 - the install line comes first

__all__ = ["FiGuardCapability"]
