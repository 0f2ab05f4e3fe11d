"""
Every operation of the table works over HTTP, and the order of these steps is a budget's life.
"""

from __future__ import annotations

import pytest

from figuard.wire.codec import decode
from figuard.wire.operations import OPERATIONS
from tests.server.story import ask, furnished, prepared

READS = [name for name, operation in OPERATIONS.items() if operation.method == "GET"]


@pytest.mark.parametrize("name", OPERATIONS)
async def test_an_operation_answers_as_its_row_says(desk, name):
    """
    The status is the table's, and the body is of the type that the table names.
    """
    key = await desk.key()
    things = await furnished(desk, key)
    await prepared(desk, name, things, key)
    operation = OPERATIONS[name]

    answer = await ask(desk, name, things, key)

    assert operation.status == answer.status_code, answer.text
    assert len(answer.headers["x-trace-id"]) == 36
    if operation.response is None:
        assert b"" == answer.content
    else:
        decode(operation.response, answer.content)


@pytest.mark.parametrize("name", ["get_budget", "list_budgets"])
async def test_head_answers_as_get_does(desk, name):
    key = await desk.key()
    things = await furnished(desk, key)

    answer = await desk.call("HEAD", things.path(name), key=key)

    assert 200 == answer.status_code


async def test_the_trace_id_of_the_answer_is_in_its_body(desk):
    key = await desk.key()

    answer = await desk.call("GET", f"/budgets/{(await desk.budget(key))['id']}", key=key)

    assert answer.headers["x-trace-id"] == answer.json()["traceId"]


async def test_an_idempotency_key_makes_a_repeat_harmless(desk):
    key = await desk.key()
    budget = await desk.budget(key)
    path = f"/budgets/{budget['id']}/fund"

    first = await desk.call("POST", path, {"operation": "CREDIT", "amount": 5}, key=key, Idempotency_Key="f1")
    again = await desk.call("POST", path, {"operation": "CREDIT", "amount": 5}, key=key, Idempotency_Key="f1")
    other = await desk.call("POST", path, {"operation": "CREDIT", "amount": 6}, key=key, Idempotency_Key="f1")

    assert 105 == first.json()["totalLimit"] == again.json()["totalLimit"]
    assert (409, "IDEMPOTENCY_KEY_REUSED") == (other.status_code, other.json()["code"])


async def test_the_same_reference_finds_the_same_budget(desk):
    key = await desk.key()
    body = {"userId": "u", "totalLimit": 5, "expiresAt": "2030-06-01T00:00:00Z", "externalReference": "r"}

    first = await desk.call("POST", "/budgets", body, key=key)
    again = await desk.call("POST", "/budgets", body, key=key)

    assert (201, 200) == (first.status_code, again.status_code)
    assert "tokens" not in again.json()
