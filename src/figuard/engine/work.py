"""
A unit of work: everything one batch has read, as it changes while the batch is decided.

Records are values in an identity map; a change replaces the value. Every replacement is journaled, so that a
command which fails half-way is undone alone and its neighbours never see a trace of it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple, TypeVar, cast

from figuard.domain import books, notices
from figuard.domain.admin import ApiKey, Delivery, Notice, Receipt, Remembered, Tenant, Webhook
from figuard.domain.books import Entry, EntryKind, EventChange
from figuard.domain.budget import Budget, Head
from figuard.domain.codes import ErrorCode
from figuard.domain.entitlements import Item, Subscription
from figuard.domain.events import Event
from figuard.domain.instants import Instant
from figuard.domain.levels import Touched
from figuard.domain.refusal import Refusal
from figuard.domain.tokens import Token
from figuard.domain.valueclass import replace
from figuard.engine.marks import LISTED, Mark, key_of
from figuard.engine.seal import seal
from figuard.ports import Changes, Hasher, Ids, Kind, Record, SealedEntry

R = TypeVar("R", Budget, Event, Token, Item, Subscription, Webhook, Delivery, Receipt, ApiKey, Tenant, Remembered)

_MISSING: Any = object()


class Load(NamedTuple):
    """One read that a command needs before it can be decided."""

    kind: Kind
    keys: Sequence[Any]


Wanted = tuple[Kind, Sequence[Any]]
"""What a ``Load`` is, or a bare pair where many are made: to make one with names costs ten times as much."""


_PLAIN = frozenset({Kind.EVENT_HOMES, Kind.TOKEN_HOMES, Kind.NEXT_EXPIRY, Kind.REFERENCES, Kind.SUBSCRIBERS})
"""Reads that answer ids or numbers rather than records."""
_BY_ID: Mapping[Kind, type] = {
    Kind.BUDGETS: Budget,
    Kind.ITEMS: Item,
    Kind.SUBSCRIPTIONS: Subscription,
    Kind.EVENTS: Event,
    Kind.TOKENS: Token,
    Kind.CALLERS: ApiKey,
}
"""Reads whose keys are the records' own, which a batch over many budgets makes by the hundred."""


