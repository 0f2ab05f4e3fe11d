"""
Reports: ledger, receipt, replay, state, timeline, counterfactual.
"""

from __future__ import annotations

import urllib.request
from datetime import UTC, datetime, timedelta
from typing import Any

from checks import fresh, purse, refused, same, shows, spent


def told(client: Any) -> tuple[Any, list[Any]]:
    """Return a budget with a story: one confirmed, one failed, one held, one denied; and those events."""
    budget = purse(client, 100.0)
    confirmed, failed = spent(client, budget, 30.0), spent(client, budget, 20.0, trace_id=fresh("trace"))
    client.confirm(confirmed, 25.0)
    client.fail_event(failed.event_id, "CARD_DECLINED")
    held = spent(client, budget, 10.0, parent_event_id=confirmed.event_id)
    denied = client.authorize(budget=budget, amount=90.0, parent_event_id=confirmed.event_id)
    same(denied.decision, "DENIED")
    return budget, [confirmed, failed, held, denied]


def scene_the_ledger_is_paged_and_filtered(client: Any) -> None:
    budget, events = told(client)
    newest_first = [event.event_id for event in reversed(events)]
    page = client.get_ledger(budget.id)
    shows(page, total_elements=4, total_pages=1, page=0, size=20, has_next=False)
    same([event.id for event in page.events], newest_first)
    same([event.decision for event in page.events], ["DENIED", "AUTHORIZED", "FAILED", "CONFIRMED"])
    first = client.get_ledger(budget.id, page=0, size=3)
    shows(first, total_elements=4, total_pages=2, size=3, has_next=True)
    same(len(client.get_ledger(budget.id, page=1, size=3).events), 1)
    (denied,) = client.get_ledger(budget.id, decision="DENIED").events
    shows(denied, id=events[3].event_id, denial_reason="INSUFFICIENT_FUNDS", requested_quantity=90.0)
    same(client.get_ledger(budget.id, trace_id="nobody's").total_elements, 0)
    same([event.id for event in client.iter_events(budget.id, page_size=2)], newest_first)
    same([event.id for event in client.iter_events(budget.id, decision="CONFIRMED")], [events[0].event_id])
    with refused(404):
        client.get_ledger("0f8fad5b-d9cb-469f-a165-70867728950e")


def scene_a_receipt_can_be_opened(client: Any) -> None:
    budget, _ = told(client)
    url = client.get_receipt_url(budget.id)
    same(client.get_receipt_url(budget.id), url)
    with urllib.request.urlopen(url, timeout=10) as page:
        text = page.read().decode()
    missing = [word for word in ("Spend Receipt", budget.id, "25.00") if word not in text]
    same(missing, [])


def scene_a_story_is_replayed(client: Any) -> None:
    budget, events = told(client)
    replay = client.replay_budget(budget.id)
    summary = replay["summary"]
    counts = {name: summary[name] for name in summary if name.endswith("Count")}
    same(counts["confirmedCount"], 1)
    same((counts["failedCount"], counts["deniedCount"]), (1, 1))
    same(replay["budgetId"], budget.id)
    final = replay["finalState"]
    same((final["quantitySpent"], final["quantityReserved"], final["available"]), (25.0, 10.0, 65.0))
    same((replay["initialState"]["quantitySpent"], replay["initialState"]["eventIndex"]), (0.0, -1))
    named = {event["event"]["eventId"] for event in replay["events"]}
    same(named, {event.event_id for event in events})
    assert replay["events"][0]["stateAfter"]["quantityReserved"] == 30.0
    part = client.replay_budget(
        budget.id,
        from_time=datetime.now(UTC) - timedelta(hours=1),
        until=datetime.now(UTC) + timedelta(minutes=1),
        include_denied=False,
        include_state_snapshots=False,
        page_size=1,
    )
    same((len(part["events"]), part["events"][0]["stateAfter"]), (1, None))
    rest = client.replay_budget(budget.id, include_denied=False, page_size=500, page_token=part["nextPageToken"])
    decisions = {event["event"]["decision"] for event in rest["events"]}
    assert "DENIED" not in decisions, decisions


def scene_a_state_of_the_past_is_shown(client: Any) -> None:
    budget, _ = told(client)
    now = client.get_budget_state_at(budget.id, datetime.now(UTC) + timedelta(seconds=1))
    shows(now, budget_id=budget.id, total_limit=100.0, quantity_spent=25.0, quantity_reserved=10.0, available=65.0)
    first = client.get_budget_state_at(budget.id, "2020-01-01T00:00:00Z")
    shows(first, events_applied=0, total_limit=100.0, quantity_spent=0.0, quantity_reserved=0.0, available=100.0)


def scene_a_timeline_begins_at_nothing(client: Any) -> None:
    budget, events = told(client)
    line = client.get_budget_timeline(budget.id)
    same(line.budget_id, budget.id)
    assert line.total_events == len(line.timeline) >= 4, line
    first = line.timeline[0]
    shows(first, event_id=events[0].event_id, requested_quantity=30.0, event_index=0, agent_id="agent")
    same(first.millis_since_previous, 0)
    same([step.event_index for step in line.timeline], list(range(line.total_events)))
    later = client.get_budget_timeline(budget.id, from_time="2020-01-01T00:00:00Z", until="2020-01-02T00:00:00Z")
    same(later.total_events, 0)


def scene_another_policy_is_tried_on_the_past(client: Any) -> None:
    budget, events = told(client)
    tried = client.replay_counterfactual(
        budget.id,
        hypothetical_policy={"totalLimit": 15.0},
        from_time="2020-01-01T00:00:00Z",
        until=datetime.now(UTC) + timedelta(minutes=1),
    )
    same(tried["budgetId"], budget.id)
    same(tried["policySource"]["type"], "inline")
    changed = {delta["eventId"]: delta["hypotheticalDecision"] for delta in tried["deltaEvents"]}
    same(changed[events[0].event_id], "DENIED")
    assert tried["hypotheticalPolicySummary"]["additionalDenials"] >= 1, tried
    same(tried["actualPolicySummary"]["deniedCount"], 1)
    with refused(400):
        client.replay_counterfactual(budget.id)
