"""
The sender: one notice, one attempt, one answer in plain words.

It never raises. Whatever a receiver does (refuse, stall, answer with a gigabyte, redirect to an inside address)
becomes an attempt with a status or with a sentence, and costs a known number of seconds at most.
"""

from __future__ import annotations

import json
import logging
import ssl
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import uuid4

from figuard._version import __version__
from figuard.domain.admin import Delivery, Webhook
from figuard.domain.instants import instant
from figuard.domain.instants import text as time_text
from figuard.domain.valueclass import valueclass
from figuard.webhooks.addresses import Resolver, Target, UnsafeAddress, system_resolver, target
from figuard.webhooks.signing import headers_of

if TYPE_CHECKING:
    from httpcore2 import Response

_LOG = logging.getLogger(__name__)

CONNECT_SECONDS = 5.0
"""How long looking a name up may take, and connecting too."""
TOTAL_SECONDS = 10.0
"""How long one attempt may take, from the look-up of the name to the last byte read."""
RESPONSE_CHARS_MAX = 2000
"""How much of an answer is kept."""
TEST_RESPONSE_CHARS_MAX = 500
"""How much of the answer to a test is shown."""
_BYTES_PER_CHAR_MAX = 4
_MESSAGE_CHARS_MAX = 500
TEST_EVENT = "WEBHOOK_TEST"
_USER_AGENT = f"FiGuard-Webhooks/{__version__}"


@valueclass
class Attempt:
    """
    What became of one attempt: the receiver's status and the start of its answer, or why there was none.

    A status and a message together mean that the receiver answered something that is no success.
    """

    response_status: int | None = None
    response_body: str | None = None
    error_message: str | None = None
    duration_ms: int = 0

    @property
    def success(self) -> bool:
        """Whether the receiver took the notice: any 2xx."""
        return self.response_status is not None and 200 <= self.response_status < 300  # noqa: PLR2004 - HTTP


