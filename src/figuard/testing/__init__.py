"""
For tests of one's own: a client on the real engine in memory, a clock that is turned by hand, the suite that every
store passes, and a store that fails on purpose.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from figuard.testing.determinism import ManualClock, SequentialIds
    from figuard.testing.faults import FaultyStore
    from figuard.testing.mock import MockFiGuardClient
    from figuard.testing.store_suite import StoreSuite

__all__ = ["FaultyStore", "ManualClock", "MockFiGuardClient", "SequentialIds", "StoreSuite"]

_HOMES = {
    "FaultyStore": "faults",
    "ManualClock": "determinism",
    "MockFiGuardClient": "mock",
    "SequentialIds": "determinism",
    "StoreSuite": "store_suite",
}


def __getattr__(name: str) -> object:
    # Looked up when asked for: the store suite needs pytest, which a user of the clock may not have.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"figuard.testing.{_HOMES[name]}"), name)
