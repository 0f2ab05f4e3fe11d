"""
Webhooks: what is verified, and that nothing a stranger sends ends in another exception than the one.
"""

from __future__ import annotations

import hmac
import json
from base64 import b64encode
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from figuard import AsyncFiGuardClient, FiGuardClient, FiGuardWebhookVerificationError
from figuard.client.verification import verify_webhook

SECRET = "a secret of good length"
BODY = b'{"eventType":"SPEND_CONFIRMED","confirmedQuantity":0.10,"timestamp":"2030-01-01T00:00:00Z"}'
NOW = 1_893_456_000.0


def body_signature(body=BODY, secret=SECRET):
    return "sha256=" + hmac.digest(secret.encode(), body, "sha256").hex()


def headers(body=BODY, key=None, at=NOW, message_id="msg_1"):
    signed = f"{message_id}.{int(at)}.".encode() + body
    signature = b64encode(hmac.digest(key or SECRET.encode(), signed, "sha256")).decode()
    return {
        "Webhook-Id": message_id,
        "Webhook-Timestamp": str(int(at)),
        "Webhook-Signature": f"v1,{signature}",
    }


def test_the_body_comes_back_with_exact_amounts():
    decoded = verify_webhook(BODY, body_signature(), SECRET)

    assert decoded["eventType"] == "SPEND_CONFIRMED"
    assert decoded["confirmedQuantity"] == Decimal("0.10")


@pytest.mark.parametrize("owner", [FiGuardClient, AsyncFiGuardClient])
def test_both_clients_offer_it(owner):
    assert owner.verify_webhook(BODY.decode(), body_signature(), SECRET)["eventType"] == "SPEND_CONFIRMED"


def test_the_headers_of_standard_webhooks_are_verified():
    assert verify_webhook(BODY, headers(), SECRET, now=NOW + 10)["eventType"] == "SPEND_CONFIRMED"


def test_a_standard_secret_signs_with_the_bytes_it_encodes():
    key = bytes(range(24))
    secret = "whsec_" + b64encode(key).decode()

    assert verify_webhook(BODY, headers(key=key), secret, now=NOW)


def test_the_parts_of_standard_webhooks_can_be_given_one_by_one():
    parts = headers()

    decoded = verify_webhook(
        BODY, parts["Webhook-Signature"], SECRET, message_id="msg_1", timestamp=parts["Webhook-Timestamp"], now=NOW
    )

    assert decoded["eventType"] == "SPEND_CONFIRMED"


def test_one_of_several_signatures_is_enough():
    parts = headers()
    parts["Webhook-Signature"] = "v1a,AAAA v1,AAAA " + parts["Webhook-Signature"]

    assert verify_webhook(BODY, parts, SECRET, now=NOW)


def test_one_of_several_secrets_is_enough():
    """
    A secret is replaced without losing notices: for a while the old one and the new one are both accepted.
    """
    assert verify_webhook(BODY, body_signature(), ["the new secret", SECRET])


def test_an_unknown_secret_is_refused():
    with pytest.raises(FiGuardWebhookVerificationError, match="does not match"):
        verify_webhook(BODY, body_signature(secret="another"), SECRET)


def test_a_changed_body_is_refused():
    with pytest.raises(FiGuardWebhookVerificationError, match="none of the signatures"):
        verify_webhook(BODY.replace(b"0.10", b"9.99"), headers(), SECRET, now=NOW)


@pytest.mark.parametrize("seconds", [-301, 301, 10**9])
def test_a_captured_notice_is_refused_later(seconds):
    with pytest.raises(FiGuardWebhookVerificationError, match="300 seconds"):
        verify_webhook(BODY, headers(), SECRET, now=NOW + seconds)


def test_the_tolerance_can_be_chosen():
    assert verify_webhook(BODY, headers(), SECRET, now=NOW + 301, tolerance_seconds=600)


def test_another_time_than_the_signed_one_is_refused():
    late = {**headers(), "Webhook-Timestamp": str(int(NOW) + 300)}

    with pytest.raises(FiGuardWebhookVerificationError):
        verify_webhook(BODY, late, SECRET, now=NOW + 300)


