"""
Header blocks: what the lines of a request's head say, worked out once for as long as the same bytes are sent again.

A caller that keeps its connection sends the same lines with every request; what differs stands in the request line,
in the body and in the session token, which is taken out of the lines before they are looked for: one caller speaks for
thousands of budgets. Only the reading is saved: whether a key is still valid, and everything else that may change, is
looked up for every request.
"""

from __future__ import annotations

from typing import NamedTuple

from figuard.server.requests import Heads, heads_of

BLOCK_BYTES_MAX = 2048
"""How long a block may be that is remembered."""
BLOCKS_MAX = 4096
"""How many blocks are remembered at the least before one is forgotten, as far as they have room."""
BLOCKS_BYTES_MAX = 2_000_000
"""How much room they have; twice as much, as there are two generations of them."""
END = b"\r\n\r\n"
# With one of these a request is not the simple kind; a body without a length comes in pieces.
UNCOMMON = frozenset({b"origin", b"expect", b"transfer-encoding", b"upgrade"})
# With one of these the next block of the same caller is another one.
_PASSING = frozenset({b"idempotency-key", b"traceparent", b"x-request-id"})
_KEEP_ALIVE = b"keep-alive"
_TOKEN = b"x-session-token"
# The line of a session token as callers spell it, up to the token, with the end of the line before.
_TOKEN_LINES = (b"\r\nx-session-token: ", b"\r\nX-Session-Token: ")

Headers = list[tuple[bytes, bytes]]


_Key = bytes | tuple[bytes, bytes]
"""The bytes of a block; those before and behind the session token where that is taken out, which are never the same."""


class Block(NamedTuple):
    """
    The lines of a head of the simple kind: the headers in their order, and those an operation looks at.

    Where the session token was taken out of a block there is none in it: it comes with each request.
    """

    headers: Headers
    heads: Heads


def simple(headers: Headers, length_max: int) -> Block | None:
    """Return the block of headers that ask for nothing special and announce a body; None for any other."""
    for name, value in headers:
        if name in UNCOMMON or (name == b"connection" and value.lower() != _KEEP_ALIVE):
            return None
    heads = heads_of({"headers": headers})
    return Block(headers, heads) if 0 < heads.content_length <= length_max else None


class Blocks:
    """
    The blocks that were sent a while ago, by their bytes. Belongs to one event loop.

    There are two generations. What is asked for moves to the young one, and when that is full the old one goes: so
    what is in use stays, and nothing needs to be put in order.
    """

    def __init__(self) -> None:
        """Start with none."""
        self._young: dict[_Key, Block] = {}
        self._old: dict[_Key, Block] = {}
        self._bytes = 0

    def get(self, raw: bytes) -> tuple[Block, str | None] | None:
        """Return what these bytes were when they were learnt, with the session token that stands in them; or None."""
        key, token = _without_token(raw)
        block = self._young.get(key)
        if block is None:
            block = self._old.get(key)
            if block is None:
                return None
            self._keep(key, len(raw), block)
        return block, block.heads.session_token if token is None else token

    def learn(self, line: bytes, data: bytes, block: Block) -> None:
        """
        Remember *block*, if *data* begins with the request line *line* and then with its lines and nothing else.

        What the parser made of a head is compared with what stands there, so that no bytes are ever taken for
        something else than what the parser took them for.
        """
        start = len(line) + 2
        end = data.find(END) + len(END)
        if not len(END) < end - start <= BLOCK_BYTES_MAX or not data.startswith(line + b"\r\n"):
            return
        raw = data[start:end]
        key, token = _without_token(raw)
        names = [name for name, _ in block.headers]
        # Only one can be taken out.
        if token is not None and names.count(_TOKEN) > 1:
            return
        if key not in self._young and _PASSING.isdisjoint(names) and _read(raw) == block.headers:
            self._keep(key, len(raw), block if token is None else _template(block))

    def _keep(self, key: _Key, size: int, block: Block) -> None:
        if len(self._young) >= BLOCKS_MAX or self._bytes + size > BLOCKS_BYTES_MAX:
            self._old, self._young, self._bytes = self._young, {}, 0
        self._young[key] = block
        self._bytes += size


def completed(block: Block, token: str | None) -> Headers:
    """Return the headers of a block as they were sent; *token* is what stood in them, if something did."""
    if token is None or block.heads.session_token is not None:
        return [*block.headers]
    return [(name, token.encode() if name == _TOKEN else value) for name, value in block.headers]


def _template(block: Block) -> Block:
    headers = [(name, b"" if name == _TOKEN else value) for name, value in block.headers]
    return Block(headers, block.heads._replace(session_token=None))


def _without_token(raw: bytes) -> tuple[_Key, str | None]:
    """
    Return what a block is known by, and the session token that was taken out of it, or None.

    A token is taken out if no reader of HTTP could see anything else in it: letters, digits, hyphens, underscores.
    """
    for line in _TOKEN_LINES:
        at = raw.find(line)
        if at >= 0:
            start = at + len(line)
            end = raw.find(b"\r\n", start)
            token = raw[start:end]
            if token.replace(b"_", b"").replace(b"-", b"").isalnum():
                return (raw[:start], raw[end:]), token.decode("ascii")
            break
    return raw, None


def _read(raw: bytes) -> Headers:
    """Return the lines of a block as headers, as plainly as can be."""
    split = (line.partition(b":") for line in raw[: -len(END)].split(b"\r\n"))
    return [(name.lower(), value.lstrip(b" \t")) for name, _, value in split]
