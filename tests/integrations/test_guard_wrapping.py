"""
Guarded functions and attributes: told from others, never guarded twice, taken apart, and proved to be in force.
"""

from __future__ import annotations

import asyncio
import functools
from dataclasses import dataclass

import pytest

from figuard import FiGuardError
from figuard.integrations.guard import (
    FiGuardUnguardableError,
    ToolCall,
    attach,
    detach,
    guard_of,
    is_guarded,
    new_guard,
    prove,
    unwrap,
)


@pytest.fixture
def guard(books):
    return books.client.guard(books.budget, price=10)


def generator():
    yield 1


@pytest.mark.parametrize("thing", [generator, int, staticmethod(len), "text", None])
def test_what_cannot_be_guarded_is_refused(guard, thing):
    with pytest.raises(FiGuardUnguardableError):
        guard.wrap(thing)


def test_a_function_is_guarded_once(books, guard):
    other = books.client.guard(books.budget, price=1)

    def shouting(function):
        return functools.wraps(function)(lambda: function().upper())

    tool = guard.wrap(lambda: "done", tool="work")

    for already in (tool, shouting(tool), functools.partial(functools.partial(tool))):
        assert is_guarded(already)
        with pytest.raises(FiGuardUnguardableError, match="charged twice"):
            other.wrap(already)
    tool()
    books.settled(10, CONFIRMED=1)


def test_the_decorator_of_programs_counts_as_a_guard_too(books, guard):
    charged = books.client.guarded(books.budget, 5)(lambda: "done")

    with pytest.raises(FiGuardUnguardableError, match="charged twice"):
        guard.wrap(charged)


def test_a_guard_is_found_and_taken_off(books, guard):
    def work():
        return "done"

    guarded = guard.wrap(work)

    assert guard_of(guarded) is guard
    assert guard_of(work) is None
    assert unwrap(guarded) is work
    assert unwrap(guarded)() == "done"
    assert books.events == []


def test_what_has_no_guard_cannot_be_unwrapped(guard):
    guarded = guard.wrap(lambda: "done", tool="work")
    over = functools.wraps(guarded)(lambda: guarded())  # noqa: PLW0108 - a decorator that somebody put over it

    with pytest.raises(FiGuardUnguardableError, match="not guarded"):
        unwrap(len)
    with pytest.raises(FiGuardUnguardableError, match="another decorator"):
        unwrap(over)


class Tool:
    name = "work"

    def __init__(self):
        self.ran = 0

    def _run(self, item, amount=10):
        self.ran += 1
        return f"worked on {item}"

    async def _arun(self, item, amount=10):
        return self._run(item, amount)


@dataclass(frozen=True)
class Frozen:
    func: object


class Slotted:
    __slots__ = ()

    def _run(self):
        return "ran"


class Stubborn(Tool):
    def __getattribute__(self, name):
        return functools.partial(Tool._run, self) if name == "_run" else super().__getattribute__(name)


def test_an_attribute_is_guarded_in_place(books):
    guard, tool = books.client.guard(books.budget), Tool()

    attach(guard, tool, "_run", tool="work")

    assert tool._run("a", 60) == "worked on a"
    assert tool._run("b", amount=60).startswith("FiGuard DENIED: INSUFFICIENT_FUNDS — ")
    assert tool.ran == 1
    books.settled(60, CONFIRMED=1, DENIED=1)


def test_a_frozen_object_is_no_obstacle(books, guard):
    tool = Frozen(lambda: "done")

    attach(guard, tool, "func", tool="work")

    assert tool.func() == "done"
    books.settled(10, CONFIRMED=1)


def test_a_guard_in_place_is_taken_off(books, guard):
    tool, frozen = Tool(), Frozen(len)
    attach(guard, tool, "_run", tool="work")
    attach(guard, frozen, "func", tool="work")

    detach(tool, "_run")
    detach(frozen, "func")

    assert vars(tool) == {"ran": 0}
    assert frozen.func is len
    tool._run("a")
    assert books.events == []


