"""
The one line that opens a budget and guards with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from figuard.integrations.crewai.tools import FiGuardCrewGuard
from figuard.integrations.guard import new_guard

if TYPE_CHECKING:
    from figuard.client.sync.client import FiGuardClient
    from figuard.domain.amounts import AmountLike


def auto_guard_crewai(
    tool: Any,  # noqa: ANN401 - any tool of CrewAI
    budget: AmountLike = 500,
    currency: str = "USD",
    agent_id: str = "crewai_agent",
    amount_key: str = "amount",
    velocity_max_per_minute: int | None = None,
    client: FiGuardClient | None = None,
) -> FiGuardCrewGuard:
    """
    Open a budget for 24 hours, guard a tool with it and return the guard; ``guard_crew`` does that for a crew.

    ``auto_guard_crewai(search).also(book)`` guards two tools with one budget. Without *client* it is
    ``FiGuardClient()``. *budget* is in *currency*. *agent_id* names who spends. Raises ``FiGuardUnguardableError`` for
    what cannot be guarded, and ``FiGuardConfigError`` for an asyncio client.
    """
    guard = new_guard(
        client,
        budget=budget,
        currency=currency,
        velocity_max_per_minute=velocity_max_per_minute,
        agent_id=agent_id,
        amount_key=amount_key,
    )
    return FiGuardCrewGuard.over(guard, tool)
