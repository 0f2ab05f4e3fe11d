"""
The express way of the hot operations: from a request's bytes to its answer's without a task of its own.

A request that arrives whole, under a key that was looked up a moment ago, goes straight into a lane, and its answer is
written when the lane's batch is committed. What is checked, in which order, and what is answered is exactly what
``figuard.server.api`` and ``figuard.server.shell`` do, by the same functions (tested request by request). Whatever is
not that simple takes the ordinary way; nothing has been done by then.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Callable, Coroutine
from http import HTTPStatus
from time import perf_counter
from typing import Any, Protocol, cast

import structlog

from figuard.domain.admin import KeyScope
from figuard.domain.codes import ErrorCode
from figuard.domain.commands import Order
from figuard.domain.refusal import Refusal
from figuard.engine.async_engine import overloaded
from figuard.engine.batch import Outcome
from figuard.server.answers import JSON
from figuard.server.api import HOT, Api, late
from figuard.server.auth import Pass, check_scope, under_key
from figuard.server.errors import error_body
from figuard.server.requests import Heads, check_media_type, heads_of
from figuard.server.shell import HEADERS, NO_STORE, failed, new_trace_id
from figuard.service import Caller, Steps, call_of, steps
from figuard.wire.codec import encode
from figuard.wire.context import Context
from figuard.wire.operations import OPERATIONS, Operation

_LOG = structlog.stdlib.get_logger(__name__)
_NO_QUERY: dict[str, str] = {}
_EVENT = "{eventId}"
# With one of these a request is not the simple kind; a body without a length comes in pieces.
_UNCOMMON = frozenset({b"origin", b"expect", b"transfer-encoding", b"upgrade"})
_KEEP_ALIVE = b"keep-alive"
TURN_ANSWERS_MAX = 100
"""How many requests are turned away in one turn of the loop."""
GLANCE_BYTES_MAX = 8192
"""Up to which size a request may be turned away at a glance."""
_NO_HEADS = Heads(None, None, None, None, 0)
_LENGTH = b"\r\ncontent-length:"
# What in a head makes a request one of another kind.
_SPECIAL = tuple(b"\r\n%s:" % name for name in (*sorted(_UNCOMMON), b"connection"))
_STATUS_LINES = {
    status.value: b"HTTP/1.1 %d %s\r\n%s: %s\r\n" % (status, status.phrase.encode(), *JSON) for status in HTTPStatus
}
_COMMON = b"".join(b"%s: %s\r\n" % pair for pair in (*HEADERS, NO_STORE))


class Connection(Protocol):
    """What an exchange needs of the connection it belongs to."""

    def answered(self, exchange: Exchange, data: bytes) -> None:
        """Write an answer and go on to the next request."""
        ...

    def take_the_ordinary_way(self, exchange: Exchange) -> None:
        """Hand the request to the application."""
        ...


class Exchange:
    """
    One request on its way to its answer.

    In the eyes of uvicorn's connection it is what handles the request at present, hence the names.
    """

    __slots__ = (
        "body", "connection", "disconnected", "heads", "is_served", "keep_alive", "more_body", "operation", "path",
        "response_complete", "running", "started", "timer", "trace_id", "url",
    )  # fmt: skip

    def __init__(
        self, connection: Connection, operation: Operation, url: bytes, path: dict[str, str], heads: Heads
    ) -> None:
        self.connection = connection
        self.url = url
        self.operation = operation
        self.path = path
        self.heads = heads
        self.body = bytearray()
        self.more_body = True
        self.is_served = False
        self.keep_alive = True
        self.response_complete = False
        self.disconnected = False

    @property
    def message_event(self) -> Exchange:
        """What uvicorn sets when something has arrived or the caller has gone away."""
        return self

    def set(self) -> None:
        """Do nothing: nobody waits here."""


class Express:
    """Carries exchanges out. Belongs to one event loop."""

    def __init__(self, api: Api) -> None:
        """Share everything with the ordinary way."""
        self._api = api
        self._engine = api.gate.engine
        self._exact: dict[bytes, Operation] = {}
        self._of_event: dict[bytes, Operation] = {}
        for operation in map(OPERATIONS.__getitem__, HOT):
            before, _, after = operation.url.partition(_EVENT)
            if after:
                self._before, self._of_event[after.encode()] = before.encode(), operation
            else:
                self._exact[before.encode()] = operation
        self._crowd: deque[Exchange] = deque()
        self._no_room = overloaded(api.settings.queue_max)
        status, body = error_body(self._no_room)
        self._turned_away = _rendered(status, body.replace(b"%", b"%%"), b"%s", _retry_after(self._no_room), b"")

    # -- which requests --------------------------------------------------------------------------------------------

    def exchange(self, connection: Connection, url: bytes, headers: list[tuple[bytes, bytes]]) -> Exchange | None:
        """Return the exchange for a POST request whose head has arrived, or None when it takes the ordinary way."""
        path = _NO_QUERY
        operation = self._exact.get(url)
        if operation is None:
            if not url.startswith(self._before):
                return None
            event_id, slash, word = url[len(self._before) :].partition(b"/")
            operation = self._of_event.get(slash + word)
            if operation is None or not event_id.replace(b"-", b"").isalnum():
                return None
            path = {"eventId": event_id.decode("ascii")}
        for name, value in headers:
            if name in _UNCOMMON or (name == b"connection" and value.lower() != _KEEP_ALIVE):
                return None
        heads = heads_of({"headers": headers})
        if not 0 < heads.content_length <= self._api.settings.body_bytes_max:
            return None
        return Exchange(connection, operation, url, path, heads)

    # -- at the door -----------------------------------------------------------------------------------------------

    def turns_away(self, connection: Connection, data: bytes) -> Exchange | None:
        """
        Take a whole hot request for which there is no room, to be answered in a moment; None when in doubt.

        A crowd that cannot be served must cost next to nothing, or nobody is served: nothing of the request is parsed
        but where it ends, and only a little of each turn of the loop goes into such answers. *data* is all that has
        arrived since the request before it.
        """
        if not self._engine.is_full or len(data) > GLANCE_BYTES_MAX:
            return None
        operation = self._glance(data)
        if operation is None:
            return None
        exchange = Exchange(connection, operation, b"", _NO_QUERY, _NO_HEADS)
        exchange.is_served, exchange.more_body = True, False
        self._crowd.append(exchange)
        if len(self._crowd) == 1:
            asyncio.get_running_loop().call_soon(self._turn_away)
        return exchange

    def _glance(self, data: bytes) -> Operation | None:
        """Return what a request asks for whose head and body are all there and of the simple kind."""
        end = data.find(b"\r\n\r\n")
        head = data[: end + 2].lower()
        at = head.find(_LENGTH)
        length = head[at + len(_LENGTH) : head.find(b"\r\n", at + 2)].strip()
        if at < 0 or at != head.rfind(_LENGTH) or not length.isdigit() or len(data) != end + 4 + int(length):
            return None
        for name in _SPECIAL:
            if name in head:
                return None
        method, _, rest = data[: data.find(b"\r\n")].partition(b" ")
        url, _, version = rest.partition(b" ")
        return self._exact.get(url) if (method, version) == (b"POST", b"HTTP/1.1") else None

    def _turn_away(self) -> None:
        """Answer some of the crowd, and the rest after whoever was admitted has had a turn."""
        for _ in range(min(len(self._crowd), TURN_ANSWERS_MAX)):
            exchange = self._crowd.popleft()
            self._api.counts.refused(exchange.operation, self._no_room)
            exchange.connection.answered(exchange, self._turned_away % new_trace_id().encode())
        if self._crowd:
            asyncio.get_running_loop().call_soon(self._turn_away)

    # -- from the body to the lane ---------------------------------------------------------------------------------

    def serve(self, exchange: Exchange) -> None:
        """Carry out an exchange whose body has arrived."""
        exchange.started = perf_counter()
        exchange.trace_id = new_trace_id()
        api = self._api
        try:
            api.check_room()
            held = api.gate.remembered(exchange.heads.api_key)
            if held is None or _needs_look_up(held, exchange):
                exchange.connection.take_the_ordinary_way(exchange)
                return
            try:
                order = self._order(exchange, held)
            except Refusal:
                if held.is_fresh(self._engine.now()):
                    raise
                # Before anything else is said to the caller, its key has to be looked at again.
                exchange.connection.take_the_ordinary_way(exchange)
                return
            future = self._engine.submit(order)
        except Refusal as refusal:
            self._refuse(exchange, refusal)
            return
        except Exception as error:  # noqa: BLE001 - logged, and answered as what it is
            self._fail(exchange, error)
            return
        exchange.timer = asyncio.get_running_loop().call_later(api.settings.request_seconds, self._late, exchange)
        future.add_done_callback(self._settling(exchange, order))

    def _order(self, exchange: Exchange, held: Pass) -> Order:
        """Check everything about a request, in the order of ``Api.handle``, and return what it orders."""
        api, operation, heads = self._api, exchange.operation, exchange.heads
        api.rate.take(held.key.id)
        check_scope(held, operation)
        check_media_type(heads.content_type)
        only_budget_id = _at_once(api.gate.confinement(held, operation, heads.session_token))
        service = held.service
        call = call_of(operation, exchange.path, _NO_QUERY, bytes(exchange.body), heads.session_token)
        context = Context(self._engine.now(), service.settings, service.engine.hasher.hash, exchange.trace_id)
        caller = Caller(held.key.tenant_id, held.actor, only_budget_id)
        exchange.running = steps(operation, call, context, caller, heads.idempotency_key, None)
        return under_key(cast("Order", next(exchange.running)), held.key.id)

    # -- from the lane to the answer -------------------------------------------------------------------------------

    def _settling(self, exchange: Exchange, order: Order) -> Callable[[asyncio.Future[Outcome]], None]:
        def settle(future: asyncio.Future[Outcome]) -> None:
            if exchange.response_complete:
                return
            exchange.timer.cancel()
            try:
                reply = self._engine.settled(order, future.result())
                status, answer = _ended(exchange.running, reply)
                body = encode(answer)
            except Refusal as refusal:
                self._refused(exchange, refusal)
            except Exception as error:  # noqa: BLE001 - logged, and answered as what it is
                self._fail(exchange, error)
            else:
                seconds = perf_counter() - exchange.started
                self._api.counts.answered(exchange.operation, status, answer, seconds)
                self._answer(exchange, status, body)

        return settle

    def _refused(self, exchange: Exchange, refusal: Refusal) -> None:
        """Answer what the engine refused, unless the ordinary way may know better."""
        if refusal.code is ErrorCode.INVALID_API_KEY:
            self._api.gate.forget()
        if refusal.code is ErrorCode.INVALID_SESSION_TOKEN and self._api.hasher.has_older:
            # The token may be known by its hash under an older pepper, which takes a look-up.
            exchange.connection.take_the_ordinary_way(exchange)
            return
        self._refuse(exchange, refusal)

    def _late(self, exchange: Exchange) -> None:
        """Answer a request that has waited too long; what it ordered may still be committed."""
        if not exchange.response_complete:
            self._refuse(exchange, late(self._api.settings.request_seconds))

    def _refuse(self, exchange: Exchange, refusal: Refusal) -> None:
        self._api.counts.refused(exchange.operation, refusal)
        self._say(exchange, refusal)

    def _say(self, exchange: Exchange, refusal: Refusal) -> None:
        status, body = error_body(refusal, exchange.heads.session_token)
        self._answer(exchange, status, body, _retry_after(refusal))

    def _fail(self, exchange: Exchange, error: Exception) -> None:
        path = exchange.operation.path
        _LOG.error("a request failed", trace_id=exchange.trace_id, method="POST", path=path, exc_info=error)
        self._say(exchange, failed(error, exchange.trace_id))

    def _answer(self, exchange: Exchange, status: int, body: bytes, more: bytes = b"") -> None:
        close = b"" if exchange.keep_alive else b"connection: close\r\n"
        exchange.connection.answered(exchange, _rendered(status, body, exchange.trace_id.encode(), more, close))


def _retry_after(refusal: Refusal) -> bytes:
    after = refusal.retry_after_seconds
    return b"" if after is None else b"retry-after: %d\r\n" % max(1, math.ceil(after))


def _rendered(status: int, body: bytes, trace_id: bytes, more: bytes, close: bytes) -> bytes:
    """Return a whole answer."""
    head = b"%s%sx-trace-id: %s\r\n%s%s" % (_STATUS_LINES[status], more, trace_id, _COMMON, close)
    return b"%scontent-length: %d\r\n\r\n%s" % (head, len(body), body)


def _needs_look_up(held: Pass, exchange: Exchange) -> bool:
    """Return whether an agent settles under a session token, which ``Gate.confinement`` has to look up."""
    operation = exchange.operation
    by_body = operation.session_token or operation.name == "authorize_batch"
    return held.key.scope is KeyScope.AGENT and exchange.heads.session_token is not None and not by_body


def _at_once(work: Coroutine[Any, Any, str | None]) -> str | None:
    """Return what a coroutine comes to that has nothing to wait for."""
    try:
        work.send(None)
    except StopIteration as done:
        return done.value
    work.close()
    raise AssertionError("there was something to wait for")


def _ended(running: Steps, reply: Any) -> tuple[int, Any]:  # noqa: ANN401 - any reply
    try:
        running.send(reply)
    except StopIteration as end:
        return end.value
    raise AssertionError("a hot operation is one order")
