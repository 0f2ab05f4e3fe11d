"""
The reads of a transaction as SQL: one statement per kind, for one key.

Parameters are numbered (``?1``), so that a dialect which writes them otherwise can translate them. Every statement is
answered by an index alone (tested): nothing scans.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from figuard.domain.admin import ApiKey, Delivery, Receipt, Remembered, Tenant, Webhook
from figuard.domain.budget import Budget
from figuard.domain.entitlements import Item, Subscription
from figuard.domain.events import Event
from figuard.domain.tokens import Token
from figuard.domain.valueclass import valueclass
from figuard.ports import Kind
from figuard.stores.codecs import DECODERS
from figuard.stores.dialect import sql

Row = tuple[Any, ...]


def _spread(key: str | Row) -> Row:
    return (key,) if isinstance(key, str) else key


def _spread_attempt(key: tuple[str, bool, str]) -> Row:
    return (key[0], int(key[1]), key[2])


@valueclass
class Lookup:
    """
    One kind of read. ``value`` makes an answer of a row; without ``many`` the first row is the answer.

    ``spread`` makes parameters of a key; ``locks`` says that the row found must be locked where rows can be.
    """

    sql: str
    value: Callable[[Row], Any]
    many: bool = False
    locks: bool = False
    spread: Callable[[Any], Row] = _spread


def _records(of: type) -> Callable[[Row], Any]:
    decode = DECODERS[of]
    return lambda row: decode(row[0])


def _scalar(row: Row) -> Any:  # noqa: ANN401 - the column's own type
    return row[0]


def _one(of: type, sql: str, *, locks: bool = False) -> Lookup:
    return Lookup(sql, _records(of), locks=locks)


def _many(of: type, sql: str) -> Lookup:
    return Lookup(sql, _records(of), many=True)


_DESCENDANTS = """
    WITH RECURSIVE below (id, depth) AS (
        SELECT id, 1 FROM events WHERE parent_id = ?1 AND decision IN ('AUTHORIZED', 'CONFIRMED')
        UNION ALL
        SELECT events.id, below.depth + 1 FROM below JOIN events ON events.parent_id = below.id
        WHERE events.decision IN ('AUTHORIZED', 'CONFIRMED')
    )
    SELECT events.data FROM below JOIN events ON events.id = below.id
    ORDER BY below.depth, events.created_at, events.id LIMIT ?2
"""

# What is pending has a due_at (``tables.due_at``).
_DUE_DELIVERIES = """
    SELECT data FROM deliveries AS head WHERE due_at <= ?1 AND NOT EXISTS (
        SELECT 1 FROM deliveries AS earlier
        WHERE earlier.due_at IS NOT NULL AND earlier.webhook_id = head.webhook_id
            AND substr(substr(earlier.data, instr(earlier.data, '"book_id":"') + 11), 1,
                instr(substr(earlier.data, instr(earlier.data, '"book_id":"') + 11), '"') - 1)
                = substr(substr(head.data, instr(head.data, '"book_id":"') + 11), 1,
                instr(substr(head.data, instr(head.data, '"book_id":"') + 11), '"') - 1)
            AND (earlier.created_at, earlier.id) < (head.created_at, head.id)
    ) ORDER BY due_at, id LIMIT ?2
