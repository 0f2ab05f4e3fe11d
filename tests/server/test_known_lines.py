"""
Header lines that were read before: what is saved is the reading, and never a question whose answer may change.
"""

from __future__ import annotations

import asyncio
import json

import pytest

from figuard.domain.admin import KeyScope
from figuard.domain.commands import CreateApiKey, Order, RevokeApiKey
from figuard.engine.issue import ROTATION_GRACE_SECONDS
from figuard.server import run
from figuard.server.run import serving
from figuard.server.settings import load
from figuard.testing.determinism import ManualClock
from tests.server.desk import LATER
from tests.server.test_express import DEMO, KEY, Both, both, spend
from tests.server.test_sockets import answered, connected

__all__ = ["both"]
LINE = b"POST /api/v1/authorize HTTP/1.1"
HEALTH = b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n"


class Caller:
    """
    Asks for spendings over one connection, always with the same header lines.
    """

    def __init__(self, reader, writer, token, key=DEMO):
        self.reader, self.writer = reader, writer
        self.lines = f"x-agent-budget-key: {key}\r\nx-session-token: {token}\r\ncontent-type: application/json\r\n"
        self.asked = 0

    def request(self, amount=1, line=LINE):
        self.asked += 1
        body = json.dumps(spend(f"k{self.asked:04d}", requestedQuantity=amount)).encode()
        return b"%s\r\n%scontent-length: %d\r\n\r\n%s" % (line, self.lines.encode(), len(body), body)

    async def ask(self, data):
        self.writer.write(data)
        status, body = await answered(self.reader)
        return status, json.loads(body or b"{}")

    async def spend(self, amount=1):
        status, body = await self.ask(self.request(amount))
        return body.get("approvedQuantity") if status == 200 else status


@pytest.fixture
async def caller(both):
    """
    A caller whose header lines are known.
    """
    token = (await both.budget())["tokens"][0]["sessionToken"]
    async with connected(both.address) as ends:
        made = Caller(*ends, token)
        assert [1, 1] == [await made.spend(), await made.spend()]
        assert 1 == both.recognized
        yield made


# ------------------------------------------------------------------------------------------- what is not that simple


async def test_another_length_is_another_block(both, caller):
    """
    Each length is parsed once.
    """
    assert [10, 10, 2, 11] == [await caller.spend(amount) for amount in (10, 10, 2, 11)]
    assert 4 == both.recognized


async def test_a_body_that_comes_late_is_waited_for(both, caller):
    data = caller.request(3)
    caller.writer.write(data[:-1])
    await caller.writer.drain()
    await asyncio.sleep(0.05)
    status, body = await caller.ask(data[-1:])

    assert (200, 3) == (status, body["approvedQuantity"])
    assert (4, 2) == (await caller.spend(4), both.recognized)


async def test_a_head_in_two_pieces_is_put_together(both, caller):
    data = caller.request(3)
    caller.writer.write(data[:40])
    await caller.writer.drain()
    await asyncio.sleep(0.05)
    status, body = await caller.ask(data[40:])

    assert (200, 3) == (status, body["approvedQuantity"])
    assert (4, 2) == (await caller.spend(4), both.recognized)


async def test_two_requests_at_once_are_two(both, caller):
    caller.writer.write(caller.request(2) + caller.request(3))
    answers = [json.loads((await answered(caller.reader))[1])["approvedQuantity"] for _ in range(2)]

    assert [2, 3] == answers
    assert (4, 2) == (await caller.spend(4), both.recognized)


async def test_a_request_behind_one_that_is_being_answered_waits_for_its_turn(both, caller):
    asked = caller.request(2)
    both.serving.clear()
    caller.writer.write(asked)
    await both.serving.wait()
    caller.writer.write(caller.request(3))
    answers = [json.loads((await answered(caller.reader))[1])["approvedQuantity"] for _ in range(2)]

    assert [2, 3] == answers


async def test_both_ways_share_a_connection(both, caller):
    chunked = caller.request(5).replace(b"content-length: ", b"transfer-encoding: chunked\r\nx-length: ")
    head, _, body = chunked.partition(b"\r\n\r\n")
    chunked = b"%s\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (head, len(body), body)
    seen = []
    for data in (HEALTH, caller.request(2), chunked, caller.request(3), HEALTH, caller.request(4)):
        status, said = await caller.ask(data)
        seen.append(said.get("approvedQuantity", status))

    assert [200, 2, 5, 3, 200, 4] == seen
    assert 4 == both.recognized


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b"POST /api/v1/authorize/batch HTTP/1.1", 400),
        (b"POST /api/v1/authorize?x=1 HTTP/1.1", 200),
        (b"POST /api/v1//authorize HTTP/1.1", 404),
        (b"POST /api/v1/events/%2e%2e/confirm HTTP/1.1", 400),
        (b"POST /api/v1/events/nonsense/refund HTTP/1.1", 400),
        (b"POST http://x/api/v1/authorize HTTP/1.1", 200),
        (b"PUT /api/v1/authorize HTTP/1.1", 405),
    ],
)
async def test_known_lines_below_another_request_line_say_nothing_of_it(both, caller, line, expected):
    before = both.recognized
    status, _ = await caller.ask(caller.request(line=line))

    assert expected == status
    assert (line.split()[1] == b"/api/v1/authorize/batch") == (both.recognized > before)


