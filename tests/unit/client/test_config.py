"""
Where a client decides: every combination of settings, and what each comes to.
"""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest

from figuard.client.config import resolve
from figuard.client.exceptions import FiGuardConfigError

HOME = str(Path("~/.figuard/figuard.db").expanduser())
KEY, URL, FILE = "fg_live_secret", "https://figuard.test", "/data/books.db"
ENV_KEY, ENV_URL, ENV_FILE = "fg_live_environment", "https://environment.test", "/environment/books.db"
SANDBOX = "https://sandbox.test"


def resolved(arguments="", environment="", mode=None, *, sandbox=None):
    """Resolve the arguments and variables named by letters: k(ey), u(rl), d(atabase). Errors come back as text."""
    given = {
        "api_key": KEY if "k" in arguments else None,
        "base_url": URL if "u" in arguments else None,
        "database": FILE if "d" in arguments else None,
    }
    variables = {
        "FIGUARD_API_KEY": ENV_KEY if "k" in environment else "",
        "FIGUARD_BASE_URL": ENV_URL if "u" in environment else "",
        "FIGUARD_DATABASE": ENV_FILE if "d" in environment else "",
        "FIGUARD_SANDBOX_URL": sandbox or "",
    }
    try:
        settings = resolve(**given, mode=mode, environment=variables)
    except FiGuardConfigError as error:
        return f"error {error}"
    if settings.backend == "embedded":
        return f"embedded {settings.database}"
    return f"{settings.backend} {settings.base_url} {settings.api_key}"


# Arguments, variables, mode, and what must come out: a place, or words that the error must have.
TABLE = [
    ("", "", None, f"embedded {HOME}"),
    ("d", "", None, f"embedded {FILE}"),
    ("", "d", None, f"embedded {ENV_FILE}"),
    ("ku", "", None, f"server {URL} {KEY}"),
    ("", "ku", None, f"server {ENV_URL} {ENV_KEY}"),
    # each argument completes itself from the environment
    ("k", "u", None, f"server {ENV_URL} {KEY}"),
    ("u", "k", None, f"server {URL} {ENV_KEY}"),
    # an explicit argument beats variables that belong to another mode
    ("d", "ku", None, f"embedded {FILE}"),
    ("ku", "d", None, f"server {URL} {KEY}"),
    ("d", "d", None, f"embedded {FILE}"),
    ("ku", "kud", None, f"server {URL} {KEY}"),
    # half a setting is an error that says what is missing
    ("k", "", None, ["API key", "base_url", "FIGUARD_BASE_URL"]),
    ("u", "", None, ["base URL", "api_key", "FIGUARD_API_KEY"]),
    ("", "k", None, ["API key", "base_url", "FIGUARD_BASE_URL"]),
    ("", "u", None, ["base URL", "api_key", "FIGUARD_API_KEY"]),
    ("k", "d", None, ["API key", "base_url"]),
    # two settings of one rank that contradict each other: both are named
    ("kud", "", None, ["api_key", "database"]),
    ("kd", "", None, ["api_key", "database"]),
    ("ud", "", None, ["base_url", "database"]),
    ("", "kud", None, ["FIGUARD_API_KEY", "FIGUARD_DATABASE"]),
    ("", "ud", None, ["FIGUARD_BASE_URL", "FIGUARD_DATABASE"]),
    # a mode beats the environment, not the other arguments
    ("", "", "embedded", f"embedded {HOME}"),
    ("", "kud", "embedded", f"embedded {ENV_FILE}"),
    ("d", "ku", "embedded", f"embedded {FILE}"),
    ("k", "", "embedded", ["api_key", "mode='embedded'"]),
    ("u", "", "embedded", ["base_url", "mode='embedded'"]),
    ("", "kud", "server", f"server {ENV_URL} {ENV_KEY}"),
    ("ku", "", "server", f"server {URL} {KEY}"),
    ("d", "ku", "server", ["database", "mode='server'"]),
    ("", "", "server", ["mode='server'", "api_key", "base_url"]),
    ("", "d", "server", ["mode='server'", "api_key", "base_url"]),
    ("k", "", "server", ["API key", "base_url"]),
    # a misspelled mode never falls back to anything
    ("", "", "bogus", ["mode='bogus'", "embedded", "server", "sandbox"]),
    ("ku", "", "Server", ["mode='Server'"]),
    ("", "", "", ["mode=''"]),
    # no sandbox is built in
    ("", "", "sandbox", ["FIGUARD_SANDBOX_URL"]),
]


@pytest.mark.parametrize(("arguments", "environment", "mode", "expected"), TABLE)
def test_the_table(arguments, environment, mode, expected):
    found = resolved(arguments, environment, mode)

    if isinstance(expected, str):
        assert expected == found
    else:
        assert found.startswith("error ")
        assert [word for word in expected if word not in found] == []


LETTERS = ["", "k", "u", "d", "ku", "kd", "ud", "kud"]


