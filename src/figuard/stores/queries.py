"""
The queries as SQL: what to run for each, and how its rows become the answer.

A store runs the statements of a ``Plan`` in one snapshot and hands the rows to ``answer``. Values are always
parameters; the text is put together from the words in this file alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from figuard.domain.admin import Tenant
from figuard.domain.budget import Budget, Status
from figuard.domain.events import Event
from figuard.domain.valueclass import valueclass
from figuard.ports import (
    Books,
    DueWork,
    FindBudgets,
    FindEvents,
    ListRecords,
    Page,
    ReadEntries,
    SpendReport,
    StoredEntry,
    TreeEvents,
)
from figuard.stores.codecs import DECODERS
from figuard.stores.dialect import Dialect, Rows, Statement, Where, sql
from figuard.stores.report import report_rows
from figuard.stores.tables import LISTED, TABLES


@valueclass
class Plan:
    """What to run, and what to make of the rows of each statement."""

    statements: tuple[Statement, ...]
    answer: Callable[..., Any]


def plan(query: Any, dialect: Dialect) -> Plan:  # noqa: ANN401 - any query but ``GetRecords``
    """Return how to answer a query."""
    return _PLANS[type(query)](query, dialect)


def _find_budgets(query: FindBudgets, dialect: Dialect) -> Plan:
    where = Where()
    if query.tenant_id is not None:
        where.add("tenant_id = ?", query.tenant_id)
    if query.statuses:
        where.among("status", [status.value for status in query.statuses])
    elif not query.include_cancelled:
        where.add("status <> ?", Status.CANCELLED.value)
    if query.user_id is not None:
        where.add("user_id = ?", query.user_id)
    if query.text is not None:
        where.add(dialect.contains("search"), query.text.casefold())
    return _page(Budget, where, query.offset, query.limit)


def _find_events(query: FindEvents, _: Dialect) -> Plan:
    where = Where()
    where.add("budget_id = ?", query.budget_id)
    if query.decision is not None:
        where.add("decision = ?", query.decision.value)
    if query.trace_id is not None:
        where.add("trace_id = ?", query.trace_id)
    if query.agent_id is not None:
        where.add("agent_id = ?", query.agent_id)
    return _page(Event, where, query.offset, query.limit)


def _page(of: type, where: Where, offset: int, limit: int) -> Plan:
    """Return a plan for one page, newest first, and the count of all matches."""
    table, decode = TABLES[of].name, DECODERS[of]
    count = Statement(sql("SELECT count(*) FROM", table, where.text), tuple(where.values))
    page = Where(list(where.parts), list(where.values))
    order = page.tail("ORDER BY created_at DESC, id DESC LIMIT ? OFFSET ?", limit, offset)
    rows = Statement(sql("SELECT data FROM", table, where.text, order), tuple(page.values))

    def answer(total: Rows, found: Rows) -> Page:
        return Page(tuple(decode(row[0]) for row in found), total[0][0])

    return Plan((count, rows), answer)


# In two parts, so that each has its index: that of chains leaves out the many events that are a chain of their own.
_CHAIN = """
    SELECT data FROM (
        SELECT data, created_at, id FROM events WHERE id = ?2 AND budget_id = ?1
        UNION ALL
        SELECT data, created_at, id FROM events WHERE root_id = ?2 AND root_id <> id AND budget_id = ?1
    ) AS chain ORDER BY created_at, id LIMIT ?3
