"""
``figuard ledger``: shown, verified, exported; and what happens when somebody has been at it.
"""

from __future__ import annotations

import json
import sqlite3

import pytest


def tamper(database, statement, *values):
    """Change the books behind FiGuard's back, as whoever owns the file can."""
    with sqlite3.connect(database) as connection:
        for name in ("never_change", "never_go", "never_give_way"):
            connection.execute(f"DROP TRIGGER ledger_entries_{name}")
        assert connection.execute(statement, values).rowcount == 1
    connection.close()


def test_entries_are_shown_oldest_first(travel):
    rows = [line.split() for line in travel("ledger", "show", "agent_001").out.splitlines()[2:]]

    assert [(row[0], row[3]) for row in rows] == [
        ("1", "BUDGET_CREATED"), ("2", "TOKEN_ISSUED"), ("3", "AUTHORIZED"), ("4", "CONFIRMED"), ("5", "DENIED"),
    ]  # fmt: skip


def test_a_settlement_is_shown_with_the_words_of_its_event(travel):
    settled = travel("ledger", "show", "agent_001").out.splitlines()[5]

    assert "JetBlue SFO→JFK roundtrip" in settled
    assert settled.split()[-6:-1] == ["267.00", "267.00", "0.00", "500.00", "local"]


def test_entries_for_a_program_have_whole_hashes(travel):
    entries = travel("ledger", "show", "agent_001", "--json").json["entries"]

    assert [entry["prev"] for entry in entries[1:]] == [entry["hash"] for entry in entries[:-1]]


def test_a_long_ledger_is_shown_in_parts(travel):
    first = travel("ledger", "show", "agent_001", "--size", "2")

    assert "--after 2" in first.err
    assert travel("ledger", "show", "agent_001", "--after", "4", "--json").json["entries"][0]["seq"] == 5


def test_a_sound_ledger(travel):
    ran = travel("ledger", "verify")

    assert (ran.status, ran.out) == (0, "✓ 1 book, 5 entries: chain, balances and projections agree\n")
    assert travel("ledger", "verify", "agent_001").status == 0
    assert travel("ledger", "verify", "--json").json["is_sound"] is True


@pytest.mark.parametrize("scope", [[], ["agent_001"]])
def test_a_changed_entry_is_found(travel, scope):
    tamper(
        travel.database,
        "UPDATE ledger_entries SET body = CAST(replace(CAST(body AS TEXT), '26700000000', '16700000000') AS BLOB)"
        " WHERE kind = ?",
        "CONFIRMED",
    )

    ran = travel("ledger", "verify", *scope)

    assert ran.status == 1
    assert "HASH" in ran.out
    assert "✗ 1 book, 5 entries: 1 book with faults" in ran.out


def test_a_removed_entry_is_found(travel):
    tamper(travel.database, "DELETE FROM ledger_entries WHERE kind = ?", "DENIED")

    found = travel("ledger", "verify", "--json")

    assert found.status == 1
    assert found.json["books"][0]["findings"]


def test_a_changed_projection_is_found(travel):
    with sqlite3.connect(travel.database) as connection:
        connection.execute("UPDATE events SET data = replace(data, '26700000000', '6700000000')")
    connection.close()

    ran = travel("ledger", "verify")

    assert ran.status == 1
    assert "EVENT" in ran.out


def test_an_export_proves_itself(travel, tmp_path):
    file = tmp_path / "export.ndjson"

    written = travel("ledger", "export", "--output", str(file))
    verified = travel("ledger", "verify", "--file", str(file), FIGUARD_DATABASE="/nowhere/at/all.db")

    assert written.out == f"5 entries in {file}\n"
    assert verified.status == 0
    assert "✓ 1 book, 5 entries: chain and balances agree" in verified.out
    assert json.loads(file.read_text().splitlines()[-1])["hash"] in verified.out
    assert not file.stat().st_mode & 0o077


def test_an_export_may_go_through_a_pipe(travel):
    written = travel("ledger", "export")

    assert travel("ledger", "verify", "--file", "-", said=written.out.encode()).status == 0
    assert len(written.out.splitlines()) == 5
    assert written.err == ""


