"""
The tables: which columns stand beside each record, and which combinations of them are unique.

Every store keeps a record whole, as one value; a column exists only where something is looked up, filtered, sorted,
summed or constrained by it. This is the only place that says how a column is read from its record.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from operator import attrgetter
from typing import Any

from figuard.domain.admin import ApiKey, Delivery, Receipt, Remembered, Tenant, Webhook
from figuard.domain.budget import Budget, Status
from figuard.domain.entitlements import Item, Subscription
from figuard.domain.events import Decision, Event
from figuard.domain.instants import SECOND, Instant
from figuard.domain.tokens import Token, TokenKind
from figuard.domain.valueclass import valueclass

# A member is looked up in its enum at every use, by a function; as a name it costs nothing, and rows are read often.
_ACTIVE, _PAUSED, _AUTHORIZED = Status.ACTIVE, Status.PAUSED, Decision.AUTHORIZED

Read = Callable[[Any], Any]
"""How a value is read from a record: text, a whole number or None."""


@valueclass
class Column:
    """
    One column, read by a dotted path of attributes or by a function.

    ``changes`` is false where no later version of the record differs.
    """

    name: str
    read: str | Read
    changes: bool = False


@valueclass
class Unique:
    """A rule that no two records of a table have these columns equal, among those that ``holds`` is true of."""

    name: str
    columns: tuple[str, ...]
    holds: Callable[[Any], bool] | None = None


@valueclass
class Table:
    """Where records of one type are kept. ``key`` names the columns that identify a row."""

    name: str
    record: type
    columns: tuple[Column, ...]
    key: tuple[str, ...] = ("id",)
    unique: tuple[Unique, ...] = ()
    key_of: Read = field(default=attrgetter("id"))

    def reader(self, names: tuple[str, ...]) -> Read:
        """Return a function from a record to the tuple of the columns *names*."""
        by_name = {column.name: column.read for column in self.columns}
        return row_reader([by_name[name] for name in names])

    def blank_reader(self, names: tuple[str, ...]) -> Read:
        """Return a function from a record to the tuple of all columns, of which only *names* are filled in."""
        return row_reader([column.read if column.name in names else _none for column in self.columns])

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns, in the order of the schema."""
        return tuple(column.name for column in self.columns)

    @property
    def changing(self) -> tuple[str, ...]:
        """The names of the columns that a later version of a record may change."""
        return tuple(column.name for column in self.columns if column.changes)


def row_reader(reads: Sequence[str | Read], said: str = "{}") -> Read:
    """
    Return a function from a record to the tuple of what *reads* say. Its lines are the hottest of a store.

    *said* is what is said of each value instead of the value itself, such as ``{} is None``.

    It is written out, each part of a record read once: a getter of dotted paths, which finds every attribute
    by its name, costs four times as much.
    """
    parts: dict[str, str] = {}
    scope: dict[str, Any] = {}
    values: list[str] = []
    for place, read in enumerate(reads):
        if isinstance(read, str):
            part, _, member = read.rpartition(".")
            values.append(f"{parts.setdefault(part, f'part{len(parts)}') if part else 'record'}.{member}")
        else:
            scope[f"read{place}"] = read
            values.append(f"read{place}(record)")
    told = "".join([f"{said.format(value)}, " for value in values])
    lines = [*(f"{name} = record.{part}" for part, name in parts.items()), f"return ({told})"]
    body = "".join([f"\n    {line}" for line in lines])
    exec(f"def row(record):{body}", scope)  # noqa: S102 - names of fields of our own classes
    row: Read = scope["row"]
    return row


def _none(_: object) -> None:
    """Read nothing, of whatever record."""


def _columns(*names: str) -> tuple[Column, ...]:
    """Return columns that never change, read from the fields of the same name."""
    return tuple(Column(name, name) for name in names)


# -------------------------------------------------------------------------------------------------------- budgets


def is_open(budget: Budget) -> bool:
    """Return whether the stored status is ACTIVE or PAUSED; a store does not judge whether it has expired."""
    return budget.status is _ACTIVE or budget.status is _PAUSED


def _ending_at(budget: Budget) -> Instant | None:
    """Return when an open budget ends, by its life or because nobody uses it, unless its owner has been told."""
    if budget.status is not _ACTIVE and not is_open(budget):
        return None
    policy, counters = budget.policy, budget.counters
    end = policy.expires_at if counters.marks.expiring_for != policy.expires_at else None
    if policy.unused_expiry_seconds is None or counters.events or counters.marks.unused:
        return end
    unused = budget.identity.created_at + policy.unused_expiry_seconds * SECOND
    return unused if end is None else min(unused, end)


def _searched(budget: Budget) -> str:
    """Return what a text search looks through. Folded here, since no two databases fold alike."""
    identity = budget.identity
    return "\n".join((identity.user_id, identity.external_reference or "", identity.id)).casefold()


_BUDGETS = Table(
    "budgets",
    Budget,
    (
        Column("id", "identity.id"),
        Column("tenant_id", "identity.tenant_id"),
        Column("user_id", "identity.user_id"),
        Column("external_reference", "identity.external_reference"),
        Column("measure", "identity.measure"),
        Column("search", _searched),
        Column("created_at", "identity.created_at"),
        Column("status", "status._value_", changes=True),
        Column("ending_at", _ending_at, changes=True),
    ),
)

