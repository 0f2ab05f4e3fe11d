"""
What is too much for one round stays for the next, and what was done in this one is not done twice.
"""

from __future__ import annotations

from dataclasses import replace

from figuard.domain import commands as c
from figuard.domain.admin import Delivery, Remembered, Webhook
from figuard.domain.budget import Budget
from figuard.domain.codes import ErrorCode
from figuard.domain.events import Decision, Event
from figuard.domain.limits import ENDED_HOLDS_MAX, FORGOTTEN_PER_ROUND, KEY_USE_SECONDS
from figuard.domain.replies import SweepReply
from figuard.engine import duties
from figuard.engine.sweeper import FORGETTING_ROUNDS, SWEEP_LIMIT, Attempt, sweep
from figuard.engine.work import Work
from figuard.ports import Changes, GetRecords, Kind, Record
from tests.builders import TENANT, World
from tests.unit.domain.made import refusal
from tests.unit.engine.tools import WatchedStore


def put(world: World, *records: Record) -> None:
    with world.store.begin() as unit:
        unit.write(Changes(inserted=list(records)))


def test_a_sweep_forgets_so_many_answers_and_the_next_one_goes_on():
    world = World()
    most = FORGETTING_ROUNDS * FORGOTTEN_PER_ROUND
    put(world, *(Remembered(TENANT, "Fund", f"k{number}", "f", "{}", world.clock.now()) for number in range(most + 1)))
    world.clock.advance("30d")

    assert [most, 1, 0] == [sweep(world.engine).forgotten for _ in range(3)]


def test_a_sweep_sends_so_many_notices_and_the_next_one_goes_on():
    world = World()
    now = world.clock.now()
    put(world, Webhook("w", TENANT, "https://example.test", "secret", ("SPEND_DENIED",), now))
    lines = range(SWEEP_LIMIT + 1)
    put(world, *(Delivery(f"d{n}", TENANT, "w", "u", f"book{n}", "SPEND_DENIED", "{}", now, now) for n in lines))
    sent: list[str] = []

    def deliver(webhook: Webhook, delivery: Delivery) -> Attempt:
        sent.append(delivery.id)
        return Attempt(200, "")

    assert [SWEEP_LIMIT, 1, 0] == [sweep(world.engine, deliver).delivered for _ in range(3)]
    assert len(lines) == len(set(sent)) == len(sent)


def test_the_use_of_a_key_is_noted_once_a_minute():
    world = World()
    key = world.order(c.CreateApiKey()).api_key.id

    def noted() -> int:
        reply = world.order(c.NoteKeyUses((key,)), tenant="")
        assert isinstance(reply, SweepReply)
        return reply.keys_noted

    first, again = noted(), noted()
    world.clock.advance(KEY_USE_SECONDS - 1)
    nearly = noted()
    world.clock.advance(1)

    assert (1, 0, 0, 1) == (first, again, nearly, noted())


def test_a_key_that_is_gone_or_has_ended_keeps_its_last_use():
    world = World()
    kept, ended = (world.order(c.CreateApiKey()).api_key.id for _ in "ab")
    world.order(c.RevokeApiKey(ended))

    assert 1 == world.order(c.NoteKeyUses(("nobody", ended, kept)), tenant="").keys_noted
    assert [None, world.clock.now()] == [
        world.engine.records(GetRecords(Kind.API_KEYS, (key,)))[key].last_used_at for key in (ended, kept)
    ]


def test_a_hold_that_this_very_batch_has_settled_does_not_end_as_well():
    world = World()
    opened = world.authorize(world.budget(authorization_expiry_seconds=60), 10)
    world.clock.advance(61)
    now = world.clock.now()
    work = Work(now, world.ids, world.hasher)
    budget, event = opened.budget, opened.event
    work.take(Kind.BUDGETS, (budget.id,), {budget.id: budget})
    due = (budget.id, now, ENDED_HOLDS_MAX)
    work.take(Kind.DUE_HOLDS, (due,), {due: (event,)})
    work.put(replace(event, decision=Decision.CONFIRMED))

    ended = duties.perform(work, budget.id)

    assert (0, Decision.CONFIRMED) == (ended, work.need(Event, event.id).decision)
    assert work.need(Budget, budget.id).funds == budget.funds


def test_an_unknown_event_is_unknown_to_a_store_that_locks_rows_too():
    world = World(WatchedStore())

    assert refusal(world.order, c.Confirm("nothing", 1)) is ErrorCode.NOT_FOUND
