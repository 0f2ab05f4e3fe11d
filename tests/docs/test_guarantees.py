"""
What the README guarantees, proved through the client that its readers use.

The deeper proofs are elsewhere: every law and every rule under ``tests/unit`` and ``tests/property``, whole worlds of
failing agents under ``tests/simulation``.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from hashlib import sha256
from threading import Barrier

import pytest

from figuard import FiGuardApiError, FiGuardClient
from figuard.client.models import AuthorizationResult
from figuard.domain.amounts import quanta
from figuard.engine.verify import verify_lines
from figuard.testing.mock import MockFiGuardClient

CALLERS = 16


@pytest.fixture
def books(tmp_path):
    return str(tmp_path / "books.db")


@pytest.fixture
def client(books):
    with FiGuardClient(database=books, log=False) as opened:
        yield opened


def at_once(call: Callable[[int], AuthorizationResult]) -> list[AuthorizationResult]:
    """Make a call from many threads at the same moment, and return what each got."""
    start = Barrier(CALLERS)

    def caller(number: int) -> AuthorizationResult:
        start.wait(timeout=10)
        return call(number)

    with ThreadPoolExecutor(CALLERS) as threads:
        return list(threads.map(caller, range(CALLERS)))


def test_a_budget_is_never_overspent_however_many_ask_at_once(client, books):
    """
    Half of the callers share a client, the others have one each on the same file, as processes would. The ledger is
    the judge, not the answers: at none of its entries is more spent and held than the limit.
    """
    limit = 300
    budget = client.create_budget("fleet", limit)
    own = [FiGuardClient(database=books, log=False) if number % 2 else client for number in range(CALLERS)]

    def spend(number: int) -> AuthorizationResult:
        asked = [own[number].authorize(budget=budget, amount=7, idempotency_key=f"{number}/{n}") for n in range(10)]
        for answer in asked:
            if answer.is_authorized and number % 3:
                own[number].confirm(answer, 6)
        return asked[-1]

    at_once(spend)
    for one in own:
        one.close()

    with FiGuardClient(database=books, log=False) as auditor:
        after = [entry["after"] for entry in auditor.ledger_entries(budget.id, size=500).entries if entry["after"]]
        used = [figures["balance"]["spent"] + figures["balance"]["reserved"] for figures in after]
        assert len(used) > CALLERS
        assert max(used) <= quanta(limit)
        # Nearly used up: each caller may have released one unit after the last request was denied.
        assert quanta(limit) - used[-1] < quanta(7 + CALLERS)
        assert auditor.verify_ledger(budget.id).is_sound


def test_one_key_charges_once_however_often_it_is_sent(client):
    """
    Retries that arrive together, and one long after the money was spent.
    """
    budget = client.create_budget("payables", 10_000)
    answers = at_once(lambda _: client.authorize(budget=budget, amount=1500, idempotency_key="INV-0342"))
    client.confirm(answers[0], 1500)
    late = client.authorize(budget=budget, amount=1500, idempotency_key="INV-0342")

    assert {answer.event_id for answer in [*answers, late]} == {late.event_id}
    assert sum(not answer.replayed for answer in answers) == 1
    assert (1500, 0) == (client.get_budget(budget).quantity_spent, client.get_budget(budget).quantity_reserved)
    with pytest.raises(FiGuardApiError, match="IDEMPOTENCY_KEY_REUSED"):
        client.authorize(budget=budget, amount=1501, idempotency_key="INV-0342")


def test_the_ledger_refuses_to_be_changed(client, books):
    client.create_budget("travel", 500)
    with closing(sqlite3.connect(books)) as attacker:
        for attack in ("UPDATE ledger_entries SET hash = ''", "DELETE FROM ledger_entries"):
            with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                attacker.execute(attack)


def test_who_changes_it_all_the_same_is_found_out(client, books):
    """
    Even somebody who owns the file, takes the triggers away and forges the entry's own hash.
    """
    budget = client.create_budget("travel", 500)
    client.confirm(client.authorize(budget=budget, amount=400, idempotency_key="flight"), 400)
    client.close()
    with closing(sqlite3.connect(books)) as attacker:
        attacker.execute("DROP TRIGGER ledger_entries_never_change")
        row = attacker.execute("SELECT body FROM ledger_entries WHERE kind = 'CONFIRMED'").fetchone()
        forged = row[0].replace(b"40000000000", b"10000000000")
        change = "UPDATE ledger_entries SET body = ?, hash = ? WHERE kind = 'CONFIRMED'"
        attacker.execute(change, (forged, sha256(forged).hexdigest()))
        attacker.commit()

    with FiGuardClient(database=books, log=False) as auditor:
        verdict = auditor.verify_ledger(budget.id)

    assert not verdict.is_sound
    assert {finding.seq for finding in verdict.findings} == {4}


def test_an_export_is_verified_with_nothing_but_the_file():
    with MockFiGuardClient() as agent:
        for number in range(3):
            agent.authorize(agent.sandbox_token, amount=10, idempotency_key=f"k{number}")
        lines = list(agent._embedded.export())

    whole, cut, forged = lines, [lines[0], *lines[2:]], [*lines[:-1], lines[-1].replace(b"k2", b"k9")]
    assert [True, False, False] == [not any(v.findings for v in verify_lines(one)) for one in (whole, cut, forged)]


def test_a_hold_ends_on_time_and_a_late_settlement_is_not_lost():
    with MockFiGuardClient(total_limit=100) as agent:
        slow = agent.authorize(agent.sandbox_token, amount=80, idempotency_key="slow")
        agent.assert_available(20)
        agent.advance("5m")
        agent.assert_available(100)
        agent.authorize(agent.sandbox_token, amount=90, idempotency_key="next").raise_if_denied()

        with pytest.raises(FiGuardApiError, match="AUTHORIZATION_EXPIRED"):
            agent.confirm(slow, 80)
        agent.confirm(slow, 80, money_moved=True)

        agent.assert_spent(80)
        assert agent.available_quantity == -70
        agent.assert_ledger_verifies()
