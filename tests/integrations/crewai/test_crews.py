"""
A guarded crew of CrewAI: each member spends with a token of its own, whoever holds which tool.
"""

from __future__ import annotations

import sys
from decimal import Decimal

import pytest

from figuard.client.exceptions import FiGuardConfigError
from figuard.integrations.guard import FiGuardUnguardableError
from tests.integrations.shop import Shop

pytest.importorskip("crewai", minversion="1.0", reason="the loop of the older one is tested apart")

from crewai import Crew, Process, Task
from crewai.tools import tool

from figuard.integrations.crewai import auto_guard_crewai, guard_crew
from tests.integrations.crewai.desk import EachOffered, agent, crew_of, decorated, denials, of_class

PAID_SERVER = """
from mcp.server.fastmcp import FastMCP

server = FastMCP("shop")


@server.tool()
def buy(item: str, price: float) -> str:
    with open({log!r}, "a") as log:
        log.write(item + " ")
    return "sold " + item


server.run()
"""


def call(item, price, name="buy"):
    return (name, {"item": item, "price": price})


def spent_by(books, token):
    """What a member has spent of its caps."""
    return {cap.category: cap.quantity_spent for cap in books.client.get_delegation_token(token).caps}


def agents_of(books):
    return [(event.agent_id, event.decision) for event in books.events]


def test_each_member_is_stopped_at_its_own_cap(model, shop, books):
    buy = decorated(shop)  # one tool, held by both
    crew = crew_of(agent(model, [buy], "buyer"), agent(model, [buy], "seller"))
    guarded = guard_crew(
        crew, books.client, books.budget, caps={"buyer": {"goods": 30}, "seller": {"goods": 50}}, amount_key="price"
    )
    model.play([call("a", 20), call("b", 20)], "Done.", [call("c", 20), call("d", 20)], "Done.")

    crew.kickoff()

    books.settled(60, CONFIRMED=3, DENIED=1)
    assert 3 == len(shop.sold)
    assert {"DELEGATE_CAP_EXCEEDED"} == {event.denial_reason for event in books.events} - {None}
    assert {"goods": 20} == spent_by(books, guarded.tokens["buyer"])
    assert {"goods": 40} == spent_by(books, guarded.tokens["seller"])
    assert ["buyer", "buyer", "seller", "seller"] == [who for who, _ in agents_of(books)]


def test_members_without_caps_share_the_budget(model, shop, books):
    crew = crew_of(agent(model, [decorated(shop)], "buyer"), agent(model, [of_class(shop)], "seller"))
    guard_crew(crew, books.client, books.budget, amount_key="price")
    model.play([call("a", 60)], "Done.", [call("b", 60)], "Done.")

    crew.kickoff()

    books.settled(60, CONFIRMED=1, DENIED=1)
    assert [("buyer", "CONFIRMED"), ("seller", "DENIED")] == agents_of(books)


def test_members_at_work_at_the_same_time(books):
    """
    Their sales wait for each other, so they do meet.
    """
    shop = Shop(together=2)
    with EachOffered({"item": "a", "price": 20}) as model:
        members = [agent(model, [decorated(shop, f"buy_{who}")], who) for who in ("ann", "bob")]
        crew = crew_of(*members, agent(model, [], "clerk"))
        for task in crew.tasks[:2]:
            task.async_execution = True
        guarded = guard_crew(
            crew, books.client, books.budget, caps={"ann": {"x": 40}, "bob": {"y": 20}}, amount_key="price"
        )

        crew.kickoff()

    books.settled(40, CONFIRMED=2)
    assert [{"x": 20}, {"y": 20}] == [spent_by(books, guarded.tokens[who]) for who in ("ann", "bob")]


def test_a_copy_of_the_crew_is_guarded(model, shop, books):
    crew = crew_of(agent(model, [decorated(shop)]))
    guard_crew(crew, books.client, books.budget, amount_key="price")
    model.play([call("a", 60)], "Done.", [call("b", 60)], "Done.")

    crew.kickoff_for_each(inputs=[{}, {}])

    books.settled(60, CONFIRMED=1, DENIED=1)
    assert 1 == len(shop.sold)


def test_the_tools_of_a_task_are_those_of_its_agent(model, shop, books):
    buyer = agent(model, [], "buyer")
    task = Task(description="Buy.", expected_output="x", agent=buyer, tools=[decorated(shop)])
    crew = Crew(agents=[buyer], tasks=[task])
    guard_crew(crew, books.client, books.budget, caps={"buyer": {"goods": 10}}, amount_key="price")
    model.play([call("a", 20)], "Done.")

    crew.kickoff()

    books.settled(0, DENIED=1)
    assert [] == shop.sold
    assert [("buyer", "DENIED")] == agents_of(books)


def test_a_task_of_nobody_is_paid_by_the_manager(model, shop, books):
    buyer = agent(model, [], "buyer")
    task = Task(description="Buy.", expected_output="x", tools=[decorated(shop)])
    crew = Crew(agents=[buyer], tasks=[task], process=Process.hierarchical, manager_llm=buyer.llm)
    guard_crew(crew, books.client, books.budget, amount_key="price")
    model.play([call("a", 60), call("b", 60)], "Done.")

    crew.kickoff()

    books.settled(60, CONFIRMED=1, DENIED=1)
    assert {"manager"} == {who for who, _ in agents_of(books)}


