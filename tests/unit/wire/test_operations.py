"""
The table of operations is whole: every operation can be parsed and rendered, and stands at a place of its own.
"""

from __future__ import annotations

import re
from typing import get_args

import msgspec
import pytest

from figuard.domain.admin import KeyScope
from figuard.domain.commands import Command
from figuard.domain.questions import Question
from figuard.domain.refusal import Refusal
from figuard.wire import requests, responses
from figuard.wire.operations import API_PREFIX, OPERATIONS, find, permits
from tests.unit.wire.asked import BODIES, PATH, parsed, refusal

COMMANDS = set(get_args(Command))
QUESTIONS = set(get_args(Question))
NOT_ON_THE_WIRE = {"SettleDelivery", "CreateTenant", "SweepBudget", "SweepItem", "ReadReceipt"} | {
    "ClaimDeliveries",
    "ForgetAnswers",
    "NoteKeyUses",
}
"""The clock's work, the command line's, and the receipt page, which is no JSON."""

SDK = """
authorize confirm_event fail_event void_event void_tree record_external_event create_budget get_budget update_budget
resume_budget extend_budget fund_budget cancel_batch rotate_session_token get_ledger get_spend_tree get_receipt_url
replay_budget get_budget_state_at get_budget_timeline replay_counterfactual create_delegation_token
get_delegation_token list_delegation_tokens revoke_delegation_token list_api_keys create_api_key revoke_api_key
rotate_api_key list_subscriptions create_subscription get_subscription get_subscription_by_subscriber
pause_subscription resume_subscription cancel_subscription list_entitlements add_entitlement get_entitlement
reset_entitlement create_webhook list_webhooks delete_webhook get_webhook_deliveries test_webhook get_all_deliveries
retry_delivery
""".split()


def test_every_method_of_the_published_sdk_has_its_operation():
    assert [] == [name for name in SDK if name not in OPERATIONS]


def test_every_command_and_question_is_reached_but_those_that_are_not_for_the_wire():
    reached = {type(parsed(name)).__name__ for name in OPERATIONS}
    known = {one.__name__ for one in COMMANDS | QUESTIONS}

    assert known - reached == NOT_ON_THE_WIRE


def test_no_two_operations_share_a_place():
    places = {(operation.method, re.sub(r"\{\w+\}", "{}", operation.path)) for operation in OPERATIONS.values()}

    assert len(OPERATIONS) == len(places)


@pytest.mark.parametrize("name", OPERATIONS)
def test_each_operation_parses_its_smallest_request(name):
    assert type(parsed(name)) in COMMANDS | QUESTIONS


@pytest.mark.parametrize("name", OPERATIONS)
def test_each_operation_is_described(name):
    operation = OPERATIONS[name]

    assert operation is find(name)
    assert operation.url == API_PREFIX + operation.path
    assert operation.method in {"GET", "POST", "PATCH", "DELETE"}
    assert set(re.findall(r"\{(\w+)\}", operation.path)) <= PATH.keys()
    assert re.fullmatch(r"[A-Z].+\.", operation.summary)
    assert isinstance(operation.scope, KeyScope)
    assert (operation.response is None) == (operation.status in {202, 204})


@pytest.mark.parametrize("name", [name for name, operation in OPERATIONS.items() if operation.request is not None])
def test_what_a_request_says_is_required_is_what_parsing_demands(name):
    body = next(one for one in get_args(OPERATIONS[name].request) or (OPERATIONS[name].request,))
    try:
        parsed(name, raw=b"{}")
        missing: list[str] = []
    except Refusal as refused:
        missing = [field for field in refused.fields or () if field != "policySourceValid"]

    assert sorted(body.required) == sorted(missing)
    assert set(body.required) <= set(body.__struct_encode_fields__)


def test_what_parts_of_a_request_say_is_required_is_what_parsing_demands():
    parts = {
        requests.AllocationRequest: ("create_budget", "allocations"),
        requests.CapRequest: ("create_delegation_token", "caps"),
        requests.AuthorizeBatchItem: ("authorize_batch", "requests"),
    }
    for form, (name, member) in parts.items():
        found = refusal(name, BODIES[name] | {member: [{}]}).fields or {}
        asked_for = {field.partition(".")[2] for field in found}

        assert asked_for - {"allowedCategoriesValidForMode"} == set(form.required)


@pytest.mark.parametrize("name", [*BODIES])
def test_a_body_of_the_wrong_kind_never_passes(name):
    wrong = "null" if name == "cancel_batch" else "[]"
    with pytest.raises(Refusal):
        parsed(name, raw=wrong.encode())


def test_every_type_has_a_schema():
    """
    The API reference is made of them.
    """
    forms = [form for operation in OPERATIONS.values() for form in (operation.request, operation.response) if form]

    assert len(msgspec.json.schema_components(forms)[1]) > 50


def test_every_exported_body_is_one():
    bodies = [getattr(module, name) for module in (requests, responses) for name in module.__all__]

    assert [] == [one for one in bodies if isinstance(one, type) and not issubclass(one, msgspec.Struct)]


def test_authorize_alone_needs_the_token_of_a_session():
    assert ["authorize"] == [name for name, operation in OPERATIONS.items() if operation.session_token]


def test_every_reading_may_be_repeated():
    assert [] == [
        name for name, operation in OPERATIONS.items() if operation.method == "GET" and not operation.idempotent
    ]


@pytest.mark.parametrize(
    ("held", "may", "may_not"),
    [
        (
            KeyScope.AGENT,
            {"authorize", "confirm_event", "void_tree", "get_budget", "get_ledger", "get_event"},
            {
                "create_budget",
                "fund_budget",
                "resume_budget",
                "list_budgets",
                "create_api_key",
                "record_external_event",
            },
        ),
        (
            KeyScope.READ,
            {"get_budget", "list_budgets", "get_spend_report", "replay_counterfactual", "get_all_deliveries"},
            {"authorize", "confirm_event", "update_budget", "list_api_keys", "get_receipt_url", "test_webhook"},
        ),
        (
            KeyScope.OPERATOR,
            {"authorize", "create_budget", "fund_budget", "list_budgets", "create_delegation_token", "retry_delivery"},
            {"create_api_key", "list_api_keys", "create_webhook", "delete_webhook"},
        ),
        (KeyScope.ADMIN, set(OPERATIONS), set()),
    ],
)
def test_what_a_key_may_do(held, may, may_not):
    """
    An agent holds a key that cannot lift its own limit.
    """
    assert {name for name in may | may_not if permits(held, find(name))} == may


def test_a_cancelled_batch_stands_before_the_budget_of_that_name():
    assert "POST" == find("cancel_batch").method
    assert "/budgets/cancel-batch" == find("cancel_batch").path
