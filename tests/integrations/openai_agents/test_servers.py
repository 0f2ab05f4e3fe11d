"""
Tools that no agent has at its start: those of MCP servers, agents that are tools, and a run that is resumed.
"""

from __future__ import annotations

import asyncio
import sys
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

pytest.importorskip("agents")
mcp = pytest.importorskip("agents.mcp", reason="this openai-agents knows no MCP servers")

from agents import Runner  # noqa: E402

from figuard.integrations.openai_agents import FiGuardRunHooks  # noqa: E402
from tests.integrations.openai_agents.desk import run, run_streamed, waiting_tool  # noqa: E402
from tests.integrations.shop import BROKEN  # noqa: E402

SERVER = Path(__file__).with_name("paid_server.py")
CALLS = [("buy", {"item": item, "price": price}) for item, price in (("a", 60), ("b", 60), (BROKEN, 30))]


@asynccontextmanager
async def selling(tmp_path):
    """
    A server in a process of its own, and the file of its sales.
    """
    sales = tmp_path / "sales"
    sales.touch()
    params = {"command": sys.executable, "args": [str(SERVER), str(sales)]}
    async with mcp.MCPServerStdio(params=params, cache_tools_list=True, client_session_timeout_seconds=30) as server:
        yield server, lambda: sales.read_text().split()


@pytest.mark.full
@pytest.mark.parametrize("runs", [run, run_streamed])
async def test_tools_of_an_mcp_server_are_guarded(model, desk, books, tmp_path, runs):
    """
    What the server itself calls an error releases the hold, though the SDK makes a text of it.
    """
    async with selling(tmp_path) as (server, sold):
        model.play(CALLS)
        guard = books.client.guard(books.budget, amount_key="price")

        await runs(desk.agent(mcp_servers=[server]), guard)

        assert len(sold()) == 2
        assert BROKEN in sold()
        assert any("FiGuard DENIED: INSUFFICIENT_FUNDS" in told for told in model.results)
        books.settled(60, CONFIRMED=1, DENIED=1, FAILED=1)


@pytest.mark.full
async def test_runs_that_share_a_server_pay_each_its_own(model, desk, books, tmp_path):
    async with selling(tmp_path) as (server, sold):
        agents = [desk.agent(mcp_servers=[server]) for _ in range(2)]
        budgets = [books.budget, books.client.create_budget("other", 100, currency="USD", expires_in="1h")]
        model.play(CALLS[:1], CALLS[:1])

        await asyncio.gather(
            *(
                run(agent, books.client.guard(budget, amount_key="price"))
                for agent, budget in zip(agents, budgets, strict=True)
            )
        )

        assert sold() == ["a", "a"]
        assert [60, 60] == [books.client.get_budget(budget.id).quantity_spent for budget in budgets]


async def test_an_agent_that_is_a_tool_spends_through_its_own_tools(model, desk, books, shop):
    inner = desk.agent(waiting_tool(shop), name="inner")
    outer = desk.agent(inner.as_tool(tool_name="ask_inner", tool_description="Ask."), name="outer")
    model.play(
        [("ask_inner", {"input": "buy"})], [("buy", {"item": "a", "price": 60}), ("buy", {"item": "b", "price": 60})]
    )

    await run(outer, books.client.guard(books.budget, amount_key="price"))

    assert len(shop.sold) == 1
    assert "FiGuard DENIED: INSUFFICIENT_FUNDS" in model.results[0]
    books.settled(60, CONFIRMED=1, DENIED=1)


async def test_agents_that_are_tools_pay_from_the_budget_of_their_run(model, desk, books, shop):
    inner = desk.agent(waiting_tool(shop), name="inner")
    outer = desk.agent(inner.as_tool(tool_name="ask_inner", tool_description="Ask."), name="outer")
    other = books.client.create_budget("other", 100, currency="USD", expires_in="1h")
    for budget in (books.budget, other):
        model.play([("ask_inner", {"input": "buy"})], [("buy", {"item": "a", "price": 60})])
        await run(outer, books.client.guard(budget, amount_key="price"))

    assert 60 == books.client.get_budget(other.id).quantity_spent
    books.settled(60, CONFIRMED=1)


async def test_a_resumed_run_asks_when_the_tool_runs(model, desk, books, shop):
    """
    A call that waits for a person's approval has asked for nothing; resumed, in a process that has never started the
    agent under hooks, it is guarded all the same.
    """
    call = [("buy", {"item": "a", "price": 60})]
    model.play(call)
    paused = await run(desk.agent(waiting_tool(shop, needs_approval=True)))
    agent = desk.agent(waiting_tool(shop, needs_approval=True))
    state = await type(paused.to_state()).from_string(agent, paused.to_state().to_string())
    state.approve(state.get_interruptions()[0])
    assert {} == books.decisions

    await Runner.run(agent, state, hooks=FiGuardRunHooks(books.client.guard(books.budget, amount_key="price")))

    assert shop.sold == ["a"]
    books.settled(60, CONFIRMED=1)


async def test_a_tool_that_a_tool_adds_is_guarded(model, desk, books, shop):
    agent = desk.agent()

    async def learn() -> str:
        agent.tools.append(waiting_tool(shop))
        return "learned"

    from agents import function_tool

    agent.tools.append(function_tool(learn))
    model.play([("learn", {})], [("buy", {"item": "a", "price": 60}), ("buy", {"item": "b", "price": 60})])

    await run(agent, books.client.guard(books.budget, amount_key="price", ignore_tools=["learn"]))

    assert len(shop.sold) == 1
    books.settled(60, CONFIRMED=1, DENIED=1)


@pytest.mark.parametrize("is_new", [False, True])
async def test_a_run_that_is_begun_again_is_charged_once(model, desk, books, shop, is_new):
    """
    A run that crashed is begun again under the same run id, and the model calls the same tool with the same id. The
    guard gives the result again; a new process only knows from the ledger that it was done.
    """
    guards = [books.client.guard(books.budget, amount_key="price", run_id="order-17") for _ in range(2)]
    for guard in guards if is_new else guards[:1] * 2:
        model.play([("buy", {"item": "a", "price": 60})])
        await run(desk.agent(waiting_tool(shop)), guard)

    assert shop.sold == ["a"]
    assert model.results[0].startswith("FiGuard DENIED: DUPLICATE_REQUEST" if is_new else "sold a")
    books.settled(60, CONFIRMED=1)
