"""
Settings: arguments, then the environment, then defaults; contradictions are errors.
"""

from __future__ import annotations

from base64 import b64encode
from dataclasses import fields

import pytest

from figuard.server.settings import VARIABLES, ServerSettings, SettingsError, load

KEY = b64encode(bytes(range(32))).decode()


def test_nothing_set_serves_the_local_database_on_this_machine_only():
    settings = load({})

    assert ("~/.figuard/figuard.db", "127.0.0.1", 8080, False) == (
        settings.database, settings.host, settings.port, settings.demo,
    )  # fmt: skip


def test_an_argument_beats_the_environment():
    assert 9 == load({"FIGUARD_PORT": "7", "PORT": "8"}, port=9).port


def test_a_variable_set_to_nothing_is_not_set():
    assert 8080 == load({"FIGUARD_PORT": " "}).port


@pytest.mark.parametrize(
    ("name", "value", "setting", "found"),
    [
        ("FIGUARD_DATABASE", "x.db", "database", "x.db"),
        ("PORT", "0", "port", 0),
        ("FIGUARD_SEED_DEMO_KEY", "true", "demo", True),
        ("FIGUARD_DEMO", "0", "demo", False),
        ("FIGUARD_WORKERS", "1", "workers", 1),
        ("FIGUARD_PUBLIC_URL", "https://x.example/", "public_url", "https://x.example"),
        ("FIGUARD_CORS_ALLOWED_ORIGINS", "http://a, http://b", "cors_origins", ("http://a", "http://b")),
        ("FIGUARD_MAX_BUDGET_LIFETIME", "24h", "budget_lifetime_seconds_max", 86_400),
        ("FIGUARD_MAX_BUDGET_LIFETIME", "90", "budget_lifetime_seconds_max", 90),
        ("FIGUARD_TOKEN_PEPPER", "new,old", "peppers", ("new", "old")),
        ("WEBHOOK_SECRET_KEY", KEY, "secret_key", bytes(range(32))),
        ("FIGUARD_LOG_FORMAT", "TEXT", "log_format", "text"),
        ("SPRING_DATASOURCE_URL", "jdbc:postgresql://db:5/x", "database", "postgresql://figuard@db:5/x"),
    ],
)
def test_a_variable_is_read(name, value, setting, found):
    assert found == getattr(load({name: value}), setting)


def test_several_workers_serve_a_database_that_lets_them_all_write():
    assert 4 == load({"FIGUARD_WORKERS": "4", "FIGUARD_DATABASE": "postgresql://db/x"}).workers


def test_the_reference_systems_database_has_its_login_beside_it():
    found = load(
        {
            "SPRING_DATASOURCE_URL": "jdbc:postgresql://db/x",
            "SPRING_DATASOURCE_USERNAME": "u@x",
            "DB_PASSWORD": "p/w",
        }
    )

    assert "postgresql://u%40x:p%2Fw@db/x" == found.database
    assert "p%2Fw" not in found.where


@pytest.mark.parametrize(
    ("environment", "names"),
    [
        ({"FIGUARD_PORT": "http"}, ["FIGUARD_PORT", "'http'"]),
        ({"FIGUARD_PORT": "70000"}, ["FIGUARD_PORT", "70000"]),
        ({"FIGUARD_PORT": "²"}, ["FIGUARD_PORT"]),
        ({"FIGUARD_DEMO": "maybe"}, ["FIGUARD_DEMO"]),
        ({"FIGUARD_PUBLIC_URL": "x.example"}, ["FIGUARD_PUBLIC_URL"]),
        ({"FIGUARD_REQUEST_TIMEOUT": "0"}, ["FIGUARD_REQUEST_TIMEOUT"]),
        ({"FIGUARD_MAX_BUDGET_LIFETIME": "soon"}, ["FIGUARD_MAX_BUDGET_LIFETIME"]),
        ({"FIGUARD_PORT": "1", "PORT": "2"}, ["FIGUARD_PORT", "PORT"]),
        ({"FIGUARD_DATABASE": "x", "SPRING_DATASOURCE_URL": "jdbc:postgresql://d/x"}, ["FIGUARD_DATABASE", "SPRING"]),
        ({"SPRING_DATASOURCE_URL": "jdbc:mysql://d/x"}, ["jdbc:postgresql"]),
        ({"FIGUARD_DEMO": "true", "SPRING_PROFILES_ACTIVE": "prod"}, ["demo", "SPRING_PROFILES_ACTIVE"]),
        ({"FIGUARD_LANES": "8", "FIGUARD_CONNECTIONS": "8"}, ["FIGUARD_CONNECTIONS", "FIGUARD_LANES"]),
        ({"FIGUARD_WORKERS": "0"}, ["FIGUARD_WORKERS", "from 1"]),
        ({"FIGUARD_WORKERS": "2"}, ["FIGUARD_WORKERS", "PostgreSQL", "postgresql://"]),
        ({"FIGUARD_WORKERS": "2", "FIGUARD_DATABASE": "books.db"}, ["FIGUARD_WORKERS", "PostgreSQL"]),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(environment, names):
    with pytest.raises(SettingsError) as refused:
        load(environment)

    assert [name for name in names if name not in str(refused.value)] == []


def test_the_same_value_under_two_names_is_no_contradiction():
    assert 7 == load({"FIGUARD_PORT": "7", "PORT": "7"}).port


def test_a_bad_secret_is_refused_without_being_shown():
    with pytest.raises(SettingsError) as refused:
        load({"WEBHOOK_SECRET_KEY": "hunter2"})

    assert "hunter2" not in str(refused.value)


def test_secrets_are_not_in_the_representation():
    assert "hunter2" not in repr(load({"FIGUARD_TOKEN_PEPPER": "hunter2"}))


def test_every_setting_has_a_variable():
    assert {one.name for one in fields(ServerSettings)} == {variable.setting for variable in VARIABLES}


@pytest.mark.parametrize(
    ("host", "port", "url"),
    [("0.0.0.0", 1, "http://localhost:1"), ("::1", 1, "http://[::1]:1"), ("h", 80, "http://h:80")],
)
def test_links_start_with_an_address_that_people_can_use(host, port, url):
    assert url == load({}, host=host, port=port).base_url
