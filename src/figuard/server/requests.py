"""
Requests: what a handler takes from one, read once and within limits.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import parse_qsl

from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope

from figuard.domain.codes import ErrorCode
from figuard.domain.refusal import Refusal

QUERY_PARAMETERS_MAX = 50
"""How many parameters of a query are read."""
QUERY_BYTES_MAX = 8192
"""How long a query may be."""


class Heads(NamedTuple):
    """The headers an operation looks at; each None when absent."""

    api_key: str | None
    session_token: str | None
    idempotency_key: str | None
    content_type: str | None
    content_length: int


def heads_of(scope: Scope) -> Heads:
    """Return the headers of a request, in one pass."""
    api_key = session_token = idempotency_key = content_type = None
    length = 0
    for name, value in scope["headers"]:
        if name == b"x-agent-budget-key":
            api_key = value.decode("latin-1")
        elif name == b"x-session-token":
            session_token = value.decode("latin-1").strip() or None
        elif name == b"content-type":
            content_type = value.decode("latin-1")
        elif name == b"content-length":
            length = int(value) if value.isdigit() else 0
        elif name == b"idempotency-key":
            idempotency_key = value.decode("latin-1")
    return Heads(api_key, session_token, idempotency_key, content_type, length)


def header(scope: Scope, name: bytes) -> str | None:
    """Return one header by its lower-case name, or None."""
    return next((value.decode("latin-1") for found, value in scope["headers"] if found == name), None)


def query_of(scope: Scope, names: tuple[str, ...]) -> Mapping[str, str]:
    """Return the parameters called *names*; others are ignored. Raises ``Refusal`` (``INVALID_REQUEST``)."""
    raw: bytes = scope.get("query_string", b"")
    if not raw or not names:
        return {}
    if len(raw) > QUERY_BYTES_MAX:
        raise Refusal(ErrorCode.INVALID_REQUEST, f"the query has {len(raw):,} bytes, {QUERY_BYTES_MAX:,} are read")
    try:
        pairs = parse_qsl(raw.decode("latin-1"), keep_blank_values=True, max_num_fields=QUERY_PARAMETERS_MAX)
    except ValueError as error:
        raise Refusal(ErrorCode.INVALID_REQUEST, f"the query cannot be read: {error}") from None
    return {name: value for name, value in pairs if name in names}


def check_media_type(content_type: str | None) -> None:
    """Raise ``Refusal`` (``UNSUPPORTED_MEDIA_TYPE``) for a body that says it is something other than JSON in UTF-8."""
    if content_type is None or content_type == "application/json":
        return
    kind, *parameters = (part.strip().lower() for part in content_type.split(";"))
    if kind not in {"", "application/json"} and not (kind.startswith("application/") and kind.endswith("+json")):
        raise Refusal(ErrorCode.UNSUPPORTED_MEDIA_TYPE, f"the body is declared as {content_type[:100]!r}")
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "charset" and value.strip(" \"'") not in {"utf-8", "utf8", "us-ascii"}:
            raise Refusal(ErrorCode.UNSUPPORTED_MEDIA_TYPE, f"the body is declared to be in {value[:50]}, not in UTF-8")


async def read_body(receive: Receive, length: int, *, most: int, seconds: float) -> bytes:
    """
    Return the body.

    Raises ``Refusal``: ``PAYLOAD_TOO_LARGE`` as soon as that is known, ``REQUEST_TIMEOUT`` when it does not arrive in
    time; and ``ClientDisconnect`` when nobody is there any more.
    """
    if length > most:
        raise _too_large(length, most)
    try:
        async with asyncio.timeout(seconds):
            return await _received(receive, most)
    except TimeoutError:
        raise Refusal(ErrorCode.REQUEST_TIMEOUT, f"the body did not arrive within {seconds:g} s") from None


async def _received(receive: Receive, most: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        part: bytes = message.get("body", b"")
        size += len(part)
        if size > most:
            raise _too_large(size, most)
        if not message.get("more_body"):
            return b"".join((*parts, part)) if parts else part
        parts.append(part)


def _too_large(size: int, most: int) -> Refusal:
    return Refusal(ErrorCode.PAYLOAD_TOO_LARGE, f"the body has {size:,} bytes or more, {most:,} are accepted")
