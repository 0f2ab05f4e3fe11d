"""
Whatever is sent, the answer is a command, a question or a refusal of bounded length, and never an accident.
"""

from __future__ import annotations

import json
from typing import Any, get_args

from hypothesis import given
from hypothesis import strategies as st

from figuard.domain.commands import Command
from figuard.domain.questions import Question
from figuard.domain.refusal import Refusal
from figuard.wire.codec import encode
from figuard.wire.errors import error_response
from figuard.wire.operations import OPERATIONS
from figuard.wire.parse.path import fingerprint
from tests.unit.wire.asked import BODIES, PATH, QUERIES, changed, parsed

KNOWN = frozenset(get_args(Command)) | frozenset(get_args(Question))
COMMANDS = frozenset(get_args(Command))
NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.just(10**400)
TEXT = st.text(max_size=30) | st.sampled_from(
    ["0.1", "1e999", "-5", "NaN", "Infinity", "USD", "2031-01-01T00:00:00Z", "x" * 5000]
)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)


def members_of(name: str) -> list[str]:
    """Return the wire names of a body's members."""
    form = OPERATIONS[name].request
    return list((get_args(form) or (form,))[0].__struct_encode_fields__)


def judge(name: str, **sent: Any) -> None:
    """Parse a request and see that it was understood or refused."""
    try:
        made = parsed(name, **sent)
    except Refusal as refused:
        status, body = error_response(refused)
        assert 400 <= status < 500
        assert len(encode(body)) < 100_000
    else:
        assert type(made) in KNOWN
        if type(made) in COMMANDS:
            assert 64 == len(fingerprint(made))


@given(st.data())
def test_any_body(data):
    name = data.draw(st.sampled_from(sorted(BODIES)))
    drawn = data.draw(st.dictionaries(st.sampled_from(members_of(name)), VALUES, max_size=4))

    judge(name, raw=json.dumps(changed(name, **drawn)).encode())


@given(st.data())
def test_any_bytes(data):
    name = data.draw(st.sampled_from(sorted(BODIES)))

    judge(name, raw=data.draw(st.binary(max_size=60) | VALUES.map(lambda value: json.dumps(value).encode())))


@given(st.data())
def test_any_query_and_path(data):
    name = data.draw(st.sampled_from(sorted(OPERATIONS)))
    query = QUERIES.get(name, {}) | data.draw(
        st.dictionaries(st.sampled_from([*OPERATIONS[name].query, "other"]), TEXT | st.integers() | st.booleans())
    )
    path = data.draw(st.dictionaries(st.sampled_from(sorted(PATH)), TEXT, max_size=1))

    judge(name, query=query, path=path, token=data.draw(st.none() | TEXT))
