"""
What time alone makes due, done by the background jobs: once, however many servers run them.
"""

from __future__ import annotations

import asyncio
import threading

import pytest

from figuard.domain.commands import ClaimDeliveries, Order
from figuard.domain.limits import DELIVERY_LEASE_SECONDS, FORGOTTEN_PER_ROUND
from figuard.server.app import Server
from figuard.server.jobs import Jobs
from figuard.server.siblings import Seat
from tests.server.story import HOOK, furnished


async def test_a_hold_that_is_over_is_released(desk):
    key = await desk.key()
    budget = await desk.budget(key)
    await desk.authorize(key, budget)
    desk.clock.advance("301s")

    first, again = await desk.server.jobs.sweep_budgets(), await desk.server.jobs.sweep_budgets()

    assert (1, 0) == (first.holds_ended, again.holds_ended)
    assert 1 == desk.server.counts.plain["figuard_reservation_expired"]


async def test_two_servers_sweep_once(desk):
    key = await desk.key()
    for _ in range(5):
        await desk.authorize(key, await desk.budget(key))
    desk.clock.advance("301s")
    other = Jobs(desk.settings, desk.backend, desk.post, desk.server.counts, desk.server.gate)

    both = await asyncio.gather(desk.server.jobs.sweep_budgets(), other.sweep_budgets())

    assert 5 == sum(one.holds_ended for one in both)


async def test_a_quota_renews(desk):
    key = await desk.key()
    await furnished(desk, key)
    desk.clock.advance("40d")

    assert (1, 0) == ((await desk.server.jobs.renew()).renewed, (await desk.server.jobs.renew()).renewed)


async def test_a_notice_is_sent_once(desk):
    key = await desk.key()
    things = await furnished(desk, key)
    send = desk.server.jobs.deliveries.send_due

    assert (1, 0) == (await send(), await send())
    ((_, delivery),) = desk.post.sent
    assert things.ids["deliveryId"] == delivery.id


async def test_a_notice_that_is_not_taken_keeps_the_later_ones_of_its_book_back(desk):
    key = await desk.key()
    await desk.call("POST", "/webhooks", HOOK, key=key)
    budget, other = await desk.budget(key), await desk.budget(key)
    for name in ("a", "b"):
        await desk.authorize(key, budget, name, requestedQuantity=5000)
    await desk.authorize(key, other, requestedQuantity=5000)
    desk.post.status = 500

    taken = await desk.server.jobs.deliveries.send_due()
    books = sorted(delivery.book_id for _, delivery in desk.post.sent)
    desk.post.status = 200
    for _ in range(2):
        desk.clock.advance("1h")
        await desk.server.jobs.deliveries.send_due()

    assert 0 == taken
    assert sorted([budget["id"], other["id"]]) == books
    in_order = [d.created_at for _, d in desk.post.sent if d.book_id == budget["id"]]
    assert sorted(in_order) == in_order
    assert 2 == desk.server.counts.plain["figuard_webhook_retry_recovered"]


async def test_two_servers_send_a_notice_once_and_a_book_in_order(desk):
    key = await desk.key()
    await desk.call("POST", "/webhooks", HOOK, key=key)
    budgets = [await desk.budget(key) for _ in range(3)]
    for number in range(6):
        for budget in budgets:
            await desk.authorize(key, budget, f"k{number}", requestedQuantity=5000 + number)
    other = Jobs(desk.settings, desk.backend, desk.post, desk.server.counts, desk.server.gate)

    taken = await asyncio.gather(desk.server.jobs.deliveries.send_due(), other.deliveries.send_due())
    sent = [delivery for _, delivery in desk.post.sent]

    assert 18 == sum(taken) == len({delivery.id for delivery in sent})
    for budget in budgets:
        line = [delivery.id for delivery in sent if delivery.book_id == budget["id"]]
        assert sorted(line) == line


async def test_what_a_server_that_died_had_taken_up_is_sent_when_its_time_is_over(desk):
    """
    And until then neither it nor what comes after it.
    """
    key = await desk.key()
    await desk.call("POST", "/webhooks", HOOK, key=key)
    budget = await desk.budget(key)
    await desk.authorize(key, budget, "a", requestedQuantity=5000)
    taken_up = await desk.backend.engine.execute(Order(ClaimDeliveries(9), "", "a server that dies now"))
    await desk.authorize(key, budget, "b", requestedQuantity=5000)
    send = desk.server.jobs.deliveries.send_due

    desk.clock.advance(DELIVERY_LEASE_SECONDS - 1)
    before = await send()
    desk.clock.advance(1)
    after = await send()

    assert (1, 0, 2) == (len(taken_up.deliveries), before, after)
    assert taken_up.deliveries[0].id == desk.post.sent[0][1].id


@pytest.mark.parametrize("desk", [{"sweep_seconds": 0.001, "delivery_seconds": 0.001}], indirect=True)
async def test_a_server_that_is_stopped_gives_no_notice_away(desk):
    """
    What it was sending when it was stopped is due again later, and nothing else is lost.
    """
    key = await desk.key()
    await desk.call("POST", "/webhooks", HOOK, key=key)
    await desk.authorize(key, await desk.budget(key), requestedQuantity=5000)
    sending = asyncio.Event()
    loop, post, done = asyncio.get_running_loop(), desk.post, threading.Event()

    def slow(webhook, delivery):
        loop.call_soon_threadsafe(sending.set)
        done.wait(10)
        return post(webhook, delivery)

    jobs = Jobs(desk.settings, desk.backend, slow, desk.server.counts, desk.server.gate)
    jobs.start()
    await asyncio.wait_for(sending.wait(), 10)
    await jobs.stop()
    done.set()
    desk.clock.advance(DELIVERY_LEASE_SECONDS)

    assert 1 == await desk.server.jobs.deliveries.send_due()


