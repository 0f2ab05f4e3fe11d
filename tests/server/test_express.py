"""
The express way of hot requests answers as the ordinary way does: same status, same headers, same words.
"""

from __future__ import annotations

import asyncio
import json
import re

import httpx2
import pytest

from figuard.domain.admin import KeyScope
from figuard.domain.commands import CreateApiKey, Order, RevokeApiKey
from figuard.server import express as way
from figuard.server.run import serving
from figuard.server.settings import load
from tests.server.desk import SPEND
from tests.server.test_sockets import answered, connected

DEMO = "fg_live_demo"
KEY = {"x-agent-budget-key": DEMO}
UNKNOWN = "11111111-1111-7111-8111-111111111111"
_CHANGING = re.compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|\d{4}-\d\d-\d\dT[0-9:.]+Z")


class Both:
    """One server asked over its socket, where requests may go express, and as an application, where none does."""

    def __init__(self, server, address):
        self.server, self.address = server, address
        transport = httpx2.ASGITransport(app=server.app)
        self.plain = httpx2.AsyncClient(transport=transport, base_url=address, headers={"user-agent": "test"})
        self.served = 0
        self.serving = asyncio.Event()
        serve = server.express.serve

        def counting(exchange, **given):
            self.served += 1
            self.serving.set()
            serve(exchange, **given)

        server.express.serve = counting
        # How many requests were served without being parsed.
        self.recognized = 0
        recognized = server.express.recognized

        def noting(connection, data):
            exchange = recognized(connection, data)
            self.recognized += exchange is not None
            return exchange

        server.express.recognized = noting

    async def post(self, path, body, headers, *, express):
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"content-type": "application/json"} | headers
        if not express:
            answer = await self.plain.post(f"/api/v1{path}", content=content, headers=headers)
            return answer.status_code, sorted(answer.headers.items()), answer.content
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        async with connected(self.address) as (reader, writer):
            head = f"POST /api/v1{path} HTTP/1.1\r\nhost: x\r\n{lines}content-length: {len(content)}\r\n\r\n"
            writer.write(head.encode() + content)
            said = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
            named = [line.split(b": ", 1) for line in said.split(b"\r\n")[1:-2]]
            found = sorted((name.decode(), value.decode()) for name, value in named)
            body = await reader.readexactly(int(dict(found)["content-length"]))
            return int(said.split()[1]), found, body

    async def budget(self, **fields):
        body = {"userId": "u", "totalLimit": 100, "expiresAt": "2100-01-01T00:00:00Z", **fields}
        _, _, answer = await self.post("/budgets", body, KEY, express=False)
        return json.loads(answer)


@pytest.fixture
async def both(tmp_path):
    settings = load(
        {}, database=str(tmp_path / "x.db"), port=0, demo=True, budget_lifetime_seconds_max=10**10, background=False
    )
    async with serving(settings) as (server, address):
        pair = Both(server, address)
        # A key is looked up by the ordinary way, once.
        await pair.budget()
        yield pair
        await pair.plain.aclose()


def spend(key, **fields):
    return {**SPEND, "idempotencyKey": key, **fields}


