"""
The sender against real servers on this machine, good ones and bad ones.
"""

from __future__ import annotations

import json
import ssl
import threading
import time

import pytest

from figuard.client.verification import verify_webhook
from figuard.webhooks import Attempt, Sender
from tests.unit.webhooks.receiver import SECRET, delivery, fine, receiver, tls_pair, webhook

SOON = 0.4
"""Seconds: long enough for a machine under load to connect, short enough to wait for."""


def sender(**options):
    return Sender(**{"allow_private": True, "total_seconds": 5.0, **options})


def test_a_notice_arrives_signed_and_unchanged():
    with receiver() as there:
        attempt = sender(clock=lambda: 1_900_000_000)(webhook(there.url()), delivery())

    came = there.exchanges[0]
    assert (attempt.success, attempt.response_status, attempt.response_body) == (True, 200, "thank you")
    assert attempt.error_message is None
    assert came.head.startswith("POST /hook?to=me HTTP/1.1\r\n")
    assert came.body == delivery().payload.encode()
    assert came.headers["x-webhook-event"] == "SPEND_CONFIRMED"
    assert came.headers["host"] == f"127.0.0.1:{there.port}"
    assert verify_webhook(came.body, came.headers, SECRET, now=1_900_000_000)["deliveryId"] == "d-1"


def test_the_secret_is_revealed_where_it_is_stored_encrypted():
    with receiver() as there:
        sender(secret_of=lambda hook: hook.secret.removeprefix("enc:"))(
            webhook(there.url(), f"enc:{SECRET}"), delivery()
        )

    came = there.exchanges[0]
    assert verify_webhook(came.body, came.headers["x-webhook-signature"], SECRET)


def test_a_name_keeps_its_place_while_the_connection_is_pinned(tmp_path):
    """
    The connection goes to the address that was judged; Host header, SNI and certificate check keep the name.
    """
    server, client = tls_pair(tmp_path, "hook.test")
    seen: list[str | None] = []
    server.sni_callback = lambda _socket, name, _context: seen.append(name)

    with receiver(fine, server) as there:
        attempt = sender(ssl_context=client, resolve=lambda *_: ["127.0.0.1"])(
            webhook(there.url("hook.test")), delivery()
        )

    assert attempt.success, attempt
    assert seen == ["hook.test"]
    assert there.exchanges[0].headers["host"] == f"hook.test:{there.port}"


def test_another_host_with_our_address_is_not_trusted(tmp_path):
    server, client = tls_pair(tmp_path, "someone-else.test")

    with receiver(fine, server) as there:
        attempt = sender(ssl_context=client, resolve=lambda *_: ["127.0.0.1"])(
            webhook(there.url("hook.test")), delivery()
        )

    assert there.exchanges == []
    assert "certificate verify failed" in attempt.error_message


def test_a_certificate_nobody_vouches_for_is_refused(tmp_path):
    server, _ = tls_pair(tmp_path, "hook.test")

    with receiver(fine, server) as there:
        attempt = sender(resolve=lambda *_: ["127.0.0.1"])(webhook(there.url("hook.test")), delivery())

    assert attempt.response_status is None
    assert "certificate verify failed" in attempt.error_message


def test_a_name_that_changes_its_mind_gains_nothing():
    """
    DNS rebinding: the name leads elsewhere when it is asked again. It is asked once per send, and the connection goes
    to what it said then: here to a second address of this machine, where nobody listens.
    """
    answers = iter([["127.0.0.2"], ["127.0.0.1"]])
    asked = []

    def resolve(host, port, seconds):
        asked.append(host)
        return next(answers)

    with receiver() as there:
        attempt = sender(resolve=resolve, connect_seconds=SOON, total_seconds=SOON)(
            webhook(there.url("rebind.test")), delivery()
        )

    assert asked == ["rebind.test"]
    assert there.exchanges == []
    assert attempt.response_status is None


def test_the_guard_is_asked_at_every_send():
    answers = iter([["8.8.8.8"], ["10.0.0.1"]])
    careful = Sender(resolve=lambda *_: next(answers))
    careful.check("https://hook.test/")

    attempt = careful(webhook("https://hook.test/"), delivery())

    assert attempt.error_message == "hook.test resolves to 10.0.0.1, which is not public (private)"


def test_an_unsafe_address_is_never_contacted():
    with receiver() as there:
        attempts = [Sender()(webhook(there.url()), delivery()), Sender().test(webhook(there.url()))]

    assert there.exchanges == []
    assert all("use https" in (attempt.error_message or "") for attempt in attempts)


def test_the_second_address_is_tried_when_the_first_is_dead():
    with receiver() as there:
        attempt = sender(resolve=lambda *_: ["::1", "127.0.0.1"])(webhook(there.url("hook.test")), delivery())

    assert attempt.success, attempt


def test_a_redirect_is_not_followed():
    with receiver() as inside, receiver(lambda e: e.say("302 Found", b"", f"Location: {inside.url()}")) as there:
        attempt = sender()(webhook(there.url()), delivery())

    assert inside.exchanges == []
    assert (attempt.response_status, attempt.success) == (302, False)
    assert "redirects are not followed" in attempt.error_message


