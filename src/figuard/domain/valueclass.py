"""
Values: what the rules work on, made to be made often.

A value is a dataclass with slots, equality, a hash and a readable form, and nothing about it ever changes. The type
checker holds everybody to that, the interpreter does not: a frozen dataclass sets each field through
``object.__setattr__``, which makes it four times as dear to build (16,300 instructions for ten fields against 3,700,
counted with ``perf stat``), and one authorization builds some forty values.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import Field, dataclass, field, fields
from operator import attrgetter
from typing import Any, TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def valueclass(cls: type[T]) -> type[T]:
    """Make a value of a class that lists its fields, as ``dataclass(frozen=True, slots=True)`` would."""
    made = dataclass(slots=True, eq=False, repr=False)(cls)
    listed = fields(made)  # pyright: ignore[reportArgumentType] - it has just been made one
    compared = _reader([one for one in listed if one.compare])
    shown = tuple(one.name for one in listed if one.repr)

    # Shared functions over the fields; those that dataclass writes are compiled anew for each class at every start.
    def equals(self: object, other: object) -> bool:
        if other.__class__ is not self.__class__:
            return NotImplemented
        return compared(self) == compared(other)

    def hashed(self: object) -> int:
        return hash(compared(self))

    def told(self: object) -> str:
        inside = ", ".join(f"{name}={getattr(self, name)!r}" for name in shown)
        return f"{type(self).__qualname__}({inside})"

    for name, method in (("__eq__", equals), ("__hash__", hashed), ("__repr__", told)):
        if name not in vars(cls):
            setattr(made, name, method)
    return made


def replace(one: T, /, **changes: Any) -> T:  # noqa: ANN401 - the values of any fields
    """
    Return a value that differs from *one* in these fields, as ``dataclasses.replace`` does, at a third of its price.

    Where it is done for every request, a constructor is called instead, which costs a third of this. Raises
    ``KeyError`` for a name that is no field.
    """
    copied = _COPYING.get(one.__class__) or _copying(one.__class__)
    try:
        return copied(one, changes)
    except AttributeError as error:
        raise KeyError(str(error)) from None


_Copy = Callable[[Any, dict[str, Any]], Any]
_COPYING: dict[type, _Copy] = {}


def _copying(of: type) -> _Copy:
    """Return the function behind ``replace`` for a class, written out field by field when it is first needed."""
    lines = [
        "def copied(one, changes):",
        " new = blank(of)",
        *(f" new.{field.name} = one.{field.name}" for field in fields(of)),
        " for name in changes: setattr(new, name, changes[name])",
        " return new",
    ]
    scope: dict[str, Any] = {"blank": object.__new__, "of": of}
    exec("\n".join(lines), scope)  # noqa: S102 - names of fields of our own classes
    copied: _Copy = scope["copied"]
    _COPYING[of] = copied
    return copied


def _reader(listed: Sequence[Field[Any]]) -> Callable[[object], tuple[Any, ...]]:
    """Return a function from a value to the tuple of these fields."""
    names = [one.name for one in listed]
    if len(names) > 1:
        return attrgetter(*names)
    return lambda of: tuple([getattr(of, name) for name in names])
