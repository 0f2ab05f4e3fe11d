"""
Several workers behind one address: they decide as one, one that dies is replaced, and none outlives its parent.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import time
from collections import Counter
from pathlib import Path
from urllib.request import Request, urlopen

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests import postgres_server
from tests.load.judge import Judge, Told
from tests.load.places import FIGUARD, START_SECONDS, STOP_SECONDS, Place
from tests.load.test_mishaps import judge, ordeal
from tests.load.test_races import DEMO, SPEND, created, judge_storm, rush, storm
from tests.load.wire import Line

LIMIT, ASKED, CALLERS = 1000, 200, 10
GRANTED = LIMIT // ASKED

pytestmark = [pytest.mark.timeout(300)]


def workers_of(server):
    """
    The processes of a server's workers.
    """
    pid = server.process.pid
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def wait_until(is_so, seconds=START_SECONDS):
    """
    Wait until something is so.
    """
    until = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < until, "it never came"
        time.sleep(0.05)


def is_running(pid):
    """
    Whether there is such a process, and it has not ended.
    """
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


async def ten_callers(url, key):
    """
    Ten callers, each for 200 again and again, on a budget of 1,000.
    """
    told = Told()
    budget, token = await created(url, key, LIMIT)
    await rush([url], key, token, [f"k{n}" for n in range(20 * CALLERS)], amount=ASKED, lines=CALLERS, told=told)
    return budget, told


def authorizations_of(url, key):
    """
    How many authorizations each worker has answered, by its number.
    """
    asked = Request(f"{url}/metrics", headers={"X-Agent-Budget-Key": key})
    with urlopen(asked, timeout=START_SECONDS) as answer:
        families = text_string_to_metric_families(answer.read().decode())
    counted = [one for family in families for one in family.samples if one.labels.get("operation") == "authorize"]
    return {one.labels["worker"]: int(one.value) for one in counted}


@pytest.fixture
def demo(tmp_path):
    """
    Two workers of a new server, over a new database that need not survive anything.
    """
    try:
        server = postgres_server.start()
    except postgres_server.NoPostgres as missing:
        pytest.skip(str(missing))
    name = server.create()
    place = Place("postgres", server.url(name), tmp_path, key=DEMO)
    yield place.serve("--demo", "--migrate", workers="2"), place
    place.close()
    server.drop(name)
    server.stop()


def test_two_workers_decide_as_one(demo):
    """
    Five of 200 fit into 1,000, whoever is asked; and a key is charged once, whichever worker its repeats reach.
    """
    server, place = demo

    async def everything():
        return await ten_callers(server.url, DEMO), await storm([server.url], DEMO, keys=20, fires=50)

    (budget, told), stormed = asyncio.run(everything())
    answered = authorizations_of(server.url, DEMO)

    found = Judge(place, budget)
    assert [] == found.findings(told)
    assert Counter(AUTHORIZED=GRANTED, DENIED=20 * CALLERS - GRANTED) == found.decisions() == told.counts()
    judge_storm(place, *stormed, keys=20, fires=50)
    assert {"1", "2"} == answered.keys()
    assert 20 * CALLERS + 20 * 50 == sum(answered.values())
    assert 1 == sum("DEMO MODE" in line for line in server.said)


@pytest.mark.full
def test_a_worker_that_is_killed_is_replaced_and_loses_nothing(postgres_served):
    """
    In the middle of the rush, again and again; the others go on meanwhile.
    """
    server = postgres_served.serve(workers="2", sweep_interval="1s")

    def killed():
        before = workers_of(server)
        os.kill(before[0], signal.SIGKILL)
        wait_until(lambda: len({*workers_of(server)} - {*before}) == 1)

    crowd = asyncio.run(ordeal(postgres_served, seconds=20, mishaps=[killed] * 3))

    judge(postgres_served, crowd)
    replaced = [line for line in server.said if "another takes its place" in line]
    assert 3 == len(replaced), server.said
    assert all("SIGKILL ended it" in line for line in replaced)
    server.stop()


@pytest.mark.full
def test_no_worker_outlives_a_parent_that_is_killed(postgres_served):
    server = postgres_served.serve(workers="3")
    workers = workers_of(server)
    assert 3 == len(workers)

    server.kill()

    wait_until(lambda: not any(map(is_running, workers)), STOP_SECONDS)
    with socket.socket() as free:
        free.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        free.bind((server.host, server.port))


@pytest.mark.full
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_parent_that_is_told_to_stop_stops_its_workers(postgres_served, number):
    """
    Every one of them is gone, within the promised time, when the parent is; and each has said so itself.
    """
    server = postgres_served.serve(workers="2", log_level="info")
    workers = workers_of(server)

    server.stop(number)

    assert not any(map(is_running, workers))
    logged = [json.loads(line) for line in server.said if line.startswith("{")]
    assert [1, 2] == sorted(line["worker"] for line in logged if line["event"] == "stopped")


@pytest.mark.full
def test_workers_that_cannot_start_end_all_with_their_words(postgres_served, tmp_path):
    """
    The folder in which they would meet lies deeper than the name of a socket may be long.
    """
    deep = tmp_path / ("x" * 100)
    deep.mkdir()
    environment = {**os.environ, "FIGUARD_DATABASE": postgres_served.database, "TMPDIR": str(deep)}
    command = [FIGUARD, "serve", "--workers", "2", "--port", "0"]

    ran = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=START_SECONDS, check=False)

    assert 1 == ran.returncode
    assert "listens on" not in ran.stderr
    assert re.search(r"^figuard: worker \d cannot serve: .*path too long", ran.stderr, re.MULTILINE), ran.stderr
    assert [] == list(deep.iterdir())


@pytest.mark.full
def test_a_port_that_others_listen_on_is_refused(postgres_served):
    """
    Workers share their port with each other, and with no other server, be it one of workers too.
    """
    server = postgres_served.serve(workers="2")

    for workers in ("1", "2"):
        with pytest.raises(RuntimeError, match=f"cannot listen on 127.0.0.1:{server.port}: Address already in use"):
            postgres_served.serve("--port", str(server.port), workers=workers)


async def everybody(lines, method, path, body=None, **headers):
    """
    The statuses of one request over each of some connections.
    """
    return Counter([(await line.call(method, path, body, **headers)).status for line in lines])


@pytest.mark.full
def test_a_revoked_key_opens_no_worker(postgres_served):
    """
    Orders are refused at once, and what is only read within the second for which a look-up is trusted.
    """
    url = postgres_served.serve(workers="2").url
    spender = postgres_served.figuard("tenant", "key", postgres_served.tenant, "--json")
    lines = [Line(url, spender["key"]) for _ in range(20)]
    body = {"userId": "user", "totalLimit": 5, "expiresAt": "2027-06-01T00:00:00Z"}

    async def revoked():
        before = await everybody(lines, "GET", "/budgets"), await everybody(lines, "POST", "/budgets", body)
        administrator = Line(url, postgres_served.key)
        assert 200 == (await administrator.call("POST", f"/api-keys/{spender['key_id']}/revoke")).status
        at = time.monotonic()
        ordered = await everybody(lines, "POST", "/budgets", body)
        await asyncio.sleep(max(0.0, at + 1 - time.monotonic()))
        read = await everybody(lines, "GET", "/budgets")
        for line in (*lines, administrator):
            line.close()
        return before, ordered, read

    before, ordered, read = asyncio.run(revoked())

    assert (Counter({200: 20}), Counter({201: 20})) == before
    assert (Counter({401: 20}), Counter({401: 20})) == (ordered, read)


@pytest.mark.full
def test_a_revoked_token_spends_at_no_worker(postgres_served):
    """
    At once, although every worker remembers where it led to.
    """
    url = postgres_served.serve(workers="2").url
    lines = [Line(url, postgres_served.key) for _ in range(20)]

    async def spend(token, name):
        statuses = Counter()
        for number, line in enumerate(lines):
            body = {**SPEND, "requestedQuantity": 1, "claimedCategory": "model", "idempotencyKey": f"{name}-{number}"}
            statuses[(await line.call("POST", "/authorize", body, x_session_token=token)).status] += 1
        return statuses

    async def revoked():
        budget, _ = await created(url, postgres_served.key, LIMIT)
        body = {"label": "agent", "caps": [{"category": "model", "limit": LIMIT}]}
        made = await lines[0].call("POST", f"/budgets/{budget}/delegation-tokens", body)
        before = await spend(made.body["sessionToken"], "before")
        assert (await lines[0].call("DELETE", f"/delegation-tokens/{made.body['id']}")).status in {200, 204}
        after = await spend(made.body["sessionToken"], "after")
        for line in lines:
            line.close()
        return before, after

    assert (Counter({200: 20}), Counter({401: 20})) == asyncio.run(revoked())


@pytest.mark.full
def test_a_limit_of_requests_is_one_for_all_workers(postgres_served):
    """
    Sixty a minute: whoever asks over many connections gets a burst of each worker at the most, and then one a second.
    """
    url = postgres_served.serve(workers="2", rate_limit_per_minute="60").url
    seconds, burst = 6, 10

    async def asking(line, until):
        answers = Counter()
        while time.monotonic() < until:
            answers[(await line.call("GET", "/budgets")).status] += 1
            await asyncio.sleep(0.02)
        line.close()
        return answers

    async def everybody():
        until = time.monotonic() + seconds
        return await asyncio.gather(*(asking(Line(url, postgres_served.key), until) for _ in range(20)))

    answers = sum(asyncio.run(everybody()), Counter())

    assert {200, 429} == answers.keys()
    assert burst <= answers[200] <= 2 * burst + seconds + 1
