"""
A spending as an awaited block: above all, what becomes of it when its task is cancelled.
"""

from __future__ import annotations

import asyncio

import pytest

from tests.unit.client.fakes import TOKEN, async_client, authorized, event


async def test_an_awaited_block_confirms():
    guard, transport = async_client([authorized(), event()])
    async with guard.spend(TOKEN, 10) as spend:
        spend.settle(8)

    assert transport.names == ["authorize", "confirm_event"]
    assert transport.calls[1].body.confirmed_quantity == 8


async def test_an_awaited_block_opens_its_scope_for_the_caller():
    guard, transport = async_client([authorized(event_id="parent"), authorized(event_id="child"), event()])
    async with guard.spend(TOKEN, 10):
        await guard.authorize(budget=TOKEN, amount=1)

    assert transport.calls[1].body.parent_event_id == "parent"


async def test_a_cancelled_block_keeps_its_hold():
    guard, transport = async_client([authorized(), event("AUTHORIZED")])
    inside = asyncio.Event()

    async def pay():
        async with guard.spend(TOKEN, 10):
            inside.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(pay())
    await inside.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert transport.names == ["authorize", "mark_event_unknown"]


async def test_a_block_that_runs_out_of_time_keeps_its_hold():
    guard, transport = async_client([authorized(), event("AUTHORIZED")])
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0), guard.spend(TOKEN, 10):
            await asyncio.Event().wait()

    assert transport.names[:1] == ["authorize"]


class Gated:
    """A transport whose answers wait for a gate."""

    def __init__(self, inner):
        self.inner = inner
        self.settings = inner.settings
        self.reached = asyncio.Event()
        self.gate = asyncio.Event()
        self._answers = asyncio.Semaphore(0)

    async def send(self, call):
        self.reached.set()
        await self.gate.wait()
        outcome = self.inner.send(call)
        self._answers.release()
        return outcome

    async def answered(self, count):
        for _ in range(count):
            await self._answers.acquire()

    def now(self):
        return self.inner.now()

    async def close(self):
        self.inner.close()


async def test_a_block_cancelled_before_it_began_leaves_no_hold():
    """
    The authorization is on its way when the task is cancelled: its hold would never be settled by anyone.
    """
    guard, transport = async_client([authorized(), event("VOIDED")])
    gated = Gated(transport)
    guard._hands._transport = gated

    async def pay():
        async with guard.spend(TOKEN, 10):
            pytest.fail("the block ran")

    task = asyncio.create_task(pay())
    await gated.reached.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    gated.gate.set()
    await gated.answered(2)

    assert transport.names == ["authorize", "void_event"]
    assert transport.calls[1].body.reason == "CANCELLED_BEFORE_START"


async def test_a_task_cancelled_while_it_settles_settles_all_the_same():
    guard, transport = async_client([authorized(), event()])
    gated = Gated(transport)

    async def pay():
        async with guard.spend(TOKEN, 10):
            guard._hands._transport = gated

    task = asyncio.create_task(pay())
    await gated.reached.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    gated.gate.set()
    await gated.answered(1)

    assert transport.names == ["authorize", "confirm_event"]
