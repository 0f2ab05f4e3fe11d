"""
Every method once, four ways: each answer is decoded into what the surface promises.
"""

from __future__ import annotations

from decimal import Decimal

import pytest

from figuard import FiGuardApiError
from tests.e2e.desk import WAYS, Desk


@pytest.fixture(params=WAYS)
def desk(request):
    made = Desk(request.param)
    yield made
    made.close()


@pytest.fixture
def guard(desk):
    return desk.guard


@pytest.fixture
def budget(guard):
    return guard.create_budget("u", 100, expires_in="24h", external_reference="order-1", metadata={"team": "a"})


def test_a_budget_has_everything_it_was_created_with(guard):
    made = guard.create_budget(
        "u", "100.5", expires_at="2030-01-03T00:00:00Z", unit="api_calls", intent_context="c", intent_tags=["travel"],
        soft_limit=90, max_transaction_quantity=50, authorization_expiry_seconds=60, velocity_max_per_minute=5,
        velocity_max_amount_per_hour="99.99", velocity_max_per_day=100, entity_dedup_enabled=True,
        overage_policy="ALLOW_WITH_OVERDRAFT", overdraft_limit=10, unknown_outcome_policy="VOID",
        unknown_outcome_deadline_seconds=3600, expire_unused_after_seconds=600,
        anomaly_pause_threshold_multiplier="2.5", anomaly_min_sample_size=3, metadata={"n": 1},
    )  # fmt: skip

    assert made.session_token.startswith("st_")
    assert (made.total_limit, made.expires_at, made.unit, made.currency) == (
        Decimal("100.5"), "2030-01-03T00:00:00.000000Z", "api_calls", None,
    )  # fmt: skip
    assert (made.intent_tags, made.soft_limit, made.max_transaction_quantity) == (["travel"], 90, 50)
    assert (made.velocity_max_per_minute, made.velocity_max_amount_per_hour) == (5, Decimal("99.99"))
    assert (made.overage_policy, made.overdraft_limit, made.unknown_outcome_policy) == (
        "ALLOW_WITH_OVERDRAFT",
        10,
        "VOID",
    )
    assert (made.unknown_outcome_deadline_seconds, made.expire_unused_after_seconds) == (3600, 600)
    assert (made.anomaly_pause_threshold_multiplier, made.anomaly_min_sample_size) == (Decimal("2.5"), 3)
    assert (made.entity_dedup_enabled, made.metadata, made.allocations) == (True, {"n": 1}, [])


def test_budgets_are_found(guard, budget):
    other = guard.create_token_budget(model="small", max_tokens=1000, expires_in="1h")

    assert [one.id for one in guard.list_budgets().budgets] == [other.id, budget.id]
    assert [one.id for one in guard.iter_budgets(page_size=1)] == [other.id, budget.id]
    assert [one.id for one in guard.search_budgets("order").budgets] == [budget.id]
    assert guard.get_budget(budget).metadata == {"team": "a"}
    assert guard.get_budget(other.id).metadata == {"model": "small"}


def test_a_budget_of_the_same_reference_is_the_same_budget(guard, budget):
    again = guard.create_budget("u", 100, expires_in="24h", external_reference="order-1")

    assert (again.id, again.session_token) == (budget.id, None)


def test_a_budget_is_changed(guard, budget):
    changed = guard.update_budget(budget.id, total_limit=200, velocity_max_per_minute=3)
    cleared = guard.update_budget(budget.id, clear=["velocity_max_per_minute"])
    funded = guard.fund_budget(budget.id, "CREDIT", "50.25", reason="more")
    longer = guard.extend_budget(budget.id, expires_in="48h")

    assert (changed.total_limit, changed.velocity_max_per_minute, cleared.velocity_max_per_minute) == (200, 3, None)
    assert (funded.previous_total_limit, funded.total_limit, funded.reason) == (200, Decimal("250.25"), "more")
    assert longer.expires_at == "2030-01-03T00:00:00.000000Z"


def test_funding_twice_under_one_key_funds_once(guard, budget):
    for _ in range(2):
        guard.fund_budget(budget.id, "CREDIT", 50, idempotency_key="fund-1")

    assert guard.get_budget(budget.id).total_limit == 150