@pytest.mark.parametrize(
    "line",
    [
        b"POST /api/v1/authorize HTTP/1.1 ",
        b"POST  /api/v1/authorize HTTP/1.1",
        b"POST /api/v1/authorize HTTP/1.0",
        b"post /api/v1/authorize HTTP/1.1",
        b"POST /api/v1/authorize\x00 HTTP/1.1",
        b"POST /api/v1/authorize HTTP/1.1\r\nx: y\nz: z",
    ],
)
async def test_a_request_line_that_is_not_exact_is_left_to_the_parser(both, caller, line):
    before = both.recognized
    caller.writer.write(caller.request(line=line))
    said = await asyncio.wait_for(caller.reader.read(12), 10)

    assert said in {b"HTTP/1.1 400", b"HTTP/1.1 200"}
    assert before == both.recognized


async def test_what_stands_in_the_middle_of_a_head_is_no_request(both, caller):
    """
    A request, and in the same piece half of the next; then what would be a request if nothing stood before it.
    """
    inside = caller.request(9)
    before = both.recognized
    caller.writer.write(caller.request(2) + HEALTH[:-2] + b"x-a: ")
    status, said = await answered(caller.reader)
    assert (200, 2) == (status, json.loads(said)["approvedQuantity"])
    caller.writer.write(inside)
    status, said = await answered(caller.reader)

    assert (200, {"status": "UP"}) == (status, json.loads(said))
    assert before == both.recognized


async def test_after_an_upgrade_everything_is_parsed(both, caller):
    before = both.recognized
    await caller.ask(HEALTH[:-2] + b"connection: upgrade\r\nupgrade: else\r\n\r\n")
    answer = await caller.spend(7)

    assert (7, before) == (answer, both.recognized)


async def test_known_lines_say_nothing_of_the_token_among_them(both, caller):
    """
    Another token is another budget, whichever way the request goes; and none that was seen before is taken instead.
    """
    poor = (await both.budget(totalLimit=5))["tokens"][0]["sessionToken"]
    rich = caller.lines
    seen = []
    for lines in (rich, rich.replace(rich.split()[3], poor)):
        caller.lines = lines
        seen.append([await caller.spend(4), await caller.spend(4)])
    both.server.gate.forget()
    ordinary = [await caller.spend(1), await caller.spend(1)]
    caller.lines = rich.replace(rich.split()[3], "")
    refused = [(await caller.ask(caller.request(4)))[1]["code"] for _ in range(2)]

    assert ([[4, 4], [4, None]], [1, None]) == (seen, ordinary)
    assert ["MISSING_SESSION_TOKEN"] * 2 == refused
    assert 8 == both.recognized


# --------------------------------------------------------------------------------------------- what may change in time


async def test_known_lines_do_not_open_for_a_key_that_was_revoked(both):
    tenant = (await both.server.gate.admit(DEMO)).key.tenant_id
    engine = both.server.backend.engine
    made = await engine.execute(Order(CreateApiKey(scope=KeyScope.AGENT), tenant, "t"))
    token = (await both.budget())["tokens"][0]["sessionToken"]
    await both.server.gate.admit(made.secret)
    async with connected(both.address) as ends:
        caller = Caller(*ends, token, made.secret)
        before = [await caller.spend(), await caller.spend()]
        known = both.recognized
        await engine.execute(Order(RevokeApiKey(made.api_key.id), tenant, "t"))
        after = [await caller.spend(), await caller.spend()]

    assert ([1, 1], [401, 401]) == (before, after)
    assert 1 == known < both.recognized


async def test_known_lines_do_not_open_under_a_token_that_was_revoked(both):
    budget = await both.budget()
    named = {"label": "one", "caps": [{"category": "default", "limit": 50}]}
    _, _, said = await both.post(f"/budgets/{budget['id']}/delegation-tokens", named, KEY, express=False)
    token = json.loads(said)
    async with connected(both.address) as ends:
        caller = Caller(*ends, token["sessionToken"])
        before = [await caller.spend(), await caller.spend()]
        known = both.recognized
        ended = await both.plain.delete(f"/api/v1/delegation-tokens/{token['id']}", headers=KEY)
        after = await caller.spend()

    assert ([1, 1], 200, 401) == (before, ended.status_code, after)
    assert 1 == known < both.recognized


