"""
The ledger: a chain of hashes in which every kind of tampering shows, at the first entry it touches.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest

from figuard.domain import commands as c
from figuard.domain import questions as q
from figuard.domain.budget import GENESIS, Budget, Funds, Status
from figuard.domain.entitlements import Item, Subscription, SubscriptionStatus
from figuard.domain.events import Decision, Event
from figuard.domain.tokens import Token
from figuard.domain.views import Finding
from figuard.engine.audit import verify_all
from figuard.engine.seal import line_of, seal, split_line, unseal
from figuard.engine.verify import Verifier
from figuard.ports import SealedEntry
from tests.builders import World, cap
from tests.unit.engine.tools import subscribe


class Book:
    """A book of nine entries, and all the ways to spoil it behind the engine's back."""

    def __init__(self) -> None:
        self.world = World()
        self.budget = self.world.budget(100)
        token = self.world.delegate(self.budget, "agent", cap("food", 50))
        first = self.world.authorize(self.budget, 10, "a").event
        self.world.authorize(token.secret, 20, "b", category="food")
        self.world.confirm(first, 5)
        self.world.order(c.Fund(self.id, c.FundingOperation.CREDIT, 10**9))
        self.world.authorize(self.budget, 10**6, "denied")
        self.world.authorize(self.budget, 1, "last")
        self.store: Any = self.world.store

    @property
    def id(self) -> str:
        return self.budget.budget.id

    @property
    def entries(self) -> list[SealedEntry]:
        found: list[SealedEntry] = self.store._data.books[self.id]
        return found

    def rows(self, of: type) -> dict[str, Any]:
        found: dict[str, Any] = self.store._data.shelves[of].rows
        return found

    def findings(self) -> tuple[Finding, ...]:
        found: tuple[Finding, ...] = self.world.ask(q.VerifyBook(self.id)).findings
        return found

    def first(self) -> tuple[int, str]:
        """Return the entry and the kind of the first finding."""
        finding = self.findings()[0]
        return finding.seq, finding.what

    def rewrite(self, seq: int, old: bytes, new: bytes, *, rehash: bool = False, onward: bool = False) -> None:
        """Change the bytes of an entry; give it a fitting hash; and chain all later ones to it anew."""
        entry = self.entries[seq - 1]
        assert entry.body.count(old) >= 1
        body = entry.body.replace(old, new, 1)
        self.entries[seq - 1] = replace(entry, body=body, hash=sha256(body).hexdigest() if rehash else entry.hash)
        for index in range(seq, len(self.entries) if onward else seq):
            later = replace(unseal(self.entries[index].body), prev=self.entries[index - 1].hash)
            self.entries[index] = seal(later)


def test_an_honest_book_verifies():
    book = Book()
    view = book.world.judge(book.budget)

    assert (book.id, 9) == (view.book_id, view.entries)


def test_each_entry_names_the_hash_of_the_one_before_it():
    book = Book()
    entries = [unseal(sealed.body) for sealed in book.entries]

    assert [GENESIS, *(sealed.hash for sealed in book.entries[:-1])] == [entry.prev for entry in entries]
    assert list(range(1, 10)) == [entry.seq for entry in entries]


def test_a_hash_is_that_of_the_bytes():
    assert all(sha256(sealed.body).hexdigest() == sealed.hash for sealed in Book().entries)


def test_the_head_of_the_budget_is_its_last_entry():
    book = Book()
    head, last = book.world.stored(book.budget).head, book.entries[-1]

    assert (last.entry.seq, last.hash, last.entry.at) == (head.seq, head.hash, head.at)


def test_the_same_orders_make_the_same_bytes():
    assert [sealed.body for sealed in Book().entries] == [sealed.body for sealed in Book().entries]


# -- tampering with entries ----------------------------------------------------------------------------------------


def swap(book: Book) -> None:
    book.entries[4], book.entries[5] = book.entries[5], book.entries[4]


def foreign(book: Book) -> None:
    book.rewrite(5, book.id.encode(), b"00000000-0000-7000-8000-000000000009", rehash=True)


