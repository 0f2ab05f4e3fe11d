"""
Made values for tests of the core: each builder has defaults, so a test says only what matters to it.

Amounts are given in units and kept in quanta, times in seconds after ``NOW``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from figuard.domain import instants
from figuard.domain.amounts import AmountLike, quanta
from figuard.domain.budget import EMBEDDED_TENANT, Balance, Budget, Counters, Funds, Identity, Policy, Status
from figuard.domain.codes import ErrorCode
from figuard.domain.entitlements import Item, RenewalPeriod
from figuard.domain.events import CapRef, Decision, Event, Outcome, Place, Standing, Verdict
from figuard.domain.instants import SECOND, Instant
from figuard.domain.levels import Touched
from figuard.domain.refusal import Refusal
from figuard.domain.situation import Situation
from figuard.domain.tokens import Cap, Scope, Token, TokenKind, fold
from tests.builders import spend

NOW: Instant = instants.parse("2030-01-01T00:00:00Z")
BUDGET_ID = "budget"


def later(seconds: float) -> Instant:
    """Return the moment so many seconds after ``NOW``."""
    return NOW + round(seconds * SECOND)


def balance(spent: AmountLike = 0, reserved: AmountLike = 0, *, shadow: bool = False) -> Balance:
    """Return a balance in units, on its real side unless told otherwise."""
    return Balance().moved(quanta(spent), quanta(reserved), shadow=shadow)


def budget(limit: AmountLike = 100, **fields: Any) -> Budget:
    """Return an active budget of 100 USD; ``spent`` and ``reserved`` in units, unknown fields go into its policy."""
    unit = fields.pop("unit", None)
    identity = Identity(
        BUDGET_ID, EMBEDDED_TENANT, "user", NOW, currency=None if unit else fields.pop("currency", "USD"), unit=unit
    )
    funds = Funds(
        quanta(limit),
        balance(fields.pop("spent", 0), fields.pop("reserved", 0)),
        fields.pop("allocations", ()),
        fields.pop("epoch", 0),
    )
    status = fields.pop("status", Status.ACTIVE)
    counters = fields.pop("counters", Counters())
    policy = fields.pop("policy", None) or Policy(**fields)
    return Budget(identity, policy, funds, status, counters=counters)


def token(name: str = "token", *caps: Cap, **fields: Any) -> Token:
    """Return a delegation token with its name as id and label."""
    kind = fields.pop("kind", TokenKind.DELEGATION)
    scope = Scope(**{name: fields.pop(name) for name in list(fields) if name in _SCOPE})
    return Token(
        name, EMBEDDED_TENANT, BUDGET_ID, kind, f"hash of {name}", f"st_{name}", NOW, name, caps=caps, scope=scope,
        **fields,
    )  # fmt: skip


_SCOPE = {"action_types", "categories", "max_transaction", "read_only"}


def cap(category: str, limit: AmountLike, spent: AmountLike = 0, reserved: AmountLike = 0) -> Cap:
    """Return a cap with what it has used."""
    return Cap(f"cap on {category}", fold(category), quanta(limit), balance(spent, reserved))


def item(limit: AmountLike = 100, spent: AmountLike = 0, **fields: Any) -> Item:
    """Return a monthly entitlement of 100 calls."""
    return Item(
        fields.pop("id", "item"),
        EMBEDDED_TENANT,
        "subscription",
        "API calls",
        "call",
        quanta(limit),
        NOW,
        fields.pop("renewal_period", RenewalPeriod.MONTHLY),
        fields.pop("next_renewal_at", instants.parse("2030-02-01T00:00:00Z")),
        fields.pop("anchor_day", 1),
        balance=fields.pop("balance", balance(spent)),
        **fields,
    )


def event(quantity: AmountLike = 10, decision: Decision = Decision.AUTHORIZED, **fields: Any) -> Event:
    """Return an event as it stands after *decision*: a hold, a booking, or neither."""
    asked = quanta(quantity)
    event_id = fields.pop("id", "event")
    standing = fields.pop("standing", None)
    if standing is None:
        standing = {
            Decision.AUTHORIZED: Standing(
                held=asked, hold_expires_at=later(300), void_due_at=later(300), epoch=fields.pop("epoch", 0)
            ),
            Decision.CONFIRMED: Standing(booked=asked, confirmed=asked),
        }.get(decision, Standing())
    place = Place(
        root_id=fields.pop("root_id", event_id), **{name: fields.pop(name) for name in list(fields) if name in _PLACE}
    )
    outcome = Outcome(**{name: fields.pop(name) for name in list(fields) if name in _OUTCOME})
    verdict = fields.pop("verdict", Verdict())
    return Event(
        event_id, EMBEDDED_TENANT, BUDGET_ID, spend(quantity, fields.pop("key", "k1"), **fields), decision, NOW, NOW,
        place, verdict, standing, outcome,
    )  # fmt: skip


_PLACE = {"shadow", "token_id", "allocation_id", "caps", "item_id", "item_period", "parent_id", "depth"}
_OUTCOME = {"unknown", "reason", "external_transaction_id", "settled_at"}


def timed_out(quantity: AmountLike = 10, **fields: Any) -> Event:
    """Return an event that was voided because no settlement came."""
    standing = Standing(hold_released_at=later(300))
    return event(quantity, Decision.VOIDED, standing=standing, reason="CONFIRMATION_TIMEOUT", **fields)


def released(authorized: Event) -> Event:
    """Return an authorized event whose hold has ended."""
    standing = replace(authorized.standing, held=0, hold_expires_at=None, hold_released_at=later(300))
    return replace(authorized, standing=standing)


def ref(of: Token, category: str) -> CapRef:
    """Return a reference to a cap of a token."""
    return CapRef(of.id, fold(category))


def touching(touched: Touched, **fields: Any) -> Touched:
    """Return everything touched with some parts replaced."""
    parts: dict[str, Any] = {"budget": touched.budget, "tokens": touched.tokens, "item": touched.item}
    return Touched(**{**parts, "root": touched.root, **fields})


def refusal(call: Callable[..., Any], *arguments: Any, **fields: Any) -> ErrorCode | None:
    """Return the code with which a call is refused, or None when it is not."""
    try:
        call(*arguments, **fields)
    except Refusal as refused:
        return refused.code
    return None


def situation(quantity: AmountLike = 10, state: Budget | None = None, **fields: Any) -> Situation:
    """Return a request of 10 USD against an untouched budget; fields of ``Situation`` or of the spend."""
    own = {name: fields.pop(name) for name in list(fields) if name in _SITUATION}
    return Situation(state or budget(), spend(quantity, **fields), own.pop("now", NOW), **own)


_SITUATION = {"now", "tokens", "item", "parent", "root", "twin"}
