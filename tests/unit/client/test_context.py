"""
The parent of an event: scoped to a block, to its books and to its budget.
"""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from figuard import clear_current_event_id, figuard_run_in_executor, figuard_scope, get_current_event_id
from figuard.client.context import Known, Origin, ambient_parent, digest, origins
from figuard.client.models import AuthorizationResult, SpendEventResponse

HERE, TOKEN = "books", digest("st_budget")


def known(event_id, home=HERE, token=TOKEN, budget_id="b1"):
    origins.learn(event_id, Origin(home, token, budget_id))
    return event_id


def test_nothing_is_a_parent_outside_of_a_scope():
    assert get_current_event_id() is None


def test_a_scope_restores_what_was_there_before():
    with figuard_scope("outer"):
        with figuard_scope("inner") as inner:
            assert ("inner", "inner") == (inner, get_current_event_id())
        assert get_current_event_id() == "outer"
    assert get_current_event_id() is None


def test_a_scope_restores_after_an_exception():
    with pytest.raises(KeyError), figuard_scope("outer"):
        raise KeyError
    assert get_current_event_id() is None


def test_a_scope_of_nothing_hides_the_one_around_it():
    with figuard_scope("outer"), figuard_scope(None):
        assert get_current_event_id() is None


def test_clearing_lasts_until_the_scope_ends():
    with figuard_scope("outer"):
        with figuard_scope("inner"):
            clear_current_event_id()
            assert get_current_event_id() is None
        assert get_current_event_id() == "outer"


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (AuthorizationResult("e", "AUTHORIZED"), "e"),
        (AuthorizationResult("e", "DENIED"), None),
        (AuthorizationResult(None, "AUTHORIZED"), None),
        (AuthorizationResult("fallback_k", "AUTHORIZED", is_fallback=True), None),
        (SpendEventResponse("e", "CONFIRMED", 1), "e"),
    ],
)
def test_an_answer_is_a_parent_only_when_it_is_in_the_books(event, expected):
    with figuard_scope(event) as current:
        assert expected == current == get_current_event_id()


@pytest.mark.parametrize(
    ("home", "token", "budget_id", "is_parent"),
    [
        (HERE, TOKEN, None, True),
        (HERE, TOKEN, "b1", True),
        (HERE, digest("st_delegated"), "b1", True),
        (HERE, digest("st_delegated"), None, False),
        (HERE, digest("st_other"), "b2", False),
        ("other books", TOKEN, "b1", False),
    ],
)
def test_a_parent_is_given_to_calls_on_its_own_budget_only(home, token, budget_id, is_parent):
    """
    A scope around calls on several budgets, or several services, must not make any of them fail.
    """
    with figuard_scope(known("e")):
        assert ambient_parent(home, token, budget_id) == ("e" if is_parent else None)


def test_an_event_of_another_process_is_a_parent_as_the_caller_says():
    with figuard_scope("from-elsewhere"):
        assert ambient_parent(HERE, TOKEN, None) == "from-elsewhere"


def test_only_so_much_is_remembered():
    facts: Known[int] = Known(size_max=2)
    for number, name in enumerate("abc"):
        facts.learn(name, number)

    assert [facts.get(name) for name in "abc"] == [None, 1, 2]


def test_a_digest_tells_two_tokens_apart_and_shows_neither():
    assert digest("st_one") != digest("st_two")
    assert "st_one" not in digest("st_one")


def test_a_new_thread_starts_without_a_parent():
    seen = []
    with figuard_scope("outer"):
        thread = threading.Thread(target=lambda: seen.append(get_current_event_id()))
        thread.start()
        thread.join()

    assert seen == [None]


async def test_a_task_sees_the_scope_it_was_started_in():
    async def child():
        return get_current_event_id()

    with figuard_scope("outer"):
        task = asyncio.create_task(child())
    assert await task == "outer"


async def test_two_tasks_do_not_see_each_others_scope():
    entered = asyncio.Event()

    async def inside():
        with figuard_scope("inside"):
            entered.set()
            await asyncio.sleep(0)

    task = asyncio.create_task(inside())
    await entered.wait()
    assert get_current_event_id() is None
    await task


async def test_work_on_a_thread_sees_the_scope():
    with figuard_scope("outer"), ThreadPoolExecutor(1) as pool:
        seen = [await figuard_run_in_executor(get_current_event_id)]
        seen.append(await figuard_run_in_executor(get_current_event_id, executor=pool))

    assert seen == ["outer", "outer"]


async def test_a_scope_left_in_another_task_leaves_no_parent_behind():
    """
    An async generator that is given up is closed by the loop, in a context of its own.
    """
    scope = figuard_scope("lost")

    async def enter():
        scope.__enter__()

    await asyncio.create_task(enter())
    scope.__exit__(None, None, None)

    assert get_current_event_id() is None