class Sender:
    """Sends notices over HTTP. Safe to share between threads; nothing is kept open between two notices."""

    def __init__(
        self,
        *,
        allow_private: bool = False,
        secret_of: Callable[[Webhook], str] | None = None,
        resolve: Resolver = system_resolver,
        ssl_context: ssl.SSLContext | None = None,
        clock: Callable[[], float] = time.time,
        connect_seconds: float = CONNECT_SECONDS,
        total_seconds: float = TOTAL_SECONDS,
    ) -> None:
        """
        Send to public https addresses only, unless *allow_private*.

        *secret_of* reveals a webhook's secret where it is stored encrypted. *ssl_context* is the system's trust unless
        given.
        """
        self.allow_private = allow_private
        self._secret_of = secret_of or _stored_secret
        self._resolve = resolve
        self._ssl_context = ssl_context
        self._clock = clock
        self._connect_seconds = connect_seconds
        self._total_seconds = total_seconds

    def __call__(self, webhook: Webhook, delivery: Delivery) -> Attempt:
        """Send one notice, once. Never raises."""
        return self._attempt(webhook, delivery.event_type, delivery.id, delivery.payload, RESPONSE_CHARS_MAX)

    def test(self, webhook: Webhook) -> Attempt:
        """Send a notice of type ``WEBHOOK_TEST``, signed as any other, that nobody records. Never raises."""
        notice_id = str(uuid4())
        payload = {
            "eventType": TEST_EVENT,
            "timestamp": time_text(instant(datetime.fromtimestamp(self._clock(), UTC))),
            "tenantId": webhook.tenant_id,
            "message": "This is a test notice from FiGuard.",
            "deliveryId": notice_id,
        }
        body = json.dumps(payload, separators=(",", ":"))
        return self._attempt(webhook, TEST_EVENT, notice_id, body, TEST_RESPONSE_CHARS_MAX)

    def check(self, url: str) -> None:
        """Judge an address before it is registered. Raises ``UnsafeAddress``; it is judged again at every send."""
        target(url, self._resolve, seconds=self._connect_seconds, allow_private=self.allow_private)

    def _attempt(self, webhook: Webhook, event_type: str, notice_id: str, payload: str, chars: int) -> Attempt:
        started = time.monotonic()
        status, answer, message = None, None, None
        try:
            body = payload.encode()
            headers = headers_of(event_type, notice_id, body, self._secret_of(webhook), int(self._clock()))
            status, answer = self._exchange(webhook.url, headers, body, chars)
            message = _complaint(status)
        except UnsafeAddress as error:
            message = str(error)[:_MESSAGE_CHARS_MAX]
        except Exception as error:  # noqa: BLE001 - a receiver must not be able to stop the sweep, whatever it does
            message = _in_words(error, self._total_seconds)
            _LOG.info("webhook %s was not reached: %s", webhook.id, message)
        return Attempt(status, answer, message, int((time.monotonic() - started) * 1000))

    def _exchange(self, url: str, headers: dict[str, str], body: bytes, chars: int) -> tuple[int, str]:
        # Only a process that sends pays for an HTTP client.
        from httpcore2 import URL, ConnectionPool

        from figuard.webhooks.pinned import Deadline, PinnedNetwork

        deadline = Deadline(self._total_seconds)
        place = target(
            url,
            self._resolve,
            seconds=min(self._connect_seconds, self._total_seconds),
            allow_private=self.allow_private,
        )
        network = PinnedNetwork(place.addresses, deadline)
        timeout = {
            "connect": self._connect_seconds,
            "read": self._total_seconds,
            "write": self._total_seconds,
            "pool": self._total_seconds,
        }
        with (
            ConnectionPool(ssl_context=self._trust(place), network_backend=network) as pool,
            pool.stream(
                "POST",
                URL(scheme=place.scheme, host=place.host, port=place.port, target=place.path),
                headers={
                    "Host": place.authority,
                    **headers,
                    "User-Agent": _USER_AGENT,
                    "Accept": "*/*",
                    "Connection": "close",
                },
                content=body,
                extensions={"timeout": timeout},
            ) as response,
        ):
            return response.status, _start_of(response, chars)

    def _trust(self, place: Target) -> ssl.SSLContext | None:
        if self._ssl_context is None and place.scheme == "https":
            from httpx2 import create_ssl_context

            # Two threads may both make one; they are alike.
            self._ssl_context = create_ssl_context()
        return self._ssl_context


def _start_of(response: Response, chars: int) -> str:
    """Return the first characters of an answer; a body that never ends, or breaks off, is no failure by then."""
    from httpcore2 import NetworkError, ProtocolError, TimeoutException

    parts: list[bytes] = []
    read = 0
    try:
        for part in response.iter_stream():
            parts.append(part)
            read += len(part)
            if read >= chars * _BYTES_PER_CHAR_MAX:
                break
    except (NetworkError, ProtocolError, TimeoutException) as error:
        _LOG.debug("the answer broke off after %d bytes: %s", read, error)
    text = b"".join(parts).decode("utf-8", "replace")[:chars]
    # PostgreSQL keeps any text but this one character.
    return text.replace("\0", "�")


def _stored_secret(webhook: Webhook) -> str:
    return webhook.secret


def _complaint(status: int) -> str | None:
    """Return why an answer is no success, or None."""
    if 200 <= status < 300:  # noqa: PLR2004 - HTTP
        return None
    if 300 <= status < 400:  # noqa: PLR2004 - HTTP
        return f"the receiver answered {status}; redirects are not followed, register the final address"
    return f"the receiver answered {status}"


def _in_words(error: Exception, total_seconds: float) -> str:
    from httpcore2 import ConnectTimeout, TimeoutException

    if isinstance(error, ConnectTimeout):
        return "no connection in time"
    if isinstance(error, TimeoutException):
        return f"no answer within {total_seconds:g} s"
    text = str(error).strip()[:_MESSAGE_CHARS_MAX]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