async def test_known_lines_do_not_open_when_their_time_is_over(tmp_path):
    """
    A token that was rotated works for its grace, a key until it expires.
    """
    clock = ManualClock()
    settings = load({}, database=str(tmp_path / "x.db"), port=0, demo=True, background=False)
    async with serving(settings, clock=clock) as (server, address):
        pair = Both(server, address)
        budget = await pair.budget(expiresAt=LATER)
        async with connected(address) as ends:
            caller = Caller(*ends, budget["tokens"][0]["sessionToken"])
            before = [await caller.spend(), await caller.spend()]
            await pair.post(f"/budgets/{budget['id']}/rotate-token", {}, KEY, express=False)
            within = await caller.spend()
            clock.advance(ROTATION_GRACE_SECONDS + 1)
            await pair.budget(expiresAt=LATER)
            after = await caller.spend()
        await pair.plain.aclose()

    assert ([1, 1], 1, 401) == (before, within, after)
    assert 3 == pair.recognized


async def test_known_lines_do_not_go_round_the_rate_limit(tmp_path):
    settings = load({}, database=str(tmp_path / "x.db"), port=0, demo=True, background=False, rate_per_minute=60)
    async with serving(settings, clock=ManualClock()) as (server, address):
        pair = Both(server, address)
        budget = await pair.budget(expiresAt=LATER)
        async with connected(address) as ends:
            caller = Caller(*ends, budget["tokens"][0]["sessionToken"])
            seen = [await caller.spend() for _ in range(14)]
        await pair.plain.aclose()

    assert {1, 429} == set(seen)
    assert 429 == seen[-1]
    assert 13 == pair.recognized


# ---------------------------------------------------------------------------------------------- how long and how much


async def test_every_request_that_waits_too_long_is_answered(both, monkeypatch):
    """
    One look finds all that are late, and the next one those that came after them.
    """
    monkeypatch.setattr(type(both.server.settings), "__setattr__", object.__setattr__)
    both.server.settings.request_seconds = 0.2
    token = (await both.budget())["tokens"][0]["sessionToken"]
    free = asyncio.Event()
    lane = both.server.backend.engine._lanes[0]
    commit = lane._commit

    async def stuck(orders):
        await free.wait()
        return await commit(orders)

    lane._commit = stuck
    async with connected(both.address) as first, connected(both.address) as second:
        callers = [Caller(*first, token), Caller(*second, token)]
        callers[1].asked = 1000
        late = asyncio.create_task(callers[0].ask(callers[0].request()))
        await asyncio.sleep(0.1)
        later = asyncio.create_task(callers[1].ask(callers[1].request()))
        answers = await asyncio.wait_for(asyncio.gather(late, later), 10)
        free.set()
        again = await callers[0].spend()

    assert [(503, "STORE_UNAVAILABLE")] * 2 == [(status, body["code"]) for status, body in answers]
    assert "within 0.2 s" in answers[0][1]["message"]
    assert (1, 0) == (again, len(both.server.express._waiting))


async def test_a_connection_that_is_not_used_is_closed(tmp_path, monkeypatch):
    """
    Whichever way its last request went, and not before its time; a request that is being answered is no pause.
    """
    monkeypatch.setattr(run, "KEEP_ALIVE_SECONDS", 0.4)
    settings = load(
        {}, database=str(tmp_path / "x.db"), port=0, demo=True, budget_lifetime_seconds_max=10**10, background=False
    )
    async with serving(settings) as (server, address):
        pair = Both(server, address)
        token = (await pair.budget())["tokens"][0]["sessionToken"]
        lane = server.backend.engine._lanes[0]
        commit = lane._commit

        async def slow(orders):
            await asyncio.sleep(0.6)
            return await commit(orders)

        async with connected(address) as one, connected(address) as other, connected(address) as third:
            caller, patient = Caller(*one, token), Caller(*third, token)
            patient.asked = 1000
            assert 1 == await caller.spend()
            other[1].write(HEALTH)
            assert 200 == (await answered(other[0]))[0]
            for _ in range(4):
                await asyncio.sleep(0.15)
                assert 1 == await caller.spend()
            assert b"" == await asyncio.wait_for(other[0].read(), 5)
            lane._commit = slow
            assert 1 == await patient.spend()
            lane._commit = commit
            assert b"" == await asyncio.wait_for(one[0].read(), 5)
            assert b"" == await asyncio.wait_for(third[0].read(), 5)
        await pair.plain.aclose()
    assert pair.recognized >= 4
