"""
How values are written down, in rows and in ledger entries: JSON objects without the members that say nothing.

A member at its default is left out, which halves what an authorization writes; whole numbers, and members that are
objects themselves, are always there, so that nobody who reads a balance has to know what is meant by nothing.

Values are plain dataclasses, because the rules know no library. Each has a mirror here, a struct of the JSON library,
through which it is encoded and decoded at half the price of a dataclass.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from threading import Lock
from types import NoneType, UnionType
from typing import Any, Generic, NamedTuple, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec

T = TypeVar("T")
_Convert = Callable[[Any], Any]
_ENCODE = msgspec.json.Encoder().encode
_MAKING = Lock()


class _Ways(NamedTuple):
    """To the struct, from JSON to the struct, and from the struct."""

    outward: _Convert
    decode: _Convert
    inward: _Convert


class Notation(Generic[T]):
    """How values of one class are written and read."""

    def __init__(self, of: type[T]) -> None:
        """Work for a dataclass whose fields are JSON values, enums, or such dataclasses (optional, or in tuples)."""
        self._of = of
        self._ways: _Ways | None = None

    def encode(self, value: T) -> bytes:
        """Return *value* as JSON."""
        ways = self._ways or self._made()
        return _ENCODE(ways.outward(value))

    def decode(self, text: str | bytes) -> T:
        """Return the value that some JSON says. Raises ``ValueError`` for text that is no such value."""
        ways = self._ways or self._made()
        value: T = ways.inward(ways.decode(text))
        return value

    def _made(self) -> _Ways:
        # When it is first needed, since most processes never see most classes, and one at a time: two threads that
        # make the first decoder of one struct crash the process (see ``wire.codec``).
        with _MAKING:
            if self._ways is None:
                mirror = _mirror(self._of)
                self._ways = _Ways(mirror.outward, msgspec.json.Decoder(mirror.struct).decode, mirror.inward)
            return self._ways


class _Mirror(NamedTuple):
    """The struct of a class, and the ways there and back."""

    struct: type
    outward: _Convert
    inward: _Convert


class _Part(NamedTuple):
    """A field that holds another mirrored class: whether it may be None, and how it is converted either way."""

    optional: bool
    outward: _Convert
    inward: _Convert


@cache
def _mirror(of: type) -> _Mirror:
    """Return the mirror of a class, always the same one."""
    hints = get_type_hints(of)
    members: list[tuple[str, Any] | tuple[str, Any, Any]] = []
    parts: dict[str, _Part] = {}
    for field in fields(of):
        told, part = _type(hints[field.name])
        default: Any = field.default if field.default_factory is MISSING else field.default_factory()
        if part is not None:
            parts[field.name] = part
            default = default if default is MISSING or not default else part.outward(default)
        if isinstance(default, msgspec.Struct) or type(default) is int:
            # Made by a function a default is written out all the same; and it may be shared, since nothing changes it.
            default = msgspec.field(default_factory=lambda shared=default: shared)
        members.append((field.name, told) if default is MISSING else (field.name, told, default))
    struct = msgspec.defstruct(of.__name__, members, omit_defaults=True, gc=False)
    names = [field.name for field in fields(of)]
    outward = {name: (part.outward, part.optional) for name, part in parts.items()}
    inward = {name: (part.inward, part.optional) for name, part in parts.items()}
    return _Mirror(struct, _converter(names, struct, outward), _converter(names, of, inward))


def _converter(names: list[str], made: type, converts: dict[str, tuple[_Convert, bool]]) -> _Convert:
    """
    Return a function that builds *made* from an object with the attributes *names*.

    *converts* says for some of them how, and whether they may be None. The function is written out, as ``dataclasses``
    writes out ``__init__``: reading attributes by name costs four times as much.
    """
    scope: dict[str, Any] = {"made": made, **{f"to_{name}": convert for name, (convert, _) in converts.items()}}
    arguments: list[str] = []
    for name in names:
        _, optional = converts.get(name, (None, False))
        value = f"to_{name}(v.{name})" if name in converts else f"v.{name}"
        arguments.append(f"None if v.{name} is None else {value}" if optional else value)
    exec(f"def convert(v): return made({', '.join(arguments)})", scope)  # noqa: S102 - names of fields of our own classes
    convert: _Convert = scope["convert"]
    return convert


def _type(hint: Any) -> tuple[Any, _Part | None]:  # noqa: ANN401 - any annotation
    """Return what the struct declares for an annotation, and how the field is converted if it must be."""
    if isinstance(hint, type) and is_dataclass(hint):
        mirror = _mirror(hint)
        return mirror.struct, _Part(optional=False, outward=mirror.outward, inward=mirror.inward)
    inside = get_args(hint)
    if get_origin(hint) in {Union, UnionType} and NoneType in inside:
        (other,) = (one for one in inside if one is not NoneType) if len(inside) == 2 else (None,)  # noqa: PLR2004
        if isinstance(other, type) and is_dataclass(other):
            mirror = _mirror(other)
            part = _Part(optional=True, outward=mirror.outward, inward=mirror.inward)
            return mirror.struct | None, part
    if get_origin(hint) is tuple and inside and isinstance(inside[0], type) and is_dataclass(inside[0]):
        mirror = _mirror(inside[0])
        part = _Part(optional=False, outward=_each(mirror.outward), inward=_each(mirror.inward))
        return tuple[mirror.struct, ...], part
    return hint, None  # pyright: ignore[reportUnknownVariableType] - any annotation is


def _each(convert: _Convert) -> _Convert:
    return lambda values: tuple([convert(value) for value in values]) if values else ()
