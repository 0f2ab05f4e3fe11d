"""
A guarded tool of CrewAI, in CrewAI's own loop: a denied body does not run, the model reads why, nothing stays held.
"""

from __future__ import annotations

import asyncio
import gc
import logging
from decimal import Decimal

import pytest

from figuard.integrations.guard import FiGuardUnguardableError
from tests.integrations.crewai.desk import (
    HOWS,
    KINDS,
    THREE,
    Buy,
    agent,
    crew_of,
    decorated,
    decorated_async,
    denials,
    of_both,
    of_class,
)
from tests.integrations.shop import BROKEN, Shop

pytest.importorskip("crewai", minversion="1.0", reason="the loop of the older one is tested apart")

from crewai.tools import tool

from figuard.integrations.crewai import FiGuardCrewGuard, auto_guard_crewai

DENIAL = "FiGuard DENIED: INSUFFICIENT_FUNDS — "


def guarded(made, books, **options):
    """A tool under the guard of the books."""
    return FiGuardCrewGuard(made, books.client, books.budget.session_token, amount_key="price", **options).tool


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize("kind", KINDS)
def test_of_three_calls_in_one_turn_one_is_denied_and_one_fails(kind, how, stream, model, shop, books):
    """
    They run in threads, at once, so either of the first two may come first.
    """
    model.play(THREE)
    crew = crew_of(agent(model, [guarded(KINDS[kind](shop), books)], stream=stream))

    HOWS[how](crew)

    books.settled(60, CONFIRMED=1, DENIED=1, FAILED=1)
    assert [BROKEN] == [item for item in shop.sold if item == BROKEN]
    assert 2 == len(shop.sold)
    [denial] = denials(model.results)
    assert denial.startswith(DENIAL)
    assert "40.00" in denial or "10.00" in denial
    assert 3 == len(model.results)


def test_the_same_over_a_server(model, shop, served_books):
    model.play(THREE)

    crew_of(agent(model, [guarded(decorated(shop), served_books)])).kickoff()

    served_books.settled(60, CONFIRMED=1, DENIED=1, FAILED=1)
    assert 2 == len(shop.sold)
    assert 1 == len(denials(model.results))


@pytest.mark.parametrize("kind", ["function", "class"])
def test_calls_of_one_turn_run_at_once(kind, model, books):
    """
    Each sale waits for the other, so a guard that let one pass at a time would end in a time-out.
    """
    shop = Shop(together=2)
    model.play([("buy", {"item": "a", "price": 50}), ("buy", {"item": "b", "price": 50})])

    crew_of(agent(model, [guarded(KINDS[kind](shop), books)])).kickoff()

    books.settled(100, CONFIRMED=2)


def test_a_denial_is_not_cached(model, shop, books):
    """
    CrewAI keeps results of tools. After the budget was raised, the same call runs; and then its result is kept.
    """
    made = guarded(decorated(shop), books)
    crew = crew_of(agent(model, [made], cache=True), cache=True)
    dear = ("buy", {"item": "car", "price": 500})
    model.play([dear])
    crew.kickoff()
    assert [] == shop.sold
    books.client.fund_budget(books.budget.id, "CREDIT", 900)

    model.play([dear], [dear], "Done.")
    crew.kickoff()

    assert ["car"] == shop.sold
    assert 2 == len(model.results)
    books.settled(500, CONFIRMED=1, DENIED=1)


def test_a_veto_of_ones_own_stays(shop, books):
    made = decorated(shop)
    made.cache_function = lambda _arguments=None, result=None: result != "secret"
    guard = FiGuardCrewGuard(made, books.client, books.budget)

    assert [made.cache_function({}, result) for result in ("FiGuard DENIED: X — y", "secret", "open")] == [
        False,
        False,
        True,
    ]
    guard.unwrap()
    assert made.cache_function({}, "FiGuard DENIED: X — y") is True


@pytest.mark.parametrize("call", [lambda made: made.run("a", 60), lambda made: made.run(item="a", price=60)])
@pytest.mark.parametrize("kind", KINDS)
def test_by_position_and_by_name(kind, call, shop, books):
    made = guarded(KINDS[kind](shop), books)

    results = [call(made), call(made)]

    assert "sold a for 60" in results[0]
    assert results[1].startswith(DENIAL)
    assert ["a"] == shop.sold
    books.settled(60, CONFIRMED=1, DENIED=1)


