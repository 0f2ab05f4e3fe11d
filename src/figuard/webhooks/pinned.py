"""
A connection that goes where it was judged safe, and ends when its time is over.

The HTTP machinery is httpx2's own engine; only its idea of a network is replaced. The name of the URL stays in the
``Host`` header, in SNI and in the check of the certificate; no name is looked up a second time. Every read and write
is bounded by one deadline for the whole exchange, so a server that sends a byte now and then gains nothing.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterable
from typing import Any

from httpcore2 import (
    SOCKET_OPTION,
    ConnectError,
    ConnectTimeout,
    NetworkBackend,
    NetworkStream,
    ReadTimeout,
    SyncBackend,
)


class Deadline:
    """The end of an exchange."""

    def __init__(self, seconds: float) -> None:
        """Set it so many seconds from now."""
        self._at = time.monotonic() + seconds

    def within(self, seconds: float | None) -> float:
        """Return how long one step may take, *seconds* at most. Raises ``ReadTimeout`` when no time is left."""
        left = self._at - time.monotonic()
        if left <= 0:
            raise ReadTimeout("the time for the whole exchange is over")
        return left if seconds is None else min(left, seconds)


class PinnedNetwork(NetworkBackend):
    """Connects to given addresses only, whatever host is asked for."""

    def __init__(self, addresses: Iterable[str], deadline: Deadline) -> None:
        """Take the judged addresses in the order to try them."""
        self._addresses = tuple(addresses)
        self._deadline = deadline
        self._network = SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[SOCKET_OPTION] | None = None,
    ) -> NetworkStream:
        """Connect to the first address that answers; all of them share *timeout*."""
        connecting = Deadline(self._deadline.within(timeout))
        failure: Exception = ConnectError(f"{host} has no address")
        for tried, address in enumerate(self._addresses):
            share = connecting.within(None) / (len(self._addresses) - tried)
            try:
                stream = self._network.connect_tcp(address, port, share, local_address, socket_options)
            except (ConnectError, ConnectTimeout) as error:
                failure = error
            else:
                return _BoundedStream(stream, self._deadline)
        raise failure


class _BoundedStream(NetworkStream):
    """A stream whose every step ends at the deadline."""

    def __init__(self, stream: NetworkStream, deadline: Deadline) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._deadline.within(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._deadline.within(timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> NetworkStream:
        secured = self._stream.start_tls(ssl_context, server_hostname, self._deadline.within(timeout))
        return _BoundedStream(secured, self._deadline)

    def get_extra_info(self, info: str) -> Any:  # noqa: ANN401 - as the base has it
        return self._stream.get_extra_info(info)