class Work:
    """What a batch has read and what it will write."""

    def __init__(self, now: Instant, ids: Ids, hasher: Hasher, *, alone: bool = False) -> None:
        """
        Start with nothing read.

        *now* is the batch's one reading of the clock. *alone*: no other writer can be at work meanwhile.
        """
        self.now = now
        self.ids = ids
        self.hasher = hasher
        self.alone = alone
        self.opened: list[Event] = []
        self._records: defaultdict[type, dict[Any, Any]] = defaultdict(dict)
        self._found: defaultdict[Kind, dict[Any, Any]] = defaultdict(dict)
        self._dirty: dict[tuple[type, Any], bool] = {}
        self._forgotten: dict[Any, Remembered] = {}
        self._entries: list[SealedEntry] = []
        self._notices: list[tuple[str, Callable[[], Sequence[Notice]]]] = []
        self._journal: list[tuple[dict[Any, Any], Any, Any]] = []

    # -- reading ---------------------------------------------------------------------------------------------------

    def unread(self, kind: Kind, keys: Sequence[Any]) -> Sequence[Any]:
        """Return the keys that have not been read yet."""
        known = self._found.get(kind)
        return [key for key in keys if key not in known] if known else keys

    def take(self, kind: Kind, keys: Sequence[Any], answers: Mapping[Any, Any]) -> None:
        """Remember what a store answered; a record that this work has changed keeps its present value."""
        found = self._found[kind]
        found.update(dict.fromkeys(keys))
        if kind in _PLAIN:
            found.update(answers)
            return
        if not self._dirty and (of := _BY_ID.get(kind)) is not None:
            self._records[of].update(answers)
            found.update({key: (of, key) for key in answers})
            return
        for key, answer in answers.items():
            if isinstance(answer, tuple):
                found[key] = tuple([self._keep(record) for record in cast("tuple[Record, ...]", answer)])
            else:
                found[key] = self._keep(answer)

    def _keep(self, record: Record) -> tuple[type, Any]:
        of, key = type(record), key_of(record)
        name = (of, key)
        # A later read is younger than the lock, and wins over what was only resolved; what this work changed stays.
        if name not in self._dirty:
            self._records[of][key] = record
        return name

    def one(self, kind: Kind, key: Any) -> Any:  # noqa: ANN401 - the type is the kind's own
        """Return what a "one" read answered, as it stands now, or None."""
        answer = self._found[kind].get(key)
        if answer is None or kind in _PLAIN:
            return answer
        of, record_key = answer
        return self._records[of][record_key]

    def many(self, kind: Kind, key: Any) -> tuple[Any, ...]:  # noqa: ANN401 - the type is the kind's own
        """Return what a "many" read answered, as it stands now."""
        answer = self._found[kind].get(key)
        if not answer or kind in _PLAIN:
            return tuple(answer or ())
        return tuple([self._records[of][record_key] for of, record_key in answer])

    def get(self, of: type[R], key: Any) -> R | None:  # noqa: ANN401 - a str, or a tuple of them
        """Return a record that was read or made in this work, or None."""
        return self._records[of].get(key)

    def known(self, of: type[R], keys: Iterable[Any]) -> list[R]:
        """Return those of some records that were read or made in this work."""
        kept = self._records[of]
        return [kept[key] for key in keys if key in kept]

    def need(self, of: type[R], key: str, tenant_id: str | None = None) -> R:
        """
        Return a record, or refuse with ``NOT_FOUND``.

        Another tenant's record is refused with the very words of an absent one.
        """
        record: R | None = self._records[of].get(key)
        if record is None or (tenant_id is not None and getattr(record, "tenant_id", tenant_id) != tenant_id):
            raise Refusal(ErrorCode.NOT_FOUND, f"there is no {_word(of)} {key!r}")
        return record

    # -- changing --------------------------------------------------------------------------------------------------

    def put(self, record: Record) -> None:
        """Make *record* the present value; new ones are inserted, known ones updated."""
        self._put(record.__class__, key_of(record), record)

    def _put(self, of: type, key: Any, record: Record) -> None:  # noqa: ANN401 - a str, or a tuple of them
        kept, mark, journal = self._records[of], (of, key), self._journal
        before = kept.get(key, _MISSING)
        journal.append((kept, key, before))
        kept[key] = record
        is_new = before is _MISSING
        # A record that was there is marked once; one that was not is not marked yet either.
        if is_new or mark not in self._dirty:
            journal.append((self._dirty, mark, _MISSING))
            self._dirty[mark] = is_new
            if is_new:
                self._index(mark, record)

    def forget(self, answer: Remembered) -> None:
        """Let a remembered answer go, unless this work remembers another one under its key."""
        key = key_of(answer)
        self._journal.append((self._forgotten, key, self._forgotten.get(key, _MISSING)))
        self._forgotten[key] = answer

    def _index(self, mark: Mark, record: Record) -> None:
        for kind, look_up, added in LISTED.get(mark[0], ()):
            found = self._found.get(kind)
            if found and (where := look_up(record)) in found:
                before = found[where]
                self._journal.append((found, where, before))
                found[where] = added(before or (), mark)

    def savepoint(self) -> tuple[int, int, int, int]:
        """Return a mark to which ``rollback`` can return."""
        return len(self._journal), len(self._entries), len(self._notices), len(self.opened)

    def rollback(self, mark: tuple[int, int, int, int]) -> None:
        """Undo everything since *mark*."""
        journal, entries, told, opened = mark
        while len(self._journal) > journal:
            where, key, before = self._journal.pop()
            if before is _MISSING:
                del where[key]
            else:
                where[key] = before
        del self._entries[entries:], self._notices[told:], self.opened[opened:]

    # -- the books -------------------------------------------------------------------------------------------------

    def now_of(self, book: Budget | Subscription) -> Instant:
        """Return the time of the next entry of a book: the clock, but never before the entry before."""
        at = book.head.at
        if at > self.now:
            return at
        return self.now

    def touched(self, event: Event) -> Touched:
        """Return everything that a step of *event* can move. All of it must have been read."""
        place, budget = event.place, self.need(Budget, event.budget_id)
        tokens = tuple([self.need(Token, ref.token_id) for ref in place.caps]) if place.caps else ()
        item = self.get(Item, place.item_id) if place.item_id else None
        root = self.get(Event, place.root_id) if place.root_id and place.root_id != event.id else None
        return Touched(budget, tokens, item, root)

    def step(
        self,
        before: Event | None,
        after: Event,
        kind: EntryKind,
        actor: str,
        note: dict[str, Any] | None = None,
        touched: Touched | None = None,
    ) -> Event:
        """
        Record one step of an event: entry, balances at every level, counters, notices. Return it as stored.

        *touched* is what the step can move, from whoever has asked for it since the last change.
        """
        touched = touched or self.touched(after)
        present = touched.budget
        identity, now = present.identity, self.now_of(present)
        moved, event = books.applied_event(touched, before, after, kind)
        budget = moved.budget
        marks, told = notices.crossings(present, budget, now)
        if kind in notices.TELLING and not after.place.shadow:
            tell = partial(notices.event_notices, kind, budget, event, now)
            self._notices.append((identity.tenant_id, tell))
        if told:
            self._tell(identity.tenant_id, told)
        head = self._append(
            Entry(
                identity.id,
                identity.tenant_id,
                present.head.seq + 1,
                now,
                kind,
                actor,
                present.head.hash,
                after if before is None else None,
                None if before is None else EventChange(after.id, after.decision, after.standing, after.outcome),
                None,  # no opening, nor any other fact: by place, because arguments with names cost twice as much
                None,
                None,
                None,
                None,
                note,
                books.figures(moved, event),
            )
        )
        counters = budget.counters if marks is budget.counters.marks else budget.counters.marked(marks)
        self._put(
            Budget,
            identity.id,
            Budget(identity, budget.policy, budget.funds, budget.status, budget.cancelled_at, counters, head),
        )
        self._put(Event, event.id, event)
        if before is None:
            self.opened.append(event)
        if moved.tokens is not touched.tokens or moved.root is not touched.root or moved.item is not touched.item:
            self._put_others(touched, moved)
        return event

    def _put_others(self, before: Touched, after: Touched) -> None:
        """Keep what a step moved beside the budget and the event."""
        if after.tokens is not before.tokens:
            # Each stands for a cap of the event's, and what moves one of them moves all.
            for token in after.tokens:
                self.put(token)
        if after.root is not None and after.root is not before.root:
            self.put(after.root)
        if after.item is not None and after.item is not before.item:
            self.put(after.item)

    def change(
        self,
        budget: Budget,
        kind: EntryKind,
        actor: str,
        note: dict[str, Any] | None = None,
        /,
        **fact: Any,  # noqa: ANN401 - the one fact
    ) -> Budget:
        """Record a change of a budget itself, or of a token or receipt of it. Return the budget as stored."""
        now = self.now_of(budget)
        change: books.BudgetChange | None = fact.get("budget")
        after = books.changed(budget, change) if change else budget
        revision = after.counters.revision + (1 if kind in books.FAVOURABLE else 0)
        marks, told = notices.crossings(budget, after, now)
        entry = Entry(
            book_id=budget.id,
            tenant_id=budget.tenant_id,
            seq=budget.head.seq + 1,
            at=now,
            kind=kind,
            actor=actor,
            prev=budget.head.hash,
            note=note,
            after=books.figures(Touched(after)),
            **fact,
        )
        head = self._append(entry)
        counters = replace(after.counters, revision=revision, marks=marks)
        stored = replace(after, head=head, counters=counters)
        self.put(stored)
        self._tell(budget.tenant_id, told)
        return stored

    def record(
        self,
        subscription: Subscription,
        kind: EntryKind,
        actor: str,
        note: dict[str, Any] | None = None,
        /,
        **fact: Any,  # noqa: ANN401 - the one fact
    ) -> Subscription:
        """Record a change of a subscription or of an entitlement in the subscription's book."""
        entry = Entry(
            book_id=subscription.id,
            tenant_id=subscription.tenant_id,
            seq=subscription.head.seq + 1,
            at=self.now_of(subscription),
            kind=kind,
            actor=actor,
            prev=subscription.head.hash,
            note=note,
            **fact,
        )
        stored = replace(subscription, head=self._append(entry))
        self.put(stored)
        return stored

    def _append(self, entry: Entry) -> Head:
        sealed = seal(entry)
        self._entries.append(sealed)
        return Head(entry.seq, sealed.hash, entry.at)

    # -- telling and finishing -------------------------------------------------------------------------------------

    def _tell(self, tenant_id: str, told: Sequence[Notice]) -> None:
        if told:
            self._notices.append((tenant_id, lambda: told))

    def tell(self, tenant_id: str, *told: Notice) -> None:
        """Queue notices for the tenant's webhooks, to be written with everything else."""
        self._tell(tenant_id, told)

    @property
    def telling(self) -> tuple[str, ...]:
        """The tenants that have notices waiting: their webhooks must be read before ``changes``."""
        return tuple({tenant_id for tenant_id, _ in self._notices}) if self._notices else ()

    def changes(self, encode: Callable[[dict[str, Any]], str]) -> Changes:
        """Return what to write: changed records, entries, and a delivery for each notice and webhook that wants it."""
        for tenant_id, tell in self._notices:
            webhooks = self.many(Kind.TENANT_WEBHOOKS, tenant_id)
            # Most tenants have no webhook, and then no notice is worth composing.
            for notice in tell() if webhooks else ():
                for webhook in webhooks:
                    if notice.event_type in webhook.events and webhook.deleted_at is None:
                        self.put(self._delivery(webhook, notice, encode))
        changes = Changes(entries=self._entries)
        if self._forgotten:
            changes.forgotten += (
                answer for key, answer in self._forgotten.items() if (Remembered, key) not in self._dirty
            )
        for (of, key), is_new in self._dirty.items():
            (changes.inserted if is_new else changes.updated).append(self._records[of][key])
        return changes

    def _delivery(self, webhook: Webhook, notice: Notice, encode: Callable[[dict[str, Any]], str]) -> Delivery:
        delivery_id = self.ids.id(self.now)
        return Delivery(
            id=delivery_id,
            tenant_id=webhook.tenant_id,
            webhook_id=webhook.id,
            url=webhook.url,
            book_id=notice.book_id,
            event_type=notice.event_type,
            payload=encode({**notice.payload, "deliveryId": delivery_id}),
            created_at=self.now,
            due_at=self.now,
        )


def _word(of: type) -> str:
    return {Item: "entitlement", ApiKey: "API key", Token: "delegation token"}.get(of, of.__name__.lower())
