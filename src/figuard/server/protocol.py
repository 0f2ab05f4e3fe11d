"""
The protocol below the application: limits on a request's head, in bytes and in seconds, and the fork in the road
from which hot requests go the express way and all others to the application.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from figuard.server.blocks import completed
from figuard.server.express import Exchange, Express
from figuard.server.settings import ServerSettings

LINGER_SECONDS = 1.0
"""How long a refused caller may go on sending before it is cut off."""
HOLD_SECONDS = 0.05
"""How long a hot request whose head has come alone is held back for its body."""
_TOO_LARGE = (
    b'{"error":"INVALID_REQUEST","message":"INVALID_REQUEST: the head of the request is larger than the server '
    b'accepts. Send fewer or shorter headers.","code":"INVALID_REQUEST","retryable":false}'
)
_REFUSAL = b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-type: application/json\r\nconnection: close\r\n"


class Bounded(HttpToolsProtocol):
    """
    Closes a connection whose next request does not get past its head, in bytes or in seconds, or never ends.

    Use ``bounded``, which sets the limits.
    """

    bytes_max: int
    seconds_max: float
    express: Express
    # uvicorn's own; it may hold an exchange as well as one of its cycles.
    cycle: Any
    app: Any
    parser: Any

    head_bytes = 0
    waits_for_head = True
    has_asked = False
    is_refused = False
    # Whether the parser holds nothing of a request, and would read one more.
    is_at_rest = True
    # What arrived, while the request that is being parsed is the first thing in it.
    arrived: bytes | None = None
    # The head of a request whose body is about to come, and the timer that lets it go on without.
    held = b""
    holding: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:  # noqa: ANN401 - uvicorn's own type
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._began = self.loop.time()
        self._pause = min(self.seconds_max, self.timeout_keep_alive)
        self._timer = self.loop.call_later(self._pause, self._look)

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing any more."""
        self._timer.cancel()
        self._taken_back()
        super().connection_lost(exc)

    def shutdown(self) -> None:
        """Let a request that is held back begin, so that it is waited for."""
        self._let_go()
        super().shutdown()

    def _look(self) -> None:
        """Look at the connection now and then; a timer per request would cost every request."""
        left = self._began + self.seconds_max - self.loop.time()
        is_waiting = True
        if not self.waits_for_head:
            # A body that is late is answered by whoever reads it; one that nobody reads any more ends here.
            left += LINGER_SECONDS
        elif self.has_asked and not self.head_bytes:
            # Between two requests, unless one is being answered.
            is_waiting = self.cycle is None or self.cycle.response_complete
            left += self.timeout_keep_alive - self.seconds_max
        if is_waiting and left <= 0:
            self.transport.close()
            return
        self._timer = self.loop.call_later(min(left, self._pause) if is_waiting else self._pause, self._look)

    def data_received(self, data: bytes) -> None:
        """Take what came, as long as it stays within the limits."""
        if self.is_refused:
            return
        was_held = bool(self.held)
        if was_held:
            data = self._taken_back() + data
        if self.waits_for_head and self.is_at_rest and not self.head_bytes and self._is_idle():
            exchange = self.express.recognized(self, data)
            if exchange is not None:
                self._serve(exchange)
                return
            if not was_held and self.express.awaits_body(data):
                self._hold_back(data)
                return
        self._parse(data)

    def _hold_back(self, head: bytes) -> None:
        """Keep a head until its body comes, for a moment."""
        self._began = self.loop.time()
        self.held = head
        self.holding = self.loop.call_later(HOLD_SECONDS, self._let_go)

    def _taken_back(self) -> bytes:
        """Return what is held back, which is not held any more."""
        held, self.held = self.held, b""
        if self.holding is not None:
            self.holding.cancel()
            self.holding = None
        return held

    def _let_go(self) -> None:
        """Parse what is held back: its body does not come as soon as was thought."""
        if held := self._taken_back():
            self._parse(held)

    def _parse(self, data: bytes) -> None:
        """Have the parser take what came."""
        if self.waits_for_head:
            if not self.head_bytes:
                self.arrived = data if self.is_at_rest else None
                self._began = self.loop.time()
            self.head_bytes += len(data)
        super().data_received(data)
        exchange = self.cycle
        if type(exchange) is Exchange and exchange.more_body and not self.transport.is_closing():
            # The rest of the body is still on its way, and waiting for it is not simple.
            self.take_the_ordinary_way(exchange)
        if self.waits_for_head and self.head_bytes > self.bytes_max and not self.transport.is_closing():
            self._refuse()

    def _serve(self, exchange: Exchange) -> None:
        """Serve a request that need not be parsed, unless it is being turned away."""
        self.has_asked = True
        self.cycle = exchange
        if not exchange.is_served:
            exchange.is_served = True
            self.express.serve(exchange, has_room=True)

    def on_message_begin(self) -> None:
        """Let the parser begin with a request."""
        self.is_at_rest = False
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Let the clock of the body run instead of that of the head, and decide which way the request goes."""
        self.waits_for_head = False
        self._began = self.loop.time()
        self.has_asked = True
        self.head_bytes = 0
        arrived, self.arrived = self.arrived, None
        if self._is_idle() and self._is_plain_post():
            exchange = self.express.exchange(self, self.url, self.headers, arrived)
            if exchange is not None:
                # Where uvicorn keeps what handles the present request, so that it sees that one is being handled.
                self.cycle = exchange
                return
        super().on_headers_complete()

    def _is_idle(self) -> bool:
        cycle = self.cycle
        return (cycle is None or cycle.response_complete) and not self.flow.write_paused

    def _is_plain_post(self) -> bool:
        parser = self.parser
        return parser.get_method() == b"POST" and parser.get_http_version() == "1.1" and parser.should_keep_alive()

    def on_message_complete(self) -> None:
        """Carry an exchange out, and begin to wait for the next request."""
        super().on_message_complete()
        self.waits_for_head = True
        self.is_at_rest = self.parser.should_keep_alive() and not self.parser.should_upgrade()
        exchange = self.cycle
        if type(exchange) is Exchange and not exchange.response_complete and not exchange.is_served:
            exchange.is_served = True
            self.express.serve(exchange)

    def answered(self, exchange: Exchange, data: bytes) -> None:
        """Write an answer and go on to the next request."""
        exchange.response_complete = True
        if exchange.disconnected or self.transport.is_closing():
            return
        self.transport.write(data)
        if not exchange.keep_alive:
            self.transport.close()
        self.on_response_complete()

    def take_the_ordinary_way(self, exchange: Exchange) -> None:
        """Hand a request over to the application, with as much of its body as has arrived."""
        exchange.response_complete = True
        if exchange.disconnected or self.transport.is_closing():
            return
        cycle = RequestResponseCycle(
            scope=self._scope_of(exchange),
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=self.access_log,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=False,
            keep_alive=exchange.keep_alive,
            on_response=self.on_response_complete,
        )
        cycle.body += exchange.body
        cycle.more_body = exchange.more_body
        cycle.message_event.set()
        if self.cycle is exchange:
            # Otherwise that of a request which was sent behind this one, and waits for its turn.
            self.cycle = cycle
        self._start_asgi_task(cycle, self.app)

    def _scope_of(self, exchange: Exchange) -> Any:  # noqa: ANN401 - uvicorn's own type
        """Return what uvicorn tells an application of a request."""
        return {
            "type": "http",
            "asgi": {"version": self.asgi_version, "spec_version": "2.3"},
            "http_version": "1.1",
            "server": self.server,
            "client": self.client,
            "scheme": self.scheme,
            "root_path": self.root_path,
            "headers": completed(exchange.block, exchange.session_token),
            "state": self.app_state.copy(),
            "method": "POST",
            "path": exchange.url.decode("ascii"),
            "raw_path": exchange.url,
            "query_string": b"",
        }

    def on_response_complete(self) -> None:
        """Go on to the next request; ``_look`` sees when none comes, where uvicorn has a timer per answer."""
        if self.pipeline:
            super().on_response_complete()
            return
        self.server_state.total_requests += 1
        if not self.transport.is_closing():
            if self.flow.read_paused:
                self.flow.resume_reading()
            self._began = self.loop.time()

    def _refuse(self) -> None:
        self.transport.write(b"%scontent-length: %d\r\n\r\n%s" % (_REFUSAL, len(_TOO_LARGE), _TOO_LARGE))
        # Closing at once would reset the connection under whatever is still on its way, and take the answer along.
        self.is_refused = True
        self.transport.write_eof()
        self.loop.call_later(LINGER_SECONDS, self.transport.close)


def bounded(settings: ServerSettings, express: Express) -> type[asyncio.Protocol]:
    """Return a protocol class for uvicorn with the limits of *settings*, whose hot requests go by *express*."""
    given = {"bytes_max": settings.header_bytes_max, "seconds_max": settings.body_seconds, "express": express}
    return type("BoundedProtocol", (Bounded,), given)
