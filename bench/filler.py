"""
Filling a database with years of books in seconds, in a way that verification accepts.

Each filler multiplies something real: it takes the rows that the server wrote for one event or one budget and writes
them again under other ids, with the hash chain computed anew. Events are markers of amount zero, so that no balance
moves, and hold nothing, so that none of them ever comes due.
"""

from __future__ import annotations

import asyncio
import re
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from hashlib import sha256
from typing import Any, Protocol

import asyncpg

CHUNK = 20_000
KEY = "bulk-000000000000"
"""The idempotency key of the event that is multiplied."""
MARKER = {
    "agentId": "agent",
    "actionType": "SPEND",
    "description": "history",
    "requestedQuantity": 0,
    "idempotencyKey": KEY,
    "reserve": False,
}
Row = list[Any]


class Rows(Protocol):
    """A database, as far as filling needs it."""

    def select(self, table: str, column: str, value: str, order: str = "1") -> list[dict[str, Any]]:
        """Return rows."""
        ...

    def insert(self, table: str, columns: Sequence[str], rows: Iterable[Row]) -> None:
        """Write rows, in whatever way is the fastest."""
        ...

    def update_budget(self, budget_id: str, data: str) -> None:
        """Replace the JSON of a budget."""
        ...

    def settle(self) -> None:
        """Make the database know how large its tables are now."""
        ...

    def close(self) -> None:
        """End the session."""
        ...


class Postgres:
    """By COPY, as the administrator."""

    def __init__(self, url: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._connection: asyncpg.Connection = self._loop.run_until_complete(asyncpg.connect(url))

    def _wait(self, work: Any) -> Any:
        return self._loop.run_until_complete(work)

    def select(self, table: str, column: str, value: str, order: str = "1") -> list[dict[str, Any]]:
        text = f"SELECT * FROM {table} WHERE {column} = $1 ORDER BY {order}"
        return [dict(row) for row in self._wait(self._connection.fetch(text, value))]

    def insert(self, table: str, columns: Sequence[str], rows: Iterable[Row]) -> None:
        self._wait(self._connection.copy_records_to_table(table, records=rows, columns=list(columns)))

    def update_budget(self, budget_id: str, data: str) -> None:
        self._wait(self._connection.execute("UPDATE budgets SET data = $2 WHERE id = $1", budget_id, data))

    def settle(self) -> None:
        self._wait(self._connection.execute("VACUUM ANALYZE"))

    def close(self) -> None:
        self._wait(self._connection.close())
        self._loop.close()


class Sqlite:
    """By transactions of many rows."""

    def __init__(self, path: str) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None, timeout=30)
        self._connection.row_factory = sqlite3.Row

    def select(self, table: str, column: str, value: str, order: str = "1") -> list[dict[str, Any]]:
        text = f"SELECT * FROM {table} WHERE {column} = ? ORDER BY {order}"
        return [dict(row) for row in self._connection.execute(text, (value,))]

    def insert(self, table: str, columns: Sequence[str], rows: Iterable[Row]) -> None:
        text = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' for _ in columns)})"
        self._connection.execute("BEGIN IMMEDIATE")
        self._connection.executemany(text, rows)
        self._connection.execute("COMMIT")

    def update_budget(self, budget_id: str, data: str) -> None:
        self._connection.execute("UPDATE budgets SET data = ? WHERE id = ?", (data, budget_id))

    def settle(self) -> None:
        self._connection.execute("PRAGMA optimize")

    def close(self) -> None:
        self._connection.close()


def opened(database: str) -> Rows:
    """Open a database for filling; of a server's, as somebody who is not held back by row-level security."""
    return Postgres(database) if database.startswith("postgresql://") else Sqlite(database)


def settle(database: str) -> None:
    """Make a database know how large its tables are now, as the references' are made to."""
    with closing(opened(database)) as rows:
        rows.settle()


def new_id(group: int, number: int) -> str:
    """Return an id in the form of all others; those of a group are in order."""
    return f"01970000-{group:04x}-7000-8000-{number:012x}"


def _chunks(count: int) -> Iterator[range]:
    for start in range(0, count, CHUNK):
        yield range(start, min(count, start + CHUNK))


# ----------------------------------------------------------------------------------------------------------- events


def fill_events(database: str, event_id: str, count: int, group: int = 1) -> None:
    """Multiply an event, the last of its budget and made of ``MARKER``, until there are *count* more."""
    with closing(opened(database)) as rows:
        _fill_events(rows, event_id, count, group)