def test_a_budget_is_paused_resumed_and_ended(guard, budget):
    assert guard.pause_budget(budget.id).is_paused
    assert guard.authorize(budget=budget, amount=1).denial_reason == "BUDGET_PAUSED"
    assert guard.resume_budget(budget.id, "checked", "ops").is_active
    assert guard.cancel_budget(budget.id).status == "CANCELLED"
    assert [one.status for one in guard.cancel_batch([budget.id])] == ["CANCELLED"]
    with pytest.raises(FiGuardApiError) as caught:
        guard.cancel_budget(budget.id)
    assert caught.value.status_code == 400


def test_a_session_token_is_replaced(desk, guard, budget):
    token = guard.rotate_session_token(budget.id)
    desk.clock.advance(61)

    assert guard.authorize(budget=token, amount=1).is_authorized
    with pytest.raises(FiGuardApiError) as caught:
        guard.authorize(budget=budget, amount=1)
    assert (caught.value.status_code, caught.value.code) == (401, "INVALID_SESSION_TOKEN")


def test_an_event_goes_its_ways(guard, budget):
    auth = guard.authorize(budget=budget, amount=40, entity_id="order-7", trace_id="t", metadata={"a": [1, "x"]})
    kept = guard.extend_hold(auth, "10m")
    unsure = guard.mark_unknown(auth, "no reply")
    done = guard.confirm(auth, 30)
    back = guard.refund(auth, 10, "damaged", "re_1")
    read = guard.get_event(auth)

    assert (auth.hold_expires_at, kept.hold_expires_at) == (
        "2030-01-01T00:05:00.000000Z",
        "2030-01-01T00:10:00.000000Z",
    )
    assert (unsure.decision, unsure.outcome, unsure.outcome_reason) == ("AUTHORIZED", "UNKNOWN", "no reply")
    assert (done.decision, done.confirmed_quantity, back.refunded_quantity) == ("CONFIRMED", 30, 10)
    assert (read.entity_id, read.trace_id, read.metadata) == ("order-7", "t", {"a": [1, "x"]})
    assert guard.get_budget(budget.id).quantity_spent == 20


def test_the_same_key_is_one_event(guard, budget):
    first = guard.authorize(budget=budget, amount=40, idempotency_key="k")
    again = guard.authorize(budget=budget, amount=40, idempotency_key="k")
    with pytest.raises(FiGuardApiError) as caught:
        guard.authorize(budget=budget, amount=41, idempotency_key="k")

    assert (first.event_id, first.replayed, again.replayed) == (again.event_id, False, True)
    assert (caught.value.status_code, caught.value.code) == (409, "IDEMPOTENCY_KEY_REUSED")


def test_a_dry_run_records_nothing(guard, budget):
    answer = guard.authorize(budget=budget, amount=40, dry_run=True)

    assert (answer.decision, answer.event_id) == ("AUTHORIZED", None)
    assert guard.get_ledger(budget.id).events == []


def test_a_marker_holds_nothing(guard, budget):
    assert guard.authorize(budget=budget, amount=4000, reserve=False).is_authorized
    assert guard.get_budget(budget.id).quantity_reserved == 0


def test_tokens_are_counted(guard):
    budget = guard.create_token_budget(model="small", max_tokens=100_000, expires_in="1h")
    auth = guard.authorize_tokens(
        session_token=budget.session_token, agent_id="a", estimated_tokens=8500, model="small"
    )

    assert guard.confirm_tokens(auth, 8200).confirmed_quantity == 8200
    assert guard.get_budget(budget.id).available_quantity == 91_800


def test_several_are_all_or_nothing(guard, budget):
    both = [{"budget": budget, "amount": 40}, {"budget": budget, "amount": 70}]
    together = guard.authorize_many(both, all_or_nothing=True)

    assert (together.all_authorized, together.first_denied) == (False, 1)
    assert guard.get_budget(budget.id).quantity_reserved == 0
    assert [one.is_authorized for one in guard.authorize_many(both).results] == [True, False]


def test_a_tree_is_taken_back(guard, budget):
    root = guard.authorize(budget=budget, amount=10, max_subtree_quantity=50)
    child = guard.authorize(budget=budget, amount=20, parent_event_id=root)
    chain = guard.get_chain(root)
    with pytest.raises(FiGuardApiError) as caught:
        guard.void(root, "R")
    result = guard.void_tree(root.event_id, "R")

    assert (chain.total_events, chain.chain_cap_remaining, len(chain.roots[0].children)) == (2, 20, 1)
    assert caught.value.code == "EVENT_HAS_CHILDREN"
    assert (result.voided_event_ids, result.total_quantity_released) == ([root.event_id, child.event_id], 30)


