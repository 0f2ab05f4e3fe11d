"""
The checks of single fields. All faults of a request are collected, so that one answer lists everything that is wrong.

Every function returns a usable value even after a fault; ``Faults.check`` then refuses the whole request.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any, TypeVar, cast

import msgspec

from figuard.domain import instants
from figuard.domain.amounts import AmountError, quanta
from figuard.domain.codes import ErrorCode
from figuard.domain.instants import Instant
from figuard.domain.refusal import Refusal
from figuard.wire import limits

REQUIRED = "is required"
_UUID = re.compile(r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}")
_UUID_LENGTH = 36
_DECIMAL_REPR = re.compile(r"Decimal\('([^']*)'\)")
_METADATA = msgspec.json.Encoder(decimal_format="number")
_METADATA_AGAIN = msgspec.json.Decoder(dict[str, Any])
_CONTAINERS = (dict, list, tuple)
_WHOLE_MAX = limits.AMOUNT_MAX // limits.QUANTA_PER_UNIT
_SCALARS = frozenset({str, int, float, bool, type(None)})

Word = TypeVar("Word", bound=StrEnum)
Thing = TypeVar("Thing")


class Faults(dict[str, str]):
    """Field errors by wire name; the first one of a field stays."""

    def add(self, name: str, text: str) -> None:
        """Note what is wrong with a field."""
        # A member that was dropped because of a fault inside it is not missing as well.
        inside = (f"{name}[", f"{name}.")
        if len(self) < limits.FIELD_ERRORS_MAX and not any(known.startswith(inside) for known in self):
            self.setdefault(name, text[: limits.FIELD_ERROR_LENGTH_MAX])

    def take(self, prefix: str, others: Mapping[str, str]) -> None:
        """Note the faults of a part of the request."""
        for name, text in others.items():
            self.add(prefix + name, text)

    def check(self) -> None:
        """Raise ``Refusal`` (``VALIDATION_FAILED``) if there is any."""
        if self:
            what = "; ".join(f"{name} {text}" for name, text in self.items())
            count = "one field is" if len(self) == 1 else f"{len(self)} fields are"
            raise Refusal(ErrorCode.VALIDATION_FAILED, f"{count} wrong: {what}", fields=self)


def is_uuid(value: str) -> bool:
    """Return whether *value* is UUID text of any case."""
    return len(value) == _UUID_LENGTH and _UUID.fullmatch(value) is not None


def optional_text(faults: Faults, name: str, value: object, most: int = limits.NAME_LENGTH_MAX) -> str | None:
    """Return text of at most *most* characters as it was given; None for absent, null or blank."""
    if value is None:
        return None
    if not isinstance(value, str):
        faults.add(name, f"must be text, got {type(value).__name__}")
        return None
    if not value or value.isspace():
        return None
    if len(value) > most:
        faults.add(name, f"must be at most {most} characters, got {len(value)}")
    elif "\0" in value or not (value.isascii() or _encodes(value)):
        # PostgreSQL cannot store the first, UTF-8 cannot write the second; neither belongs in a ledger.
        faults.add(name, "must not contain the NUL character or half of a surrogate pair")
    return value


def _encodes(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def text(faults: Faults, name: str, value: object, most: int = limits.NAME_LENGTH_MAX) -> str:
    """Return text that has to be there and not blank."""
    # Nearly every text is of this kind, and every request has four of them.
    if type(value) is str and value.isascii() and len(value) <= most and "\0" not in value and value.strip():
        return value
    found = optional_text(faults, name, value, most)
    if found is None:
        faults.add(name, REQUIRED if value is None else "must not be blank")
        return ""
    return found


def optional_amount(faults: Faults, name: str, value: object, *, zero: bool = False) -> int | None:
    """Return an amount in quanta, above zero unless *zero* is allowed; None for absent or null."""
    if value is None:
        return None
    try:
        found = quanta(value)
    except AmountError as error:
        said = _DECIMAL_REPR.sub(r"\1", str(error))
        faults.add(name, said.removeprefix("amount "))
        return 0
    if not found and not zero:
        faults.add(name, "must be greater than zero")
    return found


def amount(faults: Faults, name: str, value: object, *, zero: bool = False) -> int:
    """Return an amount in quanta that has to be there."""
    if type(value) is int and 0 < value <= _WHOLE_MAX:
        return value * limits.QUANTA_PER_UNIT
    found = optional_amount(faults, name, value, zero=zero)
    if found is None:
        faults.add(name, REQUIRED)
        return 0
    return found


def whole(faults: Faults, name: str, value: object, most: int, least: int = 1) -> int | None:
    """Return a whole number from *least* to *most*; None for absent or null."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int):
        faults.add(name, f"must be a whole number, got {type(value).__name__}")
        return None
    if not least <= value <= most:
        faults.add(name, f"must be from {least:,} to {most:,}")
    return value


