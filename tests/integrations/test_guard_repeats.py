"""
A call that is made again is charged once: by the ids of run and call and the arguments, or by a key of one's own.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest

from figuard.client.exceptions import FiGuardApiError
from figuard.client.ops.authorize import RENEWALS_MAX
from figuard.integrations.guard import ToolCall
from figuard.testing.mock import MockFiGuardClient

SAME = ("description", "agent_id", "action_type", "idempotency_key")
"""What an authorization is known by, besides its amount."""


def call(amount=60, call_id="c1", run_id="r1", tool="buy"):
    return ToolCall(tool, {"amount": amount}, call_id=call_id, run_id=run_id)


def test_the_same_call_again_gets_its_result_and_is_neither_run_nor_charged_again(books):
    guard, ran = books.client.guard(books.budget), []

    first = guard.run(call(), lambda: ran.append(1) or "bought")
    again = guard.run(call(), lambda: pytest.fail("it ran twice"))

    assert first == again == "bought"
    books.settled(60, CONFIRMED=1)


def test_a_process_that_does_not_remember_the_result_does_not_run_it_again_either(books):
    books.client.guard(books.budget).run(call(), lambda: "bought")

    told = books.client.guard(books.budget).run(call(), lambda: pytest.fail("it ran twice"))

    assert told.startswith("FiGuard DENIED: DUPLICATE_REQUEST — ")
    books.settled(60, CONFIRMED=1)


@pytest.mark.parametrize("other", [{"amount": 20}, {"call_id": "c2"}, {"run_id": "r2"}, {"tool": "rent"}])
def test_another_call_is_another_spending(books, other):
    guard = books.client.guard(books.budget)

    assert guard.run(call(amount=30), lambda: "one") == "one"
    assert guard.run(call(**{"amount": 30, **other}), lambda: "other") == "other"
    assert books.decisions == {"CONFIRMED": 2}


@pytest.mark.parametrize("one", [call(run_id=None), call(call_id=None)])
def test_without_a_run_or_an_id_each_call_is_one_of_its_own(books, one):
    """
    Some models count from `call_0` in every turn: an id alone is no proof of a repeat.
    """
    guard = books.client.guard(books.budget, price=30)

    assert [guard.run(one, lambda: "done") for _ in range(2)] == ["done", "done"]
    books.settled(60, CONFIRMED=2)


def test_the_guard_may_know_the_run(books):
    guard = books.client.guard(books.budget, run_id="order-42")

    guard.run(call(run_id=None), lambda: "bought")
    assert guard.run(call(run_id=None), lambda: pytest.fail("it ran twice")) == "bought"


def fails():
    raise ConnectionResetError("gone")


def test_a_failed_call_may_be_tried_again_under_its_key(books):
    guard = books.client.guard(books.budget)
    for _ in range(3):
        with pytest.raises(ConnectionResetError):
            guard.run(call(), fails)

    assert guard.run(call(), lambda: "bought") == "bought"

    books.settled(60, FAILED=3, CONFIRMED=1)
    keys = [event.idempotency_key for event in books.events]
    assert [key.removeprefix(keys[0]) for key in keys] == ["", "#2", "#3", "#4"]


def test_another_process_counts_the_attempts_too(books):
    with pytest.raises(ConnectionResetError):
        books.client.guard(books.budget).run(call(), fails)

    assert books.client.guard(books.budget).run(call(), lambda: "bought") == "bought"
    books.settled(60, FAILED=1, CONFIRMED=1)


async def test_an_asyncio_client_renews_keys_too(books):
    guard = books.waiting.guard(books.budget)

    async def body():
        fails()

    with pytest.raises(ConnectionResetError):
        await guard.run_async(call(), body)

    async def bought():
        return "bought"

    assert await guard.run_async(call(), bought) == "bought"
    books.settled(60, FAILED=1, CONFIRMED=1)


def test_a_voided_call_may_be_made_again(books):
    with books.client.spend(books.budget, 60, idempotency_key="k", renew_key=True) as spend:
        spend.void("NOT_NOW")
    with books.client.spend(books.budget, 60, idempotency_key="k", renew_key=True):
        pass

    books.settled(60, VOIDED=1, CONFIRMED=1)


def test_a_call_that_lost_its_hold_is_asked_for_anew():
    """
    Whoever died in the middle of a call and makes it again finds its hold ended, and its money lent to others.
    """
    with MockFiGuardClient(total_limit=100) as client:
        guard = client.guard(client.sandbox_token)
        asked = guard.policy.wish(call(), client.sandbox_token, 60)
        client.authorize(client.sandbox_token, amount=60, **{name: asked[name] for name in SAME})

        client.advance("10m")
        other = guard.run(call(amount=70, call_id="c2"), lambda: "lent to another")
        told = guard.run(call(), lambda: pytest.fail("it ran on money that nobody holds"))

        assert other == "lent to another"
        assert told.startswith("FiGuard DENIED: INSUFFICIENT_FUNDS — ")
        client.assert_spent(70)


def test_a_call_that_still_holds_is_charged_once():
    with MockFiGuardClient(total_limit=100) as client:
        guard = client.guard(client.sandbox_token)
        asked = guard.policy.wish(call(), client.sandbox_token, 60)
        client.authorize(client.sandbox_token, amount=60, **{name: asked[name] for name in SAME})

        assert guard.run(call(), lambda: "bought") == "bought"
        client.assert_spent(60)


def test_a_call_that_may_have_paid_is_not_made_again(books):
    def body():
        raise TimeoutError

    guard = books.client.guard(books.budget)
    with pytest.raises(TimeoutError):
        guard.run(call(), body)

    told = guard.run(call(), lambda: pytest.fail("it ran although it may have paid"))

    assert told.startswith("FiGuard DENIED: DUPLICATE_REQUEST — ")
    assert books.reserved == 60


def test_a_key_is_used_up_some_time(books):
    guard = books.client.guard(books.budget, price=1)
    key = guard.policy.key_of(call())
    for attempt in range(1, RENEWALS_MAX + 1):
        name = key if attempt == 1 else f"{key}#{attempt}"
        auth = books.client.authorize(
            books.budget, amount=1, idempotency_key=name, agent_id="agent", action_type="TOOL_CALL"
        )
        books.client.fail(auth, "NO")

    with pytest.raises(Exception, match="use a new key"):
        guard.run(call(), lambda: pytest.fail("it ran"))


def test_a_key_of_ones_own_holds_across_runs(books):
    pay = books.client.guard(books.budget, price=60, key=lambda arguments: f"order-{arguments['number']}").wrap(
        lambda number: f"paid {number}", tool="pay"
    )

    assert [pay(42), pay(number=42)] == ["paid 42", "paid 42"]
    books.settled(60, CONFIRMED=1)


async def test_two_at_once_with_one_id_are_one_call(books):
    """
    A server that gives two calls of one turn the same id gets one of them run, not two for the price of one.
    """
    guard, entered, may_go = books.waiting.guard(books.budget), asyncio.Event(), asyncio.Event()

    async def body():
        entered.set()
        await may_go.wait()
        return "bought"

    first = asyncio.create_task(guard.run_async(call(), body))
    await entered.wait()
    second = await asyncio.wait_for(guard.run_async(call(), body), 5)
    may_go.set()

    assert await first == "bought"
    assert second == "FiGuard DENIED: DUPLICATE_REQUEST — this very call is under way already"
    books.settled(60, CONFIRMED=1)


def test_two_processes_at_one_moment_hold_once_and_run_both_bodies(books):
    """
    As the guides say: a key makes two calls one spending, and is no lock.
    """
    here, there = books.client.guard(books.budget), books.client.guard(books.budget)

    def body():
        with ThreadPoolExecutor(1) as elsewhere:
            assert elsewhere.submit(there.run, call(), lambda: "bought there").result(5) == "bought there"
        books.settled(60, CONFIRMED=1)
        return "bought here"

    assert here.run(call(), body) == "bought here"
    books.settled(60, CONFIRMED=1)


def test_a_spending_under_the_key_of_one_that_runs_is_the_same_spending(books):
    """
    Whoever settles it otherwise than the first is refused.
    """
    ids = []

    def spent(amount, then=lambda: None):
        with books.client.spend(books.budget, 60, idempotency_key="k") as spend:
            ids.append(spend.event_id)
            then()
            spend.settle(amount)

    with pytest.raises(FiGuardApiError) as refused:
        spent(40, then=lambda: spent(50))

    assert (refused.value.status_code, refused.value.code) == (409, "EVENT_STATE_CONFLICT")
    assert ids == ids[:1] * 2
    books.settled(50, CONFIRMED=1)


def test_a_denied_call_may_be_asked_again_when_there_is_money(books):
    guard = books.client.guard(books.budget)

    assert guard.run(call(amount=120), lambda: pytest.fail("it ran")).startswith("FiGuard DENIED: INSUFFICIENT_FUNDS")
    books.client.fund_budget(books.budget.id, "CREDIT", 100)

    assert guard.run(call(amount=120), lambda: "bought") == "bought"
    books.settled(120, DENIED=1, CONFIRMED=1)
