"""
``figuard sweep``, ``figuard doctor``, ``figuard keys`` and ``figuard webhooks``.
"""

from __future__ import annotations

import os
import re
import sqlite3
import sys
from contextlib import closing

import pytest

from figuard.domain.commands import CreateWebhook, Order
from figuard.embedded import open_embedded

SECRET = "sixteen-characters-or-more"


def subscribe(figuard, url="https://127.0.0.1/hook"):
    """Register a webhook as if its address had been public that day."""
    books = open_embedded(str(figuard.database))
    order = Order(CreateWebhook(url, SECRET, ("SPEND_DENIED", "SPEND_CONFIRMED")), books.tenant_id, "test")
    webhook_id = books.engine.execute(order).webhook.id
    books.close()
    return webhook_id


def states(ran):
    return {check["name"]: check["state"] for check in ran.json["checks"]}


def test_a_healthy_database(travel):
    ran = travel("doctor", "--json")

    assert (ran.status, ran.json["is_well"]) == (0, True)
    assert set(states(ran)) == {
        "database", "size", "permissions", "disk", "integrity", "schema", "journal", "append-only", "clock", "ledger",
        "webhooks",
    }  # fmt: skip
    assert travel("doctor").out.count("✓") == 11


def test_no_database(figuard):
    ran = figuard("doctor", "--json")

    assert (ran.status, states(ran)["file"]) == (1, "bad")
    assert not figuard.database.exists()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such permissions")
def test_a_database_that_others_may_read(travel):
    travel.database.chmod(0o644)

    ran = travel("doctor")

    assert ran.status == 1
    assert f"Run: chmod 600 {travel.database}" in ran.out


def test_a_ledger_without_its_guards(travel):
    with closing(sqlite3.connect(travel.database)) as connection:
        for name in ("never_change", "never_go"):
            connection.execute(f"DROP TRIGGER ledger_entries_{name}")
        connection.commit()

    assert states(travel("doctor", "--json"))["append-only"] == "bad"


def test_a_torn_file(travel):
    with closing(sqlite3.connect(travel.database)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    content = bytearray(travel.database.read_bytes())
    content[4096:8192] = os.urandom(4096)
    travel.database.write_bytes(content)

    ran = travel("doctor", "--json")

    assert ran.status == 1
    assert states(ran)["integrity"] == "bad"


def test_a_file_that_is_no_database(figuard):
    figuard.database.write_text("precious " * 1000)
    figuard.database.chmod(0o600)

    ran = figuard("doctor")

    assert ran.status == 1
    assert "not a database" in ran.out
    assert figuard.database.read_text().startswith("precious")


def test_the_database_of_another_program(figuard):
    with closing(sqlite3.connect(figuard.database)) as connection:
        connection.execute("CREATE TABLE addresses (name TEXT)")
    figuard.database.chmod(0o600)

    assert "another program" in figuard("doctor").out
    assert "another program" in figuard("budget", "list").err


def test_a_changed_balance_is_the_ledgers_fault(travel):
    with closing(sqlite3.connect(travel.database)) as connection:
        connection.execute("UPDATE budgets SET data = replace(data, '26700000000', '6700000000')")
        connection.commit()

    ran = travel("doctor")

    assert ran.status == 1
    assert "Run: figuard ledger verify" in ran.out


def test_a_journal_that_makes_readers_wait(travel):
    with closing(sqlite3.connect(travel.database)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")

    assert states(travel("doctor", "--json"))["journal"] == "warning"


def test_notices_that_were_given_up(travel):
    subscribe(travel)
    with travel.client() as client:
        client.confirm(client.authorize(budget=client.create_budget("other", 5), amount=1), 1)
    with closing(sqlite3.connect(travel.database)) as connection:
        connection.execute("UPDATE deliveries SET status = 'FAILED', data = json_set(data, '$.status', 'FAILED')")
        connection.commit()

    ran = travel("doctor")

    assert ran.status == 1
    assert "given up: 1 of the notices" in ran.out
    delivery = travel("webhooks", "deliveries", "--status", "FAILED", "--json").json[0]["id"]
    assert travel("webhooks", "retry", delivery).out == f"{delivery} waits for the next sweep\n"


def test_a_clock_behind_the_books(travel):
    with closing(sqlite3.connect(travel.database)) as connection:
        later = re.sub(
            r'"at":\d+', '"at":4102444800000000', connection.execute("SELECT data FROM budgets").fetchone()[0]
        )
        connection.execute("UPDATE budgets SET data = ?", (later,))
        connection.commit()

    assert states(travel("doctor", "--json"))["clock"] == "bad"


def test_a_sweep_of_quiet_books(travel):
    ran = travel("sweep", "--json")

    assert ran.status == 0
    assert set(ran.json.values()) == {0}


def test_a_notice_that_is_not_taken_is_no_success(travel):
    webhook_id = subscribe(travel)
    with travel.client() as client:
        client.confirm(client.authorize(budget=client.create_budget("other", 5), amount=1), 1)

    ran = travel("sweep")

    assert ran.status == 1
    assert re.search(r"^not delivered +1$", ran.out, re.MULTILINE)
    listed = travel("webhooks", "deliveries", webhook_id)
    assert "127.0.0.1 resolves to 127.0.0.1, which is not public (loopback)" in listed.out
    assert travel("webhooks", "deliveries", "--status", "FAILED").out == "no notices\n"
    assert travel("webhooks", "retry", travel("webhooks", "deliveries", "--json").json[0]["id"]).status == 1


def test_a_private_address_cannot_be_registered(figuard):
    ran = figuard("webhooks", "create", "https://127.0.0.1/hook", "-e", "SPEND_DENIED", "--secret", SECRET)

    assert ran.status == 1
    assert ran.err.startswith("figuard: UNSAFE_WEBHOOK_URL: ")
    assert SECRET not in ran.out + ran.err


def test_a_webhook_is_listed_tested_and_deleted(travel):
    webhook_id = subscribe(travel)

    assert webhook_id in travel("webhooks", "list").out
    tested = travel("webhooks", "test", webhook_id)
    assert tested.status == 1
    assert "not taken" in tested.out
    assert travel("webhooks", "delete", webhook_id).status == 0
    assert travel("webhooks", "list").out == "no webhooks\n"


def test_the_life_of_a_key(figuard):
    made = figuard("keys", "create", "ci", "--scope", "read", "--json").json

    assert made["raw_key"].startswith("fg_live_")
    assert made["scope"] == "read"
    listed = figuard("keys", "list")
    assert made["key_prefix"] in listed.out
    assert made["raw_key"] not in listed.out
    fresh = figuard("keys", "rotate", made["id"], "--json").json
    assert fresh["raw_key"] != made["raw_key"]
    assert figuard("keys", "revoke", fresh["id"]).status == 0
    assert figuard("keys", "list").out.count("REVOKED") == 2


def test_a_key_is_an_agents_unless_told(figuard):
    ran = figuard("keys", "create")

    assert re.search(r"^scope +agent$", ran.out, re.MULTILINE)
    assert "shown this once" in ran.err


def test_a_key_may_be_for_one_budget(travel):
    budget = travel("budget", "list", "--json").json["budgets"][0]
    made = travel("keys", "create", "--budget", budget["id"][:12], "--json").json
    refused = travel("keys", "create", "--budget", budget["id"], "--scope", "read")

    assert budget["id"] == made["budget_id"]
    assert "budgetId confines keys of scope agent only" in refused.err


def test_an_unknown_key(figuard):
    figuard("keys", "create")

    ran = figuard("keys", "revoke", "nope")

    assert ran.status == 1
    assert ran.err.startswith("figuard: ")
