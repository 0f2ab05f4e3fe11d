"""
The pytest plugin: a clock, a client on the real engine in memory, and a ledger that is verified after each test.

It is loaded by itself where FiGuard is installed, and costs nothing until a fixture is asked for.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from figuard.testing.determinism import ManualClock
    from figuard.testing.mock import MockFiGuardClient


@pytest.fixture
def figuard_clock() -> ManualClock:
    """A clock that stands still until your test turns it."""
    from figuard.testing.determinism import ManualClock

    return ManualClock()


@pytest.fixture
def figuard_client(figuard_clock: ManualClock) -> Iterator[MockFiGuardClient]:
    """A client with a budget of 1,000 USD ready; its whole ledger is verified when your test is over."""
    from figuard.testing.mock import MockFiGuardClient

    with MockFiGuardClient(clock=figuard_clock) as client:
        yield client
        client.assert_ledger_verifies()
