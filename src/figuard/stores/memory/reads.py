"""
The reads of a transaction, answered from a view.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from figuard.domain.admin import ApiKey, Delivery, Receipt, Remembered, Tenant, Webhook
from figuard.domain.budget import Budget
from figuard.domain.entitlements import Item, Subscription
from figuard.domain.events import Event
from figuard.domain.instants import Instant
from figuard.domain.tokens import Token
from figuard.ports import Kind
from figuard.stores.memory.data import View
from figuard.stores.tables import hold_expires_at, void_due_at

Answer = Callable[[View, Any], Any]


def read(view: View, kind: Kind, keys: Sequence[Any]) -> dict[Any, Any]:
    """Return what *kind* answers for each key; keys that a "one" read does not find are left out."""
    answer = _ANSWERS[kind]
    found = ((key, answer(view, key)) for key in keys)
    return {key: value for key, value in found if value is not None}


def oldest_first(records: Iterable[Any]) -> tuple[Any, ...]:
    """Return records by creation, then id."""
    return tuple(sorted(records, key=lambda record: (record.created_at, record.id)))


def newest_first(records: Iterable[Any]) -> tuple[Any, ...]:
    """Return records by creation, then id, both descending."""
    return oldest_first(records)[::-1]


def newest_budgets_first(budgets: Iterable[Budget]) -> tuple[Budget, ...]:
    """Return budgets by creation, then id, both descending."""
    return tuple(sorted(budgets, key=lambda budget: (budget.identity.created_at, budget.id), reverse=True))


def _record(of: type) -> Answer:
    return lambda view, key: view.get(of, key)


def _first(of: type, name: str) -> Answer:
    return lambda view, key: next(view.group(of, name, key), None)


def _oldest(of: type, name: str) -> Answer:
    return lambda view, key: oldest_first(view.group(of, name, key))


def _home(of: type) -> Answer:
    def home(view: View, key: str) -> tuple[str, str] | None:
        record = view.get(of, key)
        return None if record is None else (record.budget_id, record.tenant_id)

    return home


def _token_by_hash(view: View, key: str) -> Token | None:
    present = next(view.group(Token, "hash", key), None)
    return present or next(view.group(Token, "previous_hash", key), None)


def _newest_attempt(view: View, key: tuple[str, bool, str]) -> Event | None:
    budget_id, shadow, idempotency_key = key
    attempts = view.group(Event, "key", budget_id, int(shadow), idempotency_key)
    return max(attempts, key=lambda event: event.attempt, default=None)


def _entity_events(view: View, key: tuple[str, str]) -> tuple[Event, ...]:
    return oldest_first(view.group(Event, "entity", *key))


def _due(name: str, when: Callable[[Event], Instant | None]) -> Answer:
    def due(view: View, key: tuple[str, Instant, int]) -> tuple[Event, ...]:
        budget_id, now, limit = key
        ends = ((when(event), event.id, event) for event in view.group(Event, name, budget_id))
        found = sorted((end, event_id, event) for end, event_id, event in ends if end is not None and end <= now)
        return tuple(event for _, _, event in found[:limit])

    return due


def _next_expiry(view: View, key: tuple[str, Instant]) -> Instant | None:
    budget_id, now = key
    ends = (hold_expires_at(event) for event in view.group(Event, "hold", budget_id))
    return min((end for end in ends if end is not None and end > now), default=None)


def _descendants(view: View, key: tuple[str, int]) -> tuple[Event, ...]:
    event_id, limit = key
    found: list[Event] = []
    level: tuple[Event, ...] = oldest_first(view.group(Event, "parent", event_id))
    while level and len(found) < limit:
        found.extend(level)
        level = oldest_first(child for event in level for child in view.group(Event, "parent", event.id))
    return tuple(found[:limit])


def _references(view: View, key: tuple[str, str]) -> tuple[str, ...]:
    return tuple(budget.id for budget in newest_budgets_first(view.group(Budget, "reference", *key)))


def _subscriber(view: View, key: tuple[str, str]) -> str | None:
    found = next(view.group(Subscription, "subscriber", *key), None)
    return None if found is None else found.id


def _tenant_webhooks(view: View, tenant_id: str) -> tuple[Webhook, ...]:
    return oldest_first(hook for hook in view.group(Webhook, "tenant", tenant_id) if hook.deleted_at is None)


def _receipts(view: View, budget_id: str) -> tuple[Receipt, ...]:
    return newest_first(view.group(Receipt, "budget", budget_id))


def _due_deliveries(view: View, key: tuple[Instant, int]) -> tuple[Delivery, ...]:
    now, limit = key
    heads: dict[tuple[str, str], Delivery] = {}
    for delivery in sorted(view.grouped(Delivery, "due"), key=lambda one: (one.created_at, one.id)):
        heads.setdefault((delivery.webhook_id, delivery.book_id), delivery)
    due = sorted((when, head.id, head) for head in heads.values() if (when := head.due_at) is not None and when <= now)
    return tuple(head for _, _, head in due[:limit])


def _forgettable(view: View, key: tuple[Instant, int]) -> tuple[Remembered, ...]:
    instant, limit = key
    old = (answer for answer in view.all(Remembered) if answer.created_at <= instant)
    found = sorted(old, key=lambda answer: (answer.created_at, answer.tenant_id, answer.operation, answer.key))
    return tuple(found[:limit])


_ANSWERS: Mapping[Kind, Answer] = {
    Kind.TOKENS_BY_HASH: _token_by_hash,
    Kind.EVENT_HOMES: _home(Event),
    Kind.TOKEN_HOMES: _home(Token),
    Kind.REMEMBERED: _record(Remembered),
    Kind.BUDGETS: _record(Budget),
    Kind.ITEMS: _record(Item),
    Kind.SUBSCRIPTIONS: _record(Subscription),
    Kind.EVENTS: _record(Event),
    Kind.ATTEMPTS: _newest_attempt,
    Kind.ENTITY_EVENTS: _entity_events,
    Kind.TOKENS: _record(Token),
    Kind.BUDGET_TOKENS: _oldest(Token, "budget"),
    Kind.DUE_HOLDS: _due("hold", hold_expires_at),
    Kind.NEXT_EXPIRY: _next_expiry,
    Kind.TIMED_OUT: _due("void", void_due_at),
    Kind.DESCENDANTS: _descendants,
    Kind.REFERENCES: _references,
    Kind.SUBSCRIBERS: _subscriber,
    Kind.SUBSCRIPTION_ITEMS: _oldest(Item, "subscription"),
    Kind.WEBHOOKS: _record(Webhook),
    Kind.TENANT_WEBHOOKS: _tenant_webhooks,
    Kind.DELIVERIES: _record(Delivery),
    Kind.RECEIPTS: _receipts,
    Kind.RECEIPTS_BY_TOKEN: _first(Receipt, "token"),
    Kind.API_KEYS: _record(ApiKey),
    Kind.CALLERS: _record(ApiKey),
    Kind.API_KEYS_BY_HASH: _first(ApiKey, "hash"),
    Kind.TENANTS: _record(Tenant),
    Kind.DUE_DELIVERIES: _due_deliveries,
    Kind.FORGETTABLE: _forgettable,
}
