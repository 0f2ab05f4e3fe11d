"""
``guarded_function_tool`` as programs have called it for years: names, defaults, texts, and what it now does right.
"""

from __future__ import annotations

import inspect
import logging

import pytest

pytest.importorskip("agents")

from figuard.integrations.openai_agents import guarded_function_tool
from tests.integrations.decorators import *  # noqa: F403 - the promises that all decorators share


@pytest.fixture
def decorator():
    """
    The decorator under test.
    """
    return guarded_function_tool


def test_its_agent_has_the_published_name(books, decorator):
    decorator(books.client, books.budget)(lambda amount: amount)(1)

    assert [event.agent_id for event in books.events] == ["openai_agents_agent"]


def test_its_parameters_are_the_published_ones(decorator):
    parameters = list(inspect.signature(decorator).parameters)

    assert parameters[:7] == [
        "client", "session_token", "category", "amount_key", "agent_id", "amount_extractor", "debug"
    ]  # fmt: skip


def test_debug_says_what_is_asked_for(books, decorator, caplog):
    with caplog.at_level(logging.INFO):
        decorator(books.client, books.budget, category="toys", debug=True)(_toy)(item="a", amount=3)

    assert "guarding _toy: amount 3.00, category toys" in caplog.text


def _toy(item, amount):
    return item