def test_what_crewai_fetches_from_a_server_is_guarded(books, tmp_path):
    mcp = pytest.importorskip("crewai.mcp")
    log = tmp_path / "sold"
    (tmp_path / "server.py").write_text(PAID_SERVER.format(log=str(log)), encoding="utf-8")
    server = mcp.MCPServerStdio(command=sys.executable, args=[str(tmp_path / "server.py")])
    with EachOffered({"item": "a", "price": 60}, {"item": "b", "price": 60}) as model:
        crew = crew_of(agent(model, [], "buyer", mcps=[server]))
        guard_crew(crew, books.client, books.budget, amount_key="price")
        crew.kickoff()

        assert 1 == len(denials(model.results))
    assert 1 == len(log.read_text().split())
    books.settled(60, CONFIRMED=1, DENIED=1)


def test_one_line_opens_the_budget_too(model, shop, books):
    crew = crew_of(agent(model, [decorated(shop)]))
    guarded = guard_crew(crew, books.client, 50, amount_key="price", currency="EUR")
    model.play([call("a", 30)], [call("b", 30)], "Done.")

    crew.kickoff()

    [opened] = [one for one in books.client.iter_budgets() if one.currency == "EUR"]
    assert (50, 30, 0) == (opened.total_limit, opened.quantity_spent, opened.quantity_reserved)
    assert ["a"] == shop.sold
    assert ["buyer"] == list(guarded.tokens)


def test_one_line_needs_no_client(model, shop, monkeypatch, tmp_path):
    """
    Nothing is configured but where the file lies.
    """
    monkeypatch.setenv("FIGUARD_DATABASE", str(tmp_path / "own.db"))
    crew = crew_of(agent(model, [decorated(shop)]))
    guarded = guard_crew(crew, budget=50, amount_key="price")
    auto = auto_guard_crewai(of_class(shop), amount_key="price")

    told = [crew.agents[0].tools[0].run(item="a", price=40), crew.agents[0].tools[0].run(item="b", price=40)]
    told += [auto.tool.run(item="c", price=500), auto.tool.run(item="d", price=1)]

    assert [False, True, False, True] == [text.startswith("FiGuard DENIED: INSUFFICIENT_FUNDS") for text in told]
    assert ["a", "c"] == shop.sold
    for guard in (*guarded.guards, auto):
        guard.guard.client.close()


def test_tokens_of_ones_own(model, shop, books):
    token = books.client.create_delegation_token(books.budget, "mine", {"goods": 10})
    crew = crew_of(agent(model, [decorated(shop)]))
    guard_crew(crew, books.client, tokens={"buyer": token, "else": "unused"}, category="goods", amount_key="price")

    assert "DELEGATE_CAP_EXCEEDED" in crew.agents[0].tools[0].run(item="a", price=20)
    assert "sold a" in crew.agents[0].tools[0].run(item="a", price=10)
    assert {"goods": Decimal(10)} == spent_by(books, token)


def test_unwrapped_it_is_as_it_was(model, shop, books):
    buy = decorated(shop)
    crew = crew_of(agent(model, [buy], "buyer"), agent(model, [buy], "seller"))
    before = [list(map(id, holder.tools)) for holder in (*crew.agents, *crew.tasks)]
    attributes = [set(vars(holder)) for holder in crew.agents]
    guarded = guard_crew(crew, books.client, books.budget, amount_key="price")
    assert before != [list(map(id, holder.tools)) for holder in (*crew.agents, *crew.tasks)]

    assert guarded.unwrap() is crew

    assert before == [list(map(id, holder.tools)) for holder in (*crew.agents, *crew.tasks)]
    assert attributes == [set(vars(holder)) for holder in crew.agents]
    buy.run(item="a", price=500)
    books.settled(0)
    guard_crew(crew, books.client, books.budget, amount_key="price")
    assert "DENIED" in buy.run(item="b", price=500)


def test_a_crew_is_guarded_wholly_or_not_at_all(model, shop, books):
    @tool
    def later(count: int) -> str:
        """Cannot be guarded, since it is guarded already."""
        return "x" * count

    books.client.guard(books.budget)
    fine = decorated(shop)
    crew = crew_of(agent(model, [fine], "buyer"), agent(model, [later], "seller"))
    later.func = books.client.guard(books.budget)(later.func)

    with pytest.raises(FiGuardUnguardableError, match="guarded already"):
        guard_crew(crew, books.client, books.budget)

    assert "sold a" in fine.run(item="a", price=500)
    books.settled(0)


@pytest.mark.parametrize(
    ("terms", "says"),
    [
        ({}, "give a budget"),
        ({"tokens": {"buyer": "t"}, "budget": True}, "one of them"),
        ({"tokens": {}}, "no token for 'buyer'"),
        ({"tokens": {"buyer": "t"}, "caps": {"buyer": {"x": 1}}}, "caps with a budget"),
        ({"budget": True, "caps": {"nobody": {"x": 1}}}, "nobody in this crew is called 'nobody'"),
    ],
    ids=["nothing", "both", "no token", "caps of tokens", "nobody"],
)
def test_contradictions_are_refused(terms, says, model, shop, books):
    crew = crew_of(agent(model, [decorated(shop)]))
    if terms.get("budget"):
        terms = {**terms, "budget": books.budget}

    with pytest.raises(ValueError, match=says):
        guard_crew(crew, books.client, **terms)


def test_an_asyncio_client_needs_tokens(model, shop, books):
    crew = crew_of(agent(model, [decorated(shop)]))

    for budget in (books.budget, 500):
        with pytest.raises(FiGuardConfigError, match="must be awaited"):
            guard_crew(crew, books.waiting, budget)
