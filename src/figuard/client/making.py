"""
How a model is made of a response: field by field under the same names, in one go.

Models are frozen, and a frozen dataclass sets each field through ``object.__setattr__``: for the fifty fields of an
event that took a twentieth of an authorization with its confirmation. So a model is filled in as a twin that has the
same slots and no guard, and then becomes what it is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, fields
from functools import cache
from typing import Any, TypeVar

import msgspec

M = TypeVar("M")


def made(model: type[M], body: msgspec.Struct, **others: object) -> M:
    """Return *model* with the fields that *body* has under the same names, and *others* in their place."""
    return _making(model, type(body), tuple(others))(body, *others.values())


def maker(model: type[M], *others: str) -> Callable[..., M]:
    """
    Return a function that does the same for one model again and again: of a body, and of *others* in their order.

    It knows what it is to make, where ``made`` has to look for it each time.
    """
    ways: dict[type[msgspec.Struct], Callable[..., M]] = {}

    def make(body: msgspec.Struct, *values: object) -> M:
        way = ways.get(type(body))
        if way is None:
            way = ways[type(body)] = _making(model, type(body), others)
        return way(body, *values)

    return make


@cache
def _making(model: type, body: type[msgspec.Struct], others: tuple[str, ...]) -> Callable[..., Any]:
    """
    Return the function that makes *model* of a *body* and of *others*, in their order.

    It is written out, as ``dataclasses`` writes out ``__init__``. Raises ``TypeError`` for a field without a value,
    and for one of *others* that is no field.
    """
    listed = {field.name: field for field in fields(model)}
    if unknown := [name for name in others if name not in listed]:
        raise TypeError(f"{model.__name__} has no field {', '.join(unknown)}")
    known = set(body.__struct_fields__)
    scope: dict[str, Any] = {"model": model, "twin": _twin(model)}
    lines: list[str] = []
    for name, field in listed.items():
        if name in others:
            value = f"given_{name}"
        elif name in known:
            value = f"body.{name}"
        elif field.default is not MISSING:
            value, scope[f"default_{name}"] = f"default_{name}", field.default
        elif field.default_factory is not MISSING:
            value, scope[f"default_{name}"] = f"default_{name}()", field.default_factory
        else:
            raise TypeError(f"{model.__name__}.{name} has no value in {body.__name__}")
        lines.append(f"made.{name} = {value}")
    parameters = ", ".join(("body", *(f"given_{name}" for name in others)))
    body_text = "\n ".join(
        (f"def make({parameters}):", "made = twin()", *lines, "made.__class__ = model", "return made")
    )
    exec(body_text, scope)  # noqa: S102 - the names are those of our own fields
    make: Callable[..., Any] = scope["make"]
    return make


@cache
def _twin(model: type) -> type:
    """Return a class with the slots of *model*, whose instances may be written to and may become models."""
    return type(f"{model.__name__}Twin", (), {"__slots__": tuple(field.name for field in fields(model))})
