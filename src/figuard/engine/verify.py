"""
Verification: do the books tell the truth?

One book is read from its first entry. Checked are the chain (each hash, each link, no gap), the balances that each
entry states, and, at the end, that what the store shows of the budget, its events and its tokens is what the entries
say. The same verifier reads an exported file, where there is nothing to compare with but the entries themselves.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TypeVar, cast

from figuard.domain.books import After, Entry, figures
from figuard.domain.budget import GENESIS, Budget, Marks
from figuard.domain.entitlements import Item, Subscription
from figuard.domain.events import Event
from figuard.domain.levels import LevelKind
from figuard.domain.refusal import Refusal
from figuard.domain.replay import Account, BrokenBook
from figuard.domain.tokens import Token
from figuard.domain.valueclass import replace
from figuard.domain.views import Finding, FindingsView
from figuard.engine.seal import split_line, unseal

T = TypeVar("T", Event, Token, Item)


class Watched(dict[str, T]):
    """A table that keeps, of each row that is changed, what it was before; None if it was not there."""

    def __init__(self, rows: dict[str, T], former: dict[str, list[object]]) -> None:
        """Take the rows, and where to keep what they were."""
        super().__init__(rows)
        self._former = former

    def __setitem__(self, key: str, value: T) -> None:
        """Keep what the row is, then change it."""
        self._former.setdefault(key, []).append(self.get(key))
        super().__setitem__(key, value)


@dataclass(slots=True)
class Verifier:
    """Follows one book, entry by entry, and keeps what it finds."""

    book_id: str
    account: Account = field(default_factory=Account)
    items: dict[str, Item] = field(default_factory=dict[str, Item])
    subscription: Subscription | None = None
    findings: list[Finding] = field(default_factory=list[Finding])
    seq: int = 0
    hash: str = GENESIS
    former: dict[str, list[object]] = field(default_factory=dict[str, list[object]])

    def watch(self) -> None:
        """Keep what events, tokens and entitlements were before each entry from here on: see ``inspection``."""
        self.account.events = Watched(self.account.events, self.former)
        self.account.tokens = Watched(self.account.tokens, self.former)
        self.items = Watched(self.items, self.former)

    def feed(self, body: bytes, stated_hash: str) -> Entry | None:
        """Check the next entry; return it, or None when its bytes cannot be read."""
        seq = self.seq + 1
        actual = sha256(body).hexdigest()
        if actual != stated_hash:
            self._found(seq, "HASH", f"the entry says its hash is {stated_hash}, its bytes give {actual}")
        try:
            entry = unseal(body)
        except ValueError as error:
            self._found(seq, "UNREADABLE", str(error))
            self.seq, self.hash = seq, stated_hash
            return None
        if entry.seq != seq:
            self._found(seq, "GAP", f"the entry is number {entry.seq}, number {seq} was expected")
        if entry.prev != self.hash:
            self._found(seq, "CHAIN", f"the entry follows {entry.prev}, the entry before it is {self.hash}")
        if entry.book_id != self.book_id:
            self._found(seq, "BOOK", f"the entry belongs to book {entry.book_id}")
        self._apply(entry, stated_hash)
        self.seq, self.hash = entry.seq, stated_hash
        return entry

    def _apply(self, entry: Entry, entry_hash: str) -> None:
        if entry.subscription is not None:
            self.subscription = entry.subscription
        if entry.item is not None:
            self.items[entry.item.id] = entry.item
        if entry.subscription is not None or entry.item is not None:
            return
        try:
            self.account.apply(entry, entry_hash)
        except (BrokenBook, AssertionError, Refusal) as error:
            self._found(entry.seq, "UNFOUNDED", str(error))
            return
        event = self.account.last
        touched = self.account.touched(event) if event else None
        said = entry.after
        if said is None:
            return
        computed = figures(touched, event) if touched else After(said.limit, said.balance)
        funds = self.account.present.funds
        if (funds.limit, funds.balance) != (said.limit, said.balance):
            self._found(
                entry.seq,
                "BALANCE",
                f"the entry states {said.limit} {said.balance}, the entries give {funds.limit} {funds.balance}",
            )
        stated = [level for level in said.levels if level.kind != LevelKind.ENTITLEMENT]
        if stated != list(computed.levels):
            self._found(entry.seq, "LEVELS", f"the entry states {stated}, the entries give {list(computed.levels)}")

    # -- against what the store shows ------------------------------------------------------------------------------

    def check_budget(self, stored: Budget | None) -> None:
        """Compare the stored budget with the one the entries give."""
        computed = self.account.budget
        if computed is None or stored is None:
            if (computed is None) != (stored is None):
                self._found(
                    self.seq,
                    "BUDGET",
                    "the budget exists only in the entries" if computed else "the budget has no entries",
                )
            return
        if _essence(stored) != _essence(computed):
            self._found(self.seq, "BUDGET", _difference(_essence(stored), _essence(computed)))

    def check_events(self, stored: Iterable[Event]) -> None:
        """Compare every stored event with the entries; each must be there, and no other."""
        left = dict(self.account.events)
        for event in stored:
            computed = left.pop(event.id, None)
            if computed is None:
                self._found(self.seq, "EVENT", f"event {event.id} is in no entry")
            elif _undated(event) not in map(_undated, self._states(computed)):
                self._found(self.seq, "EVENT", f"event {event.id}: {_difference(event, computed)}")
        for event_id in self._missing(left):
            self._found(self.seq, "EVENT", f"event {event_id} is in the entries and not in the store")

    def check_tokens(self, stored: Iterable[Token]) -> None:
        """Compare every stored token with the entries, secrets aside."""
        left = dict(self.account.tokens)
        for token in stored:
            computed = left.pop(token.id, None)
            bare = replace(token, hash="", previous_hash=None)
            if computed is None or bare not in self._states(computed):
                self._found(self.seq, "TOKEN", f"token {token.id}: {_difference(bare, computed)}")
        for token_id in self._missing(left):
            self._found(self.seq, "TOKEN", f"token {token_id} is in the entries and not in the store")

    def check_subscription(self, stored: Subscription | None, items: Iterable[Item]) -> None:
        """Compare the stored subscription and its entitlements with the entries; consumption is in other books."""
        if stored is None:
            self._found(self.seq, "SUBSCRIPTION", "the subscription exists only in the entries")
            return
        computed = None if self.subscription is None else replace(self.subscription, head=stored.head)
        if computed != stored:
            self._found(self.seq, "SUBSCRIPTION", _difference(stored, computed))
        head, end = (stored.head.seq, stored.head.hash), (self.seq, self.hash)
        if head != end:
            self._found(self.seq, "SUBSCRIPTION", f"the stored head is {head}, the last entry is {end}")
        left = dict(self.items)
        for item in items:
            known = left.pop(item.id, None)
            states = [] if known is None else [_consumed(state, item) for state in self._states(known)]
            if item not in states:
                self._found(self.seq, "ITEM", f"entitlement {item.id}: {_difference(item, next(iter(states), None))}")
        for item_id in self._missing(left):
            self._found(self.seq, "ITEM", f"entitlement {item_id} is in the entries and not in the store")

    def usage(self) -> dict[tuple[str, int], tuple[int, int]]:
        """Return what this budget's real events hold and booked of each entitlement and period."""
        used: dict[tuple[str, int], tuple[int, int]] = {}
        for event in self.account.events.values():
            place = event.place
            if place.item_id is None or place.shadow:
                continue
            held, booked = used.get((place.item_id, place.item_period), (0, 0))
            standing = event.standing
            used[place.item_id, place.item_period] = (held + standing.held, booked + standing.booked)
        return used

    def _states(self, computed: T) -> list[T]:
        """Return what the entries say of a record at the end, and what they said since they were watched."""
        former = self.former.get(computed.id, ())
        return [computed, *(cast("T", state) for state in former if state is not None)]

    def _missing(self, left: Iterable[str]) -> list[str]:
        """Return what is not shown, but for what was opened only after what is shown had been read."""
        return [one for one in left if None not in self.former.get(one, ())]

    def view(self) -> FindingsView:
        """Return what was found."""
        return FindingsView(self.book_id, self.seq, tuple(self.findings))

    def _found(self, seq: int, what: str, detail: str) -> None:
        self.findings.append(Finding(self.book_id, seq, what, detail))