@pytest.mark.parametrize("owner", [Slotted(), Stubborn(), Frozen("no function")], ids=["slots", "stubborn", "text"])
def test_an_object_that_cannot_be_guarded_is_refused_and_nothing_runs(books, guard, owner):
    with pytest.raises(FiGuardUnguardableError, match="cannot be guarded"):
        attach(guard, owner, "func" if isinstance(owner, Frozen) else "_run", tool="work")
    assert books.events == []
    assert getattr(owner, "ran", 0) == 0


def test_a_guard_off_the_path_is_refused_and_taken_off_again(books, guard):
    tool = Tool()

    with pytest.raises(FiGuardUnguardableError, match="does not reach the guard"):
        attach(guard, tool, "_run", tool="work", probe=lambda: None)
    assert vars(tool) == {"ran": 0}


def test_a_proof_asks_nothing_and_runs_nothing(books, guard):
    tool = Tool()
    attach(guard, tool, "_run", tool="work")
    attach(guard, tool, "_arun", tool="work")

    prove(lambda: tool._run("a"), "it")
    prove(lambda: tool._arun("a"), "it")
    prove(lambda: guard.run(ToolCall("work", {}), lambda: pytest.fail("it ran")), "it")

    assert tool.ran == 0
    assert books.events == []


def test_a_proof_fails_where_the_guard_is_missing():
    def crashes():
        raise KeyError("before any guard")

    with pytest.raises(FiGuardUnguardableError, match="my tool cannot be guarded") as raised:
        prove(crashes, "my tool")
    assert isinstance(raised.value.__cause__, KeyError)
    assert isinstance(raised.value, FiGuardError)


# ---------------------------------------------------------------------------------- two guards around the same call


def test_a_layer_above_a_guarded_function_is_the_same_call(books, guard):
    work = guard.wrap(lambda: "done", tool="work")

    assert guard.run(ToolCall("work", {}), work) == "done"
    assert guard.run(ToolCall("work", {}), lambda: (work(), work())[1]) == "done"  # a retry below the layer
    books.settled(20, CONFIRMED=2)


def test_three_layers_are_one_call(books, guard):
    work = guard.wrap(lambda: "done", tool="work")
    between = guard.wrap(lambda: work(), tool="work", is_innermost=False)  # noqa: PLW0108 - a layer of its own

    assert guard.run(ToolCall("work", {}), between) == "done"
    books.settled(10, CONFIRMED=1)


async def test_a_layer_above_is_the_same_call_when_awaited(books, guard):
    tool = Tool()
    attach(guard, tool, "_arun", tool="work", is_innermost=False)
    attach(guard, tool, "_run", tool="work")

    await asyncio.gather(*(tool._arun(item) for item in "ab"))

    assert tool.ran == 2
    books.settled(20, CONFIRMED=2)


def test_what_the_body_calls_is_charged_even_when_it_has_the_same_name(books, guard):
    def body(depth):
        return "done" if depth == 0 else work(depth - 1)

    work = guard.wrap(body, tool="work")

    assert guard.run(ToolCall("work", {}), lambda: work(2)) == "done"
    books.settled(30, CONFIRMED=3)


def test_another_budget_is_charged_as_well(books, guard):
    team = books.client.create_budget("team", 50, currency="USD", expires_in="1h")
    work = books.client.guard(team, price=10).wrap(lambda: "done", tool="work")

    guard.run(ToolCall("work", {}), work)

    books.settled(10, CONFIRMED=1)
    assert books.client.get_budget(team.id).quantity_spent == 10


# ------------------------------------------------------------------------------------------ a budget of one's own


def test_a_new_guard_opens_one_budget(books):
    guard = new_guard(books.client, budget=250, currency="EUR", velocity_max_per_minute=5, agent_id="me")

    opened = books.client.get_budget(guard.policy.budget.id)

    assert (opened.total_limit, opened.currency, opened.velocity_max_per_minute) == (250, "EUR", 5)
    assert guard.policy.agent_id == "me"


def test_a_new_guard_needs_a_client_that_answers_at_once(books):
    with pytest.raises(ValueError, match="must be awaited"):
        new_guard(books.waiting, budget=1, currency="USD")
