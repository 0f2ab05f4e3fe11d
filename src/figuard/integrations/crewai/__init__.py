"""
CrewAI: tools and whole crews under a budget.

``guard_crew`` takes a crew and gives each member a token of its own; ``FiGuardCrewGuard`` guards one tool;
``auto_guard_crewai`` opens the budget as well. Works from crewai 0.102 on.
"""

from __future__ import annotations

from figuard.integrations import needs

needs("crewai", "crewai")

from figuard.integrations.crewai.crew import FiGuardCrew, guard_crew  # noqa: E402 - crewai is known to be here now
from figuard.integrations.crewai.shortcut import auto_guard_crewai  # noqa: E402
from figuard.integrations.crewai.tools import FiGuardCrewGuard  # noqa: E402

__all__ = ["FiGuardCrew", "FiGuardCrewGuard", "auto_guard_crewai", "guard_crew"]