# --------------------------------------------------------------------------------------------------------- events


def _shadow(event: Event) -> int:
    return 1 if event.place.shadow else 0


def hold_expires_at(event: Event) -> Instant | None:
    """Return when the hold of an undecided event ends; None once it is settled."""
    return event.standing.hold_expires_at if event.decision is _AUTHORIZED else None


def void_due_at(event: Event) -> Instant | None:
    """Return when an undecided event is voided for want of a settlement; None once it is settled."""
    return event.standing.void_due_at if event.decision is _AUTHORIZED else None


_EVENTS = Table(
    "events",
    Event,
    (
        *_columns("id", "tenant_id", "budget_id"),
        Column("key", "spend.key"),
        *_columns("attempt"),
        Column("entity_id", "spend.entity_id"),
        Column("trace_id", "spend.trace_id"),
        Column("agent_id", "spend.agent_id"),
        Column("category", "spend.category"),
        Column("parent_id", "place.parent_id"),
        Column("root_id", "place.root_id"),
        *_columns("created_at"),
        Column("requested", "spend.quantity"),
        Column("decision", "decision._value_", changes=True),
        Column("confirmed", "standing.confirmed", changes=True),
        Column("held", "standing.held", changes=True),
        Column("booked", "standing.booked", changes=True),
        Column("refunded", "standing.refunded", changes=True),
        Column("shadow", _shadow),
        Column("hold_expires_at", hold_expires_at, changes=True),
        Column("void_due_at", void_due_at, changes=True),
    ),
    unique=(Unique("events_attempts", ("budget_id", "shadow", "key", "attempt")),),
)

# --------------------------------------------------------------------------------------------------------- tokens


def is_unrevoked_delegation(token: Token) -> bool:
    """Return whether the token keeps its label from others."""
    return token.kind is TokenKind.DELEGATION and token.revoked_at is None


_TOKENS = Table(
    "tokens",
    Token,
    (
        *_columns("id", "tenant_id", "budget_id"),
        Column("kind", "kind._value_"),
        *_columns("label", "created_at"),
        Column("hash", "hash", changes=True),
        Column("previous_hash", "previous_hash", changes=True),
        Column("revoked_at", "revoked_at", changes=True),
    ),
    unique=(
        Unique("tokens_hashes", ("hash",)),
        Unique("tokens_labels", ("budget_id", "label"), is_unrevoked_delegation),
    ),
)

# ---------------------------------------------------------------------------------------------------- everything else


def due_at(delivery: Delivery) -> Instant | None:
    """Return when a pending delivery is to be sent."""
    return delivery.due_at if delivery.status == "PENDING" else None


def _remembered_key(record: Remembered) -> tuple[str, str, str]:
    return (record.tenant_id, record.operation, record.key)


_OTHERS = (
    Table(
        "subscriptions",
        Subscription,
        (
            *_columns("id", "tenant_id", "external_subscriber_id", "created_at"),
            Column("status", "status._value_", changes=True),
        ),
        unique=(Unique("subscriptions_subscribers", ("tenant_id", "external_subscriber_id")),),
    ),
    Table(
        "items",
        Item,
        (
            *_columns("id", "tenant_id", "subscription_id", "created_at"),
            Column("next_renewal_at", "next_renewal_at", changes=True),
        ),
    ),
    Table(
        "webhooks",
        Webhook,
        (*_columns("id", "tenant_id", "created_at"), Column("deleted_at", "deleted_at", changes=True)),
    ),
    Table(
        "deliveries",
        Delivery,
        (
            *_columns("id", "tenant_id", "webhook_id", "event_type", "created_at"),
            Column("status", "status._value_", changes=True),
            Column("due_at", due_at, changes=True),
        ),
    ),
    Table(
        "receipts",
        Receipt,
        _columns("id", "tenant_id", "budget_id", "token", "created_at"),
        unique=(Unique("receipts_tokens", ("token",)),),
    ),
    Table(
        "api_keys",
        ApiKey,
        _columns("id", "tenant_id", "hash", "created_at"),
        unique=(Unique("api_keys_hashes", ("hash",)),),
    ),
    Table("tenants", Tenant, _columns("id", "created_at")),
    Table(
        "remembered",
        Remembered,
        # Its age is found in the JSON: only a sweep asks for it.
        _columns("tenant_id", "operation", "key"),
        key=("tenant_id", "operation", "key"),
        key_of=_remembered_key,
    ),
)

TABLES: Mapping[type, Table] = {table.record: table for table in (_BUDGETS, _EVENTS, _TOKENS, *_OTHERS)}
"""The table of each record type; a table stands after those that it refers to."""

LISTED: Mapping[type, tuple[str, ...]] = {
    ApiKey: (),
    Subscription: ("status",),
    Webhook: (),
    Delivery: ("webhook_id", "status", "event_type"),
    Tenant: (),
}
"""The types that ``ListRecords`` lists, and the columns (beside ``since``) that it compares."""