def flag(faults: Faults, name: str, value: object, *, default: bool) -> bool:
    """Return true or false, *default* for absent or null."""
    if value is None:
        return default
    if not isinstance(value, bool):
        faults.add(name, f"must be true or false, got {type(value).__name__}")
        return default
    return value


def choice(faults: Faults, name: str, value: object, words: type[Word], default: Word) -> Word:
    """Return the member of *words* that the text names, *default* for absent or null."""
    if value is None:
        return default
    try:
        return words(value)
    except ValueError:
        faults.add(name, f"must be one of {', '.join(words)}, got {str(value)!r}")
        return default


def time(faults: Faults, name: str, value: object) -> Instant | None:
    """Return an ISO 8601 time with an offset as an instant; None for absent or null."""
    if value is None:
        return None
    if not isinstance(value, str):
        faults.add(name, f"must be ISO 8601 text, got {type(value).__name__}")
        return None
    try:
        return instants.parse(value)
    except ValueError as error:
        faults.add(name, f"is {error}")
        return None


def future(faults: Faults, name: str, value: object, now: Instant) -> Instant | None:
    """Return a time after *now*; None for absent or null."""
    found = time(faults, name, value)
    if found is not None and found <= now:
        faults.add(name, f"must be in the future, got {value!r}")
    return found


def uuid(faults: Faults, name: str, value: object) -> str | None:
    """Return an id in lower case; None for absent or null."""
    if value is None:
        return None
    if not isinstance(value, str) or not is_uuid(value):
        faults.add(name, f"must be a UUID, got {str(value)!r}")
        return None
    return value.lower()


def words(faults: Faults, name: str, value: object, most: int = limits.WORDS_MAX) -> tuple[str, ...] | None:
    """Return a list of texts as they were given, none of them blank; None for absent or null."""
    return things(faults, name, value, text, most)


def things(
    faults: Faults,
    name: str,
    value: object,
    parse: Callable[[Faults, str, Any], Thing],
    most: int,
    form: type = object,
) -> tuple[Thing, ...] | None:
    """Return a list of at most *most* members of *form*, each parsed under its own name; None for absent or null."""
    if value is None:
        return None
    if not isinstance(value, (list, tuple)):
        faults.add(name, f"must be a list, got {type(value).__name__}")
        return ()
    members = cast("Sequence[Any]", value)
    if len(members) > most:
        faults.add(name, f"must have at most {most} members, got {len(members)}")
        return ()
    for index, member in enumerate(members):
        if not isinstance(member, form):
            faults.add(f"{name}[{index}]", f"must be {form.__name__}, got {type(member).__name__}")
            return ()
    return tuple(parse(faults, f"{name}[{index}]", member) for index, member in enumerate(members))


def metadata(faults: Faults, name: str, value: object) -> dict[str, Any] | None:
    """
    Return free JSON members as a copy of their own; None for absent or null.

    What is not JSON already (a date, a ``Decimal``) is turned into JSON once, so that it reads back as it is stored.
    """
    if value is None:
        return None
    if not isinstance(value, dict):
        faults.add(name, f"must be an object, got {type(value).__name__}")
        return None
    if _is_too_deep(cast("dict[Any, Any]", value)):
        faults.add(name, f"must not be nested deeper than {limits.METADATA_DEPTH_MAX}")
        return None
    try:
        raw = _METADATA.encode(value)
        copy = _METADATA_AGAIN.decode(raw)
    except (TypeError, ValueError, msgspec.MsgspecError, OverflowError, RecursionError) as error:
        faults.add(name, f"must be JSON: {error}")
        return None
    if len(raw) > limits.METADATA_BYTES_MAX:
        faults.add(name, f"must be at most {limits.METADATA_BYTES_MAX:,} bytes of JSON, got {len(raw):,}")
    elif b"\\u0000" in raw and _has_nul(copy):
        faults.add(name, "must not contain the NUL character")
    return copy


def _is_too_deep(value: dict[Any, Any]) -> bool:
    level = _containers_in(value)
    for _ in range(limits.METADATA_DEPTH_MAX - 1):
        if not level:
            return False
        if len(level) > limits.METADATA_BYTES_MAX:  # more members than bytes: a structure that contains itself
            return True
        level = [inner for outer in level for inner in _containers_in(outer)]
    return bool(level)


def _containers_in(value: dict[Any, Any] | list[Any] | tuple[Any, ...]) -> list[Any]:
    members: Iterable[Any] = value.values() if isinstance(value, dict) else value
    return [inner for inner in members if type(inner) not in _SCALARS and isinstance(inner, _CONTAINERS)]


def _has_nul(value: object) -> bool:
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, dict):
        pairs = cast("dict[str, Any]", value)
        return any("\0" in key or _has_nul(inner) for key, inner in pairs.items())
    return isinstance(value, list) and any(_has_nul(inner) for inner in cast("list[Any]", value))
