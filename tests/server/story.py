"""
One tenant's things, and every operation of the API once, asked about them.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from figuard.domain.commands import Order, SettleDelivery
from figuard.engine.sweeper import SWEEPER
from figuard.wire.operations import find
from tests.server.desk import LATER, SPEND, Desk

HOOK = {"url": "https://example.com/hook", "secret": "0123456789abcdef", "events": ["SPEND_DENIED"]}
ITEM = {"name": "calls", "limitQuantity": 100, "limitUnit": "call", "renewalPeriod": "MONTHLY"}
CAPS = [{"category": "Food", "limit": 10}]
ABSENT = "0f8fad5b-d9cb-469f-a165-70867728950e"


class Things(NamedTuple):
    """What exists."""

    session: str
    ids: dict[str, str]

    def path(self, name: str, *, absent: bool = False) -> str:
        """Return the path of an operation on these things, or on things that do not exist."""
        ids = dict.fromkeys(self.ids, ABSENT) | {"externalSubscriberId": "nobody"} if absent else self.ids
        return find(name).path.format_map(ids)


async def furnished(desk: Desk, key: str, subscriber: str = "customer/1") -> Things:
    """Make one of everything."""

    async def made(path: str, body: Any, **headers: str) -> dict[str, Any]:
        answer = await desk.call("POST", path, body, key=key, **headers)
        assert answer.status_code in {200, 201}, answer.text
        return answer.json()

    hook = await made("/webhooks", HOOK)
    budget = await desk.budget(key, 1000)
    event = (await desk.authorize(key, budget)).json()
    await desk.authorize(key, budget, "too much", requestedQuantity=5000)
    token = await made(f"/budgets/{budget['id']}/delegation-tokens", {"label": "child", "caps": CAPS})
    subscription = await made(
        "/subscriptions", {"externalSubscriberId": subscriber, "name": "pro", "entitlementItems": [ITEM]}
    )
    api_key = await made("/api-keys", {"scope": "read"})
    (delivery,) = (await desk.call("GET", f"/webhooks/{hook['id']}/deliveries", key=key)).json()
    return Things(
        budget["tokens"][0]["sessionToken"],
        {
            "budgetId": budget["id"],
            "eventId": event["eventId"],
            "tokenId": token["id"],
            "subscriptionId": subscription["id"],
            "itemId": subscription["entitlementItems"][0]["id"],
            "webhookId": hook["id"],
            "deliveryId": delivery["id"],
            "keyId": api_key["id"],
            "externalSubscriberId": subscriber,
        },
    )


# Operations that need something to have happened before them.
BEFORE = {
    "refund_event": ("confirm_event",),
    "resume_budget": ("pause",),
    "resume_subscription": ("pause_subscription",),
    "retry_delivery": ("given_up",),
    "revoke_receipt": ("get_receipt_url",),
}


async def prepared(desk: Desk, name: str, things: Things, key: str) -> None:
    """Do what has to have happened before an operation can succeed on these things."""
    for earlier in BEFORE.get(name, ()):
        if earlier == "given_up":
            await given_up(desk, things.ids["deliveryId"])
        elif earlier == "pause":
            await desk.call("PATCH", things.path("update_budget"), {"status": "PAUSED"}, key=key)
        else:
            assert (await ask(desk, earlier, things, key)).status_code == 200


async def given_up(desk: Desk, delivery_id: str) -> None:
    """Let a delivery fail until it is a dead letter."""
    for _ in range(30):
        await desk.backend.engine.execute(Order(SettleDelivery(delivery_id, 500), "", SWEEPER))


def bodies(things: Things) -> dict[str, Any]:
    """Return a right body for every operation that takes one."""
    spend = {**SPEND, "idempotencyKey": "from the story"}
    return {
        "authorize": spend,
        "authorize_batch": {"requests": [spend | {"sessionToken": things.session}]},
        "confirm_event": {"confirmedQuantity": 10},
        "fail_event": {"reason": "CARD_DECLINED"},
        "void_event": {"reason": "NOT_NEEDED"},
        "void_tree": {"reason": "NOT_NEEDED"},
        "refund_event": {"quantity": 1, "reason": "RETURNED"},
        "extend_event": {"seconds": 60},
        "mark_event_unknown": {},
        "record_external_event": {
            "budgetId": things.ids["budgetId"],
            "agentId": "agent",
            "actionType": "SPEND",
            "description": "something",
            "quantity": 1,
            "idempotencyKey": "outside",
        },
        "create_budget": {"userId": "user", "totalLimit": 100, "expiresAt": LATER},
        "update_budget": {"totalLimit": 900},
        "cancel_batch": [things.ids["budgetId"]],
        "resume_budget": {"overrideReason": "checked"},
        "extend_budget": {"expiresAt": "2030-07-01T00:00:00Z"},
        "fund_budget": {"operation": "CREDIT", "amount": 10},
        "replay_counterfactual": {"hypotheticalPolicy": {"totalLimit": 50}},
        "create_delegation_token": {"label": "another", "caps": CAPS},
        "create_scoped_token": {"label": "reader", "scope": {"readOnly": True}},
        "create_api_key": {},
        "create_subscription": {"externalSubscriberId": "customer-2", "name": "pro", "entitlementItems": [ITEM]},
        "add_entitlement": ITEM | {"name": "more calls"},
        "create_webhook": HOOK,
    }


async def ask(desk: Desk, name: str, things: Things, key: str | None, **how: Any) -> Any:
    """Carry out one operation on *things*, or on things that do not exist (``absent=True``)."""
    operation = find(name)
    absent = how.pop("absent", False)
    path = things.path(name, absent=absent)
    if name == "get_budget_state_at":
        path += "?at=2030-01-01T00:00:00Z"
    body = bodies(things).get(name)
    if absent:
        body = swapped(body, things)
    if operation.session_token:
        how.setdefault("X_Session_Token", "st_unknown" if absent else things.session)
    return await desk.call(operation.method, path, body, key=key, **how)


def swapped(body: Any, things: Things) -> Any:
    """Return a body that names absent things instead of these."""
    if isinstance(body, dict):
        return {name: swapped(value, things) for name, value in body.items()}
    if isinstance(body, list):
        return [swapped(value, things) for value in body]
    if body == things.session:
        return "st_unknown"
    return ABSENT if body in set(things.ids.values()) else body
