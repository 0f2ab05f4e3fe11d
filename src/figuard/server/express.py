"""
The express way of the hot operations: from a request's bytes to its answer's without a task of its own.

A request that arrives whole, under a key that was looked up a moment ago, goes straight into a lane, and its answer is
written when the lane's batch is committed. One whose header lines were sent before (``figuard.server.blocks``) is not
even parsed: its request line is compared, its lines are found again, and what is left is its body.

What is checked, in which order, and what is answered is exactly what ``figuard.server.api`` and
``figuard.server.shell`` do, by the same functions (tested request by request). Whatever is not that simple takes the
ordinary way; nothing has been done by then.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from functools import partial
from http import HTTPStatus
from time import perf_counter
from typing import Protocol, cast

import structlog

from figuard.domain.codes import ErrorCode
from figuard.domain.commands import Command, Order
from figuard.domain.instants import Instant
from figuard.domain.refusal import Refusal
from figuard.engine.async_engine import overloaded
from figuard.engine.batch import Outcome
from figuard.server.answers import JSON
from figuard.server.api import HOT, Api, late
from figuard.server.auth import Pass, check_scope, needs_look_up
from figuard.server.blocks import END, UNCOMMON, Block, Blocks, Headers, simple
from figuard.server.errors import error_body
from figuard.server.requests import Heads, check_media_type
from figuard.server.shell import HEADERS, NO_STORE, failed, new_trace_id
from figuard.service import answered, call_of, ordered, understood
from figuard.wire.codec import encode
from figuard.wire.context import Context
from figuard.wire.operations import OPERATIONS, Operation

_LOG = structlog.stdlib.get_logger(__name__)
_NO_QUERY: dict[str, str] = {}
_EVENT = "{eventId}"
_METHOD = b"POST "
_VERSION = b" HTTP/1.1"
TURN_ANSWERS_MAX = 100
"""How many requests are turned away in one turn of the loop."""
GLANCE_BYTES_MAX = 8192
"""Up to which size a request may be turned away at a glance."""
_NO_BLOCK = Block([], Heads(None, None, None, None, 0))
_LENGTH = b"\r\ncontent-length:"
# What in a head makes a request one of another kind.
_SPECIAL = tuple(b"\r\n%s:" % name for name in (*sorted(UNCOMMON), b"connection"))
# An answer's head: this, its trace id, and that.
_BEGINNINGS = {
    status.value: b"HTTP/1.1 %d %s\r\n%s: %s\r\nx-trace-id: " % (status, status.phrase.encode(), *JSON)
    for status in HTTPStatus
}
_COMMON = b"".join(b"\r\n%s: %s" % pair for pair in (*HEADERS, NO_STORE))


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

    body = b""
    more_body = True
    is_served = False
    keep_alive = True
    response_complete = False
    disconnected = False
    started: float
    trace_id: str
    context: Context

    def __init__(
        self,
        connection: Connection,
        operation: Operation,
        url: bytes,
        path: dict[str, str],
        block: Block,
        session_token: str | None,
    ) -> None:
        self.connection = connection
        self.operation = operation
        self.url = url
        self.path = path
        self.block = block
        self.session_token = session_token

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
        self._blocks = Blocks()
        # Those that wait for a lane, the oldest first, and the timer that looks whether one has waited too long.
        self._waiting: dict[Exchange, None] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._lines = {b"%s%s%s" % (_METHOD, url, _VERSION): (one, url, _NO_QUERY) for url, one in self._exact.items()}
        self._crowd: deque[Exchange] = deque()
        self._no_room = overloaded(api.settings.queue_max)
        status, body = error_body(self._no_room)
        self._turned_away = _rendered(status, body.replace(b"%", b"%%"), b"%s", _retry_after(self._no_room))

    # -- which requests --------------------------------------------------------------------------------------------

    def exchange(
        self, connection: Connection, url: bytes, headers: Headers, data: bytes | None = None
    ) -> Exchange | None:
        """
        Return the exchange for a POST request whose head was parsed, or None when it takes the ordinary way.

        *data* is what arrived, when the request stands at its beginning.
        """
        asked = self._asked(url)
        block = None if asked is None else simple(headers, self._api.settings.body_bytes_max)
        if asked is None or block is None:
            return None
        if data is not None:
            self._blocks.learn(b"%s%s%s" % (_METHOD, url, _VERSION), data, block)
        return Exchange(connection, asked[0], url, asked[1], block, block.heads.session_token)

    def recognized(self, connection: Connection, data: bytes) -> Exchange | None:
        """
        Return the exchange for a request that is all there is in *data*, and whose header lines are known.

        Nothing may have arrived before it that was not answered. None when in doubt: then it has to be parsed.
        """
        if self._engine.is_full:
            return self.turns_away(connection, data)
        end_of_line = data.find(b"\r\n")
        end = data.find(END, end_of_line) + len(END)
        known = self._blocks.get(data[end_of_line + 2 : end])
        if known is None:
            return None
        block, session_token = known
        if len(data) - end != block.heads.content_length:
            return None
        line = data[:end_of_line]
        asked = self._lines.get(line) or self._asked_of_event(line)
        if asked is None:
            return None
        operation, url, path = asked
        exchange = Exchange(connection, operation, url, path, block, session_token)
        exchange.body, exchange.more_body = data[end:], False
        return exchange

    def _asked_of_event(self, line: bytes) -> tuple[Operation, bytes, dict[str, str]] | None:
        if not line.startswith(_METHOD) or not line.endswith(_VERSION):
            return None
        url = line[len(_METHOD) : -len(_VERSION)]
        asked = self._asked(url)
        return None if asked is None else (asked[0], url, asked[1])

    def _asked(self, url: bytes) -> tuple[Operation, dict[str, str]] | None:
        """Return the hot operation that a path asks for, and what the path names."""
        operation = self._exact.get(url)
        if operation is not None:
            return operation, _NO_QUERY
        if not url.startswith(self._before):
            return None
        event_id, slash, word = url[len(self._before) :].partition(b"/")
        operation = self._of_event.get(slash + word)
        if operation is None or not event_id.replace(b"-", b"").isalnum():
            return None
        return operation, {"eventId": event_id.decode("ascii")}

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
        exchange = Exchange(connection, operation, b"", _NO_QUERY, _NO_BLOCK, None)
        exchange.is_served, exchange.more_body = True, False
        self._crowd.append(exchange)
        if len(self._crowd) == 1:
            asyncio.get_running_loop().call_soon(self._turn_away)
        return exchange

    def _glance(self, data: bytes) -> Operation | None:
        """Return what a request asks for whose head and body are all there and of the simple kind."""
        asked = self._lines.get(data[: data.find(b"\r\n")])
        return asked[0] if asked is not None and _missing(data) == 0 else None

    def awaits_body(self, data: bytes) -> bool:
        """
        Return whether *data* is a hot request of the simple kind up to its body, which may be about to follow.

        Many a client writes the two one after the other; handled together they cost a fraction.
        """
        if not data.endswith(END) or len(data) > GLANCE_BYTES_MAX:
            return False
        line = data[: data.find(b"\r\n")]
        if self._lines.get(line) is None and self._asked_of_event(line) is None:
            return False
        missing = _missing(data)
        return missing is not None and 0 < missing <= self._api.settings.body_bytes_max

    def _turn_away(self) -> None:
        """Answer some of the crowd, and the rest after whoever was admitted has had a turn."""
        for _ in range(min(len(self._crowd), TURN_ANSWERS_MAX)):
            exchange = self._crowd.popleft()
            self._api.counts.refused(exchange.operation, self._no_room)
            exchange.connection.answered(exchange, self._turned_away % new_trace_id().encode())
        if self._crowd:
            asyncio.get_running_loop().call_soon(self._turn_away)

    # -- from the body to the lane ---------------------------------------------------------------------------------

    def serve(self, exchange: Exchange, *, has_room: bool = False) -> None:
        """Carry out an exchange whose body has arrived; *has_room* when that was just looked at."""
        exchange.started = perf_counter()
        exchange.trace_id = new_trace_id()
        api = self._api
        now = self._engine.now()
        try:
            if not has_room:
                api.check_room()
            heads = exchange.block.heads
            held = api.gate.remembered(heads.api_key, now)
            # Every hot operation is an agent's own: beyond such a look-up its key says all there is to know of it.
            if held is None or needs_look_up(held, exchange.operation, exchange.session_token):
                exchange.connection.take_the_ordinary_way(exchange)
                return
            try:
                order = self._order(exchange, heads, held, now)
            except Refusal:
                if held.is_fresh(now):
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
        self._wait(exchange)
        future.add_done_callback(partial(self._settle, exchange, order))

    def _order(self, exchange: Exchange, heads: Heads, held: Pass, now: Instant) -> Order:
        """Check everything about a request, in the order of ``Api.handle``, and return what it orders."""
        api, operation, service = self._api, exchange.operation, held.service
        api.rate.take(held.key.id)
        check_scope(held, operation)
        check_media_type(heads.content_type)
        call = call_of(operation, exchange.path, _NO_QUERY, exchange.body, exchange.session_token)
        context = Context(now, service.settings, service.engine.hasher.hash, exchange.trace_id)
        exchange.context = context
        command, key = understood(operation, call, context, heads.idempotency_key)
        return ordered(cast("Command", command), held.caller, key)

    # -- those that wait -------------------------------------------------------------------------------------------

    def _wait(self, exchange: Exchange) -> None:
        """See to it that a request is answered in time: one timer for all, as a timer for each would cost each."""
        self._waiting[exchange] = None
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._api.settings.request_seconds, self._look)

    def _look(self) -> None:
        """Answer whoever has waited too long, and look again when the next one will have."""
        self._timer = None
        seconds = self._api.settings.request_seconds
        now = perf_counter()
        for exchange in tuple(self._waiting):
            left = exchange.started + seconds - now
            if left > 0:
                self._timer = asyncio.get_running_loop().call_later(left, self._look)
                return
            # What it ordered may still be committed.
            del self._waiting[exchange]
            self._refuse(exchange, late(seconds))

    # -- from the lane to the answer -------------------------------------------------------------------------------

    def _settle(self, exchange: Exchange, order: Order, future: asyncio.Future[Outcome]) -> None:
        if exchange.response_complete:
            return
        del self._waiting[exchange]
        try:
            reply = self._engine.settled(order, future.result())
            status, answer = answered(exchange.operation, reply, exchange.context)
            body = encode(answer)
        except Refusal as refusal:
            self._refused(exchange, refusal)
        except Exception as error:  # noqa: BLE001 - logged, and answered as what it is
            self._fail(exchange, error)
        else:
            self._api.counts.answered(exchange.operation, status, answer, perf_counter() - exchange.started)
            self._answer(exchange, status, body)

    def _refused(self, exchange: Exchange, refusal: Refusal) -> None:
        """Answer what the engine refused, unless the ordinary way may know better."""
        if refusal.code is ErrorCode.INVALID_API_KEY:
            self._api.gate.forget()
        if refusal.code is ErrorCode.INVALID_SESSION_TOKEN and self._api.hasher.has_older:
            # The token may be known by its hash under an older pepper, which takes a look-up.
            exchange.connection.take_the_ordinary_way(exchange)
            return
        self._refuse(exchange, refusal)

    def _refuse(self, exchange: Exchange, refusal: Refusal) -> None:
        self._api.counts.refused(exchange.operation, refusal)
        self._say(exchange, refusal)

    def _say(self, exchange: Exchange, refusal: Refusal) -> None:
        status, body = error_body(refusal, exchange.session_token)
        self._answer(exchange, status, body, _retry_after(refusal))

    def _fail(self, exchange: Exchange, error: Exception) -> None:
        path = exchange.operation.path
        _LOG.error("a request failed", trace_id=exchange.trace_id, method="POST", path=path, exc_info=error)
        self._say(exchange, failed(error, exchange.trace_id))

    def _answer(self, exchange: Exchange, status: int, body: bytes, more: bytes = b"") -> None:
        if not exchange.keep_alive:
            more += b"\r\nconnection: close"
        exchange.connection.answered(exchange, _rendered(status, body, exchange.trace_id.encode(), more))


def _missing(data: bytes) -> int | None:
    """Return how many bytes of the body of a request of the simple kind are not there; None for any other."""
    end = data.find(END)
    head = data[: end + 2].lower()
    at = head.find(_LENGTH)
    length = head[at + len(_LENGTH) : head.find(b"\r\n", at + 2)].strip()
    if at < 0 or at != head.rfind(_LENGTH) or not length.isdigit():
        return None
    for name in _SPECIAL:
        if name in head:
            return None
    return end + len(END) + int(length) - len(data)


def _retry_after(refusal: Refusal) -> bytes:
    after = refusal.retry_after_seconds
    return b"" if after is None else b"\r\nretry-after: %d" % max(1, math.ceil(after))


def _rendered(status: int, body: bytes, trace_id: bytes, more: bytes) -> bytes:
    """Return a whole answer; *more* are header lines, each behind a line break."""
    length = b"\r\ncontent-length: %d\r\n\r\n" % len(body)
    return b"".join((_BEGINNINGS[status], trace_id, _COMMON, more, length, body))
