"""
After an outage: everything that was spent without the service comes into its ledger, once.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from decimal import Decimal

import pytest

from figuard import FailOpen, FiGuardConnectionError
from figuard.client.steps import Replied
from figuard.wire import responses as r
from tests.unit.client.fakes import BUDGET_ID, EVENT_ID, TOKEN, authorized, budget, client, event, lost, refused

AWAY = lost()
FALLBACK = "fallback_k"


@pytest.fixture
def queue(tmp_path):
    return tmp_path / "queue" / "fallback.db"


def open_client(queue, script, ceiling=100):
    return client(script, fail_open=FailOpen(ceiling=ceiling, queue_path=queue))


def spend(guard, amount=10, key="k", token=TOKEN, **options):
    return guard.authorize(budget=token, amount=amount, idempotency_key=key, **options)


def test_what_was_spent_is_recorded_with_the_next_call_that_gets_through(queue):
    guard, transport = open_client(queue, [authorized(), AWAY, budget(), event()])
    guard.authorize(budget=TOKEN, amount=1)  # so the client knows which budget the token is of
    guard.confirm(spend(guard, 10, agent_id="a", action_type="BUY", description="d"), "9.50", "ch_1")
    guard.get_budget(BUDGET_ID)

    assert transport.names == ["authorize", "authorize", "get_budget", "record_external_event"]
    body = transport.calls[3].body
    assert (body.budget_id, body.quantity, body.idempotency_key) == (BUDGET_ID, Decimal("9.50"), FALLBACK)
    assert (body.agent_id, body.action_type, body.description, body.source) == ("a", "BUY", "d", "FALLBACK")
    assert body.occurred_at == "2030-01-01T00:00:00.000000Z"
    assert body.metadata == {"externalTransactionId": "ch_1"}


def test_an_outage_that_goes_on_is_not_knocked_at(queue):
    guard, transport = open_client(queue, [AWAY, AWAY])
    guard.confirm(spend(guard, key="a"), 9)
    guard.confirm(spend(guard, key="b"), 9)

    assert transport.names == ["authorize", "authorize"]


def test_what_is_recorded_is_recorded_once(queue):
    guard, transport = open_client(queue, [AWAY, authorized(), event(), authorized()])
    guard.confirm(spend(guard), 9)
    guard.authorize(budget=TOKEN, amount=1)
    guard.authorize(budget=TOKEN, amount=1)

    assert transport.names == ["authorize", "authorize", "record_external_event", "authorize"]


def test_a_key_that_was_bridged_is_not_asked_again_after_it_was_recorded(queue):
    """
    Otherwise the same purchase would be authorized once more as soon as the service is back.
    """
    guard, transport = open_client(queue, [AWAY, authorized(), event()])
    guard.confirm(spend(guard), 9)
    guard.authorize(budget=TOKEN, amount=1)
    answer = spend(guard)

    assert (answer.is_fallback, answer.current_decision) == (True, "CONFIRMED")
    assert len(transport.calls) == 3


def test_the_budget_of_an_unknown_token_is_found_by_a_dry_run(queue):
    guard, transport = open_client(queue, [AWAY, authorized("0.00"), event()])
    guard.confirm(spend(guard), 9)
    result = guard.reconcile()

    assert result.recorded == [FALLBACK]
    assert transport.names == ["authorize", "authorize", "record_external_event"]
    assert (transport.calls[1].body.dry_run, transport.calls[1].session_token) == (True, TOKEN)


def test_no_token_stays_in_the_file(queue):
    guard, _ = open_client(queue, [AWAY, authorized("0.00"), event()])
    guard.confirm(spend(guard), 9)
    guard.reconcile()
    guard.close()

    assert TOKEN.encode() not in b"".join(part.read_bytes() for part in queue.parent.iterdir())


def test_a_record_whose_reply_got_lost_counts(queue):
    guard, _ = open_client(queue, [AWAY, authorized("0.00"), refused(409, "DUPLICATE_EXTERNAL_EVENT")])
    guard.confirm(spend(guard), 9)

    assert guard.reconcile().recorded == [FALLBACK]


def test_what_the_service_refuses_stays_queued_with_its_reason(queue):
    guard, _ = open_client(
        queue, [AWAY, authorized("0.00"), refused(403, "SCOPE_FORBIDDEN"), authorized("0.00"), event()]
    )
    guard.confirm(spend(guard), 9)

    assert "SCOPE_FORBIDDEN" in guard.reconcile().failed[FALLBACK]
    assert guard.reconcile().recorded == [FALLBACK]


def test_a_reconciliation_during_an_outage_says_so(queue):
    guard, _ = open_client(queue, [AWAY, AWAY])
    guard.confirm(spend(guard), 9)

    with pytest.raises(FiGuardConnectionError):
        guard.reconcile()


def test_a_call_that_got_through_does_not_fail_because_telling_did(queue):
    guard, _ = open_client(queue, [AWAY, budget(), AWAY])
    guard.confirm(spend(guard), 9)

    assert guard.get_budget(BUDGET_ID).id == BUDGET_ID


def test_a_reconciliation_tells_what_is_open_and_what_was_not_spent(queue):
    guard, _ = open_client(queue, [AWAY] * 3)
    spend(guard, key="open")
    guard.fail(spend(guard, key="failed"), "R")
    guard.confirm(spend(guard, key="nothing"), 0)
    result = guard.reconcile()

    assert (result.open, result.released, result.recorded) == (
        ["fallback_open"],
        ["fallback_failed"],
        ["fallback_nothing"],
    )


def test_a_client_without_a_policy_has_nothing_to_reconcile():
    guard, transport = client([])

    assert guard.reconcile().recorded == []
    assert transport.calls == []


def test_old_entries_are_forgotten(queue):
    guard, _ = open_client(queue, [AWAY])
    guard.fail(spend(guard), "R")
    with closing(sqlite3.connect(queue, isolation_level=None)) as file:
        file.execute("UPDATE fallbacks SET updated_at = 0")
    guard.reconcile()

    with closing(sqlite3.connect(queue)) as file:
        assert file.execute("SELECT count(*) FROM fallbacks").fetchone() == (0,)


def test_two_services_do_not_share_their_fallbacks(queue):
    guard, _ = open_client(queue, [AWAY])
    spend(guard)
    other, transport = open_client(queue, [authorized()])
    other._session.fallbacks.home = "https://another.test"

    assert not spend(other).is_fallback
    assert len(transport.calls) == 1


def test_a_spending_block_is_bridged_too(queue):
    guard, transport = open_client(queue, [AWAY])
    with guard.spend(TOKEN, 10, idempotency_key="k") as block:
        block.settle(8)

    assert (block.event.decision, block.event.confirmed_quantity) == ("CONFIRMED", 8)
    assert len(transport.calls) == 1


def test_options_can_open_one_call(queue):
    guard, _ = client([AWAY, AWAY])
    opened = guard.with_options(fail_open=FailOpen(queue_path=queue))

    assert spend(opened).is_fallback
    with pytest.raises(FiGuardConnectionError):
        spend(guard)


def test_an_event_of_the_ledger_is_none_of_ours(queue):
    guard, transport = open_client(queue, [event()])
    guard.confirm(EVENT_ID, 1)

    assert transport.names == ["confirm_event"]


def test_a_service_that_does_not_name_its_budgets_is_told_later(queue):
    silent = Replied(r.AuthorizeResponse(event_id=None, decision="AUTHORIZED"))
    guard, _ = open_client(queue, [AWAY, silent])
    guard.confirm(spend(guard), 9)

    assert "does not say which budget" in guard.reconcile().failed[FALLBACK]
