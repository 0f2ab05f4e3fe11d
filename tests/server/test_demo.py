"""
Nothing is seeded unless a flag asks for it.
"""

from __future__ import annotations

import pytest

from figuard.domain.admin import ApiKey, Tenant
from figuard.ports import ListRecords

DEMO = {"demo": True}


async def test_a_server_starts_empty(desk):
    await desk.server.start()

    assert () == await desk.backend.engine.query(ListRecords(ApiKey, None))
    assert () == await desk.backend.engine.query(ListRecords(Tenant, None))
    assert 404 == (await desk.http.post("/internal/demo/seed")).status_code
    assert 401 == (await desk.call("GET", "/budgets", key="fg_live_demo")).status_code


@pytest.mark.parametrize("desk", [DEMO], indirect=True)
async def test_the_demo_key_works_where_it_was_asked_for(desk):
    await desk.server.start()
    await desk.server.start()

    assert 201 == (await desk.call("POST", "/budgets", _budget(), key="fg_live_demo")).status_code
    assert 1 == len(await desk.backend.engine.query(ListRecords(ApiKey, None)))


@pytest.mark.parametrize("desk", [DEMO], indirect=True)
async def test_a_test_seeds_a_key_of_its_own(desk):
    first = await desk.http.post("/internal/demo/seed", json={"apiKey": "fg_live_mine"})
    again = await desk.http.post("/internal/demo/seed", json={"apiKey": "fg_live_mine"})
    default = await desk.http.post("/internal/demo/seed")

    assert {"status", "tenantId"} == first.json().keys()
    assert {"status": "already_exists"} == again.json()
    assert "seeded" == default.json()["status"]
    assert first.json()["tenantId"] != default.json()["tenantId"]
    assert 200 == (await desk.call("GET", "/budgets", key="fg_live_mine")).status_code
    assert 200 == (await desk.call("GET", "/budgets", key="fg_live_integrationtest")).status_code


@pytest.mark.parametrize("desk", [DEMO], indirect=True)
@pytest.mark.parametrize(
    "body", [b"{", b"[]", b'{"apiKey":7}', b'{"apiKey":"short"}', b'{"apiKey":"\\u0000aaaaaaaaa"}']
)
async def test_a_bad_seed_is_a_400(desk, body):
    assert 400 == (await desk.http.post("/internal/demo/seed", content=body)).status_code


def _budget():
    return {"userId": "u", "totalLimit": 5, "expiresAt": "2030-06-01T00:00:00Z"}