def _fill_events(rows: Rows, event_id: str, count: int, group: int) -> None:
    (event,) = rows.select("events", "id", event_id)
    (entry,) = rows.select("ledger_entries", "event_id", event_id)
    (budget,) = rows.select("budgets", "id", event["budget_id"])
    body = _split(bytes(entry["body"]).decode(), event_id, entry["seq"], _prev(bytes(entry["body"]).decode()))
    data, previous = event["data"], entry["hash"]
    seq = entry["seq"]
    for numbers in _chunks(count):
        events: list[Row] = []
        entries: list[Row] = []
        for number in numbers:
            seq += 1
            made, key = new_id(group, number), f"bulk-{number + 1:012d}"
            text = body % {"id": made, "key": key, "seq": seq, "prev": previous}
            raw = text.encode()
            previous = sha256(raw).hexdigest()
            changed = event | {"id": made, "key": key, "data": data.replace(event_id, made).replace(KEY, key)}
            changed["root_id"] = made
            events.append(list(changed.values()))
            entries.append(list((entry | {"seq": seq, "event_id": made, "body": raw, "hash": previous}).values()))
        rows.insert("events", list(event), events)
        rows.insert("ledger_entries", list(entry), entries)
    head = f'"seq":{entry["seq"]},"hash":"{entry["hash"]}"'
    told = _replaced(budget["data"], head, f'"seq":{seq},"hash":"{previous}"')
    rows.update_budget(budget["id"], _counted(told, count))
    rows.settle()


def _counted(budget: str, count: int) -> str:
    """Return a budget's JSON with so many events more, also in its windows, where one event is known so far."""
    known = re.search(r'"counters":\{"events":(\d+)', budget)
    assert known is not None
    more = _replaced(budget, known[0], f'"counters":{{"events":{int(known[1]) + count}')
    windows = re.compile(r'("(?:minute|day)":\[\[\d+,)1\]\]')
    return windows.sub(lambda found: f"{found[1]}{1 + count}]]", more)


def _prev(body: str) -> str:
    found = re.search(r'"prev":"([0-9a-f]{64})"', body)
    assert found is not None
    return found[1]


def _split(body: str, event_id: str, seq: int, prev: str) -> str:
    """Return an entry's body as a template for ``%``."""
    assert "%" not in body
    body = _replaced(body, f'"seq":{seq},', '"seq":%(seq)d,')
    body = _replaced(body, f'"prev":"{prev}"', '"prev":"%(prev)s"')
    return body.replace(event_id, "%(id)s").replace(KEY, "%(key)s")


def _replaced(text: str, old: str, new: str) -> str:
    assert text.count(old) == 1, (old, text)
    return text.replace(old, new)


# ---------------------------------------------------------------------------------------------------------- budgets


def fill_budgets(database: str, budget_id: str, count: int, group: int = 2) -> None:
    """Multiply a budget in which nothing has happened yet, with its session token, until there are *count* more."""
    with closing(opened(database)) as rows:
        _fill_budgets(rows, budget_id, count, group)


def _fill_budgets(rows: Rows, budget_id: str, count: int, group: int) -> None:
    (budget,) = rows.select("budgets", "id", budget_id)
    (token,) = rows.select("tokens", "budget_id", budget_id)
    entries = rows.select("ledger_entries", "book_id", budget_id, order="seq")
    for numbers in _chunks(count):
        made: dict[str, list[Row]] = {"budgets": [], "tokens": [], "ledger_entries": []}
        for number in numbers:
            names = {budget_id: new_id(group, number), token["id"]: new_id(group + 1, number)}
            hashes: dict[str, str] = {}
            for entry in entries:
                raw = _renamed(bytes(entry["body"]).decode(), names | hashes).encode()
                hashes[entry["hash"]] = sha256(raw).hexdigest()
                row = entry | {"book_id": names[budget_id], "body": raw, "hash": hashes[entry["hash"]]}
                made["ledger_entries"].append(list(row.values()))
            mark = f"bulk:{group:04x}{number:060x}"
            known = names | hashes | {token["hash"]: mark}
            made["budgets"].append([_renamed(value, known) for value in budget.values()])
            made["tokens"].append([_renamed(value, known) for value in token.values()])
        for table, (columns, new) in {
            name: (_columns(name, budget, token, entries), made[name]) for name in made
        }.items():
            rows.insert(table, columns, new)
    rows.settle()


def _columns(table: str, budget: dict[str, Any], token: dict[str, Any], entries: list[dict[str, Any]]) -> list[str]:
    return list({"budgets": budget, "tokens": token, "ledger_entries": entries[0]}[table])


def _renamed(value: Any, names: dict[str, str]) -> Any:
    if isinstance(value, str):
        for old, new in names.items():
            value = value.replace(old, new)
    return value
