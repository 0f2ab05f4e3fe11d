"""
The protocol below the application, with limits on a request's head: how large it may be and how long it may take.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from figuard.server.settings import ServerSettings

LINGER_SECONDS = 1.0
"""How long a refused caller may go on sending before it is cut off."""
_TOO_LARGE = (
    b'{"error":"INVALID_REQUEST","message":"INVALID_REQUEST: the head of the request is larger than the server '
    b'accepts. Send fewer or shorter headers.","code":"INVALID_REQUEST","retryable":false}'
)
_REFUSAL = b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-type: application/json\r\nconnection: close\r\n"


class Bounded(HttpToolsProtocol):
    """
    Closes a connection whose next request does not get past its head, in bytes or in seconds.

    Use ``bounded``, which sets the limits.
    """

    bytes_max: int
    seconds_max: float

    head_bytes = 0
    waits_for_head = True
    has_asked = False
    is_refused = False

    def connection_made(self, transport: Any) -> None:  # noqa: ANN401 - uvicorn's own type
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._began = self.loop.time()
        self._timer = self.loop.call_later(self.seconds_max, self._look)

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing any more."""
        self._timer.cancel()
        super().connection_lost(exc)

    def _look(self) -> None:
        """Look at the connection now and then; a timer per request would cost every request."""
        is_waiting = self.waits_for_head and (self.head_bytes > 0 or not self.has_asked)
        left = self._began + self.seconds_max - self.loop.time()
        if is_waiting and left <= 0:
            self.transport.close()
            return
        self._timer = self.loop.call_later(left if is_waiting else self.seconds_max, self._look)

    def data_received(self, data: bytes) -> None:
        """Take what came, as long as it stays within the limits."""
        if self.is_refused:
            return
        if self.waits_for_head:
            if not self.head_bytes:
                self._began = self.loop.time()
            self.head_bytes += len(data)
        super().data_received(data)
        if self.waits_for_head and self.head_bytes > self.bytes_max and not self.transport.is_closing():
            self._refuse()

    def on_headers_complete(self) -> None:
        """Stop the clock of the head."""
        self.waits_for_head = False
        self.has_asked = True
        self.head_bytes = 0
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Begin to wait for the next request."""
        super().on_message_complete()
        self.waits_for_head = True

    def _refuse(self) -> None:
        self.transport.write(b"%scontent-length: %d\r\n\r\n%s" % (_REFUSAL, len(_TOO_LARGE), _TOO_LARGE))
        # Closing at once would reset the connection under whatever is still on its way, and take the answer along.
        self.is_refused = True
        self.transport.write_eof()
        self.loop.call_later(LINGER_SECONDS, self.transport.close)


def bounded(settings: ServerSettings) -> type[asyncio.Protocol]:
    """Return a protocol class for uvicorn with the limits of *settings*."""
    limits = {"bytes_max": settings.header_bytes_max, "seconds_max": settings.body_seconds}
    return type("BoundedProtocol", (Bounded,), limits)
