"""
The sweeper: finds what is due by itself, does it once, and sends what waits in its order.
"""

from __future__ import annotations

from typing import Any

import pytest

from figuard.domain import commands as c
from figuard.domain import questions as q
from figuard.domain.admin import Delivery, DeliveryStatus, Webhook
from figuard.domain.amounts import quanta
from figuard.domain.budget import Policy
from figuard.domain.codes import ErrorCode
from figuard.domain.events import Decision
from figuard.domain.limits import DELIVERY_LEASE_SECONDS, FORGOTTEN_PER_ROUND, REMEMBERED_DAYS
from figuard.domain.replies import BudgetReply, DeliveriesReply
from figuard.engine.sweeper import SWEEP_LIMIT, Attempt, SweepSummary, sweep
from figuard.ports import StoreUnavailable
from tests.builders import TENANT, World, spend
from tests.unit.domain.made import refusal
from tests.unit.engine.tools import WatchedStore, contents, fingerprinted, heard, listen, present, subscribe

HOUR = 3600 * 10**6


class Receiver:
    """Notes what is delivered, and answers with the statuses it was given, then with 200."""

    def __init__(self, *statuses: int) -> None:
        self.statuses = list(statuses)
        self.received: list[tuple[str, str]] = []

    def __call__(self, webhook: Webhook, delivery: Delivery) -> Attempt:
        self.received.append((webhook.id, delivery.event_type))
        return Attempt(self.statuses.pop(0) if self.statuses else 200, "answer")

    @property
    def types(self) -> list[str]:
        return [event_type for _, event_type in self.received]


def test_a_sweep_finds_the_holds_that_ended_on_every_budget():
    world = World()
    budgets = [world.budget(100, authorization_expiry_seconds=60) for _ in range(3)]
    events = [world.authorize(budget, 10).event for budget in budgets]
    world.clock.advance(60)

    assert SweepSummary(holds_ended=3) == sweep(world.engine)
    assert {(0, 0)} == {fingerprinted(world, budget) for budget in budgets}
    assert {Decision.AUTHORIZED} == {present(world, event).decision for event in events}


def test_a_sweep_voids_what_timed_out():
    world = World()
    world.authorize(world.budget(100))
    world.clock.advance("5m")

    assert SweepSummary(holds_ended=1, voided=1) == sweep(world.engine)


def test_a_sweep_renews_what_is_due():
    world = World()
    subscribe(world)
    world.clock.advance("31d")

    assert SweepSummary(renewed=1) == sweep(world.engine)


def test_a_sweep_announces_what_ends_within_the_hour():
    world = World()
    listen(world)
    world.budget(100, expires_at=world.clock.now() + HOUR)

    assert SweepSummary(notices=1) == sweep(world.engine)
    assert ["BUDGET_EXPIRING_SOON"] == heard(world)


def test_a_second_sweep_finds_nothing():
    world = World()
    subscribe(world)
    world.authorize(world.budget(100, expires_at=world.clock.now() + HOUR))
    world.clock.advance("10m")
    sweep(world.engine)
    before = contents(world)

    assert (SweepSummary(), before) == (sweep(world.engine), contents(world))


def test_a_sweep_sends_what_waits():
    world = World()
    hook = listen(world)
    world.fail(world.authorize(world.budget()).event)
    receiver = Receiver()

    assert SweepSummary(delivered=1) == sweep(world.engine, receiver)
    assert [(hook, "SPEND_PAYMENT_FAILED")] == receiver.received
    assert DeliveryStatus.DELIVERED is world.ask(q.ListDeliveries()).deliveries[0].status


def test_what_was_delivered_is_not_sent_again():
    world = World()
    listen(world)
    world.fail(world.authorize(world.budget()).event)
    receiver = Receiver()
    for _ in range(3):
        sweep(world.engine, receiver)

    assert 1 == len(receiver.received)


def test_what_could_not_be_delivered_is_sent_again_later():
    world = World()
    listen(world)
    world.fail(world.authorize(world.budget()).event)
    receiver = Receiver(503)
    counts = list[int]()
    for _ in range(3):
        sweep(world.engine, receiver)
        counts.append(len(receiver.received))
        world.clock.advance(1)

    assert [1, 1, 2] == counts


