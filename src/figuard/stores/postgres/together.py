"""
Several kinds of reads in one statement, and so in one round trip: those that answer one record each and lock nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from figuard.ports import Kind
from figuard.stores.dialect import sql
from figuard.stores.kept import KeptByType
from figuard.stores.lookups import LOOKUPS
from figuard.stores.postgres.driver import Fetch
from figuard.stores.postgres.reads import BATCHED, KEPT, folded, key_types, numbered, unfolding

SHAPES_KEPT_MAX = 256
"""How many combinations of kinds are remembered with their statement."""


FITTING = frozenset(
    kind
    for kind, batched in BATCHED.items()
    if batched.locking is None and not batched.lookup.many and batched.lookup.sql.startswith("SELECT data ")
)
"""The kinds that may be read together with others."""


@lru_cache(SHAPES_KEPT_MAX)
def statement(shape: tuple[tuple[Kind, bool], ...]) -> str:
    """
    Return one statement for these kinds; each of its rows says of which kind and of which key it is.

    With each kind stands whether it has a single key, which comes as it is.
    """
    parts: list[str] = []
    used = 0
    for part, (kind, is_one) in enumerate(shape):
        types = key_types(kind)
        if is_one:
            one = numbered(LOOKUPS[kind].sql, [f"${used + number}" for number in range(1, len(types) + 1)])
            parts.append(sql(f"SELECT {part}, 1::bigint,", "found.data FROM (", one, ") AS found"))
        else:
            keys, columns = unfolding(types, used)
            one = numbered(LOOKUPS[kind].sql, columns)
            parts.append(sql(f"SELECT {part}, k.n, found.data FROM", keys, "CROSS JOIN LATERAL (", one, ") AS found"))
        used += len(types)
    return " UNION ALL ".join(parts)


async def look_up_together(
    fetch: Fetch, reads: Sequence[tuple[Kind, Sequence[Any]]], kept: KeptByType
) -> list[Mapping[Any, Any]]:
    """Return what each read answers."""
    answers: list[dict[Any, Any]] = [{} for _ in reads]
    values: list[Any] = []
    shape: list[tuple[Kind, bool]] = []
    for kind, keys in reads:
        is_one = len(keys) == 1
        shape.append((kind, is_one))
        spread = LOOKUPS[kind].spread
        values += spread(keys[0]) if is_one else folded(map(spread, keys))
    for row in await fetch(statement(tuple(shape)), *values):
        part: int = row[0]
        kind, keys = reads[part]
        key, of = keys[row[1] - 1], KEPT.get(kind)
        answers[part][key] = LOOKUPS[kind].value((row[2],)) if of is None else kept[of].decoded(key, row[2])
    return list(answers)