@pytest.mark.parametrize("make", [decorated_async, of_both])
def test_awaited(make, shop, books):
    made = guarded(make(shop), books)

    results = [asyncio.run(made.arun(item="a", price=60)), asyncio.run(made.arun("b", 60))]

    assert "sold a" in results[0]
    assert results[1].startswith(DENIAL)
    books.settled(60, CONFIRMED=1, DENIED=1)


@pytest.mark.parametrize("kind", KINDS)
def test_a_default_is_an_amount_like_any_other(kind, shop, books):
    made = guarded(KINDS[kind](shop), books)

    made.run(item="a")

    books.settled(7, CONFIRMED=1)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_structured_tool_is_guarded_whenever_it_was_made(when, kind, shop, books):
    made = KINDS[kind](shop)
    early = made.to_structured_tool()
    guarded(made, books)
    structured = early if when == "before" else made.to_structured_tool()

    results = [structured.invoke({"item": "a", "price": 60}), structured.invoke({"item": "b", "price": 60})]

    assert "sold a" in results[0]
    assert results[1].startswith(DENIAL)
    books.settled(60, CONFIRMED=1, DENIED=1)


def test_a_structured_tool_alone(shop, books):
    structured = of_class(shop).to_structured_tool()
    guarded(structured, books)
    gc.collect()

    assert "sold a" in structured.invoke({"item": "a", "price": 60})
    assert structured.invoke({"item": "b", "price": 60}).startswith(DENIAL)
    books.settled(60, CONFIRMED=1, DENIED=1)


def test_a_tool_that_says_that_it_failed_releases_its_hold(books):
    """
    It returns CrewAI's own word for a failure and raises nothing.
    """
    failure = pytest.importorskip("crewai.tools.tool_failure")

    @tool
    def buy(price: float) -> object:
        """Buy."""
        return failure.ToolFailure(message="sold out", code="E7")

    result = guarded(buy, books).run(price=60)

    assert isinstance(result, failure.ToolFailure)
    books.settled(0, FAILED=1)
    assert "sold out (code: E7)" == books.events[0].error_message


def test_several_tools_share_one_budget(shop, books):
    first = FiGuardCrewGuard(decorated(shop, "first"), books.client, books.budget, amount_key="price")
    second = first.also(of_class(shop))

    assert "sold a" in first.tool.run(item="a", price=60)
    assert second.tool.run(item="b", price=60).startswith(DENIAL)
    assert ["first", "buy"] == [event.description for event in books.events]


def test_what_a_call_is_said_to_be(shop, books, caplog):
    caplog.set_level(logging.INFO, "figuard")
    made = FiGuardCrewGuard(
        decorated(shop),
        books.client,
        books.budget,
        category="shopping",
        agent_id="ann",
        amount_extractor=lambda item, price: price * len(item),
        debug=True,
    ).tool

    made.run(item="ab", price=5)

    [event] = books.events
    assert ("ann", "shopping", "TOOL_CALL", "buy", Decimal(10)) == (
        event.agent_id,
        event.claimed_category,
        event.action_type,
        event.description,
        event.confirmed_quantity,
    )
    assert "asking for 10.00 for buy in category shopping" in caplog.text


def test_an_unknown_amount_is_denied_or_has_its_price(books):
    @tool
    def look(place: str) -> str:
        """Look."""
        return f"nothing in {place}"

    guard = FiGuardCrewGuard(look, books.client, books.budget)
    denied = look.run(place="here")
    guard.unwrap()
    FiGuardCrewGuard(look, books.client, books.budget, on_unknown_amount="0.50")

    assert denied.startswith("FiGuard DENIED: UNKNOWN_AMOUNT — ")
    assert "nothing in there" == look.run(place="there")
    books.settled("0.50", CONFIRMED=1)


def test_what_it_really_cost_is_confirmed(shop, books):
    made = guarded(decorated(shop), books, cost_extractor=lambda result: float(result.rpartition(" ")[2]) - 10)

    made.run(item="a", price=60)

    books.settled(50, CONFIRMED=1)


