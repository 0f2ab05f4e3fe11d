"""
Requests for tests: whole bodies that are right, and short ways to see what parsing makes of a changed one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from figuard.domain import instants
from figuard.domain.codes import ErrorCode
from figuard.domain.refusal import Refusal
from figuard.wire.codec import decode_request
from figuard.wire.context import Call, Context, Settings
from figuard.wire.operations import find

NOW = instants.parse("2030-01-01T00:00:00Z")
LATER = "2030-01-02T00:00:00Z"
ID = "0f8fad5b-d9cb-469f-a165-70867728950e"
OTHER = "7c9e6679-7425-40de-944b-e07fc1f90ae7"
_IDS = ("budgetId", "eventId", "tokenId", "subscriptionId", "itemId", "webhookId", "deliveryId", "keyId")
PATH = dict.fromkeys(_IDS, ID) | {"externalSubscriberId": "customer-1"}
SETTINGS = Settings(base_url="https://figuard.test")

ITEM = {"name": "calls", "limitQuantity": 100, "limitUnit": "call", "renewalPeriod": "MONTHLY"}
BODIES: dict[str, Any] = {
    "authorize": {
        "agentId": "agent",
        "actionType": "SPEND",
        "description": "something",
        "requestedQuantity": 10,
        "idempotencyKey": "k1",
    },
    "confirm_event": {"confirmedQuantity": 10},
    "fail_event": {"reason": "CARD_DECLINED"},
    "void_event": {"reason": "NOT_NEEDED"},
    "void_tree": {"reason": "NOT_NEEDED"},
    "refund_event": {"quantity": 5, "reason": "RETURNED"},
    "extend_event": {"seconds": 60},
    "mark_event_unknown": {},
    "record_external_event": {
        "budgetId": ID,
        "agentId": "agent",
        "actionType": "SPEND",
        "description": "something",
        "quantity": 10,
        "idempotencyKey": "k1",
    },
    "create_budget": {"userId": "user", "totalLimit": 100, "expiresAt": LATER},
    "update_budget": {},
    "cancel_batch": {"budgetIds": [ID]},
    "resume_budget": {"overrideReason": "checked"},
    "extend_budget": {"expiresAt": LATER},
    "fund_budget": {"operation": "CREDIT", "amount": 10},
    "replay_counterfactual": {"hypotheticalPolicy": {"totalLimit": 50}},
    "create_delegation_token": {"label": "child", "caps": [{"category": "Food", "limit": 10}]},
    "create_scoped_token": {"label": "reader", "scope": {"readOnly": True}},
    "create_api_key": {},
    "create_subscription": {"externalSubscriberId": "customer-1", "name": "pro", "entitlementItems": [ITEM]},
    "add_entitlement": ITEM,
    "create_webhook": {"url": "https://example.com/hook", "secret": "0123456789abcdef", "events": ["SPEND_DENIED"]},
}
BODIES["authorize_batch"] = {"requests": [BODIES["authorize"]]}
"""For every operation with a body, the smallest one that is right."""

QUERIES = {"get_budget_state_at": {"at": LATER}}
"""What an operation's query needs at least."""


def context(settings: Settings = SETTINGS) -> Context:
    """Return a context in which hashing is visible."""
    return Context(NOW, settings, lambda secret: f"hash of {secret}", "trace-1")


def parsed(
    name: str,
    body: Any = None,
    *,
    raw: bytes | None = None,
    query: Mapping[str, Any] | None = None,
    path: Mapping[str, str] | None = None,
    token: str | None = "st_token",
    settings: Settings = SETTINGS,
) -> Any:
    """Return the command or question of a request; the body is JSON text in *raw*, or a value."""
    operation = find(name)
    struct, faults = None, {}
    if operation.request is not None:
        written = json.dumps(BODIES[name] if body is None else body).encode() if raw is None else raw
        struct, faults = decode_request(operation.request, written)
    asked = QUERIES.get(name, {}) if query is None else query
    call = Call(PATH | dict(path or {}), asked, struct, token, faults)
    return operation.parse(call, context(settings))


def changed(name: str, /, **members: Any) -> dict[str, Any]:
    """Return the right body with some members replaced, or left out where the value is ``...``."""
    merged = {**BODIES[name], **members}
    return {key: value for key, value in merged.items() if value is not ...}


def asked(name: str, /, **members: Any) -> Any:
    """Return what parsing makes of the right body with some members replaced."""
    return parsed(name, changed(name, **members))


def refusal(name: str, body: Any = None, **rest: Any) -> Refusal:
    """Return the refusal of a request that must be refused."""
    try:
        made = parsed(name, body, **rest)
    except Refusal as refused:
        return refused
    raise AssertionError(f"accepted as {made}")


def faults(name: str, /, **members: Any) -> dict[str, str]:
    """Return the field errors of the right body with some members replaced; empty when it is accepted."""
    try:
        asked(name, **members)
    except Refusal as refused:
        if refused.code is not ErrorCode.VALIDATION_FAILED:
            raise
        return refused.fields or {}
    return {}
