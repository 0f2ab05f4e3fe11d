"""
What the store suite shares: records with defaults, and short ways to write and read them.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable
from contextlib import contextmanager
from dataclasses import replace
from hashlib import sha256
from typing import Any, Protocol

import msgspec
import pytest

from figuard.domain.admin import ApiKey, Delivery, DeliveryStatus, Receipt, Remembered, Webhook
from figuard.domain.books import Entry, EntryKind
from figuard.domain.budget import Budget, Counters, Funds, Identity, Marks, Policy, Status
from figuard.domain.entitlements import Item, RenewalPeriod, Subscription, SubscriptionStatus
from figuard.domain.events import Decision, Event, Place, Spend, Standing
from figuard.domain.tokens import Token, TokenKind
from figuard.ports import Changes, GetRecords, Kind, Record, SealedEntry, Store, StoredEntry


class MakeStore(Protocol):
    """Opens the data of one test, the same data each time it is called."""

    def __call__(self, *, read_only: bool = False) -> Store:
        """Open a store."""
        ...


class Opens(Protocol):
    """What a store under test provides: how it is opened."""

    def __call__(self, *, read_only: bool) -> Store:
        """Open a store."""
        ...


class Sharing:
    """What every part of the suite knows: whether several connections can look at the data."""

    readers_beside_writer = True

    def needs_sharing(self) -> None:
        """Skip a case that opens the data twice where that cannot be."""
        if not self.readers_beside_writer:
            pytest.skip("this store has one connection and lives no longer than it")


@contextmanager
def opening(opens: Opens) -> Generator[MakeStore]:
    """Provide a ``make_store`` that closes at the end whatever it opened."""
    opened: list[Store] = []

    def make_store(*, read_only: bool = False) -> Store:
        store = opens(read_only=read_only)
        opened.append(store)
        return store

    try:
        yield make_store
    finally:
        for store in opened:
            store.close()


def put(store: Store, *inserted: Record, updated: Iterable[Record] = (), entries: Iterable[SealedEntry] = ()) -> None:
    """Write everything in one transaction."""
    with store.begin() as work:
        work.write(Changes(list(inserted), list(updated), list(entries)))


def got(store: Store, kind: Kind, key: Any) -> Any:  # noqa: ANN401 - the kind's own
    """Return what a read answers for one key, None when it is left out; asked in a transaction and beside it."""
    with store.begin() as work:
        inside = work.read(kind, (key,))
    outside = store.query(GetRecords(kind, (key,)))
    assert inside == outside
    return inside.get(key)


def ids(records: Iterable[Any]) -> list[str]:
    """Return the ids of records, in their order."""
    return [record.id for record in records]


def a_budget(
    name: str = "b1",
    *,
    at: int = 0,
    tenant: str = "t1",
    user: str = "user",
    reference: str | None = None,
    status: Status = Status.ACTIVE,
    expires_at: int | None = None,
    told: int | None = None,
    currency: str = "USD",
    limit: int = 1000,
) -> Budget:
    """Return a budget; ``told`` is the end that its owner was told of."""
    return Budget(
        Identity(name, tenant, user, at, currency=currency, external_reference=reference),
        Policy(expires_at=expires_at),
        Funds(limit),
        status,
        counters=Counters(marks=Marks(expiring_for=told)),
    )


def an_event(
    name: str = "e1",
    *,
    at: int = 0,
    budget: str = "b1",
    tenant: str = "t1",
    decision: Decision = Decision.AUTHORIZED,
    key: str | None = None,
    attempt: int = 1,
    shadow: bool = False,
    parent: str | None = None,
    root: str | None = None,
    standing: Standing | None = None,
    **spend: Any,  # noqa: ANN401 - fields of ``Spend``
) -> Event:
    """Return an event; its key is its id unless given, and it is its own root."""
    return Event(
        id=name,
        tenant_id=tenant,
        budget_id=budget,
        spend=replace(Spend(key or name, "agent", "BUY", "a thing", 5, "f"), **spend),
        decision=decision,
        created_at=at,
        updated_at=at,
        place=Place(shadow=shadow, parent_id=parent, root_id=root or name),
        standing=standing or Standing(),
        attempt=attempt,
    )


def settled(name: str, confirmed: int, **event: Any) -> Event:  # noqa: ANN401 - as for ``an_event``
    """Return a confirmed event."""
    standing = Standing(booked=confirmed, confirmed=confirmed)
    return an_event(name, decision=Decision.CONFIRMED, standing=standing, **event)


def a_token(
    name: str = "k1",
    *,
    at: int = 0,
    budget: str = "b1",
    kind: TokenKind = TokenKind.SESSION,
    hash: str | None = None,
    **fields: Any,  # noqa: ANN401 - fields of ``Token``
) -> Token:
    """Return a token; its hash is made from its id unless given."""
    return replace(Token(name, "t1", budget, kind, hash or f"hash of {name}", "fg_", at), **fields)


def a_subscription(
    name: str = "s1",
    *,
    at: int = 0,
    tenant: str = "t1",
    subscriber: str | None = None,
    status: SubscriptionStatus = SubscriptionStatus.ACTIVE,
) -> Subscription:
    """Return a subscription."""
    subscriber = subscriber or f"subscriber of {name}"
    return Subscription(name, tenant, subscriber, "Pro", at, at, RenewalPeriod.MONTHLY, status=status)


def an_item(name: str = "i1", *, at: int = 0, subscription: str = "s1", renews_at: int = 1000) -> Item:
    """Return an entitlement."""
    return Item(name, "t1", subscription, "calls", "call", 100, at, RenewalPeriod.MONTHLY, renews_at, 1)


def a_webhook(name: str = "w1", *, at: int = 0, tenant: str = "t1", deleted_at: int | None = None) -> Webhook:
    """Return a webhook."""
    return Webhook(name, tenant, "https://example.com/hook", "secret", ("SPEND_DENIED",), at, deleted_at)


def a_delivery(
    name: str = "d1",
    *,
    at: int = 0,
    tenant: str = "t1",
    webhook: str = "w1",
    book: str = "b1",
    event_type: str = "SPEND_DENIED",
    due_at: int | None = None,
    status: DeliveryStatus = DeliveryStatus.PENDING,
) -> Delivery:
    """Return a delivery."""
    return Delivery(name, tenant, webhook, "https://example.test/hook", book, event_type, "{}", at, due_at, status)


def a_receipt(name: str = "r1", *, at: int = 0, budget: str = "b1", revoked_at: int | None = None) -> Receipt:
    """Return a receipt; its token is made from its id."""
    return Receipt(name, "t1", budget, f"Token-{name}", at, 1, revoked_at)


def an_api_key(name: str = "a1", *, at: int = 0, tenant: str = "t1", revoked_at: int | None = None) -> ApiKey:
    """Return an API key; its hash is made from its id."""
    return ApiKey(name, tenant, f"Hash-{name}", "fgk_", at, revoked_at=revoked_at)


def a_reply(key: str = "key", *, at: int = 0, tenant: str = "t1", operation: str = "fund") -> Remembered:
    """Return a remembered answer, which says when it was made like everything else."""
    return Remembered(tenant, operation, key, "f", '{"created_at":7}', at)


def an_entry(seq: int, *, book: str = "b1", at: int = 0, tenant: str = "t1", actor: str = "key") -> SealedEntry:
    """Return an entry with its bytes and their hash."""
    entry = Entry(book, tenant, seq, at, EntryKind.BUDGET_FUNDED, actor, "0" * 64, note={"amount": seq})
    body = msgspec.json.encode(entry)
    return SealedEntry(entry, body, sha256(body).hexdigest())


def stored(sealed: SealedEntry) -> StoredEntry:
    """Return an entry as a store gives it back."""
    return StoredEntry(sealed.entry.seq, sealed.body, sealed.hash)
