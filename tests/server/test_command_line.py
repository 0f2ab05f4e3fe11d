"""
The commands around a server: migrate, tenant.
"""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from figuard.cli.app import app
from figuard.server.backend import open_backend
from figuard.server.settings import load
from tests.server.desk import Desk


@pytest.fixture
def figuard(tmp_path):
    """
    The command line on a database of its own.
    """
    database = str(tmp_path / "x.db")

    def run(*arguments):
        return CliRunner().invoke(app, [*arguments, "--database", database])

    run.database = database
    return run


def test_migrate_says_what_is_to_do_and_does_it(figuard):
    before = figuard("migrate", "--check", "--json")
    done = figuard("migrate", "--json")
    after = figuard("migrate", "--check")

    assert (1, ["0001"]) == (before.exit_code, json.loads(before.stdout)["pending"][:1])
    assert (0, json.loads(before.stdout)["pending"]) == (done.exit_code, json.loads(done.stdout)["applied"])
    assert (0, "up to date\n") == (after.exit_code, after.stdout)


def test_checking_makes_no_database(figuard, tmp_path):
    figuard("migrate", "--check")

    assert [] == list(tmp_path.iterdir())


def test_a_tenants_first_key_is_shown_once_and_opens_a_server(figuard):
    made = json.loads(figuard("tenant", "create", "acme", "--json").stdout)
    listed = figuard("tenant", "list", "--json").stdout
    more = json.loads(figuard("tenant", "key", made["id"], "--scope", "read", "--json").stdout)

    assert made["key"] not in listed
    assert [("acme", made["id"])] == [(one["name"], one["id"]) for one in json.loads(listed)]
    assert made["key"] != more["key"]
    assert (201, 200, 403) == _tried(figuard.database, made["key"], more["key"])


def _tried(database, admin, reader):
    import asyncio

    async def tried():
        settings = load({}, database=database, background=False)
        backend = await open_backend(settings)
        desk = Desk(settings, backend, backend.engine.clock)
        body = {"userId": "u", "totalLimit": 5, "currency": "USD"}
        body["expiresAt"] = "2027-06-01T00:00:00Z"
        found = (
            (await desk.call("POST", "/api-keys", {}, key=admin)).status_code,
            (await desk.call("GET", "/budgets", key=reader)).status_code,
            (await desk.call("POST", "/budgets", body, key=reader)).status_code,
        )
        await desk.http.aclose()
        await desk.server.stop()
        return found

    return asyncio.run(tried())


def test_an_unknown_tenant_gets_no_key(figuard):
    figuard("migrate")

    refused = figuard("tenant", "key", "nobody")

    assert 1 == refused.exit_code
    assert "there is no tenant 'nobody'" in refused.stderr


def test_a_tenants_key_may_be_for_one_of_its_budgets_only(figuard):
    made = json.loads(figuard("tenant", "create", "acme", "--json").stdout)

    refused = figuard("tenant", "key", made["id"], "--scope", "agent", "--budget", "nobody")

    assert 1 == refused.exit_code
    assert "there is no budget 'nobody'" in refused.stderr


def test_a_setting_that_cannot_be_used_is_a_sentence(figuard, monkeypatch):
    monkeypatch.setenv("FIGUARD_LOG_LEVEL", "loud")

    refused = figuard("serve")

    assert 1 == refused.exit_code
    assert "FIGUARD_LOG_LEVEL must be one of" in refused.stderr
