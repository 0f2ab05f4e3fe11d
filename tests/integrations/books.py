"""
What the ledger says about a budget after a test: the only witness whose word counts.
"""

from __future__ import annotations

from collections import Counter
from decimal import Decimal

from figuard import AsyncFiGuardClient, FiGuardClient
from figuard.client.embedded_transport import AsyncEmbeddedTransport, EmbeddedTransport
from figuard.client.hands import Threads
from figuard.embedded import open_embedded


class Books:
    """
    A budget, clients of both colours, and what its ledger says.

    Unless told, the ledger is in this process: in memory, or in the file *database*. With *key* and *address* it is on
    a server. ``close`` releases what was opened.
    """

    def __init__(self, limit=100, *, database=":memory:", key=None, address=None, **options):
        self._threads = Threads()
        if address is None:
            carrier = EmbeddedTransport(open_embedded(str(database)))
            self.client = FiGuardClient(transport=carrier, log=False)
            self.waiting = AsyncFiGuardClient(transport=AsyncEmbeddedTransport(carrier, self._threads), log=False)
        else:
            self.client = FiGuardClient(api_key=key, base_url=address, log=False)
            self.waiting = AsyncFiGuardClient(api_key=key, base_url=address, log=False)
        self.budget = self.client.create_budget("tester", limit, currency="USD", expires_in="1h", **options)

    def close(self):
        """Release the blocking client; the awaited one shares its store, or belongs to the loop that used it."""
        self.client.close()
        self._threads.close()

    def of(self, colour):
        """The client of a colour: blocking or asyncio."""
        return {"blocking": self.client, "asyncio": self.waiting}[colour]

    @property
    def events(self):
        """All events, oldest first."""
        return list(self.client.iter_events(self.budget.id))[::-1]

    @property
    def decisions(self):
        """How many events ended how."""
        return dict(Counter(event.decision for event in self.events))

    @property
    def reserved(self):
        """How much is held."""
        return self.client.get_budget(self.budget.id).quantity_reserved

    @property
    def spent(self):
        """How much is spent."""
        return self.client.get_budget(self.budget.id).quantity_spent

    def settled(self, spent, **decisions):
        """
        Assert that so much was spent and events ended so, no others: ``books.settled(90, CONFIRMED=2, DENIED=1)``.

        And what holds after every run: nothing is left reserved, and the ledger's chain and sums verify.
        """
        told = [(event.decision, event.requested_quantity, event.description) for event in self.events]
        assert decisions == self.decisions, told
        assert (Decimal(spent), 0) == (self.spent, self.reserved), told
        assert [] == self.client.verify_ledger(self.budget.id).findings
