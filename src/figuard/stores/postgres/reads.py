"""
The reads of a transaction, batched: one statement per kind, whatever the number of keys.

The shared statements (``figuard.stores.lookups``) say how one key is read. Here each is run for every one of a list
of keys, which PostgreSQL can only do key by key on an index: no plan depends on how many rows it expects.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from hashlib import blake2b
from typing import Any

import msgspec

from figuard.domain.admin import ApiKey
from figuard.domain.budget import Budget
from figuard.domain.events import Event
from figuard.domain.tokens import Token
from figuard.domain.valueclass import replace, valueclass
from figuard.ports import Kind
from figuard.stores.dialect import sql
from figuard.stores.lookups import LOOKUPS, Lookup
from figuard.stores.postgres.driver import Fetch

TEXTS_KEPT_MAX = 512
"""How many statements are remembered as the driver wants them."""
_ENCODE = msgspec.json.Encoder().encode
_NUMBERED = re.compile(r"\?(\d+)")
# What a key is made of, where that is not text alone.
_TYPES: Mapping[Kind, tuple[str, ...]] = {
    Kind.REMEMBERED: ("text", "text", "text"),
    Kind.ATTEMPTS: ("text", "bigint", "text"),
    Kind.ENTITY_EVENTS: ("text", "text"),
    Kind.DUE_HOLDS: ("text", "bigint", "bigint"),
    Kind.NEXT_EXPIRY: ("text", "bigint"),
    Kind.TIMED_OUT: ("text", "bigint", "bigint"),
    Kind.DESCENDANTS: ("text", "bigint"),
    Kind.REFERENCES: ("text", "text"),
    Kind.SUBSCRIBERS: ("text", "text"),
    Kind.DUE_DELIVERIES: ("bigint", "bigint"),
    Kind.FORGETTABLE: ("bigint", "bigint"),
}
# Beyond what the contract locks: where no budget's lock stands between two that read, change and write one of these.
_ALSO_LOCKED = frozenset({Kind.WEBHOOKS, Kind.DELIVERIES, Kind.API_KEYS})
# LATERAL and OFFSET 0 keep the planner from reading all events that have a parent, to join them at leisure.
_DESCENDANTS = """
    WITH RECURSIVE below (id, depth) AS (
        SELECT id, 1 FROM events WHERE parent_id = ?1 AND decision IN ('AUTHORIZED', 'CONFIRMED')
        UNION ALL
        SELECT child.id, below.depth + 1 FROM below CROSS JOIN LATERAL (
            SELECT id FROM events WHERE parent_id = below.id AND decision IN ('AUTHORIZED', 'CONFIRMED') OFFSET 0
        ) AS child
    )
    SELECT found.data FROM below CROSS JOIN LATERAL (
        SELECT id, created_at, data FROM events WHERE id = below.id OFFSET 0
    ) AS found
    ORDER BY below.depth, found.created_at, found.id LIMIT ?2
"""
# Whoever comes second leaves what the first has locked alone, and waits for nobody.
_DUE_DELIVERIES = """
    SELECT data FROM deliveries AS head WHERE due_at <= ?1 AND NOT EXISTS (
        SELECT 1 FROM deliveries AS earlier
        WHERE earlier.due_at IS NOT NULL AND earlier.webhook_id = head.webhook_id
            AND earlier.book_id = head.book_id
            AND (earlier.created_at, earlier.id) < (head.created_at, head.id)
    ) ORDER BY due_at, id LIMIT ?2 FOR UPDATE OF head SKIP LOCKED
