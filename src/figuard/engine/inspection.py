"""
Inspection: one book and what the store shows of it, read while both may be written.

No snapshot is needed for that. The book is followed up to the head its owner had at first; then what is shown is read,
then the owner again, and the book is followed up to that head. Entries and what is shown of them are committed
together, so the owner must be what its entries say at its head, and everything else what they say there or said at some
moment between the two heads.
"""

from __future__ import annotations

from figuard.domain.budget import Budget
from figuard.domain.entitlements import Subscription
from figuard.domain.events import Event
from figuard.engine.owned import Steps
from figuard.engine.verify import Verifier
from figuard.ports import GetRecords, Kind, ReadEntries, StoredEntry, TreeEvents

ENTRIES_PER_READ = 1000
"""How many entries are read at a time."""
TREE_EVENTS_MAX = 10_000_000
"""How many events a verification compares; far above what one budget holds."""
Owner = Budget | Subscription | None


def verified(book_id: str) -> Steps:
    """Return the verifier of a book after its last entry, with the stored projections compared."""
    verifier = Verifier(book_id)
    owner: Owner = yield from owner_of(book_id)
    seq = yield from _follow(verifier, 0, owner)
    if isinstance(owner, Subscription):
        items = yield GetRecords(Kind.SUBSCRIPTION_ITEMS, (book_id,))
        owner = yield from _catch_up(verifier, seq)
        verifier.check_subscription(owner if isinstance(owner, Subscription) else None, items.get(book_id, ()))
        return verifier
    events: tuple[Event, ...] = yield TreeEvents(book_id, limit=TREE_EVENTS_MAX)
    tokens = yield GetRecords(Kind.BUDGET_TOKENS, (book_id,))
    owner = yield from _catch_up(verifier, seq)
    if verifier.subscription is not None:
        verifier.check_subscription(None, ())
    verifier.check_budget(owner if isinstance(owner, Budget) else None)
    verifier.check_events(events)
    verifier.check_tokens(tokens.get(book_id, ()))
    return verifier


def owner_of(book_id: str) -> Steps:
    """Return the budget or the subscription whose book this is, or None."""
    for kind in (Kind.BUDGETS, Kind.SUBSCRIPTIONS):
        records = yield GetRecords(kind, (book_id,))
        owner: Owner = records.get(book_id)
        if owner is not None:
            return owner
    return None


def _catch_up(verifier: Verifier, seq: int) -> Steps:
    """Follow the book from entry *seq* to the head that its owner has now; return that owner."""
    verifier.watch()
    owner: Owner = yield from owner_of(verifier.book_id)
    seq = yield from _follow(verifier, seq, owner)
    beyond: tuple[StoredEntry, ...] = yield ReadEntries(verifier.book_id, seq, None, 1)
    if beyond:
        again: Owner = yield from owner_of(verifier.book_id)
        if _end(again) == _end(owner):
            # Nobody has written, and the book goes on beyond its head all the same.
            yield from _follow(verifier, seq, None)
    return owner


def _follow(verifier: Verifier, seq: int, owner: Owner) -> Steps:
    """Feed the entries after *seq* up to the owner's head, all of them without an owner; return the last's number."""
    end = _end(owner)
    while end is None or seq < end:
        size = ENTRIES_PER_READ if end is None else min(ENTRIES_PER_READ, end - seq)
        found: tuple[StoredEntry, ...] = yield ReadEntries(verifier.book_id, seq, None, size)
        for stored in found:
            verifier.feed(stored.body, stored.hash)
        if not found:
            break
        seq = found[-1].seq
    return seq


def _end(owner: Owner) -> int | None:
    return None if owner is None else owner.head.seq
