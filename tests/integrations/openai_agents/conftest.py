"""
A desk for each test, closed afterwards.
"""

from __future__ import annotations

import pytest


@pytest.fixture
async def desk(model):
    """
    Makes agents on the scripted model.
    """
    pytest.importorskip("agents")
    from agents import set_tracing_disabled

    from tests.integrations.openai_agents.desk import Desk

    set_tracing_disabled(disabled=True)
    made = Desk(model)
    yield made
    await made.close()