"""
_FORGETTABLE = "SELECT data FROM remembered WHERE created_at <= ?1 ORDER BY created_at LIMIT ?2"
# Where PostgreSQL says it in other words than the shared statement.
_OWN: Mapping[Kind, str] = {
    Kind.DESCENDANTS: _DESCENDANTS,
    Kind.DUE_DELIVERIES: _DUE_DELIVERIES,
    Kind.FORGETTABLE: _FORGETTABLE,
}
KEPT: Mapping[Kind, type] = {Kind.BUDGETS: Budget, Kind.TOKENS: Token, Kind.CALLERS: ApiKey, Kind.EVENTS: Event}
"""The reads by id that most transactions make, of records that seldom differ from what this process saw or wrote last:
they are kept decoded."""
_LOCK_REFERENCES = "SELECT pg_advisory_xact_lock(lock) FROM unnest($1::bigint[]) AS locks (lock)"


@valueclass
class Batched:
    """
    How one kind is read: ``text`` for many keys, each row ending with the number of its key; ``one`` for a single key,
    without the arrays, which cost the driver and the server more than the read.

    ``locking`` reads and locks the rows in order of their id, and each of its rows ends with that id. ``walling`` does
    the same after it has set the tenants, its second parameter, whose rows the transaction may see from then on. Each
    of them has its twin for a single key.
    """

    lookup: Lookup
    text: str
    one: str
    locking: str | None = None
    locking_one: str | None = None
    walling: str | None = None
    walling_one: str | None = None


@lru_cache(TEXTS_KEPT_MAX)
def dollars(text: str) -> str:
    """Return a statement with its parameters written as the driver wants them."""
    return _NUMBERED.sub(r"$\1", text)


def key_types(kind: Kind) -> tuple[str, ...]:
    """Return the types of what a key is made of."""
    return _TYPES.get(kind, ("text",))


def numbered(text: str, places: Sequence[str]) -> str:
    """Return a shared statement with something in the place of each of its parameters."""
    return _NUMBERED.sub(lambda found: places[int(found[1]) - 1], text)


def unfolding(types: Sequence[str], used: int = 0) -> tuple[str, list[str]]:
    """
    Return what makes rows ``k`` of many keys, and what the parts of a key are called there.

    There is one parameter for each part (``folded``), numbered after those that are *used* already. It is JSON: at each
    element of an array the driver looks three times, which costs ten times the writing.
    """
    numbers = range(1, len(types) + 1)
    parts = ", ".join(f"json_array_elements_text(${used + number}::json)" for number in numbers)
    names = ", ".join(f"p{number}" for number in numbers)
    columns = [
        f"k.p{number}" if of == "text" else f"k.p{number}::{of}" for number, of in zip(numbers, types, strict=True)
    ]
    return f"ROWS FROM ({parts}) WITH ORDINALITY AS k ({names}, n)", columns


def folded(keys: Iterable[Sequence[Any]]) -> list[str]:
    """Return many keys as the parameters of a statement, one for each part of a key."""
    return [_ENCODE(part).decode() for part in zip(*keys, strict=True)]


def _batched(kind: Kind, lookup: Lookup) -> Batched:
    keys, columns = unfolding(key_types(kind))
    shared = _OWN.get(kind, lookup.sql)
    one = numbered(shared, columns)
    if lookup.many:
        # An array keeps the order of its query, which the rows of a join need not.
        text = sql("SELECT ARRAY(", one, "), k.n FROM", keys)
    else:
        text = sql("SELECT found.*, k.n FROM", keys, "CROSS JOIN LATERAL (", one, ") AS found")
    batched = Batched(lookup, text, dollars(shared))
    if not (lookup.locks or kind in _ALSO_LOCKED):
        return batched
    reading = lookup.sql.replace("SELECT data", "SELECT data, id")
    locking = sql(reading.replace("= ?1", "= ANY ($1::text[])"), "ORDER BY id FOR UPDATE")
    locking_one = sql(dollars(reading), "ORDER BY id FOR UPDATE")
    return replace(
        batched,
        locking=locking,
        locking_one=locking_one,
        walling=_walling(locking),
        walling_one=_walling(locking_one),
    )


def _walling(locking: str) -> str:
    """
    Return a locking read that sets the tenants first.

    The policies of the tables read the setting when the first row is looked at, and by then it is made: the inner query
    refers to the outer one and ends with an OFFSET, so that no plan can begin with it or merge the two.
    """
    inner, order = locking.split("ORDER BY")
    return sql(
        "SELECT found.* FROM (SELECT set_config('figuard.tenant', $2, true) AS tenants OFFSET 0) AS wall",
        "CROSS JOIN LATERAL (",
        inner,
        "AND wall.tenants IS NOT NULL ORDER BY",
        order.replace("FOR UPDATE", "OFFSET 0 FOR UPDATE"),
        ") AS found",
    )


BATCHED: Mapping[Kind, Batched] = {kind: _batched(kind, lookup) for kind, lookup in LOOKUPS.items()}
"""How each kind is read."""


async def look_up(fetch: Fetch, kind: Kind, keys: Sequence[Any]) -> dict[Any, Any]:
    """Return what *kind* answers for each key, without a lock."""
    if not keys:
        return {}
    batched = BATCHED[kind]
    lookup, value = batched.lookup, batched.lookup.value
    if len(keys) == 1:
        (key,) = keys
        rows = await fetch(batched.one, *lookup.spread(key))
        if lookup.many:
            return {key: tuple([value((row[0],)) for row in rows])}
        answer = value(tuple(rows[0])) if rows else None
        return {} if answer is None else {key: answer}
    rows = await fetch(batched.text, *folded(map(lookup.spread, keys)))
    if lookup.many:
        found = {keys[place - 1]: tuple([value((one,)) for one in values]) for values, place in rows}
        return {key: found[key] for key in keys}
    answers = ((keys[row[-1] - 1], value(tuple(row[:-1]))) for row in rows)
    return {key: answer for key, answer in answers if answer is not None}


async def lock_references(fetch: Fetch, keys: Sequence[tuple[str, str]]) -> None:
    """Wait until no other transaction has read these references and not yet ended."""
    await fetch(_LOCK_REFERENCES, sorted({_lock(key) for key in keys}))


def _lock(key: tuple[str, str]) -> int:
    digest = blake2b("\0".join(key).encode(), digest_size=8, person=b"reference").digest()
    return int.from_bytes(digest, signed=True)
