"""
Audit: every book of a store, one after the other; and the export that can be audited elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from figuard.domain.entitlements import Item
from figuard.domain.views import Finding, FindingsView
from figuard.engine.engine import Engine
from figuard.engine.inspection import ENTRIES_PER_READ, verified
from figuard.engine.seal import line_of
from figuard.engine.verify import Verifier
from figuard.ports import Books, GetRecords, Kind, ReadEntries, StoredEntry

BOOKS_PER_READ = 500
"""How many book ids are read at a time."""
ENTRIES_TOGETHER = 500
"""How many entries the books have that are verified side by side; a book with more is verified alone."""


def books(engine: Engine, tenant_id: str | None = None) -> Iterator[str]:
    """Yield the id of every book of a tenant, or of all tenants. Raises ``Refusal`` (``STORE_UNAVAILABLE``)."""
    for some in _pages(engine, tenant_id):
        yield from some


def _pages(engine: Engine, tenant_id: str | None) -> Iterator[tuple[str, ...]]:
    after = ""
    while True:
        found: tuple[str, ...] = engine.query(Books(tenant_id, after, BOOKS_PER_READ))
        if found:
            yield found
        if len(found) < BOOKS_PER_READ:
            return
        after = found[-1]


def verify_all(engine: Engine, tenant_id: str | None = None) -> Iterator[FindingsView]:
    """
    Verify every book, and last that the entitlements' balances are what all budgets together took from them.

    Yields a view per book as it is done; books may be written meanwhile. For the entitlements the store must be at
    rest, since their consumption is in the books of many budgets, which are not read at one moment.
    """
    used: dict[tuple[str, int], tuple[int, int]] = {}
    items: dict[str, Item] = {}
    for verifier in _verifiers(engine, tenant_id):
        for key, (held, booked) in verifier.usage().items():
            was_held, was_booked = used.get(key, (0, 0))
            used[key] = (was_held + held, was_booked + booked)
        if verifier.subscription is not None:
            found = engine.query(GetRecords(Kind.SUBSCRIPTION_ITEMS, (verifier.book_id,)))
            items.update((item.id, item) for item in found.get(verifier.book_id, ()))
        yield verifier.view()
    for item in items.values():
        finding = _check_item(item, used)
        if finding is not None:
            yield FindingsView(item.subscription_id, 0, (finding,))


def _verifiers(engine: Engine, tenant_id: str | None) -> Iterator[Verifier]:
    """Yield a verifier for every book, at its end. Short books are followed side by side, a long one alone."""
    for some in _pages(engine, tenant_id):
        heads = engine.records(GetRecords(Kind.BUDGETS, some))
        lengths = {book_id: heads[book_id].head.seq if book_id in heads else ENTRIES_TOGETHER for book_id in some}
        for together in _groups(lengths):
            yield from engine.follow_all([verified(book_id) for book_id in together])


def _groups(lengths: Mapping[str, int]) -> Iterator[list[str]]:
    """Yield some books in groups that are short together: what a verifier knows of a book it holds in memory."""
    group: list[str] = []
    entries = 0
    for book_id, length in lengths.items():
        if group and entries + length > ENTRIES_TOGETHER:
            yield group
            group, entries = [], 0
        group.append(book_id)
        entries += length
    yield group


def _check_item(item: Item, used: dict[tuple[str, int], tuple[int, int]]) -> Finding | None:
    held, booked = used.get((item.id, item.period), (0, 0))
    if (item.balance.reserved, item.balance.spent) == (held, booked):
        return None
    detail = (
        f"entitlement {item.id} is stored with reserved {item.balance.reserved} and spent {item.balance.spent}, "
        f"the events of its period give {held} and {booked}"
    )
    return Finding(item.subscription_id, 0, "ENTITLEMENT", detail)


def export(engine: Engine, tenant_id: str | None = None, book_id: str | None = None) -> Iterator[bytes]:
    """Yield every entry of one book or of all as one line of JSON that ends with its hash (``seal.line_of``)."""
    for known in (book_id,) if book_id is not None else books(engine, tenant_id):
        seq = 0
        while True:
            found: tuple[StoredEntry, ...] = engine.query(ReadEntries(known, seq, None, ENTRIES_PER_READ))
            yield from map(line_of, found)
            if len(found) < ENTRIES_PER_READ:
                break
            seq = found[-1].seq
