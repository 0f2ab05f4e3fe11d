"""
Spending: asked for, settled, given back, repeated, refused.
"""

from __future__ import annotations

import asyncio
from typing import Any

from checks import fresh, purse, refused, same, shows, spent

import figuard


def scene_the_first_example_of_the_sdk(client: Any) -> None:
    """The numbers that its own pages show."""
    budget = client.create_budget("user_123", 500, expires_in="1h")
    first = client.authorize(budget=budget, amount=270.00, description="hotel")
    shows(first, decision="AUTHORIZED", is_authorized=True, approved_quantity=270.0)
    shows(first.budget_snapshot, total_limit=500.0, quantity_spent=0.0, quantity_reserved=270.0)
    shows(first.budget_snapshot, available_quantity=230.0, status="ACTIVE")
    confirmed = client.confirm(first, 267.00)
    shows(confirmed, id=first.event_id, decision="CONFIRMED", requested_quantity=270.0, confirmed_quantity=267.0)
    second = client.authorize(budget=budget, amount=350.00)
    shows(second, decision="DENIED", is_authorized=False, denial_reason="INSUFFICIENT_FUNDS", approved_quantity=None)
    assert "233" in second.denial_message, second.denial_message
    same(second.budget_snapshot.available_quantity, 233.0)
    try:
        second.raise_if_denied()
    except figuard.FiGuardDeniedException as denied:
        same(denied.denial_reason, "INSUFFICIENT_FUNDS")
    else:
        raise AssertionError("a denial was not raised")
    same(first.raise_if_denied(), first)


def scene_everything_that_is_said_of_a_spend_is_kept(client: Any) -> None:
    budget = purse(client, intent_tags=["books"])
    key, trace = fresh("key"), fresh("trace")
    given = client.authorize(
        session_token=budget.session_token,
        agent_id="buyer",
        action_type="PURCHASE",
        description="two books",
        requested_quantity=12.3456,
        idempotency_key=key,
        currency="USD",
        intent_context="books for the office",
        entity_id="isbn-1",
        claimed_category="Reading",
        claimed_item_type="book",
        agent_type="shopper",
        trace_id=trace,
        metadata={"shelf": 3},
        max_subtree_quantity=50.0,
    )
    shows(given, decision="AUTHORIZED", approved_quantity=12.3456)
    (event,) = client.get_ledger(budget.id, trace_id=trace).events
    shows(event, id=given.event_id, decision="AUTHORIZED", requested_quantity=12.3456, agent_id="buyer")
    shows(event, action_type="PURCHASE", description="two books", idempotency_key=key, currency="USD")
    shows(event, intent_context="books for the office", entity_id="isbn-1", claimed_category="reading")
    shows(event, claimed_item_type="book", agent_type="shopper", trace_id=trace, metadata={"shelf": 3})


def scene_a_key_is_answered_once(client: Any) -> None:
    budget, key = purse(client), fresh("key")
    first = spent(client, budget, 10.0, idempotency_key=key)
    figuard.clear_current_event_id()
    again = client.authorize(budget=budget, amount=10.0, idempotency_key=key)
    shows(again, event_id=first.event_id, decision="AUTHORIZED", approved_quantity=10.0)
    same(client.get_budget(budget.id).quantity_reserved, 10.0)
    with refused(409):
        client.authorize(budget=budget, amount=11.0, idempotency_key=key)
    # Calls without a key are given one each.
    for _ in range(2):
        spent(client, budget, 1.0)
    same(client.get_budget(budget.id).quantity_reserved, 12.0)


def scene_the_ways_to_settle(client: Any) -> None:
    budget = purse(client)
    part, failed, voided = (spent(client, budget, 20.0) for _ in range(3))
    got = client.confirm_event(part.event_id, 15.5, external_transaction_id="tx-1")
    shows(got, id=part.event_id, decision="CONFIRMED", confirmed_quantity=15.5, requested_quantity=20.0)
    same(client.confirm_event(part.event_id, 15.5, external_transaction_id="tx-1").confirmed_quantity, 15.5)
    with refused(409):
        client.confirm_event(part.event_id, 16.0)
    got = client.fail_event(failed.event_id, "CARD_DECLINED", error_message="no")
    shows(got, decision="FAILED", failure_reason="CARD_DECLINED")
    got = client.void_event(voided.event_id, "NOT_NEEDED", void_child_events=False)
    same((got.is_voided, got.event.id, got.event.decision), (True, voided.event_id, "VOIDED"))
    with refused(409):
        client.confirm(voided.event_id, 1.0)
    with refused(404, "there is no event"):
        client.fail_event("0f8fad5b-d9cb-469f-a165-70867728950e", "NOBODY")
    shows(client.get_budget(budget.id), quantity_spent=15.5, quantity_reserved=0.0, available_quantity=84.5)


