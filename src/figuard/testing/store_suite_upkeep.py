"""
Store suite, part 4: what upkeep takes up, notices that are due and answers that were kept long enough.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier

from figuard.domain.admin import Delivery, DeliveryStatus, Remembered
from figuard.ports import Changes, Kind, Store
from figuard.testing.store_suite_records import MakeStore, a_delivery, a_reply, got, put

SERVERS = 3
LINES = 12


def _due(store: Store, now: int, limit: int = 10) -> list[str]:
    with store.begin() as work:
        found: tuple[Delivery, ...] = work.read(Kind.DUE_DELIVERIES, ((now, limit),))[now, limit]
    return [delivery.id for delivery in found]


def _forgettable(store: Store, until: int, limit: int = 10) -> list[str]:
    with store.begin() as work:
        found: tuple[Remembered, ...] = work.read(Kind.FORGETTABLE, ((until, limit),))[until, limit]
    return [answer.key for answer in found]


class UpkeepCases:
    """Cases about the reads of upkeep."""

    def test_due_deliveries(self, make_store: MakeStore):
        """[S-66] A line shows its first notice only, when that is due, whatever lies behind it."""
        store = make_store()
        put(
            store,
            a_delivery("a2", at=2, due_at=3),
            a_delivery("a1", at=1, due_at=9),
            a_delivery("a0", at=0, due_at=1, status=DeliveryStatus.DELIVERED),
            a_delivery("b1", at=1, due_at=5, book="b2"),
            a_delivery("b2", at=1, due_at=5, book="b2"),
            a_delivery("c1", at=1, due_at=4, webhook="w2"),
            a_delivery("c2", at=2, due_at=1, webhook="w2", tenant="t2"),
            a_delivery("d1", at=1, due_at=6, book="b3"),
        )

        assert _due(store, 5) == ["c1", "b1"]
        assert _due(store, 5, 1) == ["c1"]
        assert _due(store, 9) == ["c1", "b1", "d1", "a1"]
        put(store, updated=[a_delivery("a1", at=1, status=DeliveryStatus.FAILED)])
        assert _due(store, 3) == ["a2"]

    def test_a_notice_is_taken_once(self, make_store: MakeStore):
        """[S-67] Transactions side by side share what is due; a notice behind one that was taken waits."""
        stores = [make_store() for _ in range(SERVERS)]
        first = [a_delivery(f"{line}-1", due_at=1, book=f"b{line}") for line in range(LINES)]
        put(stores[0], *first, *(replace(one, id=f"{one.id}-2", created_at=1) for one in first))
        start = Barrier(SERVERS)

        def take(store: Store) -> list[str]:
            taken: list[str] = []
            start.wait()
            for _ in range(LINES):
                with store.begin() as work:
                    found: tuple[Delivery, ...] = work.read(Kind.DUE_DELIVERIES, ((1, 3),))[1, 3]
                    work.write(Changes(updated=[replace(delivery, due_at=9) for delivery in found]))
                    taken += [delivery.id for delivery in found]
            return taken

        with ThreadPoolExecutor(SERVERS) as threads:
            taken = [name for names in threads.map(take, stores) for name in names]

        assert sorted(taken) == sorted(delivery.id for delivery in first)

    def test_forgettable(self, make_store: MakeStore):
        """[S-68] The oldest first, to the microsecond, at most so many; by their own age and nobody else's."""
        store = make_store()
        put(store, a_reply("a", at=20), a_reply("b", at=10, tenant="t2"), a_reply("c", at=21), a_reply("d", at=-5))

        assert _forgettable(store, 20) == ["d", "b", "a"]
        assert _forgettable(store, 20, 2) == ["d", "b"]
        assert _forgettable(store, -6) == []

    def test_forget(self, make_store: MakeStore):
        """[S-69] What is forgotten is gone, once committed, and so are no others; it can be forgotten twice."""
        store = make_store()
        put(store, a_reply("a"), a_reply("b"), a_reply("a", tenant="t2"))
        for _ in range(2):
            with store.begin() as work:
                work.write(Changes(forgotten=[a_reply("a")]))
                assert work.read(Kind.REMEMBERED, (("t1", "fund", "a"),)) == {}
                assert len(work.read(Kind.FORGETTABLE, ((0, 9),))[0, 9]) == len("ab")

        assert got(store, Kind.REMEMBERED, ("t1", "fund", "a")) is None
        assert _forgettable(store, 0) == ["b", "a"]
        put(store, a_reply("a", at=3))
        assert got(store, Kind.REMEMBERED, ("t1", "fund", "a")) == a_reply("a", at=3)