CASES = {
    "an approval": ("/authorize", spend("KEY"), {}),
    "a denial": ("/authorize", spend("KEY", requestedQuantity=1000), {}),
    "a repeat": ("/authorize", spend("again"), {}),
    "a key that stands for something else": ("/authorize", spend("again", requestedQuantity=11), {}),
    "a dry run": ("/authorize", spend("KEY", dryRun=True), {}),
    "a body that is no JSON": ("/authorize", b"{nonsense", {}),
    "fields that are missing": ("/authorize", {"agentId": "a"}, {}),
    "another media type": ("/authorize", b"<a/>", {"content-type": "text/xml"}),
    "an unknown API key": ("/authorize", spend("KEY"), {"x-agent-budget-key": "fg_live_unknown"}),
    "no API key": ("/authorize", spend("KEY"), {"x-agent-budget-key": ""}),
    "an unknown session token": ("/authorize", spend("KEY"), {"x-session-token": "st_unknown"}),
    "a budget's id as its token": ("/authorize", spend("KEY"), {"x-session-token": UNKNOWN}),
    "no session token": ("/authorize", spend("KEY"), {"x-session-token": ""}),
    "an idempotency key that is too long": ("/authorize", spend("KEY"), {"idempotency-key": "k" * 300}),
    "a batch": ("/authorize/batch", {"requests": [spend("KEY"), spend("KEY2", requestedQuantity=1000)]}, {}),
    "an empty batch": ("/authorize/batch", {"requests": []}, {}),
    "a confirmation": ("/events/EVENT/confirm", {"confirmedQuantity": 7}, {}),
    "a confirmation of too much": ("/events/EVENT/confirm", {"confirmedQuantity": 10**9}, {}),
    "a failure": ("/events/EVENT/fail", {"reason": "it failed"}, {}),
    "a void": ("/events/EVENT/void", {"reason": "not needed"}, {}),
    "a void without its reason": ("/events/EVENT/void", {}, {}),
    "an event nobody knows": (f"/events/{UNKNOWN}/confirm", {"confirmedQuantity": 7}, {}),
    "what is no event's id": ("/events/nonsense/confirm", {"confirmedQuantity": 7}, {}),
    "an agent's key": ("/authorize", spend("KEY"), {"x-agent-budget-key": "AGENT"}),
    "a key that may only read": ("/authorize", spend("KEY"), {"x-agent-budget-key": "READ"}),
    "an agent's key for the very budget": ("/authorize", spend("KEY"), {"x-agent-budget-key": "AGENT OWN"}),
    "an agent's key for another budget": ("/authorize", spend("KEY"), {"x-agent-budget-key": "AGENT OTHER"}),
    "a connection that is kept": ("/authorize", spend("KEY"), {"connection": "keep-alive"}),
}


async def asked(both, case, *, express, times=1):
    """
    The answer to a case, without what no two answers have in common: the last one, when it is asked several times.
    """
    path, body, headers = CASES[case]
    budget = await both.budget()
    named = KEY | {"x-session-token": budget["tokens"][0]["sessionToken"]} | headers
    scope, _, kind = named["x-agent-budget-key"].partition(" ")
    if scope in {"AGENT", "READ"}:
        tenant = (await both.server.gate.admit(DEMO)).key.tenant_id
        mine = {"": None, "OWN": budget["id"], "OTHER": (await both.budget())["id"]}[kind]
        command = CreateApiKey(scope=KeyScope(scope.lower()), budget_id=mine)
        made = await both.server.backend.engine.execute(Order(command, tenant, "t"))
        named["x-agent-budget-key"] = made.secret
        await both.server.gate.admit(made.secret)
    opened = KEY | {"x-session-token": named["x-session-token"] or "-"}
    _, _, first = await both.post("/authorize", spend("again"), opened, express=False)
    path = path.replace("EVENT", json.loads(first).get("eventId") or UNKNOWN)
    for number in range(1, times + 1):
        # Another key, but no other length: then the header lines are the same as well.
        content = body if isinstance(body, bytes) else json.dumps(body).replace("KEY", f"K-{number}").encode()
        status, found, answer = await both.post(path, content, named, express=express)
    assert answer == b"" or json.loads(answer)
    same = [(name, value) for name, value in found if name != "content-length"]
    return status, [(name, _CHANGING.sub(b"*", value.encode())) for name, value in same], _CHANGING.sub(b"*", answer)


@pytest.mark.parametrize("case", CASES)
async def test_both_ways_answer_alike(both, case):
    ordinary = await asked(both, case, express=False)
    before = both.served
    express = await asked(both, case, express=True)

    assert ordinary == express
    assert 1 == both.served - before