def scene_a_tree_is_voided(client: Any) -> None:
    budget = purse(client)
    root = spent(client, budget, 30.0, max_subtree_quantity=45.0)
    child = spent(client, budget, 10.0, parent_event_id=root.event_id)
    leaf = spent(client, budget, 5.0, parent_event_id=child.event_id)
    capped = client.authorize(budget=budget, amount=1.0, parent_event_id=root.event_id)
    shows(capped, decision="DENIED", denial_reason="SUBTREE_CAP_EXCEEDED")
    tree = client.get_spend_tree(budget.id)
    shows(tree, budget_id=budget.id, total_events=4)
    (top,) = tree.roots
    same(top.event.id, root.event_id)
    same({node.event.id for node in top.children}, {child.event_id, capped.event_id})
    (below,) = [node for node in top.children if node.children]
    same([node.event.id for node in below.children], [leaf.event_id])
    gone = client.void_tree(root.event_id, "CHANGED_MIND")
    shows(gone, root_event_id=root.event_id, voided_count=3, total_quantity_released=45.0, reason="CHANGED_MIND")
    same(gone.voided_event_ids, [root.event_id, child.event_id, leaf.event_id])
    same(gone.currency, "USD")
    same(client.get_budget(budget.id).available_quantity, 100.0)


def scene_nothing_is_held_where_nothing_shall_be(client: Any) -> None:
    budget = purse(client)
    preview = client.authorize(budget=budget, amount=40.0, dry_run=True)
    shows(preview, decision="AUTHORIZED", event_id=None)
    same(client.get_ledger(budget.id).total_elements, 0)
    marker = client.authorize(budget=budget, amount=40.0, reserve=False)
    shows(client.get_budget(budget.id), quantity_reserved=0.0, available_quantity=100.0)
    same(client.confirm(marker, 25.0).confirmed_quantity, 25.0)
    same(client.get_budget(budget.id).quantity_spent, 25.0)


def scene_denials_have_their_codes(client: Any) -> None:
    budget = purse(client, max_transaction_quantity=50.0, entity_dedup_enabled=True)
    first = spent(client, budget, 5.0, entity_id="invoice-1")
    again = client.authorize(budget=budget, amount=5.0, entity_id="invoice-1")
    shows(again, denial_reason="ENTITY_ALREADY_AUTHORIZED", original_event_id=first.event_id)
    same(again.original_event_status, "AUTHORIZED")
    same(client.authorize(budget=budget, amount=51.0).denial_reason, "EXCEEDS_QUANTITY_LIMIT")
    same(client.authorize(budget=budget, amount=1.0, currency="EUR").denial_reason, "CURRENCY_MISMATCH")
    divided = purse(client, allocations=[{"category": "PAYOUT", "limit": 10.0, "allowedCategories": ["PAYOUT"]}])
    given = client.authorize(budget=divided, amount=4.0, claimed_category="payout")
    shows(given.allocation_snapshot, category="PAYOUT", limit=10.0, quantity_reserved=4.0, available_quantity=6.0)
    over = client.authorize(budget=divided, amount=7.0, claimed_category="payout")
    shows(over.allocation_snapshot, category="PAYOUT", available_quantity=6.0)
    same(client.authorize(budget=divided, amount=1.0).denial_reason, "MISSING_CLAIMED_CATEGORY")
    other = client.authorize(budget=divided, amount=1.0, claimed_category="rent")
    same(other.denial_reason, "NO_MATCHING_ALLOCATION")


def scene_the_last_event_is_the_next_ones_parent(client: Any) -> None:
    """Which the SDK sends along by itself, across budgets too: a foreign one makes a root."""
    one, two = purse(client), purse(client)

    async def awaited() -> tuple[Any, Any, Any]:
        asks = client.inner.authorize
        return (
            await asks(budget=one, amount=1.0),
            await asks(budget=one, amount=2.0),
            await asks(budget=two, amount=3.0),
        )

    if client.is_async:
        first, second, foreign = client.run(awaited())
    else:
        first, second, foreign = spent(client, one, 1.0), spent(client, one, 2.0), spent(client, two, 3.0)
        same(figuard.get_current_event_id(), foreign.event_id)
    (top,) = client.get_spend_tree(one.id).roots
    same((top.event.id, top.children[0].event.id), (first.event_id, second.event_id))
    same([node.event.id for node in client.get_spend_tree(two.id).roots], [foreign.event_id])
    with refused(400, "INVALID_PARENT_EVENT"):
        client.authorize(budget=one, amount=1.0, parent_event_id="0f8fad5b-d9cb-469f-a165-70867728950e")


def scene_many_at_once(client: Any) -> None:
    if not client.is_async:
        return
    budget = purse(client, 1000.0)

    async def awaited() -> list[Any]:
        asks = (client.inner.authorize(budget=budget, amount=200.0, idempotency_key=f"k{n}") for n in range(10))
        return await asyncio.gather(*asks)

    decisions = [given.decision for given in client.run(awaited())]
    same((decisions.count("AUTHORIZED"), decisions.count("DENIED")), (5, 5))


def scene_what_happened_outside_is_recorded(client: Any) -> None:
    if client.is_async:
        return
    budget, key = purse(client), fresh("outside")
    got = client.record_external_event(
        budget.id, "a person", "CARD", "paid by hand", 120.0, key, source="HUMAN", metadata={"who": "ops"}
    )
    shows(got, decision="CONFIRMED", requested_quantity=120.0, confirmed_quantity=120.0, agent_id="a person")
    shows(client.get_budget(budget.id), quantity_spent=120.0, available_quantity=-20.0)
    with refused(409):
        client.record_external_event(budget.id, "a person", "CARD", "paid by hand", 121.0, key)
    with refused(404):
        client.record_external_event("0f8fad5b-d9cb-469f-a165-70867728950e", "a", "CARD", "x", 1.0, fresh("k"))
