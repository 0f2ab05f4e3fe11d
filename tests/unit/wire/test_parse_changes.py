"""
Requests that change, list and end budgets: what a null means where, and what a query may say.
"""

from __future__ import annotations

import pytest

from figuard.domain.amounts import QUANTA_PER_UNIT
from figuard.domain.budget import (
    Status,
    TrustMode,
)
from figuard.domain.codes import ErrorCode
from figuard.domain.commands import (
    Cancel,
    CancelBatch,
    CreateReceipt,
    ExtendBudget,
    Fund,
    FundingOperation,
    PolicyPatch,
    Resume,
    RevokeReceipt,
    RotateToken,
    UpdateBudget,
)
from figuard.domain.instants import parse as instant
from figuard.domain.questions import GetBudget, ListBudgets
from tests.unit.wire.asked import ID, LATER, OTHER, asked, faults, parsed, refusal

ONE = QUANTA_PER_UNIT
FOOD = {"category": "Food", "limit": 40, "allowedCategories": ["Food", "DRINK"]}


def test_an_empty_patch_changes_nothing():
    assert UpdateBudget(ID, PolicyPatch()) == parsed("update_budget")


def test_a_patch_of_everything():
    command = asked(
        "update_budget",
        status="PAUSED",
        totalLimit=50,
        expiresAt=LATER,
        trustMode="FULL_ENFORCEMENT",
        velocityMaxPerMinute=1,
        velocityMaxAmountPerHour=2,
        velocityMaxPerDay=3,
        softLimit=4,
        maxTransactionQuantity=5,
    )

    assert command == UpdateBudget(
        ID,
        PolicyPatch(
            trust_mode=TrustMode.FULL_ENFORCEMENT,
            limit=50 * ONE,
            expires_at=instant(LATER),
            velocity_per_minute=1,
            velocity_amount_per_hour=2 * ONE,
            velocity_per_day=3,
            soft_limit=4 * ONE,
            max_transaction=5 * ONE,
            paused=True,
        ),
    )


@pytest.mark.parametrize(
    ("member", "field"),
    [
        ("velocityMaxPerMinute", "velocity_per_minute"),
        ("velocityMaxAmountPerHour", "velocity_amount_per_hour"),
        ("velocityMaxPerDay", "velocity_per_day"),
        ("softLimit", "soft_limit"),
        ("maxTransactionQuantity", "max_transaction"),
    ],
)
def test_a_null_clears_a_rule(member, field):
    assert PolicyPatch(cleared=frozenset({field})) == parsed("update_budget", {member: None}).patch


@pytest.mark.parametrize("member", ["status", "totalLimit", "expiresAt", "trustMode"])
def test_a_null_of_what_cannot_be_absent_changes_nothing(member):
    assert PolicyPatch() == parsed("update_budget", {member: None}).patch


def test_a_patch_lets_a_budget_go_on():
    assert asked("update_budget", status="ACTIVE").patch.paused is False


@pytest.mark.parametrize("status", ["CANCELLED", "EXHAUSTED", "EXPIRED", "paused", ""])
def test_a_patch_sets_no_other_status(status):
    refused = refusal("update_budget", {"status": status})

    assert ErrorCode.INVALID_REQUEST is refused.code
    assert f"status may be set to ACTIVE or PAUSED only, got {status!r}" == refused.detail


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({"totalLimit": 0}, {"totalLimit": "must be greater than zero"}),
        ({"velocityMaxPerMinute": 0}, {"velocityMaxPerMinute": "must be from 1 to 2,147,483,647"}),
        ({"velocityMaxPerMinute": "x"}, {"velocityMaxPerMinute": "must be a whole number, got text"}),
        ({"velocityMaxAmountPerHour": -1}, {"velocityMaxAmountPerHour": "must not be negative, got -1"}),
        ({"trustMode": "x", "status": "x"}, {"trustMode": "must be one of FULL_ENFORCEMENT, SHADOW, got 'x'"}),
        ({"expiresAt": "2029-01-01T00:00:00Z"}, {"expiresAt": "must be in the future, got '2029-01-01T00:00:00Z'"}),
    ],
)
def test_each_fault_of_a_patch(members, expected):
    assert expected == faults("update_budget", **members)


@pytest.mark.parametrize("operation", FundingOperation)
def test_each_way_to_fund(operation):
    command = asked("fund_budget", operation=str(operation), reason="top-up")

    assert Fund(ID, operation, 10 * ONE, "top-up") == command


