"""
Budgets: made, read, changed, funded, extended, cancelled.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from checks import fresh, purse, refused, same, shows, spent

ALLOCATIONS = [
    {"category": "PAYOUT", "limit": 300.0, "allowedCategories": ["payout"], "forbiddenItemTypes": ["gift"]},
    {"category": "fees", "limit": 200.0, "enforcementMode": "OPEN"},
]


def scene_a_budget_with_everything(client: Any) -> None:
    made = client.create_budget(
        "user-7",
        500.0,
        expires_in=timedelta(hours=2),
        currency="EUR",
        intent_context="a trip",
        intent_tags=["travel"],
        external_reference=fresh("order"),
        soft_limit=400.0,
        max_transaction_quantity=250.5,
        authorization_expiry_seconds=120,
        velocity_max_per_minute=50,
        velocity_max_amount_per_hour=450.25,
        velocity_max_per_day=500,
        anomaly_detection_enabled=True,
        auto_pause_on_anomaly=False,
        entity_dedup_enabled=True,
        allocations=ALLOCATIONS,
        metadata={"team": "red", "depth": {"n": 1}},
    )
    everything = {
        "user_id": "user-7",
        "total_limit": 500.0,
        "quantity_spent": 0.0,
        "quantity_reserved": 0.0,
        "available_quantity": 500.0,
        "status": "ACTIVE",
        "currency": "EUR",
        "unit": None,
        "intent_context": "a trip",
        "intent_tags": ["travel"],
        "soft_limit": 400.0,
        "max_transaction_quantity": 250.5,
        "authorization_expiry_seconds": 120,
        "velocity_max_per_minute": 50,
        "velocity_max_amount_per_hour": 450.25,
        "velocity_max_per_day": 500,
        "metadata": {"team": "red", "depth": {"n": 1}},
        "trust_mode": "FULL_ENFORCEMENT",
        "cancelled_at": None,
        "is_active": True,
        "is_paused": False,
        "is_monetary": True,
    }
    shows(made, **everything)
    same(len(made.id), 36)
    same([token.category for token in made.tokens], ["default"])
    assert made.session_token.startswith("st_")
    same(made.primary_token.session_token, made.session_token)
    payout, fees = made.allocations
    shows(payout, category="PAYOUT", limit=300.0, available_quantity=300.0, status="ACTIVE")
    shows(payout, enforcement_mode="CATEGORY_CONSTRAINED", allowed_categories=["payout"], forbidden_item_types=["gift"])
    shows(fees, category="fees", limit=200.0, enforcement_mode="OPEN", quantity_spent=0.0, quantity_reserved=0.0)
    read = client.get_budget(made.id)
    shows(read, **everything)
    same((read.id, read.session_token, read.expires_at), (made.id, None, made.expires_at))


def scene_a_reference_makes_one_budget(client: Any) -> None:
    reference = fresh("order")
    first = purse(client, 50.0, external_reference=reference)
    again = purse(client, 50.0, external_reference=reference)
    same((again.id, again.session_token), (first.id, None))
    with refused(409, first.id):
        purse(client, 60.0, external_reference=reference)


def scene_what_cannot_be_made_is_refused(client: Any) -> None:
    same(purse(client).currency, "USD")
    with refused(400):
        purse(client, currency="USD", unit="tokens")
    with refused(400):
        purse(client, -5.0)
    with refused(400, "Allocation limits sum"):
        purse(client, 10.0, allocations=[{"category": "a", "limit": 11.0, "enforcementMode": "OPEN"}])
    with refused(404):
        client.get_budget("0f8fad5b-d9cb-469f-a165-70867728950e")


def scene_a_budget_of_tokens(client: Any) -> None:
    made = client.create_token_budget(model="small-model", max_tokens=1000, expires_in="30m", user_id="agent-3")
    shows(made, user_id="agent-3", total_limit=1000.0, unit="tokens", currency=None, is_monetary=False)
    same(made.metadata["model"], "small-model")
    asked = client.authorize_tokens(
        session_token=made.session_token, agent_id="agent-3", estimated_tokens=400, model="small-model"
    )
    shows(asked, decision="AUTHORIZED", approved_quantity=400.0)
    shows(client.confirm_tokens(asked.event_id, 380), decision="CONFIRMED", confirmed_quantity=380.0)
    preview = client.authorize_tokens(
        session_token=made.session_token, agent_id="agent-3", estimated_tokens=700, model="small-model", dry_run=True
    )
    shows(preview, decision="DENIED", event_id=None, denial_reason="INSUFFICIENT_FUNDS")
    shows(client.get_budget(made.id), quantity_spent=380.0, quantity_reserved=0.0, available_quantity=620.0)


def scene_a_budget_is_changed(client: Any) -> None:
    made = purse(client, 100.0)
    changed = client.update_budget(
        made.id,
        total_limit=150.0,
        velocity_max_per_minute=5,
        velocity_max_amount_per_hour=90.0,
        velocity_max_per_day=70,
        trust_mode="SHADOW",
    )
    shows(changed, total_limit=150.0, velocity_max_per_minute=5, velocity_max_amount_per_hour=90.0)
    shows(changed, velocity_max_per_day=70, trust_mode="SHADOW", available_quantity=150.0)
    shows(client.update_budget(made.id), total_limit=150.0, trust_mode="SHADOW")
    paused = client.update_budget(made.id, status="PAUSED", trust_mode="FULL_ENFORCEMENT")
    shows(paused, is_paused=True, is_active=False, trust_mode="FULL_ENFORCEMENT")
    denied = client.authorize(budget=made, amount=1.0)
    shows(denied, decision="DENIED", denial_reason="BUDGET_PAUSED", is_authorized=False)
    shows(client.resume_budget(made.id, "looked at it", override_by="ops"), status="ACTIVE")
    with refused(409):
        client.resume_budget(made.id, "again")
    with refused(400):
        client.update_budget(made.id, status="EXHAUSTED")


def scene_shadow_mode_never_blocks(client: Any) -> None:
    if client.is_async:
        made = purse(client, 10.0)
        client.update_budget(made.id, trust_mode="SHADOW")
    else:
        made = purse(client, 10.0, trust_mode="SHADOW")
    given = client.authorize(budget=made, amount=25.0)
    shows(given, decision="AUTHORIZED", shadow=True, would_have_been="DENIED")
    same(given.would_have_been_reason, "INSUFFICIENT_FUNDS")


def scene_a_budget_is_extended(client: Any) -> None:
    made = purse(client)
    later = client.extend_budget(made.id, expires_in="3h")
    assert later.expires_at > made.expires_at
    sooner = (datetime.now(UTC) + timedelta(minutes=5)).strftime("%Y-%m-%dT%H:%M:%SZ")
    with refused(400):
        client.extend_budget(made.id, expires_at=sooner)


def scene_a_token_is_rotated(client: Any) -> None:
    made = purse(client)
    token = client.rotate_session_token(made.id)
    assert token.startswith("st_")
    assert token != made.session_token
    same(client.authorize(session_token=token, amount=1.0).decision, "AUTHORIZED")
    # The old one works a little longer, so that nobody who is busy is cut off.
    same(client.authorize(session_token=made.session_token, amount=1.0).decision, "AUTHORIZED")
    with refused(401, "INVALID_SESSION_TOKEN"):
        client.authorize(session_token="st_nobody", amount=1.0)
    with refused(401):
        client.authorize(session_token=made.id, amount=1.0)


def scene_budgets_are_cancelled_together(client: Any) -> None:
    one, two = purse(client), purse(client)
    cancelled = client.cancel_batch([one.id, two.id, "0f8fad5b-d9cb-469f-a165-70867728950e"])
    same({budget.id for budget in cancelled}, {one.id, two.id})
    same({budget.status for budget in cancelled}, {"CANCELLED"})
    assert all(budget.cancelled_at for budget in cancelled)
    same([budget.status for budget in client.cancel_batch([one.id])], ["CANCELLED"])
    shows(client.authorize(budget=two, amount=1.0), decision="DENIED", denial_reason="BUDGET_CANCELLED")
    with refused(400):
        client.cancel_batch([])


def scene_a_budget_is_funded(client: Any) -> None:
    if client.is_async:
        return
    made = purse(client, 100.0)
    client.confirm(spent(client, made, 40.0), 40.0)
    credit = client.fund_budget(made.id, "CREDIT", 50.0, reason="more work")
    shows(credit, budget_id=made.id, operation="CREDIT", amount=50.0, previous_total_limit=100.0, total_limit=150.0)
    shows(credit, quantity_spent=40.0, quantity_reserved=0.0, available_quantity=110.0, reason="more work")
    shows(client.fund_budget(made.id, "DEBIT", 30.0), previous_total_limit=150.0, total_limit=120.0)
    shows(client.fund_budget(made.id, "RESET", 90.0), total_limit=90.0, quantity_spent=40.0)
    shows(client.fund_budget(made.id, "RESET_SPENT", 70.0), total_limit=70.0, quantity_spent=0.0)
    with refused(400):
        client.fund_budget(made.id, "DEBIT", 71.0)
    client.cancel_batch([made.id])
    with refused(409):
        client.fund_budget(made.id, "CREDIT", 1.0)
