"""
Callers that misbehave, many at once, while a well-behaved one goes on being served.
"""

from __future__ import annotations

import asyncio
import json
import resource
import socket
import struct
import time
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from random import Random

import pytest

from tests.load.judge import Judge, Told
from tests.load.test_races import SPEND, created, rush
from tests.load.wire import Line

IDLE = 10_000
SPARE_FILES = 300
SERVED_SECONDS = 5.0
"""The longest that a well-behaved caller may wait on a machine as slow as this."""
HEALTH = b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n"
MEGABYTE = 1_048_576

pytestmark = [pytest.mark.full, pytest.mark.timeout(300)]


@pytest.fixture
def server(sqlite_served):
    """
    A server that is patient with idle callers and not with slow ones.
    """
    return sqlite_served.serve(body_timeout="3s")


@asynccontextmanager
async def served_meanwhile(place, server):
    """
    One authorization after another while the block runs: every one is answered, and soon.
    """
    budget, token = await created(server.url, place.key, 1000)
    told, slowest = Told(), 0.0
    is_over = asyncio.Event()

    async def spend():
        nonlocal slowest
        number = 0
        while not is_over.is_set():
            began = time.monotonic()
            await rush([server.url], place.key, token, [f"k{number}"], amount=0.01, told=told)
            slowest = max(slowest, time.monotonic() - began)
            number += 1

    spending = asyncio.create_task(spend())
    yield
    is_over.set()
    await spending
    print(f"{len(told.authorized)} authorizations meanwhile, the slowest took {slowest:.2f} s")
    assert slowest < SERVED_SECONDS
    assert len(told.authorized) > 3
    assert [] == Judge(place, budget).findings(told)


def still_there(server):
    """
    The process is up, and nothing in it failed.
    """
    assert server.process.poll() is None
    assert [] == [line for line in server.said if '"level": "error"' in line]


async def opened(server):
    return await asyncio.open_connection(server.host, server.port)


async def rest(reader, seconds=20):
    """
    Everything that comes until the server hangs up; it has to. A connection that is reset counts as hung up.
    """
    try:
        return await asyncio.wait_for(reader.read(), seconds)
    except ConnectionResetError:
        return b""


# -- idle ones ---------------------------------------------------------------------------------------------------------


@contextmanager
def many_files(count):
    """
    Let this process, and those it starts, have so many files open.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = count + SPARE_FILES
    if hard != resource.RLIM_INFINITY and hard < wanted:
        pytest.skip(f"this machine lets a process have {hard:,} files open, {wanted:,} are needed")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def files_of(server):
    """
    How many files the server has open.
    """
    return len(list(Path(f"/proc/{server.process.pid}/fd").iterdir()))


def connections_to(server, count):
    """
    So many connections, from several addresses of this machine so that no port is short; every other one has asked.
    """
    made = []
    for number in range(count):
        one = socket.create_connection(
            (server.host, server.port), timeout=20, source_address=(f"127.0.0.{2 + number % 8}", 0)
        )
        made.append(one)
        if number % 2:
            one.sendall(HEALTH)
            assert one.recv(4096).startswith(b"HTTP/1.1 200")
    return made


def test_ten_thousand_idle_connections_disturb_nobody(sqlite_served):
    """
    Half of them have never said a word. The server is started as a shell starts it: with room for few files.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 1024), hard))
    try:
        server = sqlite_served.serve(body_timeout="120s")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    async def observed():
        idle = await asyncio.to_thread(connections_to, server, IDLE)
        async with served_meanwhile(sqlite_served, server):
            await asyncio.sleep(2)
            held = files_of(server)
        for one in idle:
            one.close()
        return held

    with many_files(IDLE):
        held = asyncio.run(observed())

    assert held >= IDLE
    still_there(server)


# -- slow and broken ones ----------------------------------------------------------------------------------------------


async def slow_body(server, rng):
    """
    A byte now and then: it is told off, or cut off.
    """
    reader, writer = await opened(server)
    path = rng.choice((b"/api/v1/authorize", b"/api/v1/budgets"))
    writer.write(b"POST %s HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n" % path)
    began = time.monotonic()
    reading = asyncio.create_task(rest(reader))
    while not reading.done() and time.monotonic() - began < 15:
        writer.write(b"{")
        await asyncio.sleep(0.3)
    got = await reading
    writer.close()
    assert got == b"" or got[9:12] in {b"400", b"401"}, got


async def half_closed(server, rng):
    """
    Closes its own side after a whole request or a half one.
    """
    reader, writer = await opened(server)
    writer.write(HEALTH[: rng.choice((len(HEALTH), 10, len(HEALTH) - 2))])
    writer.write_eof()
    got = await rest(reader)
    writer.close()
    assert got == b"" or got.startswith(b"HTTP/1.1 "), got


