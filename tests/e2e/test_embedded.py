"""
Embedded as users meet it: files, restarts, several clients on one file, and what goes wrong.
"""

from __future__ import annotations

import threading

import pytest

from figuard import FiGuardClient, FiGuardConfigError, FiGuardConnectionError
from figuard.client.embedded_transport import EmbeddedTransport
from figuard.embedded import open_embedded
from tests.e2e.desk import Desk


def test_a_file_is_made_with_its_folders(tmp_path):
    path = tmp_path / "deep" / "down" / "books.db"
    with FiGuardClient(database=path) as client:
        client.create_budget("u", 1)

    assert path.exists()


def test_without_an_end_a_budget_never_ends():
    with FiGuardClient(database=":memory:") as client:
        assert client.create_budget("u", 1).expires_at is None


def test_two_clients_on_one_file_share_the_books(tmp_path):
    with FiGuardClient(database=tmp_path / "a.db") as one, FiGuardClient(database=tmp_path / "a.db") as other:
        budget = one.create_budget("u", 100)

        assert one.authorize(budget=budget, amount=60).is_authorized
        assert not other.authorize(budget=budget, amount=60).is_authorized


def test_two_memories_share_nothing():
    with FiGuardClient(database=":memory:") as one, FiGuardClient(database=":memory:") as other:
        one.create_budget("u", 100)

        assert other.list_budgets().budgets == []


def test_many_threads_never_spend_more_than_there_is():
    """
    Ten agents at once want 200 of 1,000: exactly five get it.
    """
    with FiGuardClient(database=":memory:") as client:
        budget = client.create_budget("fleet", 1000)
        answers = []
        start = threading.Barrier(10)

        def agent():
            start.wait()
            answers.append(client.authorize(budget=budget, amount=200).decision)

        threads = [threading.Thread(target=agent) for _ in range(10)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert (answers.count("AUTHORIZED"), answers.count("DENIED")) == (5, 5)
        assert client.get_budget(budget.id).available_quantity == 0


def test_a_place_that_cannot_be_opened_is_told_at_once(tmp_path):
    (tmp_path / "a file").write_text("no folder")
    with pytest.raises(FiGuardConnectionError, match="cannot be opened"):
        FiGuardClient(database=tmp_path / "a file" / "books.db")


def test_an_address_of_no_database_is_told_at_once():
    with pytest.raises(FiGuardConfigError, match="database"):
        FiGuardClient(database="mysql://somewhere/books")


def test_a_closed_client_says_so():
    client = FiGuardClient(database=":memory:")
    client.close()
    client.close()

    with pytest.raises(FiGuardConnectionError, match="closed"):
        client.list_budgets()


def test_a_store_of_ones_own_can_be_handed_in():
    handle = open_embedded(":memory:")
    with FiGuardClient(transport=EmbeddedTransport(handle)) as client:
        assert (client.backend, client.list_budgets().total_elements) == ("embedded", 0)


def test_a_hold_ends_by_itself():
    desk = Desk("embedded")
    budget = desk.guard.create_budget("u", 100, expires_in="1h", authorization_expiry_seconds=60)
    desk.guard.authorize(budget=budget, amount=90)
    desk.clock.advance(61)

    assert desk.guard.authorize(budget=budget, amount=50).is_authorized
    desk.close()


def test_a_sweep_does_what_is_due():
    desk = Desk("embedded")
    budget = desk.guard.create_budget("u", 100, expires_in="1h", authorization_expiry_seconds=60)
    event = desk.guard.authorize(budget=budget, amount=90)
    desk.clock.advance("10m")
    desk.guard.sweep()

    assert desk.guard.get_event(event).decision == "VOIDED"
    desk.close()


def test_a_spending_that_outlives_its_hold_is_booked():
    """
    The block took longer than its hold, and others have taken the room: the money has left all the same.
    """
    desk = Desk("embedded")
    budget = desk.guard.create_budget("u", 100, expires_in="1h", authorization_expiry_seconds=60)
    with desk.guard.spend(budget, 90) as spend:
        desk.clock.advance(61)
        desk.guard.authorize(budget=budget, amount=90, parent_event_id=None)
    left = desk.guard.get_budget(budget.id)

    assert (spend.event.decision, spend.event.money_moved) == ("CONFIRMED", True)
    assert (left.quantity_spent, left.available_quantity) == (90, -80)
    desk.close()


def test_a_loop_of_calls_makes_siblings_and_not_a_staircase():
    desk = Desk("embedded")
    budget = desk.guard.create_budget("u", 5, expires_in="1h")
    for _ in range(250):
        desk.guard.confirm(desk.guard.authorize(budget=budget, amount="0.02"), "0.02")
    denied = desk.guard.authorize(budget=budget, amount="0.02")
    tree = desk.guard.get_spend_tree(budget.id)

    assert (len(tree.roots), denied.denial_reason) == (251, "INSUFFICIENT_FUNDS")
    desk.close()


def test_a_scope_around_two_budgets_breaks_neither():
    desk = Desk("embedded")
    one, other = (desk.guard.create_budget("u", 5, expires_in="1h") for _ in range(2))
    with desk.guard.spend(one, 1):
        assert desk.guard.authorize(budget=other, amount=1).is_authorized
        assert desk.guard.authorize(budget=one, amount=1).is_authorized

    assert [len(root.children) for root in desk.guard.get_spend_tree(one.id).roots] == [1]
    assert [len(root.children) for root in desk.guard.get_spend_tree(other.id).roots] == [0]
    desk.close()
