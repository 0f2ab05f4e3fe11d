"""
What the tests of the OpenAI Agents SDK share: agents, models that talk to the scripted server, and ways to run them.
"""

from __future__ import annotations

from agents import Agent, OpenAIChatCompletionsModel, OpenAIResponsesModel, RunContextWrapper, Runner, function_tool
from openai import AsyncOpenAI

from figuard.integrations.guard import ToolGuard
from figuard.integrations.openai_agents import FiGuardRunHooks, guard_tool, guarded_function_tool

THREE = [("buy", {"item": name, "price": price}) for name, price in (("a", 60), ("b", 60), ("c", 30))]
MODELS = {"responses": OpenAIResponsesModel, "chat": OpenAIChatCompletionsModel}


class Desk:
    """Makes agents on a scripted model, and runs them."""

    def __init__(self, model):
        self.model = model
        self._made = []

    def agent(self, *tools, api="responses", name="buyer", **fields):
        """An agent with these tools. The model's API is "responses" or "chat"."""
        self._made.append(AsyncOpenAI(base_url=self.model.openai_url, api_key="none", max_retries=0))
        return Agent(name=name, tools=list(tools), model=MODELS[api]("gpt-4o-mini", self._made[-1]), **fields)

    async def close(self):
        for client in self._made:
            await client.close()


def waiting_tool(shop, decorate=lambda function: function, **options):
    """The tool "buy", a coroutine function with the SDK's context."""

    async def buy(context: RunContextWrapper, item: str, price: float) -> str:
        """Buy an item."""
        return await shop.buy_async(item, price)

    return function_tool(**options)(decorate(buy))


def blocking_tool(shop, decorate=lambda function: function, **options):
    """The tool "buy", a blocking function."""

    def buy(item: str, price: float) -> str:
        """Buy an item."""
        return shop.buy(item, price)

    return function_tool(**options)(decorate(buy))


async def run(agent, guard=None, **options):
    """Run an agent, under hooks if there is a guard."""
    return await Runner.run(agent, "go", **_hooks(guard), **options)


async def run_streamed(agent, guard=None, **options):
    """Run an agent and take its events as they come."""
    result = Runner.run_streamed(agent, "go", **_hooks(guard), **options)
    async for _ in result.stream_events():
        pass
    return result


def _hooks(guard):
    return {"hooks": FiGuardRunHooks(guard)} if isinstance(guard, ToolGuard) else {}


def by_hooks(make, shop, guard, books):
    """The run's hooks guard the tool."""
    return make(shop), guard


def by_guard_tool(make, shop, guard, books):
    """The tool is guarded."""
    return guard_tool(make(shop), guard), None


def by_decorator(make, shop, guard, books):
    """The function below the tool is guarded."""
    return make(shop, guarded_function_tool(guard.client, books.budget, amount_key="price")), None


def assert_one_was_denied(model, shop, books):
    """Of 60 + 60 + 30 against 100, one 60 did not fit: two ran, and the model read of the third."""
    assert len(shop.sold) == 2
    assert "c" in shop.sold
    assert len(model.results) == 3
    (denial,) = [told for told in model.results if "DENIED" in told]
    assert denial.startswith("FiGuard DENIED: INSUFFICIENT_FUNDS — ")
    books.settled(90, CONFIRMED=2, DENIED=1)
