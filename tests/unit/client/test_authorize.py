"""
Asking before spending: what is sent, and what becomes the parent.
"""

from __future__ import annotations

from decimal import Decimal

import pytest

from figuard.client.context import Origin, digest, figuard_scope, origins
from figuard.client.models import AuthorizationResult, Budget, BudgetToken, DelegationToken
from figuard.client.ops.authorize import authorize, authorize_many, authorize_tokens
from figuard.client.steps import Replied
from figuard.wire import responses as r
from tests.unit.client.fakes import (
    BUDGET_ID,
    TOKEN,
    Driven,
    authorized,
    denied,
    session,
)


def ask(**arguments):
    """Run an authorization that is granted, and return its request."""
    done = Driven(authorize(session(), **{"budget": TOKEN, "amount": 10, **arguments}), [authorized()])
    if done.error:
        raise done.error
    return done.calls[0]


def test_an_authorization_says_what_it_asks_for():
    call = ask(agent_id="a", action_type="BUY", description="d", idempotency_key="k", claimed_category="flights")

    assert (call.operation.name, call.session_token) == ("authorize", TOKEN)
    body = call.body
    assert (body.agent_id, body.action_type, body.description) == ("a", "BUY", "d")
    assert (body.requested_quantity, body.idempotency_key, body.claimed_category) == (10, "k", "flights")


def test_what_is_default_is_not_sent():
    body = ask().body

    assert (body.dry_run, body.reserve, body.currency, body.parent_event_id) == (None, None, None, None)


def test_what_is_not_default_is_sent():
    body = ask(dry_run=True, reserve=False).body

    assert (body.dry_run, body.reserve) == (True, False)


@pytest.mark.parametrize("key", [None, "", "   "])
def test_a_missing_key_is_made_up(key):
    assert ask(idempotency_key=key).body.idempotency_key == "key-1"


def test_the_keys_own_place_is_the_body():
    assert ask(idempotency_key="schlüssel").idempotency_key is None


@pytest.mark.parametrize(
    "budget",
    [
        TOKEN,
        Budget("b", "u", 1, 0, 0, 1, "ACTIVE", tokens=[BudgetToken("default", TOKEN)]),
        BudgetToken("default", TOKEN),
        DelegationToken("t", "b", "label", "ACTIVE", "st_", [], session_token=TOKEN),
    ],
)
def test_a_token_is_found_in_whatever_carries_it(budget):
    assert ask(budget=budget).session_token == TOKEN