def test_notices_of_one_book_are_sent_in_their_order_and_wait_for_each_other():
    world = World()
    listen(world)
    budget, other = world.budget(), world.budget()
    world.fail(world.authorize(budget, key="a").event)
    world.void(world.authorize(budget, key="b").event)
    world.confirm(world.authorize(other).event, 10)
    receiver = Receiver(500)
    summary = sweep(world.engine, receiver)

    assert ["SPEND_PAYMENT_FAILED", "SPEND_CONFIRMED"] == receiver.types
    assert (1, 1) == (summary.delivered, summary.undelivered)


def test_one_webhook_that_is_down_does_not_hold_up_another():
    world = World()
    hooks = [listen(world), listen(world)]
    budget = world.budget()
    world.fail(world.authorize(budget, key="a").event)
    world.void(world.authorize(budget, key="b").event)
    receiver = Receiver(500)
    sweep(world.engine, receiver)

    assert {hooks[0]: 1, hooks[1]: 2} == {hook: [h for h, _ in receiver.received].count(hook) for hook in hooks}


class Vanishing(WatchedStore):
    """A store in which a budget is gone between the query and the order."""

    def query(self, query: Any) -> Any:
        found = super().query(query)
        return (*found, "nobody") if type(query).__name__ == "DueWork" and query.what == "holds" else found


def test_what_is_gone_since_it_was_found_is_passed_over():
    world = World(Vanishing())
    world.authorize(world.budget(100))
    world.clock.advance("5m")

    assert SweepSummary(holds_ended=1, voided=1) == sweep(world.engine)


@pytest.mark.parametrize("fails", ["query", "write"])
def test_a_store_that_cannot_be_reached_stops_the_sweep(fails: str):
    store = WatchedStore()
    world = World(store)
    world.authorize(world.budget(100))
    world.clock.advance("5m")
    if fails == "query":
        store.close()
    else:
        store.failures = [StoreUnavailable("gone")]

    assert ErrorCode.STORE_UNAVAILABLE is refusal(sweep, world.engine)


def test_a_store_that_cannot_be_written_shows_a_budget_as_it_is():
    store = WatchedStore()
    world = World(store)
    budget = world.budget(100)
    world.authorize(budget, 10)
    world.clock.advance("5m")
    store.failures = [StoreUnavailable("read-only")]

    assert quanta(10) == world.stored(budget).funds.balance.reserved


def test_looking_at_a_budget_that_fails_otherwise_is_an_error():
    store = WatchedStore()
    world = World(store)
    budget = world.budget(100)
    world.authorize(budget, 10)
    world.clock.advance("5m")
    store.failures = [RuntimeError("a defect")]

    assert ErrorCode.INTERNAL_ERROR is refusal(world.stored, budget)


def test_looking_at_an_event_ends_its_hold():
    world = World()
    event = world.authorize(world.budget(100, authorization_expiry_seconds=60)).event
    world.clock.advance(60)

    assert (0, world.clock.now()) == ((now := present(world, event)).standing.held, now.standing.hold_released_at)


def test_an_engine_knows_the_time_of_its_clock_and_closes_its_store():
    world = World()
    budget = world.budget()

    assert world.clock.now() == world.engine.now()
    world.engine.close()
    assert ErrorCode.STORE_UNAVAILABLE is refusal(world.authorize, budget)


def test_a_sweep_of_many_budgets_leaves_the_rest_for_the_next():
    world = World()
    create = c.CreateBudget("user", quanta(100), Policy(authorization_expiry_seconds=60), "USD")
    made = world.engine.commit([c.Order(create, TENANT, "test")] * (SWEEP_LIMIT + 1))
    hashes = [world.hasher.hash(reply.secret or "") for reply in made if isinstance(reply, BudgetReply)]
    world.engine.commit([c.Order(c.Authorize(token, spend()), TENANT, "test") for token in hashes])
    world.clock.advance(60)

    assert [SWEEP_LIMIT, 1, 0] == [sweep(world.engine).holds_ended for _ in range(3)]


