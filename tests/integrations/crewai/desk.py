"""
What the tests of CrewAI share: tools of every kind that sell from a shop, and crews that use them.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import os

import pytest

pytest.importorskip("crewai")

os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "true")  # older releases would fetch prices when imported

from crewai import LLM, Agent, Crew, Task
from crewai.tools import BaseTool, tool

from tests.integrations.model_dialects import Asked, Said
from tests.integrations.model_server import ModelServer
from tests.integrations.shop import BROKEN

THREE = [
    ("buy", {"item": "a", "price": 60}),
    ("buy", {"item": "b", "price": 60}),
    ("buy", {"item": BROKEN, "price": 30}),
]
"""Three calls in one turn against 100: one of the first two does not fit, and the last one raises."""


def decorated(shop, name="buy"):
    """A tool of a function."""

    @tool(name)
    def buy(item: str, price: float = 7) -> str:
        """Buy an item."""
        return shop.buy(item, price)

    return buy


def decorated_async(shop, name="buy"):
    """A tool of a coroutine function."""

    @tool(name)
    async def buy(item: str, price: float = 7) -> str:
        """Buy an item."""
        return await shop.buy_async(item, price)

    return buy


class Buy(BaseTool):
    """A tool of a class."""

    name: str = "buy"
    description: str = "Buy an item."
    shop: object = None

    def _run(self, item: str, price: float = 7) -> str:
        return self.shop.buy(item, price)


class BuyBoth(Buy):
    """A tool of a class of both colours, one of which calls the other."""

    async def _arun(self, item: str, price: float = 7) -> str:
        return self._run(item, price)


def of_class(shop):
    return Buy(shop=shop)


def of_both(shop):
    return BuyBoth(shop=shop)


KINDS = {"function": decorated, "coroutine": decorated_async, "class": of_class, "both": of_both}


def agent(model, tools, role="buyer", *, stream=False, **options):
    """An agent whose model is the scripted one."""
    llm = LLM(model="openai/gpt-4o-mini", base_url=model.openai_url, api_key="none", stream=stream)
    return Agent(role=role, goal="buy", backstory="a buyer", tools=tools, llm=llm, verbose=False, **options)


def crew_of(*agents, **options):
    """A crew with one task for each agent."""
    tasks = [Task(description=f"Do what {one.role} does.", expected_output="a list", agent=one) for one in agents]
    return Crew(agents=list(agents), tasks=tasks, verbose=False, **options)


def kickoff(crew):
    return crew.kickoff()


def kickoff_awaited(crew):
    """Kick off in an event loop, as an asynchronous program does."""
    native = getattr(crew, "akickoff", None)

    async def run():
        return await (native() if inspect.iscoroutinefunction(native) else crew.kickoff_async())

    return asyncio.run(run())


HOWS = {"kickoff": kickoff, "akickoff": kickoff_awaited}


def denials(results):
    """The results that are denials."""
    return [result for result in results if result.startswith("FiGuard DENIED: ")]


class EachOffered(ModelServer):
    """
    A model that calls every tool it is offered in each conversation, with these arguments, and then ends it.

    Unlike a script it does not mind in which order conversations come.
    """

    def __init__(self, *arguments):
        super().__init__()
        self._arguments = arguments

    def answer(self, request):
        with self._lock:
            self.requests.append(request)
            self._replies += 1
            if request.results:
                return Said(text="FINAL: " + " | ".join(request.results), number=self._replies)
            names = [offered["function"]["name"] for offered in request.body.get("tools", [])]
            calls = [(name, given) for name in names for given in self._arguments]
            asked = tuple(Asked(f"call_{self._replies}_{at}", *call) for at, call in enumerate(calls))
            return Said(asked, text="" if asked else "Nothing to do.", number=self._replies)


class TextOnly(ModelServer):
    """A model that knows no tool calls: it writes them down, one a turn, and reads "Observation:" in the end."""

    def answer(self, request):
        with self._lock:
            self.requests.append(request)
            self._replies += 1
            if self._turn == len(self._script):
                return Said(text="Thought: I now know the final answer\nFinal Answer: done", number=self._replies)
            [(name, arguments)] = self._script[self._turn]
            self._turn += 1
            text = f"Thought: I need it\nAction: {name}\nAction Input: {json.dumps(arguments)}"
            return Said(text=text, number=self._replies)

    @property
    def observed(self):
        """Everything that the model was shown last, as one text."""
        return "\n".join(str(message["content"]) for message in self.requests[-1].body["messages"])
