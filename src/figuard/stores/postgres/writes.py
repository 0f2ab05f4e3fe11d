"""
What a transaction writes, in as few statements as there can be: usually one.

Each table takes its rows as one parameter, an array of the table's row type, or a single row column by column, and
everything that may happen in any order happens in one statement. Updates come first where an insert may need the room
that they make.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from figuard.domain.admin import Remembered
from figuard.domain.valueclass import valueclass
from figuard.ports import Changes, Record, SealedEntry, StoreConflict
from figuard.stores.codecs import encode
from figuard.stores.dialect import sql
from figuard.stores.kept import Kept, KeptByType
from figuard.stores.postgres.driver import Fetch
from figuard.stores.rows import ENTRY_COLUMNS, by_type, entry_row
from figuard.stores.tables import TABLES, Read, Table

SHAPES_KEPT_MAX = 256
"""How many combinations of tables are remembered with their statement."""

UPDATE, INSERT = "update", "insert"
MANY, ONE = False, True
_Part = tuple[str, type, bool]
"""What is done, to which type, and whether to a single row."""


@valueclass
class Writing:
    """
    How rows of one type are written: statements with ``{0}``, ``{1}`` and so on for their parameters.

    Many rows come as one parameter, a single one as its columns, one each: no array has to be put together and taken
    apart. What reads such a row from a record stands beside the statement. For an update that is the key and what
    changes: alone for a single row, and among many in rows where all else is left blank.
    """

    texts: Mapping[tuple[str, bool], str]
    reads: Mapping[tuple[str, bool], Read]
    makes_room: bool


def _writing(table: Table) -> Writing:
    columns, changing = (*table.names, "data"), (*table.changing, "data")
    whole = table.reader(table.names)
    rows = f"unnest({{0}}::{table.name}_row[]) AS new"
    set_new = ", ".join(f"{name} = new.{name}" for name in changing)
    set_one = ", ".join(f"{name} = {{{place}}}" for place, name in enumerate(changing, start=len(table.key)))
    is_new = " AND ".join(f"old.{name} = new.{name}" for name in table.key)
    is_one = " AND ".join(f"old.{name} = {{{place}}}" for place, name in enumerate(table.key))
    update = sql("UPDATE", table.name, "AS old SET")
    return Writing(
        texts={
            (UPDATE, MANY): sql(update, set_new, "FROM", rows, "WHERE", is_new, "RETURNING 1"),
            (UPDATE, ONE): sql(update, set_one, "WHERE", is_one, "RETURNING 1"),
            **_inserts(table.name, columns),
        },
        reads={
            (UPDATE, MANY): table.blank_reader((*table.key, *table.changing)),
            (UPDATE, ONE): table.reader((*table.key, *table.changing)),
            (INSERT, MANY): whole,
            (INSERT, ONE): whole,
        },
        makes_room=any(rule.holds or set(rule.columns) & set(table.changing) for rule in table.unique),
    )


def _inserts(name: str, columns: Sequence[str]) -> Mapping[tuple[str, bool], str]:
    into = sql("INSERT INTO", name, "(", ", ".join(columns), ")")
    places = ", ".join(f"{{{place}}}" for place in range(len(columns)))
    return {
        (INSERT, MANY): sql(into, "SELECT * FROM", f"unnest({{0}}::{name}_row[])"),
        (INSERT, ONE): sql(into, "VALUES (", places, ")"),
    }


WRITINGS: Mapping[type, Writing] = {of: _writing(table) for of, table in TABLES.items()}
_APPEND = _inserts("ledger_entries", ENTRY_COLUMNS)
_PLACES = re.compile(r"\{(\d+)\}")


@lru_cache(SHAPES_KEPT_MAX)
def statement(parts: tuple[_Part, ...]) -> str:
    """
    Return one statement for rows of several tables; its one row says how many rows each update found.

    There is no row when the first part updates a single one and does not find it.
    """
    texts: list[str] = []
    used = 1
    for what, of, is_one in parts:
        text = (_APPEND if of is SealedEntry else WRITINGS[of].texts)[what, is_one]
        texts.append(_PLACES.sub(lambda place, used=used: f"${int(place[1]) + used}", text))
        used += len(set(_PLACES.findall(text)))
    if len(texts) == 1 and parts[0][0] == INSERT:
        return texts[0]
    found = [
        "1" if number == 0 and is_one else sql("(SELECT count(*) FROM", f"step{number})")
        for number, (what, _, is_one) in enumerate(parts)
        if what == UPDATE
    ]
    counts = ", ".join(found or ["1"])
    # What updates a single row answers for itself: to read from a step takes the server longer.
    if parts[0] == (UPDATE, parts[0][1], ONE):
        return sql(_steps(texts[1:], first=1), texts[0].removesuffix("1"), counts)
    return sql(_steps(texts, first=0), "SELECT", counts)


def _steps(texts: Sequence[str], *, first: int) -> str:
    steps = ", ".join(f"step{number} AS ({text})" for number, text in enumerate(texts, start=first))
    return sql("WITH", steps) if steps else ""


_FORGET = (
    "DELETE FROM remembered USING unnest($1::text[], $2::text[], $3::text[]) AS k (tenant_id, operation, key)"
    " WHERE remembered.tenant_id = k.tenant_id AND remembered.operation = k.operation AND remembered.key = k.key"
)


async def write(fetch: Fetch, changes: Changes, kept: KeptByType) -> None:
    """Write everything. Raises ``StoreConflict`` when a record to update does not exist."""
    if changes.forgotten:
        await fetch(_FORGET, *zip(*map(TABLES[Remembered].key_of, changes.forgotten), strict=True))
    updated = [(UPDATE, of, records) for of, records in by_type(changes.updated)]
    inserted = [(INSERT, of, records) for of, records in by_type(changes.inserted)]
    kinds = {of for _, of, _ in updated}
    if any(of in kinds and WRITINGS[of].makes_room for _, of, _ in inserted):
        await _write(fetch, updated, (), kept)
        updated = []
    await _write(fetch, [*updated, *inserted], changes.entries, kept)


async def _write(
    fetch: Fetch,
    groups: Sequence[tuple[str, type, Sequence[Record]]],
    entries: Sequence[SealedEntry],
    kept: KeptByType,
) -> None:
    parts: list[_Part] = []
    values: list[Any] = []
    busy: list[tuple[Kept, str, str, Record]] = []
    for what, of, records in groups:
        is_one = len(records) == 1
        parts.append((what, of, is_one))
        read = WRITINGS[of].reads[what, is_one]
        rows = [(*read(record), encode(record)) for record in records]
        values += rows[0] if is_one else (rows,)
        if (keeps := kept.get(of)) is not None:
            busy += [(keeps, row[0], row[-1], record) for row, record in zip(rows, records, strict=True)]
    if entries:
        is_one = len(entries) == 1
        parts.append((INSERT, SealedEntry, is_one))
        values += entry_row(entries[0]) if is_one else (list(map(entry_row, entries)),)
    if not parts:
        return
    found = await fetch(statement(tuple(parts)), *values)
    updates = [(of, records) for what, of, records in groups if what == UPDATE]
    counts = (found[0] if found else [0] * len(updates)) if updates else ()
    for (of, records), written in zip(updates, counts, strict=True):
        if written != len(records):
            raise StoreConflict(f"a record of {TABLES[of].name} that was to be updated does not exist")
    for keeps, record_id, data, record in busy:
        keeps.keep(record_id, data, record)
