"""
An agent that exists already, guarded in one line with a budget of its own.
"""

from __future__ import annotations

import pytest

pytest.importorskip("langgraph")
pytest.importorskip("langchain_openai")

from langgraph.prebuilt import ToolNode

from figuard.integrations.guard import FiGuardUnguardableError
from figuard.integrations.langchain import auto_guard_langchain, guard_on
from tests.integrations.langchain.agents import awaited_tool, blocking_tool, chat, run
from tests.integrations.langchain.builds import BUILDS


@pytest.mark.parametrize("build", BUILDS)
@pytest.mark.parametrize("way", ["invoke", "ainvoke"])
async def test_one_line_guards_an_agent(model, shop, books, build, way):
    agent = build(model, [blocking_tool(shop)])

    guarded = auto_guard_langchain(
        agent, budget=100, currency="EUR", agent_id="me", amount_param="price", client=books.client
    )
    model.play([("buy", {"item": item, "price": 60}) for item in "ab"])
    await run(agent, way)

    assert guarded is agent
    assert len(shop.sold) == 1
    opened = books.client.get_budget(guard_on(agent).policy.budget.id)
    assert (opened.total_limit, opened.currency, opened.quantity_spent, opened.quantity_reserved) == (100, "EUR", 60, 0)
    assert {event.agent_id for event in books.client.iter_events(opened.id)} == {"me"}


def test_one_line_refuses_what_it_cannot_guard_and_creates_nothing(model, books):
    before = books.client.list_budgets().total_elements

    for thing in (chat(model), chat(model) | str, [len], []):
        with pytest.raises(FiGuardUnguardableError, match="cannot be guarded"):
            auto_guard_langchain(thing, client=books.client)
    assert books.client.list_budgets().total_elements == before


def test_one_line_takes_tools_and_nodes_too(shop, books):
    for thing in (blocking_tool(shop), [blocking_tool(shop), awaited_tool(shop)], ToolNode([blocking_tool(shop)])):
        auto_guard_langchain(thing, amount_param="price", velocity_max_per_minute=5, client=books.client)
        first = thing[0] if isinstance(thing, list) else thing
        opened = books.client.get_budget(guard_on(first).policy.budget.id)
        assert (opened.total_limit, opened.currency, opened.velocity_max_per_minute) == (500, "USD", 5)
