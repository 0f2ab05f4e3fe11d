"""
What the tests of LangChain share: a model that speaks over HTTP, tools of a shop, and the script of three calls.
"""

from __future__ import annotations

import asyncio

from langchain_core.tools import BaseTool, tool
from langchain_openai import ChatOpenAI

THREE = [("buy", {"item": item, "price": price}) for item, price in (("a", 60), ("b", 60), ("c", 30))]
"""Three calls in one turn, of which a budget of 100 bears two."""
GO = {"messages": [("user", "go")]}
DENIED = "FiGuard DENIED: INSUFFICIENT_FUNDS — "


def chat(model, **options):
    """Return LangChain's own client of the scripted model."""
    return ChatOpenAI(model="gpt-4o-mini", base_url=model.openai_url, api_key="unused", max_retries=0, **options)


def blocking_tool(shop):
    @tool
    def buy(item: str, price: float = 5) -> str:
        """Buy an item."""
        return shop.buy(item, price)

    return buy


def awaited_tool(shop):
    @tool
    async def buy(item: str, price: float = 5) -> str:
        """Buy an item."""
        return await shop.buy_async(item, price)

    return buy


def class_tool(shop):
    class Buy(BaseTool):
        name: str = "buy"
        description: str = "Buy an item."

        def _run(self, item: str, price: float = 5) -> str:
            return shop.buy(item, price)

    return Buy()


def delegating_tool(shop):
    """A tool whose awaited form comes to its blocking one, as many do."""

    class Buy(BaseTool):
        name: str = "buy"
        description: str = "Buy an item."

        def _run(self, item: str, price: float = 5) -> str:
            return shop.buy(item, price)

        async def _arun(self, item: str, price: float = 5) -> str:
            return await asyncio.to_thread(self._run, item, price)

    return Buy()


async def run(agent, way, given=GO, config=None):
    """Run an agent to its end in one of LangChain's four ways, and return the messages or chunks."""
    if way == "invoke":
        return await asyncio.to_thread(agent.invoke, given, config)
    if way == "ainvoke":
        return await agent.ainvoke(given, config)
    if way == "stream":
        return await asyncio.to_thread(lambda: list(agent.stream(given, config, stream_mode="messages")))
    return [chunk async for chunk in agent.astream(given, config, stream_mode="messages")]


def check_three(model, shop, books):
    """Assert what a run of ``THREE`` comes to: one of the dear ones is denied, unentered, and the model was told."""
    assert len(model.requests) == 2
    assert [text.startswith(DENIED) for text in sorted(model.results)] == [True, False, False]
    assert len(shop.sold) == 2
    assert shop.sold.count("c") == 1
    books.settled(90, CONFIRMED=2, DENIED=1)
