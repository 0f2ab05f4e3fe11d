"""
The checks of divided, tagged and delegated budgets: which part takes a claim, and what it has left.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from figuard.domain import checks
from figuard.domain.amounts import AmountLike, quanta
from figuard.domain.budget import Budget, EnforcementMode
from figuard.domain.events import CapRef
from tests.builders import allocation
from tests.unit.domain.made import balance, budget, cap, situation, token

OPEN, STRICT = EnforcementMode.OPEN, EnforcementMode.STRICT


def divided(*parts: Any, **fields: Any) -> Budget:
    """Return a budget divided into parts, whose labels are their ids too."""
    return budget(1000, allocations=tuple(replace(part, id=part.category) for part in parts), **fields)


FOOD_AND_TRAVEL = divided(allocation("food", 10, "groceries", "Restaurant"), allocation("travel", 20))


def chosen(category: str | None, state: Budget = FOOD_AND_TRAVEL) -> str | None:
    found = situation(1, state, category=category).allocation
    return found.id if found else None


@pytest.mark.parametrize(
    ("category", "expected"),
    [
        ("groceries", "food"),
        ("RESTAURANT", "food"),
        ("Travel", "travel"),
        ("food", None),
        ("grocery", None),
        (None, None),
    ],
)
def test_an_allocation_takes_the_categories_it_lists_whatever_their_case(category: str | None, expected: str | None):
    assert expected == chosen(category)


def test_the_first_allocation_that_lists_a_category_takes_it():
    assert "a" == chosen("food", divided(allocation("a", 1, "food"), allocation("b", 1, "food")))


def test_an_open_allocation_takes_what_no_other_lists():
    state = divided(allocation("rest", 1, "x", mode=OPEN), allocation("more", 1, "y", mode=OPEN), allocation("food", 1))

    assert ("food", "rest", "more") == (chosen("food", state), chosen("unheard of", state), chosen("y", state))


def test_a_divided_budget_wants_a_category():
    objection = checks.claim_missing(situation(1, FOOD_AND_TRAVEL))

    assert objection is not None
    assert "is divided into 'food', 'travel'; say which with claimed_category" in objection.message


def test_a_category_that_nobody_takes_is_named_beside_those_there_are():
    objection = checks.claim_unknown(situation(1, FOOD_AND_TRAVEL, category="yachts"))

    assert objection is not None
    assert "takes 'yachts'; there are 'food', 'travel'" in objection.message


@pytest.mark.parametrize("check", [checks.claim_missing, checks.claim_unknown, checks.item_type, checks.allocated])
@pytest.mark.parametrize("category", [None, "anything"])
def test_a_flat_budget_takes_any_category(check: checks.Check, category: str | None):
    assert check(situation(1, budget(), category=category, item_type="anything")) is None


@pytest.mark.parametrize(
    ("mode", "item_type", "fits"),
    [(STRICT, "wine", False), (STRICT, "bread", True), (STRICT, None, True), (OPEN, "wine", True)],
)
def test_only_a_strict_allocation_looks_at_item_types(mode: EnforcementMode, item_type: str | None, fits: bool):
    state = divided(allocation("food", 10, mode=mode, forbidden_item_types=("wine",)))

    assert fits is (checks.item_type(situation(1, state, category="food", item_type=item_type)) is None)


@pytest.mark.parametrize(("quantity", "fits"), [(4, True), ("4.01", False)])
@pytest.mark.parametrize("reserve", [True, False])
def test_an_allocation_has_what_is_left_of_it_even_when_nothing_is_reserved(
    quantity: AmountLike, fits: bool, reserve: bool
):
    state = divided(replace(allocation("food", 10), balance=balance(5, 1)))

    assert fits is (checks.allocated(situation(quantity, state, category="food", reserve=reserve)) is None)


def test_one_exhausted_allocation_does_not_affect_another():
    state = divided(replace(allocation("food", 10), balance=balance(10)), allocation("travel", 10))

    assert checks.allocated(situation(10, state, category="travel")) is None


def test_an_exhausted_allocation_says_what_would_fit():
    state = divided(replace(allocation("food", 10), balance=balance(7)))
    objection = checks.allocated(situation(5, state, category="food"))

    assert objection is not None
    assert ("ALLOCATION", "food", quanta(3), quanta(3)) == (
        objection.level, objection.level_id, objection.available, objection.fits,
    )  # fmt: skip


def test_an_overdrawn_allocation_fits_nothing():
    state = divided(replace(allocation("food", 10), balance=balance(17)))
    objection = checks.allocated(situation(5, state, category="food"))

    assert objection is not None
    assert (-quanta(7), 0) == (objection.available, objection.fits)


# -- intent --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("context", "fits"),
    [
        ("booking a FLIGHT to Rome", True),
        ("hotel", True),
        ("in-flight meal", True),
        ("groceries", False),
        ("", False),
        ("   ", False),
        (None, False),
    ],
)
def test_an_intent_contains_one_of_the_tags(context: str | None, fits: bool):
    state = budget(intent_tags=("flight", "Hotel"))

    assert fits is (checks.intent(situation(1, state, intent_context=context)) is None)


def test_a_budget_without_tags_asks_for_no_intent():
    assert checks.intent(situation(1)) is None


def test_tags_are_not_applied_to_divided_budgets():
    state = divided(allocation("food", 10), intent_tags=("flight",))

    assert checks.intent(situation(1, state, category="food")) is None


@pytest.mark.parametrize(("context", "shown"), [(None, "none was stated"), ("food", "'food'")])
def test_an_intent_out_of_scope_is_shown_with_the_tags(context: str | None, shown: str):
    objection = checks.intent(situation(1, budget(intent_tags=("flight",)), intent_context=context))

    assert objection is not None
    assert f"the intent ({shown}) contains none of the tags 'flight'" in objection.message


# -- delegation ----------------------------------------------------------------------------------------------------

AGENT = token("agent", cap("food", 10, spent=3, reserved=1))


@pytest.mark.parametrize(("quantity", "fits"), [(6, True), ("6.01", False)])
def test_a_cap_has_what_is_left_of_it(quantity: AmountLike, fits: bool):
    assert fits is (checks.delegated(situation(quantity, category="FOOD", tokens=(AGENT,))) is None)


def test_a_token_without_caps_shares_the_limit_of_its_budget():
    assert checks.delegated(situation(10**6, category="food", tokens=(token("free"),))) is None


def test_every_cap_of_the_chain_counts():
    chain = (token("leaf", cap("food", 100)), AGENT)
    objection = checks.delegated(situation(7, category="food", tokens=chain))

    assert "agent" == (objection.level_id if objection else None)


@pytest.mark.parametrize(("category", "asked"), [("travel", "'travel'"), (None, "no category")])
def test_an_uncapped_category_is_refused_with_the_capped_ones(category: str | None, asked: str):
    capped = token("agent", cap("food", 10), cap("fuel", 10))
    objection = checks.delegated(situation(1, category=category, tokens=(capped,)))

    assert objection is not None
    assert 0 == objection.fits
    assert f"token 'agent' is capped for 'food', 'fuel', the request claims {asked}" in objection.message


def test_a_token_without_a_label_is_shown_by_its_prefix():
    nameless = replace(AGENT, label="")
    objection = checks.delegated(situation(100, category="food", tokens=(nameless,)))

    assert objection is not None
    assert objection.message.startswith("token st_agent… has 6.00 USD of 10.00 USD left for 'food'")


def test_an_exhausted_cap_says_what_would_fit():
    objection = checks.delegated(situation(7, category="food", tokens=(AGENT,)))

    assert objection is not None
    assert ("TOKEN", quanta(6), quanta(6)) == (objection.level, objection.available, objection.fits)


def test_a_request_without_a_category_counts_against_the_only_cap():
    assert (CapRef("agent", "food"),) == situation(1, tokens=(AGENT,)).caps


def test_a_request_without_a_category_counts_against_none_of_several_caps():
    assert () == situation(1, tokens=(token("agent", cap("food", 1), cap("fuel", 1)),)).caps


def test_on_a_divided_budget_a_cap_is_found_by_the_allocations_label():
    state = divided(allocation("PAYOUT", 100, "refund"))
    capped = token("agent", cap("payout", 10))

    assert (CapRef("agent", "payout"),) == situation(1, state, category="refund", tokens=(capped,)).caps


def test_a_cap_on_the_label_comes_before_one_on_the_category():
    state = divided(allocation("payout", 100, "refund"))
    capped = token("agent", cap("refund", 10), cap("payout", 10))

    assert (CapRef("agent", "payout"),) == situation(1, state, category="refund", tokens=(capped,)).caps


def test_a_request_counts_against_one_cap_of_each_capped_token():
    chain = (token("leaf", cap("food", 1)), token("free"), AGENT)

    assert (CapRef("leaf", "food"), CapRef("agent", "food")) == situation(1, category="food", tokens=chain).caps


# -- capacity ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("quantity", "fits"), [(60, True), ("60.0001", False)])
def test_a_budget_has_what_is_left_of_it(quantity: AmountLike, fits: bool):
    assert fits is (checks.capacity(situation(quantity, budget(100, spent=30, reserved=10))) is None)


def test_a_request_that_reserves_nothing_takes_nothing():
    assert checks.capacity(situation(100, budget(10), reserve=False)) is None


@pytest.mark.parametrize(
    ("state", "hint"),
    [
        (budget(100, spent=30), "30.00 USD spent, 0.00 USD held); lower the amount or add funds"),
        (budget(100, spent=20, reserved=10), "20.00 USD spent, 10.00 USD held); confirm or void what is held"),
    ],
)
def test_a_budget_that_has_too_little_says_where_the_rest_is_and_what_to_do(state: Budget, hint: str):
    objection = checks.capacity(situation(90, state))

    assert objection is not None
    assert "90.00 USD was asked, budget budget has 70.00 USD available (100.00 USD limit, " + hint in objection.message


def test_an_overdrawn_budget_fits_nothing():
    objection = checks.capacity(situation(1, budget(100, spent=150)))

    assert objection is not None
    assert (-quanta(50), 0) == (objection.available, objection.fits)