async def test_a_notice_that_nobody_takes_is_given_up(desk):
    key = await desk.key()
    await furnished(desk, key)
    desk.post.status = 500
    for _ in range(30):
        desk.clock.advance("1d")
        await desk.server.jobs.deliveries.send_due()

    answer = await desk.call("GET", "/webhooks/deliveries/failed-count", key=key)

    assert 1 == answer.json()["failedCount"]
    assert 1 == desk.server.counts.plain["figuard_webhook_retry_terminal"]


async def tampered(desk):
    """
    A budget with an event that somebody has changed behind our back.
    """
    key = await desk.key()
    await desk.call("POST", "/webhooks", HOOK | {"events": ["LEDGER_INTEGRITY_VIOLATION"]}, key=key)
    budget = await desk.budget(key)
    await desk.authorize(key, budget)
    with desk.backend.store.connections.raw() as connection:
        changed = connection.execute("UPDATE events SET data = replace(data, '1000000000', '2000000000')").rowcount
    assert 1 == changed
    return budget


async def test_a_sound_ledger_has_no_findings(desk):
    await furnished(desk, await desk.key())

    assert () == await desk.server.jobs.integrity.check()
    assert 1 == desk.server.counts.plain["figuard_integrity_runs"]


async def test_a_finding_is_told_once(desk):
    """
    Not again by the next round, nor by another server, nor after a restart.
    """
    budget = await tampered(desk)
    other = Jobs(desk.settings, desk.backend, desk.post, desk.server.counts, desk.server.gate)

    first = await desk.server.jobs.integrity.check()
    again = await desk.server.jobs.integrity.check()
    await other.integrity.check()
    await desk.server.jobs.deliveries.send_due()

    assert {budget["id"]} == {finding.book_id for finding in first}
    assert () == again
    assert len(first) == len(desk.post.sent)
    assert "LEDGER_INTEGRITY_VIOLATION" == desk.post.sent[0][1].event_type


async def test_which_keys_are_used_is_noted_now_and_then(desk):
    key = await desk.key()
    await desk.call("GET", "/budgets", key=key)
    desk.clock.advance("1m")

    await desk.server.jobs.note_used_keys()

    (listed,) = (await desk.call("GET", "/api-keys", key=key)).json()
    assert "2030-01-01T00:01:00.000000Z" == listed["lastUsedAt"]


async def test_a_use_within_the_same_minute_is_not_noted_again(desk):
    """
    However many servers see the key, and however often.
    """
    key = await desk.key()
    noted = []
    for seconds in (1, 59, 1):
        desk.clock.advance(seconds)
        await desk.call("GET", "/budgets", key=key)
        await desk.server.jobs.note_used_keys()
        noted.append((await desk.call("GET", "/api-keys", key=key)).json()[0]["lastUsedAt"][11:19])

    assert ["00:00:01", "00:00:01", "00:01:01"] == noted


async def test_answers_are_forgotten_after_their_days(desk):
    key = await desk.key()
    budget = await desk.budget(key)
    path, body = f"/budgets/{budget['id']}/fund", {"operation": "CREDIT", "amount": 1}
    for number in range(FORGOTTEN_PER_ROUND + 1):
        await desk.call("POST", path, body, key=key, Idempotency_Key=f"k{number}")
    desk.clock.advance("29d")
    await desk.call("POST", path, body, key=key, Idempotency_Key="later")
    desk.clock.advance("1d")

    forget = desk.server.jobs.forget_answers

    assert (FORGOTTEN_PER_ROUND + 1, 0) == (await forget(), await forget())


async def test_noting_a_use_brings_no_revoked_key_back(desk):
    admin = await desk.key()
    made = (await desk.call("POST", "/api-keys", {}, key=admin)).json()
    await desk.call("GET", "/budgets", key=made["rawKey"])
    await desk.call("POST", f"/api-keys/{made['id']}/revoke", key=admin)

    await desk.server.jobs.note_used_keys()

    assert 401 == (await desk.call("GET", "/budgets", key=made["rawKey"])).status_code


@pytest.mark.parametrize("desk", [{"sweep_seconds": 0.001, "delivery_seconds": 0.001}], indirect=True)
async def test_jobs_go_on_after_a_failure_and_stop_when_told(desk):
    failed = asyncio.Event()
    went_on = asyncio.Event()

    async def faulty():
        if failed.is_set():
            went_on.set()
        failed.set()
        raise RuntimeError("a defect")

    desk.server.jobs.sweep_budgets = faulty
    desk.server.jobs.start()
    await asyncio.wait_for(went_on.wait(), 10)
    await desk.server.jobs.stop()

    assert [] == [task for task in asyncio.all_tasks() if task.get_name().startswith("figuard-")]


@pytest.mark.parametrize(("number", "verifies"), [(None, True), (1, True), (2, False)])
async def test_of_several_workers_one_verifies(desk, tmp_path, number, verifies):
    """
    Each finding is counted once, and no book is read by everybody. What can be claimed everybody does.
    """
    seat = None if number is None else Seat(number, str(tmp_path))
    jobs = Server(desk.settings, desk.backend, sender=desk.post, seat=seat).jobs
    jobs.start()
    running = {task.get_name() for task in asyncio.all_tasks()}
    await jobs.stop()

    assert verifies is ("figuard-integrity" in running)
    assert {f"figuard-{name}" for name in ("holds", "renewals", "webhooks", "keys", "memory")} <= running
