"""
How values are written down, in rows and in ledger entries: JSON objects without the members that say nothing.

A member at its default is left out, which halves what an authorization writes; whole numbers, and members that are
objects themselves, are always there, so that nobody who reads a balance has to know what is meant by nothing.

Values are plain dataclasses, because the rules know no library. Each has a mirror here, a struct of the JSON library,
through which it is encoded and decoded at half the price of a dataclass. What is certain to be the same bytes as before
is not encoded again: a part that is the default itself, and the values of the classes in ``KEPT``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from functools import cache, cached_property
from threading import Lock
from types import NoneType, UnionType
from typing import Any, Generic, NamedTuple, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec

from figuard.domain.budget import Identity, Policy
from figuard.domain.events import Event

T = TypeVar("T")
_Convert = Callable[[Any], Any]
_ENCODE = msgspec.json.Encoder().encode
_MAKING = Lock()

KEPT: Mapping[type, int] = {Event: 256, Identity: 16_384, Policy: 16_384}
"""
Classes whose values are written more than once as they are, and of how many values at most the bytes are remembered.

A new event is written in its ledger entry and in its row; what never or seldom changes of a budget, with each of its
versions. A value is known by its identity alone: it does not change, and while it is remembered it stays alive.
"""


class Notation(Generic[T]):
    """How values of one class are written and read."""

    def __init__(self, of: type[T]) -> None:
        """Work for a dataclass whose fields are JSON values, enums, or such dataclasses (optional, or in tuples)."""
        self._of = of
        self._encode: Callable[[Any], bytes] | None = None
        self._decode: tuple[_Convert, _Convert] | None = None

    def encode(self, value: T) -> bytes:
        """Return *value* as JSON."""
        encode = self._encode or self._writing()
        return encode(value)

    def decode(self, text: str | bytes) -> T:
        """Return the value that some JSON says. Raises ``ValueError`` for text that is no such value."""
        decode, inward = self._decode or self._reading()
        value: T = inward(decode(text))
        return value

    # Each way is made when it is first needed, since most processes never see most classes, and one at a time: two
    # threads that make the first decoder of one struct crash the process (see ``wire.codec``).

    def _writing(self) -> Callable[[Any], bytes]:
        with _MAKING:
            if self._encode is None:
                mirror = _mirror(self._of)
                kept = mirror.kept
                self._encode = _Outward().function(self._of, mirror.struct, _ENCODE) if kept is None else kept.encode
            return self._encode

    def _reading(self) -> tuple[_Convert, _Convert]:
        with _MAKING:
            if self._decode is None:
                mirror = _mirror(self._of)
                self._decode = (msgspec.json.Decoder(mirror.struct).decode, mirror.inward)
            return self._decode


_Written = tuple[Any, msgspec.Raw, bytes]
"""A value, and its bytes as a part of another and alone."""


class _Kept:
    """
    The bytes of the values of one class that were written as parts of others.

    They lie on two piles, of which the older goes when the younger is full: what is in use moves over in time.
    """

    def __init__(self, outward: _Convert, most: int) -> None:
        self._outward = outward
        self._pile = most // 2
        # By identity, with the values themselves: as long as one lives, no other has its identity.
        self._young: dict[int, _Written] = {}
        self._old: dict[int, _Written] = {}

    def part(self, value: Any) -> msgspec.Raw:  # noqa: ANN401 - a value of the class
        """Return the value as a part of another, and remember its bytes."""
        known = self._young.get(id(value))
        if known is None:
            known = self._old.get(id(value)) or self._written(value)
            if len(self._young) >= self._pile:
                self._old, self._young = self._young, {}
            self._young[id(value)] = known
        return known[1]

    def encode(self, value: Any) -> bytes:  # noqa: ANN401 - a value of the class
        """Return the value's bytes: those that are remembered, if they are."""
        known = self._young.get(id(value)) or self._old.get(id(value))
        return _ENCODE(self._outward(value)) if known is None else known[2]

    def _written(self, value: Any) -> _Written:  # noqa: ANN401 - a value of the class
        data = _ENCODE(self._outward(value))
        return (value, msgspec.Raw(data), data)

    def __len__(self) -> int:
        """Return of how many values the bytes are remembered, some perhaps twice."""
        return len(self._young) + len(self._old)


class _Mirror:
    """
    The struct of a class, the ways there and back, and what was written if that is remembered.

    Each is made when somebody takes it: most parts are made in the lines of their whole.
    """

    def __init__(self, of: type, struct: type) -> None:
        self._of = of
        self.struct = struct

    @cached_property
    def outward(self) -> _Convert:
        return _Outward().function(self._of, self.struct)

    @cached_property
    def inward(self) -> _Convert:
        return _Inward().function(self._of, self._of)

    @cached_property
    def kept(self) -> _Kept | None:
        return _Kept(self.outward, KEPT[self._of]) if self._of in KEPT else None


class _Part(NamedTuple):
    """A field that holds values of another mirrored class: one, perhaps one, or a tuple of them."""

    of: type
    optional: bool = False
    many: bool = False


