"""
`figuard doctor --server` names every unsafe setting, and leaves safe ones alone.
"""

from __future__ import annotations

import asyncio
import json
from base64 import b64encode

import pytest
from typer.testing import CliRunner

from figuard.cli.app import app
from figuard.server.safety import RISKS, risks_of, role_risks
from figuard.server.settings import VARIABLES, load
from tests import postgres_server

PEPPER = "p" * 32
KEY = b64encode(bytes(range(32))).decode()
REMOTE = "postgresql://figuard@db.example/figuard?sslmode=verify-full"
SAFE_POSTGRES = {
    "FIGUARD_DATABASE": REMOTE,
    "FIGUARD_TOKEN_PEPPER": PEPPER,
    "FIGUARD_WEBHOOK_SECRET_KEY": KEY,
    "FIGUARD_HOST": "0.0.0.0",
    "FIGUARD_PUBLIC_URL": "https://figuard.example",
}
# One row per unsafe value: what is set on top of what is safe, and which setting is to be named.
UNSAFE = [
    ({"FIGUARD_DEMO": "true"}, "demo"),
    ({"FIGUARD_PUBLIC_URL": ""}, "host"),
    ({"FIGUARD_HOST": "127.0.0.1", "FIGUARD_PUBLIC_URL": "http://figuard.example"}, "public_url"),
    ({"FIGUARD_DATABASE": "postgresql://figuard@db.example/figuard"}, "database"),
    ({"FIGUARD_DATABASE": REMOTE.replace("verify-full", "prefer")}, "database"),
    ({"FIGUARD_CORS_ALLOWED_ORIGINS": "https://a.example,*"}, "cors_origins"),
    ({"FIGUARD_PUBLIC_DOCS": "true"}, "public_docs"),
    ({"FIGUARD_PUBLIC_METRICS": "true"}, "public_metrics"),
    ({"FIGUARD_RATE_LIMIT_PER_MINUTE": "0"}, "rate_per_minute"),
    ({"FIGUARD_BODY_TIMEOUT": "5m"}, "body_seconds"),
    ({"FIGUARD_MAX_HEADER_BYTES": "1048576"}, "header_bytes_max"),
    ({"FIGUARD_STOP_TIMEOUT": "60s"}, "stop_seconds"),
    ({"FIGUARD_WEBHOOK_ALLOW_PRIVATE": "true"}, "webhook_allow_private"),
    ({"FIGUARD_EXPIRY_GRACE": "1d"}, "grace_seconds"),
    ({"FIGUARD_BACKGROUND": "false"}, "background"),
    ({"FIGUARD_INTEGRITY_INTERVAL": "7d"}, "integrity_seconds"),
    ({"FIGUARD_MIGRATE": "true"}, "migrate"),
    ({"FIGUARD_TOKEN_PEPPER": f"{PEPPER},short"}, "peppers"),
    ({"FIGUARD_TOKEN_PEPPER": ""}, "peppers"),
    ({"FIGUARD_WEBHOOK_SECRET_KEY": b64encode(bytes(32)).decode()}, "secret_key"),
    ({"FIGUARD_WEBHOOK_SECRET_KEY": ""}, "secret_key"),
]
BY_FILE = {"secrets_file"}
HARMLESS = frozenset(
    "port workers lanes connections body_bytes_max request_seconds budget_lifetime_seconds_max hold_seconds_default "
    "queue_max sweep_seconds delivery_seconds log_format log_level".split()
)
"""Settings that no value of makes unsafe: bounded where they are read, or a matter of taste."""


@pytest.mark.parametrize("environment", [{}, SAFE_POSTGRES], ids=["nothing set", "PostgreSQL behind a proxy"])
def test_what_is_safe_is_left_alone(environment):
    assert [] == list(risks_of(load(environment)))


@pytest.mark.parametrize(("unsafe", "setting"), UNSAFE, ids=lambda value: value if isinstance(value, str) else "")
def test_an_unsafe_setting_is_named_and_no_other(unsafe, setting):
    found = list(risks_of(load(SAFE_POSTGRES | unsafe)))

    assert [setting] == [risk.setting for risk in found]


def test_every_risk_of_the_table_is_tried():
    found = {risk for unsafe, _ in UNSAFE for risk in risks_of(load(SAFE_POSTGRES | unsafe))}

    assert BY_FILE == {risk.setting for risk in RISKS if risk not in found}


def test_every_setting_is_judged():
    """
    A new setting has to be put on one side or the other.
    """
    judged = {risk.setting for risk in RISKS}

    assert {variable.setting for variable in VARIABLES} == judged | HARMLESS
    assert not judged & HARMLESS


def test_a_file_of_secrets_that_others_may_read(tmp_path):
    path = tmp_path / "secrets"
    path.touch(0o600)
    settings = load({"FIGUARD_SECRETS_FILE": str(path)})
    before = list(risks_of(settings))
    path.chmod(0o640)

    assert [] == before
    assert ["secrets_file"] == [risk.setting for risk in risks_of(settings)]


def test_a_role_that_stands_above_the_walls(postgres):
    name = postgres.create()

    above = asyncio.run(role_risks(load({}, database=postgres.url(name))))
    below = asyncio.run(role_risks(load({}, database=postgres.url(name, postgres.create_role("figuard_plain")))))

    assert ("its role passes the walls between tenants",) == above
    assert () == below


@pytest.fixture
def postgres():
    """
    A throw-away PostgreSQL.
    """
    server = postgres_server.start()
    yield server
    server.stop()


@pytest.mark.parametrize(
    ("environment", "status", "named"),
    [
        ({}, 0, {"database", "settings"}),
        (
            {"FIGUARD_DEMO": "true", "FIGUARD_RATE_LIMIT_PER_MINUTE": "0"},
            1,
            {"database", "FIGUARD_DEMO", "FIGUARD_RATE_LIMIT_PER_MINUTE"},
        ),
    ],
)
def test_the_command_names_variables(tmp_path, environment, status, named):
    ran = CliRunner().invoke(
        app, ["doctor", "--server", "--json", "--database", str(tmp_path / "x.db")], env=environment
    )

    assert status == ran.exit_code, ran.output
    assert named == {check["name"] for check in json.loads(ran.stdout)["checks"]}
    assert [] == list(tmp_path.iterdir())
