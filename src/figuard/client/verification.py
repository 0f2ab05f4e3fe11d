"""
Is this webhook ours, unchanged and fresh? Two signatures are understood.

``X-Webhook-Signature: sha256=<hex>`` signs the body alone, so a captured notice could be sent again. The Standard
Webhooks headers ``webhook-id``, ``webhook-timestamp`` and ``webhook-signature: v1,<base64>`` sign all three, so it
could not.
"""

from __future__ import annotations

import hmac
import json
import time
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from figuard.client.exceptions import FiGuardWebhookVerificationError
from figuard.domain.instants import SECOND, parse

TOLERANCE_SECONDS = 300
"""How far the time of a signed notice may be from ours, either way."""
_BYTES_MAX = 1_000_000
_SIGNATURES_MAX = 20
_SECRET_PREFIX = "whsec_"

Secrets = str | bytes | Sequence[str | bytes]


def verify_webhook(
    payload: bytes | str,
    signature_header: str | Mapping[str, str] | None,
    secret: Secrets,
    *,
    timestamp: str | int | None = None,
    message_id: str | None = None,
    tolerance_seconds: float | None = None,
    now: float | None = None,
) -> dict[str, Any]:
    """
    Return the decoded body of a webhook, or raise ``FiGuardWebhookVerificationError``, whatever the input.

    *payload* is the raw body. *secret* may be several, so that one can be replaced without losing notices. Numbers
    with a fraction come back as exact ``Decimal``.

    *signature_header* is best the mapping of all request headers: then the Standard Webhooks headers are required
    and the notice must be at most *tolerance_seconds* (default 300) old. The text of ``webhook-signature`` does the
    same together with *message_id* and *timestamp*. The text of ``X-Webhook-Signature`` proves the sender only; give
    *tolerance_seconds* to check the ``timestamp`` inside the signed body too (retries carry the first one's).
    *now* is seconds since 1970 and only tests need it. Raises ``ValueError`` when there is no secret at all.
    """
    keys = list(_keys(secret))
    if not keys or not all(key.strip() for key in keys):
        raise ValueError("verify_webhook needs a secret, and a blank one proves nothing")
    try:
        body = payload.encode() if isinstance(payload, str) else bytes(payload)
        if len(body) > _BYTES_MAX:
            raise _refused(f"the body is larger than {_BYTES_MAX:,} bytes")
        signed = _signed(signature_header, message_id, timestamp)
        present = time.time() if now is None else now
        if signed.timestamp is None:
            _check_body_signature(body, signed.signature, keys)
            decoded = _decoded(body)
            if tolerance_seconds is not None:
                _check_fresh(parse(str(decoded.get("timestamp"))) / SECOND, present, tolerance_seconds)
            return decoded
        _check_message_signature(body, signed, keys)
        tolerance = TOLERANCE_SECONDS if tolerance_seconds is None else tolerance_seconds
        _check_fresh(float(signed.timestamp), present, tolerance)
        return _decoded(body)
    except (ValueError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        # Whatever a stranger sends must end in the one exception that the endpoint answers with 400.
        raise _refused("it could not be read") from error


@dataclass(frozen=True, slots=True)
class _Signed:
    """``timestamp`` None: the body alone was signed."""

    signature: str
    message_id: str = ""
    timestamp: str | None = None


def _keys(secret: Secrets) -> Iterable[bytes]:
    for one in [secret] if isinstance(secret, (str, bytes)) else secret:
        raw = one.encode() if isinstance(one, str) else one
        yield raw
        if isinstance(one, str) and one.startswith(_SECRET_PREFIX):
            # A secret of the Standard Webhooks form signs with the bytes it encodes.
            encoded = one.removeprefix(_SECRET_PREFIX)
            try:
                yield b64decode(encoded + "=" * (-len(encoded) % 4), validate=True) or raw
            except (Base64Error, ValueError):
                continue


def _signed(header: object, message_id: str | None, timestamp: str | int | None) -> _Signed:
    if isinstance(header, Mapping):
        headers = {str(name).lower(): value for name, value in header.items()}  # pyright: ignore[reportUnknownVariableType,reportUnknownArgumentType] - a stranger's
        header, message_id = headers.get("webhook-signature"), headers.get("webhook-id")  # pyright: ignore[reportUnknownVariableType,reportUnknownMemberType]
        timestamp = headers.get("webhook-timestamp")  # pyright: ignore[reportUnknownVariableType,reportUnknownMemberType]
        if not (header and message_id and timestamp):
            raise _refused("the headers webhook-id, webhook-timestamp and webhook-signature are not all there")
    if not isinstance(header, str) or not header.strip():
        raise _refused("it carries no signature")
    if header.lstrip().startswith("sha256="):
        return _Signed(header.strip())
    if message_id is None or timestamp is None:
        raise _refused("a signature of this form needs the message's id and timestamp")
    return _Signed(header, str(message_id), str(timestamp))  # pyright: ignore[reportUnknownArgumentType] - a stranger's


def _check_body_signature(body: bytes, signature: str, keys: Sequence[bytes]) -> None:
    claimed = signature.removeprefix("sha256=").encode()
    expected = [hmac.digest(key, body, "sha256").hex().encode() for key in keys]
    if not _any_equal([claimed], expected):
        raise _refused("the signature does not match")


def _check_message_signature(body: bytes, signed: _Signed, keys: Sequence[bytes]) -> None:
    content = f"{signed.message_id}.{signed.timestamp}.".encode() + body
    expected = [b64encode(hmac.digest(key, content, "sha256")) for key in keys]
    parts = signed.signature.split()
    claimed = [part.removeprefix("v1,").encode() for part in parts[:_SIGNATURES_MAX] if part.startswith("v1,")]
    if not _any_equal(claimed, expected):
        raise _refused("none of the signatures matches")


def _any_equal(claimed: Sequence[bytes], expected: Sequence[bytes]) -> bool:
    """Return whether one of *claimed* is one of *expected*, comparing all of them in constant time."""
    return any([hmac.compare_digest(one, other) for one in claimed for other in expected])  # noqa: C419 - compare all


def _check_fresh(sent: float, now: float, tolerance: float) -> None:
    # Written so that a NaN is refused: no comparison with it is true.
    if not abs(now - sent) <= tolerance:
        raise _refused(f"it was signed more than {tolerance:g} seconds from now")


def _decoded(body: bytes) -> dict[str, Any]:
    decoded: object = json.loads(body.decode(), parse_float=Decimal)
    if not isinstance(decoded, dict):
        raise _refused("the body is not a JSON object")
    return decoded  # pyright: ignore[reportUnknownVariableType] - decoded JSON


def _refused(why: str) -> FiGuardWebhookVerificationError:
    return FiGuardWebhookVerificationError(f"this webhook was not verified: {why}")
