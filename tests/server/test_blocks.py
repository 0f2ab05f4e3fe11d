"""
What is remembered of header lines: only what stands there, what is in use, and not more than there is room for.
"""

from __future__ import annotations

import pytest

from figuard.server import blocks as memory
from figuard.server.blocks import Blocks, completed, simple

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
        assert (sent[0][1], None) == blocks.get(raw(sent[0][0]))

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
    assert (found, None) == blocks.get(raw(data))


@pytest.mark.parametrize("name", [b"idempotency-key", b"traceparent", b"x-request-id"])
def test_lines_that_never_come_again_are_not_learnt(name):
    blocks = Blocks()
    blocks.learn(LINE, *block(1, name=name))

    assert not blocks._young


# ------------------------------------------------------------------------------------------------------ session tokens


def asking(token, *, line=b"x-session-token: ", more=b""):
    """
    The header lines of a request under a session token, as they are sent and as they are read.
    """
    data = b"%s\r\nhost: x\r\n%s%s\r\n%scontent-length: 2\r\n\r\n{}" % (LINE, line, token, more)
    lines = [one.partition(b":") for one in raw(data)[:-4].split(b"\r\n")]
    return data, simple([(name.lower(), value.lstrip(b" \t")) for name, _, value in lines], 10)


@pytest.mark.parametrize("line", [b"x-session-token: ", b"X-Session-Token: "])
def test_lines_are_known_under_any_token(line):
    blocks = Blocks()
    blocks.learn(LINE, *asking(b"st_one", line=line))
    data, read = asking(b"st_another-1", line=line)
    found, token = blocks.get(raw(data))

    assert (1, "st_another-1") == (len(blocks._young), token)
    assert found.heads == read.heads._replace(session_token=None)
    assert read.headers == completed(found, token)


@pytest.mark.parametrize(
    "token", [b"", b" ", b"st_two ", b" st_two", b"st two", b"st_\xe9", b"st_\x00", b"st\rtwo", b"--"]
)
def test_what_is_not_plainly_a_token_is_known_by_its_own_bytes_alone(token):
    """
    Above all an empty one, behind which the lines of a block would stand as they are remembered.
    """
    blocks = Blocks()
    blocks.learn(LINE, *asking(b"st_one"))
    data, read = asking(token)

    assert blocks.get(raw(data)) is None
    blocks.learn(LINE, data, read)
    assert (read, read.heads.session_token) == (blocks.get(raw(data)) or (read, read.heads.session_token))
    assert "st_one" not in str(blocks.get(raw(data)))


def test_a_token_that_was_taken_out_is_not_remembered():
    blocks = Blocks()
    blocks.learn(LINE, *asking(b"st_one"))

    assert "st_one" not in str(blocks._young)


@pytest.mark.parametrize(
    "more", [b"x-session-token: st_two\r\n", b"X-Session-Token: st_two\r\n", b"X-SESSION-TOKEN: st_two\r\n"]
)
def test_lines_with_two_tokens_are_left_to_the_parser(more):
    blocks = Blocks()
    blocks.learn(LINE, *asking(b"st_one", more=more))

    assert not blocks._young


def test_a_line_in_another_spelling_is_known_with_its_token():
    blocks = Blocks()
    data, read = asking(b"st_one", line=b"X-SESSION-TOKEN: ")
    blocks.learn(LINE, data, read)

    assert (read, "st_one") == blocks.get(raw(data))
    assert blocks.get(raw(asking(b"st_two", line=b"X-SESSION-TOKEN: ")[0])) is None
