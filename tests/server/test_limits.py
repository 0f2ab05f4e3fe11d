"""
Rate limit, headers, CORS: what stands around every answer.
"""

from __future__ import annotations

import asyncio

import pytest

from figuard.domain.codes import ErrorCode
from figuard.domain.refusal import Refusal
from figuard.server.ratelimit import BURST_SECONDS, RateLimit
from figuard.server.requests import read_body
from figuard.server.shell import POLICY


@pytest.mark.parametrize("desk", [{"rate_per_minute": 60}], indirect=True)
async def test_a_key_that_asks_too_often_is_told_when_to_come_back(desk):
    key, other = await desk.key(), await desk.key()
    for _ in range(BURST_SECONDS):
        assert 200 == (await desk.call("GET", "/budgets", key=key)).status_code

    refused = await desk.call("GET", "/budgets", key=key)
    neighbour = await desk.call("GET", "/budgets", key=other)
    desk.seconds += 1
    later = await desk.call("GET", "/budgets", key=key)

    assert (429, "RATE_LIMITED") == (refused.status_code, refused.json()["code"])
    assert "1" == refused.headers["retry-after"]
    assert (200, 200) == (neighbour.status_code, later.status_code)


def test_a_bucket_never_holds_more_than_a_burst():
    now = [0.0]
    rate = RateLimit(60, lambda: now[0])
    rate.take("k")
    now[0] = 10_000.0

    for _ in range(BURST_SECONDS):
        rate.take("k")

    with pytest.raises(Refusal):
        rate.take("k")


def test_no_limit_is_no_limit():
    rate = RateLimit(0, lambda: 0.0)

    for _ in range(1000):
        rate.take("k")


async def test_a_body_that_never_comes_is_given_up():
    never = asyncio.Event()

    async def receive():
        await never.wait()

    with pytest.raises(Refusal) as refused:
        await read_body(receive, 10, most=100, seconds=0.01)

    assert ErrorCode.REQUEST_TIMEOUT == refused.value.code


@pytest.mark.parametrize("path", ["/healthz", "/api/v1/budgets", "/nowhere", "/login", "/receipts/x"])
async def test_every_answer_carries_a_trace_and_the_security_headers(desk, path):
    first, second = await desk.http.get(path), await desk.http.get(path)

    assert first.headers["x-trace-id"] != second.headers["x-trace-id"]
    assert POLICY == first.headers["content-security-policy"]
    assert "nosniff" == first.headers["x-content-type-options"]
    assert "no-store" == first.headers["cache-control"]


@pytest.mark.parametrize("path", ["/api/v1/authorize", "/api/v1/budgets", "/anywhere"])
async def test_a_browser_may_ask_beforehand_without_a_key(desk, path):
    answer = await desk.http.options(path, headers={"Origin": "http://localhost:5173"})

    assert 200 == answer.status_code
    assert "http://localhost:5173" == answer.headers["access-control-allow-origin"]
    assert "X-Session-Token" in answer.headers["access-control-allow-headers"]
    assert "3600" == answer.headers["access-control-max-age"]
    assert "access-control-allow-credentials" not in answer.headers


async def test_a_page_from_elsewhere_is_not_let_in(desk):
    answer = await desk.http.get("/healthz", headers={"Origin": "https://elsewhere.example"})

    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("desk", [{"cors_origins": ("*",)}], indirect=True)
async def test_any_page_is_let_in_where_that_is_set(desk):
    answer = await desk.http.get("/healthz", headers={"Origin": "https://elsewhere.example"})

    assert "https://elsewhere.example" == answer.headers["access-control-allow-origin"]
