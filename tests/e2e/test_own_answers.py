"""
Free members of an answer are the caller's own: what becomes of them changes nothing that is stored.
"""

from __future__ import annotations

import pytest

from figuard import FiGuardClient

GIVEN = {"order": {"lines": [1, {"n": 2}]}, "note": "x"}


@pytest.fixture
def client(tmp_path):
    with FiGuardClient(database=str(tmp_path / "x.db")) as made:
        yield made


def spoil(metadata):
    assert metadata == GIVEN
    metadata["order"]["lines"][1]["n"] = 3
    metadata["order"]["lines"].append("more")
    metadata["other"] = 1


def test_what_a_caller_does_to_an_answer_does_not_reach_the_books(client):
    """
    Every later step writes the event anew, from what the store has kept of it.
    """
    budget = client.create_budget(user_id="u", total_limit=100, metadata=GIVEN)
    event = client.authorize(
        session_token=budget.tokens[0].session_token,
        agent_id="a",
        action_type="X",
        description="d",
        requested_quantity=1,
        idempotency_key="k",
        metadata=GIVEN,
    )
    spoil(budget.metadata)
    spoil(client.get_budget(budget.id).metadata)
    spoil(client.get_event(event.event_id).metadata)
    spoil(client.confirm(event.event_id, 1).metadata)
    spoil(client.refund(event.event_id, "0.5", reason="r").metadata)

    assert client.get_event(event.event_id).metadata == GIVEN
    assert client.get_budget(budget.id).metadata == GIVEN
    assert client.verify_ledger(budget.id).is_sound
