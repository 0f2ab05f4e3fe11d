"""
Tokens: when they open anything, and that a child never exceeds its parent in any respect.
"""

from __future__ import annotations

from typing import Any

import pytest

from figuard.domain.amounts import quanta
from figuard.domain.codes import ErrorCode
from figuard.domain.commands import Delegate
from figuard.domain.delegation import check_attenuation, end_of
from figuard.domain.limits import DELEGATION_DEPTH_MAX
from figuard.domain.refusal import Refusal
from figuard.domain.tokens import Scope, Token, fold
from tests.unit.domain.made import BUDGET_ID, NOW, cap, later, refusal, token


def child(*caps: Any, **fields: Any) -> Delegate:
    """Return the wish for a token below another one."""
    scope = Scope(**fields.pop("scope", {}))
    return Delegate(BUDGET_ID, "child", caps, scope, fields.pop("expires_at", None), "parent")


def refused(command: Delegate, *chain: Token) -> ErrorCode | None:
    """Return why a chain of parents refuses a child, or None when it does not."""
    return refusal(check_attenuation, command, chain, NOW)


EXCEEDS = ErrorCode.DELEGATION_EXCEEDS_PARENT


@pytest.mark.parametrize(
    ("fields", "live"),
    [
        ({}, True),
        ({"expires_at": later(1)}, True),
        ({"expires_at": NOW}, False),
        ({"revoked_at": NOW}, False),
        ({"revoked_at": later(1)}, False),
    ],
)
def test_a_token_is_live_until_it_expires_or_is_revoked(fields: dict[str, int], live: bool):
    assert live is token(**fields).is_live(NOW)


@pytest.mark.parametrize(("category", "limit"), [("travel", quanta(10)), ("food", None)])
def test_a_cap_is_found_by_its_folded_category(category: str, limit: int | None):
    found = token("t", cap("Travel", 10)).cap(category)

    assert limit == (found.limit if found else None)


@pytest.mark.parametrize(("one", "other"), [("TRAVEL", "travel"), ("STRASSE", "straße"), ("Ωmega", "ωMEGA")])
def test_categories_compare_without_regard_to_case(one: str, other: str):
    assert fold(one) == fold(other)


def test_a_child_of_the_budget_itself_may_be_anything():
    assert refused(child(cap("x", 10**9), expires_at=later(10**9))) is None


@pytest.mark.parametrize(("limit", "code"), [("9.99", None), (10, None), ("10.01", EXCEEDS)])
def test_a_cap_may_reach_the_parents_and_not_pass_it(limit: str | int, code: ErrorCode | None):
    assert code is refused(child(cap("travel", limit)), token("parent", cap("travel", 10)))


def test_a_cap_on_what_the_parent_is_not_capped_for_is_refused():
    assert EXCEEDS is refused(child(cap("food", 1)), token("parent", cap("travel", 10)))


def test_a_parent_without_caps_limits_no_cap_of_a_child():
    assert refused(child(cap("travel", 10**6)), token("parent")) is None


def test_a_child_without_caps_is_no_wider_than_its_capped_parent():
    """
    What such a child holds is held on the whole chain, so the parent's cap binds it all the same.
    """
    assert refused(child(), token("parent", cap("travel", 10))) is None


def test_every_ancestor_limits_a_child_and_not_only_the_nearest():
    assert EXCEEDS is refused(child(cap("travel", 11)), token("parent"), token("grandparent", cap("travel", 10)))


@pytest.mark.parametrize(
    ("expires_at", "code"), [(later(59), None), (later(60), None), (later(61), EXCEEDS), (None, None)]
)
def test_a_child_does_not_outlive_its_parent(expires_at: int | None, code: ErrorCode | None):
    assert code is refused(child(expires_at=expires_at), token("parent", expires_at=later(60)))


@pytest.mark.parametrize(("asked", "ends"), [(None, later(30)), (later(10), later(10))])
def test_a_child_without_an_end_ends_with_the_first_of_its_chain(asked: int | None, ends: int):
    chain = (token("parent", expires_at=later(60)), token("grandparent", expires_at=later(30)))

    assert ends == end_of(child(expires_at=asked), chain)


def test_a_child_of_an_endless_parent_may_be_endless():
    assert refused(child(), token("parent")) is None


@pytest.mark.parametrize("fields", [{"revoked_at": NOW}, {"expires_at": NOW}])
def test_a_dead_parent_has_no_children(fields: dict[str, int]):
    assert ErrorCode.TOKEN_STATE_CONFLICT is refused(child(), token("parent", **fields))


def test_a_dead_ancestor_has_no_descendants():
    assert ErrorCode.TOKEN_STATE_CONFLICT is refused(child(), token("parent"), token("grandparent", revoked_at=NOW))


@pytest.mark.parametrize(("read_only", "code"), [(True, None), (False, EXCEEDS)])
def test_a_reading_parent_has_reading_children_only(read_only: bool, code: ErrorCode | None):
    assert code is refused(child(scope={"read_only": read_only}), token("parent", read_only=True))


@pytest.mark.parametrize("field", ["action_types", "categories"])
@pytest.mark.parametrize(
    ("words", "code"), [(("a",), None), (("b", "a"), None), ((), None), (("a", "c"), EXCEEDS), (None, EXCEEDS)]
)
def test_a_child_names_no_word_that_its_parent_does_not(
    field: str, words: tuple[str, ...] | None, code: ErrorCode | None
):
    assert code is refused(child(scope={field: words}), token("parent", **{field: ("a", "b")}))


@pytest.mark.parametrize("field", ["action_types", "categories"])
def test_a_child_of_an_unscoped_parent_may_be_scoped(field: str):
    assert refused(child(scope={field: ("a",)}), token("parent")) is None


@pytest.mark.parametrize(("most", "code"), [(9, None), (10, None), (11, EXCEEDS), (None, EXCEEDS)])
def test_a_child_may_not_spend_more_at_once_than_its_parent(most: int | None, code: ErrorCode | None):
    wish = child(scope={"max_transaction": None if most is None else quanta(most)})

    assert code is refused(wish, token("parent", max_transaction=quanta(10)))


@pytest.mark.parametrize(("depth", "code"), [(DELEGATION_DEPTH_MAX - 1, None), (DELEGATION_DEPTH_MAX, EXCEEDS)])
def test_a_token_is_delegated_only_so_deep(depth: int, code: ErrorCode | None):
    assert code is refused(child(), *(token(f"ancestor {n}") for n in range(depth)))


@pytest.mark.parametrize(
    ("wish", "parent", "said"),
    [
        (
            child(cap("travel", 20)),
            token("parent", cap("travel", 10)),
            "20.00 for 'travel' is above the 10.00 of parent",
        ),
        (child(cap("food", 20)), token("parent", cap("travel", 10)), "has no cap for 'food'"),
        (child(expires_at=later(61)), token("parent", expires_at=later(60)), "ends at 2030-01-01T00:01:00.000000Z"),
        (child(), token("parent", action_types=("buy",)), r"for action types \['buy'\] only"),
        (child(), token("parent", max_transaction=quanta(5)), "at most 5.00 at once"),
        (child(), token("parent", read_only=True), "may only read"),
    ],
)
def test_a_refused_delegation_says_what_the_parent_allows(wish: Delegate, parent: Token, said: str):
    with pytest.raises(Refusal, match=said):
        check_attenuation(wish, (parent,), NOW)