@pytest.mark.parametrize("status", ["400 Bad Request", "410 Gone", "500 Internal Server Error"])
def test_a_refusal_keeps_status_and_answer(status):
    with receiver(lambda e: e.say(status, b"no")) as there:
        attempt = sender()(webhook(there.url()), delivery())

    assert (attempt.response_status, attempt.response_body) == (int(status[:3]), "no")
    assert attempt.error_message == f"the receiver answered {status[:3]}"


def test_an_answer_without_end_is_cut():
    def gush(exchange):
        exchange.connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while not exchange.over.is_set():
            exchange.connection.sendall(b"10000\r\n" + b"x" * 65536 + b"\r\n")

    with receiver(gush) as there:
        attempt = sender()(webhook(there.url()), delivery())

    assert (attempt.success, attempt.response_body) == (True, "x" * 2000)


def test_characters_no_database_keeps_are_replaced():
    with receiver(lambda e: e.say("200 OK", b"a\0b\xff")) as there:
        attempt = sender()(webhook(there.url()), delivery())

    assert attempt.response_body == "a�b�"


def drip(text):
    """Return an answer that sends one byte of *text* now and then, each well within any read time-out."""

    def answer(exchange):
        for byte in text:
            exchange.connection.sendall(bytes([byte]))
            if exchange.over.wait(0.05):
                return

    return answer


@pytest.mark.parametrize(
    "answer",
    [
        lambda e: e.over.wait(30),
        drip(b"HTTP/1.1 200 OK\r\nX-Slow: " + b"x" * 10_000),
        drip(b"HTTP/1.1 100 Continue\r\n\r\n" * 1000),
    ],
    ids=["silent", "drip", "continues"],
)
def test_a_server_that_stalls_costs_no_more_than_the_deadline(answer):
    started = time.monotonic()
    with receiver(answer) as there:
        attempt = sender(total_seconds=SOON)(webhook(there.url()), delivery())
    took = time.monotonic() - started

    assert attempt.error_message == f"no answer within {SOON} s"
    assert took < SOON + 2
    assert attempt.duration_ms >= SOON * 900


def test_a_body_that_stalls_after_the_status_is_a_delivery_all_the_same():
    """
    The receiver said 2xx: sending the notice again would only repeat it.
    """

    def stall(exchange):
        exchange.connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nthan")
        exchange.over.wait(30)

    with receiver(stall) as there:
        attempt = sender(total_seconds=SOON)(webhook(there.url()), delivery())

    assert (attempt.success, attempt.response_body) == (True, "than")


@pytest.mark.parametrize(
    "answer",
    [
        lambda _: None,
        lambda e: e.connection.sendall(b"SSH-2.0-OpenSSH_9.2\r\n"),
        lambda e: e.connection.sendall(b"HTTP/1.1 200 OK\r\nX-Big: " + b"x" * 500_000),
        lambda e: e.connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n"),
    ],
    ids=["hangs up", "no http", "huge header", "bad length"],
)
def test_nonsense_becomes_an_attempt(answer):
    with receiver(answer) as there:
        attempt = sender()(webhook(there.url()), delivery())

    assert (attempt.response_status, attempt.success) == (None, False)
    assert attempt.error_message


def test_nobody_listening_becomes_an_attempt():
    with receiver() as there:
        url = there.url()

    assert "ConnectError" in sender()(webhook(url), delivery()).error_message


def test_a_secret_that_cannot_be_revealed_becomes_an_attempt():
    def reveal(_webhook):
        raise ValueError("another key encrypted this secret")

    attempt = sender(secret_of=reveal)(webhook("https://hook.test"), delivery())

    assert attempt == Attempt(
        error_message="ValueError: another key encrypted this secret", duration_ms=attempt.duration_ms
    )


def test_a_test_notice_is_signed_like_any_other():
    with receiver(lambda e: e.say("200 OK", b"y" * 3000)) as there:
        attempt = sender(clock=lambda: 1_900_000_000).test(webhook(there.url()))

    came = there.exchanges[0]
    said = verify_webhook(came.body, came.headers, SECRET, now=1_900_000_000)
    assert said["deliveryId"] == came.headers["webhook-id"]
    assert (said["eventType"], said["tenantId"]) == ("WEBHOOK_TEST", "t-1")
    assert said["timestamp"] == "2030-03-17T17:46:40.000000Z"
    assert attempt.success
    assert len(attempt.response_body) == 500


def test_one_sender_serves_many_threads():
    results = []
    one = sender()
    with receiver() as there:
        sending = [
            threading.Thread(target=lambda: results.append(one(webhook(there.url()), delivery()))) for _ in range(8)
        ]
        for thread in sending:
            thread.start()
        for thread in sending:
            thread.join()

    assert [attempt.success for attempt in results] == [True] * 8


def test_the_systems_trust_is_made_once():
    one = Sender()
    trusts = [one._trust(_secure()), one._trust(_secure())]

    assert trusts[0] is trusts[1]
    assert trusts[0].verify_mode is ssl.CERT_REQUIRED


def _secure():
    from figuard.webhooks.addresses import Target

    return Target("https", "hook.test", 443, b"/", ("8.8.8.8",))


def test_the_payload_is_sent_as_it_is_stored():
    """
    The signature is over these very bytes; encoding the payload again could change a number's digits.
    """
    payload = json.dumps({"quantity": 1}, indent=3) + "\n"
    with receiver() as there:
        sender()(webhook(there.url()), delivery(payload))

    assert there.exchanges[0].body.decode() == payload
