"""
The scripted model speaks so that the real clients understand it, and tells what it was shown.
"""

from __future__ import annotations

import json
import urllib.request

import pytest

from tests.integrations.model_dialects import DIALECTS


def ask(server, path, **body):
    request = urllib.request.Request(
        f"{server.openai_url}{path}", json.dumps(body).encode(), {"content-type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        return answer.read().decode()


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda one: type(one).__name__)
def test_a_script_is_played_turn_by_turn_and_then_all_results_are_said(model, dialect):
    model.play([("buy", {"item": "a"})], [("buy", {"item": "b"})])

    first, second, last = (ask(model, dialect.path, tools=[{}]) for _ in range(3))

    assert [one.count("buy") for one in (first, second, last)] == [1, 1, 0]
    assert "FINAL" in last
    assert len({json.loads(one)["id"] for one in (first, second, last)}) == 3


def test_without_tools_no_tool_is_called(model):
    model.play([("buy", {"item": "a"})])

    assert "tool_calls" not in ask(model, "/chat/completions")


def test_call_ids_are_of_their_turn_unless_told(model):
    for reuse in (False, True):
        model.play([("buy", {})], [("buy", {})], reuse_ids=reuse)
        ids = [
            json.loads(ask(model, "/chat/completions", tools=[{}]))["choices"][0]["message"]["tool_calls"][0]["id"]
            for _ in range(2)
        ]

        assert (len(set(ids)) == 1) is reuse
