"""
The two quickstarts, as their readers type them, with the numbers they are shown.
"""

from __future__ import annotations

import asyncio

import pytest

from figuard import AsyncFiGuardClient, FiGuardClient, FiGuardDeniedException
from tests.e2e.desk import WAYS, Desk


@pytest.fixture(autouse=True)
def _nothing_configured(monkeypatch, tmp_path):
    for name in ("FIGUARD_API_KEY", "FIGUARD_BASE_URL", "FIGUARD_DATABASE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))


def test_with_nothing_configured_it_decides_in_this_process(tmp_path, capsys):
    with FiGuardClient() as client:
        budget = client.create_budget(
            user_id="agent_001",
            total_limit=500.00,
            currency="USD",
            expires_in="24h",
            authorization_expiry_seconds=300,
            intent_context="travel booking session",
        )
        auth = client.authorize(
            budget=budget,
            agent_id="travel_agent",
            action_type="PURCHASE",
            description="JetBlue SFO→JFK roundtrip",
            amount=270.00,
            idempotency_key="booking-001",
        )
        print(auth.approved_quantity)
        client.confirm(auth, 267.00)
        denied = client.authorize(
            budget=budget,
            agent_id="travel_agent",
            action_type="PURCHASE",
            description="Marriott 3 nights",
            amount=350.00,
            idempotency_key="hotel-001",
        )
        left = client.get_budget(budget.id)

    assert (client.backend, (tmp_path / ".figuard" / "figuard.db").exists()) == ("embedded", True)
    assert capsys.readouterr().out == "270.00\n"
    assert auth.is_authorized
    assert auth.approved_quantity == 270.0
    assert not denied.is_authorized
    assert denied.denial_reason == "INSUFFICIENT_FUNDS"
    assert "233.00" in denied.denial_message
    assert (left.quantity_spent, left.quantity_reserved, left.available_quantity) == (267.0, 0.0, 233.0)


def test_what_was_decided_is_there_after_a_restart():
    with FiGuardClient() as client:
        budget = client.create_budget("agent_001", 500, expires_in="24h")
        client.confirm(client.authorize(budget=budget, amount=270, idempotency_key="booking-001"), 267)
    with FiGuardClient() as client:
        again = client.authorize(budget=budget.session_token, amount=270, idempotency_key="booking-001")

        assert (again.is_authorized, again.current_decision) == (True, "CONFIRMED")
        assert client.get_budget(budget.id).available_quantity == 233


async def test_the_same_awaited():
    async with AsyncFiGuardClient(database=":memory:") as client:
        budget = await client.create_budget(user_id="agent_001", total_limit=500.00, expires_in="24h")
        auth = await client.authorize(
            session_token=budget.session_token,
            agent_id="travel_agent",
            action_type="PURCHASE",
            description="hotel",
            requested_quantity=189.00,
            idempotency_key="hotel-booking-001",
        )
        await client.confirm_event(auth.event_id, confirmed_quantity=189.00)

        assert (await client.get_budget(budget.id)).quantity_spent == 189.0


async def test_three_agents_at_once_share_one_budget():
    async with AsyncFiGuardClient(database=":memory:") as client:
        budget = await client.create_budget("fleet", 100, expires_in="1h")
        answers = await asyncio.gather(*(client.authorize(budget=budget, amount=40) for _ in range(3)))

        assert sorted(answer.decision for answer in answers) == ["AUTHORIZED", "AUTHORIZED", "DENIED"]


def test_a_blocking_call_awaited_does_not_hold_up_the_loop():
    """
    A commit takes its time on a thread of the client's; meanwhile the loop goes on.
    """
    turns = 0

    async def count():
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async def work():
        counting = asyncio.create_task(count())
        async with AsyncFiGuardClient(database=":memory:") as client:
            await client.create_budget("agent", 1, expires_in="1h")
        counting.cancel()

    asyncio.run(work())

    assert turns > 10


@pytest.fixture(params=WAYS)
def desk(request):
    made = Desk(request.param)
    yield made
    made.close()


@pytest.fixture
def guard(desk):
    return desk.guard


def test_the_first_quickstart(guard):
    """
    No currency is USD; 299 is authorized and confirmed with the payment provider's own id.
    """
    budget = guard.create_budget(user_id="agent_001", total_limit=500.00, expires_in="24h")
    auth = guard.authorize(
        budget.session_token, "travel_agent", "PURCHASE", "flight", 299.00, idempotency_key="txn-abc-001"
    ).raise_if_denied()
    event = guard.confirm_event(auth.event_id, confirmed_quantity=299.00, external_transaction_id="ch_1")

    assert (budget.currency, event.decision, event.confirmed_quantity) == ("USD", "CONFIRMED", 299.0)
    assert guard.get_budget(budget.id).available_quantity == 201.0


def test_categories_divide_a_budget(guard):
    budget = guard.create_budget(
        user_id="agent_001",
        total_limit=500.00,
        expires_in="24h",
        allocations=[
            {
                "category": "flights",
                "limit": 300.00,
                "enforcementMode": "STRICT",
                "allowedCategories": ["flight", "airline"],
                "forbiddenItemTypes": ["gift_card", "upgrade"],
            },
            {
                "category": "hotels",
                "limit": 200.00,
                "enforcementMode": "CATEGORY_CONSTRAINED",
                "allowedCategories": ["hotel", "accommodation"],
            },
        ],
    )

    def ask(amount, category, item=None):
        return guard.authorize(budget=budget, amount=amount, claimed_category=category, claimed_item_type=item)

    flight = ask(250, "flight", "economy_ticket")
    guard.confirm(flight, 249)
    denials = [ask(10, "flight", "gift_card"), ask(60, "flight", "ticket"), ask(10, "restaurant"), ask(10, None)]

    assert (flight.allocation_snapshot.category, flight.allocation_snapshot.available_quantity) == ("flights", 50)
    assert [denied.denial_reason for denied in denials] == [
        "FORBIDDEN_ITEM_TYPE",
        "ALLOCATION_EXHAUSTED",
        "NO_MATCHING_ALLOCATION",
        "MISSING_CLAIMED_CATEGORY",
    ]
    assert guard.get_budget(budget.id).allocations[0].quantity_spent == 249


def test_what_did_not_happen_is_given_back(guard):
    budget = guard.create_budget("agent", 100, expires_in="1h")
    failed = guard.fail_event(guard.authorize(budget=budget, amount=60).event_id, reason="PAYMENT_DECLINED")
    voided = guard.void_event(guard.authorize(budget=budget, amount=60).event_id, reason="USER_CANCELLED")

    assert (failed.decision, failed.failure_reason, voided.is_voided) == ("FAILED", "PAYMENT_DECLINED", True)
    assert guard.get_budget(budget.id).available_quantity == 100


def test_what_is_far_out_of_line_pauses_the_budget(guard):
    budget = guard.create_budget("agent", 2000, expires_in="24h", anomaly_detection_enabled=True)
    for _ in range(5):
        guard.confirm(guard.authorize(budget=budget, amount=10), 10)
    denied = guard.authorize(budget=budget, amount=31)
    paused = guard.get_budget(budget.id)
    resumed = guard.resume_budget(budget.id, override_reason="a real invoice", override_by="ops")

    assert (denied.denial_reason, paused.status, resumed.status) == ("ANOMALY_DETECTED", "PAUSED", "ACTIVE")


def test_a_fleet_shares_one_budget_under_caps(guard):
    fleet = guard.create_budget(
        "fleet",
        2000,
        expires_in="8h",
        allocations=[
            {"category": "flights", "limit": 1000, "allowedCategories": ["flights"]},
            {"category": "hotels", "limit": 1000, "allowedCategories": ["hotels"]},
        ],
    )
    token = guard.create_delegation_token(fleet.id, "flight-agent", [{"category": "flights", "limit": 300}])

    def ask(amount, category="flights"):
        return guard.authorize(budget=token, agent_id="flight-agent", amount=amount, claimed_category=category)

    assert ask(250).is_authorized
    assert [ask(60).denial_reason, ask(10, "hotels").denial_reason] == ["DELEGATE_CAP_EXCEEDED"] * 2
    assert guard.get_delegation_token(token.id).caps[0].available_quantity == 50
    assert guard.revoke_delegation_token(token.id).is_revoked
    with pytest.raises(Exception, match="INVALID_SESSION_TOKEN"):
        ask(1)


def test_the_ledger_and_the_tree_tell_what_happened(guard):
    budget = guard.create_budget("agent", 100, expires_in="1h")
    root = guard.authorize(budget=budget, amount=5, description="research")
    guard.confirm(guard.authorize(budget=budget, amount=1, parent_event_id=root, description="search"), "0.80")
    guard.authorize(budget=budget, amount=500)

    page = guard.get_ledger(budget.id, size=20, decision="CONFIRMED")
    tree = guard.get_spend_tree(budget.id)

    assert [event.description for event in page.events] == ["search"]
    assert (page.total_elements, page.has_next) == (1, False)
    assert [(node.event.description, len(node.children)) for node in tree.roots] == [("research", 1), ("spend", 0)]
    assert tree.total_events == 3


def test_shadow_mode_never_blocks_and_tells_the_truth(guard):
    budget = guard.create_budget("agent", 500, expires_in="24h", trust_mode="SHADOW")
    auth = guard.authorize(budget=budget, amount=1200)
    bound = guard.update_budget(budget.id, trust_mode="FULL_ENFORCEMENT")

    assert (auth.is_authorized, auth.shadow) == (True, True)
    assert (auth.would_have_been, auth.would_have_been_reason) == ("DENIED", "INSUFFICIENT_FUNDS")
    assert bound.trust_mode == "FULL_ENFORCEMENT"
    assert not guard.authorize(budget=budget, amount=1200).is_authorized


def test_a_block_settles_itself(guard):
    budget = guard.create_budget("agent", 500, expires_in="1h")
    with guard.spend(budget, 300, idempotency_key="booking-7") as spend:
        spend.settle("267.50")
    with pytest.raises(FiGuardDeniedException), guard.spend(budget, 300, idempotency_key="booking-7"):
        pytest.fail("paid twice")
    with pytest.raises(KeyError), guard.spend(budget, 100):
        raise KeyError
    with pytest.raises(TimeoutError), guard.spend(budget, 100) as unsure:
        raise TimeoutError
    left = guard.get_budget(budget.id)

    assert (left.quantity_spent, left.quantity_reserved) == (267.5, 100)
    assert unsure.event.outcome == "UNKNOWN"
