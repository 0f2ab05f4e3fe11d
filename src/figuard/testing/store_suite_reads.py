"""
Store suite, part 1: the reads of a transaction.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from figuard.domain.admin import Tenant
from figuard.domain.budget import Status
from figuard.domain.events import Decision, Standing
from figuard.domain.tokens import TokenKind
from figuard.ports import Changes, Kind, Store, StoreConflict
from figuard.testing.store_suite_records import (
    MakeStore,
    a_budget,
    a_delivery,
    a_receipt,
    a_reply,
    a_subscription,
    a_token,
    a_webhook,
    an_api_key,
    an_event,
    an_item,
    got,
    ids,
    put,
)

THREADS = 4
ROUNDS = 10


def count_up(store: Store, kind: Kind, key: str, field: str) -> int:
    """Let threads add one to a field, each reading it first; return the sum that is stored in the end."""

    def add(_: int) -> None:
        for _ in range(ROUNDS):
            with store.begin() as work:
                record = work.read(kind, (key,))[key]
                work.write(Changes(updated=[replace(record, **{field: (getattr(record, field) or 0) + 1})]))

    with ThreadPoolExecutor(THREADS) as threads:
        list(threads.map(add, range(THREADS)))
    return getattr(got(store, kind, key), field)


def hold(until: int | None, void: int | None = None) -> Standing:
    """Return how an event stands whose hold ends and which is voided at these instants."""
    return Standing(held=5, hold_expires_at=until, void_due_at=void)


class ReadCases:
    """Every kind of read, and what all reads have in common."""

    def test_tokens_by_hash(self, make_store: MakeStore):
        """[S-01] A rotated token is found by both of its hashes, and by no other."""
        store = make_store()
        token = a_token(hash="new", previous_hash="old", previous_until=9)
        put(store, a_budget(), token, a_token("k2"))

        assert got(store, Kind.TOKENS_BY_HASH, "new") == token
        assert got(store, Kind.TOKENS_BY_HASH, "old") == token
        assert got(store, Kind.TOKENS_BY_HASH, "k1") is None

    def test_event_homes(self, make_store: MakeStore):
        """[S-02] An event leads to its budget and tenant."""
        store = make_store()
        put(store, a_budget("b1"), a_budget("b2", tenant="t2"), an_event(budget="b2", tenant="t2"))

        assert got(store, Kind.EVENT_HOMES, "e1") == ("b2", "t2")
        assert got(store, Kind.EVENT_HOMES, "b2") is None

    def test_token_homes(self, make_store: MakeStore):
        """[S-03] A token leads to its budget and tenant."""
        store = make_store()
        put(store, a_budget(), a_token())

        assert got(store, Kind.TOKEN_HOMES, "k1") == ("b1", "t1")
        assert got(store, Kind.TOKEN_HOMES, "b1") is None

    def test_remembered(self, make_store: MakeStore):
        """[S-04] Neither another tenant, nor another operation, nor another key finds the answer."""
        store = make_store()
        put(store, a_reply())

        assert got(store, Kind.REMEMBERED, ("t1", "fund", "key")) == a_reply()
        for other in (("t2", "fund", "key"), ("t1", "pause", "key"), ("t1", "fund", "Key")):
            assert got(store, Kind.REMEMBERED, other) is None

    def test_budgets_are_locked(self, make_store: MakeStore):
        """[S-05] No addition to a figure of a budget is lost between threads."""
        store = make_store()
        put(store, a_budget())

        assert count_up(store, Kind.BUDGETS, "b1", "cancelled_at") == THREADS * ROUNDS

    def test_items_are_locked(self, make_store: MakeStore):
        """[S-06] No addition to a figure of an entitlement is lost between threads."""
        store = make_store()
        put(store, a_subscription(), an_item())

        assert count_up(store, Kind.ITEMS, "i1", "revision") == THREADS * ROUNDS

    def test_subscriptions_are_locked(self, make_store: MakeStore):
        """[S-07] No addition to a figure of a subscription is lost between threads."""
        store = make_store()
        put(store, a_subscription())

        assert count_up(store, Kind.SUBSCRIPTIONS, "s1", "updated_at") == THREADS * ROUNDS

    def test_events(self, make_store: MakeStore):
        """[S-08] The newest version of an event is read, within the transaction that wrote it too."""
        store = make_store()
        put(store, a_budget(), an_event())
        confirmed = replace(an_event(), decision=Decision.CONFIRMED, updated_at=7)
        with store.begin() as work:
            work.write(Changes(updated=[confirmed]))

            assert work.read(Kind.EVENTS, ("e1",)) == {"e1": confirmed}
        assert got(store, Kind.EVENTS, "e1") == confirmed

    def test_attempts(self, make_store: MakeStore):
        """[S-09] The highest attempt under a key answers, apart for shadow events and for each budget."""
        store = make_store()
        put(store, a_budget("b1"), a_budget("b2"))
        put(
            store,
            an_event("e1", key="k", attempt=2),
            an_event("e2", key="k", attempt=10),
            an_event("e3", key="k", attempt=9),
            an_event("e4", key="k", attempt=11, shadow=True),
            an_event("e5", key="k", attempt=12, budget="b2"),
            an_event("e6", key="K", attempt=13),
        )

        assert got(store, Kind.ATTEMPTS, ("b1", False, "k")).id == "e2"
        assert got(store, Kind.ATTEMPTS, ("b1", True, "k")).id == "e4"
        assert got(store, Kind.ATTEMPTS, ("b2", False, "k")).id == "e5"
        assert got(store, Kind.ATTEMPTS, ("b2", True, "k")) is None

    def test_entity_events(self, make_store: MakeStore):
        """[S-10] Live events of the entity, oldest first; an event leaves when it is voided."""
        store = make_store()
        put(store, a_budget("b1"), a_budget("b2"))
        put(
            store,
            an_event("e2", at=2, entity_id="order"),
            an_event("e1", at=1, entity_id="order", decision=Decision.CONFIRMED),
            an_event("e3", at=3, entity_id="order", decision=Decision.DENIED),
            an_event("e4", at=4, entity_id="Order"),
            an_event("e5", at=5, entity_id="order", budget="b2"),
            an_event("e6", at=6),
        )

        assert ids(got(store, Kind.ENTITY_EVENTS, ("b1", "order"))) == ["e1", "e2"]
        put(store, updated=[an_event("e2", at=2, entity_id="order", decision=Decision.VOIDED)])
        assert ids(got(store, Kind.ENTITY_EVENTS, ("b1", "order"))) == ["e1"]

    def test_tokens(self, make_store: MakeStore):
        """[S-11] The newest version of a token is read."""
        store = make_store()
        put(store, a_budget(), a_token())
        rotated = a_token(hash="new", previous_hash="hash of k1", previous_until=5)
        put(store, updated=[rotated])

        assert got(store, Kind.TOKENS, "k1") == rotated
        assert got(store, Kind.TOKENS_BY_HASH, "new") == rotated

    def test_budget_tokens(self, make_store: MakeStore):
        """[S-12] All tokens of a budget, oldest first, the revoked one among them."""
        store = make_store()
        put(store, a_budget("b1"), a_budget("b2"))
        put(
            store,
            a_token("k3", at=1, kind=TokenKind.SCOPED),
            a_token("k1", at=2),
            a_token("k2", at=2, revoked_at=3),
            a_token("k0", at=0, budget="b2"),
        )

        assert ids(got(store, Kind.BUDGET_TOKENS, "b1")) == ["k3", "k1", "k2"]

    def test_due_holds(self, make_store: MakeStore):
        """[S-13] A hold is due in the microsecond it ends and not before; soonest first; not when it was settled."""
        store = make_store()
        put(store, a_budget("b1"), a_budget("b2"))
        put(
            store,
            an_event("e1", standing=hold(100)),
            an_event("e2", standing=hold(99)),
            an_event("e3", standing=hold(101)),
            an_event("e4", standing=hold(1), decision=Decision.FAILED),
            an_event("e5", standing=hold(1), budget="b2"),
            an_event("e6", standing=hold(None, 1)),
        )

        assert ids(got(store, Kind.DUE_HOLDS, ("b1", 98, 9))) == []
        assert ids(got(store, Kind.DUE_HOLDS, ("b1", 100, 9))) == ["e2", "e1"]
        assert ids(got(store, Kind.DUE_HOLDS, ("b1", 100, 1))) == ["e2"]

    def test_next_expiry(self, make_store: MakeStore):
        """[S-14] The soonest end after an instant, strictly; left out when there is none."""
        store = make_store()
        put(store, a_budget(), an_event("e1", standing=hold(100)), an_event("e2", standing=hold(200)))

        assert got(store, Kind.NEXT_EXPIRY, ("b1", 99)) == 100
        assert got(store, Kind.NEXT_EXPIRY, ("b1", 100)) == 200
        assert got(store, Kind.NEXT_EXPIRY, ("b1", 200)) is None

    def test_timed_out(self, make_store: MakeStore):
        """[S-15] Undecided events whose time-out has come, to the microsecond, their hold released or not."""
        store = make_store()
        put(store, a_budget())
        put(
            store,
            an_event("e1", standing=hold(None, 100)),
            an_event("e2", standing=hold(50, 99)),
            an_event("e3", standing=hold(50, 101)),
            an_event("e4", standing=hold(None, 1), decision=Decision.VOIDED),
        )

        assert ids(got(store, Kind.TIMED_OUT, ("b1", 100, 9))) == ["e2", "e1"]
        assert ids(got(store, Kind.TIMED_OUT, ("b1", 100, 1))) == ["e2"]

    def test_descendants(self, make_store: MakeStore):
        """[S-16] Children before grandchildren, nothing below a dead event, never more than the limit."""
        store = make_store()
        put(store, a_budget())
        put(
            store,
            an_event("root"),
            an_event("z", at=1, parent="root", root="root"),
            an_event("a", at=2, parent="root", root="root", decision=Decision.CONFIRMED),
            an_event("b", at=3, parent="z", root="root"),
            an_event("dead", at=4, parent="root", root="root", decision=Decision.VOIDED),
            an_event("c", at=5, parent="dead", root="root"),
            an_event("d", at=6, parent="b", root="root"),
        )

        assert ids(got(store, Kind.DESCENDANTS, ("root", 10))) == ["z", "a", "b", "d"]
        assert ids(got(store, Kind.DESCENDANTS, ("root", 3))) == ["z", "a", "b"]
        assert ids(got(store, Kind.DESCENDANTS, ("d", 3))) == []

    def test_references(self, make_store: MakeStore):
        """[S-17] Open budgets with the reference, newest first, of this tenant only."""
        store = make_store()
        put(
            store,
            a_budget("b1", at=1, reference="order"),
            a_budget("b2", at=3, reference="order", status=Status.PAUSED),
            a_budget("b3", at=4, reference="order", status=Status.CANCELLED),
            a_budget("b4", at=5, reference="Order"),
            a_budget("b5", at=6, reference="order", tenant="t2"),
        )

        assert got(store, Kind.REFERENCES, ("t1", "order")) == ("b2", "b1")
        put(store, updated=[a_budget("b2", at=3, reference="order", status=Status.CANCELLED)])
        assert got(store, Kind.REFERENCES, ("t1", "order")) == ("b1",)

    def test_references_are_claimed_once(self, make_store: MakeStore):
        """[S-28] Of many threads that want a reference nobody has, one gets it."""
        store = make_store()

        def claim(number: int) -> None:
            with store.begin() as work:
                if not work.read(Kind.REFERENCES, (("t1", "order"),))["t1", "order"]:
                    work.write(Changes(inserted=[a_budget(f"b{number}", reference="order")]))

        with ThreadPoolExecutor(THREADS) as threads:
            list(threads.map(claim, range(THREADS)))

        assert len(got(store, Kind.REFERENCES, ("t1", "order"))) == 1

    def test_subscribers(self, make_store: MakeStore):
        """[S-18] A subscriber is found, and cannot be taken twice in one tenant."""
        store = make_store()
        put(store, a_subscription("s1", subscriber="ann"), a_subscription("s2", subscriber="ann", tenant="t2"))

        assert got(store, Kind.SUBSCRIBERS, ("t1", "ann")) == "s1"
        assert got(store, Kind.SUBSCRIBERS, ("t1", "Ann")) is None
        with pytest.raises(StoreConflict):
            put(store, a_subscription("s3", subscriber="ann"))

    def test_subscription_items(self, make_store: MakeStore):
        """[S-19] The items of one subscription, oldest first."""
        store = make_store()
        put(store, a_subscription("s1"), a_subscription("s2"))
        put(store, an_item("i2", at=1), an_item("i1", at=2), an_item("i3", at=3, subscription="s2"))

        assert ids(got(store, Kind.SUBSCRIPTION_ITEMS, "s1")) == ["i2", "i1"]

    def test_webhooks(self, make_store: MakeStore):
        """[S-20] A webhook is found by id after it was deleted."""
        store = make_store()
        put(store, a_webhook())
        put(store, updated=[a_webhook(deleted_at=5)])

        assert got(store, Kind.WEBHOOKS, "w1") == a_webhook(deleted_at=5)

    def test_tenant_webhooks(self, make_store: MakeStore):
        """[S-21] The webhooks of a tenant that are not deleted, oldest first."""
        store = make_store()
        put(
            store,
            a_webhook("w2", at=1),
            a_webhook("w1", at=2),
            a_webhook("w3", at=3, deleted_at=4),
            a_webhook("w4", tenant="t2"),
        )

        assert ids(got(store, Kind.TENANT_WEBHOOKS, "t1")) == ["w2", "w1"]

    def test_deliveries(self, make_store: MakeStore):
        """[S-22] The newest version of a delivery is read."""
        store = make_store()
        put(store, a_delivery(due_at=1))
        put(store, updated=[a_delivery(due_at=2)])

        assert got(store, Kind.DELIVERIES, "d1") == a_delivery(due_at=2)

    def test_receipts(self, make_store: MakeStore):
        """[S-23] All receipts of a budget, newest first, the revoked one among them."""
        store = make_store()
        put(store, a_budget("b1"), a_budget("b2"))
        put(store, a_receipt("r1", at=1, revoked_at=9), a_receipt("r2", at=2), a_receipt("r3", budget="b2"))

        assert ids(got(store, Kind.RECEIPTS, "b1")) == ["r2", "r1"]

    def test_receipts_by_token(self, make_store: MakeStore):
        """[S-24] A receipt is found by its token, not by one in another case."""
        store = make_store()
        put(store, a_budget(), a_receipt())

        assert got(store, Kind.RECEIPTS_BY_TOKEN, "Token-r1") == a_receipt()
        assert got(store, Kind.RECEIPTS_BY_TOKEN, "token-r1") is None

    def test_api_keys(self, make_store: MakeStore):
        """[S-25] [S-71] A key is found by id after it was revoked, for whatever purpose."""
        store = make_store()
        put(store, an_api_key())
        put(store, updated=[an_api_key(revoked_at=3)])

        assert got(store, Kind.API_KEYS, "a1") == an_api_key(revoked_at=3)
        assert got(store, Kind.CALLERS, "a1") == an_api_key(revoked_at=3)

    def test_api_keys_by_hash(self, make_store: MakeStore):
        """[S-26] A key is found by its hash, not by one in another case."""
        store = make_store()
        put(store, an_api_key())

        assert got(store, Kind.API_KEYS_BY_HASH, "Hash-a1") == an_api_key()
        assert got(store, Kind.API_KEYS_BY_HASH, "hash-a1") is None

    def test_tenants(self, make_store: MakeStore):
        """[S-27] A tenant is found, an unknown one left out."""
        store = make_store()
        put(store, Tenant("t1", "Acme", 5))

        assert got(store, Kind.TENANTS, "t1") == Tenant("t1", "Acme", 5)
        assert got(store, Kind.TENANTS, "t2") is None

    @pytest.mark.parametrize("kind", Kind, ids=lambda kind: kind.name)
    def test_unknown_keys(self, make_store: MakeStore, kind: Kind):
        """[S-30] "One" reads leave out what they do not find, "many" reads answer with an empty tuple."""
        store = make_store()
        many = {
            Kind.ENTITY_EVENTS, Kind.BUDGET_TOKENS, Kind.DUE_HOLDS, Kind.TIMED_OUT, Kind.DESCENDANTS,
            Kind.REFERENCES, Kind.SUBSCRIPTION_ITEMS, Kind.TENANT_WEBHOOKS, Kind.RECEIPTS, Kind.DUE_DELIVERIES,
            Kind.FORGETTABLE,
        }  # fmt: skip
        key = _KEYS.get(kind, "nobody")
        with store.begin() as work:
            answers = work.read(kind, (key,))

        assert answers == ({key: ()} if kind in many else {})


_KEYS: dict[Kind, tuple[Any, ...]] = {
    Kind.REMEMBERED: ("t1", "fund", "key"),
    Kind.ATTEMPTS: ("b1", False, "key"),
    Kind.ENTITY_EVENTS: ("b1", "order"),
    Kind.DUE_HOLDS: ("b1", 5, 5),
    Kind.NEXT_EXPIRY: ("b1", 5),
    Kind.TIMED_OUT: ("b1", 5, 5),
    Kind.DESCENDANTS: ("e1", 5),
    Kind.REFERENCES: ("t1", "order"),
    Kind.SUBSCRIBERS: ("t1", "ann"),
    Kind.DUE_DELIVERIES: (5, 5),
    Kind.FORGETTABLE: (5, 5),
}
"""What a key looks like, where it is not one id."""
