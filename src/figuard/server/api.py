"""
The API: one ASGI endpoint per path of the table of operations.

Everything between a request's bytes and its answer's is here, in the order in which it is checked: method, key, rate,
scope, media type, size, and then whatever ``figuard.service`` finds.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from time import perf_counter
from typing import Any

import msgspec
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from figuard.domain.codes import ErrorCode
from figuard.domain.refusal import Refusal
from figuard.server.answers import send_bytes, send_nothing, send_refusal, trace_of
from figuard.server.auth import Gate, Pass, check_scope
from figuard.server.metrics import Counts
from figuard.server.ratelimit import RateLimit
from figuard.server.requests import Heads, check_media_type, heads_of, query_of, read_body
from figuard.server.settings import ServerSettings
from figuard.server.tokens import AgedHasher
from figuard.service import Answer
from figuard.wire.codec import encode
from figuard.wire.operations import OPERATIONS, Operation

HOT = ("authorize", "confirm_event", "fail_event", "void_event", "authorize_batch")
"""The operations whose routes are tried first."""
_ENDS_KEYS = frozenset({"revoke_api_key", "rotate_api_key"})
_NO_QUERY: Mapping[str, str] = {}


class Api:
    """What all endpoints share."""

    def __init__(
        self, settings: ServerSettings, gate: Gate, rate: RateLimit, counts: Counts, hasher: AgedHasher
    ) -> None:
        """Let requests in by *gate* and *rate*."""
        self.settings = settings
        self.gate = gate
        self.rate = rate
        self.counts = counts
        self.hasher = hasher

    def routes(self) -> list[BaseRoute]:
        """Return a route per path: hot ones first, then those with fewer parameters, so that words beat ids."""
        by_path: dict[str, dict[str, Operation]] = {}
        for operation in sorted(OPERATIONS.values(), key=_rank):
            by_path.setdefault(operation.url, {})[operation.method] = operation
        return [Route(_pattern(path), Endpoint(self, methods)) for path, methods in by_path.items()]

    def check_room(self) -> None:
        """Raise ``Refusal`` (``OVERLOADED``) while too many orders wait: it has to cost less than what is refused."""
        self.gate.engine.check_room()

    async def handle(self, operation: Operation, scope: Scope, receive: Receive, heads: Heads) -> Answer:
        """Carry out one request. Raises ``Refusal`` and ``ClientDisconnect``."""
        self.check_room()
        held = await self.gate.admit(heads.api_key)
        self.rate.take(held.key.id)
        check_scope(held, operation)
        body = b""
        if operation.request is not None:
            check_media_type(heads.content_type)
            settings = self.settings
            body = await read_body(
                receive, heads.content_length, most=settings.body_bytes_max, seconds=settings.body_seconds
            )
        try:
            return await self._answered(operation, scope, heads, held, body)
        except Refusal as refusal:
            if refusal.code is ErrorCode.INVALID_API_KEY:
                self.gate.forget()
            if refusal.code is not ErrorCode.INVALID_SESSION_TOKEN:
                raise
            if not await self.hasher.learn(self.gate.engine, _tokens(heads, body)):
                raise
        return await self._answered(operation, scope, heads, held, body)

    async def _answered(self, operation: Operation, scope: Scope, heads: Heads, held: Pass, body: bytes) -> Answer:
        only_budget_id = await self.gate.confinement(held, operation, heads.session_token)
        try:
            async with asyncio.timeout(self.settings.request_seconds):
                answer = await held.service.handle(
                    operation,
                    tenant_id=held.key.tenant_id,
                    actor=held.actor,
                    path=scope["path_params"],
                    query=query_of(scope, operation.query) if operation.query else _NO_QUERY,
                    body=body,
                    session_token=heads.session_token,
                    idempotency_key=heads.idempotency_key,
                    only_budget_id=only_budget_id,
                    trace_id=trace_of(scope),
                )
        except TimeoutError:
            raise late(self.settings.request_seconds) from None
        if operation.name in _ENDS_KEYS:
            self.gate.forget()
        return answer


def late(seconds: float) -> Refusal:
    """Return what a caller is told that has waited for so long."""
    return Refusal(ErrorCode.STORE_UNAVAILABLE, f"there was no answer within {seconds:g} s", retry_after_seconds=1.0)


class Endpoint:
    """The operations of one path, as an ASGI application."""

    def __init__(self, api: Api, operations: Mapping[str, Operation]) -> None:
        """Take the operations by method."""
        self._api = api
        self._operations = dict(operations)
        if "GET" in operations:
            self._operations["HEAD"] = operations["GET"]
        self._allow = ", ".join(sorted({*self._operations, "OPTIONS"})).encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        operation = self._operations.get(scope["method"])
        if operation is None:
            allowed = self._allow.decode()
            refusal = Refusal(ErrorCode.METHOD_NOT_ALLOWED, f"{scope['method']} is not possible here, but {allowed}")
            await send_refusal(send, refusal, headers=((b"allow", self._allow),))
            return
        started = perf_counter()
        heads = heads_of(scope)
        try:
            status, answer = await self._api.handle(operation, scope, receive, heads)
        except Refusal as refusal:
            self._api.counts.refused(operation, refusal)
            await send_refusal(send, refusal, session_token=heads.session_token)
            return
        self._api.counts.answered(operation, status, answer, perf_counter() - started)
        if answer is None:
            await send_nothing(send, status)
        else:
            await send_bytes(send, status, encode(answer))


def _rank(operation: Operation) -> tuple[bool, int, int, str]:
    hot = HOT.index(operation.name) if operation.name in HOT else len(HOT)
    # A path with fewer parameters is the more particular one; of two with as many, the one whose word comes first.
    return operation.name not in HOT, hot, operation.path.count("{"), operation.path.replace("{", "~")


def _pattern(url: str) -> str:
    """Return a path as the router wants it; a subscriber's own id may hold slashes."""
    return url.replace("{externalSubscriberId}", "{externalSubscriberId:path}")


def _tokens(heads: Heads, body: bytes) -> Iterable[str]:
    """Return the session tokens that a request names, in its header and in the items of a batch."""
    if heads.session_token is not None:
        yield heads.session_token
    try:
        items: Any = msgspec.json.decode(body, type=_Batch).requests
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return
    yield from (item.session_token for item in items if item.session_token)


class _Item(msgspec.Struct, rename="camel"):
    session_token: str | None = None


class _Batch(msgspec.Struct):
    requests: list[_Item] = []
