"""
Single tools of the OpenAI Agents SDK: what is guarded, what stays as it was, and what is refused.
"""

from __future__ import annotations

import inspect

import pytest

agents = pytest.importorskip("agents")

from figuard.integrations.openai_agents import guard_tool, guarded_function_tool  # noqa: E402
from tests.integrations.openai_agents.desk import blocking_tool, by_decorator, run, waiting_tool  # noqa: E402


async def test_the_tool_itself_stays_as_it_was(model, desk, books, shop):
    tool = waiting_tool(shop)
    guard_tool(tool, books.client.guard(books.budget, amount_key="price"))
    model.play([("buy", {"item": "a", "price": 600})])

    await run(desk.agent(tool))

    assert shop.sold == ["a"]
    assert {} == books.decisions


async def test_a_guarded_tool_keeps_its_own_budget_under_hooks(model, desk, books, shop):
    other = books.client.create_budget("other", 100, currency="USD", expires_in="1h")
    tool = guard_tool(waiting_tool(shop), books.client.guard(books.budget, amount_key="price"))
    model.play([("buy", {"item": "a", "price": 60})])

    await run(desk.agent(tool), books.client.guard(other, amount_key="price"))

    assert 0 == books.client.get_budget(other.id).quantity_spent
    books.settled(60, CONFIRMED=1)


async def test_a_tool_written_by_hand_is_guarded(model, desk, books, shop):
    async def invoke(context, arguments):
        import json

        return await shop.buy_async(**json.loads(arguments))

    schema = {"type": "object", "properties": {"item": {"type": "string"}, "price": {"type": "number"}}}
    tool = agents.FunctionTool("buy", "Buy an item.", schema, invoke, strict_json_schema=False)
    model.play([("buy", {"item": "a", "price": 60}), ("buy", {"item": "b", "price": 60})])

    await run(desk.agent(guard_tool(tool, books.client.guard(books.budget, amount_key="price"))))

    assert len(shop.sold) == 1
    books.settled(60, CONFIRMED=1, DENIED=1)


async def test_a_tool_that_hooks_have_guarded_can_have_a_guard_of_its_own(model, desk, books, shop):
    other = books.client.create_budget("other", 100, currency="USD", expires_in="1h")
    tool, guard = waiting_tool(shop), books.client.guard(other, amount_key="price")
    model.play([("buy", {"item": "a", "price": 60})])
    await run(desk.agent(tool), guard)
    model.play([("buy", {"item": "b", "price": 60})])
    await run(desk.agent(guard_tool(tool, books.client.guard(books.budget, amount_key="price"))), guard)

    assert shop.sold == ["a", "b"]
    assert 60 == books.client.get_budget(other.id).quantity_spent
    books.settled(60, CONFIRMED=1)


@pytest.mark.parametrize("make", [waiting_tool, blocking_tool])
def test_what_is_guarded_already_is_refused(books, shop, make):
    guard = books.client.guard(books.budget)

    with pytest.raises(TypeError, match="guarded already"):
        guard_tool(guard_tool(make(shop), guard), guard)
    with pytest.raises(TypeError, match="guarded already"):
        guard_tool(by_decorator(make, shop, guard, books)[0], guard)


def test_what_runs_at_openai_is_refused(books):
    with pytest.raises(TypeError, match="runs nothing in this process"):
        guard_tool(agents.WebSearchTool(), books.client.guard(books.budget))


async def test_what_acts_here_but_through_no_function_stops_the_run(desk, books, model):
    if not hasattr(agents, "LocalShellTool"):
        pytest.skip("this openai-agents has no shell tool")
    model.play("nothing to do")
    agent = desk.agent(agents.LocalShellTool(executor=print))
    guard = books.client.guard(books.budget)

    with pytest.raises(TypeError, match="'local_shell' acts here and cannot be guarded"):
        await run(agent, guard)
    await run(agent, guard.with_options(ignore_tools=["local_shell"]))


def test_a_tool_that_does_not_lead_to_the_guard_is_refused(books, shop):
    """
    A release of the SDK that keeps the implementation elsewhere must not pass for guarded.
    """

    class Stubborn:
        name = "buy"
        params_json_schema = None

        @property
        def on_invoke_tool(self):
            return shop.buy_async

        @on_invoke_tool.setter
        def on_invoke_tool(self, invoker):
            pass

    with pytest.raises(TypeError, match="cannot be guarded"):
        guard_tool(Stubborn(), books.client.guard(books.budget))

    assert shop.sold == []


def test_the_schema_of_a_guarded_function_is_its_own(books, shop):
    plain, guarded = waiting_tool(shop), by_decorator(waiting_tool, shop, books.client.guard(books.budget), books)[0]

    assert (plain.name, plain.description, plain.params_json_schema) == (
        guarded.name, guarded.description, guarded.params_json_schema
    )  # fmt: skip


async def test_the_sdks_context_is_no_argument_of_the_extractor(model, desk, books, shop):
    seen = []

    def price(**arguments):
        seen.append(arguments)
        return arguments["price"]

    tool = waiting_tool(shop, guarded_function_tool(books.client, books.budget, amount_extractor=price))
    model.play([("buy", {"item": "a", "price": 60})])

    await run(desk.agent(tool))

    assert seen == [{"item": "a", "price": 60}]
    books.settled(60, CONFIRMED=1)


async def test_each_agent_of_a_fleet_spends_its_own_token(model, desk, books, shop):
    if "agent" not in inspect.signature(_tool_context()).parameters:
        pytest.skip("this openai-agents does not tell a tool whose it is")
    tokens = {
        name: books.client.create_delegation_token(books.budget, name, {"toys": limit}).session_token
        for name, limit in (("first", 70), ("second", 10))
    }
    second = desk.agent(waiting_tool(shop), name="second")
    first = desk.agent(waiting_tool(shop), name="first", handoffs=[second])
    model.play(
        [("buy", {"item": "a", "price": 30})], [("transfer_to_second", {})], [("buy", {"item": "b", "price": 30})]
    )

    guard = books.client.guard(token_resolver=lambda agent: tokens[agent], amount_key="price", category="toys")
    await run(first, guard)

    assert shop.sold == ["a"]
    assert [("first", "CONFIRMED"), ("second", "DENIED")] == [(one.agent_id, one.decision) for one in books.events]


def _tool_context():
    try:
        from agents.tool_context import ToolContext
    except ImportError:
        return lambda: None
    return ToolContext
