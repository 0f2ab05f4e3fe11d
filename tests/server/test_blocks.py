"""
What is remembered of header lines: only what stands there, what is in use, and not more than there is room for.
"""

from __future__ import annotations

import pytest

from figuard.server import blocks as memory
from figuard.server.blocks import Blocks, simple

LINE = b"POST /api/v1/authorize HTTP/1.1"


def block(number, *, name=b"x-a"):
    """
    The header lines of a request as they are sent and as they are read.
    """
    value = b"%06d" % number
    headers = [(name, value), (b"content-length", b"2")]
    return b"%s\r\n%s: %s\r\ncontent-length: 2\r\n\r\n{}" % (LINE, name, value), simple(headers, 10)


def raw(data):
    """
    The bytes of the header lines alone.
    """
    return data[len(LINE) + 2 : -2]


def test_what_is_in_use_is_kept_and_the_rest_forgotten(monkeypatch):
    monkeypatch.setattr(memory, "BLOCKS_MAX", 3)
    blocks = Blocks()
    sent = [block(number) for number in range(20)]
    for data, found in sent:
        blocks.learn(LINE, data, found)
        assert sent[0][1] == blocks.get(raw(sent[0][0]))

    assert len(blocks._young) + len(blocks._old) <= 6
    assert blocks.get(raw(sent[1][0])) is None


def test_blocks_have_so_much_room_and_no_more(monkeypatch):
    data, found = block(1)
    monkeypatch.setattr(memory, "BLOCKS_BYTES_MAX", 3 * len(raw(data)))
    blocks = Blocks()
    for number in range(50):
        blocks.learn(LINE, *block(number))
        blocks.learn(LINE, *block(number))

    assert 6 >= len(blocks._young) + len(blocks._old) >= 3
    monkeypatch.setattr(memory, "BLOCK_BYTES_MAX", len(raw(data)) - 1)
    Blocks.learn(other := Blocks(), LINE, data, found)
    assert other.get(raw(data)) is None


@pytest.mark.parametrize(
    ("line", "change"),
    [
        (b"POST /api/v1/authorize/batch HTTP/1.1", lambda data: data),
        (LINE, lambda data: data.replace(b"x-a: 000001", b"x-a: 000002")),
        (LINE, lambda data: data.replace(b"x-a: 000001", b"x-a: 000001\r\nx-b: 1")),
        (LINE, lambda data: data.replace(b"\r\nx-a", b"\r\n\r\nx-a")),
        (LINE, lambda data: data.replace(b"content-length: 2", b"content-length: 2 ")),
        (LINE, lambda data: data.replace(b"\r\ncontent-length", b"\ncontent-length")),
        (LINE, lambda data: data.removesuffix(b"\r\n{}")),
    ],
)
def test_only_what_stands_there_is_learnt(line, change):
    """
    Bytes in which the plainest of readers sees anything else than the parser did are left to the parser.
    """
    data, found = block(1)
    blocks = Blocks()
    blocks.learn(line, change(data), found)
    assert not blocks._young
    blocks.learn(LINE, data, found)
    assert found == blocks.get(raw(data))


@pytest.mark.parametrize("name", [b"idempotency-key", b"traceparent", b"x-request-id"])
def test_lines_that_never_come_again_are_not_learnt(name):
    blocks = Blocks()
    blocks.learn(LINE, *block(1, name=name))

    assert not blocks._young