def test_the_older_names_still_work():
    call = ask(budget=None, amount=None, session_token=TOKEN, requested_quantity="12.50")

    assert (call.session_token, call.body.requested_quantity) == (TOKEN, Decimal("12.50"))


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"budget": None}, "give budget="),
        ({"budget": None, "session_token": "  "}, "blank"),
        ({"budget": None, "session_token": ""}, "blank"),
        ({"session_token": "st_other"}, "two different tokens"),
        ({"budget": Budget("b", "u", 1, 0, 0, 1, "ACTIVE")}, "carries no session token"),
        ({"amount": None}, "give amount="),
        ({"requested_quantity": 5}, "same thing"),
        ({"amount": -5}, "negative"),
        ({"amount": "ten"}, "not a number"),
        ({"amount": float("nan")}, "finite"),
        ({"amount": "0.000000001"}, "fraction digits"),
        ({"amount": True}, "bool"),
        ({"max_subtree_quantity": -1}, "max_subtree_quantity"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_anything_is_sent(arguments, says):
    with pytest.raises(ValueError, match=says):
        ask(**arguments)


@pytest.mark.parametrize(
    ("amount", "sent"), [(0, "0.00"), (0.1, "0.10"), ("0.30", "0.30"), (Decimal("1E+2"), "100.00")]
)
def test_amounts_are_sent_exactly(amount, sent):
    assert str(ask(amount=amount).body.requested_quantity) == sent


def test_a_denial_is_an_answer():
    done = Driven(authorize(session(), budget=TOKEN, amount=10), [denied()])

    assert (done.error, done.value.is_authorized) == (None, False)
    assert done.value.denial_reason == "INSUFFICIENT_FUNDS"


def test_an_authorization_does_not_become_the_parent_of_the_next():
    """
    Calls that follow each other are siblings. A sticky parent would make a staircase of a loop.
    """
    shared = session()
    steps = [Driven(authorize(shared, budget=TOKEN, amount=1), [authorized()]).calls[0] for _ in range(3)]

    assert [call.body.parent_event_id for call in steps] == [None, None, None]


def test_the_scope_around_a_call_is_its_parent():
    shared = session()
    parent = Driven(authorize(shared, budget=TOKEN, amount=1), [authorized(event_id="e-1")]).value
    with figuard_scope(parent):
        child = Driven(authorize(shared, budget=TOKEN, amount=1), [authorized()])

    assert child.calls[0].body.parent_event_id == "e-1"


def test_the_scope_of_another_budget_is_no_parent():
    shared = session()
    parent = Driven(authorize(shared, budget=TOKEN, amount=1), [authorized(event_id="e-2")]).value
    with figuard_scope(parent.event_id):
        child = Driven(authorize(shared, budget="st_another_budget", amount=1), [authorized()])

    assert child.calls[0].body.parent_event_id is None


def test_a_delegated_token_of_the_same_budget_keeps_the_chain():
    shared = session()
    parent = Driven(authorize(shared, budget=TOKEN, amount=1), [authorized(event_id="e-3")]).value
    delegated = DelegationToken("t", BUDGET_ID, "label", "ACTIVE", "st_", [], session_token="st_delegated")
    with figuard_scope(parent):
        child = Driven(authorize(shared, budget=delegated, amount=1), [authorized()])

    assert child.calls[0].body.parent_event_id == "e-3"


def test_what_a_budget_says_of_its_token_counts_from_then_on():
    shared = session()
    for budget_id in ("b1", "b2", "b2"):
        budget = Budget(budget_id, "u", 1, 0, 0, 1, "ACTIVE", tokens=[BudgetToken("default", TOKEN)])
        Driven(authorize(shared, budget=budget, amount=1), [denied()])

        assert shared.budgets.get(digest(TOKEN)) == budget_id


def test_a_parent_that_is_named_is_always_sent():
    origins.learn("elsewhere", Origin("other books", digest("st_other")))

    assert ask(parent_event_id="elsewhere").body.parent_event_id == "elsewhere"
    assert ask(parent_event_id=AuthorizationResult("e", "AUTHORIZED")).body.parent_event_id == "e"


def test_a_fallback_is_no_parent_for_the_service():
    assert ask(parent_event_id="fallback_k").body.parent_event_id is None


def test_tokens_are_asked_for_by_model():
    done = Driven(
        authorize_tokens(session(), budget=TOKEN, estimated_tokens=4000, model="small", metadata={"run": 1}),
        [authorized()],
    )
    body = done.calls[0].body

    assert (body.action_type, body.requested_quantity) == ("LLM_CALL", 4000)
    assert body.description == "small: about 4000 tokens"
    assert body.metadata == {"model": "small", "run": 1}


def test_several_are_asked_for_in_one_call():
    answer = Replied(
        r.AuthorizeBatchResponse(results=[authorized().value, denied().value], all_authorized=False, first_denied=1)
    )
    requests = [{"budget": TOKEN, "amount": 1}, {"budget": "st_other_budget_token", "amount": 2}]
    done = Driven(authorize_many(session(), requests, all_or_nothing=True), [answer])

    items = done.calls[0].body.requests
    assert [(item.session_token, item.requested_quantity) for item in items] == [
        (TOKEN, 1),
        ("st_other_budget_token", 2),
    ]
    assert done.calls[0].body.all_or_nothing is True
    assert (done.value.all_authorized, done.value.first_denied) == (False, 1)


def test_a_misspelled_argument_of_one_of_several_is_refused():
    done = Driven(authorize_many(session(), [{"budget": TOKEN, "amont": 1}], all_or_nothing=False))

    assert isinstance(done.error, TypeError)
    assert "'amont'" in str(done.error)
