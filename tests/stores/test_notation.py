"""
How values are written down: short, exact, and read back as they were.
"""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import field
from enum import StrEnum
from threading import Barrier
from typing import Any

import pytest

from figuard.domain.valueclass import valueclass
from figuard.ports.notation import Notation


class Colour(StrEnum):
    RED = "RED"


@valueclass
class Leaf:
    name: str = ""
    size: int = 0


@valueclass
class Tree:
    id: str
    leaf: Leaf = Leaf()
    made: Leaf = field(default_factory=lambda: Leaf("made", 1))
    perhaps: Leaf | None = None
    leaves: tuple[Leaf, ...] = ()
    colour: Colour | None = None
    words: tuple[str, ...] = ()
    note: dict[str, Any] | None = None
    flag: bool = True


NOTATION = Notation(Tree)
THREADS = 8

VALUES = [
    Tree("bare"),
    Tree("full", Leaf("a", 1), Leaf("b", 2), Leaf("c", 3), (Leaf("d"), Leaf("e", 5)), Colour.RED, ("x", "y")),
    Tree("odd", note={"deep": [1, {"é": None}]}, flag=False),
    Tree("big", Leaf(size=2**63 - 1), Leaf(size=-(2**63))),
    Tree("emptied", made=Leaf()),
]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: value.id)
def test_what_is_written_is_read_back(value):
    assert NOTATION.decode(NOTATION.encode(value)) == value
    assert NOTATION.decode(NOTATION.encode(value).decode()) == value


@pytest.mark.parametrize("value", VALUES, ids=lambda value: value.id)
def test_what_is_read_back_is_written_in_the_same_bytes(value):
    text = NOTATION.encode(value)

    assert NOTATION.encode(NOTATION.decode(text)) == text


def test_a_member_at_its_default_is_left_out_unless_it_is_a_number_or_an_object():
    assert json.loads(NOTATION.encode(Tree("bare"))) == {
        "id": "bare",
        "leaf": {"size": 0},
        "made": {"name": "made", "size": 1},
    }


def test_threads_that_write_and_read_for_the_first_time_at_once():
    start = Barrier(THREADS)

    def first(_: int) -> Tree:
        start.wait()
        return fresh.decode(fresh.encode(VALUES[1]))

    for _ in range(THREADS):
        fresh = Notation(Tree)
        with ThreadPoolExecutor(THREADS) as threads:
            assert set(threads.map(first, range(THREADS))) == {VALUES[1]}


def test_members_stand_in_the_order_of_the_fields():
    members = list(json.loads(NOTATION.encode(VALUES[1])))

    assert members == ["id", "leaf", "made", "perhaps", "leaves", "colour", "words"]


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "{}", '{"id": 1}', '{"id": "a", "leaf": 3}', '{"id": "a", "colour": "BLUE"}', '{"id": "a"} x'],
)
def test_text_that_is_no_such_value_is_refused(text):
    with pytest.raises(ValueError, match=r".+"):
        NOTATION.decode(text)


def test_a_member_that_nobody_knows_is_passed_over():
    assert NOTATION.decode('{"id": "a", "newer": 1}') == Tree("a")


def test_what_older_versions_wrote_out_in_full_is_read_alike():
    full = '{"id":"bare","leaf":{"name":"","size":0},"perhaps":null,"leaves":[],"colour":null,"flag":true}'

    assert NOTATION.decode(full) == Tree("bare")
