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
from figuard.stores.kept import KeptByType
from figuard.stores.lookups import LOOKUPS
from figuard.stores.postgres.driver import Fetch
from figuard.stores.postgres.reads import BATCHED, KEPT, key_types

_NUMBERED = re.compile(r"\?(\d+)")
SHAPES_KEPT_MAX = 256
"""How many combinations of kinds are remembered with their statement."""


def fits(kind: Kind) -> bool:
    """Return whether a kind may be read together with others."""
    batched = BATCHED[kind]
    return batched.locking is None and not batched.lookup.many and LOOKUPS[kind].sql.startswith("SELECT data ")


@lru_cache(SHAPES_KEPT_MAX)
def statement(shape: tuple[tuple[Kind, bool], ...]) -> str:
    """
    Return one statement for these kinds; each of its rows says of which kind and of which key it is.

    With each kind stands whether it has a single key, which comes without an array.
    """
    parts: list[str] = []
    used = 0
    for part, (kind, is_one) in enumerate(shape):
        types = key_types(kind)
        places = [f"${number}" for number in range(used + 1, used + 1 + len(types))]
        text = LOOKUPS[kind].sql
        if is_one:
            one = _NUMBERED.sub(lambda found, places=places: places[int(found[1]) - 1], text)
            parts.append(sql(f"SELECT {part}, 1::bigint,", "found.data FROM (", one, ") AS found"))
        else:
            arrays = ", ".join(f"{place}::{of}[]" for place, of in zip(places, types, strict=True))
            names = ", ".join(f"p{number}" for number in range(1, len(types) + 1))
            keys = f"unnest({arrays}) WITH ORDINALITY AS k ({names}, n)"
            one = _NUMBERED.sub(r"k.p\1", text)
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
        values += spread(keys[0]) if is_one else zip(*map(spread, keys), strict=True)
    for row in await fetch(statement(tuple(shape)), *values):
        part: int = row[0]
        kind, keys = reads[part]
        key, of = keys[row[1] - 1], KEPT.get(kind)
        answers[part][key] = LOOKUPS[kind].value((row[2],)) if of is None else kept[of].decoded(key, row[2])
    return list(answers)
