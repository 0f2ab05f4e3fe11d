"""
Operations on a budget: what each changes, from which state, and where its limits are.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from figuard.domain import manage
from figuard.domain.amounts import AMOUNT_MAX, AmountLike, quanta
from figuard.domain.books import BudgetChange, EntryKind, changed
from figuard.domain.budget import Budget, Status, TrustMode, status_at
from figuard.domain.codes import ErrorCode
from figuard.domain.commands import FundingOperation, PolicyPatch
from figuard.domain.refusal import Refusal
from tests.builders import allocation
from tests.unit.domain.made import NOW, balance, budget, later, refusal

CREDIT, DEBIT = FundingOperation.CREDIT, FundingOperation.DEBIT
RESET, RESET_SPENT = FundingOperation.RESET, FundingOperation.RESET_SPENT
DIVIDED = budget(100, allocations=(allocation("food", 30), allocation("travel", 40)))


def funded(state: Budget, operation: FundingOperation, quantity: AmountLike) -> Budget:
    return changed(state, manage.funded(state, operation, quanta(quantity)))


@pytest.mark.parametrize(
    ("operation", "quantity", "limit"), [(CREDIT, 50, 150), (DEBIT, 50, 50), (RESET, 70, 70), (RESET_SPENT, 80, 80)]
)
def test_each_funding_operation_changes_the_limit_in_its_way(operation: FundingOperation, quantity: int, limit: int):
    assert quanta(limit) == funded(budget(100, spent=20, reserved=10), operation, quantity).funds.limit


@pytest.mark.parametrize(("operation", "spent"), [(CREDIT, 20), (DEBIT, 20), (RESET, 20), (RESET_SPENT, 0)])
def test_only_a_reset_of_spending_forgets_what_was_spent(operation: FundingOperation, spent: int):
    after = funded(budget(100, spent=20, reserved=10), operation, 50)

    assert balance(spent, 10) == after.funds.balance


def test_a_reset_of_spending_empties_the_allocations_and_begins_a_new_epoch():
    used = replace(allocation("food", 30), balance=balance(5, 2))
    after = funded(budget(100, spent=5, reserved=2, allocations=(used,)), RESET_SPENT, 100)

    assert (balance(0, 2), 1) == (after.funds.allocations[0].balance, after.funds.epoch)


@pytest.mark.parametrize(
    ("operation", "quantity", "fits"),
    [
        (DEBIT, 70, True),
        (DEBIT, "70.00000001", False),
        (RESET, 30, True),
        (RESET, "29.99999999", False),
        (RESET_SPENT, 10, True),
        (RESET_SPENT, "9.99999999", False),
    ],
)
def test_a_limit_does_not_fall_below_what_is_used(operation: FundingOperation, quantity: AmountLike, fits: bool):
    state = budget(100, spent=20, reserved=10)

    assert fits is (refusal(manage.funded, state, operation, quanta(quantity)) is None)


@pytest.mark.parametrize(("operation", "quantity"), [(DEBIT, 100), (RESET, 0), (RESET_SPENT, 0)])
def test_a_limit_stays_above_zero(operation: FundingOperation, quantity: int):
    assert ErrorCode.INVALID_REQUEST is refusal(manage.funded, budget(100), operation, quanta(quantity))


@pytest.mark.parametrize(
    ("operation", "quantity", "fits"),
    [(DEBIT, 30, True), (DEBIT, 31, False), (RESET, 70, True), (RESET, 69, False), (RESET_SPENT, 69, False)],
)
def test_a_limit_does_not_fall_below_the_sum_of_the_allocations(operation: FundingOperation, quantity: int, fits: bool):
    assert fits is (refusal(manage.funded, DIVIDED, operation, quanta(quantity)) is None)


def test_a_credit_on_an_overdrawn_budget_is_welcome():
    assert refusal(manage.funded, budget(100, spent=500), CREDIT, quanta(1)) is None


def test_a_limit_may_reach_the_largest_amount_and_not_pass_it():
    nearly = replace(budget(), funds=replace(budget().funds, limit=AMOUNT_MAX - 1))

    assert AMOUNT_MAX == manage.funded(nearly, CREDIT, 1).limit
    assert ErrorCode.INVALID_REQUEST is refusal(manage.funded, nearly, CREDIT, 2)


@pytest.mark.parametrize("operation", FundingOperation)
@pytest.mark.parametrize(
    ("status", "code"), [(Status.PAUSED, None), (Status.CANCELLED, ErrorCode.BUDGET_STATE_CONFLICT)]
)
def test_any_budget_but_a_cancelled_one_can_be_funded(
    operation: FundingOperation, status: Status, code: ErrorCode | None
):
    assert code is refusal(manage.funded, budget(status=status), operation, quanta(50))


def test_a_refused_debit_says_what_is_used():
    with pytest.raises(Refusal, match=r"totalLimit 10\.00 .*quantitySpent 20\.00, quantityReserved 5\.00"):
        manage.funded(budget(100, spent=20, reserved=5), DEBIT, quanta(90))


# -- patching ------------------------------------------------------------------------------------------------------

SET: dict[str, Any] = {
    "velocity_per_minute": 5,
    "velocity_amount_per_hour": quanta(5),
    "velocity_per_day": 5,
    "soft_limit": quanta(5),
    "max_transaction": quanta(5),
}
PATHS = {
    "velocity_per_minute": "per_minute",
    "velocity_amount_per_hour": "amount_per_hour",
    "velocity_per_day": "per_day",
}


def value_of(state: Budget, field: str) -> Any:
    policy = state.policy
    return getattr(policy.velocity, PATHS[field]) if field in PATHS else getattr(policy, field)


def patched(state: Budget, **fields: Any) -> Budget:
    return changed(state, manage.patched(state, PolicyPatch(**fields))[1])


@pytest.mark.parametrize("field", SET)
def test_a_patch_sets_the_field_it_names_and_no_other(field: str):
    after = patched(budget(), **{field: SET[field]})

    assert {name: SET[name] if name == field else None for name in SET} == {n: value_of(after, n) for n in SET}


@pytest.mark.parametrize("field", SET)
def test_a_patch_leaves_a_field_it_does_not_name(field: str):
    state = patched(budget(), **{field: SET[field]})

    assert SET[field] == value_of(patched(state, trust_mode=TrustMode.SHADOW), field)


@pytest.mark.parametrize("field", SET)
def test_a_field_that_is_given_as_null_is_cleared(field: str):
    state = patched(budget(), **{field: SET[field]})

    assert value_of(patched(state, cleared=frozenset({field})), field) is None


def test_a_patch_may_change_mode_and_end():
    after = patched(budget(), trust_mode=TrustMode.SHADOW, expires_at=later(60)).policy

    assert (TrustMode.SHADOW, later(60)) == (after.trust_mode, after.expires_at)


def test_a_patch_that_changes_nothing_has_no_new_policy():
    assert BudgetChange() == manage.patched(budget(), PolicyPatch())[1]


@pytest.mark.parametrize(
    ("before", "paused", "kind", "status"),
    [
        (Status.ACTIVE, True, EntryKind.BUDGET_PAUSED, Status.PAUSED),
        (Status.ACTIVE, False, EntryKind.BUDGET_UPDATED, None),
        (Status.ACTIVE, None, EntryKind.BUDGET_UPDATED, None),
        (Status.PAUSED, True, EntryKind.BUDGET_UPDATED, None),
        (Status.PAUSED, False, EntryKind.BUDGET_RESUMED, Status.ACTIVE),
        (Status.PAUSED, None, EntryKind.BUDGET_UPDATED, None),
    ],
)
def test_a_patch_pauses_what_is_active_and_resumes_what_is_paused(
    before: Status, paused: bool | None, kind: EntryKind, status: Status | None
):
    named, change = manage.patched(budget(status=before), PolicyPatch(paused=paused))

    assert (kind, status) == (named, change.status)


def test_a_cancelled_budget_cannot_be_patched():
    code = refusal(manage.patched, budget(status=Status.CANCELLED), PolicyPatch(paused=False))

    assert ErrorCode.BUDGET_STATE_CONFLICT is code


@pytest.mark.parametrize(("limit", "fits"), [(150, True), (30, True), ("29.99", False)])
def test_a_patched_limit_does_not_fall_below_what_is_used(limit: AmountLike, fits: bool):
    state = budget(100, spent=20, reserved=10)

    assert fits is (refusal(manage.patched, state, PolicyPatch(limit=quanta(limit))) is None)


def test_raising_the_limit_of_an_overdrawn_budget_is_the_remedy_and_not_the_fault():
    assert quanta(120) == patched(budget(100, spent=150), limit=quanta(120)).funds.limit


def test_a_patched_limit_does_not_fall_below_the_sum_of_the_allocations():
    assert ErrorCode.INVALID_REQUEST is refusal(manage.patched, DIVIDED, PolicyPatch(limit=quanta(69)))


# -- status and end ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", Status)
def test_only_a_paused_budget_can_be_resumed(status: Status):
    code = refusal(manage.resumed, budget(status=status))

    assert code is (None if status is Status.PAUSED else ErrorCode.BUDGET_STATE_CONFLICT)


def test_a_resumed_budget_is_active():
    assert Status.ACTIVE is changed(budget(status=Status.PAUSED), BudgetChange(status=Status.ACTIVE)).status
    assert BudgetChange(status=Status.ACTIVE) == manage.resumed(budget(status=Status.PAUSED))


@pytest.mark.parametrize(
    ("state", "code"),
    [
        (budget(), None),
        (budget(status=Status.PAUSED), None),
        (budget(100, spent=100), None),
        (budget(status=Status.CANCELLED), ErrorCode.INVALID_REQUEST),
        (budget(status=Status.EXPIRED), ErrorCode.INVALID_REQUEST),
        (budget(expires_at=NOW), ErrorCode.INVALID_REQUEST),
    ],
)
def test_a_budget_is_cancelled_once_and_not_after_its_end(state: Budget, code: ErrorCode | None):
    assert code is refusal(manage.cancelled, state, later(61))


def test_a_cancelled_budget_keeps_its_holds_and_remembers_when():
    after = changed(budget(reserved=10), manage.cancelled(budget(), NOW))

    assert (Status.CANCELLED, NOW, balance(0, 10)) == (after.status, after.cancelled_at, after.funds.balance)


@pytest.mark.parametrize(
    ("seconds", "code"), [(60, ErrorCode.INVALID_REQUEST), (59, ErrorCode.INVALID_REQUEST), (61, None)]
)
def test_a_budget_is_extended_to_a_later_end_only(seconds: int, code: ErrorCode | None):
    assert code is refusal(manage.extended, budget(expires_at=later(60)), later(seconds), NOW)


def test_a_budget_that_lives_for_ever_cannot_be_extended():
    with pytest.raises(Refusal, match="lives for ever already"):
        manage.extended(budget(), later(60), NOW)


@pytest.mark.parametrize("status", [Status.CANCELLED, Status.EXPIRED])
def test_a_budget_that_ended_for_good_cannot_be_extended(status: Status):
    code = refusal(manage.extended, budget(status=status, expires_at=NOW), later(60), NOW)

    assert ErrorCode.BUDGET_STATE_CONFLICT is code


def test_an_extension_changes_nothing_but_the_end():
    state = budget(expires_at=later(60), soft_limit=quanta(5))

    assert replace(state.policy, expires_at=later(120)) == manage.extended(state, later(120), NOW).policy


def test_a_budget_that_expired_unused_lives_again_when_it_is_extended():
    """
    Until the end it is given, even where that is before the end it once had, and whether or not it is used by then.
    """
    state = budget(expires_at=later(9000), unused_expiry_seconds=60)
    after = changed(state, manage.extended(state, later(600), later(100)))

    assert Status.EXPIRED is status_at(state, later(100))
    assert [Status.ACTIVE, Status.ACTIVE, Status.EXPIRED] == [
        status_at(after, later(seconds)) for seconds in (100, 600, 600 + after.policy.grace_seconds + 1)
    ]


def test_a_budget_that_was_not_expired_yet_may_still_expire_unused():
    state = budget(expires_at=later(9000), unused_expiry_seconds=60)

    assert 60 == changed(state, manage.extended(state, later(9999), later(10))).policy.unused_expiry_seconds


@pytest.mark.parametrize("raised", [lambda b, q: funded(b, RESET, q), lambda b, q: patched(b, limit=quanta(q))])
@pytest.mark.parametrize(("limit", "fits"), [(101, True), (100, False), (99, False), (150, True)])
def test_the_limit_of_an_overdrawn_budget_can_be_raised_in_every_way(raised: Any, limit: int, fits: bool):
    """
    Even where it stays overdrawn; lowered it can be in none.
    """
    code = refusal(raised, budget(100, spent=120), limit)

    assert (None if fits else ErrorCode.INVALID_REQUEST) is code
