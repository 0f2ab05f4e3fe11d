"""
Several kinds of reads in one statement, and so in one round trip: those that answer one record each and lock nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from figuard.ports import Kind
from figuard.stores.dialect import sql
from figuard.stores.lookups import LOOKUPS
from figuard.stores.postgres.driver import Fetch
from figuard.stores.postgres.reads import BATCHED, key_types

_NUMBERED = re.compile(r"\?(\d+)")
SHAPES_KEPT_MAX = 256
"""How many combinations of kinds are remembered with their statement."""


def fits(kind: Kind) -> bool:
    """Return whether a kind may be read together with others."""
    batched = BATCHED[kind]
    return batched.locking is None and not batched.lookup.many and LOOKUPS[kind].sql.startswith("SELECT data ")


@lru_cache(SHAPES_KEPT_MAX)
def statement(kinds: tuple[Kind, ...]) -> str:
    """Return one statement for these kinds; each of its rows says of which kind and of which key it is."""
    parts: list[str] = []
    used = 0
    for part, kind in enumerate(kinds):
        types = key_types(kind)
        arrays = ", ".join(f"${used + number}::{of}[]" for number, of in enumerate(types, start=1))
        names = ", ".join(f"p{number}" for number in range(1, len(types) + 1))
        keys = f"unnest({arrays}) WITH ORDINALITY AS k ({names}, n)"
        one = _NUMBERED.sub(r"k.p\1", LOOKUPS[kind].sql)
        parts.append(sql(f"SELECT {part}, k.n, found.data FROM", keys, "CROSS JOIN LATERAL (", one, ") AS found"))
        used += len(types)
    return " UNION ALL ".join(parts)


async def look_up_together(fetch: Fetch, reads: Sequence[tuple[Kind, Sequence[Any]]]) -> list[Mapping[Any, Any]]:
    """Return what each read answers."""
    answers: list[dict[Any, Any]] = [{} for _ in reads]
    values: list[Any] = []
    for kind, keys in reads:
        values += zip(*map(LOOKUPS[kind].spread, keys), strict=True)
    for row in await fetch(statement(tuple(kind for kind, _ in reads)), *values):
        part: int = row[0]
        kind, keys = reads[part]
        answers[part][keys[row[1] - 1]] = LOOKUPS[kind].value((row[2],))
    return list(answers)
