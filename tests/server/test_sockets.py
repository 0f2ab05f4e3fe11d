"""
A real socket: the client's own way in, callers that misbehave, and a stop that loses nothing.
"""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

import pytest

from figuard.client.sync.client import FiGuardClient
from figuard.ports import Books
from figuard.server.run import serving
from figuard.server.settings import SettingsError, load

DEMO = "fg_live_demo"
HEAD = (
    b"POST /api/v1/budgets HTTP/1.1\r\nhost: x\r\nx-agent-budget-key: fg_live_demo\r\n"
    b"content-type: application/json\r\n"
)
SPEND = b'{"userId":"u","totalLimit":5,"expiresAt":"2100-01-01T00:00:00Z"}'


@pytest.fixture
async def served(tmp_path, request):
    """
    A server on a free port, and its address.
    """
    given = getattr(request, "param", {})
    settings = load({}, database=str(tmp_path / "x.db"), port=0, demo=True, budget_lifetime_seconds_max=10**10, **given)
    async with serving(settings) as (server, address):
        yield server, address


@asynccontextmanager
async def connected(address):
    """
    A connection, closed afterwards.
    """
    host, port = address.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        yield reader, writer
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


async def answered(reader):
    """
    The status and the body of one answer.
    """
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
    length = re.search(rb"content-length: (\d+)", head)
    return int(head.split()[1]), await reader.readexactly(int(length[1]) if length else 0)


async def test_the_client_spends_over_the_wire(served):
    _, address = served

    def spend():
        with FiGuardClient(api_key=DEMO, base_url=address) as client:
            budget = client.create_budget("user", 100, expires_in="1h")
            approved = client.authorize(budget, amount=30, description="ads")
            client.confirm(approved.event_id, 25)
            denied = client.authorize(budget, amount=300, description="too much")
            return approved, denied, client.get_budget(budget.id)

    approved, denied, budget = await asyncio.to_thread(spend)

    assert 30 == approved.approved_quantity
    assert "INSUFFICIENT_FUNDS" == denied.denial_reason
    assert (25, 75) == (budget.quantity_spent, budget.available_quantity)


async def test_a_link_names_the_port_that_was_found(served):
    server, address = served

    assert address == server.settings.base_url