@pytest.mark.parametrize("mode", [None, "embedded", "server", "sandbox", "bogus"])
def test_no_combination_is_left_to_chance(mode):
    """
    All 64 combinations of arguments and variables either resolve to what was named, or name what is wrong.
    """
    for arguments, environment in product(LETTERS, LETTERS):
        found = resolved(arguments, environment, mode, sandbox=SANDBOX)
        places = [HOME, FILE, ENV_FILE, URL, ENV_URL, SANDBOX]
        assert found.startswith("error ") or any(place in found for place in places)


@pytest.mark.parametrize("mode", [None, "embedded", "server", "sandbox", "bogus"])
def test_a_private_key_goes_only_to_an_address_that_was_given(mode):
    """
    The incident this rules out: a live key sent to a public demo host because the address was forgotten.
    """
    for arguments, environment in product(LETTERS, LETTERS):
        found = resolved(arguments, environment, mode, sandbox=SANDBOX)
        assert not (SANDBOX in found and ("secret" in found or "environment" in found.split()[-1]))


def test_an_error_never_shows_the_key():
    for arguments, environment in product(LETTERS, LETTERS):
        found = resolved(arguments, environment)
        assert not (found.startswith("error ") and (KEY in found or ENV_KEY in found))


def test_the_sandbox_has_a_key_of_its_own():
    assert resolved("", "ku", "sandbox", sandbox=SANDBOX) == f"sandbox {SANDBOX} sb_live_demo"


def test_the_sandbox_takes_a_sandbox_key():
    settings = resolve(api_key="sb_mine", mode="sandbox", environment={"FIGUARD_SANDBOX_URL": SANDBOX})

    assert settings.api_key == "sb_mine"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [("k", ["sb_", "sandbox"]), ("u", ["base_url", "FIGUARD_SANDBOX_URL"]), ("d", ["database", "sandbox"])],
)
def test_the_sandbox_takes_nothing_private(arguments, words):
    found = resolved(arguments, "", "sandbox", sandbox=SANDBOX)

    assert found.startswith("error ")
    assert [word for word in words if word not in found] == []


@pytest.mark.parametrize("name", ["api_key", "base_url", "database"])
@pytest.mark.parametrize("blank", ["", "  "])
def test_a_blank_argument_is_an_error(name, blank):
    """
    Whoever passes `os.environ.get("KEY", "")` meant a server, and must not silently get a file instead.
    """
    with pytest.raises(FiGuardConfigError, match=f"{name} is blank"):
        resolve(**{name: blank}, environment={})


def test_a_blank_variable_is_no_setting():
    settings = resolve(environment={"FIGUARD_API_KEY": " ", "FIGUARD_DATABASE": ""})

    assert (settings.backend, settings.database) == ("embedded", HOME)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://figuard.test/", "https://figuard.test"),
        ("http://localhost:8080", "http://localhost:8080"),
        ("https://gateway.test/figuard/", "https://gateway.test/figuard"),
        ("https://figuard.test/api/v1/", "https://figuard.test"),
    ],
)
def test_an_address_loses_its_trailing_slash(url, expected):
    assert resolve(api_key=KEY, base_url=url, environment={}).base_url == expected


@pytest.mark.parametrize(
    "url",
    [
        "figuard.test",
        "ftp://figuard.test",
        "https://",
        "https://user:pw@figuard.test",
        "https://a.test?x=1",
        "http://[",
        "http://a.test:99999",
    ],
)
def test_an_address_that_is_none_is_refused(url):
    with pytest.raises(FiGuardConfigError, match="base_url must look like"):
        resolve(api_key=KEY, base_url=url, environment={})


def test_a_key_with_a_line_break_is_refused():
    with pytest.raises(FiGuardConfigError, match="header"):
        resolve(api_key="fg_live_a\nb", base_url=URL, environment={})


@pytest.mark.parametrize(
    ("database", "expected"),
    [
        (":memory:", ":memory:"),
        ("~/books.db", str(Path("~/books.db").expanduser())),
        (Path("/data/books.db"), "/data/books.db"),
        ("books.db", str(Path("books.db").absolute())),
        ("sqlite:///data/books.db", "sqlite:///data/books.db"),
        ("postgresql://figuard@db/figuard", "postgresql://figuard@db/figuard"),
    ],
)
def test_a_database_is_a_path_or_an_address(database, expected):
    assert resolve(database=database, environment={}).database == expected


def test_a_log_line_has_no_password_in_it():
    settings = resolve(database="postgresql://figuard:secret@db/figuard?sslpassword=secret", environment={})

    assert settings.where == "postgresql://db/figuard"


def test_two_clients_of_one_file_share_their_books():
    assert resolve(database="a.db", environment={}).home == resolve(database="a.db", environment={}).home


def test_every_memory_has_books_of_its_own():
    assert resolve(database=":memory:", environment={}).home != resolve(database=":memory:", environment={}).home


def test_two_keys_on_one_server_are_two_authorities():
    one = resolve(api_key="fg_live_a", base_url=URL, environment={})
    other = resolve(api_key="fg_live_b", base_url=URL, environment={})

    assert one.home != other.home
    assert "fg_live" not in one.home
    assert "fg_live" not in repr(one)
