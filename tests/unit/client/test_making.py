"""
Models made of responses: every field by its name, and nothing that is not there.
"""

from __future__ import annotations

from dataclasses import FrozenInstanceError, dataclass, field

import msgspec
import pytest

from figuard.client.making import made, maker


@dataclass(frozen=True, slots=True)
class Model:
    """What is made."""

    name: str
    parts: tuple[str, ...] = ()
    words: list[str] = field(default_factory=list[str])
    note: str = "none"


class Body(msgspec.Struct):
    """What it is made of."""

    name: str
    note: str
    beside: int = 0


class Other(msgspec.Struct):
    """Another body of the same model."""

    name: str


@pytest.fixture(params=["once", "again and again"])
def make(request):
    if request.param == "once":
        return lambda body, parts: made(Model, body, parts=parts)
    return maker(Model, "parts")


def test_a_model_has_what_the_body_has_and_what_is_given_beside_it(make):
    assert make(Body("a", "b"), ("c",)) == Model("a", ("c",), [], "b")


def test_one_maker_takes_bodies_of_several_kinds(make):
    assert [make(Body("a", "b"), ()), make(Other("d"), ()), make(Body("e", "f"), ())] == [
        Model("a", note="b"),
        Model("d"),
        Model("e", note="f"),
    ]


def test_two_models_share_no_list(make):
    one, two = make(Other("a"), ()), make(Other("a"), ())
    one.words.append("x")

    assert two.words == []


def test_a_model_cannot_be_changed(make):
    model = make(Other("a"), ())
    with pytest.raises(FrozenInstanceError):
        model.name = "b"


def test_a_field_without_a_value_is_a_fault_of_ours():
    class Empty(msgspec.Struct):
        note: str = ""

    with pytest.raises(TypeError, match="name has no value in Empty"):
        maker(Model)(Empty())


def test_a_value_without_a_field_is_a_fault_of_ours():
    with pytest.raises(TypeError, match="Model has no field colour"):
        maker(Model, "colour")(Other("a"), "red")
