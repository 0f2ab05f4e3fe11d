"""
The batcher: many threads, one transaction at a time, nobody left waiting.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from figuard.domain import commands as c
from figuard.domain import questions as q
from figuard.domain.amounts import quanta
from figuard.domain.codes import ErrorCode
from figuard.domain.refusal import Refusal
from figuard.engine.batch import Outcome
from figuard.engine.batcher import BATCH_MAX, LEAD_ROUNDS_MAX, QUEUE_MAX, Batcher, _Ticket
from figuard.ports import StoreUnavailable
from tests.builders import TENANT, World, spend
from tests.unit.engine.tools import WatchedStore

PATIENCE_SECONDS = 20.0


def order(name: str) -> c.Order:
    """Return an order that a commit of these tests can tell from others."""
    return c.Order(c.Cancel(name), TENANT, "test")


def name_of(given: c.Order) -> str:
    command = given.command
    return command.budget_id if isinstance(command, c.Cancel) else ""


def ticket(name: str) -> _Ticket:
    """Return an order that waits already, though nobody waits for it."""
    return _Ticket(order(name))


class Desk:
    """A batcher whose commit does as it is told, and threads that submit to it."""

    def __init__(self, script: Callable[[Desk, list[str]], None] | None = None) -> None:
        self.script = script
        self.batches: list[list[str]] = []
        self.leaders: list[int] = []
        self.results: dict[str, Any] = {}
        self.threads: list[threading.Thread] = []
        self.batcher = Batcher(self._commit)

    def _commit(self, orders: Sequence[c.Order]) -> list[Outcome]:
        names = [name_of(given) for given in orders]
        self.batches.append(names)
        self.leaders.append(threading.get_ident())
        if self.script is not None:
            self.script(self, names)
        return [Refusal(ErrorCode.NOT_FOUND, name) for name in names]

    def submit(self, name: str) -> None:
        """Submit in this thread and keep what came back, or what was raised."""
        try:
            self.results[name] = self.batcher.submit(order(name))
        except BaseException as error:  # noqa: BLE001 - also the interruption of a leader
            self.results[name] = error

    def start(self, *names: str) -> None:
        """Submit in threads of their own, one after the other, and wait until all of them are queued."""
        for name in names:
            thread = threading.Thread(target=self.submit, args=(name,), daemon=True)
            self.threads.append(thread)
            waiting = len(self.batcher._waiting)
            thread.start()
            deadline = threading.Event()
            for _ in range(round(PATIENCE_SECONDS * 1000)):
                if len(self.batcher._waiting) > waiting:
                    break
                deadline.wait(0.001)

    def join(self) -> None:
        for thread in self.threads:
            thread.join(PATIENCE_SECONDS)
        assert not any(thread.is_alive() for thread in self.threads)


def test_a_lone_caller_commits_at_once():
    desk = Desk()
    desk.submit("a")

    assert [["a"]] == desk.batches
    assert "a" == desk.results["a"].detail


def test_what_arrives_during_a_commit_is_the_next_batch():
    def script(desk: Desk, names: list[str]) -> None:
        if names == ["first"]:
            desk.start("a", "b", "c")

    desk = Desk(script)
    desk.submit("first")
    desk.join()

    assert [["first"], ["a", "b", "c"]] == desk.batches
    assert {"first", "a", "b", "c"} == {result.detail for result in desk.results.values()}


def test_the_leader_commits_for_the_others():
    def script(desk: Desk, names: list[str]) -> None:
        if names == ["first"]:
            desk.start("a", "b")

    desk = Desk(script)
    desk.submit("first")
    desk.join()

    assert [threading.get_ident()] * 2 == desk.leaders


def test_a_batch_has_an_upper_limit():
    desk = Desk()
    desk.batcher._leading = True
    desk.batcher._waiting.extend(ticket(f"{n}") for n in range(BATCH_MAX + 1))
    desk.batcher._lead(LEAD_ROUNDS_MAX)

    assert [BATCH_MAX, 1] == [len(batch) for batch in desk.batches]


def test_a_leader_that_served_long_enough_hands_over():
    """
    As long as each batch finds another order waiting, the first caller would never come home.
    """

    def script(desk: Desk, names: list[str]) -> None:
        if len(desk.batches) < LEAD_ROUNDS_MAX + 3:
            desk.start(f"{len(desk.batches)}")

    desk = Desk(script)
    desk.submit("first")
    desk.join()

    assert [threading.get_ident()] * LEAD_ROUNDS_MAX == desk.leaders[:LEAD_ROUNDS_MAX]
    assert threading.get_ident() not in desk.leaders[LEAD_ROUNDS_MAX:]
    assert LEAD_ROUNDS_MAX + 3 == len(desk.results)


def test_an_interrupted_commit_reaches_every_waiting_caller():
    def script(desk: Desk, names: list[str]) -> None:
        if names == ["first"]:
            desk.start("a", "b")
        if names == ["a", "b"]:
            raise KeyboardInterrupt

    desk = Desk(script)
    desk.submit("first")
    desk.join()

    assert isinstance(desk.results["first"], KeyboardInterrupt)
    assert all(isinstance(desk.results[name], StoreUnavailable) for name in "ab")


def test_whoever_waits_takes_over_from_an_interrupted_leader():
    def script(desk: Desk, names: list[str]) -> None:
        if names == ["first"]:
            desk.start("heir")
            raise KeyboardInterrupt

    desk = Desk(script)
    desk.submit("first")
    desk.join()

    assert [["first"], ["heir"]] == desk.batches
    assert "heir" == desk.results["heir"].detail


def test_after_an_interruption_everything_goes_on():
    def script(desk: Desk, names: list[str]) -> None:
        if names == ["first"]:
            raise KeyboardInterrupt

    desk = Desk(script)
    desk.submit("first")
    desk.submit("second")

    assert "second" == desk.results["second"].detail


def test_a_commit_that_forgets_an_order_fails_loudly_for_everyone():
    def script(desk: Desk, names: list[str]) -> None:
        if names == ["first"]:
            desk.start("a", "b")
        names[:] = names[:1]

    desk = Desk(script)
    desk.submit("first")
    desk.join()

    assert isinstance(desk.results["first"], ValueError)
    assert isinstance(desk.results["b"], AssertionError)


def test_a_full_queue_refuses_at_once():
    desk = Desk()
    desk.batcher._leading = True
    desk.batcher._waiting.extend([ticket("waiting")] * QUEUE_MAX)
    desk.submit("too much")

    refused = desk.results["too much"]
    assert (ErrorCode.OVERLOADED, 1.0) == (refused.code, refused.retry_after_seconds)


# -- an engine under threads ---------------------------------------------------------------------------------------


def in_threads(work: Callable[[int], None], count: int = 8) -> None:
    """Run *work* in so many threads that start together; fail when one failed or hangs."""
    barrier = threading.Barrier(count)
    failures = list[BaseException]()

    def run(number: int) -> None:
        barrier.wait(PATIENCE_SECONDS)
        try:
            work(number)
        except BaseException as error:  # noqa: BLE001 - reported below
            failures.append(error)

    threads = [threading.Thread(target=run, args=(n,), daemon=True) for n in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_SECONDS)
    assert not failures
    assert not any(thread.is_alive() for thread in threads)


def test_many_threads_never_spend_more_than_the_limit():
    world = World()
    budget = world.budget(100)

    def spend_some(number: int) -> None:
        for n in range(25):
            event = world.authorize(budget, 3, f"{number} {n}").event
            if event.decision == "AUTHORIZED":
                world.confirm(event, 2)

    in_threads(spend_some)
    spent = world.stored(budget).funds.balance.spent

    assert quanta(98) <= spent <= quanta(100)
    assert 200 == world.ask(q.GetLedger(budget.budget.id)).total
    world.judge(budget)


def test_many_threads_with_one_key_are_charged_once():
    world = World()
    budget = world.budget(100)
    events = list[str]()
    in_threads(lambda _: events.append(world.authorize(budget, 30, "same").event.id))

    assert 1 == len(set(events))
    assert quanta(30) == world.stored(budget).funds.balance.reserved


def test_many_threads_take_the_last_amount_once():
    world = World()
    budget = world.budget(10)
    decisions = list[str]()
    in_threads(lambda n: decisions.append(world.authorize(budget, 10, f"{n}").event.decision))

    assert 1 == decisions.count("AUTHORIZED")


def test_a_defect_in_one_thread_is_no_concern_of_the_others():
    world = World()
    budget = world.budget(1000)
    refusals = list[ErrorCode]()

    def work(number: int) -> None:
        for n in range(10):
            fields = {"metadata": {"no": object()}} if number == 0 else {}
            try:
                world.authorize(budget, 1, f"{number} {n}", **fields)
            except Refusal as refusal:
                refusals.append(refusal.code)

    in_threads(work)

    assert [ErrorCode.INTERNAL_ERROR] * 10 == refusals
    assert quanta(70) == world.stored(budget).funds.balance.reserved


def test_budgets_of_many_threads_all_verify():
    world = World()
    budgets = [world.budget(1000) for _ in range(8)]

    def work(number: int) -> None:
        for n in range(10):
            command = c.RecordExternal(budgets[number].budget.id, spend(1, f"{n}"))
            world.order(command)
            world.authorize(budgets[(number + 1) % 8], 1, f"{number} {n}")

    in_threads(work)

    assert [20] * 8 == [world.ask(q.GetLedger(budget.budget.id)).total for budget in budgets]
    for budget in budgets:
        world.judge(budget)


def test_an_order_is_committed_when_its_reply_is_there():
    world = World()
    budget = world.budget(1000)

    def work(number: int) -> None:
        for n in range(10):
            event = world.authorize(budget, 1, f"{number} {n}").event
            assert event == world.ask(q.GetEvent(event.id)).event

    in_threads(work)


@pytest.mark.parametrize("count", [1, 8])
def test_the_store_is_never_asked_for_two_transactions_at_once(count: int):
    store = WatchedStore()
    world = World(store)
    budget = world.budget(1000)
    before = store.transactions
    in_threads(lambda n: world.authorize(budget, 1, f"{n}"), count)

    assert 1 <= store.transactions - before <= count