@pytest.mark.parametrize("case", CASES)
async def test_what_is_not_parsed_again_is_answered_alike(both, case):
    """
    The header lines are known from the second time on, whatever the first answer was.
    """
    ordinary = await asked(both, case, express=False, times=3)
    express = await asked(both, case, express=True, times=3)

    assert ordinary == express
    assert (0 if "idempotency-key" in CASES[case][2] else 2) == both.recognized


@pytest.mark.parametrize(
    "headers", [{"origin": "http://localhost:5173"}, {"connection": "close"}, {"transfer-encoding": "chunked"}]
)
async def test_what_is_not_simple_takes_the_ordinary_way(both, headers):
    body = b"2\r\n{}\r\n0\r\n\r\n" if "transfer-encoding" in headers else b"{}"
    content = "" if "transfer-encoding" in headers else "content-length: 2\r\n"
    lines = "".join(f"{name}: {value}\r\n" for name, value in (KEY | headers).items())
    async with connected(both.address) as (reader, writer):
        writer.write(f"POST /api/v1/authorize HTTP/1.1\r\nhost: x\r\n{lines}{content}\r\n".encode() + body)
        status, _ = await answered(reader)

    assert 400 == status
    assert 0 == both.served


async def test_a_body_in_two_pieces_is_answered_too(both):
    token = (await both.budget())["tokens"][0]["sessionToken"]
    body = json.dumps(spend("k1")).encode()
    head = f"POST /api/v1/authorize HTTP/1.1\r\nx-agent-budget-key: {DEMO}\r\nx-session-token: {token}\r\n"
    async with connected(both.address) as (reader, writer):
        writer.write(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body[:10])
        await writer.drain()
        await asyncio.sleep(0.05)
        writer.write(body[10:])
        status, answer = await answered(reader)

    assert (200, "AUTHORIZED") == (status, json.loads(answer)["decision"])


async def test_requests_sent_at_once_are_answered_in_their_order(both):
    """
    The first goes express; those behind it wait for their turn, whichever way they take.
    """
    token = (await both.budget())["tokens"][0]["sessionToken"]
    head = f"POST /api/v1/authorize HTTP/1.1\r\nx-agent-budget-key: {DEMO}\r\nx-session-token: {token}\r\n"
    bodies = [json.dumps(spend(f"k{number}", requestedQuantity=number)).encode() for number in range(1, 6)]
    async with connected(both.address) as (reader, writer):
        writer.write(b"".join(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body for body in bodies))
        answers = [await answered(reader) for _ in bodies]

    assert [1, 2, 3, 4, 5] == [json.loads(body)["approvedQuantity"] for _, body in answers]


async def test_a_key_that_was_revoked_opens_nothing_on_the_express_way(both):
    """
    The hint still knows it; the batch does not let it in.
    """
    tenant = (await both.server.gate.admit(DEMO)).key.tenant_id
    engine = both.server.backend.engine
    made = await engine.execute(Order(CreateApiKey(scope=KeyScope.AGENT), tenant, "t"))
    token = (await both.budget())["tokens"][0]["sessionToken"]
    headers = {"x-agent-budget-key": made.secret, "x-session-token": token}
    await both.server.gate.admit(made.secret)
    first, _, _ = await both.post("/authorize", spend("k1"), headers, express=True)
    await engine.execute(Order(RevokeApiKey(made.api_key.id), tenant, "t"))
    before = both.served
    second, _, _ = await both.post("/authorize", spend("k2"), headers, express=True)

    assert (200, 401, 1) == (first, second, both.served - before)


async def test_a_defect_is_a_500_that_names_its_trace(both, monkeypatch):
    def broken(*_):
        raise ZeroDivisionError

    token = (await both.budget())["tokens"][0]["sessionToken"]
    monkeypatch.setattr(way, "call_of", broken)
    status, headers, body = await both.post("/authorize", spend("k1"), KEY | {"x-session-token": token}, express=True)

    assert 500 == status
    assert dict(headers)["x-trace-id"] in json.loads(body)["message"]


