"""
Two signatures: ours of old, and Standard Webhooks'.
"""

from __future__ import annotations

import hashlib
import hmac
import json

import pytest

from figuard.client.exceptions import FiGuardWebhookVerificationError
from figuard.client.verification import verify_webhook
from figuard.webhooks.signing import body_signature, headers_of, message_signature

BODY = b'{"eventType":"SPEND_CONFIRMED","confirmedQuantity":267.00}'
SECRET = "sixteen-characters-or-more"
NOW = 1_900_000_000


def test_the_old_signature_is_over_the_raw_body():
    by_hand = hmac.new(SECRET.encode(), BODY, hashlib.sha256).hexdigest()

    assert body_signature(BODY, SECRET) == f"sha256={by_hand}"


def test_the_published_example_of_standard_webhooks():
    """
    Secret, id, time and body of the specification's own example give the specification's own signature.
    """
    signature = message_signature(
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        1614265330,
        b'{"test": 2432232314}',
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    )

    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_every_header_is_there():
    headers = headers_of("SPEND_CONFIRMED", "d-1", BODY, SECRET, NOW)

    assert set(headers) == {
        "Content-Type", "X-Webhook-Event", "X-Webhook-Signature", "X-FiGuard-Delivery", "X-FiGuard-Timestamp",
        "webhook-id", "webhook-timestamp", "webhook-signature",
    }  # fmt: skip
    assert (headers["X-Webhook-Event"], headers["Content-Type"]) == ("SPEND_CONFIRMED", "application/json")
    assert headers["X-FiGuard-Delivery"] == headers["webhook-id"] == "d-1"
    assert headers["X-FiGuard-Timestamp"] == headers["webhook-timestamp"] == str(NOW)


@pytest.mark.parametrize(
    "secret",
    [SECRET, "ein Geheimnis mit ümläuten", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_not base64 at all!"],
)
def test_the_client_accepts_what_is_signed_here(secret):
    headers = headers_of("SPEND_CONFIRMED", "d-1", BODY, secret, NOW)

    assert verify_webhook(BODY, headers, secret, now=NOW + 1) == verify_webhook(
        BODY, headers["X-Webhook-Signature"], secret
    )


@pytest.mark.parametrize("changed", ["webhook-id", "webhook-timestamp"])
def test_a_captured_notice_cannot_be_sent_as_another(changed):
    headers = headers_of("SPEND_CONFIRMED", "d-1", BODY, SECRET, NOW) | {changed: str(NOW + 1)}

    with pytest.raises(FiGuardWebhookVerificationError):
        verify_webhook(BODY, headers, SECRET, now=NOW)


def test_a_changed_body_is_refused():
    headers = headers_of("SPEND_CONFIRMED", "d-1", BODY, SECRET, NOW)
    changed = json.dumps(json.loads(BODY) | {"confirmedQuantity": 0}).encode()

    with pytest.raises(FiGuardWebhookVerificationError):
        verify_webhook(changed, headers, SECRET, now=NOW)
