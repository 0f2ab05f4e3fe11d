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

import msgspec
import pytest

from figuard.domain.books import Entry, EntryKind
from figuard.domain.budget import Budget, Funds, Identity, Policy
from figuard.domain.events import Decision, Event, Spend
from figuard.domain.valueclass import replace, valueclass
from figuard.ports.notation import KEPT, Notation, _Kept


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


def test_a_part_that_is_the_default_is_written_as_one_that_only_says_the_same():
    assert NOTATION.encode(Tree("x")) == NOTATION.encode(Tree("x", Leaf()))


def test_a_part_that_says_what_the_default_says_is_read_as_the_default():
    again, other = NOTATION.decode(NOTATION.encode(Tree("x", Leaf()))), NOTATION.decode('{"id":"x","leaf":{"size":1}}')

    assert again.leaf is Tree("y").leaf
    assert other.leaf == Leaf(size=1)


def event(number: int) -> Event:
    spend = Spend(f"k{number}", "agent", "PAY", "something", number, "print")
    return Event(f"e{number}", "tenant", "budget", spend, Decision.AUTHORIZED, 1, 1)


def entry_of(opened: Event) -> Entry:
    return Entry("budget", "tenant", 1, 1, EntryKind.AUTHORIZED, "agent", "before", opened)


def test_an_event_is_encoded_once_for_its_entry_and_its_row():
    opened, entries, events = event(1), Notation(Entry), Notation(Event)
    body = entries.encode(entry_of(opened))
    row = events.encode(opened)

    assert row in body
    assert events.encode(opened) is row
    assert events.encode(replace(opened)) == row


def test_what_is_remembered_is_never_taken_for_another():
    entries, events, budgets = Notation(Entry), Notation(Event), Notation(Budget)

    # Nobody else holds these values, so those that come later get the identities of those that are gone.
    for number in range(2 * KEPT[Event]):
        opened = event(number)
        assert b'"id":"e%d"' % number in entries.encode(entry_of(opened))
        assert b'"id":"e%d"' % number in events.encode(opened)
        written = budgets.encode(Budget(Identity(f"b{number}", "t", "u", 1), Policy(number), Funds(1)))
        assert b'"id":"b%d"' % number in written
        assert b'"expires_at":%d' % number in written


def test_what_is_remembered_is_bounded_and_what_is_in_use_stays():
    made: list[Leaf] = []
    kept = _Kept(lambda leaf: made.append(leaf) or leaf.name, 8)
    busy = Leaf("busy")

    for number in range(100):
        assert kept.part(busy) == msgspec.Raw(b'"busy"')
        kept.part(Leaf(str(number)))
        assert len(kept) <= 8

    assert made.count(busy) == 1
    assert len(made) == 101


def test_a_changed_budget_is_written_with_its_changes():
    budgets = Notation(Budget)
    before = Budget(Identity("b", "t", "u", 1), Policy(grace_seconds=1), Funds(1))
    budgets.encode(before)
    after = replace(before, policy=replace(before.policy, grace_seconds=2), funds=Funds(3))

    assert budgets.decode(budgets.encode(after)) == after
    assert budgets.decode(budgets.encode(before)) == before


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
