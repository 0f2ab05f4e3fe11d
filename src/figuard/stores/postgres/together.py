"""
Several kinds of reads in one statement, and so in one round trip: those that answer one record each and lock nothing,
and the one of many that goes with every settlement.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import msgspec

from figuard.ports import Kind
from figuard.stores.dialect import sql
from figuard.stores.kept import KeptByType
from figuard.stores.lookups import LOOKUPS
from figuard.stores.postgres.driver import Fetch
from figuard.stores.postgres.reads import BATCHED, KEPT, folded, key_types, numbered, unfolding

SHAPES_KEPT_MAX = 256
"""How many combinations of kinds are remembered with their statement."""


_MANY = frozenset({Kind.TENANT_WEBHOOKS})
_TEXTS = msgspec.json.Decoder(list[str]).decode

FITTING = _MANY | frozenset(
    kind
    for kind, batched in BATCHED.items()
    if batched.locking is None and not batched.lookup.many and batched.lookup.sql.startswith("SELECT data ")
)
"""The kinds that may be read together with others."""


@lru_cache(SHAPES_KEPT_MAX)
def statement(shape: tuple[tuple[Kind, bool], ...]) -> str:
    """
    Return one statement for these kinds; each of its rows says of which kind and of which key it is.

    With each kind stands whether it has a single key, which comes as it is. Many records come as one text, a JSON list
    of their texts: rows of a join need not keep the order of a query.
    """
    parts: list[str] = []
    used = 0
    for part, (kind, is_one) in enumerate(shape):
        types = key_types(kind)
        if is_one:
            number, columns, keys = "1::bigint", [f"${used + place}" for place in range(1, len(types) + 1)], ""
        else:
            rows, columns = unfolding(types, used)
            number, keys = "k.n", f"FROM {rows}"
        one = numbered(LOOKUPS[kind].sql, columns)
        if kind in _MANY:
            parts.append(sql(f"SELECT {part}, {number}, array_to_json(ARRAY(", one, "))::text", keys))
        else:
            source = sql(keys, "CROSS JOIN LATERAL (" if keys else "FROM (", one, ") AS found")
            parts.append(sql(f"SELECT {part}, {number}, found.data", source))
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
        key, of, value = keys[row[1] - 1], KEPT.get(kind), LOOKUPS[kind].value
        if kind in _MANY:
            answers[part][key] = tuple([value((one,)) for one in _TEXTS(row[2])])
        else:
            answers[part][key] = value((row[2],)) if of is None else kept[of].decoded(key, row[2])
    return list(answers)
