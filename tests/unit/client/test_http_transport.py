"""
Calls over HTTP: what goes over the wire, and what every kind of answer becomes.
"""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import format_datetime

import httpx2
import pytest

from figuard import AsyncFiGuardClient, FiGuardApiError, FiGuardClient, FiGuardConnectionError, Retry, __version__
from figuard.client.config import Settings
from figuard.client.http_transport import AsyncHttpTransport, HttpTransport
from tests.unit.client.fakes import BUDGET_ID, EVENT_ID, TOKEN

EVENT = {
    "id": EVENT_ID,
    "decision": "CONFIRMED",
    "requestedQuantity": 270.0,
    "confirmedQuantity": 0.1,
    "createdAt": "2030-01-01T00:00:00Z",
    "somethingNew": {"a": 1},
}
QUICK = Retry(delay_seconds=0)


class Server:
    """Answers requests from a list, and remembers them."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.requests = []

    def __call__(self, request):
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def client(self, **options):
        http = httpx2.Client(transport=httpx2.MockTransport(self))
        return FiGuardClient("fg_live_test", "https://figuard.test/", retry=QUICK, http_client=http, **options)


def json_answer(body, status=200, headers=None):
    return httpx2.Response(status, json=body, headers=headers)


def test_a_request_carries_what_the_contract_says():
    server = Server(json_answer({"eventId": EVENT_ID, "decision": "AUTHORIZED"}))
    server.client().authorize(budget=TOKEN, amount="0.30", idempotency_key="k")
    (request,) = server.requests

    assert (request.method, str(request.url)) == ("POST", "https://figuard.test/api/v1/authorize")
    assert request.headers["X-Agent-Budget-Key"] == "fg_live_test"
    assert request.headers["X-Session-Token"] == TOKEN
    assert request.headers["User-Agent"] == f"figuard-python/{__version__}"
    assert request.headers["Content-Type"] == "application/json"
    assert b'"requestedQuantity":0.30' in request.content


def test_the_token_is_in_the_header_only():
    server = Server(json_answer({"eventId": EVENT_ID, "decision": "AUTHORIZED"}))
    server.client().authorize(budget=TOKEN, amount=1)

    assert TOKEN not in server.requests[0].content.decode()


def test_absent_members_are_not_sent():
    server = Server(json_answer({"eventId": EVENT_ID, "decision": "AUTHORIZED"}))
    server.client().authorize(budget=TOKEN, amount=1, idempotency_key="k")

    assert set(json.loads(server.requests[0].content)) == {
        "agentId", "actionType", "description", "requestedQuantity", "idempotencyKey",
    }  # fmt: skip


def test_a_mutation_carries_one_key_over_all_its_attempts():
    server = Server(httpx2.Response(503), httpx2.Response(503), json_answer(EVENT))
    server.client().confirm(EVENT_ID, 1)
    keys = [request.headers["Idempotency-Key"] for request in server.requests]

    assert (len(keys), len(set(keys))) == (3, 1)


def test_reading_carries_no_key_and_no_body():
    server = Server(json_answer(EVENT))
    server.client().get_event(EVENT_ID)
    (request,) = server.requests

    assert (request.method, request.content) == ("GET", b"")
    assert "Idempotency-Key" not in request.headers


def test_a_query_is_written_with_the_contracts_words():
    server = Server(json_answer({"content": [], "totalElements": 0, "totalPages": 0, "number": 0, "size": 20}))
    page = server.client().get_ledger(BUDGET_ID, decision="CONFIRMED", trace_id="a b")

    assert dict(server.requests[0].url.params) == {"page": "0", "size": "20", "decision": "CONFIRMED", "traceId": "a b"}
    assert (page.events, page.has_next) == ([], False)


def test_an_id_cannot_change_the_path():
    server = Server(httpx2.Response(404))
    with pytest.raises(FiGuardApiError):
        server.client().get_event("../budgets?x=1#y")

    assert server.requests[0].url.raw_path == b"/api/v1/events/..%2Fbudgets%3Fx%3D1%23y"


def test_amounts_come_back_exactly_and_unknown_members_are_ignored():
    event = Server(json_answer(EVENT)).client().get_event(EVENT_ID)

    assert event.confirmed_quantity == Decimal("0.1")
    assert event.requested_quantity == 270.0


def test_an_answer_without_a_body_is_none():
    assert Server(httpx2.Response(204)).client().delete_webhook("w") is None
    assert Server(httpx2.Response(202)).client().retry_delivery("d") is None


@pytest.mark.parametrize(
    ("answer", "message", "code"),
    [
        (json_answer({"error": "NOT_FOUND", "message": "no such event"}, 404), "no such event", "NOT_FOUND"),
        (json_answer({"error": "Event not found"}, 404), "Event not found", None),
        (json_answer({"code": "OVERLOADED", "message": "later"}, 409), "later", "OVERLOADED"),
        (httpx2.Response(404, text="<html>gone</html>"), "<html>gone</html>", None),
        (httpx2.Response(404, text="x" * 9000), "x" * 500, None),
        (httpx2.Response(404, content=b"\xff\xfe"), "\ufffd\ufffd", None),
        (httpx2.Response(404), "HTTP 404 without a word", None),
        (json_answer(["odd"], 404), '["odd"]', None),
        (json_answer({"message": None, "error": None}, 404), '{"message":null,"error":null}', None),
    ],
)
def test_an_error_is_told_whatever_its_body_is(answer, message, code):
    with pytest.raises(FiGuardApiError) as caught:
        Server(answer).client().get_event(EVENT_ID)

    assert (caught.value.message, caught.value.code, caught.value.status_code) == (message, code, answer.status_code)


def test_an_error_keeps_its_body():
    body = {"error": "VALIDATION_FAILED", "message": "m", "fieldErrors": {"amount": "is required"}}
    with pytest.raises(FiGuardApiError) as caught:
        Server(json_answer(body, 400)).client().get_event(EVENT_ID)

    assert (caught.value.raw, caught.value.field_errors) == (body, {"amount": "is required"})


@pytest.mark.parametrize(
    ("headers", "body", "seconds"),
    [
        ({"Retry-After": "7"}, {}, 7),
        ({"Retry-After": "-7"}, {}, 0),
        ({"Retry-After": "soon"}, {}, None),
        ({}, {"retryAfterSeconds": 3}, 3),
        ({"Retry-After": "7"}, {"retryAfterSeconds": 3}, 3),
        ({}, {"retryAfterSeconds": True}, None),
        ({"Retry-After": format_datetime(datetime(2001, 1, 1, tzinfo=UTC), usegmt=True)}, {}, 0),
        ({}, {}, None),
    ],
)
def test_retry_after_is_read_in_all_its_forms(headers, body, seconds):
    with pytest.raises(FiGuardApiError) as caught:
        Server(json_answer(body, 429, headers)).client().with_options(retry=1).get_event(EVENT_ID)

    assert caught.value.retry_after_seconds == seconds


def test_retry_after_may_be_a_date():
    later = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
    with pytest.raises(FiGuardApiError) as caught:
        Server(json_answer({}, 429, {"Retry-After": later})).client().get_event(EVENT_ID)

    assert 3500 < caught.value.retry_after_seconds <= 3600


@pytest.mark.parametrize("content", [b"<html>sign in</html>", b"{}", b'{"id": 5}', b"[]", b"\xff"])
def test_an_answer_that_is_not_ours_is_an_error(content):
    """
    A proxy's sign-in page answers 200 too.
    """
    with pytest.raises(FiGuardApiError, match="is the base URL right"):
        Server(httpx2.Response(200, content=content)).client().get_event(EVENT_ID)


def test_a_redirect_is_told_and_not_followed():
    server = Server(httpx2.Response(301, headers={"Location": "https://elsewhere.test/"}))
    with pytest.raises(FiGuardApiError, match=r"elsewhere\.test"):
        server.client().get_event(EVENT_ID)

    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "failure",
    [
        httpx2.ConnectError("refused"),
        httpx2.ReadError("reset"),
        httpx2.RemoteProtocolError("half an answer"),
        httpx2.ReadTimeout("slow"),
        httpx2.ConnectTimeout("slow"),
        httpx2.PoolTimeout("busy"),
        httpx2.UnsupportedProtocol("odd"),
        httpx2.DecodingError("bad gzip"),
        OSError("no route"),
    ],
)
def test_no_answer_is_a_connection_error(failure):
    server = Server(failure)
    with pytest.raises(FiGuardConnectionError) as caught:
        server.client().get_event(EVENT_ID)

    assert (len(server.requests), caught.value.attempts, caught.value.__cause__) == (3, 3, failure)


def test_a_connection_that_comes_back_is_used():
    server = Server(httpx2.ConnectError("refused"), json_answer(EVENT))

    assert server.client().get_event(EVENT_ID).id == EVENT_ID


def test_the_time_out_is_per_call():
    server = Server(json_answer(EVENT))
    server.client(timeout=30).with_options(timeout=2.5).get_event(EVENT_ID)

    assert server.requests[0].extensions["timeout"] == {"connect": 2.5, "read": 2.5, "write": 2.5, "pool": 2.5}


@pytest.mark.parametrize("token", ["st_schlüssel_geheim", "st_two\nlines"])
def test_a_token_that_no_header_can_carry_is_refused_without_asking(token):
    server = Server(json_answer(EVENT))
    with pytest.raises(FiGuardApiError) as caught:
        server.client().authorize(budget=token, amount=1)

    assert (caught.value.status_code, caught.value.code) == (401, "INVALID_SESSION_TOKEN")
    assert server.requests == []


def test_a_client_of_the_callers_own_stays_open():
    http = httpx2.Client(transport=httpx2.MockTransport(Server(json_answer(EVENT))))
    with FiGuardClient("fg_live_test", "https://figuard.test", http_client=http):
        pass

    assert not http.is_closed


def test_a_client_of_our_own_is_closed():
    transport = HttpTransport(Settings("server", base_url="https://figuard.test", api_key="k"))
    transport.close()
    transport.close()

    assert transport._client.is_closed


def test_the_backend_is_a_server():
    client = Server(json_answer(EVENT)).client()

    assert client.backend == "server"
    assert repr(client) == "<FiGuardClient server 'https://figuard.test'>"


# ------------------------------------------------------------------------------------------------------------ awaited


def async_client(server):
    http = httpx2.AsyncClient(transport=httpx2.MockTransport(server))
    return AsyncFiGuardClient("fg_live_test", "https://figuard.test", retry=QUICK, http_client=http)


async def test_the_awaited_client_sends_the_same():
    server = Server(httpx2.ConnectError("refused"), json_answer(EVENT))
    event = await async_client(server).confirm(EVENT_ID, 1)

    assert (event.decision, len(server.requests)) == ("CONFIRMED", 2)
    assert server.requests[0].headers["Idempotency-Key"] == server.requests[1].headers["Idempotency-Key"]


@pytest.mark.parametrize("failure", [httpx2.ReadTimeout("slow"), httpx2.ConnectError("refused")])
async def test_an_awaited_time_out_is_a_connection_error_too(failure):
    with pytest.raises(FiGuardConnectionError):
        await async_client(Server(failure)).get_event(EVENT_ID)


async def test_many_awaited_calls_run_at_once():
    client = async_client(Server(json_answer(EVENT)))
    events = await asyncio.gather(*(client.get_event(EVENT_ID) for _ in range(20)))

    assert {event.id for event in events} == {EVENT_ID}


def test_each_event_loop_gets_connections_of_its_own():
    """
    A client made once and used under `asyncio.run` twice must not reach for connections of a loop that is gone.
    """
    transport = AsyncHttpTransport(Settings("server", base_url="https://figuard.test", api_key="k"))

    async def used():
        return transport._client()

    async def closed():
        await transport.close()
        await transport.close()

    first, again = asyncio.run(used()), asyncio.run(used())
    asyncio.run(closed())

    assert first is not again