def test_a_later_sweep_sends_nothing_before_what_an_earlier_one_could_not_deliver():
    world = World()
    listen(world)
    budget = world.budget()
    world.fail(world.authorize(budget, key="a").event)
    receiver = Receiver(500, 500)
    sweep(world.engine, receiver)
    world.void(world.authorize(budget, key="b").event)
    sweep(world.engine, receiver)
    sent_too_soon = list(receiver.types)
    world.clock.advance(10)
    sweep(world.engine, receiver)
    world.clock.advance(10)
    sweep(world.engine, receiver)

    assert ["SPEND_PAYMENT_FAILED"] == sent_too_soon
    assert ["SPEND_PAYMENT_FAILED"] * 3 + ["SPEND_VOIDED"] == receiver.types


def test_a_notice_that_was_given_up_keeps_nothing_back():
    world = World()
    listen(world)
    budget = world.budget()
    world.fail(world.authorize(budget, key="a").event)
    world.void(world.authorize(budget, key="b").event)
    receiver = Receiver(*[500] * 10)
    for _ in range(10):
        sweep(world.engine, receiver)
        world.clock.advance("1h")
    sweep(world.engine, receiver)

    assert ["SPEND_PAYMENT_FAILED"] * 10 + ["SPEND_VOIDED"] == receiver.types


def test_a_notice_that_somebody_is_sending_is_nobody_elses():
    world = World()
    listen(world)
    world.fail(world.authorize(world.budget()).event)
    world.order(c.ClaimDeliveries(5))

    assert SweepSummary() == sweep(world.engine, Receiver())
    world.clock.advance(DELIVERY_LEASE_SECONDS)
    assert SweepSummary(delivered=1) == sweep(world.engine, Receiver())


def test_two_claims_in_one_batch_share_what_is_due():
    world = World()
    listen(world)
    for _ in range(3):
        world.fail(world.authorize(world.budget()).event)
    replies = world.engine.commit([c.Order(c.ClaimDeliveries(2), "", "test") for _ in range(2)])
    claimed = [delivery.id for reply in replies if isinstance(reply, DeliveriesReply) for delivery in reply.deliveries]

    assert 2 == len(set(claimed)) == len(claimed)


def test_an_answer_is_remembered_for_its_days_and_not_a_moment_longer():
    """
    Whether or not a sweep came by.
    """
    world = World()
    budget = world.budget().budget.id
    fund = c.Fund(budget, c.FundingOperation.CREDIT, quanta(1))
    first = world.order(fund, key="k")
    world.clock.advance(REMEMBERED_DAYS * 86400 - 1)
    same = world.order(fund, key="k")
    world.clock.advance(1)
    another = world.order(c.Fund(budget, c.FundingOperation.DEBIT, quanta(1)), key="k")

    assert (first, quanta(100)) == (same, another.budget.funds.limit)
    assert another == world.order(c.Fund(budget, c.FundingOperation.DEBIT, quanta(1)), key="k")


def test_a_sweep_forgets_old_answers_and_no_others():
    world = World()
    budget = world.budget().budget.id
    for number in range(FORGOTTEN_PER_ROUND + 2):
        world.order(c.Fund(budget, c.FundingOperation.CREDIT, number + 1), key=f"k{number}")
    world.clock.advance("29d")
    world.order(c.Fund(budget, c.FundingOperation.CREDIT, 7), key="later")
    world.clock.advance("1d")

    assert FORGOTTEN_PER_ROUND + 2 == sweep(world.engine).forgotten
    assert ["later"] == [key for _, _, key in contents(world)["Remembered"]]


def test_an_answer_that_is_remembered_anew_in_the_same_batch_is_not_forgotten():
    world = World()
    budget = world.budget().budget.id
    fund = c.Fund(budget, c.FundingOperation.CREDIT, 7)
    world.order(fund, key="k")
    world.clock.advance("30d")
    orders = [c.Order(fund, TENANT, "test", "k", repr(fund)), c.Order(c.ForgetAnswers(), "", "test")]
    for batch in (orders, orders[::-1]):
        world.clock.advance("30d")
        world.engine.commit(batch)
        assert [world.clock.now()] == [kept.created_at for kept in contents(world)["Remembered"].values()]
