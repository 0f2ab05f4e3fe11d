"""
Tools for tests of the engine: what a store holds, what was told, and stores that fail or count.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from figuard.domain import commands as c
from figuard.domain import questions as q
from figuard.domain.amounts import quanta
from figuard.domain.codes import ErrorCode
from figuard.domain.entitlements import Item, RenewalPeriod
from figuard.domain.events import Decision, Event
from figuard.domain.notices import EVENT_TYPES
from figuard.domain.refusal import Refusal
from figuard.domain.replies import AuthorizeReply, BudgetReply, SubscriptionReply
from figuard.engine.batch import Outcome
from figuard.ports import Changes, Kind
from figuard.stores.memory import MemoryStore
from tests.builders import TENANT, World, spend

STRANGER = "11111111-1111-1111-1111-111111111111"
"""Another tenant."""


def contents(world: World) -> dict[str, Any]:
    """Return everything that the world's memory store holds, to be compared later."""
    data: Any = world.store
    data = data._data
    rows = {of.__name__: dict(shelf.rows) for of, shelf in data.shelves.items()}
    return {**rows, "entries": {book: [sealed.hash for sealed in entries] for book, entries in data.books.items()}}


def entry_kinds(world: World, book_id: str) -> list[str]:
    """Return the kinds of all entries of a book, in order."""
    store: Any = world.store
    return [sealed.entry.kind.value for sealed in store._data.books[book_id]]


def present(world: World, event: Event | str) -> Event:
    """Return an event as it stands now."""
    event_id = event if isinstance(event, str) else event.id
    found: Event = world.ask(q.GetEvent(event_id)).event
    return found


def fingerprinted(world: World, budget: BudgetReply) -> tuple[int, int]:
    """Return what a budget has spent and reserved, in quanta."""
    balance = world.stored(budget).funds.balance
    return balance.spent, balance.reserved


def listen(world: World, *types: str, tenant: str = TENANT) -> str:
    """Subscribe a webhook to some types of notices, or to all; return its id."""
    command = c.CreateWebhook("https://example.com/hook", "secret", types or EVENT_TYPES)
    hook_id: str = world.order(command, tenant=tenant).webhook.id
    return hook_id


def heard(world: World, tenant: str = TENANT) -> list[str]:
    """Return the types of all deliveries so far, oldest first."""
    deliveries = world.ask(q.ListDeliveries(), tenant=tenant).deliveries
    return [delivery.event_type for delivery in sorted(deliveries, key=lambda d: d.id)]


def subscribe(world: World, limit: int = 100, **fields: Any) -> tuple[SubscriptionReply, Item]:
    """Return a subscription with one monthly entitlement."""
    period = fields.pop("renewal_period", RenewalPeriod.MONTHLY)
    new = c.NewItem("API calls", "call", quanta(limit), period, **fields)
    reply = world.order(c.CreateSubscription("customer", "Customer", RenewalPeriod.MONTHLY, items=(new,)))
    return reply, reply.items[0]


class Unit:
    """One transaction of ``WatchedStore``: it notes the reads, and may fail when it writes."""

    def __init__(self, inner: Any, store: WatchedStore) -> None:
        self._inner = inner
        self._store = store

    def read(self, kind: Kind, keys: Sequence[Any]) -> Mapping[Any, Any]:
        self._store.reads.append((kind, tuple(keys)))
        found: Mapping[Any, Any] = self._inner.read(kind, keys)
        return found

    def write(self, changes: Changes) -> None:
        if self._store.failures:
            failure = self._store.failures.pop(0)
            if failure is not None:
                raise failure
        self._inner.write(changes)


class WatchedStore(MemoryStore):
    """A memory store that notes what it is asked and fails as it was told: one entry of ``failures`` per write."""

    excludes_writers = False
    """So that everything is read in the order that a store with row locks needs."""

    def __init__(self) -> None:
        super().__init__()
        self.reads: list[tuple[Kind, tuple[Any, ...]]] = []
        self.failures: list[Exception | None] = []
        self.transactions = 0

    @contextmanager
    def begin(self, tenants: Collection[str] = ()) -> Iterator[Any]:  # pyright: ignore[reportIncompatibleMethodOverride] - a wrapper of its unit
        self.transactions += 1
        with super().begin(tenants) as unit:
            yield Unit(unit, self)


def order_of(command: Any, **fields: Any) -> c.Order:
    """Return an order of the tests' own tenant."""
    return c.Order(command, TENANT, "test", **fields)


def asking(world: World, budget: BudgetReply, quantity: int = 10, key: str = "k1", **fields: Any) -> c.Order:
    """Return the order of an authorization."""
    return order_of(c.Authorize(world.hasher.hash(budget.secret or ""), spend(quantity, key, **fields)))


def together(world: World, *orders: c.Order) -> list[Outcome]:
    """Commit orders as one batch."""
    return world.engine.commit(orders)


def decisions(outcomes: list[Outcome]) -> list[Decision]:
    """Return what the authorizations of a batch came to."""
    return [outcome.event.decision for outcome in outcomes if isinstance(outcome, AuthorizeReply)]


def code_of(outcome: Outcome) -> ErrorCode | None:
    """Return the code of a refusal, or None."""
    return outcome.code if isinstance(outcome, Refusal) else None