def test_spending_elsewhere_is_booked(guard, budget):
    booked = guard.record_external_event(
        budget.id, "human", "PURCHASE", "by card", 25, "card-1", source="HUMAN", occurred_at="2029-12-31T23:00:00Z"
    )
    with pytest.raises(FiGuardApiError) as caught:
        guard.record_external_event(budget.id, "human", "PURCHASE", "by card", 25, "card-1")

    assert (booked.decision, booked.event_source, booked.occurred_at) == (
        "CONFIRMED",
        "HUMAN",
        "2029-12-31T23:00:00.000000Z",
    )
    assert (caught.value.status_code, caught.value.code) == (409, "DUPLICATE_EXTERNAL_EVENT")


def test_the_past_is_told(desk, guard, budget):
    auth = guard.authorize(budget=budget, amount=40, agent_id="a")
    desk.clock.advance(60)
    guard.confirm(auth, 30)
    desk.clock.advance(60)
    before = guard.get_budget_state_at(budget.id, "2030-01-01T00:00:30Z")
    replay = guard.replay_budget(budget.id, page_size=1)
    rest = guard.replay_budget(budget.id, page_size=1, page_token=replay["nextPageToken"])
    other = guard.replay_counterfactual(budget.id, hypothetical_policy={"total_limit": 20})

    assert (before.quantity_reserved, before.quantity_spent, before.available) == (40, 0, 60)
    assert [one.agent_id for one in guard.get_budget_timeline(budget.id).timeline] == ["a"]
    assert replay["events"][0]["stateAfter"]["quantityReserved"] == 40
    assert rest["events"][0]["event"]["confirmedQuantity"] == Decimal("30.00")
    assert other["hypotheticalPolicySummary"]["deniedCount"] == 1
    assert [one.id for one in guard.iter_events(budget.id, agent_id="a")] == [auth.event_id]


def test_the_ledger_is_shown_and_verified(guard, budget):
    guard.authorize(budget=budget, amount=40)
    first = guard.ledger_entries(budget.id, size=1)
    rest = guard.ledger_entries(budget.id, after=first.next_after)
    found = guard.verify_ledger(budget.id)

    assert [one["kind"] for one in (*first.entries, *rest.entries)] == ["BUDGET_CREATED", "TOKEN_ISSUED", "AUTHORIZED"]
    assert rest.entries[0]["prev"] == first.entries[0]["hash"]
    assert (found.is_sound, found.entries, found.findings) == (True, 3, [])


def test_spending_is_reported(guard, budget):
    guard.confirm(guard.authorize(budget=budget, amount=40, agent_id="a"), 30)
    report = guard.spend_report(by="agent", budget_id=budget)

    assert [(one.key, one.measure, one.confirmed_quantity) for one in report.lines] == [("a", "USD", 30)]


def test_a_receipt_is_made_and_revoked(guard, budget):
    url = guard.get_receipt_url(budget.id)

    assert url.startswith("https://figuard.test/receipts/")
    assert guard.get_receipt_url(budget.id) == url
    assert guard.revoke_receipt(budget.id) is None
    assert guard.get_receipt_url(budget.id) != url


def test_access_is_delegated(desk, guard, budget):
    parent = guard.create_delegation_token(budget.id, "fleet", {"flights": 60}, expires_in="1h")
    child = guard.create_delegation_token(
        budget.id, "agent", {"flights": 20}, expires_in="30m", parent_token_id=parent.id
    )
    new = guard.rotate_delegation_token(child)

    def ask(token, amount=15):
        return guard.authorize(budget=token, amount=amount, claimed_category="flights")

    assert ask(new).is_authorized
    assert ask(new, 10).denial_reason == "DELEGATE_CAP_EXCEEDED"
    assert [one.label for one in guard.list_delegation_tokens(budget.id)] == ["fleet", "agent"]
    assert guard.get_delegation_token(parent.id).caps[0].quantity_reserved == 15
    assert (child.parent_token_id, parent.expires_at) == (parent.id, "2030-01-01T01:00:00.000000Z")
    guard.revoke_delegation_token(parent)
    with pytest.raises(FiGuardApiError):
        ask(new)


