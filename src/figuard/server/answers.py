"""
Answers: bytes and headers onto the wire, the same few ways for every route.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from starlette.types import Scope, Send

from figuard.domain.codes import ErrorCode
from figuard.domain.refusal import Refusal
from figuard.server.errors import error_body

Header = tuple[bytes, bytes]
JSON: Header = (b"content-type", b"application/json")
CLOSE: Header = (b"connection", b"close")
TRACE_KEY = "figuard.trace_id"
"""Where a request's scope keeps its trace id."""
# After these the rest of the body may still be on its way; nobody waits for it.
_CUTS_OFF = frozenset({ErrorCode.PAYLOAD_TOO_LARGE})


def trace_of(scope: Scope) -> str | None:
    """Return the trace id of a request."""
    return scope.get(TRACE_KEY)


async def send_bytes(send: Send, status: int, body: bytes, headers: Iterable[Header] = (JSON,)) -> None:
    """Send a whole answer."""
    length = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": status, "headers": [*headers, length]})
    await send({"type": "http.response.body", "body": body})


async def send_nothing(send: Send, status: int, headers: Iterable[Header] = ()) -> None:
    """Send an answer without a body."""
    await send({"type": "http.response.start", "status": status, "headers": list(headers)})
    await send({"type": "http.response.body", "body": b""})


async def send_refusal(
    send: Send, refusal: Refusal, *, session_token: str | None = None, headers: Iterable[Header] = ()
) -> None:
    """Send what a refusal says, with ``Retry-After`` where the caller should wait."""
    status, body = error_body(refusal, session_token)
    named = [JSON, *headers]
    if refusal.retry_after_seconds is not None:
        named.append((b"retry-after", str(max(1, math.ceil(refusal.retry_after_seconds))).encode()))
    if refusal.code in _CUTS_OFF:
        named.append(CLOSE)
    await send_bytes(send, status, body, named)
