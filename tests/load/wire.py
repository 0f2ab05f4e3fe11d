"""
Callers in great numbers: HTTP/1.1 over plain sockets, one request at a time on each connection.

An HTTP library costs more per request than the server does, and hides what happens to a connection; here a lost one is
seen as what it is.
"""

from __future__ import annotations

import asyncio
import json
import re
from contextlib import suppress
from typing import Any, NamedTuple
from urllib.parse import urlsplit

ANSWER_SECONDS = 40.0
"""Longer than a server may take for an answer."""
_LENGTH = re.compile(rb"\r\ncontent-length: (\d+)\r\n", re.IGNORECASE)


class Answer(NamedTuple):
    """The status and the body of an answer."""

    status: int
    body: Any


class Lost(Exception):
    """No answer came: nobody knows what became of the request."""


class Line:
    """One connection, made when it is needed and made anew after it was lost."""

    def __init__(self, url: str, key: str) -> None:
        """Call *url* with an API key."""
        place = urlsplit(url)
        self._host, self._port = place.hostname, place.port
        self._key = key
        self._ends: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def call(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """Send a request below /api/v1 and return its answer; headers with underscores for dashes. Raises ``Lost``."""
        content = b"" if body is None else json.dumps(body).encode()
        lines = [
            f"{method} /api/v1{path} HTTP/1.1",
            f"host: {self._host}:{self._port}",
            f"x-agent-budget-key: {self._key}",
            f"content-length: {len(content)}",
            *(["content-type: application/json"] if content else []),
            *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items()),
        ]
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                return await self._exchange("\r\n".join([*lines, "", ""]).encode() + content)
        except (OSError, EOFError, TimeoutError) as error:
            self.close()
            raise Lost(repr(error)) from error
        except asyncio.CancelledError:
            self.close()
            raise

    async def _exchange(self, request: bytes) -> Answer:
        if self._ends is None:
            self._ends = await asyncio.open_connection(self._host, self._port)
        reader, writer = self._ends
        writer.write(request)
        return await self._answer(reader)

    async def pipelined(self, requests: bytes, count: int) -> list[Answer]:
        """Send many requests in one breath and return their answers in the order in which they come."""
        self._ends = await asyncio.open_connection(self._host, self._port)
        self._ends[1].write(requests)
        async with asyncio.timeout(ANSWER_SECONDS):
            return [await self._answer(self._ends[0]) for _ in range(count)]

    async def _answer(self, reader: asyncio.StreamReader) -> Answer:
        head = await reader.readuntil(b"\r\n\r\n")
        length = _LENGTH.search(head)
        content = await reader.readexactly(int(length[1]) if length else 0)
        if b"\r\nconnection: close\r\n" in head.lower():
            self.close()
        return Answer(int(head[9:12]), json.loads(content) if content else None)

    def close(self) -> None:
        """Hang up. Harmless twice."""
        ends, self._ends = self._ends, None
        if ends is not None:
            with suppress(RuntimeError):
                ends[1].close()
