"""
Values are dataclasses in all but the price of building one.
"""

from __future__ import annotations

from dataclasses import MISSING, field, fields, is_dataclass

import pytest

from figuard.domain.valueclass import replace, valueclass


@valueclass
class Point:
    x: int
    y: int = 0
    note: str = field(default="", compare=False)
    secret: str = field(default="hidden", repr=False)


@valueclass
class Lone:
    only: tuple[int, ...] = ()


@valueclass
class Nothing:
    pass


@valueclass
class Shouting:
    text: str

    def __repr__(self) -> str:
        return self.text.upper()


@valueclass
class Other:
    x: int
    y: int = 0


def test_a_value_is_a_dataclass_with_slots_and_defaults():
    assert is_dataclass(Point)
    assert not hasattr(Point(1), "__dict__")
    assert (1, 0, "") == (Point(1).x, Point(1).y, Point(1).note)
    assert ["x", "y", "note", "secret"] == [one.name for one in fields(Point)]
    assert fields(Point)[0].default is MISSING


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (Point(1, 2), Point(1, 2), True),
        (Point(1, 2), Point(1, 3), False),
        (Point(1, 2, note="a"), Point(1, 2, note="b"), True),
        (Point(1, 2, secret="a"), Point(1, 2, secret="b"), False),
        (Lone((1,)), Lone((1,)), True),
        (Lone((1,)), Lone((2,)), False),
        (Nothing(), Nothing(), True),
        (Point(1, 2), Other(1, 2), False),
        (Point(1, 2), (1, 2), False),
    ],
)
def test_values_are_equal_when_their_class_and_compared_fields_are(one, other, same):
    assert (one == other) is same
    assert (one != other) is not same
    if same:
        assert hash(one) == hash(other)


def test_a_value_shows_its_fields_but_not_what_is_to_be_hidden():
    assert repr(Point(1, 2, "n")) == "Point(x=1, y=2, note='n')"
    assert repr(Lone()) == "Lone(only=())"
    assert repr(Nothing()) == "Nothing()"


def test_a_method_of_its_own_stays():
    assert repr(Shouting("loud")) == "LOUD"


def test_replace_changes_what_is_named_and_nothing_else():
    point = Point(1, 2, "n", "s")

    assert (replace(point, y=5), point) == (Point(1, 5, "n", "s"), Point(1, 2, "n", "s"))
    assert replace(point, y=5).note == "n"
    assert replace(point) is not point
    assert replace(Lone(), only=(1,)) == Lone((1,))


def test_replace_knows_no_other_names():
    with pytest.raises(KeyError, match="z"):
        replace(Point(1), z=3)


def test_a_value_can_be_matched_by_place():
    match Point(1, 2):
        case Point(x, y):
            assert (x, y) == (1, 2)
        case _:
            pytest.fail("a value lists its fields for patterns")
