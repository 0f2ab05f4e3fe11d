"""
Which record is which, and where else it is found: the marks of a unit of work.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from figuard.domain.admin import Receipt, Remembered, Webhook
from figuard.domain.budget import Budget
from figuard.domain.entitlements import Item, Subscription
from figuard.domain.events import Event
from figuard.domain.tokens import Token
from figuard.ports import Kind, Record

Mark = tuple[type, Any]
"""Which record: its type, and its key among those of the type."""


def key_of(record: Record) -> Any:  # noqa: ANN401 - a str, or a tuple of them
    """Return what identifies a record among those of its type."""
    if isinstance(record, Remembered):
        return (record.tenant_id, record.operation, record.key)
    return record.id


def _alone(_: Any, mark: Mark) -> Mark:  # noqa: ANN401 - what was there before
    return mark


def _last(others: tuple[Mark, ...], mark: Mark) -> tuple[Mark, ...]:
    return (*others, mark)


def _id_first(others: tuple[str, ...], mark: Mark) -> tuple[str, ...]:
    return (mark[1], *others)


def _id_alone(_: Any, mark: Mark) -> str:  # noqa: ANN401 - what was there before
    return mark[1]


LISTED: Mapping[type, tuple[tuple[Kind, Callable[[Any], Any], Callable[[Any, Mark], Any]], ...]] = {
    Event: (
        (Kind.ATTEMPTS, lambda e: (e.budget_id, e.place.shadow, e.spend.key), _alone),
        (Kind.ENTITY_EVENTS, lambda e: (e.budget_id, e.spend.entity_id), _last),
    ),
    Remembered: ((Kind.REMEMBERED, key_of, _alone),),
    Token: ((Kind.BUDGET_TOKENS, lambda t: t.budget_id, _last),),
    Item: ((Kind.SUBSCRIPTION_ITEMS, lambda i: i.subscription_id, _last),),
    Webhook: ((Kind.TENANT_WEBHOOKS, lambda w: w.tenant_id, _last),),
    Receipt: ((Kind.RECEIPTS, lambda r: r.budget_id, _last),),
    Budget: ((Kind.REFERENCES, lambda b: (b.tenant_id, b.identity.external_reference), _id_first),),
    Subscription: ((Kind.SUBSCRIBERS, lambda s: (s.tenant_id, s.external_subscriber_id), _id_alone),),
}
"""Look-ups that a new record must appear in if they were made earlier in the same batch: under which key, and how."""
