"""
What the tests of the command line share: a clean environment, and a short way to run a command.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from figuard.cli.app import app
from figuard.client.sync.client import FiGuardClient


@dataclass
class Ran:
    """What a command said and how it ended."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Line:
    """A command line on one database."""

    def __init__(self, database: Path) -> None:
        self.database = database

    def __call__(self, *words: str, said: str | bytes | None = None, **environment: str) -> Ran:
        """Run a command; the database is named by the environment."""
        result = CliRunner().invoke(app, words, input=said, env={"FIGUARD_DATABASE": str(self.database), **environment})
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return Ran(result.exit_code, result.stdout, result.stderr)

    def client(self) -> FiGuardClient:
        """Return a client of the same books."""
        return FiGuardClient(database=self.database, log=False)


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    for name in list(os.environ):
        if name.startswith("FIGUARD_") or name in {"FORCE_COLOR", "NO_COLOR", "COLUMNS", "LINES"}:
            monkeypatch.delenv(name)


@pytest.fixture
def figuard(tmp_path):
    return Line(tmp_path / "books.db")


@pytest.fixture
def travel(figuard):
    """The command line on books with the travel agent of the README: 267 of 500 spent, 350 denied."""
    with figuard.client() as client:
        budget = client.create_budget("agent_001", 500, intent_context="travel booking session")
        flight = client.authorize(
            budget=budget, amount=270, agent_id="travel_agent", description="JetBlue SFO→JFK roundtrip"
        )
        client.confirm(flight, 267)
        client.authorize(budget=budget, amount=350, agent_id="travel_agent", description="Marriott 3 nights")
    return figuard
