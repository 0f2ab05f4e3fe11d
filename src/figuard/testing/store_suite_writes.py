"""
Store suite, part 2: what is written, and transactions.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from figuard.domain.admin import Receipt, Remembered, Tenant
from figuard.domain.amounts import AMOUNT_MAX, BALANCE_MAX
from figuard.domain.budget import Allocation, Balance, Counters, Funds
from figuard.domain.events import Outcome, Standing
from figuard.domain.tokens import Cap, Scope, TokenKind
from figuard.domain.velocity import Windows
from figuard.ports import (
    Changes,
    FindEvents,
    GetRecords,
    Kind,
    ReadEntries,
    Record,
    StoreConflict,
    StoreUnavailable,
)
from figuard.testing.store_suite_records import (
    MakeStore,
    Sharing,
    a_budget,
    a_delivery,
    a_receipt,
    a_reply,
    a_subscription,
    a_token,
    a_webhook,
    an_api_key,
    an_entry,
    an_event,
    an_item,
    got,
    ids,
    put,
    stored,
)

PATIENCE_SECONDS = 20
OPENERS = 4
SCRIPTS = "Ångström 漢字 ქართული 🐢‍👩🏽‍🚀 '\"; -- %_\\ \u202e\u00a0 e\u0301 é \r\n\t"


class _Broken(Exception):
    """What a test raises inside a transaction."""


def _everything() -> list[Record]:
    """Return a record of each type, with the largest amounts and the oddest characters."""
    balance = Balance(BALANCE_MAX - 1, 1, BALANCE_MAX, 0)
    rings = Windows(((1, 2), (3, 4)), ((5, AMOUNT_MAX),), ((7, 8),))
    allocation = Allocation("x", SCRIPTS, AMOUNT_MAX, allowed_categories=("a", SCRIPTS), balance=balance)
    budget = replace(
        a_budget(user=SCRIPTS, reference=SCRIPTS),
        funds=Funds(AMOUNT_MAX, balance, (allocation,), 3),
        counters=Counters(velocity=rings, next_expiry=2**62),
    )
    metadata: dict[str, Any] = {"text": SCRIPTS, "deep": [1, 2.5, -(2**53), True, None, {"": []}], "empty": {}}
    return [
        replace(budget, identity=replace(budget.identity, metadata=metadata)),
        an_event(
            quantity=AMOUNT_MAX,
            description=SCRIPTS,
            metadata=metadata,
            standing=Standing(BALANCE_MAX, BALANCE_MAX, confirmed=BALANCE_MAX, refunded=BALANCE_MAX),
        ),
        replace(an_event("e2", key=SCRIPTS, entity_id=SCRIPTS), outcome=Outcome(unknown=True, reason=SCRIPTS)),
        a_token(label=SCRIPTS, caps=(Cap("c", "a", 0, balance),), scope=Scope((), ("a",), 1, read_only=True)),
        a_subscription(subscriber=SCRIPTS),
        replace(an_item(), limit=AMOUNT_MAX, balance=balance),
        a_webhook(),
        a_delivery(due_at=1),
        a_receipt(),
        an_api_key(),
        Tenant("t1", SCRIPTS, 0),
        a_reply(SCRIPTS),
    ]


_KINDS: tuple[Kind, ...] = (
    Kind.BUDGETS, Kind.EVENTS, Kind.EVENTS, Kind.TOKENS, Kind.SUBSCRIPTIONS, Kind.ITEMS, Kind.WEBHOOKS,
    Kind.DELIVERIES, Kind.RECEIPTS_BY_TOKEN, Kind.API_KEYS, Kind.TENANTS, Kind.REMEMBERED,
)  # fmt: skip


def _key(record: Any) -> Any:  # noqa: ANN401 - any record
    if isinstance(record, Remembered):
        return (record.tenant_id, record.operation, record.key)
    return record.token if isinstance(record, Receipt) else record.id


class WriteCases(Sharing):
    """What is written, what is refused, and what a transaction promises."""

    readers_beside_writer = True
    """Whether stores opened together share their data, and queries do not wait for a transaction."""

    def test_reading_twice(self, make_store: MakeStore):
        """[S-31] A read gives the same answer again, within a transaction and in the next."""
        store = make_store()
        put(store, a_budget(), an_event("e1", entity_id="order"), an_event("e2", entity_id="order"))
        keys = (("b1", "order"), ("b1", "nothing"))
        with store.begin() as work:
            first, second = work.read(Kind.ENTITY_EVENTS, keys), work.read(Kind.ENTITY_EVENTS, keys)
        with store.begin() as work:
            third = work.read(Kind.ENTITY_EVENTS, keys)

        assert first == second == third

    @pytest.mark.parametrize("kind", Kind, ids=lambda kind: kind.name)
    def test_no_keys(self, make_store: MakeStore, kind: Kind):
        """[S-32] No keys, no answers; and an empty write changes nothing."""
        store = make_store()
        put(store, a_budget(), an_event())
        with store.begin() as work:
            work.write(Changes())

            assert work.read(kind, ()) == {}
        assert store.query(GetRecords(kind, ())) == {}

    def test_case_and_order_of_text(self, make_store: MakeStore):
        """[S-29] Ids that differ in case, in accents or in a trailing blank differ; order is by code point."""
        store = make_store()
        names = ["B", "Z", "a", "a ", "b", "e\u0301", "z", "ß", "é", "漢", "🐢"]
        put(store, a_budget(), *(an_event(name) for name in reversed(names)))

        assert ids(reversed(store.query(FindEvents("b1")).records)) == names
        for name in names:
            assert got(store, Kind.EVENTS, name).id == name
        assert got(store, Kind.EVENTS, "A") is None

    def test_all_or_nothing(self, make_store: MakeStore):
        """[S-33] Nothing of a write that is refused is visible, whatever came before it in the transaction."""
        store = make_store()
        put(store, a_budget(), an_event("taken"))

        def write_twice() -> None:
            with store.begin() as work:
                work.write(Changes([an_event("e1")], entries=[an_entry(1)]))
                work.write(Changes([an_event("e2"), an_event("taken")], [a_budget(limit=7)], [an_entry(2)]))

        with pytest.raises(StoreConflict):
            write_twice()
        assert store.query(FindEvents("b1")).total == 1
        assert store.query(ReadEntries("b1")) == ()
        assert got(store, Kind.BUDGETS, "b1") == a_budget()

    @pytest.mark.parametrize(("kind", "record"), list(zip(_KINDS, _everything(), strict=True)))
    def test_known_ids(self, make_store: MakeStore, kind: Kind, record: Record):
        """[S-34] No record can be inserted twice; and a conflict cannot be swallowed, the transaction is lost."""
        store = make_store()
        needed = [other for other in (a_budget(), a_subscription()) if _key(other) != _key(record)]
        put(store, *needed, record)

        def swallow_the_conflict() -> None:
            with store.begin() as work:
                work.write(Changes([Tenant("t9", "later", 0)]))
                with pytest.raises(StoreConflict):
                    work.write(Changes([record]))
                with pytest.raises(StoreConflict):
                    work.write(Changes([Tenant("t8", "latest", 0)]))

        with pytest.raises(StoreConflict):
            put(store, record)
        with pytest.raises(StoreConflict):
            swallow_the_conflict()
        assert got(store, Kind.TENANTS, "t9") is None
        assert got(store, kind, _key(record)) == record

    def test_known_attempts(self, make_store: MakeStore):
        """[S-35] An attempt is taken once per budget, mode and key; every other combination is free."""
        store = make_store()
        put(store, a_budget("b1"), a_budget("b2"), an_event("e1", key="k"))
        put(
            store,
            an_event("e2", key="k", attempt=2),
            an_event("e3", key="k", shadow=True),
            an_event("e4", key="k", budget="b2"),
            an_event("e5", key="K"),
        )

        with pytest.raises(StoreConflict):
            put(store, an_event("e6", key="k"))
        with pytest.raises(StoreConflict):
            put(store, an_event("e7", key="new"), an_event("e8", key="new"))

    def test_known_entries(self, make_store: MakeStore):
        """[S-36] A number is taken once per book."""
        store = make_store()
        put(store, entries=[an_entry(1), an_entry(2), an_entry(1, book="b2")])

        with pytest.raises(StoreConflict):
            put(store, entries=[an_entry(2, actor="somebody else")])
        assert store.query(ReadEntries("b1")) == (stored(an_entry(1)), stored(an_entry(2)))

    def test_reading_back(self, make_store: MakeStore):
        """[S-37] The largest amounts and the oddest characters come back as they were, inserted or updated."""
        store = make_store()
        records = _everything()
        put(store, *records)
        for kind, record in zip(_KINDS, records, strict=True):
            assert got(store, kind, _key(record)) == record

        put(store, updated=records)
        for kind, record in zip(_KINDS, records, strict=True):
            assert got(store, kind, _key(record)) == record

    def test_labels(self, make_store: MakeStore):
        """[S-38] A label is free again once its token is revoked, even in the same write; other kinds share freely."""
        store = make_store()
        delegated = a_token("k1", kind=TokenKind.DELEGATION, label="shopper", expires_at=1)
        put(store, a_budget("b1"), a_budget("b2"), delegated)
        put(store, a_token("k2", label="shopper"), replace(delegated, id="k3", hash="h3", budget_id="b2"))

        following = replace(delegated, id="k4", hash="h4")
        with pytest.raises(StoreConflict):
            put(store, following)
        put(store, following, updated=[replace(delegated, revoked_at=5)])
        assert got(store, Kind.TOKENS, "k4") == following

    @pytest.mark.parametrize("record", _everything())
    def test_unknown_updates(self, make_store: MakeStore, record: Record):
        """[S-39] What does not exist cannot be updated."""
        store = make_store()
        needed = [other for other in (a_budget(), a_subscription()) if _key(other) != _key(record)]
        put(store, *needed)

        with pytest.raises(StoreConflict):
            put(store, updated=[record])

    def test_rollback(self, make_store: MakeStore):
        """[S-40] An exception takes back all writes, and the next transaction goes ahead."""
        store = make_store()
        put(store, a_budget())

        def break_off() -> None:
            with store.begin() as work:
                work.write(Changes([an_event()], [a_budget(limit=7)], [an_entry(1)]))
                raise _Broken

        with pytest.raises(_Broken):
            break_off()
        assert got(store, Kind.EVENTS, "e1") is None
        assert got(store, Kind.ATTEMPTS, ("b1", False, "e1")) is None
        assert got(store, Kind.BUDGETS, "b1") == a_budget()
        assert store.query(ReadEntries("b1")) == ()
        put(store, an_event(), entries=[an_entry(1)])

    def test_reopening(self, make_store: MakeStore):
        """[S-42] Everything is there after the store was closed and opened again."""
        self.needs_sharing()
        store = make_store()
        records = _everything()
        put(store, *records, entries=[an_entry(1)])
        store.set_meta("pepper", "salt")
        store.close()
        again = make_store()

        for kind, record in zip(_KINDS, records, strict=True):
            assert got(again, kind, _key(record)) == record
        assert again.query(ReadEntries("b1")) == (stored(an_entry(1)),)
        assert again.meta("pepper") == "salt"

    def test_queries_beside_a_writer(self, make_store: MakeStore):
        """[S-43] During a transaction a query answers at once, with what was committed before."""
        self.needs_sharing()
        store = make_store()
        put(store, a_budget())
        with ThreadPoolExecutor(1) as threads, store.begin() as work:
            work.write(Changes([an_event()], [a_budget(limit=7)], [an_entry(1)]))
            for query, expected in (
                (FindEvents("b1"), ()),
                (GetRecords(Kind.BUDGETS, ("b1",)), {"b1": a_budget()}),
                (ReadEntries("b1"), ()),
            ):
                answer = threads.submit(store.query, query).result(PATIENCE_SECONDS)
                assert getattr(answer, "records", answer) == expected

    def test_several_queries(self, make_store: MakeStore):
        """[S-73] Queries that are asked together are answered in their places, as each would be alone."""
        store = make_store()
        put(store, a_budget(), a_token(), an_event(), entries=[an_entry(1)])
        queries = [
            ReadEntries("b1"),
            GetRecords(Kind.BUDGETS, ("b1", "nobody")),
            FindEvents("b1"),
            GetRecords(Kind.BUDGET_TOKENS, ("b1",)),
            ReadEntries("nobody"),
        ]

        answers = store.query_all(queries)

        assert answers == [store.query(query) for query in queries]
        assert [len(answer) for answer in (answers[0], answers[1], answers[3], answers[4])] == [1, 1, 1, 0]
        assert store.query_all([]) == []

    def test_closing_twice(self, make_store: MakeStore):
        """[S-44] Closing again does nothing."""
        store = make_store()
        store.close()
        store.close()

    def test_meta(self, make_store: MakeStore):
        """[S-45] A key that was never set has no text."""
        store = make_store()
        store.set_meta("pepper", SCRIPTS)

        assert store.meta("pepper") == SCRIPTS
        assert store.meta("Pepper") is None

    def test_set_meta(self, make_store: MakeStore):
        """[S-65] The first of many threads decides, unless one insists."""
        store = make_store()

        def propose(number: int) -> str:
            return store.set_meta("pepper", str(number))

        with ThreadPoolExecutor(OPENERS) as threads:
            kept = set(threads.map(propose, range(OPENERS)))

        assert kept == {store.meta("pepper")}
        assert store.set_meta("pepper", "new", if_absent=False) == "new"
        assert store.meta("pepper") == "new"

    def test_read_only(self, make_store: MakeStore):
        """[S-47] A store opened for reading answers, sees news, and writes nothing."""
        self.needs_sharing()
        store = make_store()
        put(store, a_budget())
        reading = make_store(read_only=True)

        with pytest.raises(StoreUnavailable, match="read-only"), reading.begin():
            pass
        with pytest.raises(StoreUnavailable, match="read-only"):
            reading.set_meta("pepper", "salt")
        put(store, an_event())
        assert reading.query(FindEvents("b1")).total == 1

    def test_closed(self, make_store: MakeStore):
        """[S-49] A closed store says so."""
        store = make_store()
        store.close()

        with pytest.raises(StoreUnavailable, match="closed"), store.begin():
            pass
        with pytest.raises(StoreUnavailable, match="closed"):
            store.query(FindEvents("b1"))
        with pytest.raises(StoreUnavailable, match="closed"):
            store.meta("pepper")
