"""
Answers: bytes and headers onto the wire, the same few ways for every route.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from starlette.types import Scope, Send

from figuard.domain.refusal import Refusal
from figuard.server.errors import error_body

Header = tuple[bytes, bytes]
JSON: Header = (b"content-type", b"application/json")
TRACE_KEY = "figuard.trace_id"
"""Where a request's scope keeps its trace id."""


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
    """
    Send what a refusal says, with ``Retry-After`` where the caller should wait.

    The connection stays open, even when the rest of the body is still on its way: closing would reset it under that,
    and take the answer along. ``figuard.server.protocol`` ends it when the rest takes too long.
    """
    status, body = error_body(refusal, session_token)
    named = [JSON, *headers]
    if refusal.retry_after_seconds is not None:
        named.append((b"retry-after", str(max(1, math.ceil(refusal.retry_after_seconds))).encode()))
    await send_bytes(send, status, body, named)
