"""
What a transaction writes, in as few statements as there can be: usually one.

Each table takes its rows as one parameter, an array of the table's row type, and everything that may happen in any
order happens in one statement. Updates come first where an insert may need the room that they make.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from figuard.domain.admin import Remembered
from figuard.domain.budget import Budget
from figuard.domain.valueclass import valueclass
from figuard.ports import Changes, Record, SealedEntry, StoreConflict
from figuard.stores.codecs import encode
from figuard.stores.dialect import sql
from figuard.stores.kept import Kept
from figuard.stores.postgres.driver import Fetch
from figuard.stores.rows import ENTRY_COLUMNS, by_type, entry_row
from figuard.stores.tables import TABLES, Read, Table

SHAPES_KEPT_MAX = 256
"""How many combinations of tables are remembered with their statement."""

UPDATE, INSERT = "update", "insert"
_Part = tuple[str, type]


@valueclass
class Writing:
    """How rows of one type are written: statements with ``{0}`` for their parameter, and what is read of a record."""

    update: str
    insert: str
    row: Read
    makes_room: bool


def _writing(table: Table) -> Writing:
    columns = (*table.names, "data")
    changed = ", ".join(f"{name} = new.{name}" for name in (*table.changing, "data"))
    same = " AND ".join(f"old.{name} = new.{name}" for name in table.key)
    rows = f"unnest({{0}}::{table.name}_row[])"
    return Writing(
        update=sql("UPDATE", table.name, "AS old SET", changed, "FROM", rows, "AS new WHERE", same, "RETURNING 1"),
        insert=_insert(table.name, columns),
        row=table.reader(table.names),
        makes_room=any(rule.holds or set(rule.columns) & set(table.changing) for rule in table.unique),
    )


def _insert(name: str, columns: Sequence[str]) -> str:
    return sql("INSERT INTO", name, "(", ", ".join(columns), ") SELECT * FROM", f"unnest({{0}}::{name}_row[])")


WRITINGS: Mapping[type, Writing] = {of: _writing(table) for of, table in TABLES.items()}
_APPEND = _insert("ledger_entries", ENTRY_COLUMNS)


@lru_cache(SHAPES_KEPT_MAX)
def statement(parts: tuple[_Part, ...]) -> str:
    """Return one statement for rows of several tables; it answers how many rows each update found."""
    texts: list[str] = []
    for number, (what, of) in enumerate(parts, start=1):
        text = _APPEND if of is SealedEntry else getattr(WRITINGS[of], what)
        texts.append(text.format(f"${number}"))
    if len(texts) == 1 and parts[0][0] == INSERT:
        return texts[0]
    steps = ", ".join(f"step{number} AS ({text})" for number, text in enumerate(texts, start=1))
    found = [sql("(SELECT count(*) FROM", f"step{n})") for n, (what, _) in enumerate(parts, start=1) if what == UPDATE]
    return sql("WITH", steps, "SELECT", ", ".join(found or ["1"]))


_FORGET = (
    "DELETE FROM remembered USING unnest($1::text[], $2::text[], $3::text[]) AS k (tenant_id, operation, key)"
    " WHERE remembered.tenant_id = k.tenant_id AND remembered.operation = k.operation AND remembered.key = k.key"
)


async def write(fetch: Fetch, changes: Changes, kept: Kept) -> None:
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
    kept: Kept,
) -> None:
    parts: list[_Part] = [(what, of) for what, of, _ in groups]
    values: list[list[tuple[Any, ...]]] = [_rows(of, records) for _, of, records in groups]
    if entries:
        parts.append((INSERT, SealedEntry))
        values.append([entry_row(sealed) for sealed in entries])
    if not parts:
        return
    found = await fetch(statement(tuple(parts)), *values)
    updates = [(of, rows) for (what, of), rows in zip(parts, values, strict=True) if what == UPDATE]
    for (of, rows), written in zip(updates, found[0] if updates else (), strict=True):
        if written != len(rows):
            raise StoreConflict(f"a record of {TABLES[of].name} that was to be updated does not exist")
    for (_, of, records), rows in zip(groups, values, strict=False):
        if of is Budget:
            for record, row in zip(records, rows, strict=True):
                kept.keep(row[0], row[-1], record)


def _rows(of: type, records: Sequence[Record]) -> list[tuple[Any, ...]]:
    row = WRITINGS[of].row
    return [(*row(record), encode(record)) for record in records]
