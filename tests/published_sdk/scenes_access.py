"""
Who may spend: delegation tokens, API keys, subscriptions and their entitlements.
"""

from __future__ import annotations

from typing import Any

from checks import fresh, purse, refused, same, shows

import figuard

ABSENT = "0f8fad5b-d9cb-469f-a165-70867728950e"


def scene_a_part_is_delegated(client: Any) -> None:
    budget = purse(client, 100.0)
    made = client.create_delegation_token(budget.id, "shopper", [{"category": "Books", "limit": 20.0}])
    shows(made, parent_budget_id=budget.id, label="shopper", status="ACTIVE", is_active=True, is_revoked=False)
    assert made.session_token.startswith(made.session_token_prefix.rstrip(".…"))
    (cap,) = made.caps
    shows(cap, category="books", total_limit=20.0, quantity_spent=0.0, available_quantity=20.0)
    given = client.authorize(session_token=made.session_token, amount=15.0, claimed_category="books")
    same(given.decision, "AUTHORIZED")
    over = client.authorize(session_token=made.session_token, amount=6.0, claimed_category="books")
    same(over.denial_reason, "DELEGATE_CAP_EXCEEDED")
    read = client.get_delegation_token(made.id)
    shows(read.caps[0], quantity_reserved=15.0, available_quantity=5.0)
    same(read.session_token, None)
    same([token.id for token in client.list_delegation_tokens(budget.id)], [made.id])
    again = client.create_delegation_token(budget.id, "shopper", [{"category": "Books", "limit": 20.0}])
    same((again.id, again.session_token), (made.id, None))
    gone = client.revoke_delegation_token(made.id)
    shows(gone, status="REVOKED", is_active=False, is_revoked=True)
    same(client.revoke_delegation_token(made.id).revoked_at, gone.revoked_at)
    with refused(401):
        client.authorize(session_token=made.session_token, amount=1.0, claimed_category="books")
    with refused(404):
        client.get_delegation_token(ABSENT)


def scene_keys_come_and_go(client: Any) -> None:
    if client.is_async:
        return
    made = client.create_api_key("for a test")
    shows(made, active=True, description="for a test")
    assert made.raw_key.startswith(made.key_prefix.rstrip(".…"))
    (listed,) = [key for key in client.list_api_keys() if key.id == made.id]
    shows(listed, active=True, raw_key=None, key_prefix=made.key_prefix)
    url = client.inner._base_url if hasattr(client.inner, "_base_url") else client.inner.base_url
    with_it = figuard.FiGuardClient(api_key=made.raw_key, base_url=url, log=False)
    same(with_it.create_budget("user", 5.0, expires_in="5m").total_limit, 5.0)
    turned = client.rotate_api_key(made.id)
    assert turned.raw_key not in {None, made.raw_key}
    with refused(401):
        with_it.create_budget("user", 5.0, expires_in="5m")
    shows(client.revoke_api_key(turned.id), active=False, raw_key=None)
    same(client.revoke_api_key(turned.id).active, False)
    with refused(409):
        client.rotate_api_key(turned.id)
    with refused(404):
        client.revoke_api_key(ABSENT)


def scene_subscriptions_are_kept(client: Any) -> None:
    if client.is_async:
        return
    who = fresh("customer")
    made = client.create_subscription(who, "pro", "MONTHLY", starts_at="2026-11-01T00:00:00Z")
    shows(made, external_subscriber_id=who, plan="pro", status="ACTIVE", renewal_period="MONTHLY", entitlements=[])
    same(client.get_subscription(made.id).external_subscriber_id, who)
    same(client.get_subscription_by_subscriber(who).id, made.id)
    assert made.id in {subscription.id for subscription in client.list_subscriptions()}
    with refused(409):
        client.create_subscription(who, "pro", "MONTHLY")
    same(client.pause_subscription(made.id).status, "PAUSED")
    with refused(409):
        client.pause_subscription(made.id)
    same(client.resume_subscription(made.id).status, "ACTIVE")
    same(client.cancel_subscription(made.id).status, "CANCELLED")
    with refused(409):
        client.cancel_subscription(made.id)
    with refused(404):
        client.get_subscription_by_subscriber(fresh("nobody"))


def scene_entitlements_are_added_and_reset(client: Any) -> None:
    if client.is_async:
        return
    made = client.create_subscription(fresh("customer"), "pro", "QUARTERLY")
    item = client.add_entitlement(
        made.id, "calls", 1000.5, overage_policy="WARN_ONLY", renewal_period="QUARTERLY", warn_at_percentage=70
    )
    shows(item, category="calls", period_limit=1000.5, overage_policy="WARN_ONLY", renewal_period="QUARTERLY")
    shows(item, current_period_consumed=0.0, current_period_reserved=0.0, state="NORMAL", warn_at_percentage=70.0)
    same(item.available, 1000.5)
    shows(client.get_entitlement(made.id, item.id), id=item.id, category="calls", period_limit=1000.5)
    same([one.id for one in client.list_entitlements(made.id)], [item.id])
    shows(client.reset_entitlement(made.id, item.id), id=item.id, current_period_consumed=0.0, state="NORMAL")
    same([one.id for one in client.get_subscription(made.id).entitlements], [item.id])
    with refused(404):
        client.get_entitlement(made.id, ABSENT)
