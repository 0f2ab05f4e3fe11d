"""
The queries, answered from committed data.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain
from typing import Any

from figuard.domain.admin import Tenant
from figuard.domain.budget import Budget, Status
from figuard.domain.entitlements import Item, Subscription, SubscriptionStatus
from figuard.domain.events import Event
from figuard.ports import (
    Books,
    DueWork,
    FindBudgets,
    FindEvents,
    GetRecords,
    ListRecords,
    Page,
    ReadEntries,
    SpendReport,
    StoredEntry,
    TreeEvents,
)
from figuard.stores.memory.data import MemoryData
from figuard.stores.memory.reads import newest_budgets_first, newest_first, oldest_first, read
from figuard.stores.memory.report import spend_report
from figuard.stores.tables import LISTED, TABLES, hold_expires_at, void_due_at


def answer(data: MemoryData, query: Any) -> Any:  # noqa: ANN401 - each query has its own answer
    """Answer any query of ``ports``."""
    return _ANSWERS[type(query)](data, query)


def _find_budgets(data: MemoryData, query: FindBudgets) -> Page:
    text = None if query.text is None else query.text.casefold()
    statuses = query.statuses or tuple(Status)
    hidden = () if query.include_cancelled or Status.CANCELLED in query.statuses else (Status.CANCELLED,)
    search = TABLES[Budget].reader(("search",))
    among = data.all(Budget) if query.tenant_id is None else data.group(Budget, "tenant", query.tenant_id)
    found: list[Budget] = [
        budget
        for budget in among
        if budget.status in statuses
        and budget.status not in hidden
        and query.user_id in {None, budget.identity.user_id}
        and (text is None or text in search(budget)[0])
    ]
    return _page(newest_budgets_first(found), query.offset, query.limit)


def _find_events(data: MemoryData, query: FindEvents) -> Page:
    found = [
        event
        for event in data.group(Event, "budget", query.budget_id)
        if query.decision in {None, event.decision}
        and query.trace_id in {None, event.spend.trace_id}
        and query.agent_id in {None, event.spend.agent_id}
    ]
    return _page(newest_first(found), query.offset, query.limit)


def _page(records: Sequence[Any], offset: int, limit: int) -> Page:
    return Page(tuple(records[offset : offset + limit]), len(records))


def _tree_events(data: MemoryData, query: TreeEvents) -> tuple[Event, ...]:
    if query.root_id is None:
        found = list(data.group(Event, "budget", query.budget_id))
    else:
        chain = {event.id: event for event in data.group(Event, "root", query.root_id)}
        if root := data.get(Event, query.root_id):
            chain[root.id] = root
        found = [event for event in chain.values() if event.budget_id == query.budget_id]
    return oldest_first(found)[: query.limit]


def _read_entries(data: MemoryData, query: ReadEntries) -> tuple[StoredEntry, ...]:
    book = data.books.get(query.book_id, [])
    start = bisect_right(book, query.after_seq, key=lambda sealed: sealed.entry.seq)
    return tuple(
        StoredEntry(sealed.entry.seq, sealed.body, sealed.hash)
        for sealed in book[start : start + query.limit]
        if query.until is None or sealed.entry.at <= query.until
    )


def _books(data: MemoryData, query: Books) -> tuple[str, ...]:
    owners = {book_id: book[0].entry.tenant_id for book_id, book in data.books.items()}
    owners.update((owner.id, owner.tenant_id) for of in (Budget, Subscription) for owner in data.all(of))
    found = (
        book_id
        for book_id, tenant_id in owners.items()
        if book_id > query.after and query.tenant_id in {None, tenant_id}
    )
    return tuple(sorted(found)[: query.limit])


def _get_records(data: MemoryData, query: GetRecords) -> Mapping[Any, Any]:
    return read(data, query.kind, query.keys)


def _list_records(data: MemoryData, query: ListRecords) -> tuple[Any, ...]:
    wanted = dict(query.where)
    since = wanted.pop("since", None)
    if unknown := wanted.keys() - set(LISTED[query.of]):
        raise ValueError(f"{query.of.__name__} cannot be listed by {', '.join(sorted(unknown))}")
    owner = "id" if query.of is Tenant else "tenant_id"
    found = [
        record
        for record in data.all(query.of)
        if query.tenant_id in {None, getattr(record, owner)}
        and (since is None or record.created_at >= since)
        and all(getattr(record, name) == value for name, value in wanted.items())
    ]
    return newest_first(found)[query.offset : query.offset + query.limit]


def _due_work(data: MemoryData, query: DueWork) -> tuple[str, ...]:
    if query.what == "holds":
        ends = ((end, event.budget_id) for event in _undecided(data) for end in _ends(event) if end <= query.now)
    elif query.what == "items":
        ends = (
            (item.next_renewal_at, item.id)
            for item in data.all(Item)
            if item.next_renewal_at <= query.now and _is_active(data.get(Subscription, item.subscription_id))
        )
    elif query.what == "expiring":
        ends = ((due, budget.id) for budget in data.all(Budget) for due in _until(_ending(budget), query.until))
    else:
        raise ValueError(f"there is no work called {query.what!r}; there are holds, items and expiring")
    return _soonest(ends)[: query.limit]


def _undecided(data: MemoryData) -> Iterable[Event]:
    events = data.shelves[Event]
    return chain(events.grouped("hold"), events.grouped("void"))


def _ends(event: Event) -> Iterable[int]:
    return (end for end in (hold_expires_at(event), void_due_at(event)) if end is not None)


def _until(due: int | None, until: int | None) -> tuple[int, ...]:
    return () if due is None or until is None or due > until else (due,)


def _ending(budget: Budget) -> int | None:
    (ending_at,) = _ENDING(budget)
    return ending_at


_ENDING = TABLES[Budget].reader(("ending_at",))


def _is_active(subscription: Subscription | None) -> bool:
    return subscription is not None and subscription.status is SubscriptionStatus.ACTIVE


def _soonest(ends: Iterable[tuple[int, str]]) -> tuple[str, ...]:
    """Return each id once, in the order of its soonest end."""
    return tuple(dict.fromkeys(name for _, name in sorted(ends)))


_ANSWERS: Mapping[type, Callable[[MemoryData, Any], Any]] = {
    FindBudgets: _find_budgets,
    FindEvents: _find_events,
    TreeEvents: _tree_events,
    ReadEntries: _read_entries,
    Books: _books,
    GetRecords: _get_records,
    ListRecords: _list_records,
    SpendReport: spend_report,
    DueWork: _due_work,
}
