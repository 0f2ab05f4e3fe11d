"""
Store suite, part 3: the queries.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from figuard.domain.admin import ApiKey, Delivery, DeliveryStatus, Tenant, Webhook
from figuard.domain.amounts import AMOUNT_MAX
from figuard.domain.budget import Status
from figuard.domain.entitlements import Subscription, SubscriptionStatus
from figuard.domain.events import Decision, Standing
from figuard.domain.instants import DAY
from figuard.domain.views import ReportLine
from figuard.ports import (
    Books,
    DueWork,
    FindBudgets,
    FindEvents,
    GetRecords,
    Kind,
    ListRecords,
    ReadEntries,
    SealedEntry,
    SpendReport,
    Store,
    TreeEvents,
)
from figuard.testing.store_suite_records import (
    MakeStore,
    a_budget,
    a_delivery,
    a_subscription,
    a_webhook,
    an_api_key,
    an_entry,
    an_event,
    an_item,
    ids,
    put,
    settled,
    stored,
)


def found(store: Store, query: FindBudgets | FindEvents) -> list[str]:
    """Return the ids on a page, which counts them rightly if it holds them all."""
    page = store.query(query)
    if query.offset == 0 and len(page.records) < query.limit:
        assert page.total == len(page.records)
    return ids(page.records)


class QueryCases:
    """What is answered outside transactions."""

    def test_budget_filters(self, make_store: MakeStore):
        """[S-50] Every filter narrows what the others found; text is found in three places, whatever its case."""
        store = make_store()
        put(
            store,
            a_budget("b1", at=1, user="Ann"),
            a_budget("b2", at=2, user="Ann", reference="Straße-7", status=Status.PAUSED),
            a_budget("b3", at=3, user="ann"),
            a_budget("b4", at=4, user="Bob_%", reference="ann's"),
            a_budget("b5", at=5, user="Ann", tenant="t2"),
        )

        assert found(store, FindBudgets("t1")) == ["b4", "b3", "b2", "b1"]
        assert found(store, FindBudgets("t1", user_id="Ann")) == ["b2", "b1"]
        assert found(store, FindBudgets("t1", statuses=(Status.PAUSED,), user_id="Ann")) == ["b2"]
        assert found(store, FindBudgets("t1", statuses=(Status.PAUSED,), user_id="ann")) == []
        assert found(store, FindBudgets("t1", text="aNN")) == ["b4", "b3", "b2", "b1"]
        assert found(store, FindBudgets("t1", text="STRASSE")) == ["b2"]
        assert found(store, FindBudgets("t1", text="B3")) == ["b3"]
        assert found(store, FindBudgets("t1", text="_%")) == ["b4"]
        assert found(store, FindBudgets("t1", text="ann", user_id="ann")) == ["b3"]
        assert found(store, FindBudgets(user_id="Ann")) == ["b5", "b2", "b1"]
        assert found(store, FindBudgets()) == ["b5", "b4", "b3", "b2", "b1"]

    def test_cancelled_budgets(self, make_store: MakeStore):
        """[S-51] Cancelled budgets show when all are wanted, or they by name."""
        store = make_store()
        put(store, a_budget("b1", at=1), a_budget("b2", at=2, status=Status.CANCELLED))

        assert found(store, FindBudgets("t1")) == ["b1"]
        assert found(store, FindBudgets("t1", include_cancelled=True)) == ["b2", "b1"]
        assert found(store, FindBudgets("t1", statuses=(Status.CANCELLED,))) == ["b2"]
        assert found(store, FindBudgets("t1", statuses=(Status.ACTIVE,), include_cancelled=True)) == ["b1"]

    def test_pages_of_budgets(self, make_store: MakeStore):
        """[S-52] Page by page comes every budget once, though all are of the same microsecond."""
        store = make_store()
        names = [f"b{number:02}" for number in range(25)]
        put(store, *(a_budget(name, at=5) for name in names))

        pages = [store.query(FindBudgets("t1", offset=offset, limit=10)) for offset in (0, 10, 20, 30)]
        assert [name for page in pages for name in ids(page.records)] == names[::-1]
        assert [len(page.records) for page in pages] == [10, 10, 5, 0]
        assert {page.total for page in pages} == {25}

    def test_event_filters(self, make_store: MakeStore):
        """[S-53] Every filter narrows what the others found; newest first, by id within a microsecond."""
        store = make_store()
        put(store, a_budget("b1"), a_budget("b2"))
        put(
            store,
            an_event("e1", at=1, agent_id="a", trace_id="x"),
            an_event("e2", at=1, agent_id="a", trace_id="x", decision=Decision.DENIED),
            an_event("e3", at=2, agent_id="b", trace_id="x"),
            an_event("e4", at=3, agent_id="A"),
            an_event("e5", at=4, agent_id="a", trace_id="x", budget="b2"),
        )

        assert found(store, FindEvents("b1")) == ["e4", "e3", "e2", "e1"]
        assert found(store, FindEvents("b1", trace_id="x")) == ["e3", "e2", "e1"]
        assert found(store, FindEvents("b1", trace_id="x", agent_id="a")) == ["e2", "e1"]
        assert found(store, FindEvents("b1", Decision.DENIED, "x", "a")) == ["e2"]
        assert found(store, FindEvents("b1", Decision.DENIED, "x", "b")) == []

    def test_total_of_events(self, make_store: MakeStore):
        """[S-54] The total counts what matches, also beyond the last page."""
        store = make_store()
        put(store, a_budget(), *(an_event(f"e{number}", at=number) for number in range(7)))

        assert store.query(FindEvents("b1", offset=5, limit=3)).total == 7
        assert ids(store.query(FindEvents("b1", offset=5, limit=3)).records) == ["e1", "e0"]
        assert store.query(FindEvents("b1", offset=99)).total == 7
        assert store.query(FindEvents("b1", limit=0)).records == ()

    def test_trees(self, make_store: MakeStore):
        """[S-55] The whole budget or one chain of it with its root, oldest first, dead events too, up to the limit."""
        store = make_store()
        put(store, a_budget("b1"), a_budget("b2"))
        put(
            store,
            an_event("root", at=1),
            an_event("z", at=2, parent="root", root="root", decision=Decision.VOIDED),
            an_event("a", at=3, parent="z", root="root"),
            an_event("other", at=2),
            an_event("far", at=0, budget="b2"),
        )

        assert ids(store.query(TreeEvents("b1"))) == ["root", "other", "z", "a"]
        assert ids(store.query(TreeEvents("b1", limit=2))) == ["root", "other"]
        assert ids(store.query(TreeEvents("b1", "root"))) == ["root", "z", "a"]
        assert ids(store.query(TreeEvents("b1", "root", limit=2))) == ["root", "z"]
        assert store.query(TreeEvents("b2", "root")) == ()

    def test_entries(self, make_store: MakeStore):
        """[S-56] In order, after a number, up to a moment and including it, at most so many."""
        store = make_store()
        book = [an_entry(seq, at=seq * 10) for seq in range(1, 13)]
        put(store, entries=[*book, an_entry(1, book="b2")])
        lines = [stored(sealed) for sealed in book]

        assert store.query(ReadEntries("b1")) == tuple(lines)
        assert store.query(ReadEntries("b1", 2, limit=3)) == tuple(lines[2:5])
        assert store.query(ReadEntries("b1", 1, until=40)) == tuple(lines[1:4])
        assert store.query(ReadEntries("b1", 1, until=39)) == tuple(lines[1:3])
        assert store.query(ReadEntries("b1", 12)) == ()
        assert store.query(ReadEntries("nobody")) == ()

    def test_bytes_of_entries(self, make_store: MakeStore):
        """[S-57] The bytes come back as they were, however unusual, with the hash they were given."""
        store = make_store()
        plain = an_entry(1)
        spaced = SealedEntry(plain.entry, b" " + plain.body.replace(b":", b": "), "not a hash of ours")
        put(store, entries=[spaced])

        assert store.query(ReadEntries("b1")) == (stored(spaced),)

    def test_books(self, make_store: MakeStore):
        """[S-58] Each book once, in order of ids, of a tenant or of all, after a given one."""
        store = make_store()
        put(
            store,
            entries=[
                *(an_entry(seq, book=book) for book in ("b2", "B3", "b1") for seq in (1, 2, 3)),
                an_entry(1, book="b0", tenant="t2"),
            ],
        )

        put(store, a_budget("b9", tenant="t2"))

        assert store.query(Books()) == ("B3", "b0", "b1", "b2", "b9")
        assert store.query(Books("t1")) == ("B3", "b1", "b2")
        assert store.query(Books("t2")) == ("b0", "b9")
        assert store.query(Books("t1", after="B3")) == ("b1", "b2")
        assert store.query(Books(after="b0", limit=1)) == ("b1",)

    def test_records_outside_a_transaction(self, make_store: MakeStore):
        """[S-59] The answers are those of a transaction, for many keys at once."""
        store = make_store()
        put(store, a_budget(), *(an_event(f"e{number}", entity_id="order") for number in range(3)))
        keys = ("e2", "nobody", "e0", "e2")
        with store.begin() as work:
            inside = work.read(Kind.EVENTS, keys)

        assert store.query(GetRecords(Kind.EVENTS, keys)) == inside
        assert set(inside) == {"e0", "e2"}

    def test_lists_of_a_tenant(self, make_store: MakeStore):
        """[S-60] Lists hold what is the tenant's, newest first, narrowed by columns."""
        store = make_store()
        put(
            store,
            Tenant("t1", "Acme", 1),
            Tenant("t2", "Bolt", 2),
            an_api_key("a1", at=1, revoked_at=5),
            an_api_key("a2", at=2),
            an_api_key("a3", at=3, tenant="t2"),
            a_subscription("s1", at=1),
            a_subscription("s2", at=2, status=SubscriptionStatus.PAUSED),
            a_subscription("s3", at=3, tenant="t2"),
            a_webhook("w1", at=1),
            a_webhook("w2", at=2, tenant="t2"),
            a_delivery("d1", at=1, webhook="w1"),
            a_delivery("d2", at=2, webhook="w1", status=DeliveryStatus.FAILED),
            a_delivery("d3", at=3, webhook="w1", status=DeliveryStatus.FAILED, event_type="SPEND_VOIDED"),
            a_delivery("d4", at=4, webhook="w2", status=DeliveryStatus.FAILED),
            a_delivery("d5", at=5, webhook="w1", tenant="t2"),
        )

        def listed(of: type, *where: tuple[str, object], tenant: str | None = "t1") -> list[str]:
            return ids(store.query(ListRecords(of, tenant, where)))

        assert listed(Tenant, tenant=None) == ["t2", "t1"]
        assert listed(Tenant) == ["t1"]
        assert listed(ApiKey) == ["a2", "a1"]
        assert listed(Webhook) == ["w1"]
        assert listed(Subscription) == ["s2", "s1"]
        assert listed(Subscription, ("status", "PAUSED")) == ["s2"]
        assert listed(Delivery, ("webhook_id", "w1"), ("status", DeliveryStatus.FAILED)) == ["d3", "d2"]
        assert listed(Delivery, ("event_type", "SPEND_VOIDED"), ("status", "FAILED")) == ["d3"]
        assert listed(Delivery, ("since", 3)) == ["d4", "d3"]
        assert listed(Delivery, ("since", 5), tenant=None) == ["d5"]
        with pytest.raises(ValueError, match="cannot be listed by payload"):
            listed(Delivery, ("payload", "{}"))

    def test_limits_of_lists(self, make_store: MakeStore):
        """[S-61] At most so many, after the offset."""
        store = make_store()
        put(store, *(an_api_key(f"a{number}", at=number) for number in range(5)))

        assert ids(store.query(ListRecords(ApiKey, "t1", limit=2))) == ["a4", "a3"]
        assert ids(store.query(ListRecords(ApiKey, "t1", offset=3, limit=2))) == ["a1", "a0"]
        assert store.query(ListRecords(ApiKey, "t1", offset=5)) == ()

    def test_sums_of_reports(self, make_store: MakeStore):
        """[S-62] Sums beyond 64 bits are exact, measures stay apart, the largest row comes first."""
        store = make_store()
        put(store, a_budget("b1", user="ann"), a_budget("b2", user="ann", currency="EUR"), a_budget("b3", tenant="t2"))
        put(
            store,
            *(settled(f"e{number}", AMOUNT_MAX - number, agent_id="a", category="x") for number in range(5)),
            an_event("held", agent_id="b", standing=Standing(held=AMOUNT_MAX), category="x"),
            an_event("denied", agent_id="a", decision=Decision.DENIED),
            replace(
                settled("voided", 50, agent_id="a"),
                decision=Decision.VOIDED,
                standing=Standing(confirmed=50, refunded=0),
            ),
            replace(settled("back", 7, agent_id="b"), standing=Standing(booked=4, confirmed=7, refunded=3)),
            settled("euro", 9, budget="b2", agent_id="a"),
            settled("far", 1, budget="b3", agent_id="a"),
        )
        most = 5 * AMOUNT_MAX - 10

        assert store.query(SpendReport("t1", "agent")) == (
            ReportLine("a", "USD", most, 0, 0, 7, 1),
            ReportLine("a", "EUR", 9, 0, 0, 1, 0),
            ReportLine("b", "USD", 7, AMOUNT_MAX, 3, 2, 0),
        )
        assert store.query(SpendReport("t1", "category")) == (
            ReportLine("x", "USD", most, AMOUNT_MAX, 0, 6, 0),
            ReportLine(None, "EUR", 9, 0, 0, 1, 0),
            ReportLine(None, "USD", 7, 0, 3, 3, 1),
        )
        assert [row.key for row in store.query(SpendReport("t1", "budget"))] == ["b1", "b2"]
        assert [row.key for row in store.query(SpendReport("t1", "user", limit=1))] == ["ann"]
        assert store.query(SpendReport("t1", "user", budget_id="b2")) == (ReportLine("ann", "EUR", 9, 0, 0, 1, 0),)
        with pytest.raises(ValueError, match="cannot report by 'weather'"):
            store.query(SpendReport("t1", "weather"))

    def test_periods_of_reports(self, make_store: MakeStore):
        """[S-63] A period holds its first microsecond and not its last, a day ends at midnight UTC; no shadows."""
        store = make_store()
        day = 20_000 * DAY
        put(store, a_budget())
        put(
            store,
            settled("e1", 1, at=day - 1),
            settled("e2", 2, at=day),
            settled("e3", 4, at=day + DAY - 1),
            settled("e4", 8, at=day + DAY),
            settled("shadow", 16, at=day, shadow=True),
        )

        by_day = store.query(SpendReport("t1", "day"))
        assert [(row.key, row.confirmed) for row in by_day] == [("2024-10-05", 8), ("2024-10-04", 6), ("2024-10-03", 1)]
        (row,) = store.query(SpendReport("t1", "agent", since=day, until=day + DAY))
        assert (row.confirmed, row.events) == (6, 2)

    def test_due_work(self, make_store: MakeStore):
        """[S-64] What is due, to the microsecond, soonest first, at most so many, and nothing nobody can do."""
        store = make_store()
        put(
            store,
            *(a_budget(name) for name in ("b1", "b2", "b3", "b4")),
            a_budget("ends", status=Status.PAUSED, expires_at=90),
            a_budget("later", expires_at=100),
            a_budget("latest", expires_at=101),
            a_budget("told", expires_at=50, told=50),
            a_budget("gone", expires_at=50, status=Status.CANCELLED),
            a_subscription("s1"),
            a_subscription("s2", status=SubscriptionStatus.PAUSED),
        )
        put(
            store,
            an_event("e1", budget="b1", standing=Standing(hold_expires_at=100)),
            an_event("e2", budget="b2", standing=Standing(void_due_at=99)),
            an_event("e3", budget="b2", standing=Standing(hold_expires_at=100)),
            an_event("e4", budget="b3", standing=Standing(hold_expires_at=101)),
            an_event("e5", budget="b4", standing=Standing(hold_expires_at=1), decision=Decision.CONFIRMED),
            an_item("i1", renews_at=100),
            an_item("i2", renews_at=99),
            an_item("i3", renews_at=101),
            an_item("i4", renews_at=1, subscription="s2"),
        )

        assert store.query(DueWork("holds", 100)) == ("b2", "b1")
        assert store.query(DueWork("holds", 100, limit=1)) == ("b2",)
        assert store.query(DueWork("items", 100)) == ("i2", "i1")
        assert store.query(DueWork("expiring", 80, until=100)) == ("ends", "later")
        assert store.query(DueWork("expiring", 80, until=100, limit=1)) == ("ends",)
        assert store.query(DueWork("expiring", 80)) == ()
        with pytest.raises(ValueError, match="no work called 'tea'"):
            store.query(DueWork("tea", 100))
