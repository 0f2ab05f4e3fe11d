"""
Whatever is wrong with a request: a proper status, a code of the table, and what now. Never a 500.
"""

from __future__ import annotations

import pytest

from figuard.domain.codes import ErrorCode
from figuard.wire.limits import BODY_BYTES_MAX
from tests.server.desk import SPEND

GOOD = {"userId": "u", "totalLimit": 10, "expiresAt": "2030-06-01T00:00:00Z"}
ABSENT = "0f8fad5b-d9cb-469f-a165-70867728950e"


async def raw(desk, body, key, *, method="POST", path="/budgets", **headers):
    named = {"X-Agent-Budget-Key": key, "Content-Type": "application/json"}
    named |= {name.replace("_", "-"): value for name, value in headers.items()}
    return await desk.http.request(method, f"/api/v1{path}", content=body, headers=named)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", "MALFORMED_JSON"),
        (b"not json", "MALFORMED_JSON"),
        (b"[]", "MALFORMED_JSON"),
        (b'"text"', "MALFORMED_JSON"),
        (b"null", "MALFORMED_JSON"),
        (b"\xff\xfe{}", "MALFORMED_JSON"),
        (b"[" * 100_000, "MALFORMED_JSON"),
        (b"{}", "VALIDATION_FAILED"),
        (b"", "VALIDATION_FAILED"),
        (b'{"userId":7}', "VALIDATION_FAILED"),
        (b'{"userId":"u","totalLimit":"ten"}', "VALIDATION_FAILED"),
        (b'{"userId":"u","totalLimit":1e400}', "VALIDATION_FAILED"),
        (b'{"userId":"u","totalLimit":NaN}', "MALFORMED_JSON"),
        (b'{"userId":"u","totalLimit":-1,"expiresAt":"2030-06-01T00:00:00Z"}', "VALIDATION_FAILED"),
        (b'{"userId":"u","totalLimit":1,"expiresAt":"2030-06-01T00:00:00Z","trustMode":"MAYBE"}', "VALIDATION_FAILED"),
        (b'{"userId":"u","totalLimit":1,"expiresAt":"tomorrow"}', "VALIDATION_FAILED"),
        (b'{"userId":"\\u0000","totalLimit":1,"expiresAt":"2030-06-01T00:00:00Z"}', "VALIDATION_FAILED"),
        (b'{"userId":"\\ud800","totalLimit":1,"expiresAt":"2030-06-01T00:00:00Z"}', None),
    ],
)
async def test_a_body_that_is_wrong_is_a_400(desk, body, code):
    answer = await raw(desk, body, await desk.key())

    assert 400 == answer.status_code, answer.text
    assert code in {None, answer.json()["error"]}
    assert answer.json()["message"].startswith(f"{answer.json()['error']}: ")


async def test_every_fault_of_a_body_is_named(desk):
    answer = await desk.call("POST", "/budgets", {"userId": 7, "totalLimit": -1}, key=await desk.key())

    assert {"userId", "totalLimit", "expiresAt"} == answer.json()["fieldErrors"].keys()


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "application/json; charset=latin-1"]
)
async def test_another_media_type_is_a_415(desk, content_type):
    answer = await raw(desk, b"{}", await desk.key(), Content_Type=content_type)

    assert (415, "UNSUPPORTED_MEDIA_TYPE") == (answer.status_code, answer.json()["code"])


@pytest.mark.parametrize("content_type", ["application/json; charset=UTF-8", "application/merge-patch+json", ""])
async def test_json_under_any_of_its_names_is_taken(desk, content_type):
    answer = await raw(desk, b"{}", await desk.key(), Content_Type=content_type)

    assert 400 == answer.status_code


async def test_a_body_beyond_the_limit_is_a_413(desk):
    key = await desk.key()

    fits = await raw(desk, b" " * (BODY_BYTES_MAX - 2) + b"{}", key)
    over = await raw(desk, b" " * (BODY_BYTES_MAX - 1) + b"{}", key)

    assert 400 == fits.status_code
    assert (413, "PAYLOAD_TOO_LARGE") == (over.status_code, over.json()["code"])


