"""
The machinery below the commands: gathering, identity, and what is guarded against though no command does it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from figuard.domain import commands as c
from figuard.domain import questions as q
from figuard.domain.admin import Delivery, DeliveryStatus
from figuard.domain.amounts import quanta
from figuard.domain.budget import Policy
from figuard.domain.codes import ErrorCode
from figuard.domain.events import Decision
from figuard.domain.refusal import Refusal
from figuard.domain.replies import BudgetReply, SweepReply
from figuard.engine import duties, gather
from figuard.engine.handlers import HANDLERS, Handler
from figuard.engine.settle import _void_all
from figuard.engine.sweeper import SweepSummary, _give
from figuard.engine.verify import _difference
from figuard.engine.work import Work
from figuard.ports import Kind
from tests.builders import TENANT, World, spend
from tests.unit.domain.made import budget, event, later, refusal
from tests.unit.engine.tools import WatchedStore, contents, fingerprinted, listen


def order(command: Any) -> c.Order:
    return c.Order(command, TENANT, "test")


def work() -> Work:
    world = World()
    return Work(later(0), world.ids, world.hasher)


@dataclass(frozen=True)
class Hopeless:
    """A command that is refused while it gathers."""

    after_reading: bool


def hopeless(of: Work, by: c.Order, command: Hopeless) -> Iterator[Any]:
    if command.after_reading:
        yield ((Kind.TENANTS, ("nobody",)),)
    raise Refusal(ErrorCode.NOT_FOUND, "there is no hope")


@pytest.fixture
def _hopeless() -> Iterator[None]:
    handlers: Any = HANDLERS
    handlers[Hopeless] = Handler(hopeless, hopeless, SweepReply)  # pyright: ignore[reportArgumentType]
    yield
    del handlers[Hopeless]


@pytest.mark.usefixtures("_hopeless")
@pytest.mark.parametrize("neighbours", [0, 1])
def test_who_gathers_for_many_may_fail_and_each_is_decided_alone(neighbours: int):
    handlers: Any = HANDLERS
    handlers[Hopeless] = Handler(None, hopeless, SweepReply, lambda of, orders: hopeless(of, *orders, Hopeless(True)))  # pyright: ignore[reportArgumentType]
    world = World()
    outcomes = world.engine.commit([order(Hopeless(True)), *[order(c.CreateTenant("x"))] * neighbours])

    assert isinstance(outcomes[0], Refusal)
    assert [None] * neighbours == [getattr(outcome, "code", None) for outcome in outcomes[1:]]


@pytest.mark.usefixtures("_hopeless")
@pytest.mark.parametrize("after_reading", [True, False])
@pytest.mark.parametrize("neighbours", [0, 1])
def test_an_order_may_be_refused_while_it_gathers(after_reading: bool, neighbours: int):
    world = World()
    outcomes = world.engine.commit([order(Hopeless(after_reading)), *[order(c.CreateTenant("x"))] * neighbours])

    assert isinstance(outcomes[0], Refusal)
    assert 1 + neighbours == len(outcomes)


def test_what_needs_nothing_is_carried_out_beside_what_needs_much():
    world = World()
    made = world.budget()
    orders = [order(c.CreateApiKey()), order(c.CreateTenant("x")), order(c.CreateReceipt(made.budget.id))]

    assert [None] * 3 == [getattr(outcome, "code", None) for outcome in world.engine.commit(orders)]


def test_a_reference_given_back_earlier_in_the_batch_is_free():
    world = World()
    first = world.budget(external_reference="order")
    create = c.CreateBudget("user", quanta(100), Policy(), "USD", external_reference="order")
    _, second = world.engine.commit([order(c.Cancel(first.budget.id)), order(create)])

    assert isinstance(second, BudgetReply)
    assert (True, True) == (second.created, second.budget.id != first.budget.id)


MANY = 1100
"""More holds than fit into a page of anything."""


def test_two_sweeps_end_every_hold_once():
    world = World()
    made = world.budget(10**6, authorization_expiry_seconds=60)
    token = world.hasher.hash(made.secret or "")
    world.engine.commit([order(c.Authorize(token, spend(1, f"k{n}"))) for n in range(MANY)])
    world.clock.advance(60)
    tidy = order(c.SweepBudget(made.budget.id))
    replies = [*world.engine.commit([tidy, tidy]), *world.engine.commit([tidy, tidy])]

    assert [MANY, 0, 0, 0] == [r.holds_ended for r in replies if isinstance(r, SweepReply)]
    assert (0, 0) == fingerprinted(world, made)
    world.judge(made)


def test_however_many_holds_have_ended_the_first_decision_counts_none():
    world = World()
    made = world.budget(MANY, authorization_expiry_seconds=60)
    token = world.hasher.hash(made.secret or "")
    world.engine.commit([order(c.Authorize(token, spend(1, f"k{n}"))) for n in range(MANY)])
    full = world.authorize(made, 1, "full")
    world.clock.advance(60)
    everything = world.authorize(made, MANY, "everything")

    assert [Decision.DENIED, Decision.AUTHORIZED] == [full.event.decision, everything.event.decision]
    assert (0, quanta(MANY)) == fingerprinted(world, made)


def test_an_event_of_another_budget_does_not_tell_when_a_hold_ends():
    world = World()
    one, other = world.budget(authorization_expiry_seconds=60), world.budget(authorization_expiry_seconds=60)
    world.authorize(one)
    world.clock.advance(60)
    ask = c.Authorize(world.hasher.hash(other.secret or ""), spend())
    world.engine.commit([order(ask), order(c.SweepBudget(one.budget.id))])

    assert world.stored(one).counters.next_expiry is None
    world.clock.advance(60)
    assert ((0, 0), (0, 0)) == (fingerprinted(world, one), fingerprinted(world, other))


def test_the_next_end_of_a_hold_may_be_that_of_an_event_opened_just_now():
    of = work()
    of.put(event(id="opened"))
    of.opened.append(event(id="opened"))

    assert later(300) == duties._following(of, "budget", later(0))


def test_a_budget_that_was_not_read_has_no_duties():
    assert 0 == duties.perform(work(), "nobody")


def test_an_event_that_is_gone_since_its_home_was_found_needs_nothing_more():
    of = work()
    loads = gather.events(of, ["e"])
    next(loads)
    of.take(Kind.EVENT_HOMES, ["e"], {"e": ("budget", TENANT)})
    next(loads)
    of.take(Kind.BUDGETS, ["budget"], {"budget": budget()})
    next(loads)
    of.take(Kind.EVENTS, ["e"], {})

    assert [] == list(loads)


def test_a_descendant_that_is_voided_already_is_voided_no_more():
    of = work()
    voided = event(decision=Decision.VOIDED, reason="r")
    of.take(Kind.EVENTS, ["event"], {"event": voided})
    _void_all(of, order(None), [voided], "r", later(0))

    assert voided is of.get(type(voided), "event")


def test_names_are_found_as_they_were_read():
    of = work()
    of.take(Kind.REFERENCES, ["a", "b"], {"a": ("one", "two")})

    assert (("one", "two"), ()) == (of.many(Kind.REFERENCES, "a"), of.many(Kind.REFERENCES, "b"))


def test_a_record_is_new_in_a_work_that_read_nothing():
    of = work()
    of.put(event())

    assert [event()] == of.changes(str).inserted


def test_a_rollback_undoes_everything_since_its_mark():
    of = work()
    of.put(event(10, id="before"))
    mark = of.savepoint()
    of.put(event(20, id="before"))
    of.put(event(id="after"))
    of.rollback(mark)

    assert [event(10, id="before")] == of.changes(str).inserted
    assert of.get(type(event()), "after") is None


def test_what_a_sweep_cannot_count_is_not_counted():
    summary = SweepSummary()
    _give(World().engine, c.CreateTenant("x"), summary)

    assert SweepSummary() == summary


def test_two_equal_things_differ_in_nothing_that_has_a_name():
    assert "it differs" == _difference(event(), event())


def test_more_dead_letters_than_a_page_are_counted():
    world = World()
    listen(world)
    world.fail(world.authorize(world.budget()).event)
    store: Any = world.store
    shelf = store._data.shelves[Delivery]
    (letter,) = shelf.rows.values()
    for n in range(501):
        shelf.put(replace(letter, id=f"{n}", status=DeliveryStatus.FAILED))

    assert 501 == world.ask(q.CountFailedDeliveries()).count


@pytest.mark.parametrize("question", [q.Replay, lambda b: q.StateAt(b, 10**16)])
def test_a_history_that_cannot_be_read_says_that_the_ledger_is_broken(question: Any):
    world = World()
    made = world.budget()
    store: Any = world.store
    book = store._data.books[made.budget.id]
    book[1] = replace(book[1], body=b"nonsense")

    assert ErrorCode.LEDGER_BROKEN is refusal(world.ask, question(made.budget.id))


def test_a_lone_order_reads_in_ascending_phase():
    store = WatchedStore()
    world = World(store)
    made = world.budget(entity_dedup=True)
    parent = world.authorize(made, key="parent").event
    store.reads.clear()
    world.authorize(made, key="child", parent_event_id=parent.id, entity_id="e")
    phases = [kind.phase for kind, _ in store.reads]

    assert sorted(phases) == phases


def test_an_order_that_changes_nothing_writes_nothing():
    store = WatchedStore()
    world = World(store)
    made = world.budget()
    before = contents(world)
    store.failures = [RuntimeError("nothing should be written")]
    world.order(c.SweepBudget(made.budget.id))

    assert before == contents(world)
