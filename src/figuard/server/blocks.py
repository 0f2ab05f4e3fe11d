"""
Header blocks: what the lines of a request's head say, worked out once for as long as the same bytes are sent again.

A caller that keeps its connection sends the same lines with every request; what differs stands in the request line
and in the body. Only the reading is saved: whether a key is still valid, and everything else that may change, is
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

Headers = list[tuple[bytes, bytes]]


class Block(NamedTuple):
    """The lines of a head of the simple kind: the headers in their order, and those an operation looks at."""

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
        self._young: dict[bytes, Block] = {}
        self._old: dict[bytes, Block] = {}
        self._bytes = 0

    def get(self, raw: bytes) -> Block | None:
        """Return what these bytes were when they were learnt, or None."""
        block = self._young.get(raw)
        if block is None and (block := self._old.get(raw)) is not None:
            self._keep(raw, block)
        return block

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
        if raw in self._young or any(name in _PASSING for name, _ in block.headers) or _read(raw) != block.headers:
            return
        self._keep(raw, block)

    def _keep(self, raw: bytes, block: Block) -> None:
        if len(self._young) >= BLOCKS_MAX or self._bytes + len(raw) > BLOCKS_BYTES_MAX:
            self._old, self._young, self._bytes = self._young, {}, 0
        self._young[raw] = block
        self._bytes += len(raw)


def _read(raw: bytes) -> Headers:
    """Return the lines of a block as headers, as plainly as can be."""
    split = (line.partition(b":") for line in raw[: -len(END)].split(b"\r\n"))
    return [(name.lower(), value.lstrip(b" \t")) for name, _, value in split]
