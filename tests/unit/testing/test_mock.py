"""
The mock client: the real engine behind names that tests like to say.
"""

from __future__ import annotations

from decimal import Decimal

import pytest

import figuard.testing
from figuard.client.exceptions import FiGuardApiError
from figuard.testing.mock import MockFiGuardClient


def test_a_budget_is_ready_with_its_token():
    client = MockFiGuardClient(300)

    assert client.available_quantity == Decimal(300)
    assert client.sandbox_token.startswith("st_")


def test_the_recipe_of_a_unit_test():
    client = MockFiGuardClient(300)
    first = client.authorize(client.sandbox_token, "agent", "SPEND", "a flight", 250, "k1")
    client.confirm_event(first.event_id)
    second = client.authorize(client.sandbox_token, "agent", "SPEND", "a hotel", 200, "k2")

    assert second.denial_reason == "INSUFFICIENT_FUNDS"
    client.assert_authorized(1)
    client.assert_denied("INSUFFICIENT_FUNDS", 1)
    client.assert_spent(250)
    client.assert_reserved(0)
    client.assert_available(50)
    client.assert_ledger_verifies()


@pytest.mark.parametrize(
    ("assertion", "arguments"),
    [
        ("assert_authorized", ()),
        ("assert_authorized", (1,)),
        ("assert_denied", ()),
        ("assert_denied", ("BUDGET_PAUSED",)),
        ("assert_spent", (1,)),
        ("assert_reserved", (Decimal("0.01"),)),
        ("assert_available", (99,)),
    ],
)
def test_an_assertion_that_does_not_hold_fails(assertion: str, arguments: tuple[object, ...]):
    client = MockFiGuardClient(100)

    with pytest.raises(AssertionError, match="should"):
        getattr(client, assertion)(*arguments)


def test_a_tolerance_is_only_what_is_asked_for():
    client = MockFiGuardClient(100)

    client.assert_available("100.01", tolerance="0.01")
    with pytest.raises(AssertionError):
        client.assert_available("100.01")


def test_an_overdrawn_budget_can_be_asserted():
    client = MockFiGuardClient(100)
    client.record_external_event(client.create_budget().id, "ops", "FEE", "a fee", 130, "fee-1")

    client.assert_available(-30)


def test_it_is_found_where_users_look_for_it():
    assert figuard.testing.MockFiGuardClient is MockFiGuardClient


def test_allocations_are_limits_by_category():
    client = MockFiGuardClient(500, allocations={"flight": 300, "hotel": 200})
    denied = client.authorize(client.sandbox_token, amount=301, claimed_category="flight")

    assert denied.denial_reason == "ALLOCATION_EXHAUSTED"


def test_time_passes_when_it_is_told_to():
    client = MockFiGuardClient(100)
    held = client.authorize(client.sandbox_token, amount=100)
    client.advance("301s")

    client.assert_reserved(0)
    assert client.authorize(client.sandbox_token, amount=100).is_authorized
    with pytest.raises(FiGuardApiError, match="AUTHORIZATION_EXPIRED"):
        client.confirm(held, 100)


def test_an_entity_is_paid_once():
    client = MockFiGuardClient(100)
    first = client.authorize(client.sandbox_token, amount=10, entity_id="INV-1")
    again = client.authorize(client.sandbox_token, amount=10, entity_id="INV-1")

    assert (again.denial_reason, again.original_event_id) == ("ENTITY_ALREADY_AUTHORIZED", first.event_id)


def test_a_dry_run_leaves_no_event():
    client = MockFiGuardClient(100)
    client.authorize(client.sandbox_token, amount=10, dry_run=True)

    assert client.events == []


def test_void_tree_takes_children_with_it():
    client = MockFiGuardClient(100)
    root = client.authorize(client.sandbox_token, amount=10)
    client.authorize(client.sandbox_token, amount=20, parent_event_id=root.event_id)

    assert client.void_tree(root.event_id, "stop").voided_count == 2
    client.assert_reserved(0)


def test_an_unknown_token_is_refused():
    client = MockFiGuardClient(100)

    with pytest.raises(FiGuardApiError, match="INVALID_SESSION_TOKEN"):
        client.authorize("st_nobody", amount=1)


def test_reset_forgets_everything():
    client = MockFiGuardClient(100, unit="tokens")
    client.authorize(client.sandbox_token, amount=10)
    client.reset()

    assert client.events == []
    client.assert_available(100)


def test_create_budget_needs_no_terms():
    client = MockFiGuardClient(100)

    assert client.create_budget().id == client.create_budget("somebody").id
    assert client.create_budget("somebody", 7).total_limit == Decimal(7)
    client.assert_available(7)


def test_shorter_calls_have_defaults():
    client = MockFiGuardClient(100)
    failed = client.fail_event(client.authorize(client.sandbox_token, amount=1).event_id)
    voided = client.void_event(client.authorize(client.sandbox_token, amount=1).event_id)

    assert failed.failure_reason == "PAYMENT_FAILED"
    assert voided.is_voided


async def test_the_async_client_shares_the_books():
    client = MockFiGuardClient(100)
    answer = await client.async_client().authorize(client.sandbox_token, amount=40)

    assert answer.is_authorized
    client.assert_reserved(40)