async def test_a_stop_lets_an_exchange_finish(tmp_path):
    """
    What was ordered before the stop is committed and answered.
    """
    settings = load(
        {}, database=str(tmp_path / "x.db"), port=0, demo=True, budget_lifetime_seconds_max=10**10, background=False
    )
    async with serving(settings) as (server, address):
        both = Both(server, address)
        token = (await both.budget())["tokens"][0]["sessionToken"]
        asking = asyncio.create_task(
            both.post("/authorize", spend("k1"), KEY | {"x-session-token": token}, express=True)
        )
        await both.serving.wait()
    status, _, body = await asking
    await both.plain.aclose()

    assert (200, "AUTHORIZED") == (status, json.loads(body)["decision"])


@pytest.fixture
async def full(tmp_path):
    """
    A server whose queue of one is full: its only lane waits for a commit that does not come.
    """
    settings = load({}, database=str(tmp_path / "x.db"), port=0, demo=True, background=False, queue_max=1)
    async with serving(settings) as (server, address):
        pair = Both(server, address)
        engine = server.backend.engine
        free = asyncio.Event()

        async def stuck(orders):
            await free.wait()
            return [ValueError("never carried out")] * len(orders)

        engine._lanes[0]._commit = stuck
        waiting = [engine.submit(Order(RevokeApiKey("x"), "t", "t"))]
        await asyncio.sleep(0)
        waiting.append(engine.submit(Order(RevokeApiKey("x"), "t", "t")))
        yield pair
        free.set()
        await asyncio.gather(*waiting)
        await pair.plain.aclose()


async def test_a_request_without_room_is_turned_away_in_the_same_words(full):
    """
    At the door nothing is parsed, and the answer is that of the ordinary way.
    """
    headers = KEY | {"x-session-token": "st_x"}
    _, ordinary, said = await full.post("/authorize", spend("k1"), headers, express=False)
    status, door, heard = await full.post("/authorize", spend("k1"), headers, express=True)
    refusals = full.server.counts.labelled["figuard_refusals", ("OVERLOADED",)]

    assert (503, said, 0, 2) == (status, heard, full.served, refusals)
    assert "1" == dict(door)["retry-after"]
    assert sorted(name for name, _ in ordinary) == sorted(name for name, _ in door)


class Nobody:
    """
    A connection that nobody listens at.
    """

    def answered(self, exchange, data):
        exchange.response_complete = True


@pytest.mark.parametrize(
    "headers", [{"connection": "close"}, {"origin": "http://localhost:5173"}, {"Transfer-Encoding": "chunked"}]
)
async def test_only_what_is_simple_is_turned_away_at_the_door(full, headers):
    def turned(data):
        return full.server.express.turns_away(Nobody(), data)

    body = b"{}"
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    plain = b"POST /api/v1/authorize HTTP/1.1\r\nhost: x\r\nContent-Length: 2\r\n\r\n" + body
    special = f"POST /api/v1/authorize HTTP/1.1\r\n{lines}content-length: 2\r\n\r\n".encode() + body

    assert turned(plain)
    assert turned(special) is None
    assert turned(plain[:-1]) is None
    assert turned(plain + b"POST") is None
    assert turned(plain.replace(b"authorize", b"budgets")) is None
    assert turned(plain.replace(b"host: x", b"content-length: 2")) is None


async def test_a_crowd_is_turned_away_a_little_at_a_time(full, monkeypatch):
    """
    One slice after the other; in between everybody else has a turn.
    """
    express = full.server.express
    request = b"POST /api/v1/authorize HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{}"
    crowd = [express.turns_away(Nobody(), request) for _ in range(3)]
    monkeypatch.setattr(way, "TURN_ANSWERS_MAX", 1)
    seen = []
    for _ in range(3):
        express._turn_away()
        seen.append([one.response_complete for one in crowd])

    assert [[True, False, False], [True, True, False], [True, True, True]] == seen
