"""
The models' fields, in the order in which programs may pass and unpack them.
"""

from __future__ import annotations

from dataclasses import fields, is_dataclass

import pytest

import figuard.models

FIELDS = {
    "AllocationResponse": """
        id category allowed_categories limit quantity_spent quantity_reserved available_quantity status
        enforcement_mode forbidden_item_types
    """,
    "BudgetToken": "category session_token session_token_prefix unit currency",
    "Budget": """
        id user_id total_limit quantity_spent quantity_reserved available_quantity status expires_at currency unit
        created_at intent_context intent_tags external_reference soft_limit max_transaction_quantity
        authorization_expiry_seconds velocity_max_per_minute velocity_max_amount_per_hour velocity_max_per_day
        allocations cancelled_at metadata trust_mode tokens
    """,
    "BudgetSnapshot": "total_limit quantity_spent quantity_reserved available_quantity status",
    "AllocationSnapshot": "category limit quantity_spent quantity_reserved available_quantity status",
    "AuthorizationResult": """
        event_id decision budget_snapshot allocation_snapshot approved_quantity authorized_at denial_reason
        denial_message original_event_id original_event_status is_fallback shadow would_have_been
        would_have_been_reason
    """,
    "SpendEventResponse": """
        id decision requested_quantity created_at agent_id agent_type action_type description confirmed_quantity
        currency entity_id claimed_category claimed_item_type intent_context idempotency_key denial_reason
        failure_reason parent_event_id trace_id metadata event_source occurred_at
    """,
    "VoidResult": "event",
    "VoidTreeResult": "root_event_id voided_count total_quantity_released voided_event_ids reason currency",
    "LedgerPage": "events total_elements total_pages page size",
    "SpendTreeNode": "event children",
    "SpendTree": "budget_id roots total_events",
    "DelegationTokenAllocation": "id category total_limit quantity_spent quantity_reserved available_quantity",
    "DelegationToken": """
        id parent_budget_id label status session_token_prefix caps session_token revoked_at created_at
    """,
    "BudgetFundingResult": """
        budget_id operation amount previous_total_limit total_limit quantity_spent quantity_reserved
        available_quantity status reason updated_at trace_id
    """,
    "ApiKey": "id key_prefix active description created_at last_used_at raw_key",
    "EntitlementItem": """
        id category period_limit overage_policy renewal_period current_period_consumed current_period_reserved state
        warn_at_percentage next_renewal_at created_at
    """,
    "Subscription": """
        id external_subscriber_id plan status renewal_period entitlements starts_at created_at updated_at
    """,
    "ReplayAllocationState": "category limit quantity_spent quantity_reserved available enforcement_mode",
    "BudgetStateSnapshot": """
        budget_id projected_at events_applied total_limit quantity_spent quantity_reserved available budget_status
        allocations
    """,
    "TimelineEvent": """
        event_index event_id decision requested_quantity created_at agent_id claimed_category description
        millis_since_previous
    """,
    "BudgetTimeline": "budget_id total_events timeline",
    "WebhookConfig": "id url events active created_at",
    "WebhookDelivery": """
        id webhook_config_id event_type target_url status response_status response_body error_message attempt_count
        created_at delivered_at
    """,
    "WebhookTestResult": "success response_status response_body error_message",
}


@pytest.mark.parametrize(("name", "published"), FIELDS.items())
def test_the_published_fields_come_first_and_in_order(name, published):
    model = getattr(figuard.models, name)
    names = [field.name for field in fields(model)]

    assert names[: len(published.split())] == published.split()


@pytest.mark.parametrize("name", figuard.models.__all__)
def test_every_model_is_a_value_with_a_sentence(name):
    model = getattr(figuard.models, name)

    assert is_dataclass(model)
    assert model.__dataclass_params__.frozen is (name != "SpendTreeNode")
    assert "__slots__" in vars(model)
    assert model.__doc__
    assert not model.__doc__.startswith(f"{name}(")
