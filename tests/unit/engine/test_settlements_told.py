"""
Who is told of settlements: the tenant's webhooks, read before it is known whether there is anything to tell.
"""

from __future__ import annotations

from figuard.domain import commands as c
from figuard.domain.amounts import quanta
from figuard.domain.valueclass import replace
from figuard.engine.batch import ReadMany, Write, run
from figuard.engine.work import Work
from figuard.ports import Kind
from tests.builders import World
from tests.unit.engine.tools import WatchedStore, asking, contents, order_of, together


def hook(*events: str) -> c.CreateWebhook:
    return c.CreateWebhook("https://example.com/hook", "secret", events)


def test_the_webhooks_are_read_beside_what_a_settlement_needs_and_once():
    store = WatchedStore()
    world = World(store)
    events = [world.authorize(world.budget(1000), key="k").event for _ in range(3)]
    store.reads.clear()
    together(world, *(order_of(c.Confirm(event.id, quanta(1))) for event in events))
    kinds = [kind for kind, _ in store.reads]

    assert 1 == kinds.count(Kind.TENANT_WEBHOOKS)
    assert Kind.TENANT_WEBHOOKS.phase == max(kind.phase for kind in kinds)
    store.reads.clear()
    world.authorize(world.budget(1000))
    assert Kind.TENANT_WEBHOOKS not in [kind for kind, _ in store.reads]


def test_the_webhooks_cost_a_settlement_no_round_trip_of_their_own():
    world = World()
    event = world.authorize(world.budget()).event
    order = replace(order_of(c.Confirm(event.id, quanta(1))), key_id="somebody")
    seen = []
    with world.store.begin() as unit:
        steps = run(Work(world.clock.now(), world.ids, world.hasher), [order])
        step = next(steps)
        while not isinstance(step, Write):
            seen.append(step.reads if isinstance(step, ReadMany) else [(step.kind, step.keys)])
            answers = [unit.read(kind, keys) for kind, keys in seen[-1]]
            try:
                step = steps.send(answers if isinstance(step, ReadMany) else answers[0])
            except StopIteration:
                break

    assert [Kind.EVENTS, Kind.TENANT_WEBHOOKS, Kind.CALLERS] == [kind for kind, _ in seen[-1]]
    assert 3 == len(seen)


def test_a_webhook_that_comes_or_goes_before_a_settlement_in_its_batch_counts_as_that():
    """
    The webhooks are read before the batch acts, and what its orders do to them is seen all the same.
    """
    world = World()
    budget = world.budget(1000)
    early, late = (world.authorize(budget, key=key).event for key in ("early", "late"))
    gone = world.order(hook("SPEND_CONFIRMED", "SPEND_VOIDED")).webhook
    together(
        world,
        order_of(c.Confirm(early.id, quanta(1))),
        order_of(c.DeleteWebhook(gone.id)),
        order_of(hook("SPEND_VOIDED")),
        order_of(c.Void(late.id, "r")),
    )
    found = [(one.event_type, one.webhook_id == gone.id) for one in contents(world)["Delivery"].values()]

    assert [("SPEND_VOIDED", False)] == found


def test_a_webhook_that_goes_before_a_denial_in_its_batch_is_told_nothing():
    """
    What is told of a denial is read only when it is known, and what the batch has changed by then stays changed.
    """
    world = World()
    budget = world.budget(10)
    gone = world.order(hook("SPEND_DENIED")).webhook
    together(world, order_of(c.DeleteWebhook(gone.id)), asking(world, budget, 11))
    world.order(hook("SPEND_DENIED"))
    together(world, asking(world, budget, 12, "again"))

    assert [False] == [one.webhook_id == gone.id for one in contents(world)["Delivery"].values()]