async def test_a_body_that_does_not_say_how_long_it_is_ends_at_the_limit(desk):
    read = 0

    async def parts():
        nonlocal read
        while True:
            read += 65_536
            yield b" " * 65_536

    answer = await raw(desk, parts(), await desk.key())

    assert 413 == answer.status_code
    assert read < 2 * BODY_BYTES_MAX


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nowhere", 404, "UNKNOWN_PATH"),
        ("GET", "/budgets/", 404, "UNKNOWN_PATH"),
        ("GET", f"/budgets/{ABSENT}/nowhere", 404, "UNKNOWN_PATH"),
        ("PUT", "/budgets", 405, "METHOD_NOT_ALLOWED"),
        ("GET", "/authorize", 405, "METHOD_NOT_ALLOWED"),
        ("DELETE", f"/budgets/{ABSENT}", 405, "METHOD_NOT_ALLOWED"),
        ("GET", "/budgets/not-an-id", 404, "NOT_FOUND"),
        ("GET", f"/budgets/{ABSENT}", 404, "NOT_FOUND"),
        ("GET", "/budgets/%00", 404, "NOT_FOUND"),
        ("GET", "/budgets/%ff%fe", 404, "NOT_FOUND"),
        ("GET", "/budgets?page=-1", 400, "INVALID_REQUEST"),
        ("GET", "/budgets?page=x", 400, "INVALID_REQUEST"),
        ("GET", "/budgets?size=0", 400, "INVALID_REQUEST"),
        ("GET", "/budgets?status=MAYBE", 400, "INVALID_REQUEST"),
        ("GET", "/budgets?" + "a=1&" * 100, 400, "INVALID_REQUEST"),
        ("GET", "/budgets?text=" + "a" * 9000, 400, "INVALID_REQUEST"),
    ],
)
async def test_a_path_that_is_wrong(desk, method, path, status, code):
    answer = await desk.call(method, path, key=await desk.key())

    assert (status, code) == (answer.status_code, answer.json()["error"])


async def test_a_wrong_method_hears_the_right_ones(desk):
    answer = await desk.call("PUT", "/budgets", key=await desk.key())

    assert "GET, HEAD, OPTIONS, POST" == answer.headers["allow"]


async def test_a_missing_query_parameter_is_a_400(desk):
    key = await desk.key()
    budget = await desk.budget(key)

    answer = await desk.call("GET", f"/budgets/{budget['id']}/replay/state", key=key)

    assert 400 == answer.status_code


@pytest.mark.parametrize("value", ["", "   "])
async def test_a_blank_key_is_no_key(desk, value):
    answer = await desk.call("GET", "/budgets", key=value)

    assert 401 == answer.status_code
    assert answer.json()["error"].startswith("MISSING_API_KEY: the X-Agent-Budget-Key header is missing")


@pytest.mark.parametrize("value", ["fg_live_unknown", "é", "x" * 600])
async def test_an_unknown_key_is_a_401_with_the_sentence_in_error(desk, value):
    answer = await desk.http.get("/api/v1/budgets", headers={"X-Agent-Budget-Key": value.encode("latin-1")})

    assert 401 == answer.status_code
    assert answer.json()["error"].startswith("INVALID_API_KEY: ")
    assert "message" not in answer.json()


async def test_an_authorization_without_a_token(desk):
    answer = await desk.call("POST", "/authorize", {**SPEND, "idempotencyKey": "k"}, key=await desk.key())

    assert 401 == answer.status_code
    assert answer.json()["error"] == answer.json()["message"]
    assert "X-Session-Token" in answer.json()["error"]


async def test_an_authorization_with_an_unknown_token(desk):
    key = await desk.key()

    answer = await desk.call("POST", "/authorize", {**SPEND, "idempotencyKey": "k"}, key=key, X_Session_Token="st_x")

    assert 401 == answer.status_code
    assert "INVALID_SESSION_TOKEN" == answer.json()["error"] == answer.json()["message"]


async def test_an_authorization_with_a_budget_id_for_a_token_is_told_so(desk):
    key = await desk.key()

    answer = await desk.call("POST", "/authorize", {**SPEND, "idempotencyKey": "k"}, key=key, X_Session_Token=ABSENT)

    assert answer.json()["error"] == answer.json()["message"]
    assert "budget id" in answer.json()["message"]


async def test_a_body_is_judged_before_its_token(desk):
    answer = await desk.call("POST", "/authorize", {}, key=await desk.key())

    assert 400 == answer.status_code
    assert "idempotencyKey" in answer.json()["fieldErrors"]


async def test_a_full_queue_answers_503_with_retry_after(desk):
    desk.backend.engine._queue_max = 0

    answer = await desk.call("POST", "/budgets", GOOD, key=await _existing(desk))

    assert (503, "OVERLOADED") == (answer.status_code, answer.json()["code"])
    assert "1" == answer.headers["retry-after"]


async def _existing(desk):
    """
    A key made while there was room.
    """
    full, desk.backend.engine._queue_max = desk.backend.engine._queue_max, 10
    key = await desk.key()
    desk.backend.engine._queue_max = full
    return key


async def test_a_store_that_is_gone_answers_503(desk):
    key = await desk.key()
    desk.backend.store.close()

    answer = await desk.call("POST", "/budgets", GOOD, key=key)

    assert (503, "STORE_UNAVAILABLE") == (answer.status_code, answer.json()["code"])
    assert "retry-after" in answer.headers


async def test_a_defect_of_ours_is_a_500_that_names_its_trace(desk):
    """
    The answer says nothing about the inside but the kind of failure.
    """
    desk.server.gate.admit = _broken

    answer = await desk.call("GET", "/budgets", key="any")

    assert (500, ErrorCode.INTERNAL_ERROR) == (answer.status_code, answer.json()["code"])
    assert answer.headers["x-trace-id"] in answer.json()["message"]
    assert "secret detail" not in answer.text


async def _broken(_):
    raise ZeroDivisionError("secret detail")