def test_a_token_is_narrowed(guard, budget):
    token = guard.create_scoped_token(budget.id, "searcher", action_types=["SEARCH"], max_transaction_quantity=5)

    def ask(amount, action):
        return guard.authorize(budget=token, amount=amount, action_type=action)

    assert token.session_token.startswith("sc_")
    assert (token.scope.action_types, token.scope.max_transaction_quantity) == (["search"], 5)
    assert ask(5, "SEARCH").is_authorized
    assert [ask(6, "SEARCH").denial_reason, ask(1, "BUY").denial_reason] == ["TOKEN_SCOPE_VIOLATION"] * 2


def test_keys_are_issued(guard):
    key = guard.create_api_key("ci", scope="agent", expires_in="7d")
    new = guard.rotate_api_key(key.id)

    assert (key.raw_key[:8], key.scope, key.active) == ("fg_live_", "agent", True)
    assert new.id != key.id
    assert not guard.revoke_api_key(new.id).active
    assert {one.raw_key for one in guard.list_api_keys()} == {None}


def test_subscriptions_have_quotas(guard):
    made = guard.create_subscription("customer-1", "pro", "MONTHLY", metadata={"a": 1})
    item = guard.add_entitlement(made.id, "api_calls", 100, warn_at_percentage=50, limit_unit="call")
    budget = guard.create_budget("u", 1000, expires_in="24h", entitlement_item_id=item.id)
    answers = [guard.authorize(budget=budget, amount=60) for _ in range(2)]
    used = guard.get_entitlement(made.id, item.id)

    assert (made.plan, made.status, made.renewal_period) == ("pro", "ACTIVE", "MONTHLY")
    assert [answer.denial_reason for answer in answers] == [None, "ENTITLEMENT_LIMIT_REACHED"]
    assert (used.category, used.current_period_consumed, used.available, used.state) == (
        "api_calls",
        60,
        40,
        "APPROACHING",
    )
    assert guard.reset_entitlement(made.id, item.id).current_period_consumed == 0
    assert [one.id for one in guard.list_entitlements(made.id)] == [item.id]
    assert guard.get_subscription(made.id) == guard.get_subscription_by_subscriber("customer-1")
    assert [one.id for one in guard.list_subscriptions()] == [made.id]
    assert guard.pause_subscription(made.id).status == "PAUSED"
    with pytest.raises(FiGuardApiError) as caught:
        guard.authorize(budget=budget, amount=1)
    assert (caught.value.status_code, caught.value.code) == (402, "SUBSCRIPTION_PAUSED")
    assert guard.resume_subscription(made.id).status == "ACTIVE"
    assert guard.cancel_subscription(made.id).status == "CANCELLED"


def test_webhooks_are_told(desk, guard):
    hook = guard.create_webhook("https://1.1.1.1/hook", "a secret of good length", ["SPEND_DENIED"])
    budget = guard.create_budget("u", 1, expires_in="1h")
    guard.authorize(budget=budget, amount=2)
    (waiting,) = guard.get_webhook_deliveries(hook.id)

    assert [one.id for one in guard.list_webhooks()] == [hook.id]
    assert (waiting.event_type, waiting.status) == ("SPEND_DENIED", "PENDING")
    assert [one.id for one in guard.get_all_deliveries(status="PENDING")] == [waiting.id]
    assert guard.get_failed_delivery_count() == 0
    with pytest.raises(FiGuardApiError) as caught:
        guard.retry_delivery(waiting.id)
    assert caught.value.code == "DELIVERY_STATE_CONFLICT"
    assert guard.delete_webhook(hook.id) is None
    assert guard.list_webhooks() == []


@pytest.mark.parametrize(
    ("call", "status"),
    [
        (lambda g: g.get_budget("0f8fad5b-d9cb-469f-a165-70867728950e"), 404),
        (lambda g: g.get_event("no id"), 404),
        (lambda g: g.create_budget("", 1, expires_in="1h"), 400),
        (lambda g: g.create_budget("u", 0, expires_in="1h"), 400),
        (lambda g: g.create_budget("u", 1, expires_in="1h", currency="USD", unit="tokens"), 400),
        (lambda g: g.create_budget("u", 1, expires_in="1h", trust_mode="STRICT"), 400),
        (lambda g: g.authorize(budget="st_unknown_token", amount=1), 401),
        (lambda g: g.spend_report(by="moon"), 400),
    ],
)
def test_a_refusal_is_the_same_error_everywhere(guard, call, status):
    with pytest.raises(FiGuardApiError) as caught:
        call(guard)

    assert caught.value.status_code == status
    assert caught.value.code in caught.value.message
    assert caught.value.raw["code"] == caught.value.code
    assert caught.value.remedy in caught.value.message