"""


def _tree_events(query: TreeEvents, _: Dialect) -> Plan:
    if query.root_id is not None:
        values = (query.budget_id, query.root_id, query.limit)
        return Plan((Statement(_CHAIN, values),), _records(Event))
    where = Where()
    where.add("budget_id = ?", query.budget_id)
    return _list(Event, where, where.tail("ORDER BY created_at, id LIMIT ?", query.limit))


def _list(of: type, where: Where, tail: str) -> Plan:
    statement = Statement(sql("SELECT data FROM", TABLES[of].name, where.text, tail), tuple(where.values))
    return Plan((statement,), _records(of))


def _records(of: type) -> Callable[[Rows], tuple[Any, ...]]:
    decode = DECODERS[of]
    return lambda rows: tuple(decode(row[0]) for row in rows)


def _read_entries(query: ReadEntries, _: Dialect) -> Plan:
    where = Where()
    where.add("book_id = ?", query.book_id)
    where.add("seq > ?", query.after_seq)
    if query.until is not None:
        where.add("at <= ?", query.until)
    tail = where.tail("ORDER BY seq LIMIT ?", query.limit)
    return Plan(
        (Statement(sql("SELECT seq, body, hash FROM ledger_entries", where.text, tail), tuple(where.values)),), _stored
    )


def _stored(rows: Rows) -> tuple[StoredEntry, ...]:
    return tuple(StoredEntry(seq, body, entry_hash) for seq, body, entry_hash in rows)


_BOOKS = {
    "budgets": "id",
    "subscriptions": "id",
    "ledger_entries": "book_id",
}
"""Where the id of a book may stand: a book that lost its first entry is still found by its owner."""


def _books(query: Books, _: Dialect) -> Plan:
    parts: list[str] = []
    values: list[Any] = []
    for table, column in _BOOKS.items():
        where = Where(values=values)
        where.add(sql(column, "> ?"), query.after)
        if table == "ledger_entries":
            where.add("seq = 1")
        if query.tenant_id is not None:
            where.add("tenant_id = ?", query.tenant_id)
        parts.append(sql("SELECT", column, "AS book FROM", table, where.text))
    tail = Where(values=values).tail("ORDER BY book LIMIT ?", query.limit)
    return Plan((Statement(sql(" UNION ".join(parts), tail), tuple(values)),), _ids)


def _ids(rows: Rows) -> tuple[str, ...]:
    return tuple(row[0] for row in rows)


def _list_records(query: ListRecords, _: Dialect) -> Plan:
    where = Where()
    if query.tenant_id is not None:
        where.add("id = ?" if query.of is Tenant else "tenant_id = ?", query.tenant_id)
    for name, value in query.where:
        if name == "since":
            where.add("created_at >= ?", value)
        elif name in LISTED[query.of]:
            where.add(sql(name, "= ?"), str(value))
        else:
            raise ValueError(f"{query.of.__name__} cannot be listed by {name}")
    tail = where.tail("ORDER BY created_at DESC, id DESC LIMIT ? OFFSET ?", query.limit, query.offset)
    return _list(query.of, where, tail)


# ----------------------------------------------------------------------------------------------------- reports, sweeps

_REPORT_KEYS: Mapping[str, str] = {
    "agent": "events.agent_id",
    "category": "events.category",
    "day": "events.created_at / 86400000000",
    "user": "budgets.user_id",
    "budget": "budgets.id",
}
_REPORT_SUMS = (
    "CASE WHEN events.decision = 'CONFIRMED' THEN coalesce(events.confirmed, 0) ELSE 0 END",
    "events.held",
    "events.refunded",
)


def _spend_report(query: SpendReport, dialect: Dialect) -> Plan:
    if query.by not in _REPORT_KEYS:
        raise ValueError(f"cannot report by {query.by!r}; there are {', '.join(_REPORT_KEYS)}")
    where = Where()
    where.add("budgets.tenant_id = ?", query.tenant_id)
    where.add("events.shadow = 0")
    if query.budget_id is not None:
        where.add("budgets.id = ?", query.budget_id)
    if query.since is not None:
        where.add("events.created_at >= ?", query.since)
    if query.until is not None:
        where.add("events.created_at < ?", query.until)
    sums = ", ".join(dialect.sum(figure) for figure in _REPORT_SUMS)
    order = ", ".join(dialect.sum_descending(figure) for figure in _REPORT_SUMS[:2])
    text = sql(
        "SELECT",
        _REPORT_KEYS[query.by],
        "AS key, budgets.measure,",
        sums,
        ", count(*), count(CASE WHEN events.decision = 'DENIED' THEN 1 END)",
        "FROM budgets JOIN events ON events.budget_id = budgets.id",
        where.text,
        "GROUP BY 1, 2 ORDER BY",
        order,
        where.tail(", 1 NULLS FIRST, 2 LIMIT ?", query.limit),
    )
    by, limit, whole = query.by, query.limit, dialect.whole_sums

    def answer(rows: Rows) -> Any:  # noqa: ANN401 - report rows
        return report_rows(by, ((*row[:2], *whole(row[2:-2]), *row[-2:]) for row in rows), limit)

    return Plan((Statement(text, tuple(where.values)),), answer)


_DUE = {
    "holds": """
        SELECT budget_id FROM (
            SELECT budget_id, min(hold_expires_at) AS due FROM events
            WHERE decision = 'AUTHORIZED' AND hold_expires_at <= ?1 GROUP BY budget_id
            UNION ALL
            SELECT budget_id, min(void_due_at) AS due FROM events
            WHERE decision = 'AUTHORIZED' AND void_due_at <= ?1 GROUP BY budget_id
        ) AS ends GROUP BY budget_id ORDER BY min(due), budget_id LIMIT ?2
    """,
    "items": """
        SELECT items.id FROM items JOIN subscriptions ON subscriptions.id = items.subscription_id
        WHERE items.next_renewal_at <= ?1 AND subscriptions.status = 'ACTIVE'
        ORDER BY items.next_renewal_at, items.id LIMIT ?2
    """,
    "expiring": "SELECT id FROM budgets WHERE ending_at <= ?1 ORDER BY ending_at, id LIMIT ?2",
}


def _due_work(query: DueWork, _: Dialect) -> Plan:
    if query.what not in _DUE:
        raise ValueError(f"there is no work called {query.what!r}; there are {', '.join(_DUE)}")
    until = query.until if query.what == "expiring" else query.now
    return Plan((Statement(_DUE[query.what], (until, query.limit)),), _ids)


_PLANS: Mapping[type, Callable[[Any, Dialect], Plan]] = {
    FindBudgets: _find_budgets,
    FindEvents: _find_events,
    TreeEvents: _tree_events,
    ReadEntries: _read_entries,
    Books: _books,
    ListRecords: _list_records,
    SpendReport: _spend_report,
    DueWork: _due_work,
}
