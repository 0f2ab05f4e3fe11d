"""
Failing open: how far, how it is remembered, and that the ledger hears of all of it.
"""

from __future__ import annotations

import sqlite3
import stat
from contextlib import closing

import pytest

from figuard import FailOpen, FiGuardApiError, FiGuardConfigError, FiGuardConnectionError, FiGuardError
from tests.unit.client.fakes import BUDGET_ID, TOKEN, budget, client, denied, lost, refused

AWAY = lost()
FALLBACK = "fallback_k"


@pytest.fixture
def queue(tmp_path):
    return tmp_path / "queue" / "fallback.db"


def open_client(queue, script, ceiling=100):
    return client(script, fail_open=FailOpen(ceiling=ceiling, queue_path=queue))


def spend(guard, amount=10, key="k", token=TOKEN, **options):
    return guard.authorize(budget=token, amount=amount, idempotency_key=key, **options)


def test_by_default_a_client_fails_closed():
    guard, _ = client([AWAY])

    with pytest.raises(FiGuardConnectionError):
        spend(guard)


@pytest.mark.parametrize("outage", [AWAY, lost(timed_out=True), refused(503, "OVERLOADED"), refused(500), refused(502)])
def test_an_outage_is_bridged(queue, outage):
    """
    A service that is sick answers 5xx or not in time; one that is gone does not answer. All three are outages.
    """
    guard, _ = open_client(queue, [outage])
    answer = spend(guard)

    assert (answer.is_authorized, answer.is_fallback, answer.event_id) == (True, True, FALLBACK)
    assert answer.approved_quantity == 10


@pytest.mark.parametrize(
    "refusal", [refused(401), refused(404), refused(409), refused(429), refused(500, "LEDGER_BROKEN")]
)
def test_a_refusal_is_no_outage(queue, refusal):
    guard, _ = open_client(queue, [refusal])

    with pytest.raises(FiGuardApiError):
        spend(guard)


def test_a_denial_is_no_outage(queue):
    guard, _ = open_client(queue, [denied()])

    assert not spend(guard).is_authorized


def test_a_dry_run_is_never_approved_by_the_client(queue):
    guard, _ = open_client(queue, [AWAY])

    with pytest.raises(FiGuardConnectionError):
        spend(guard, dry_run=True)


def test_the_ceiling_holds(queue):
    guard, _ = open_client(queue, [AWAY] * 3, ceiling=25)
    spend(guard, 15, "a")
    spend(guard, 10, "b")
    with pytest.raises(FiGuardConnectionError) as caught:
        spend(guard, "0.01", "c")

    assert "25.00 is outstanding" in caught.value.__notes__[0]


def test_the_ceiling_is_per_budget(queue):
    guard, _ = open_client(queue, [AWAY] * 2, ceiling=10)
    spend(guard, 10, "a")

    assert spend(guard, 10, "b", token="st_of_another_budget").is_fallback


def test_what_was_not_spent_frees_the_ceiling(queue):
    guard, _ = open_client(queue, [AWAY] * 3, ceiling=10)
    guard.fail(spend(guard, 10, "a"), "DECLINED")
    guard.confirm(spend(guard, 10, "b"), 4)

    assert spend(guard, 6, "c").is_fallback


def test_a_ceiling_that_is_no_amount_is_refused():
    with pytest.raises(FiGuardConfigError, match="ceiling"):
        FailOpen(ceiling=-1)


def test_a_file_that_cannot_be_used_is_told_at_once(tmp_path):
    (tmp_path / "a file").write_text("no folder")

    with pytest.raises(FiGuardConfigError, match="queue_path"):
        client([], fail_open=FailOpen(queue_path=tmp_path / "a file" / "fallback.db"))


def test_a_file_that_breaks_does_not_take_an_answer_with_it(queue):
    guard, _ = open_client(queue, [AWAY, budget()])
    guard.confirm(spend(guard), 9)
    with closing(sqlite3.connect(queue)) as file:
        file.execute("DROP TABLE fallbacks")

    assert guard.get_budget(BUDGET_ID).id == BUDGET_ID
    with pytest.raises(FiGuardError, match="file of fallbacks"):
        spend(guard)