async def test_a_connection_is_kept_for_the_next_request(served):
    async with connected(served[1]) as (reader, writer):
        for _ in range(3):
            writer.write(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n")
            assert (200, b'{"status":"UP"}') == await answered(reader)


async def test_a_head_of_a_megabyte_is_refused(served):
    async with connected(served[1]) as (reader, writer):
        writer.write(b"GET /healthz HTTP/1.1\r\nhost: x\r\n")
        for number in range(64):
            writer.write(b"x-%d: %s\r\n" % (number, b"a" * 16_384))

        status, _ = await answered(reader)

        assert status in {400, 431}


async def test_one_header_of_a_megabyte_is_refused(served):
    async with connected(served[1]) as (reader, writer):
        writer.write(b"GET /healthz HTTP/1.1\r\nhost: x\r\nx-a: " + b"a" * 1_048_576)

        status, _ = await answered(reader)

        assert 431 == status


@pytest.mark.parametrize(
    "nonsense",
    [
        b"\x16\x03\x01\x02\x00",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST /healthz HTTP/1.1\r\ncontent-length: -1\r\n\r\n",
    ],
)
async def test_what_is_no_http_is_a_400(served, nonsense):
    async with connected(served[1]) as (reader, writer):
        writer.write(nonsense)

        assert (await asyncio.wait_for(reader.read(64), 10)).startswith((b"HTTP/1.1 400", b"HTTP/1.1 404"))


@pytest.mark.parametrize("served", [{"body_seconds": 0.2}], indirect=True)
@pytest.mark.parametrize("start", [b"", b"GET /heal", HEAD], ids=["nothing", "half a line", "half a head"])
async def test_a_caller_that_never_finishes_its_head_is_let_go(served, start):
    async with connected(served[1]) as (reader, writer):
        writer.write(start)

        assert b"" == await asyncio.wait_for(reader.read(), 10)


@pytest.mark.parametrize("served", [{"body_seconds": 0.2}], indirect=True)
async def test_a_body_that_does_not_come_is_a_408(served):
    async with connected(served[1]) as (reader, writer):
        writer.write(HEAD + b"content-length: 100\r\n\r\n" + SPEND[:10])

        status, body = await answered(reader)

        assert 408 == status
        assert b"did not arrive" in body
        assert b'"code":"REQUEST_TIMEOUT","retryable":true' in body


@pytest.mark.parametrize("length", [b"content-length: 20000000\r\n\r\n", b"transfer-encoding: chunked\r\n\r\n"])
@pytest.mark.parametrize("path", [b"/api/v1/budgets", b"/api/v1/authorize"])
async def test_a_body_that_is_too_large_is_a_413_for_who_sends_all_of_it_first(served, path, length):
    """
    The answer is not lost under what is still on its way, and the connection is good for another request.
    """
    part = b"x" * 100_000
    async with connected(served[1]) as (reader, writer):
        writer.write(HEAD.replace(b"/api/v1/budgets", path) + length)
        for _ in range(200):
            writer.write(b"%x\r\n%s\r\n" % (len(part), part) if b"chunked" in length else part)
            await writer.drain()
        writer.write(b"0\r\n\r\n" if b"chunked" in length else b"")

        status, body = await answered(reader)
        writer.write(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n")

        assert 413 == status
        assert b'"code":"PAYLOAD_TOO_LARGE"' in body
        assert 200 == (await answered(reader))[0]


@pytest.mark.parametrize("served", [{"body_seconds": 0.2}], indirect=True)
async def test_a_caller_that_was_answered_cannot_go_on_sending_for_ever(served):
    async with connected(served[1]) as (reader, writer):
        writer.write(HEAD.replace(DEMO.encode(), b"nobody's") + b"content-length: 100\r\n\r\n{")

        assert 401 == (await answered(reader))[0]
        assert b"" == await asyncio.wait_for(reader.read(), 10)


async def test_a_caller_that_hangs_up_half_way_leaves_nothing_behind(served):
    server, address = served
    async with connected(address) as (reader, writer):
        writer.write(HEAD + b"content-length: 100\r\n\r\n" + SPEND[:10])
        await writer.drain()

    async with connected(address) as (reader, writer):
        writer.write(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n")

        assert 200 == (await answered(reader))[0]
        assert 0 == server.backend.engine.waiting


async def test_a_caller_that_only_closes_its_own_side_is_still_answered(served):
    async with connected(served[1]) as (reader, writer):
        writer.write(HEAD + b"content-length: %d\r\n\r\n" % len(SPEND) + SPEND)
        writer.write_eof()

        got = await asyncio.wait_for(reader.read(), 10)

        # The transport may close with its peer: then there is no answer, but never half of one.
        assert got == b"" or got.startswith(b"HTTP/1.1 201")


async def test_a_port_that_is_taken_is_said_to_be(served, tmp_path):
    port = int(served[1].rpartition(":")[2])

    with pytest.raises(SettingsError, match=f"127.0.0.1:{port}"):
        async with serving(load({}, database=str(tmp_path / "y.db"), port=port)):
            pytest.fail("it listened")


async def test_a_stop_answers_what_is_open_and_takes_nothing_new(tmp_path):
    """
    Whatever was acknowledged is there, whatever was not can be asked again.
    """
    settings = load({}, database=str(tmp_path / "z.db"), port=0, demo=True, budget_lifetime_seconds_max=10**10)
    async with AsyncExitStack() as callers:
        async with serving(settings) as (_, address):
            ends = [await callers.enter_async_context(connected(address)) for _ in range(20)]
            for _, writer in ends:
                writer.write(HEAD + b"content-length: %d\r\n\r\n" % len(SPEND) + SPEND)
            await answered(ends[0][0])
        statuses = [(await asyncio.wait_for(reader.read(), 10))[9:12] for reader, _ in ends[1:]]

    assert set(statuses) <= {b"201", b""}
    with pytest.raises(OSError, match="onnect"):
        await callers.enter_async_context(connected(address))
    async with serving(settings) as (server, _):
        kept = await server.backend.engine.query(Books())
    assert len(kept) >= statuses.count(b"201") + 1


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX's")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_process_stops_when_told(tmp_path, number):
    """
    It says where it listens, logs JSON without secrets, and ends with status 0 well within ten seconds.
    """
    environment = {**os.environ, "FIGUARD_DATABASE": str(tmp_path / "x.db"), "FIGUARD_PORT": "0"}
    process = await asyncio.create_subprocess_exec(
        Path(sys.executable).with_name("figuard"), "serve", "--demo", env=environment, stderr=asyncio.subprocess.PIPE
    )
    said = b""
    while b"serving" not in said:
        said += await asyncio.wait_for(process.stderr.readline(), 30)
    process.send_signal(number)
    _, rest = await asyncio.wait_for(process.communicate(), 10)

    assert 0 == process.returncode, rest
    assert b"Never expose it" in said
    assert b'"event": "stopped"' in rest