def _essence(budget: Budget) -> Budget:
    """Return the budget without our notes to ourselves: which notices were sent, when to look again."""
    return replace(budget, counters=replace(budget.counters, marks=Marks(), next_expiry=None))


def _undated(event: Event) -> Event:
    return replace(event, updated_at=0)


def _consumed(recorded: Item, stored: Item) -> Item:
    """Return an entitlement with the consumption that is stored; what was consumed is in other books."""
    return replace(recorded, balance=stored.balance, revision=stored.revision)


def _difference(stored: object, computed: object) -> str:
    if computed is None:
        return "it is in no entry"
    names = getattr(type(stored), "__dataclass_fields__", {})
    for name in names:
        mine, theirs = getattr(stored, name), getattr(computed, name)
        if mine != theirs and name != "updated_at":
            return f"{name} is stored as {mine}, the entries give {theirs}"
    return "it differs"


def verify_lines(lines: Iterable[bytes]) -> Iterator[FindingsView]:
    """
    Verify an exported file, needing nothing but the file: one view per book, in order of its first line.

    Lines of different books may be mixed; those of one book must be in order and complete from its first entry.
    """
    verifiers: dict[str, Verifier] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            body, stated = split_line(line)
            book_id = unseal(body).book_id
        except ValueError as error:
            broken = verifiers.setdefault("", Verifier(f"line {number}"))
            broken.findings.append(Finding(f"line {number}", number, "UNREADABLE", str(error)))
            continue
        verifiers.setdefault(book_id, Verifier(book_id)).feed(body, stated)
    for verifier in verifiers.values():
        yield verifier.view()