async def huge_head(server, rng):
    """
    A megabyte of headers, in one or in many.
    """
    reader, writer = await opened(server)
    count = rng.choice((1, 64, 4096))
    head = b"".join(b"x-%d: %s\r\n" % (n, b"a" * (MEGABYTE // count)) for n in range(count))
    writer.write(b"GET /healthz HTTP/1.1\r\nhost: x\r\n" + head + b"\r\n")
    got = await rest(reader)
    writer.close()
    assert got == b"" or got[9:12] in {b"400", b"431"}, got[:200]


GARBAGE = (
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200),
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(64),
    b"GET / HTTP/9.9\r\n\r\n",
    b"POST /api/v1/authorize HTTP/1.1\r\nhost: x\r\ncontent-length: -5\r\n\r\n",
    b"POST /api/v1/authorize HTTP/1.1\r\nhost: x\r\ncontent-length: 99999999999999999999\r\n\r\n",
    b"POST /api/v1/authorize HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello",
    b"POST /api/v1/authorize HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n",
    b"POST /api/v1/authorize HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\ncontent-length: 3\r\n\r\n0\r\n\r\n",
    b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nhost: x\r\n\r\n",
    b"GET /\x00\xff HTTP/1.1\r\nhost: x\r\n\r\n",
    b"\r\n" * 1000,
)


async def garbage(server, rng):
    """
    No HTTP, or not quite.
    """
    reader, writer = await opened(server)
    writer.write(rng.choice((*GARBAGE, rng.randbytes(3000), HEALTH + rng.randbytes(50))))
    writer.write_eof()
    got = await rest(reader)
    writer.close()
    assert got == b"" or got.startswith(b"HTTP/1.1 "), got[:200]
    assert b"HTTP/1.1 500" not in got


async def reset(server, rng):
    """
    Asks, and breaks the connection off before it is answered.
    """
    body = json.dumps({"userId": "u", "totalLimit": 5, "expiresAt": "2027-01-01T00:00:00Z"}).encode()
    reader, writer = await opened(server)
    key = server.environment["KEY"].encode()
    writer.write(
        b"POST /api/v1/budgets HTTP/1.1\r\nhost: x\r\nx-agent-budget-key: %s\r\ncontent-length: %d\r\n\r\n%s"
        % (key, len(body), body[: rng.choice((len(body), 20))])
    )
    await asyncio.sleep(rng.random() / 50)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
    assert reader is not None


BAD = (slow_body, half_closed, huge_head, garbage, reset)


def test_bad_callers_of_every_kind_at_once_disturb_nobody(sqlite_served, server):
    server.environment["KEY"] = sqlite_served.key
    rng = Random(7)

    async def besieged():
        async with served_meanwhile(sqlite_served, server):
            await asyncio.gather(*(BAD[n % len(BAD)](server, rng) for n in range(250)))

    asyncio.run(besieged())

    still_there(server)
    sqlite_served.verified()
    assert server.stop() < 10


# -- hasty ones --------------------------------------------------------------------------------------------------------


def test_requests_in_one_breath_are_answered_in_their_order(place):
    """
    Pipelining: quick and slow ones, good and bad ones, and each answer is to its question.
    """
    server = place.serve()

    async def asked():
        _, token = await created(server.url, place.key, 1000)
        wanted, sent = [], []
        for number in range(300):
            if number % 3 == 2:
                wanted.append((200, "UP"))
                sent.append(HEALTH)
                continue
            spend = {**SPEND, "requestedQuantity": number if number % 3 else "much", "idempotencyKey": f"k{number}"}
            body = json.dumps(spend).encode()
            head = f"POST /api/v1/authorize HTTP/1.1\r\nhost: x\r\nx-agent-budget-key: {place.key}\r\n"
            head += f"x-session-token: {token}\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
            sent.append(head.encode() + body)
            wanted.append((200, number) if number % 3 else (400, None))
        line = Line(server.url, place.key)
        got = await line.pipelined(b"".join(sent), len(sent))
        line.close()
        return wanted, got

    wanted, got = asyncio.run(asked())

    assert [status for status, _ in wanted] == [answer.status for answer in got]
    for (status, said), answer in zip(wanted, got, strict=True):
        if said == "UP":
            assert {"status": "UP"} == answer.body
        elif status == 200:
            approved = answer.body["approvedQuantity"]
            assert approved == said if answer.body["decision"] == "AUTHORIZED" else approved is None
    still_there(server)
