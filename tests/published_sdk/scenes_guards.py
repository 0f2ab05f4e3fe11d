"""
What stands on the clients: guards over several budgets, and a service that cannot be reached.
"""

from __future__ import annotations

from typing import Any

from checks import fresh, purse, same, shows

import figuard


def guarded(client: Any, *limits: float) -> tuple[Any, list[Any]]:
    """Return a guard over so many budgets, of the client's own kind, and the budgets."""
    budgets = [purse(client, limit) for limit in limits]
    resource = figuard.AsyncGuardedResource if client.is_async else figuard.GuardedResource
    guard = figuard.AsyncCompositeGuard if client.is_async else figuard.CompositeGuard
    parts = [resource(client.inner, budget.session_token, f"r{n}") for n, budget in enumerate(budgets)]
    return guard(parts), budgets


def run(client: Any, made: Any) -> Any:
    """Return what a guard's method comes to."""
    return client.run(made) if client.is_async else made


def scene_a_guard_takes_all_or_nothing(client: Any) -> None:
    guard, (money, tokens) = guarded(client, 100.0, 10.0)
    given = run(client, guard.authorize("agent", "SPEND", "both", {"r0": 30.0, "r1": 5.0}, idempotency_key=fresh("k")))
    shows(given, all_authorized=True, first_denial=None)
    same(len(given.event_ids()), 2)
    confirmed = run(client, guard.confirm(given, {"r0": 29.0, "r1": 4.0}))
    same([event.confirmed_quantity for event in confirmed], [29.0, 4.0])
    refused = run(client, guard.authorize("agent", "SPEND", "both", {"r0": 30.0, "r1": 7.0}))
    shows(refused, all_authorized=False, first_denial_resource="r1")
    same(client.get_budget(money.id).quantity_reserved, 0.0)
    failed = run(client, guard.authorize("agent", "SPEND", "both", {"r0": 1.0, "r1": 1.0}))
    run(client, guard.fail(failed, reason="TOOL_ERROR", error_message="broke"))
    shows(client.get_budget(money.id), quantity_spent=29.0, quantity_reserved=0.0)
    shows(client.get_budget(tokens.id), quantity_spent=4.0, quantity_reserved=0.0)


def scene_what_was_spent_while_the_service_was_away_is_recorded(client: Any) -> None:
    """Fail-open is the SDK's own; making up for it afterwards is the server's."""
    if client.is_async:
        return
    budget = purse(client, 50.0)
    away = figuard.FiGuardClient(api_key="fg_live_any", base_url="http://127.0.0.1:9", fail_open=True, log=False)
    given = away.authorize(budget=budget, amount=12.0)
    shows(given, decision="AUTHORIZED", is_fallback=True, approved_quantity=12.0)
    same(away.confirm_event(given.event_id, 12.0).decision, "CONFIRMED")
    key = given.event_id.removeprefix("fallback_")
    client.record_external_event(budget.id, "agent", "SPEND", "while away", 12.0, key)
    shows(client.get_budget(budget.id), quantity_spent=12.0, available_quantity=38.0)