def test_headers_without_a_signed_time_are_refused():
    """
    Taking the headers away must not turn a captured notice into one that is good for ever.
    """
    with pytest.raises(FiGuardWebhookVerificationError, match="not all there"):
        verify_webhook(BODY, {"X-Webhook-Signature": body_signature()}, SECRET, now=NOW)


@pytest.mark.parametrize(("seconds", "fresh"), [(100, True), (1000, False)])
def test_the_time_inside_a_signed_body_can_be_checked(seconds, fresh):
    def verify():
        return verify_webhook(BODY, body_signature(), SECRET, tolerance_seconds=300, now=NOW + seconds)

    if fresh:
        assert verify()
    else:
        with pytest.raises(FiGuardWebhookVerificationError):
            verify()


@pytest.mark.parametrize("secret", ["", "  ", b"", [], ["", SECRET]])
def test_no_secret_proves_nothing(secret):
    """
    That is a fault of the receiver, not of the notice, so it must not look like a forgery.
    """
    with pytest.raises(ValueError, match="secret"):
        verify_webhook(BODY, body_signature(secret=""), secret)


HOSTILE_BODIES = [
    b"",
    b"not json",
    b"\xff\xfe",
    b"[1, 2]",
    b'"text"',
    b"null",
    b"[" * 100_000,
    b'{"a":' * 100_000,
    b"1" * 10_000,
    b'{"n": ' + b"9" * 10_000 + b"}",
    b'{"n": NaN}garbage',
    b" " * 2_000_000,
]


@pytest.mark.parametrize("body", HOSTILE_BODIES, ids=range(len(HOSTILE_BODIES)))
def test_a_well_signed_body_that_is_no_object_is_refused(body):
    with pytest.raises(FiGuardWebhookVerificationError):
        verify_webhook(body, body_signature(body), SECRET)


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        " ",
        "sha256=",
        "sha256=zz",
        "sha256=ÄÖÜ",
        "sha1=00",
        "garbage",
        "v1,",
        "v1,ÄÖ",
        "v1," * 10_000,
        7,
        b"x",
        [],
        {},
        {"webhook-signature": None},
        "sha256=" + "\ud800",
    ],
)
def test_a_header_that_is_no_signature_is_refused(header):
    with pytest.raises(FiGuardWebhookVerificationError):
        verify_webhook(BODY, header, SECRET, message_id="m", timestamp="1", now=NOW)


@pytest.mark.parametrize("timestamp", ["nan", "inf", "-inf", "1e400", "soon", "", "١٢٣", "9" * 5000, None])
def test_a_time_that_is_none_is_refused(timestamp):
    signed = f"msg_1.{timestamp}.".encode() + BODY
    signature = "v1," + b64encode(hmac.digest(SECRET.encode(), signed, "sha256")).decode()
    hostile = {"webhook-id": "msg_1", "webhook-timestamp": timestamp, "webhook-signature": signature}

    with pytest.raises(FiGuardWebhookVerificationError):
        verify_webhook(BODY, hostile, SECRET, now=NOW)


@pytest.mark.parametrize("payload", [None, 5, object(), "\ud800", {"a": 1}, [300], [b"x"]])
def test_a_payload_that_is_no_body_is_refused(payload):
    with pytest.raises(FiGuardWebhookVerificationError):
        verify_webhook(payload, body_signature(), SECRET)


@given(
    body=st.binary() | st.text(),
    header=st.none() | st.text() | st.dictionaries(st.text(), st.text()),
    timestamp=st.none() | st.text() | st.integers(),
)
def test_nothing_a_stranger_sends_raises_anything_else(body, header, timestamp):
    with pytest.raises(FiGuardWebhookVerificationError):
        verify_webhook(body, header, SECRET, message_id="m", timestamp=timestamp)


@given(body=st.binary())
def test_not_even_with_a_good_signature(body):
    try:
        decoded = verify_webhook(body, body_signature(body), SECRET)
    except FiGuardWebhookVerificationError:
        return
    assert decoded == json.loads(body, parse_float=Decimal)
