"""
One service, four ways to speak to it: blocking and awaited, in this process and over HTTP.

Over HTTP means through every byte of it but the socket: requests and answers are encoded, routed by the table of
operations, and decoded again.
"""

from __future__ import annotations

import asyncio
import inspect
import re

import httpx2
import msgspec

from figuard import AsyncFiGuardClient, FiGuardClient, Retry
from figuard.client.embedded_transport import AsyncEmbeddedTransport, EmbeddedTransport
from figuard.client.hands import Threads
from figuard.domain.refusal import Refusal
from figuard.embedded import open_embedded
from figuard.testing.determinism import ManualClock
from figuard.wire.codec import encode
from figuard.wire.context import Settings
from figuard.wire.errors import error_response
from figuard.wire.operations import API_PREFIX, OPERATIONS

WAYS = ["embedded", "embedded-async", "http", "http-async"]
_ROUTES = [
    (operation, re.compile(API_PREFIX + re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", operation.path)))
    # The longer path first: /webhooks/deliveries is no webhook called "deliveries".
    for operation in sorted(OPERATIONS.values(), key=lambda one: ("{" in one.path, -len(one.path)))
]


class Desk:
    """A service with a clock turned by hand, and a client to it."""

    def __init__(self, way):
        self.clock = ManualClock()
        settings = Settings(never_expires=True, base_url="https://figuard.test")
        self.handle = open_embedded(":memory:", clock=self.clock, settings=settings, deliver=self._deliver)
        self.delivered = []
        self.requests = []
        self._loop = asyncio.new_event_loop() if way.endswith("async") else None
        self.guard = self._client(way)

    def _client(self, way):
        embedded = EmbeddedTransport(self.handle)
        options = {"retry": Retry(1), "log": False}
        if way == "embedded":
            return FiGuardClient(transport=embedded, **options)
        if way == "embedded-async":
            return Blocking(
                AsyncFiGuardClient(transport=AsyncEmbeddedTransport(embedded, Threads()), **options), self._loop
            )
        transport = httpx2.MockTransport(self.answer)
        where = {"api_key": "fg_live_test", "base_url": "https://figuard.test", "clock": self.clock, **options}
        if way == "http":
            return FiGuardClient(http_client=httpx2.Client(transport=transport), **where)
        return Blocking(AsyncFiGuardClient(http_client=httpx2.AsyncClient(transport=transport), **where), self._loop)

    def answer(self, request):
        """Answer one HTTP request as a server does."""
        self.requests.append(request)
        path = request.url.raw_path.decode().partition("?")[0]
        operation, found = next(
            (one, match) for one, route in _ROUTES if one.method == request.method and (match := route.fullmatch(path))
        )
        try:
            status, body = self.handle.service.handle(
                operation,
                tenant_id=self.handle.tenant_id,
                actor="test",
                path={name: httpx2.URL(f"http://x/{value}").path[1:] for name, value in found.groupdict().items()},
                query=dict(request.url.params),
                body=request.content,
                session_token=request.headers.get("X-Session-Token"),
                idempotency_key=request.headers.get("Idempotency-Key"),
            )
        except Refusal as refusal:
            status, body = error_response(refusal)
        return httpx2.Response(int(status), content=b"" if body is None else encode(body))

    def _deliver(self, *notice):
        self.delivered.append(notice)
        raise msgspec.MsgspecError("no endpoint in tests")

    def close(self):
        """Release everything."""
        self.guard.close()
        self.handle.close()
        if self._loop is not None:
            self._loop.close()


class Blocking:
    """An asyncio client whose every call is run to its end, so that one scenario serves all four ways."""

    def __init__(self, client, loop):
        self._awaited = client
        self._loop = loop

    def __getattr__(self, name):
        value = getattr(self._awaited, name)
        return self._wrapped(value) if callable(value) else value

    def _wrapped(self, method):
        def call(*args, **kwargs):
            made = method(*args, **kwargs)
            if inspect.iscoroutine(made):
                return self._loop.run_until_complete(made)
            if inspect.isasyncgen(made):
                return iter(self._loop.run_until_complete(self._listed(made)))
            return BlockingBlock(made, self._loop) if hasattr(made, "__aenter__") else made

        return call

    @staticmethod
    async def _listed(records):
        return [record async for record in records]


class BlockingBlock:
    """An ``async with`` block entered and left from outside of its loop; its scope ends with each run."""

    def __init__(self, block, loop):
        self._block = block
        self._loop = loop

    def __enter__(self):
        self._loop.run_until_complete(self._block.__aenter__())
        return self._block

    def __exit__(self, kind, error, trace):
        self._loop.run_until_complete(self._block.__aexit__(kind, error, trace))
