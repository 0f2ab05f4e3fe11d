"""
The shell around everything: trace id, security headers, CORS, and what becomes of a failure nobody expected.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

import structlog
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Receive, Scope, Send

from figuard.domain.codes import ErrorCode
from figuard.domain.refusal import Refusal
from figuard.host import random_uuid
from figuard.server.answers import TRACE_KEY, Header, send_nothing, send_refusal
from figuard.server.requests import header
from figuard.server.settings import ServerSettings

_LOG = structlog.stdlib.get_logger(__name__)
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""The content security policy of every answer: nothing inline, nothing from elsewhere, in nobody's frame."""
HEADERS: tuple[Header, ...] = (
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
)
NO_STORE: Header = (b"cache-control", b"no-store")
"""What is not said to be kept is not kept."""
_CORS: tuple[Header, ...] = (
    (b"access-control-allow-methods", b"GET, POST, PATCH, PUT, DELETE, OPTIONS"),
    (
        b"access-control-allow-headers",
        b"Content-Type, X-Agent-Budget-Key, X-Session-Token, Authorization, Idempotency-Key",
    ),
    (b"access-control-max-age", b"3600"),
)


class Shell:
    """Wraps the application. Nothing that happens inside it ends in anything but a proper answer."""

    def __init__(self, app: ASGIApp, settings: ServerSettings) -> None:
        """Wrap *app*."""
        self._app = app
        self._origins = frozenset(origin.encode("latin-1") for origin in settings.cors_origins)
        self._any_origin = b"*" in self._origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or pass the lifespan on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        trace_id = new_trace_id()
        scope[TRACE_KEY] = trace_id
        common = [(b"x-trace-id", trace_id.encode()), *HEADERS, *self._cors(scope)]
        started = False

        async def answer(message: MutableMapping[str, Any]) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                given: list[Header] = message["headers"]
                message["headers"] = [*given, *_absent(common, given)]
            await send(message)

        if scope["method"] == "OPTIONS":
            await send_nothing(answer, 200, ((b"content-length", b"0"),))
            return
        try:
            await self._app(scope, receive, answer)
        except ClientDisconnect:
            _LOG.debug("the caller went away", trace_id=trace_id, path=scope["path"])
        except Refusal as refusal:
            await send_refusal(answer, refusal)
        except Exception as error:
            _LOG.exception("a request failed", trace_id=trace_id, method=scope["method"], path=scope["path"])
            if started:
                raise
            await send_refusal(answer, failed(error, trace_id))

    def _cors(self, scope: Scope) -> tuple[Header, ...]:
        """Return what a browser wants to hear about the page it asks for; others are told nothing."""
        origin = header(scope, b"origin")
        if origin is None:
            return ()
        name = origin.encode("latin-1")
        if not self._any_origin and name not in self._origins:
            return ((b"vary", b"Origin"),)
        return ((b"access-control-allow-origin", name), (b"vary", b"Origin"), *_CORS)


new_trace_id = random_uuid
"""Return the id of a request: a random UUID as text."""


def failed(error: Exception, trace_id: str) -> Refusal:
    """Return what a caller is told of a defect of ours."""
    said = f"the request failed inside FiGuard ({type(error).__name__}); its trace id is {trace_id}"
    return Refusal(ErrorCode.INTERNAL_ERROR, said)


def _absent(common: list[Header], given: list[Header]) -> list[Header]:
    """Return the headers that the answer does not set itself; what is not said to be kept is not kept."""
    if len(given) <= 2:  # noqa: PLR2004 - type and length alone: nearly every answer
        return [*common, NO_STORE]
    names = {name for name, _ in given}
    left = [pair for pair in common if pair[0] not in names]
    return left if b"cache-control" in names else [*left, NO_STORE]


async def unknown_path(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer a path at which there is nothing."""
    said = f"there is nothing at {scope['path'][:200]!r}"
    await send_refusal(send, Refusal(ErrorCode.UNKNOWN_PATH, said))
