"""
A head that comes without its body: many a client writes the one after the other, and the server waits a moment.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import AsyncExitStack

import pytest

from figuard.server import protocol
from figuard.server.run import serving
from figuard.server.settings import load
from tests.server.test_express import DEMO, Both, both
from tests.server.test_known_lines import Caller, caller
from tests.server.test_sockets import answered, connected

__all__ = ["both", "caller"]


def parted(data):
    """
    A request as many a client sends it: the head and the body one after the other.
    """
    head, end, body = data.partition(b"\r\n\r\n")
    return head + end, body


@pytest.fixture
def patient(monkeypatch):
    """
    A server that holds a head back for as long as a test may take.
    """
    monkeypatch.setattr(protocol, "HOLD_SECONDS", 60)


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize("amount", [3, 11], ids=["known lines", "new lines"])
async def test_a_body_behind_its_head_goes_express(both, caller, amount):
    head, body = parted(caller.request(amount))
    before = both.served
    caller.writer.write(head)
    await asyncio.sleep(0.05)
    assert before == both.served
    status, said = await caller.ask(body)

    assert (200, amount, 1) == (status, said["approvedQuantity"], both.served - before)
    assert (2 if amount == 3 else 1) == both.recognized


@pytest.mark.usefixtures("patient")
async def test_what_comes_behind_the_body_is_the_next_request(both, caller):
    head, body = parted(caller.request(3))
    caller.writer.write(head)
    await asyncio.sleep(0.05)
    caller.writer.write(body + caller.request(4))
    answers = [json.loads((await answered(caller.reader))[1])["approvedQuantity"] for _ in range(2)]

    assert [3, 4] == answers
    assert 5 == await caller.spend(5)


async def test_a_body_that_takes_longer_than_a_moment_is_answered_too(both, caller, monkeypatch):
    monkeypatch.setattr(protocol, "HOLD_SECONDS", 0.01)
    before = both.served
    head, body = parted(caller.request(3))
    caller.writer.write(head)
    await asyncio.sleep(0.1)
    caller.writer.write(body[:5])
    await asyncio.sleep(0.05)
    status, said = await caller.ask(body[5:])

    assert (200, 3, before) == (status, said["approvedQuantity"], both.served)
    assert 4 == await caller.spend(4)


@pytest.mark.usefixtures("patient")
async def test_a_body_in_pieces_is_not_held_back_twice(both, caller):
    """
    Not even when what has come of it looks like the end of a head.
    """
    head, body = parted(caller.request(3))
    head = head.replace(b"content-length: %d" % len(body), b"content-length: %d" % (len(body) + 4))
    before = both.served
    for part in (head, b"\r\n\r\n"):
        caller.writer.write(part)
        await asyncio.sleep(0.05)
    status, said = await caller.ask(body)

    assert (200, 3, before) == (status, said["approvedQuantity"], both.served)


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize("line", ["expect: 100-continue", "connection: close", "origin: http://x"])
async def test_a_head_that_asks_for_something_special_is_not_held_back(both, caller, line):
    head, _ = parted(caller.request(3))
    unknown = head.replace(DEMO.encode(), b"nobody's")[:-2] + line.encode() + b"\r\n\r\n"
    caller.writer.write(unknown)

    assert (await asyncio.wait_for(caller.reader.read(12), 10)).startswith((b"HTTP/1.1 401", b"HTTP/1.1 100"))


@pytest.mark.usefixtures("patient")
async def test_a_caller_that_goes_away_behind_its_head_leaves_nothing(both, caller):
    before = both.served
    caller.writer.write(parted(caller.request(3))[0])
    await asyncio.sleep(0.05)
    (held,) = [timer for timer in asyncio.get_running_loop()._scheduled if "_let_go" in repr(timer)]
    caller.writer.close()
    await asyncio.sleep(0.05)

    assert held.cancelled()
    assert before == both.served


async def test_a_stop_waits_for_the_body_of_a_head_that_is_held_back(tmp_path, monkeypatch):
    monkeypatch.setattr(protocol, "HOLD_SECONDS", 60)
    settings = load(
        {}, database=str(tmp_path / "x.db"), port=0, demo=True, budget_lifetime_seconds_max=10**10, background=False
    )
    async with AsyncExitStack() as callers:
        async with serving(settings) as (server, address):
            pair = Both(server, address)
            token = (await pair.budget())["tokens"][0]["sessionToken"]
            caller = Caller(*await callers.enter_async_context(connected(address)), token)
            head, body = parted(caller.request(3))
            caller.writer.write(head)
            await asyncio.sleep(0.05)
            asyncio.get_running_loop().call_later(0.3, caller.writer.write, body)
        status, said = await answered(caller.reader)
        await pair.plain.aclose()

    assert (200, 3) == (status, json.loads(said)["approvedQuantity"])
