"""
Calls over HTTP: one request per call, failures as values, connections kept open between calls.

The only module of the client that knows an HTTP library, imported when a client speaks to a server.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from email.utils import parsedate_to_datetime
from typing import Any, TypeGuard
from urllib.parse import quote

import httpx2
import msgspec

from figuard._version import __version__
from figuard.client.config import Settings
from figuard.client.exceptions import FiGuardApiError
from figuard.client.steps import Call, Lost, Outcome, Refused, Replied, finish
from figuard.domain.codes import ErrorCode
from figuard.domain.instants import Instant
from figuard.wire.codec import decode, encode
from figuard.wire.operations import API_PREFIX, Operation

KEY_HEADER = "X-Agent-Budget-Key"
TOKEN_HEADER = "X-Session-Token"
IDEMPOTENCY_HEADER = "Idempotency-Key"
USER_AGENT = f"figuard-python/{__version__}"
_TEXT_SHOWN_MAX = 500
_OK = range(200, 300)
_REDIRECTS = range(300, 400)

Exchange = Callable[..., Awaitable[httpx2.Response]]


class HttpTransport:
    """Sends calls with a pooled blocking client; *client* is the caller's own, with its proxies and certificates."""

    def __init__(self, settings: Settings, client: httpx2.Client | None = None) -> None:
        self.settings = settings
        self._owns_client = client is None
        self._client = client or httpx2.Client()

    def send(self, call: Call) -> Outcome:
        """Send a request once and block until its outcome."""
        return finish(_exchanged(self.settings, call, self._request))

    async def _request(self, method: str, url: str, **options: Any) -> httpx2.Response:  # noqa: ANN401 - the library's
        return self._client.request(method, url, **options)

    def now(self) -> Instant:
        """Return the time of this machine."""
        return _now()

    def close(self) -> None:
        """Close the connections, unless the client is the caller's own. Harmless twice."""
        if self._owns_client:
            self._client.close()


class AsyncHttpTransport:
    """The same with an async client. Its connections belong to an event loop; another loop gets its own."""

    def __init__(self, settings: Settings, client: httpx2.AsyncClient | None = None) -> None:
        self.settings = settings
        self._given = client
        self._made: tuple[asyncio.AbstractEventLoop, httpx2.AsyncClient] | None = None

    async def send(self, call: Call) -> Outcome:
        """Send a request once and await its outcome."""
        return await _exchanged(self.settings, call, self._client().request)

    def _client(self) -> httpx2.AsyncClient:
        if self._given is not None:
            return self._given
        loop = asyncio.get_running_loop()
        if self._made is None or self._made[0] is not loop:
            # Connections of a loop that has ended cannot be used nor closed; they went with it.
            self._made = (loop, httpx2.AsyncClient())
        return self._made[1]

    def now(self) -> Instant:
        """Return the time of this machine."""
        return _now()

    async def close(self) -> None:
        """Close the connections, unless the client is the caller's own. Harmless twice."""
        made, self._made = self._made, None
        if made is not None and made[0] is asyncio.get_running_loop():
            await made[1].aclose()


def _now() -> Instant:
    return time.time_ns() // 1000


async def _exchanged(settings: Settings, call: Call, exchange: Exchange) -> Outcome:
    """Return what one request came to."""
    if call.session_token is not None and not _fits_header(call.session_token):
        # No header can carry it, so no service knows it: the answer it would get, without asking.
        said = f"{ErrorCode.INVALID_SESSION_TOKEN}: the session token has characters that no token has"
        return Refused(FiGuardApiError(401, said))
    try:
        response = await exchange(
            call.operation.method,
            f"{settings.base_url}{API_PREFIX}{_path(call)}",
            params=dict(call.query) or None,
            headers=_headers(settings, call),
            content=None if call.body is None else encode(call.body),
            timeout=call.timeout_seconds,
        )
    except httpx2.TimeoutException as error:
        return Lost(error, timed_out=True)
    except (httpx2.HTTPError, httpx2.StreamError, OSError) as error:
        return Lost(error)
    return _outcome(call.operation, response)


def _path(call: Call) -> str:
    return call.operation.path.format_map({name: quote(value, safe="") for name, value in call.path.items()})


def _headers(settings: Settings, call: Call) -> dict[str, str]:
    headers = {KEY_HEADER: settings.api_key, "Accept": "application/json", "User-Agent": USER_AGENT}
    if call.body is not None:
        headers["Content-Type"] = "application/json"
    if call.session_token is not None:
        headers[TOKEN_HEADER] = call.session_token
    if call.idempotency_key is not None:
        headers[IDEMPOTENCY_HEADER] = call.idempotency_key
    return headers


def _fits_header(value: str) -> bool:
    return value.isascii() and value.isprintable()


def _outcome(operation: Operation, response: httpx2.Response) -> Outcome:
    status = response.status_code
    if status in _OK:
        if operation.response is None or not response.content:
            return Replied(None, status)
        try:
            return Replied(decode(operation.response, response.content), status)
        except msgspec.MsgspecError as error:
            said = f"the answer to {operation.name} is not what FiGuard answers ({error}); is the base URL right?"
            return Refused(FiGuardApiError(status, said, _json(response.content)))
    if status in _REDIRECTS:
        place = response.headers.get("location", "nowhere")
        return Refused(
            FiGuardApiError(status, f"the server points to {place}; use that as the base URL if it is right")
        )
    return Refused(_error(status, response.headers, response.content))


def _error(status: int, headers: Mapping[str, str], content: bytes) -> FiGuardApiError:
    raw = _json(content)
    members: Mapping[str, object] = raw if _is_object(raw) else {}
    plain = content.decode(errors="replace").strip()[:_TEXT_SHOWN_MAX] or f"HTTP {status} without a word"
    message = members.get("message") or members.get("error") or plain
    return FiGuardApiError(
        status,
        str(message),
        raw,
        retry_after_seconds=_retry_after(headers.get("retry-after"), members.get("retryAfterSeconds")),
    )


def _is_object(raw: object) -> TypeGuard[dict[str, object]]:
    return isinstance(raw, dict)


def _json(content: bytes) -> object:
    try:
        return msgspec.json.decode(content)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def _retry_after(header: str | None, member: object) -> float | None:
    """Return the seconds that a server asks for, as a number or as a date in its header, or in its body."""
    if isinstance(member, (int, float)) and not isinstance(member, bool):
        return max(0.0, float(member))
    if header is None:
        return None
    try:
        return max(0.0, float(header))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(header).timestamp() - time.time())
    except (ValueError, OverflowError):
        return None
