"""
The schema of a database: numbered migrations, applied in order, each once, by whoever comes first.

A migration's name says when it may run: ``0002_pre_…`` only adds, so servers of the version before go on working
beside it; ``0003_post_…`` takes away, and runs when those are gone. A server applies what is ``pre`` when it opens a
database it may change, and leaves the rest to ``figuard migrate``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from importlib.resources import files

from figuard.domain.valueclass import valueclass
from figuard.ports import StoreUnavailable
from figuard.stores.postgres.driver import Connection, is_over

SERVER_VERSION_MIN = 150_000
_NAME = re.compile(r"(\d{4})_(pre|post)_(\w+)\.sql")
# "FiGu" in ASCII: one number for all who migrate, in this database.
_LOCK = 0x46694775

# Read from the catalogue, in one snapshot. What to_regclass() once found missing, it misses until the transaction ends.
_STATE = """
    SELECT current_setting('server_version_num')::int, current_setting('server_encoding'),
        EXISTS (SELECT 1 FROM pg_class WHERE relname = 'schema_version' AND pg_table_is_visible(oid)),
        EXISTS (SELECT 1 FROM pg_class WHERE relname = 'budgets' AND pg_table_is_visible(oid))
"""


@valueclass
class Migration:
    """One step of the schema."""

    version: int
    phase: str
    name: str
    text: str


@cache
def migrations() -> tuple[Migration, ...]:
    """Return all migrations, in order."""
    found = (
        Migration(int(named[1]), named[2], named[3], file.read_text(encoding="utf-8"))
        for file in (files("figuard.stores.postgres") / "migrations").iterdir()
        if (named := _NAME.fullmatch(file.name))
    )
    return tuple(sorted(found, key=lambda migration: migration.version))


async def pending(
    connection: Connection, place: str, steps: Sequence[Migration] | None = None
) -> tuple[Migration, ...]:
    """Return what is still to be applied. Raises ``StoreUnavailable`` for a database that is not ours or too new."""
    applied = await _applied(connection, place)
    steps = migrations() if steps is None else steps
    known = {step.version for step in steps}
    newer = [version for version, phase in applied.items() if version not in known and phase != "pre"]
    if newer:
        raise StoreUnavailable(
            f"the database {place!r} has schema version {max(newer)}, this FiGuard knows versions up to {max(known)}; "
            "upgrade it: pip install --upgrade figuard"
        )
    return tuple(step for step in steps if step.version not in applied)


async def _applied(connection: Connection, place: str) -> dict[int, str]:
    (state,) = await connection.fetch(_STATE)
    version, encoding, is_ours, is_taken = state
    if version < SERVER_VERSION_MIN:
        raise StoreUnavailable(f"the server of {place!r} is too old; FiGuard needs PostgreSQL 15 or newer")
    if encoding != "UTF8":
        raise StoreUnavailable(f"the database {place!r} has the encoding {encoding}; make one with ENCODING 'UTF8'")
    if not is_ours:
        if is_taken:
            raise StoreUnavailable(_foreign(place))
        return {}
    columns = await connection.fetch(
        "SELECT count(*) FROM pg_attribute WHERE attrelid = to_regclass('schema_version')"
        " AND attname IN ('version', 'phase', 'applied_at') AND NOT attisdropped"
    )
    if columns[0][0] != len(("version", "phase", "applied_at")):
        raise StoreUnavailable(_foreign(place))
    return {row[0]: row[1] for row in await connection.fetch("SELECT version, phase FROM schema_version")}


def _foreign(place: str) -> str:
    return (
        f"the database {place!r} has tables of another program (or of FiGuard 1.x); name another database, or a schema "
        "of its own with ?search_path=figuard, and nothing in this one is touched"
    )


async def migrate(
    connection: Connection, place: str, steps: Sequence[Migration] | None = None, *, post: bool = False
) -> tuple[str, ...]:
    """
    Apply what is pending of *steps* (ours unless given), up to the first ``post`` migration unless *post*.

    Return the names of what was applied. It is one transaction; whoever else migrates waits, and finds it done.
    """
    if not _next(await pending(connection, place, steps), post=post):
        return ()
    await connection.execute("BEGIN")
    try:
        await connection.execute("SET LOCAL statement_timeout = 0; SET LOCAL figuard.tenant = '*'")
        await connection.fetch("SELECT pg_advisory_xact_lock($1)", _LOCK)
        # Looked at again under the lock: another server may have been quicker.
        applied = _next(await pending(connection, place, steps), post=post)
        for step in applied:
            await connection.execute(step.text)
            await connection.fetch(
                "INSERT INTO schema_version (version, phase, name) VALUES ($1, $2, $3)",
                step.version,
                step.phase,
                step.name,
            )
        await connection.execute("COMMIT")
    except BaseException:
        if not is_over(connection):
            await connection.execute("ROLLBACK")
        raise
    return tuple(f"{step.version:04}_{step.phase}_{step.name}" for step in applied)


def _next(steps: tuple[Migration, ...], *, post: bool) -> tuple[Migration, ...]:
    if post:
        return steps
    stop = next((index for index, step in enumerate(steps) if step.phase == "post"), len(steps))
    return steps[:stop]


async def is_usable(connection: Connection, place: str) -> bool:
    """Return whether no ``pre`` migration is pending, so that this version can work."""
    return not any(step.phase == "pre" for step in await pending(connection, place))
