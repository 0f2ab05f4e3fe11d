"""
The values a client takes and gives: retries, allocations, models, errors, denial reasons.
"""

from __future__ import annotations

import copy
import pickle
from dataclasses import FrozenInstanceError
from decimal import Decimal

import pytest

from figuard import (
    ApiKey,
    AuthorizationResult,
    Budget,
    DelegationToken,
    DenialReason,
    EntitlementItem,
    FiGuardApiError,
    FiGuardCapabilityError,
    FiGuardConfigError,
    FiGuardConnectionError,
    FiGuardDeniedException,
    FiGuardError,
    LedgerPage,
    Retry,
    build_allocations_from_percentages,
)
from figuard.client.denial_reasons import retryable, terminal
from figuard.client.models import BudgetToken
from figuard.domain.codes import DENIALS, LEGACY_DENIALS, Denial

# ---------------------------------------------------------------------------------------------------------- retries


@pytest.mark.parametrize(
    ("attempt", "chance", "pause"), [(1, 0, 1.0), (1, 1, 0.5), (2, 0, 2.0), (2, 0.5, 1.5), (3, 0, None)]
)
def test_pauses_double_and_end(attempt, chance, pause):
    assert pause == Retry().pause_seconds(attempt, chance)


def test_a_pause_has_a_limit():
    assert Retry(attempts_max=1000).pause_seconds(999, 0) == 30.0


def test_what_the_server_asks_for_is_waited_for():
    assert Retry().pause_seconds(1, 0, retry_after_seconds=7) == 7.0


def test_those_sent_away_together_do_not_come_back_together():
    assert Retry().pause_seconds(1, 1, retry_after_seconds=7) == 7.5


def test_a_server_that_asks_for_too_long_is_not_waited_for():
    assert Retry().pause_seconds(1, 0, retry_after_seconds=61) is None


@pytest.mark.parametrize("options", [{"attempts_max": 0}, {"delay_seconds": -1}, {"delay_seconds_max": float("nan")}])
def test_a_policy_that_makes_no_sense_is_refused(options):
    with pytest.raises(FiGuardConfigError):
        Retry(**options)


# ------------------------------------------------------------------------------------------------------ allocations


def test_percentages_divide_a_total_exactly():
    built = build_allocations_from_percentages("100.00", {"a": "33.3333", "b": "33.3333", "c": "33.3334"})

    assert [one["limit"] for one in built] == [Decimal("33.3333"), Decimal("33.3333"), Decimal("33.3334")]


def test_the_last_category_takes_what_is_left():
    built = build_allocations_from_percentages(10, {"a": 33.33, "b": 33.33, "c": 33.34})

    assert sum(one["limit"] for one in built) == 10
    assert [one["category"] for one in built] == ["a", "b", "c"]


def test_optional_keys_are_there_only_where_they_were_given():
    built = build_allocations_from_percentages(
        100,
        {"a": 60, "b": 40},
        enforcement_mode="STRICT",
        allowed_categories={"a": ["flight"]},
        forbidden_item_types={"b": ["gift_card"]},
    )

    assert built == [
        {"category": "a", "limit": 60, "enforcementMode": "STRICT", "allowedCategories": ["flight"]},
        {"category": "b", "limit": 40, "enforcementMode": "STRICT", "forbiddenItemTypes": ["gift_card"]},
    ]
    assert build_allocations_from_percentages(100, {"a": 100}) == [{"category": "a", "limit": 100}]


@pytest.mark.parametrize("percentages", [{}, {"a": 99}, {"a": 60, "b": 40.01}])
def test_percentages_that_are_no_hundred_are_refused(percentages):
    with pytest.raises(ValueError, match="not to 100"):
        build_allocations_from_percentages(100, percentages)


def test_a_category_nobody_divided_is_refused():
    with pytest.raises(ValueError, match="'flighs'"):
        build_allocations_from_percentages(100, {"flights": 100}, allowed_categories={"flighs": ["x"]})


# ------------------------------------------------------------------------------------------------------------ models


@pytest.mark.parametrize(
    ("decision", "current", "authorized"),
    [
        ("AUTHORIZED", None, True),
        ("AUTHORIZED", "AUTHORIZED", True),
        ("AUTHORIZED", "CONFIRMED", True),
        ("CONFIRMED", None, True),
        ("AUTHORIZED", "VOIDED", False),
        ("AUTHORIZED", "FAILED", False),
        ("DENIED", "DENIED", False),
        ("VOIDED", None, False),
    ],
)
def test_an_answer_allows_spending_while_something_is_held_or_spent_for_it(decision, current, authorized):
    """
    The replay of a confirmed event is no denial; the replay of a voided one is no permission.
    """
    assert authorized is AuthorizationResult("e", decision, current_decision=current).is_authorized


def test_an_authorized_answer_passes():
    answer = AuthorizationResult("e", "AUTHORIZED")

    assert answer.raise_if_denied() is answer


def test_a_denied_answer_raises_its_reason():
    answer = AuthorizationResult(
        "e", "DENIED", denial_reason="INSUFFICIENT_FUNDS", denial_message="233.00 left", original_event_id="o"
    )

    with pytest.raises(FiGuardDeniedException, match="INSUFFICIENT_FUNDS — 233") as caught:
        answer.raise_if_denied()

    assert (caught.value.denial_reason, caught.value.original_event_id) == (DenialReason.INSUFFICIENT_FUNDS, "o")
    assert caught.value.result is answer


