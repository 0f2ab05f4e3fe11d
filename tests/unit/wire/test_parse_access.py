"""
Requests that hand out access: tokens with caps, tokens with a narrower purpose, keys.
"""

from __future__ import annotations

import pytest

from figuard.domain.admin import KeyScope
from figuard.domain.amounts import QUANTA_PER_UNIT
from figuard.domain.commands import CreateApiKey, Delegate, Revoke, RevokeApiKey, RotateApiKey, RotateDelegation
from figuard.domain.instants import parse as instant
from figuard.domain.questions import GetDelegation, ListApiKeys, ListDelegations
from figuard.domain.tokens import Cap, Scope
from figuard.wire import limits
from tests.unit.wire.asked import ID, LATER, OTHER, asked, faults, parsed, refusal

ONE = QUANTA_PER_UNIT


def test_the_smallest_delegation():
    """
    Categories of caps are folded, because that is how they are compared everywhere.
    """
    assert Delegate(ID, "child", (Cap("", "food", 10 * ONE),)) == parsed("create_delegation_token")


def test_no_caps_share_the_parents_limit():
    assert () == asked("create_delegation_token", caps=[]).caps


def test_the_largest_delegation():
    command = asked(
        "create_delegation_token",
        scope={
            "actionTypes": ["BUY", "buy", "Book"],
            "categories": ["Food"],
            "maxTransactionQuantity": 5,
            "readOnly": False,
        },
        expiresAt=LATER,
        parentTokenId=OTHER,
    )

    assert Scope(("buy", "book"), ("food",), 5 * ONE) == command.scope
    assert (instant(LATER), OTHER, False) == (command.expires_at, command.parent_token_id, command.scoped)


def test_a_scoped_token_is_marked_as_one():
    assert Delegate(ID, "reader", scope=Scope(read_only=True), scoped=True) == parsed("create_scoped_token")


def test_an_empty_list_in_a_scope_allows_nothing():
    scope = asked("create_scoped_token", scope={"actionTypes": [], "categories": None}).scope

    assert ((), None) == (scope.action_types, scope.categories)


@pytest.mark.parametrize(
    ("name", "members", "expected"),
    [
        (
            "create_delegation_token",
            {"label": None, "caps": None},
            {"label": "is required", "caps": "is required; an empty list shares the parent's limit"},
        ),
        ("create_delegation_token", {"label": "x" * 256}, {"label": "must be at most 255 characters, got 256"}),
        ("create_delegation_token", {"caps": [{"category": "a"}]}, {"caps[0].limit": "is required"}),
        (
            "create_delegation_token",
            {"caps": [{"category": "", "limit": 0}]},
            {"caps[0].category": "must not be blank", "caps[0].limit": "must be greater than zero"},
        ),
        (
            "create_delegation_token",
            {"caps": [{"category": "a", "limit": 1}, {"category": "A", "limit": 2}]},
            {"caps[1].category": "'a' is listed twice"},
        ),
        (
            "create_delegation_token",
            {"expiresAt": "2029-01-01T00:00:00Z"},
            {"expiresAt": "must be in the future, got '2029-01-01T00:00:00Z'"},
        ),
        ("create_delegation_token", {"parentTokenId": "x"}, {"parentTokenId": "must be a UUID, got 'x'"}),
        (
            "create_delegation_token",
            {"scope": {"maxTransactionQuantity": 0}},
            {"scope.maxTransactionQuantity": "must be greater than zero"},
        ),
        ("create_delegation_token", {"scope": {"actionTypes": [""]}}, {"scope.actionTypes[0]": "must not be blank"}),
        (
            "create_delegation_token",
            {"scope": {"readOnly": "x"}},
            {"scope.readOnly": "must be true or false, got text"},
        ),
        ("create_scoped_token", {"label": " ", "scope": None}, {"label": "must not be blank", "scope": "is required"}),
        ("create_api_key", {"description": "x" * 256}, {"description": "must be at most 255 characters, got 256"}),
        ("create_api_key", {"scope": "root"}, {"scope": "must be one of agent, operator, admin, read, got 'root'"}),
        (
            "create_api_key",
            {"budgetId": ID, "scope": "operator"},
            {"budgetId": "confines keys of scope agent only; send that scope, or leave the budget out"},
        ),
        ("create_api_key", {"expiresAt": "now"}, {"expiresAt": "is not an ISO 8601 time with an offset: 'now'"}),
    ],
)
def test_each_fault(name, members, expected):
    assert expected == faults(name, **members)


def test_caps_at_their_number_and_one_over():
    many = [{"category": f"c{i}", "limit": 1} for i in range(limits.CAPS_MAX + 1)]

    assert limits.CAPS_MAX == len(asked("create_delegation_token", caps=many[:-1]).caps)
    assert {"caps": "must have at most 100 members, got 101"} == faults("create_delegation_token", caps=many)


def test_a_key_is_an_admins_unless_told():
    assert CreateApiKey() == parsed("create_api_key")
    assert CreateApiKey() == parsed("create_api_key", raw=b"")
    assert CreateApiKey("ci", KeyScope.AGENT, instant(LATER)) == asked(
        "create_api_key", description="ci", scope="agent", expiresAt=LATER
    )
    assert ID == asked("create_api_key", scope="agent", budgetId=ID.upper()).budget_id


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("list_delegation_tokens", ListDelegations(ID)),
        ("get_delegation_token", GetDelegation(ID)),
        ("rotate_delegation_token", RotateDelegation(ID)),
        ("revoke_delegation_token", Revoke(ID)),
        ("list_api_keys", ListApiKeys()),
        ("revoke_api_key", RevokeApiKey(ID)),
        ("rotate_api_key", RotateApiKey(ID)),
    ],
)
def test_each_other_request(name, expected):
    assert expected == parsed(name)


def test_a_key_that_is_no_id_names_nothing():
    assert (
        "there is no API key 'fg_live_x'; ids are UUIDs"
        == refusal("revoke_api_key", path={"keyId": "fg_live_x"}).detail
    )