HELD_TEN = b'"held":1000000000'
TAMPERINGS: dict[str, tuple[Callable[[Book], Any], tuple[int, str]]] = {
    "a byte changed": (lambda k: k.rewrite(4, b'"actor":"test"', b'"actor":"tesT"'), (4, "HASH")),
    "an amount changed": (lambda k: k.rewrite(4, HELD_TEN, b'"held":1000000001'), (4, "HASH")),
    "a byte and its hash changed": (lambda k: k.rewrite(4, b'"test"', b'"tesT"', rehash=True), (5, "CHAIN")),
    "an amount and its hash changed": (
        lambda k: k.rewrite(4, HELD_TEN, b'"held":1000000001', rehash=True), (4, "BALANCE"),
    ),
    "stated figures changed": (
        lambda k: k.rewrite(6, b'"spent":500000000', b'"spent":500000001', rehash=True), (6, "BALANCE"),
    ),
    "a stated level changed": (
        lambda k: k.rewrite(5, b'"name":"agent/food"', b'"name":"agent/fuel"', rehash=True), (5, "LEVELS"),
    ),
    "a negative hold": (lambda k: k.rewrite(4, HELD_TEN, b'"held":-100000000', rehash=True), (4, "UNFOUNDED")),
    "a hold beyond all bounds": (
        lambda k: k.rewrite(4, HELD_TEN, b'"held":9' + b"0" * 20, rehash=True), (4, "UNFOUNDED"),
    ),
    "everything after it chained anew": (
        lambda k: k.rewrite(4, b'"actor":"test"', b'"actor":"tesT"', rehash=True, onward=True), (9, "BUDGET"),
    ),
    "the last entry changed with its hash": (lambda k: k.rewrite(9, b'"test"', b'"tesT"', rehash=True), (9, "BUDGET")),
    "an entry dropped": (lambda k: k.entries.pop(4), (5, "GAP")),
    "the first entry dropped": (lambda k: k.entries.pop(0), (1, "GAP")),
    "an entry doubled": (lambda k: k.entries.insert(4, k.entries[3]), (5, "GAP")),
    "two entries swapped": (swap, (5, "GAP")),
    "the tail cut off": (lambda k: k.entries.pop(), (8, "BUDGET")),
    "everything cut off": (lambda k: k.entries.clear(), (0, "BUDGET")),
    "an entry of another book": (foreign, (5, "BOOK")),
    "an entry that is no JSON": (lambda k: k.rewrite(4, b"{", b"?", rehash=True), (4, "UNREADABLE")),
    "an entry of an unknown kind": (
        lambda k: k.rewrite(4, b'"AUTHORIZED"', b'"GRANTED"', rehash=True), (4, "UNREADABLE"),
    ),
    "a settlement of an event that never was": (
        lambda k: k.rewrite(6, b'"change":{"id":"0', b'"change":{"id":"f', rehash=True), (6, "UNFOUNDED"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", TAMPERINGS)
def test_tampering_with_entries_is_found_where_it_begins(name: str):
    tamper, expected = TAMPERINGS[name]
    book = Book()
    tamper(book)

    assert expected == book.first()


# -- tampering with projections ------------------------------------------------------------------------------------


def edit(book: Book, of: type, change: Callable[[Any], Any]) -> None:
    """Change the newest row of a type."""
    rows = book.rows(of)
    key = list(rows)[-1]
    rows[key] = change(rows[key])


def lose(book: Book, of: type) -> None:
    """Take the newest row of a type away."""
    key, _ = book.rows(of).popitem()
    for members in book.store._data.shelves[of]._named["budget"].values():
        members.pop(key, None)


def richer(budget: Budget) -> Budget:
    return replace(budget, funds=Funds(budget.funds.limit * 2, budget.funds.balance, (), 0))


PROJECTIONS: dict[str, tuple[Callable[[Book], Any], str, str]] = {
    "limit": (lambda k: edit(k, Budget, richer), "BUDGET", "funds is stored as"),
    "status": (lambda k: edit(k, Budget, lambda b: replace(b, status=Status.PAUSED)), "BUDGET", "status is stored as"),
    "decision": (
        lambda k: edit(k, Event, lambda e: replace(e, decision=Decision.FAILED)), "EVENT", "decision is stored as",
    ),
    "amount": (
        lambda k: edit(k, Event, lambda e: replace(e, standing=replace(e.standing, held=0))), "EVENT", "standing is",
    ),
    "event lost": (lambda k: lose(k, Event), "EVENT", "is in the entries and not in the store"),
    "event added": (
        lambda k: k.store._data.shelves[Event].put(replace(next(iter(k.rows(Event).values())), id="forged")),
        "EVENT",
        "event forged is in no entry",
    ),
    "cap": (lambda k: edit(k, Token, lambda t: replace(t, caps=())), "TOKEN", "caps is stored as ()"),
    "revival": (lambda k: edit(k, Token, lambda t: replace(t, revoked_at=5)), "TOKEN", "revoked_at is stored as 5"),
    "token lost": (lambda k: lose(k, Token), "TOKEN", "is in the entries and not in the store"),
    "token added": (
        lambda k: k.store._data.shelves[Token].put(replace(next(iter(k.rows(Token).values())), id="forged", hash="x")),
        "TOKEN",
        "token forged: it is in no entry",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", PROJECTIONS)
def test_tampering_with_what_is_shown_is_found(name: str):
    tamper, what, detail = PROJECTIONS[name]
    book = Book()
    tamper(book)

    assert [what] == [finding.what for finding in book.findings()]
    assert detail in book.findings()[0].detail


def test_rotated_secrets_are_no_difference():
    book = Book()
    edit(book, Token, lambda token: replace(token, hash="another", previous_hash="and another"))

    assert () == book.findings()


def test_notes_to_ourselves_are_no_difference():
    book = Book()
    edit(book, Budget, lambda b: replace(b, counters=replace(b.counters, next_expiry=None)))

    assert () == book.findings()


# -- a subscription's book -----------------------------------------------------------------------------------------


def subscribed() -> tuple[World, str, Any]:
    world = World()
    reply, item = subscribe(world)
    world.confirm(world.authorize(world.budget(item_id=item.id), 90).event, 90)
    world.order(c.MoveSubscription(reply.subscription.id, c.SubscriptionVerb.PAUSE))
    store: Any = world.store
    return world, reply.subscription.id, store._data


def found(world: World, book_id: str) -> list[str]:
    return [finding.what for finding in world.ask(q.VerifyBook(book_id)).findings]


def test_an_honest_subscription_verifies():
    world, book_id, _ = subscribed()

    assert [] == found(world, book_id)


SUBSCRIPTIONS: dict[str, tuple[Callable[[Any, str], Any], str]] = {
    "status": (
        lambda d, k: d.shelves[Subscription].put(
            replace(d.shelves[Subscription].rows[k], status=SubscriptionStatus.ACTIVE)
        ),
        "SUBSCRIPTION",
    ),
    "tail cut off": (lambda d, k: d.books[k].pop(), "SUBSCRIPTION"),
    "limit": (
        lambda d, _: d.shelves[Item].put(replace(next(iter(d.shelves[Item].rows.values())), limit=1)), "ITEM",
    ),
    "item added": (
        lambda d, _: d.shelves[Item].put(replace(next(iter(d.shelves[Item].rows.values())), id="forged")), "ITEM",
    ),
    "item lost": (lambda d, _: d.shelves[Item]._named["subscription"].clear(), "ITEM"),
    "everything cut off": (lambda d, k: d.books[k].clear(), "SUBSCRIPTION"),
}  # fmt: skip


@pytest.mark.parametrize("name", SUBSCRIPTIONS)
def test_tampering_with_a_subscription_is_found(name: str):
    tamper, what = SUBSCRIPTIONS[name]
    world, book_id, data = subscribed()
    tamper(data, book_id)

    assert what == found(world, book_id)[0]


def test_a_subscription_that_is_gone_is_found():
    """
    Its book stays, and so it is verified among all the others.
    """
    world, book_id, data = subscribed()
    del data.shelves[Subscription].rows[book_id]

    views = {view.book_id: view for view in verify_all(world.engine)}
    assert "the subscription exists only in the entries" in [finding.detail for finding in views[book_id].findings]


# -- the verifier alone --------------------------------------------------------------------------------------------


def test_a_budget_without_entries_is_found():
    verifier = Verifier("book")
    verifier.check_budget(World().budget().budget)

    assert ["the budget has no entries"] == [finding.detail for finding in verifier.findings]


def test_entries_without_a_budget_are_found():
    book, verifier = Book(), Verifier("")
    verifier.book_id = book.id
    for sealed in book.entries:
        verifier.feed(sealed.body, sealed.hash)
    verifier.check_budget(None)

    assert ["the budget exists only in the entries"] == [finding.detail for finding in verifier.findings]


def test_nothing_at_all_is_all_well():
    verifier = Verifier("book")
    verifier.check_budget(None)

    assert () == verifier.view().findings


def test_an_entry_without_figures_is_checked_all_the_same():
    book, verifier = Book(), Verifier("")
    verifier.book_id = book.id
    bare = seal(replace(unseal(book.entries[0].body), after=None))
    verifier.feed(bare.body, bare.hash)

    assert () == verifier.view().findings


def test_a_line_of_an_export_carries_its_hash_last():
    sealed = Book().entries[0]
    line = line_of(sealed)

    assert sealed.hash == sha256(line[:-75] + b"}").hexdigest()
    assert (sealed.body, sealed.hash) == split_line(line + b"\r\n")
