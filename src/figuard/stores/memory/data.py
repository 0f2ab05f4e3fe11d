"""
What a memory store keeps, and how it is found: one shelf of records per type, one list of entries per book.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from figuard.domain.admin import ApiKey, Delivery, Receipt, Webhook
from figuard.domain.budget import Budget
from figuard.domain.entitlements import Item, Subscription
from figuard.domain.events import Event
from figuard.domain.tokens import Token
from figuard.ports import SealedEntry
from figuard.stores.tables import TABLES, Table, Unique, due_at, hold_expires_at, is_open, void_due_at

_SPREAD: Mapping[type, tuple[Unique, ...]] = {
    Budget: (
        Unique("tenant", ("tenant_id",)),
        Unique("reference", ("tenant_id", "external_reference"), is_open),
    ),
    Event: (
        Unique("budget", ("budget_id",)),
        Unique("key", ("budget_id", "shadow", "key")),
        Unique("entity", ("budget_id", "entity_id"), lambda event: event.is_live),
        Unique("hold", ("budget_id",), lambda event: hold_expires_at(event) is not None),
        Unique("void", ("budget_id",), lambda event: void_due_at(event) is not None),
        Unique("parent", ("parent_id",), lambda event: event.is_live),
        Unique("root", ("root_id",)),
    ),
    Token: (
        Unique("budget", ("budget_id",)),
        Unique("hash", ("hash",)),
        Unique("previous_hash", ("previous_hash",)),
    ),
    Subscription: (Unique("subscriber", ("tenant_id", "external_subscriber_id")),),
    Item: (Unique("subscription", ("subscription_id",)),),
    Webhook: (Unique("tenant", ("tenant_id",)),),
    Receipt: (Unique("budget", ("budget_id",)), Unique("token", ("token",))),
    ApiKey: (Unique("hash", ("hash",)),),
    Delivery: (Unique("due", ("webhook_id",), lambda delivery: due_at(delivery) is not None),),
}
"""The groups in which records are found, written like the rules of uniqueness but unique in nothing."""

GroupKey = Callable[[Any], tuple[Any, ...] | None]


def _group_key(table: Table, rule: Unique) -> GroupKey:
    read, holds = table.reader(rule.columns), rule.holds
    if holds is None:
        return read
    return lambda record: read(record) if holds(record) else None


GROUPS: Mapping[type, Mapping[str, GroupKey]] = {
    of: {rule.name: _group_key(table, rule) for rule in (*table.unique, *_SPREAD.get(of, ()))}
    for of, table in TABLES.items()
}
UNIQUE: Mapping[type, Mapping[str, GroupKey]] = {
    of: {rule.name: GROUPS[of][rule.name] for rule in table.unique} for of, table in TABLES.items()
}


class Shelf:
    """The records of one type by key, and their keys by group."""

    def __init__(self, of: type) -> None:
        """Start empty."""
        self.rows: dict[Any, Any] = {}
        self._key_of = TABLES[of].key_of
        self._groups = [(group_key, dict[Any, dict[Any, None]]()) for group_key in GROUPS[of].values()]
        self._named = dict(zip(GROUPS[of], (members for _, members in self._groups), strict=True))

    def put(self, record: Any) -> None:  # noqa: ANN401 - any record
        """Keep *record* instead of the version before it, if there is one."""
        key = self._key_of(record)
        before = self.rows.get(key)
        self.rows[key] = record
        for group_key, members in self._groups:
            group = group_key(record)
            if before is not None:
                left = group_key(before)
                if left == group:
                    continue
                if left is not None:
                    _leave(members, left, key)
            if group is not None:
                members.setdefault(group, {})[key] = None

    def drop(self, key: Any) -> None:  # noqa: ANN401 - any key
        """Keep a record no longer, if it is there; it must be in no group."""
        self.rows.pop(key, None)

    def members(self, name: str, group: tuple[Any, ...]) -> Mapping[Any, None]:
        """Return the keys of the records in a group."""
        return self._named[name].get(group, _NOBODY)

    def grouped(self, name: str) -> Iterator[Any]:
        """Yield every record that is in some group of this name."""
        return (self.rows[key] for members in self._named[name].values() for key in members)


_NOBODY: Mapping[Any, None] = {}


def _leave(groups: dict[Any, dict[Any, None]], group: tuple[Any, ...], key: Any) -> None:  # noqa: ANN401 - any key
    members = groups[group]
    del members[key]
    if not members:
        del groups[group]


class View(Protocol):
    """What can be read: the committed data, or that with a transaction's own changes on top."""

    def get(self, of: type, key: Any) -> Any:  # noqa: ANN401 - any record
        """Return the record with this key, or None."""
        ...

    def group(self, of: type, name: str, *group: Any) -> Iterator[Any]:  # noqa: ANN401 - any record
        """Yield the records of a group, in no order."""
        ...

    def grouped(self, of: type, name: str) -> Iterator[Any]:
        """Yield every record that is in some group of this name, in no order."""
        ...

    def all(self, of: type) -> Iterator[Any]:
        """Yield every record of a type, in no order."""
        ...


@dataclass(slots=True)
class MemoryData:
    """
    Everything that was committed. It outlives a store, so that one can be closed and opened again.

    ``writing`` is held by the one open transaction, ``swapping`` for the moment in which a commit shows itself.
    """

    shelves: dict[type, Shelf] = field(default_factory=lambda: {of: Shelf(of) for of in TABLES})
    books: dict[str, list[SealedEntry]] = field(default_factory=dict[str, list[SealedEntry]])
    meta: dict[str, str] = field(default_factory=dict[str, str])
    writing: threading.Lock = field(default_factory=threading.Lock)
    swapping: threading.Lock = field(default_factory=threading.Lock)

    def get(self, of: type, key: Any) -> Any:  # noqa: ANN401 - any record
        """Return the record with this key, or None."""
        return self.shelves[of].rows.get(key)

    def group(self, of: type, name: str, *group: Any) -> Iterator[Any]:  # noqa: ANN401 - any record
        """Yield the records of a group, in no order."""
        shelf = self.shelves[of]
        return (shelf.rows[key] for key in shelf.members(name, group))

    def grouped(self, of: type, name: str) -> Iterator[Any]:
        """Yield every record that is in some group of this name, in no order."""
        return self.shelves[of].grouped(name)

    def all(self, of: type) -> Iterator[Any]:
        """Yield every record of a type, in no order."""
        return iter(self.shelves[of].rows.values())
