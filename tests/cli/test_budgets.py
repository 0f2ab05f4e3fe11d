"""
``figuard budget``.
"""

from __future__ import annotations

import re

import pytest

from figuard.client.models import Budget


def test_a_budget_is_created_with_its_token(figuard):
    ran = figuard("budget", "create", "500", "--user", "agent_001", "--context", "travel")

    assert ran.status == 0
    assert re.search(r"^token +st_\S{32,}$", ran.out, re.MULTILINE)
    assert re.search(r"^limit +500\.00 USD$", ran.out, re.MULTILINE)
    assert "shown this once" in ran.err


def test_the_token_that_is_shown_spends(figuard):
    made = figuard("budget", "create", "500", "--json").json

    with figuard.client() as client:
        assert client.authorize(made["tokens"][0]["session_token"], amount=270).is_authorized


def test_json_names_every_field_of_the_client_with_exact_numbers(figuard):
    ran = figuard("budget", "create", "0.10000001", "--json")

    assert set(Budget.__dataclass_fields__) == set(ran.json)
    assert '"total_limit": 0.10000001,' in ran.out
    assert ran.err == ""


def test_every_option_of_create_reaches_the_budget(figuard):
    options = "--unit tokens --expires-in 7d --reference r-1 --max-transaction 9 --per-minute 3 --hold-seconds 60"
    made = figuard("budget", "create", "100", *options.split(), "--dedup", "--shadow", "--json").json

    assert (made["unit"], made["external_reference"], made["max_transaction_quantity"]) == ("tokens", "r-1", 9)
    assert (made["velocity_max_per_minute"], made["authorization_expiry_seconds"]) == (3, 60)
    assert (made["entity_dedup_enabled"], made["trust_mode"]) == (True, "SHADOW")
    assert made["expires_at"] > made["created_at"]


def test_allocations_name_what_they_pay_for(figuard):
    made = figuard("budget", "create", "500", "-a", "flights=300", "-a", "ground = 200 : taxi, train", "--json").json

    assert [(a["category"], a["limit"], a["allowed_categories"]) for a in made["allocations"]] == [
        ("flights", 300, ["flights"]),
        ("ground", 200, ["taxi", "train"]),
    ]


@pytest.mark.parametrize("part", ["flights", "=300", "flights="])
def test_an_allocation_without_limit_or_name_is_a_wrong_call(figuard, part):
    ran = figuard("budget", "create", "500", "-a", part)

    assert ran.status == 2
    assert "flights=300" in ran.err


def test_budgets_are_listed_newest_first(figuard):
    for user in ("one", "two"):
        figuard("budget", "create", "100", "--user", user)

    ran = figuard("budget", "list")

    assert ran.out.index("two") < ran.out.index("one")
    assert "100.00 USD" in ran.out
    assert [budget["user_id"] for budget in figuard("budget", "list", "--json").json["budgets"]] == ["two", "one"]


def test_a_page_says_that_there_is_more(figuard):
    for user in ("one", "two"):
        figuard("budget", "create", "100", "--user", user)

    assert "1 of 2; more with --page 1" in figuard("budget", "list", "--size", "1").err


def test_an_amount_of_tokens_is_shown_as_such(figuard):
    figuard("budget", "create", "52300", "--unit", "tokens")

    row = next(line for line in figuard("budget", "list").out.splitlines() if "tokens" in line)
    assert "52,300 tokens" in row
    assert ".00" not in row


@pytest.mark.parametrize("name", ["agent_001", "ref-7", "id", "start"])
def test_a_budget_is_found_by_any_of_its_names(figuard, name):
    made = figuard("budget", "create", "500", "--user", "agent_001", "--reference", "ref-7", "--json").json
    figuard("budget", "create", "500", "--user", "someone else")
    said = {"id": made["id"], "start": made["id"][:13]}.get(name, name)

    assert figuard("budget", "show", said, "--json").json["id"] == made["id"]