def test_one_budget_can_be_exported_alone(travel):
    travel("budget", "create", "1", "--user", "other")

    assert len(travel("ledger", "export", "agent_001").out.splitlines()) == 5


@pytest.mark.parametrize(
    ("spoil", "what"),
    [
        (lambda lines: [line.replace(b'"quantity":27', b'"quantity":17') for line in lines], "HASH"),
        (lambda lines: [*lines[:2], *lines[3:]], "GAP"),
        (lambda lines: lines[1:], "GAP"),
        (lambda lines: [*lines, b"{not json}\n"], "UNREADABLE"),
        (lambda lines: [*lines[:-1], lines[-1][:100]], "UNREADABLE"),
    ],
    ids=["changed", "missing", "beheaded", "garbage", "torn"],
)  # fmt: skip
def test_a_spoilt_export_is_found(travel, spoil, what):
    lines = travel("ledger", "export").out.encode().splitlines(keepends=True)

    ran = travel("ledger", "verify", "--file", "-", said=b"".join(spoil(lines)))

    assert ran.status == 1
    assert what in ran.out


def test_a_shortened_export_is_found_by_its_last_hash(travel):
    """
    A chain cannot tell that its end is missing; the last hash, noted when the export was made, can.
    """
    lines = travel("ledger", "export").out.encode().splitlines(keepends=True)
    whole = travel("ledger", "verify", "--file", "-", "--json", said=b"".join(lines)).json
    short = travel("ledger", "verify", "--file", "-", "--json", said=b"".join(lines[:-1])).json

    assert (whole["entries"], short["entries"]) == (5, 4)
    assert whole["books"][0]["last_hash"] != short["books"][0]["last_hash"]


def test_an_empty_file_proves_nothing(travel):
    ran = travel("ledger", "verify", "--file", "-", said=b"")

    assert ran.status == 1
    assert "proves nothing" in ran.err


def test_a_file_that_does_not_exist(travel):
    ran = travel("ledger", "verify", "--file", "nowhere.ndjson")

    assert (ran.status, ran.err) == (1, "figuard: nowhere.ndjson: No such file or directory\n")


def test_an_export_does_not_replace_a_file_unless_told(travel, tmp_path):
    file = tmp_path / "precious"
    file.write_text("precious")

    refused = travel("ledger", "export", "--output", str(file))
    assert refused.status == 1
    assert file.read_text() == "precious"
    assert "--force" in refused.err

    assert travel("ledger", "export", "--output", str(file), "--force").status == 0
    assert len(file.read_text().splitlines()) == 5


def test_a_failed_export_leaves_nothing_behind(travel, tmp_path):
    folder = tmp_path / "out"
    folder.mkdir()
    with sqlite3.connect(travel.database) as connection:
        connection.execute("ALTER TABLE ledger_entries RENAME COLUMN body TO corpse")
    connection.close()

    assert travel("ledger", "export", "--output", str(folder / "x")).status == 1
    assert list(folder.iterdir()) == []


def test_what_was_decided_about_a_budget_is_shown_with_its_reason(travel):
    with travel.client() as client:
        (event,) = client.iter_events(client.search_budgets("agent_001").budgets[0], decision="CONFIRMED")
        client.refund(event, 67, "two nights less")
    travel("budget", "fund", "agent_001", "credit", "100", "--reason", "a new quarter")

    rows = travel("ledger", "show", "agent_001").out.splitlines()[2:]

    assert rows[5].split()[3] == "REFUNDED"
    assert " 67.00 " in rows[5]
    assert "BUDGET_FUNDED" in rows[6]
    assert "a new quarter" in rows[6]


def test_a_long_export_is_written_whole(figuard, tmp_path):
    kept = tmp_path / "demo.db"
    figuard("demo", "--keep", str(kept))

    written = figuard("ledger", "export", "--database", str(kept)).out.encode()

    assert len(written.splitlines()) == 666
    assert figuard("ledger", "verify", "--file", "-", "--json", said=written).json["entries"] == 666


def test_a_budget_and_a_file_are_a_wrong_call(travel):
    assert travel("ledger", "verify", "agent_001", "--file", "x").status == 2
