"""
One engine in memory with a blocking and an asyncio client: what the shared guard is judged by.
"""

from __future__ import annotations

from collections import Counter
from decimal import Decimal

from figuard import AsyncFiGuardClient, FiGuardClient
from figuard.client.embedded_transport import AsyncEmbeddedTransport, EmbeddedTransport
from figuard.client.hands import Threads
from figuard.embedded import open_embedded


class BothClients:
    """Two clients of the same engine, with one budget of 100."""

    def __init__(self, limit=100, **options):
        transport = EmbeddedTransport(open_embedded(":memory:"))
        self._threads = Threads()
        self.client = FiGuardClient(transport=transport, log=False)
        self.waiting = AsyncFiGuardClient(transport=AsyncEmbeddedTransport(transport, self._threads), log=False)
        self.budget = self.client.create_budget("user", limit, currency="USD", expires_in="1h", **options)

    def of(self, colour):
        """Return the client of a colour: "blocking" or "asyncio"."""
        return self.client if colour == "blocking" else self.waiting

    @property
    def events(self):
        """The events of the budget, oldest first."""
        return list(self.client.iter_events(self.budget.id))[::-1]

    @property
    def decisions(self):
        """How many events there are of each decision."""
        return Counter(event.decision for event in self.events)

    @property
    def reserved(self):
        return self.client.get_budget(self.budget.id).quantity_reserved

    def settled(self, spent, **decisions):
        """Assert what was spent, that nothing is held, how many events there are of each kind, and that it adds up."""
        budget = self.client.get_budget(self.budget.id)
        assert budget.quantity_reserved == 0
        assert budget.quantity_spent == Decimal(str(spent))
        assert dict(self.decisions) == decisions
        assert self.client.verify_ledger(budget.id).is_sound
        confirmed = sum((event.confirmed_quantity or Decimal() for event in self.events), Decimal())
        assert confirmed == budget.quantity_spent

    def close(self):
        self.client.close()
        self._threads.close()
