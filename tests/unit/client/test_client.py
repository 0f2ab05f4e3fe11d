"""
The clients as such: how they are made, shown, copied, closed, and how they go through pages.
"""

from __future__ import annotations

import asyncio
import logging
import threading

import pytest

from figuard import AsyncFiGuardClient, FailOpen, FiGuardClient, FiGuardConfigError, Retry, SpendEventResponse
from figuard.client.exceptions import FiGuardApiError, FiGuardCapabilityError, FiGuardConnectionError
from figuard.client.steps import finish
from tests.unit.client.fakes import (
    BUDGET_ID,
    EVENT_ID,
    TOKEN,
    AsyncFakeTransport,
    FakeTransport,
    async_client,
    authorized,
    budget,
    client,
    event,
    lost,
    page_of,
    refused,
)


def test_one_line_says_where_decisions_are_made(caplog, capsys):
    with caplog.at_level(logging.INFO, logger="figuard"):
        client()

    assert [record.getMessage() for record in caplog.records] == [
        "FiGuard decides on a server, at https://figuard.test"
    ]
    assert capsys.readouterr() == ("", "")


def test_the_line_can_be_left_out(caplog):
    with caplog.at_level(logging.INFO, logger="figuard"):
        client(log=False)

    assert caplog.records == []


def test_no_token_is_ever_logged(caplog):
    guard, _ = client([lost(), refused(401, "INVALID_SESSION_TOKEN")], retry=Retry(2, delay_seconds=0))
    with caplog.at_level(logging.DEBUG, logger="figuard"), pytest.raises(FiGuardApiError):
        guard.authorize(budget=TOKEN, amount=1, idempotency_key="k")
    said = caplog.text

    assert "key=k token=st_01234…" in said
    assert TOKEN not in said


def test_of_a_short_token_nothing_is_logged(caplog):
    guard, _ = client([authorized()])
    with caplog.at_level(logging.DEBUG, logger="figuard"):
        guard.authorize(budget="st_short", amount=1)

    assert "token=???" in caplog.text


@pytest.mark.parametrize("name", ["api_key", "base_url", "mode", "database"])
def test_a_transport_excludes_other_settings(name):
    with pytest.raises(FiGuardConfigError, match=f"{name} contradicts transport"):
        FiGuardClient(transport=FakeTransport(), **{name: "embedded"})


def test_an_http_client_without_http_has_no_effect_and_is_refused():
    with pytest.raises(FiGuardConfigError, match="http_client"):
        FiGuardClient(database=":memory:", http_client=object())
    with pytest.raises(FiGuardConfigError, match="http_client"):
        FiGuardClient(transport=FakeTransport(), http_client=object())


@pytest.mark.parametrize("timeout", [0, -1, float("inf"), float("nan"), "30", True])
def test_a_time_out_is_a_number_of_seconds(timeout):
    with pytest.raises(FiGuardConfigError, match="timeout"):
        client(timeout=timeout)


def test_options_make_a_client_that_shares_the_rest():
    guard, transport = client([event(), event()])
    hasty = guard.with_options(timeout=2, retry=1)
    hasty.get_event(EVENT_ID)
    guard.get_event(EVENT_ID)

    assert [call.timeout_seconds for call in transport.calls] == [2, 30]
    assert type(hasty) is FiGuardClient


def test_attempts_can_be_given_as_a_number():
    guard, transport = client([lost(), lost()], retry=Retry(5))
    with pytest.raises(FiGuardConnectionError):
        guard.with_options(retry=1).get_event(EVENT_ID)

    assert len(transport.calls) == 1


def test_a_client_is_closed_with_its_block_and_may_be_closed_again():
    guard, transport = client()
    with guard:
        pass
    guard.close()

    assert transport.closed == 2


async def test_an_async_client_is_closed_with_its_block():
    guard, transport = async_client([event()])
    async with guard:
        await guard.get_event(EVENT_ID)

    assert transport.closed == 1


def test_a_client_shows_where_it_decides_and_nothing_else():
    guard, _ = client()

    assert repr(guard) == "<FiGuardClient server 'https://figuard.test'>"
    assert repr(AsyncFiGuardClient(transport=AsyncFakeTransport())).startswith("<AsyncFiGuardClient server")


def test_a_blocking_client_works_inside_a_running_loop():
    guard, _ = client([event()])

    async def inside():
        return guard.get_event(EVENT_ID)

    assert asyncio.run(inside()).id == EVENT_ID


def test_a_blocking_operation_that_tries_to_wait_is_a_fault_of_ours():
    with pytest.raises(RuntimeError, match="tried to await"):
        finish(asyncio.sleep(0))


def test_calls_are_made_on_the_callers_own_thread():
    seen = []

    def script(call):
        seen.append(threading.current_thread())
        return event()

    guard, _ = client(script)
    guard.get_event(EVENT_ID)

    assert seen == [threading.current_thread()]


def test_pages_are_read_one_after_the_other_as_they_are_needed():
    def script(call):
        number = int(call.query["page"])
        return page_of([event(id=f"{number}-{index}").value for index in range(2)], number, total_pages=3)

    guard, transport = client(script)
    events = guard.iter_events(BUDGET_ID, page_size=2)

    assert next(events).id == "0-0"
    assert len(transport.calls) == 1
    assert [one.id for one in events] == ["0-1", "1-0", "1-1", "2-0", "2-1"]
    assert len(transport.calls) == 3


def test_an_empty_listing_ends_at_once():
    guard, transport = client([page_of([], 0, 0)])

    assert list(guard.iter_budgets()) == []
    assert len(transport.calls) == 1


def test_a_listing_that_shrinks_meanwhile_ends():
    guard, transport = client([page_of([budget().value], 0, 9), page_of([], 1, 9)])

    assert len(list(guard.iter_budgets())) == 1
    assert len(transport.calls) == 2


async def test_pages_can_be_awaited():
    guard, _ = async_client([page_of([event().value], 0, 2), page_of([event().value], 1, 2)])

    assert [one.id async for one in guard.iter_events(BUDGET_ID)] == [EVENT_ID, EVENT_ID]


def test_a_server_needs_no_sweeping():
    guard, _ = client()

    with pytest.raises(FiGuardCapabilityError, match="sweep"):
        guard.sweep()


def test_the_older_forms_are_the_same_calls():
    guard, transport = client(lambda _: event())
    guard.confirm_event(EVENT_ID, 1, "ch")
    guard.confirm(EVENT_ID, 1, "ch")
    guard.fail_event(EVENT_ID, "R", "m")
    guard.fail(EVENT_ID, "R", "m")
    guard.void_event(EVENT_ID, "R", True)
    guard.void(EVENT_ID, "R", True)
    pairs = [(call.operation.name, call.body) for call in transport.calls]

    assert pairs[::2] == pairs[1::2]


def test_a_budget_is_paused_by_its_status():
    guard, transport = client([budget(status="PAUSED")])

    assert guard.pause_budget(BUDGET_ID).is_paused
    assert transport.calls[0].body.status == "PAUSED"


def test_objects_may_stand_for_their_ids():
    guard, transport = client([budget(), budget(), event()])
    found = guard.get_budget(BUDGET_ID)
    guard.get_budget(found)
    guard.get_event(SpendEventResponse(EVENT_ID, "CONFIRMED", 1))

    assert transport.calls[1].path == {"budgetId": BUDGET_ID}
    assert transport.calls[2].path == {"eventId": EVENT_ID}


def test_a_policy_for_failing_open_is_checked_at_once():
    with pytest.raises(FiGuardConfigError):
        client(fail_open=FailOpen(ceiling="much"))
