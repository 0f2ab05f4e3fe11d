"""
The programs of the README do what they show.
"""

from __future__ import annotations

import asyncio

import pytest

from tests.integrations import readmes

pytest.importorskip("agents.testing", reason="the programs are written for the newest release")


def test_the_readme_does_what_it_shows():
    # Runner.run_sync takes the thread's loop, or leaves an open one behind.
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        assert readmes.check("openai_agents") == 2
    finally:
        asyncio.set_event_loop(None)
        loop.close()
