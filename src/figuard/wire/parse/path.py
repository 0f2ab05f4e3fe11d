"""
Path parameters and query strings, and the marks by which a repeated request is recognised.
"""

from __future__ import annotations

import re
from enum import StrEnum
from hashlib import sha256
from typing import TypeVar

import msgspec

from figuard.domain import instants
from figuard.domain.codes import ErrorCode
from figuard.domain.commands import Command
from figuard.domain.instants import Instant
from figuard.domain.refusal import Refusal
from figuard.wire import limits
from figuard.wire.context import Call
from figuard.wire.parse.fields import is_uuid

_WHOLE = re.compile(r"-?[0-9]{1,15}")
_CANONICAL = msgspec.json.Encoder(order="deterministic")
_TRUTH = {"true": True, "1": True, "false": False, "0": False}

Word = TypeVar("Word", bound=StrEnum)


def fingerprint(command: Command) -> str:
    """Return what a repeat under the same ``Idempotency-Key`` is compared by: the SHA-256 of the whole command."""
    return sha256(_CANONICAL.encode([type(command).__name__, command])).hexdigest()


def checked_key(value: str) -> str:
    """Return an ``Idempotency-Key`` as it is. Raises ``Refusal`` (``INVALID_REQUEST``) for a bad one."""
    if not value.strip() or len(value) > limits.IDEMPOTENCY_KEY_LENGTH_MAX or not value.isprintable():
        raise _invalid("Idempotency-Key", f"1 to {limits.IDEMPOTENCY_KEY_LENGTH_MAX} printable characters", value[:40])
    return value


def path_id(call: Call, name: str, thing: str) -> str:
    """Return an id of the path in lower case. Raises ``Refusal`` (``NOT_FOUND``): what is no id names nothing."""
    value = call.path[name]
    if not is_uuid(value):
        raise Refusal(ErrorCode.NOT_FOUND, f"there is no {thing} {value[: limits.NAME_LENGTH_MAX]!r}; ids are UUIDs")
    return value.lower()


def query_text(call: Call, name: str, most: int = limits.SEARCH_LENGTH_MAX) -> str | None:
    """Return a query parameter; None for absent or empty. Raises ``Refusal`` (``INVALID_REQUEST``)."""
    value = call.query.get(name)
    if value is None or value == "":
        return None
    found = str(value)
    if len(found) > most or "\0" in found:
        raise _invalid(name, f"at most {most} characters", found[:40])
    return found


def query_id(call: Call, name: str) -> str | None:
    """Return an id of the query in lower case. Raises ``Refusal`` (``INVALID_REQUEST``)."""
    value = query_text(call, name)
    if value is not None and not is_uuid(value):
        raise _invalid(name, "a UUID", value)
    return value.lower() if value else None


def query_flag(call: Call, name: str, *, default: bool) -> bool:
    """Return a yes or no of the query. Raises ``Refusal`` (``INVALID_REQUEST``)."""
    value = query_text(call, name)
    if value is None:
        return default
    if (found := _TRUTH.get(value.lower())) is None:
        raise _invalid(name, "true or false", value)
    return found


def query_whole(call: Call, name: str, default: int, *, least: int = 0, most: int) -> int:
    """Return a whole number of the query. Raises ``Refusal`` (``INVALID_REQUEST``)."""
    value = query_text(call, name)
    if value is None:
        return default
    if not _WHOLE.fullmatch(value) or not least <= int(value) <= most:
        raise _invalid(name, f"a whole number from {least} to {most:,}", value)
    return int(value)


def query_size(call: Call, default: int = limits.PAGE_SIZE_DEFAULT, name: str = "size") -> int:
    """Return how many records are wanted, at most ``PAGE_SIZE_MAX``. Raises ``Refusal`` (``INVALID_REQUEST``)."""
    return min(query_whole(call, name, default, least=1, most=10**15), limits.PAGE_SIZE_MAX)


def query_page(call: Call) -> int:
    """Return which page is wanted, from zero. Raises ``Refusal`` (``INVALID_REQUEST``)."""
    return query_whole(call, "page", 0, most=limits.PAGE_NUMBER_MAX)


def query_time(call: Call, name: str) -> Instant | None:
    """Return a time of the query. Raises ``Refusal`` (``INVALID_REQUEST``)."""
    value = query_text(call, name)
    if value is None:
        return None
    try:
        # A plus sign that nobody escaped arrives as a space.
        return instants.parse(value.replace(" ", "+") if "T" in value else value)
    except ValueError:
        raise _invalid(name, "an ISO 8601 time with an offset", value) from None


def query_choice(call: Call, name: str, words: type[Word]) -> Word | None:
    """Return the member of *words* that the query names. Raises ``Refusal`` (``INVALID_REQUEST``)."""
    value = query_text(call, name)
    if value is None:
        return None
    try:
        return words(value)
    except ValueError:
        raise _invalid(name, f"one of {', '.join(words)}", value) from None


def period(call: Call, first: str, last: str) -> tuple[Instant | None, Instant | None]:
    """Return the ends of a period of the query. Raises ``Refusal`` when it ends before it begins."""
    since, until = query_time(call, first), query_time(call, last)
    if since is not None and until is not None and until < since:
        raise Refusal(ErrorCode.INVALID_REQUEST, f"{last} must not be before {first}")
    return since, until


def _invalid(name: str, wanted: str, got: object) -> Refusal:
    return Refusal(ErrorCode.INVALID_REQUEST, f"{name} must be {wanted}, got {got!r}")