@cache
def _mirror(of: type) -> _Mirror:
    """Return the mirror of a class, always the same one."""
    members: list[tuple[str, Any] | tuple[str, Any, Any]] = []
    for field, told, part in _members(of):
        default: Any = field.default if field.default_factory is MISSING else field.default_factory()
        if part is not None and is_dataclass(default):
            default = _struct(default)
        if isinstance(default, msgspec.Struct) or type(default) is int:
            # Made by a function a default is written out all the same; and it may be shared, since nothing changes it.
            default = msgspec.field(default_factory=lambda shared=default: shared)
        members.append((field.name, told) if default is MISSING else (field.name, told, default))
    return _Mirror(of, msgspec.defstruct(of.__name__, members, omit_defaults=True, gc=False))


def _struct(value: Any) -> Any:  # noqa: ANN401 - any value of a mirrored class
    """Return the struct of a default, which has no tuples of parts."""
    of: type[Any] = value.__class__
    inside: list[Any] = [getattr(value, field.name) for field in fields(of)]
    return _mirror(of).struct(*[_struct(one) if is_dataclass(one) else one for one in inside])


class _Function(ABC):
    """
    A function from a value to its struct, or back, written out as ``dataclasses`` writes out ``__init__``.

    Parts that are always there are made in its own lines: a call for each, or reading attributes by name, would cost
    more than all the rest.
    """

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.scope: dict[str, Any] = {}

    def function(self, of: type, made: type, then: _Convert | None = None) -> _Convert:
        """Return the function for a class, of which *made* is the class or the struct, and *then* what comes after."""
        expression = self.whole(of, made, "value")
        if then is not None:
            expression = f"{self.name(then)}({expression})"
        body = "".join(f"\n    {line}" for line in (*self.lines, f"return {expression}"))
        exec(f"def convert(value):{body}", self.scope)  # noqa: S102 - names of fields of our own classes
        convert: _Convert = self.scope["convert"]
        return convert

    def whole(self, of: type, made: type, value: str) -> str:
        """Return an expression that makes *made* of what the name *value* stands for."""
        arguments: list[str] = []
        for field, _, part in _members(of):
            read = f"{value}.{field.name}"
            if part is None:
                arguments.append(read)
            elif part.many:
                arguments.append(f"tuple([{self.call(part.of)}(one) for one in {read}]) if {read} else ()")
            elif part.optional:
                arguments.append(f"None if {read} is None else {self.call(part.of)}({read})")
            else:
                arguments.append(self.inside(part.of, read, field.default))
        return f"{self.name(made)}({', '.join(arguments)})"

    def name(self, thing: object) -> str:
        """Return a name for something in the function's scope."""
        name = f"known{len(self.scope)}"
        self.scope[name] = thing
        return name

    def local(self, read: str) -> str:
        """Return a name for a part that is read once."""
        name = f"part{len(self.lines)}"
        self.lines.append(f"{name} = {read}")
        return name

    @abstractmethod
    def call(self, of: type) -> str:
        """Return the name of a function that converts a part."""

    @abstractmethod
    def inside(self, of: type, read: str, default: object) -> str:
        """Return an expression for a part that is always there."""


class _Outward(_Function):
    """From a value to its struct. What was written before stands in it as the bytes that it was written as."""

    def call(self, of: type) -> str:
        mirror = _mirror(of)
        return self.name(mirror.kept.part if mirror.kept is not None else mirror.outward)

    def inside(self, of: type, read: str, default: object) -> str:
        mirror = _mirror(of)
        if mirror.kept is not None:
            return f"{self.call(of)}({read})"
        part = self.local(read)
        whole = self.whole(of, mirror.struct, part)
        if not isinstance(default, of):
            return whole
        return f"{self.name(msgspec.Raw(_ENCODE(_struct(default))))} if {part} is {self.name(default)} else {whole}"


class _Inward(_Function):
    """From a struct to its value. A part that says what the default says is the default itself."""

    def call(self, of: type) -> str:
        return self.name(_mirror(of).inward)

    def inside(self, of: type, read: str, default: object) -> str:
        part = self.local(read)
        whole = self.whole(of, of, part)
        if not isinstance(default, of):
            return whole
        return f"{self.name(default)} if {part} == {self.name(_struct(default))} else {whole}"


@cache
def _members(of: type) -> tuple[tuple[Field[Any], Any, _Part | None], ...]:
    """Return the fields of a class, what the struct declares for each, and the parts that it holds if it holds some."""
    hints = get_type_hints(of)
    return tuple((field, *_type(hints[field.name])) for field in fields(of))


def _type(hint: Any) -> tuple[Any, _Part | None]:  # noqa: ANN401 - any annotation
    """Return what the struct declares for an annotation, and the part that the field holds if it is one."""
    if isinstance(hint, type) and is_dataclass(hint):
        return _mirror(hint).struct, _Part(hint)
    inside = get_args(hint)
    if get_origin(hint) in {Union, UnionType} and NoneType in inside:
        (other,) = (one for one in inside if one is not NoneType) if len(inside) == 2 else (None,)  # noqa: PLR2004
        if isinstance(other, type) and is_dataclass(other):
            return _mirror(other).struct | None, _Part(other, optional=True)
    if get_origin(hint) is tuple and inside and isinstance(inside[0], type) and is_dataclass(inside[0]):
        return tuple[_mirror(inside[0]).struct, ...], _Part(inside[0], many=True)
    return hint, None  # pyright: ignore[reportUnknownVariableType] - any annotation is