@pytest.mark.parametrize(
    ("name", "members", "expected"),
    [
        ("fund_budget", {"operation": None}, {"operation": "is required"}),
        (
            "fund_budget",
            {"operation": "GIVE", "amount": 0},
            {
                "operation": "must be one of CREDIT, DEBIT, RESET, RESET_SPENT, got 'GIVE'",
                "amount": "must be greater than zero",
            },
        ),
        ("fund_budget", {"amount": None}, {"amount": "is required"}),
        ("fund_budget", {"reason": "x" * 501}, {"reason": "must be at most 500 characters, got 501"}),
        ("resume_budget", {"overrideReason": ""}, {"overrideReason": "must not be blank"}),
        ("resume_budget", {"overrideBy": "x" * 256}, {"overrideBy": "must be at most 255 characters, got 256"}),
        ("extend_budget", {"expiresAt": None}, {"expiresAt": "is required"}),
        (
            "extend_budget",
            {"expiresAt": "2029-01-01T00:00:00Z"},
            {"expiresAt": "must be in the future, got '2029-01-01T00:00:00Z'"},
        ),
        ("cancel_batch", {"budgetIds": []}, {"budgetIds": "must not be empty"}),
        ("cancel_batch", {"budgetIds": None}, {"budgetIds": "is required"}),
        ("cancel_batch", {"budgetIds": [ID, "x"]}, {"budgetIds[1]": "must be a UUID, got 'x'"}),
        ("cancel_batch", {"budgetIds": [ID] * 101}, {"budgetIds": "must have at most 100 members, got 101"}),
    ],
)
def test_each_fault_of_another_change(name, members, expected):
    assert expected == faults(name, **members)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("resume_budget", Resume(ID, "checked")),
        ("extend_budget", ExtendBudget(ID, instant(LATER))),
        ("cancel_budget", Cancel(ID)),
        ("rotate_session_token", RotateToken(ID)),
        ("get_receipt_url", CreateReceipt(ID)),
        ("revoke_receipt", RevokeReceipt(ID)),
        ("get_budget", GetBudget(ID)),
        ("list_budgets", ListBudgets()),
    ],
)
def test_each_other_request(name, expected):
    assert expected == parsed(name)


def test_both_forms_of_a_batch_to_cancel():
    """
    The published SDK sends an object, everybody else a list.
    """
    assert CancelBatch((ID, OTHER)) == parsed("cancel_batch", {"budgetIds": [ID, OTHER.upper()]})
    assert CancelBatch((ID, OTHER)) == parsed("cancel_batch", [ID, OTHER])
    assert CancelBatch((ID,) * 100) == parsed("cancel_batch", [ID] * 100)


def test_a_null_among_the_ids_is_a_fault():
    assert ["budgetIds[0]"] == list(refusal("cancel_batch", [None]).fields or {})


def test_the_query_of_a_list():
    query = {
        "page": "2",
        "size": "50",
        "status": "PAUSED",
        "includeCancelled": "TRUE",
        "userId": "u",
        "text": "order",
        "other": "ignored",
    }

    assert ListBudgets(2, 50, Status.PAUSED, include_cancelled=True, user_id="u", text="order") == parsed(
        "list_budgets", query=query
    )


@pytest.mark.parametrize(("size", "expected"), [("1", 1), ("500", 500), ("501", 500), ("999999999", 500)])
def test_a_page_is_capped(size, expected):
    assert expected == parsed("list_budgets", query={"size": size}).size


@pytest.mark.parametrize(
    "query",
    [
        {"page": "-1"},
        {"page": "1000001"},
        {"page": "x"},
        {"page": "1_0"},
        {"page": "١"},
        {"size": "0"},
        {"size": "-5"},
        {"size": "1.5"},
        {"size": "9" * 40},
        {"status": "OPEN"},
        {"includeCancelled": "perhaps"},
        {"userId": "x" * 256},
        {"text": "a\0b"},
    ],
)
def test_each_fault_of_a_query(query):
    refused = refusal("list_budgets", query=query)

    assert ErrorCode.INVALID_REQUEST is refused.code
    assert refused.detail.startswith(f"{next(iter(query))} must be ")


def test_an_empty_parameter_is_absent():
    assert ListBudgets() == parsed("list_budgets", query={"page": "", "status": "", "userId": None})


def test_embedded_callers_may_send_values_that_are_no_text():
    assert ListBudgets(1, 5, include_cancelled=True) == parsed(
        "list_budgets", query={"page": 1, "size": 5, "includeCancelled": True}
    )