"""

_CREATED_AT = """CAST(substr(data, instr(data, '"created_at":') + 13) AS INTEGER)"""

LOOKUPS: Mapping[Kind, Lookup] = {
    Kind.TOKENS_BY_HASH: _one(
        Token,
        "SELECT data FROM tokens WHERE hash = ?1 UNION ALL SELECT data FROM tokens WHERE previous_hash = ?1 LIMIT 1",
    ),
    Kind.EVENT_HOMES: Lookup("SELECT budget_id, tenant_id FROM events WHERE id = ?1", tuple),
    Kind.TOKEN_HOMES: Lookup("SELECT budget_id, tenant_id FROM tokens WHERE id = ?1", tuple),
    Kind.REMEMBERED: _one(
        Remembered, "SELECT data FROM remembered WHERE tenant_id = ?1 AND operation = ?2 AND key = ?3"
    ),
    Kind.BUDGETS: _one(Budget, "SELECT data FROM budgets WHERE id = ?1", locks=True),
    Kind.ITEMS: _one(Item, "SELECT data FROM items WHERE id = ?1", locks=True),
    Kind.SUBSCRIPTIONS: _one(Subscription, "SELECT data FROM subscriptions WHERE id = ?1", locks=True),
    Kind.EVENTS: _one(Event, "SELECT data FROM events WHERE id = ?1"),
    Kind.ATTEMPTS: Lookup(
        "SELECT data FROM events WHERE budget_id = ?1 AND shadow = ?2 AND key = ?3 ORDER BY attempt DESC LIMIT 1",
        _records(Event),
        spread=_spread_attempt,
    ),
    Kind.ENTITY_EVENTS: _many(
        Event,
        "SELECT data FROM events WHERE budget_id = ?1 AND entity_id = ?2 AND decision IN ('AUTHORIZED', 'CONFIRMED')"
        " ORDER BY created_at, id",
    ),
    Kind.TOKENS: _one(Token, "SELECT data FROM tokens WHERE id = ?1"),
    Kind.BUDGET_TOKENS: _many(Token, "SELECT data FROM tokens WHERE budget_id = ?1 ORDER BY created_at, id"),
    Kind.DUE_HOLDS: _many(
        Event,
        "SELECT data FROM events WHERE decision = 'AUTHORIZED' AND budget_id = ?1 AND hold_expires_at <= ?2"
        " ORDER BY hold_expires_at, id LIMIT ?3",
    ),
    Kind.NEXT_EXPIRY: Lookup(
        "SELECT min(hold_expires_at) FROM events"
        " WHERE decision = 'AUTHORIZED' AND budget_id = ?1 AND hold_expires_at > ?2",
        _scalar,
    ),
    Kind.TIMED_OUT: _many(
        Event,
        "SELECT data FROM events WHERE decision = 'AUTHORIZED' AND budget_id = ?1 AND void_due_at <= ?2"
        " ORDER BY void_due_at, id LIMIT ?3",
    ),
    Kind.DESCENDANTS: _many(Event, _DESCENDANTS),
    Kind.REFERENCES: Lookup(
        "SELECT id FROM budgets WHERE tenant_id = ?1 AND external_reference = ?2 AND status IN ('ACTIVE', 'PAUSED')"
        " ORDER BY created_at DESC, id DESC",
        _scalar,
        many=True,
    ),
    Kind.SUBSCRIBERS: Lookup(
        "SELECT id FROM subscriptions WHERE tenant_id = ?1 AND external_subscriber_id = ?2", _scalar
    ),
    Kind.SUBSCRIPTION_ITEMS: _many(Item, "SELECT data FROM items WHERE subscription_id = ?1 ORDER BY created_at, id"),
    Kind.WEBHOOKS: _one(Webhook, "SELECT data FROM webhooks WHERE id = ?1"),
    Kind.TENANT_WEBHOOKS: _many(
        Webhook, "SELECT data FROM webhooks WHERE tenant_id = ?1 AND deleted_at IS NULL ORDER BY created_at, id"
    ),
    Kind.DELIVERIES: _one(Delivery, "SELECT data FROM deliveries WHERE id = ?1"),
    Kind.RECEIPTS: _many(Receipt, "SELECT data FROM receipts WHERE budget_id = ?1 ORDER BY created_at DESC, id DESC"),
    Kind.RECEIPTS_BY_TOKEN: _one(Receipt, "SELECT data FROM receipts WHERE token = ?1"),
    Kind.API_KEYS: _one(ApiKey, "SELECT data FROM api_keys WHERE id = ?1"),
    Kind.CALLERS: _one(ApiKey, "SELECT data FROM api_keys WHERE id = ?1"),
    Kind.API_KEYS_BY_HASH: _one(ApiKey, "SELECT data FROM api_keys WHERE hash = ?1"),
    Kind.TENANTS: _one(Tenant, "SELECT data FROM tenants WHERE id = ?1"),
    Kind.DUE_DELIVERIES: _many(Delivery, _DUE_DELIVERIES),
    Kind.FORGETTABLE: _many(
        Remembered,
        sql("SELECT data FROM remembered WHERE", _CREATED_AT, "<= ?1 ORDER BY", _CREATED_AT, "LIMIT ?2"),
    ),
}
"""How each kind is read."""