def test_true_is_the_default_policy(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    guard, _ = client([AWAY, AWAY], fail_open=True)

    assert spend(guard, 100, "a").is_fallback
    with pytest.raises(FiGuardConnectionError):
        spend(guard, 1, "b")


def test_the_same_key_is_approved_once(queue):
    guard, transport = open_client(queue, [AWAY], ceiling=10)

    assert spend(guard).event_id == spend(guard).event_id
    assert len(transport.calls) == 1


def test_the_same_key_for_another_amount_is_refused(queue):
    guard, _ = open_client(queue, [AWAY])
    spend(guard, 10)

    with pytest.raises(FiGuardApiError) as caught:
        spend(guard, 11)
    assert (caught.value.status_code, caught.value.code) == (409, "IDEMPOTENCY_KEY_REUSED")


def test_a_restart_forgets_nothing(queue):
    first, _ = open_client(queue, [AWAY])
    spend(first)
    first.close()
    second, transport = open_client(queue, [])

    assert spend(second).is_fallback
    assert second.confirm(FALLBACK, 9).confirmed_quantity == 9
    assert transport.calls == []


def test_the_file_is_for_its_owner_only(queue):
    guard, _ = open_client(queue, [AWAY])
    spend(guard)

    assert stat.S_IMODE(queue.stat().st_mode) == 0o600


SETTLED = [
    (lambda guard: guard.confirm_event(FALLBACK, 9), "CONFIRMED"),
    (lambda guard: guard.fail_event(FALLBACK, "DECLINED"), "FAILED"),
    (lambda guard: guard.void_event(FALLBACK, "R").event, "VOIDED"),
]


@pytest.mark.parametrize(("settle", "decision"), SETTLED)
def test_a_fallback_is_settled_without_the_service(queue, settle, decision):
    guard, transport = open_client(queue, [AWAY])
    spend(guard)
    settled = settle(guard)

    assert (settled.id, settled.decision, settled.requested_quantity) == (FALLBACK, decision, 10)
    assert len(transport.calls) == 1


def test_a_tree_of_a_fallback_is_voided_without_the_service(queue):
    guard, transport = open_client(queue, [AWAY])
    spend(guard)
    result = guard.void_tree(FALLBACK, "R")

    assert (result.voided_event_ids, result.total_quantity_released) == ([FALLBACK], 10)
    assert len(transport.calls) == 1


@pytest.mark.parametrize(
    "read", [lambda g: g.get_event(FALLBACK), lambda g: g.mark_unknown(FALLBACK), lambda g: g.extend_hold(FALLBACK, 60)]
)
def test_a_fallback_can_be_looked_at_and_kept(queue, read):
    guard, transport = open_client(queue, [AWAY])
    spend(guard)

    assert read(guard).decision == "AUTHORIZED"
    assert len(transport.calls) == 1


@pytest.mark.parametrize(("settle", "decision"), SETTLED)
def test_an_identical_repeat_is_harmless(queue, settle, decision):
    guard, _ = open_client(queue, [AWAY])
    spend(guard)
    settle(guard)

    assert settle(guard).decision == decision


def test_a_different_repeat_is_a_conflict(queue):
    guard, _ = open_client(queue, [AWAY])
    guard.confirm(spend(guard), 9)

    for settle in (lambda: guard.confirm(FALLBACK, 8), lambda: guard.fail(FALLBACK, "R")):
        with pytest.raises(FiGuardApiError) as caught:
            settle()
        assert caught.value.status_code == 409


def test_an_unknown_fallback_is_not_found(queue):
    guard, _ = open_client(queue, [])

    with pytest.raises(FiGuardApiError) as caught:
        guard.confirm("fallback_unknown", 1)
    assert caught.value.status_code == 404


def test_a_client_that_fails_closed_never_sends_a_fallback_to_the_service():
    guard, transport = client([])

    with pytest.raises(FiGuardApiError, match="fails open"):
        guard.confirm(FALLBACK, 1)
    assert transport.calls == []


def test_a_refund_waits_for_the_ledger(queue):
    guard, _ = open_client(queue, [AWAY])
    spend(guard)

    with pytest.raises(FiGuardError, match="reconcile"):
        guard.refund(FALLBACK, 1)
