"""
CrewAI's other loop, where the model writes its tool calls as text: the only one of the oldest release.
"""

from __future__ import annotations

import pytest

from tests.integrations.shop import BROKEN

pytest.importorskip("crewai")

from crewai.tools import tool

from figuard.integrations.crewai import FiGuardCrewGuard, auto_guard_crewai, guard_crew
from tests.integrations.crewai.desk import Buy, TextOnly, agent, crew_of, decorated, of_class

KINDS = {"function": decorated, "class": of_class}


@pytest.fixture
def writer():
    """
    A model that writes its calls.
    """
    with TextOnly() as server:
        yield server


def writing(model, tools, role="buyer"):
    """An agent whose model knows no tool calls."""
    made = agent(model, tools, role)
    object.__setattr__(made.llm, "supports_function_calling", lambda: False)
    return made


@pytest.mark.parametrize("kind", KINDS)
def test_of_three_calls_one_is_denied_and_one_fails(kind, writer, shop, books):
    guard = FiGuardCrewGuard(KINDS[kind](shop), books.client, books.budget.session_token, amount_key="price")
    calls = [{"item": "a", "price": 60}, {"item": "b", "price": 60}, {"item": BROKEN, "price": 30}]
    writer.play(*([("buy", arguments)] for arguments in calls))

    crew_of(writing(writer, [guard.tool])).kickoff()

    assert 60 == books.spent
    assert 0 == books.reserved
    assert [] == books.client.verify_ledger(books.budget.id).findings
    # CrewAI tries again what raised; each attempt is released.
    attempts = shop.sold.count(BROKEN)
    assert {"CONFIRMED": 1, "DENIED": 1, "FAILED": attempts} == books.decisions
    assert ["a"] == [item for item in shop.sold if item != BROKEN]
    assert attempts >= 1
    assert "FiGuard DENIED: INSUFFICIENT_FUNDS — " in writer.observed


def test_the_same_over_a_server(writer, shop, served_books):
    FiGuardCrewGuard(made := decorated(shop), served_books.client, served_books.budget, amount_key="price")
    writer.play([("buy", {"item": "a", "price": 60})], [("buy", {"item": "b", "price": 60})])

    crew_of(writing(writer, [made])).kickoff()

    served_books.settled(60, CONFIRMED=1, DENIED=1)
    assert ["a"] == shop.sold


def test_a_denial_is_not_cached(writer, shop, books):
    """
    CrewAI keeps results of tools. Another call between the two, since it refuses to make the same one twice in a row.
    """
    FiGuardCrewGuard(made := decorated(shop), books.client, books.budget, amount_key="price")
    crew = crew_of(writing(writer, [made]), cache=True)
    writer.play([("buy", {"item": "car", "price": 500})])
    crew.kickoff()
    assert [] == shop.sold
    books.client.fund_budget(books.budget.id, "CREDIT", 900)

    writer.play([("buy", {"item": "pen", "price": 1})], [("buy", {"item": "car", "price": 500})])
    crew.kickoff()

    assert ["pen", "car"] == shop.sold
    books.settled(501, CONFIRMED=2, DENIED=1)


def test_its_own_retry_does_not_pay_again(writer, books):
    """
    CrewAI repeats a call that raised. Here the money had moved, and the answer got lost.
    """
    paid = []

    @tool("pay")
    def pay(invoice: str, amount: float) -> str:
        """Pay an invoice."""
        paid.append(amount)
        if len(paid) == 1:
            raise TimeoutError("no answer")
        return "paid"

    FiGuardCrewGuard(pay, books.client, books.budget, key=lambda call: call["invoice"])
    writer.play([("pay", {"invoice": "INV-1", "amount": 50})])

    crew_of(writing(writer, [pay])).kickoff()

    assert [50] == paid
    [event] = books.events
    assert ("UNKNOWN", 50) == (event.outcome, event.held_quantity)
    assert "FiGuard DENIED: DUPLICATE_REQUEST" in writer.observed


def test_members_of_a_crew_have_tokens_of_their_own(writer, shop, books):
    buy = decorated(shop)
    crew = crew_of(writing(writer, [buy], "buyer"), writing(writer, [buy], "seller"))
    guarded = guard_crew(
        crew, books.client, books.budget, caps={"buyer": {"goods": 10}, "seller": {"goods": 50}}, amount_key="price"
    )
    for member in crew.agents:
        member.tools[0].run(item="a", price=20)

    assert [("buyer", "DELEGATE_CAP_EXCEEDED"), ("seller", None)] == [
        (event.agent_id, event.denial_reason) for event in books.events
    ]
    assert {"buyer", "seller"} == set(guarded.tokens)
    books.settled(20, CONFIRMED=1, DENIED=1)


def test_the_names_that_are_known(writer, shop, books):
    guard = auto_guard_crewai(decorated(shop), 50, amount_key="price", client=books.client)
    other = guard.also(Buy(shop=shop))

    assert "sold a" in guard.tool.run(item="a", price=30)
    assert other.tool.run("b", 30).startswith("FiGuard DENIED: INSUFFICIENT_FUNDS")
    assert "sold" in guard.unwrap().run(item="c", price=500)
