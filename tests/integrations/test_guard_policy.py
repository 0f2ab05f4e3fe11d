"""
What the shared guard asks for: amounts, categories, agents and their tokens, and what stays off the ledger.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass

import pytest

from figuard.integrations.guard import ToolCall
from tests.integrations.books import Books


@pytest.mark.parametrize(
    ("options", "arguments", "asked"),
    [
        ({}, {"amount": 7}, 7),
        ({}, {"amount": "7.50"}, 7.5),
        ({"amount_key": "price"}, {"amount": 1, "price": 7}, 7),
        ({"amount_extractor": lambda hotel, flight, **_: hotel + flight}, {"hotel": 3, "flight": 4, "amount": 1}, 7),
        ({"amount_extractor": lambda **call: call["hotel"] * 2}, {"hotel": 3.5}, 7),
        ({"amount_extractor": lambda call: call["hotel"] + call["flight"]}, {"hotel": 3, "flight": 4, "amount": 1}, 7),
        ({"price": 7}, {"amount": 1}, 7),
        ({"price": {"buy": 7}}, {"amount": 1}, 7),
        ({"price": {"sell": 7}}, {"amount": 1}, 1),
        ({"price_per_unit": "0.07", "unit_key": "pages"}, {"pages": 100, "amount": 1}, 7),
        ({"price_per_unit": 3.5, "unit_key": "pages"}, {"pages": ["one", "two"]}, 7),
        ({"price": {"buy": 7}, "price_per_unit": 2}, {"quantity": 3}, 7),
        ({"price": {"sell": 7}, "price_per_unit": 2}, {"quantity": 3}, 6),
    ],
)
def test_the_amount_is_found(books, options, arguments, asked):
    guard = books.client.guard(books.budget, **options)

    guard.run(ToolCall("buy", arguments), lambda: "done")
    books.settled(asked, CONFIRMED=1)


UNKNOWN = [
    ({}, {}),
    ({}, {"price": 400}),
    ({}, {"amount": None}),
    ({}, {"amount": "many"}),
    ({}, {"amount": -5}),
    ({}, {"amount": float("nan")}),
    ({}, {"amount": True}),
    ({"amount_extractor": lambda call: call["typo"]}, {"amount": 1}),
    ({"amount_extractor": lambda _: None}, {"amount": 1}),
    ({"price_per_unit": 2}, {"amount": 1}),
    ({"price_per_unit": 2}, {"quantity": "some"}),
]


@pytest.mark.parametrize(("options", "arguments"), UNKNOWN)
def test_an_amount_nobody_can_tell_is_denied(books, options, arguments):
    guard = books.client.guard(books.budget, **options)

    told = guard.run(ToolCall("buy", arguments), lambda: pytest.fail("it ran"))

    assert told.startswith("FiGuard DENIED: UNKNOWN_AMOUNT — the amount of this call of 'buy' is not known")
    assert books.events == []


@pytest.mark.parametrize("price", [0, "12.50"])
@pytest.mark.parametrize(("options", "arguments"), UNKNOWN)
def test_an_amount_nobody_can_tell_may_have_a_price(books, options, arguments, price):
    guard = books.client.guard(books.budget, on_unknown_amount=price, **options)

    assert guard.run(ToolCall("buy", arguments), lambda: "done") == "done"
    books.settled(price, CONFIRMED=1)


def test_fractions_of_a_unit_price_are_rounded_up(books):
    guard = books.client.guard(books.budget, price_per_unit="0.00000001", unit_key="seconds")

    guard.run(ToolCall("compute", {"seconds": "0.5"}), lambda: "done")
    books.settled("0.00000001", CONFIRMED=1)


def test_a_tool_has_its_own_category_and_the_rest_have_the_common_one():
    allocations = [
        {"category": name, "limit": limit, "allowedCategories": [name]}
        for name, limit in (("travel", 50), ("books", 9))
    ]
    with closing(Books(allocations=allocations)) as books:
        guard = books.client.guard(
            books.budget, category="books", tool_category_map={"fly": "travel"}, amount_key="price"
        )

        assert guard.run(ToolCall("fly", {"price": 40}), lambda: "flown") == "flown"
        assert guard.run(ToolCall("read", {"price": 9}), lambda: "read") == "read"
        denied = guard.run(ToolCall("read", {"price": 1}), lambda: pytest.fail("it ran"))

        assert denied.startswith("FiGuard DENIED: ALLOCATION_EXHAUSTED — ")
        assert [event.claimed_category for event in books.events] == ["travel", "books", "books"]


def test_a_category_may_depend_on_the_arguments(books):
    guard = books.client.guard(books.budget, category=lambda call: call["kind"])

    guard.run(ToolCall("buy", {"amount": 1, "kind": "toys"}), lambda: "done")
    assert books.events[0].claimed_category == "toys"


def test_ignored_tools_run_unasked(books):
    guard = books.client.guard(books.budget, ignore_tools={"look"})

    assert guard.run(ToolCall("look", {}), lambda: "seen") == "seen"
    assert books.events == []


def test_each_agent_of_a_fleet_spends_from_its_own_token(books):
    tokens = {
        name: books.client.create_delegation_token(books.budget.id, name, [{"category": "general", "limit": limit}])
        for name, limit in (("scout", 10), ("buyer", 60))
    }
    guard = books.client.guard(token_resolver=tokens.__getitem__, category="general")

    told = {
        name: guard.run(ToolCall("buy", {"amount": 50}, agent_id=name), lambda: "bought") for name in ("scout", "buyer")
    }

    assert told["scout"].startswith("FiGuard DENIED: DELEGATE_CAP_EXCEEDED — ")
    assert told["buyer"] == "bought"
    assert {event.agent_id: event.decision for event in books.events} == {"scout": "DENIED", "buyer": "CONFIRMED"}
    books.settled(50, CONFIRMED=1, DENIED=1)


def test_an_agent_without_a_token_does_not_run(books):
    guard = books.client.guard(token_resolver=lambda _: "")

    with pytest.raises(ValueError, match="empty token for agent 'ghost'"):
        guard.run(ToolCall("buy", {"amount": 1}, agent_id="ghost"), lambda: pytest.fail("it ran"))
    assert books.events == []


def test_a_call_without_an_agent_warns_and_asks_for_nobody(books, caplog):
    asked = []
    guard = books.client.guard(token_resolver=lambda agent: asked.append(agent) or books.budget)

    guard.run(ToolCall("buy", {"amount": 1}), lambda: "done")

    assert asked == [None]
    assert "names no agent" in caplog.text


def test_many_tools_share_one_budget(books):
    guard = books.client.guard(books.budget)
    fly = guard.wrap(lambda amount: f"flown for {amount}", tool="fly")
    stay = guard.with_options(amount_key="nights").wrap(lambda nights: f"slept {nights}", tool="stay")

    assert fly(60) == "flown for 60"
    assert stay(60).startswith("FiGuard DENIED: INSUFFICIENT_FUNDS — ")
    books.settled(60, CONFIRMED=1, DENIED=1)


def test_the_event_names_the_tool_and_none_of_its_inputs(books):
    guard = books.client.guard(books.budget, metadata={"team": "red"})

    guard.run(ToolCall("buy", {"amount": 1, "card": "4111-1111"}, call_id="c1", run_id="r1"), lambda: "done")

    (event,) = books.events
    assert event.description == "buy"
    assert event.action_type == "TOOL_CALL"
    assert event.metadata == {"team": "red", "tool": "buy", "toolCallId": "c1", "runId": "r1"}
    assert "4111" not in repr(event)
    assert "4111" not in repr(books.client.ledger_entries(books.budget.id))


def test_inputs_are_recorded_when_asked_for_and_cut_short(books):
    guard = books.client.guard(books.budget, record_inputs=True)

    guard.run(ToolCall("buy", {"amount": 1, "note": "x" * 5000}), lambda: "done")

    description = books.events[0].description
    assert description.startswith('buy: {"amount": 1, "note": "xxx')
    assert len(description) == len("buy: ") + 200


def test_the_currency_is_passed_on(books):
    guard = books.client.guard(books.budget, currency="EUR")

    assert guard.run(ToolCall("buy", {"amount": 1}), lambda: pytest.fail("it ran")).startswith(
        "FiGuard DENIED: CURRENCY_MISMATCH — "
    )


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({}, "needs a budget"),
        ({"budget": "st_1", "token_resolver": str}, "not both"),
        ({"budget": "st_1", "price": 1, "amount_extractor": len}, "not both"),
        ({"budget": "st_1", "price": 1, "price_per_unit": 1}, "contradict"),
        ({"budget": "st_1", "cost_key": "paid", "cost_extractor": len}, "not both"),
        ({"budget": "st_1", "on_unknown_amount": "allow"}, "on_unknown_amount"),
        ({"budget": "st_1", "on_unknown_amount": -1}, "on_unknown_amount"),
        ({"budget": "st_1", "price": "cheap"}, "price"),
        ({"budget": "st_1", "price": {"buy": -1}}, "price"),
        ({"budget": "st_1", "on_denied": "shrug"}, "on_denied"),
        ({"budget": "st_1", "on_cancel": "shrug"}, "on_cancel"),
    ],
)
def test_settings_that_make_no_sense_are_refused(books, options, says):
    with pytest.raises(ValueError, match=says):
        books.client.guard(**options)


def test_one_name_is_no_list_of_names(books):
    with pytest.raises(TypeError, match="ignore_tools"):
        books.client.guard(books.budget, ignore_tools="look")


@dataclass
class Order:
    item: str


@pytest.mark.parametrize("value", [{"b": 1, "a": [1, 2]}, {"x", "y"}, Order("milk"), 1.5, None, object()])
def test_equal_arguments_make_one_key_whatever_they_are(books, value):
    def call(item):
        return ToolCall("buy", {"amount": 1, "item": item}, call_id="c1", run_id="r1")

    policy = books.client.guard(books.budget).policy
    again = object() if type(value) is object else value

    assert policy.key_of(call(value)) == policy.key_of(call(again))
    assert policy.key_of(call(value)) != policy.key_of(call("something else"))
