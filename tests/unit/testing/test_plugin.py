"""
The pytest plugin, run by a real pytest of its own.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PASSING = """
def test_spending(figuard_client, figuard_clock):
    answer = figuard_client.authorize(figuard_client.sandbox_token, amount=10)
    figuard_clock.advance("1h")
    figuard_client.assert_reserved(0)
    assert answer.is_authorized
"""
BREAKING = """
from dataclasses import replace

def test_books_that_lie(figuard_client):
    answer = figuard_client.authorize(figuard_client.sandbox_token, amount=10)
    figuard_client.assert_authorized(1)
    store = figuard_client._embedded.store
    budget = figuard_client.get_budget(answer_budget(figuard_client))
    with store.begin() as work:
        from figuard.ports import Changes, Kind
        stored = work.read(Kind.BUDGETS, [budget.id])[budget.id]
        work.write(Changes(updated=[replace(stored, funds=replace(stored.funds, limit=1))]))

def answer_budget(client):
    return client.list_budgets().budgets[0].id
"""


def run(folder: Path, test: str) -> subprocess.CompletedProcess[str]:
    (folder / "test_it.py").write_text(test, encoding="utf-8")
    plugins = ("-p", "figuard.testing.plugin", "-p", "no:cacheprovider")
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *plugins, str(folder)],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env={"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "HOME": str(folder), "PATH": ""},
    )


def test_the_fixtures_give_a_client_and_its_clock(tmp_path: Path):
    done = run(tmp_path, PASSING)

    assert done.returncode == 0, done.stdout + done.stderr


def test_a_ledger_that_does_not_verify_fails_the_test(tmp_path: Path):
    done = run(tmp_path, BREAKING)

    assert done.returncode == 1
    assert "is stored as" in done.stdout
