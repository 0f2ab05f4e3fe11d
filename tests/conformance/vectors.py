"""
The vectors: scenarios as data, how their words refer to each other, and what counts as a match.

Matching is poor on purpose: exact values, bound names, and three wildcards. Whatever a vector does not mention may be
anything.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from tests.meta.tree import ROOT

FOLDER = ROOT / "spec" / "conformance"
SCHEMA = FOLDER / "schema.json"
_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
ABSENT: Any = object()


@dataclass(frozen=True)
class Vector:
    """One scenario."""

    path: Path
    id: str
    says: str
    because: str
    steps: tuple[Mapping[str, Any], ...]


def files() -> list[Path]:
    """Return every file with a scenario, in order."""
    return sorted(path for path in FOLDER.rglob("*.json") if path != SCHEMA)


def load(path: Path) -> Vector:
    """Return the scenario in a file."""
    data = json.loads(path.read_text(encoding="utf-8"))
    return Vector(path, data["id"], data["says"], data["because"], tuple(data["steps"]))


def all_vectors() -> list[Vector]:
    """Return every scenario."""
    return [load(path) for path in files()]


def resolved(value: Any, bound: Mapping[str, Any]) -> Any:
    """Return *value* with every ``$name`` replaced by what it is bound to."""
    if isinstance(value, str) and value.startswith("$"):
        return bound[value[1:]]
    if isinstance(value, list):
        return [resolved(part, bound) for part in value]
    if isinstance(value, dict):
        return {name: resolved(part, bound) for name, part in value.items()}
    return value


def found(value: Any, path: str) -> Any:
    """Return what lies at a dotted path of attributes, keys and places; ``.`` is the value itself."""
    for part in path.split(".") if path != "." else ():
        if isinstance(value, list):
            value = value[int(part)]
        else:
            value = value.get(part, ABSENT) if isinstance(value, dict) else getattr(value, part, ABSENT)
    return value


def mismatches(expected: Any, actual: Any, at: str = "") -> Iterator[str]:
    """Yield where *actual* is not what is expected."""
    if isinstance(expected, dict):
        for name, part in expected.items():
            value = found(actual, name)
            if value is ABSENT:
                yield f"{at}.{name} is missing"
            else:
                yield from mismatches(part, value, f"{at}.{name}")
    elif isinstance(expected, list):
        if not isinstance(actual, list) or len(expected) != len(actual):
            yield f"{at} is {actual!r}, {len(expected)} parts were expected"
            return
        for place, (part, value) in enumerate(zip(expected, actual, strict=True)):
            yield from mismatches(part, value, f"{at}.{place}")
    elif not _matches(expected, actual):
        yield f"{at} is {actual!r}, expected {expected!r}"


def _matches(expected: Any, actual: Any) -> bool:
    if expected == "any-id":
        return isinstance(actual, str) and _ID.fullmatch(actual) is not None
    if expected == "any-text":
        return isinstance(actual, str) and actual != ""
    if expected == "any-time":
        return isinstance(actual, str) and _is_time(actual)
    if isinstance(actual, Decimal):
        return isinstance(expected, str) and _is_amount(expected) and Decimal(expected) == actual
    return type(expected) is type(actual) and expected == actual if isinstance(actual, bool) else expected == actual


def _is_amount(text: str) -> bool:
    try:
        return Decimal(text).is_finite()
    except InvalidOperation:
        return False


def _is_time(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False