@pytest.mark.parametrize("kind", KINDS)
def test_unwrapped_it_is_as_it_was(kind, shop, books):
    made = KINDS[kind](shop)
    early = made.to_structured_tool()
    before = dict(vars(made))
    guard = FiGuardCrewGuard(made, books.client, books.budget)

    assert guard.unwrap() is made
    assert before == vars(made)
    guard.unwrap()
    made.run(item="a", price=500)
    early.invoke({"item": "b", "price": 500})
    assert ["a", "b"] == shop.sold
    books.settled(0)


@pytest.mark.parametrize("kind", KINDS)
def test_guarded_twice_is_refused_and_charges_once(kind, shop, books):
    made = guarded(KINDS[kind](shop), books)

    with pytest.raises(FiGuardUnguardableError, match="guarded already"):
        guarded(made, books)

    made.run(item="a", price=60)
    books.settled(60, CONFIRMED=1)


def test_the_proof_leaves_no_trace(shop, books):
    """
    To prove that the guard is in the way, the tool is called once; that call is neither made nor counted.
    """
    made = decorated(shop)
    made.max_usage_count = 1
    guarded(made, books)

    assert ([], 0, 1) == (shop.sold, made.current_usage_count, made.max_usage_count)
    assert "sold a" in made.run(item="a", price=1)


class Sly(Buy):
    """A tool that does its work in another method than it says."""

    def run(self, item: str, price: float = 7) -> str:
        return self.shop.buy(item, price)


@pytest.mark.parametrize(
    "made",
    [lambda _shop: print, lambda _shop: "buy", lambda _shop: None, lambda shop: Sly(shop=shop)],
    ids=["function", "text", "nothing", "sly"],
)
def test_what_cannot_be_guarded_is_refused(made, shop, books):
    refused = made(shop)

    with pytest.raises(FiGuardUnguardableError):
        FiGuardCrewGuard(refused, books.client, books.budget)

    assert [] == shop.sold
    assert "_run" not in getattr(refused, "__dict__", {})


@pytest.mark.parametrize("make", [decorated_async, of_both])
def test_an_asyncio_client_guards_what_is_awaited(make, shop, books):
    made = FiGuardCrewGuard(make(shop), books.waiting, books.budget, amount_key="price").tool

    assert "sold a" in asyncio.run(made.arun(item="a", price=60))
    assert asyncio.run(made.arun(item="b", price=60)).startswith(DENIAL)
    books.settled(60, CONFIRMED=1, DENIED=1)


def test_an_asyncio_client_lets_nothing_blocking_run(shop, books):
    with pytest.raises(TypeError, match="AsyncFiGuardClient"):
        FiGuardCrewGuard(decorated(shop), books.waiting, books.budget)
    both = FiGuardCrewGuard(of_both(shop), books.waiting, books.budget, amount_key="price").tool

    with pytest.raises(TypeError, match="AsyncFiGuardClient"):
        both.run(item="a", price=60)

    assert [] == shop.sold


def test_an_unknown_option_is_refused(shop, books):
    with pytest.raises(TypeError, match="amount_kee"):
        FiGuardCrewGuard(decorated(shop), books.client, books.budget, amount_kee="price")


def test_one_line_opens_a_budget_and_guards(shop, books):
    guard = auto_guard_crewai(
        decorated(shop), 50, "EUR", agent_id="bob", amount_key="price", velocity_max_per_minute=3, client=books.client
    )
    other = guard.also(of_class(shop))
    opened = books.client.get_budget(guard.guard.policy.budget)

    assert ("EUR", 50, 3) == (opened.currency, opened.total_limit, opened.velocity_max_per_minute)
    assert "sold a" in guard.tool.run(item="a", price=30)
    assert other.tool.run(item="b", price=30).startswith(DENIAL)
    assert {"bob"} == {event.agent_id for event in books.client.iter_events(opened.id)}


def test_the_error_of_a_tool_comes_out_and_its_hold_is_released(shop, books):
    made = guarded(decorated(shop), books)

    with pytest.raises(RuntimeError, match="on fire"):
        made.run(item=BROKEN, price=60)

    books.settled(0, FAILED=1)
