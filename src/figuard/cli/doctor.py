"""
The examination of a database: a list of checks, each with what was found and what to do about it.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from figuard.cli.audit import Verdict, sentence
from figuard.cli.failures import NotFound
from figuard.cli.opening import Books, books_of, file_of, settings_of
from figuard.domain.instants import SECOND, Instant, parse
from figuard.domain.instants import text as time_text
from figuard.domain.views import FindingsView
from figuard.ports import StoreUnavailable

FREE_BYTES_MIN = 100 * 1024 * 1024
"""With less free space on the disk there is a warning."""
CLOCK_TOLERANCE_SECONDS = 2
BUILT_AT: Instant = 1_767_225_600 * SECOND
"""2026-01-01: a clock before that is wrong, the code is younger."""
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_SIDE_FILES = ("-wal", "-shm")
_GUARDS_MIN = 2
BUDGETS_READ = 500
_LARGE_BYTES = 1024**3


class State(StrEnum):
    """How a check came out."""

    WELL = "well"
    WARNING = "warning"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Check:
    """One check: what was looked at, how it is, and what to do if it is not well."""

    name: str
    state: State
    detail: str
    remedy: str | None = None


def examined(database: str | None, advance: Callable[[int], None]) -> Iterator[Check]:
    """Yield every check that makes sense; after one that cannot be passed by, no more."""
    settings = settings_of(database)
    path = file_of(settings)
    yield Check("database", State.WELL, settings.where)
    if path is not None:
        if not path.exists():
            yield Check("file", State.BAD, "it does not exist", "Name another, or begin: figuard budget create 500")
            return
        yield _size(path)
        yield _permissions(path)
        yield _space(path)
        before = list(_sqlite(path))
        yield from before
        if any(check.state is State.BAD for check in before):
            return
    try:
        with books_of(database) as books:
            yield from _opened(books, advance)
    except (StoreUnavailable, ImportError, NotFound) as error:
        yield Check("opening", State.BAD, str(error))


def _size(path: Path) -> Check:
    size = sum(part.stat().st_size for part in _parts(path))
    return Check("size", State.WELL, f"{size / 1024**2:,.1f} MiB")


def _parts(path: Path) -> list[Path]:
    beside = [path.with_name(path.name + ending) for ending in _SIDE_FILES]
    return [path, *(part for part in beside if part.exists())]


def _permissions(path: Path) -> Check:
    """The ledger says who buys what: it is nobody else's to read."""
    if sys.platform == "win32":
        return Check("permissions", State.WELL, "as the system has them")
    open_to_others = [part for part in _parts(path) if part.stat().st_mode & _OTHERS]
    if open_to_others:
        names = " ".join(map(str, open_to_others))
        return Check("permissions", State.WARNING, "other users may read the file", f"Run: chmod 600 {names}")
    if not os.access(path, os.W_OK):
        return Check("permissions", State.BAD, "this user may not write it", "Run as its owner")
    return Check("permissions", State.WELL, "only its owner may read it")


def _space(path: Path) -> Check:
    free = shutil.disk_usage(path.parent).free
    said = f"{free / 1024**3:,.1f} GiB free"
    if free < FREE_BYTES_MIN:
        return Check("disk", State.WARNING, said, "Make room: without it nothing can be authorized")
    return Check("disk", State.WELL, said)


def _sqlite(path: Path) -> Iterator[Check]:
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            yield from _file_checks(connection, path)
    except sqlite3.Error as error:
        yield Check("integrity", State.BAD, f"SQLite says: {error}", "Restore the last backup, then verify its ledger")


def _file_checks(connection: sqlite3.Connection, path: Path) -> Iterator[Check]:
    # A full check of a very large file takes minutes; the quick one leaves out only the contents of indices.
    pragma = "quick_check" if path.stat().st_size > _LARGE_BYTES else "integrity_check"
    said = [str(row[0]) for row in connection.execute(f"PRAGMA {pragma}(5)")]
    if said == ["ok"]:
        yield Check("integrity", State.WELL, f"{pragma.replace('_', ' ')} passed")
    else:
        yield Check("integrity", State.BAD, "; ".join(said), "Restore the last backup, then verify its ledger")
    if not int(_one(connection, "SELECT count(*) FROM sqlite_master WHERE name = 'ledger_entries'")):
        # Empty, or somebody else's: opening it says which.
        return
    yield Check("schema", State.WELL, f"version {_one(connection, 'PRAGMA user_version')}")
    mode = str(_one(connection, "PRAGMA journal_mode"))
    if mode == "wal":
        yield Check("journal", State.WELL, "write-ahead")
    else:
        yield Check("journal", State.WARNING, f"{mode}, so readers wait for writers", "Open it once for writing")
    guards = "SELECT count(*) FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'ledger_entries'"
    if int(_one(connection, guards)) >= _GUARDS_MIN:
        yield Check("append-only", State.WELL, "the database refuses to change or delete ledger entries")
    else:
        yield Check(
            "append-only",
            State.BAD,
            "the triggers that protect ledger entries are gone",
            "Somebody removed them: verify the ledger against an export, and restore a backup",
        )


def _one(connection: sqlite3.Connection, statement: str) -> int | str:
    return connection.execute(statement).fetchone()[0]


def _opened(books: Books, advance: Callable[[int], None]) -> Iterator[Check]:
    yield _clock(books)
    views: list[FindingsView] = []
    for view in books.store.verify_all():
        views.append(view)
        advance(1)
    verdict = Verdict.of(views, projections=True)
    state = State.WELL if verdict.is_sound else State.BAD
    yield Check(
        "ledger", state, sentence(verdict).plain[2:], None if verdict.is_sound else "Run: figuard ledger verify"
    )
    dead = books.client.get_failed_delivery_count()
    if dead:
        remedy = "See: figuard webhooks deliveries --status FAILED"
        yield Check("webhooks", State.WARNING, f"given up: {dead} of the notices", remedy)
    else:
        yield Check("webhooks", State.WELL, "no notice was given up")


def _clock(books: Books) -> Check:
    now = books.store.engine.now()
    if now < BUILT_AT:
        return Check("clock", State.BAD, f"it says {time_text(now)}", "Set it; holds and windows depend on it")
    newest = max((parse(changed) for changed in _changes(books)), default=0)
    ahead = (newest - now) // SECOND
    if ahead > CLOCK_TOLERANCE_SECONDS:
        detail = f"it is {ahead:,} s behind the newest entry ({time_text(newest)})"
        return Check("clock", State.BAD, detail, "Set it; until then holds last that much longer")
    return Check("clock", State.WELL, f"{time_text(now)[:19]}Z")


def _changes(books: Books) -> list[str]:
    """Return when the newest budgets changed last; entries of older ones can hardly be newer than theirs."""
    page = books.client.list_budgets(size=BUDGETS_READ, include_cancelled=True)
    return [budget.updated_at for budget in page.budgets if budget.updated_at is not None]