def test_a_name_that_fits_two_budgets_is_refused_with_both(figuard):
    made = [figuard("budget", "create", "500", "--user", "twin", "--json").json["id"] for _ in range(2)]

    ran = figuard("budget", "show", "twin")

    assert ran.status == 1
    assert all(budget_id in ran.err for budget_id in made)


def test_part_of_a_name_is_no_name(figuard):
    figuard("budget", "create", "500", "--user", "agent_001")

    ran = figuard("budget", "cancel", "agent", "--yes")

    assert (ran.status, ran.err) == (1, "figuard: there is no budget 'agent'. See: figuard budget list\n")


def test_a_shown_budget_has_its_allocations(figuard):
    figuard("budget", "create", "500", "--user", "me", "-a", "flights=300")

    assert re.search(r"^flights +300\.00 ", figuard("budget", "show", "me").out, re.MULTILINE)


@pytest.mark.parametrize(
    ("operation", "limit"), [("credit", "600.00"), ("debit", "400.00"), ("reset", "100.00"), ("reset-spent", "100.00")]
)
def test_funding(figuard, operation, limit):
    figuard("budget", "create", "500", "--user", "me")

    ran = figuard("budget", "fund", "me", operation, "100", "--reason", "quarter end")

    assert ran.out == f"limit 500.00 → {limit} USD, {limit} USD left\n"


def test_a_refused_funding_says_why(figuard):
    figuard("budget", "create", "500", "--user", "me")

    ran = figuard("budget", "fund", "me", "debit", "501")

    assert (ran.status, ran.out) == (1, "")
    assert ran.err.startswith("figuard: ")


def test_pause_and_resume(figuard):
    figuard("budget", "create", "500", "--user", "me")

    assert figuard("budget", "pause", "me").out.endswith("me  PAUSED\n")
    assert figuard("budget", "resume", "me", "--reason", "checked", "--by", "ann").out.endswith("me  ACTIVE\n")
    assert figuard("budget", "resume", "me", "--reason", "again").status == 1


def test_cancelling_asks_first(figuard):
    figuard("budget", "create", "500", "--user", "me")

    assert figuard("budget", "cancel", "me", said="n\n").status == 1
    assert figuard("budget", "show", "me", "--json").json["status"] == "ACTIVE"
    assert figuard("budget", "cancel", "me", said="y\n").status == 0
    assert figuard("budget", "show", "me", "--json").json["status"] == "CANCELLED"


def test_a_mistyped_database_is_not_made(figuard):
    for command in (["budget", "list"], ["tree", "x"], ["ledger", "verify"], ["sweep"], ["keys", "list"]):
        ran = figuard(*command)

        assert ran.status == 1, command
        assert "there is no database" in ran.err
        assert not figuard.database.exists()


def test_a_database_url_is_understood(figuard):
    figuard("budget", "create", "500", "--user", "me")

    assert (
        figuard("budget", "list", "--database", f"sqlite:///{figuard.database}", "--json").json["total_elements"] == 1
    )


def test_a_server_and_a_database_in_the_environment_contradict(figuard):
    ran = figuard("budget", "list", FIGUARD_API_KEY="k", FIGUARD_BASE_URL="http://127.0.0.1:1")

    assert ran.status == 1
    assert "FIGUARD_API_KEY contradicts the variable FIGUARD_DATABASE" in ran.err


def test_what_works_on_the_database_says_so_where_a_server_is_named(figuard):
    ran = figuard("ledger", "verify", FIGUARD_DATABASE="", FIGUARD_API_KEY="k", FIGUARD_BASE_URL="http://127.0.0.1:1")

    assert ran.status == 1
    assert "give --database" in ran.err


def test_errors_are_json_for_a_program(figuard):
    figuard("budget", "create", "500", "--user", "me")

    ran = figuard("budget", "fund", "me", "debit", "501", "--json")

    assert (ran.status, ran.out) == (1, "")
    assert '"code":' in ran.err
    assert '"message":' in ran.err