def test_a_repeat_of_a_voided_key_says_so():
    with pytest.raises(FiGuardDeniedException, match="VOIDED now; use a new key"):
        AuthorizationResult("e", "AUTHORIZED", current_decision="VOIDED").raise_if_denied()


def test_a_budget_shows_its_token_where_it_has_one():
    budget = Budget("b", "u", 1, 0, 0, 1, "ACTIVE", currency="USD", tokens=[BudgetToken("default", "st_secret")])

    assert budget.session_token == "st_secret"
    assert budget.primary_token is budget.tokens[0]
    assert (budget.is_active, budget.is_paused, budget.is_monetary) == (True, False, True)


def test_a_budget_without_tokens_has_none():
    budget = Budget("b", "u", 1, 0, 0, 1, "PAUSED", unit="tokens")

    assert (budget.primary_token, budget.session_token) == (None, None)
    assert (budget.is_active, budget.is_paused, budget.is_monetary) == (False, True, False)


@pytest.mark.parametrize(
    "model",
    [
        Budget("b", "u", 1, 0, 0, 1, "ACTIVE", tokens=[BudgetToken("default", "secret")]),
        DelegationToken("t", "b", "label", "ACTIVE", "st_", [], session_token="secret"),
        ApiKey("k", "fg_live_", active=True, raw_key="secret"),
    ],
)
def test_no_secret_is_shown(model):
    assert "secret" not in repr(model)


def test_models_do_not_change():
    with pytest.raises(FrozenInstanceError):
        Budget("b", "u", 1, 0, 0, 1, "ACTIVE").status = "CANCELLED"


@pytest.mark.parametrize(("page", "has_next"), [(0, True), (1, True), (2, False)])
def test_a_page_knows_whether_one_follows(page, has_next):
    assert has_next is LedgerPage([], 50, 3, page, 20).has_next


def test_an_entitlement_never_has_less_than_nothing():
    item = EntitlementItem("i", "c", Decimal(100), "BLOCK", "MONTHLY", Decimal(90), Decimal(20))

    assert item.available == 0


# ------------------------------------------------------------------------------------------------------------ errors


@pytest.mark.parametrize(
    ("message", "raw", "code"),
    [
        ("INVALID_PARENT_EVENT: no such event", None, "INVALID_PARENT_EVENT"),
        ("text", {"code": "NOT_FOUND", "error": "x"}, "NOT_FOUND"),
        ("text", {"error": "RATE_LIMITED"}, "RATE_LIMITED"),
        ("text", {"error": "Event not found"}, None),
        ("text", ["no", "object"], None),
        ("text", {"code": 5}, None),
    ],
)
def test_the_code_is_found_wherever_an_answer_names_it(message, raw, code):
    assert code == FiGuardApiError(400, message, raw).code


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (503, "OVERLOADED", True),
        (500, "LEDGER_BROKEN", False),
        (404, "NOT_FOUND", False),
        (502, None, True),
        (429, None, True),
        (418, None, False),
    ],
)
def test_an_error_says_whether_repeating_it_helps(status, code, expected):
    assert expected is FiGuardApiError(status, "text", code=code).retryable


def test_an_error_names_the_fields_at_fault():
    error = FiGuardApiError(400, "text", {"fieldErrors": {"amount": "is required"}})

    assert error.field_errors == {"amount": "is required"}
    assert FiGuardApiError(400, "text", "raw").field_errors == {}


def test_an_error_says_what_to_do():
    assert "key" in (FiGuardApiError(409, "text", code="IDEMPOTENCY_KEY_REUSED").remedy or "")
    assert FiGuardApiError(409, "text").remedy is None


ERRORS = [
    FiGuardApiError(409, "NOT_FOUND: text", {"a": 1}, retry_after_seconds=2),
    FiGuardConnectionError("lost", 3),
    FiGuardDeniedException("INSUFFICIENT_FUNDS", "text", "e"),
    FiGuardCapabilityError("flying"),
    FiGuardConfigError("text"),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("copied", [copy.copy, lambda error: pickle.loads(pickle.dumps(error))])
def test_errors_survive_a_process_pool(error, copied):
    again = copied(error)

    assert isinstance(again, FiGuardError)
    assert (str(again), vars(again)) == (str(error), vars(error))


def test_one_except_is_enough():
    assert all(isinstance(error, FiGuardError) for error in ERRORS)


# --------------------------------------------------------------------------------------------------- denial reasons


def test_every_denial_and_every_older_name_is_a_member():
    assert [*DENIALS, *LEGACY_DENIALS] == [str(reason) for reason in DenialReason]


def test_a_reason_equals_its_text():
    assert DenialReason.INSUFFICIENT_FUNDS == "INSUFFICIENT_FUNDS"
    assert {"INSUFFICIENT_FUNDS": 1}[DenialReason.INSUFFICIENT_FUNDS] == 1


@pytest.mark.parametrize("reason", list(DenialReason))
def test_a_reason_is_either_retryable_or_terminal(reason):
    assert reason.retryable is not reason.terminal
    assert reason.meaning


@pytest.mark.parametrize("denial", list(Denial))
def test_a_reason_knows_what_the_table_says(denial):
    reason = DenialReason(denial)

    assert (reason.retryable, reason.remedy) == (DENIALS[denial].retryable, DENIALS[denial].remedy)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("VELOCITY_LIMIT_EXCEEDED", (True, False)),
        ("BUDGET_CANCELLED", (False, True)),
        ("NEWS", (False, True)),
        (None, (False, False)),
    ],
)
def test_a_code_can_be_asked_as_text(code, expected):
    assert expected == (retryable(code), terminal(code))
