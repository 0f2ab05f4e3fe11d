"""
What carries a call to where it is decided. Two kinds exist: over HTTP, and into the engine of this very process.
"""

from __future__ import annotations

from typing import Protocol

from figuard.client.config import Settings
from figuard.client.steps import Call, Outcome
from figuard.domain.instants import Instant


class Transport(Protocol):
    """Sends a call and blocks until its outcome. Safe to use from many threads."""

    @property
    def settings(self) -> Settings:
        """Where it carries calls to."""
        ...

    def send(self, call: Call) -> Outcome:
        """Send a request once. Failures are outcomes, never exceptions."""
        ...

    def now(self) -> Instant:
        """Return the time by which "in 24 hours" is counted."""
        ...

    def close(self) -> None:
        """Release connections and files. Harmless twice."""
        ...


class AsyncTransport(Protocol):
    """The same, awaited."""

    @property
    def settings(self) -> Settings:
        """Where it carries calls to."""
        ...

    async def send(self, call: Call) -> Outcome:
        """Send a request once. Failures are outcomes, never exceptions."""
        ...

    def now(self) -> Instant:
        """Return the time by which "in 24 hours" is counted."""
        ...

    async def close(self) -> None:
        """Release connections and files. Harmless twice."""
        ...
