"""
Where a client's decisions are made: resolved from arguments and environment, or refused when they disagree.

The rules, in order:

1. An explicit argument beats the environment. So does an explicit ``mode``: settings of the environment that belong
   to another mode are then ignored.
2. Two settings of the same rank that contradict each other are an error that names both.
3. Half a setting is an error: a key without an address, or an address without a key.
4. Nothing at all means embedded, on a file in the user's own folder. Nothing is ever sent to a host that was not
   named, and a private key is never sent to a sandbox.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import count
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from figuard.client.exceptions import FiGuardConfigError

Backend = Literal["embedded", "server", "sandbox"]
MODES: tuple[Backend, ...] = ("embedded", "server", "sandbox")

KEY_VARIABLE = "FIGUARD_API_KEY"
URL_VARIABLE = "FIGUARD_BASE_URL"
DATABASE_VARIABLE = "FIGUARD_DATABASE"
SANDBOX_VARIABLE = "FIGUARD_SANDBOX_URL"
SANDBOX_KEY = "sb_live_demo"
"""The shared key of sandboxes: it protects nothing and is no secret."""
SANDBOX_PREFIX = "sb_"
DATABASE_DEFAULT = "~/.figuard/figuard.db"
MEMORY = ":memory:"


@dataclass(frozen=True, slots=True)
class Settings:
    """
    What was resolved: a ``database`` for embedded, otherwise ``base_url`` and ``api_key``.

    ``number`` tells settings apart that name the same place and still mean another: every ``:memory:`` is its own.
    ``home`` is what two clients share exactly when they speak to the same books with the same authority.
    """

    backend: Backend
    database: str = ""
    base_url: str = ""
    api_key: str = field(default="", repr=False)
    number: int = field(default_factory=count(1).__next__, repr=False, compare=False)
    home: str = field(init=False, repr=False, compare=False)

    @property
    def where(self) -> str:
        """The place in words, for a log line; without the key, and without a password in a database's address."""
        if self.backend != "embedded":
            return self.base_url
        if "://" not in self.database:
            return self.database
        address = urlsplit(self.database)
        return address._replace(netloc=address.netloc.rpartition("@")[2], query="").geturl()

    def __post_init__(self) -> None:
        object.__setattr__(self, "home", self._home())

    def _home(self) -> str:
        if self.database == MEMORY:
            return f"{MEMORY} {self.number}"
        if self.backend == "embedded":
            return f"embedded {self.database}"
        return f"{self.base_url} {sha256(self.api_key.encode()).hexdigest()[:16]}"


def resolve(
    *,
    api_key: str | None = None,
    base_url: str | None = None,
    mode: str | None = None,
    database: str | os.PathLike[str] | None = None,
    environment: Mapping[str, str] | None = None,
) -> Settings:
    """
    Return where decisions are made. Raises ``FiGuardConfigError`` naming the settings at fault.

    *environment* defaults to the process's own. A variable that is set to nothing counts as not set; an argument
    that is blank is an error, because whoever passed it expected it to hold something.
    """
    given = _Given(
        _text(api_key, "api_key"),
        _text(base_url, "base_url"),
        _text(None if database is None else os.fspath(database), "database"),
        os.environ if environment is None else environment,
    )
    if mode is not None and mode not in MODES:
        raise FiGuardConfigError(f"mode={mode!r} is unknown; it is one of {', '.join(map(repr, MODES))}, or left out")
    match mode or _implied(given):
        case "embedded":
            return _embedded(given, mode)
        case "server":
            return _server(given, mode)
        case _:
            return _sandbox(given)


@dataclass(frozen=True, slots=True)
class _Given:
    api_key: str | None
    base_url: str | None
    database: str | None
    environment: Mapping[str, str]

    def variable(self, name: str) -> str | None:
        return self.environment.get(name, "").strip() or None

    def server_argument(self) -> str | None:
        """Return the name of an argument that only a server needs."""
        return "api_key" if self.api_key else "base_url" if self.base_url else None

    def server_variable(self) -> str | None:
        return next((name for name in (KEY_VARIABLE, URL_VARIABLE) if self.variable(name)), None)


def _text(value: object, name: str) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str):
        raise FiGuardConfigError(f"{name} must be text, got {type(value).__name__}")
    if not value.strip():
        raise FiGuardConfigError(f"{name} is blank; leave it out, or check the variable it comes from")
    return value.strip()


def _implied(given: _Given) -> Backend:
    """Return the mode that the settings themselves name."""
    argument, variable = given.server_argument(), given.server_variable()
    if argument and given.database:
        raise _contradiction(argument, f"database={given.database!r}")
    if argument:
        return "server"
    if given.database:
        return "embedded"
    if variable and given.variable(DATABASE_VARIABLE):
        raise _contradiction(f"the variable {variable}", f"the variable {DATABASE_VARIABLE}")
    return "server" if variable else "embedded"


def _embedded(given: _Given, mode: str | None) -> Settings:
    if argument := given.server_argument():
        raise _contradiction(argument, f"mode={mode!r}")
    database = given.database or given.variable(DATABASE_VARIABLE) or DATABASE_DEFAULT
    if database != MEMORY and "://" not in database:
        database = str(Path(database).expanduser().absolute())
    return Settings("embedded", database=database)


def _server(given: _Given, mode: str | None) -> Settings:
    if given.database:
        raise _contradiction(f"database={given.database!r}", f"mode={mode!r}")
    api_key = given.api_key or given.variable(KEY_VARIABLE)
    base_url = given.base_url or given.variable(URL_VARIABLE)
    if api_key and base_url:
        return Settings("server", base_url=_address(base_url), api_key=_printable(api_key))
    wanted = f"mode={mode!r}" if not (api_key or base_url) else "an API key" if api_key else "a base URL"
    missing = [] if api_key else [f"api_key (or {KEY_VARIABLE})"]
    missing += [] if base_url else [f"base_url (or {URL_VARIABLE})"]
    raise FiGuardConfigError(
        f"{wanted} was given without {' and '.join(missing)}; a server needs both, embedded mode needs neither"
    )


def _sandbox(given: _Given) -> Settings:
    if given.database:
        raise _contradiction(f"database={given.database!r}", "mode='sandbox'")
    if given.base_url:
        raise _contradiction(f"base_url={given.base_url!r}", f"mode='sandbox', whose address is {SANDBOX_VARIABLE}")
    if given.api_key and not given.api_key.startswith(SANDBOX_PREFIX):
        raise _contradiction(f"an api_key that does not start with {SANDBOX_PREFIX!r}", "mode='sandbox'")
    address = given.variable(SANDBOX_VARIABLE)
    if address is None:
        raise FiGuardConfigError(f"mode='sandbox' needs the sandbox's address in the variable {SANDBOX_VARIABLE}")
    return Settings("sandbox", base_url=_address(address), api_key=_printable(given.api_key or SANDBOX_KEY))


def _address(url: str) -> str:
    try:
        parts = urlsplit(url)
        valid = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        valid = False
    else:
        valid = valid and not (parts.username or parts.password or parts.query or parts.fragment)
    if not valid:
        raise FiGuardConfigError(f"base_url must look like 'https://figuard.example.com', got {url!r}")
    # The prefix of the API belongs to each call; who copied it along means the same place.
    return url.rstrip("/").removesuffix("/api/v1").rstrip("/")


def _printable(api_key: str) -> str:
    if not api_key.isascii() or not api_key.isprintable():
        raise FiGuardConfigError("api_key has characters that no header can carry; was it copied whole?")
    return api_key


def _contradiction(one: str, other: str) -> FiGuardConfigError:
    return FiGuardConfigError(f"{one} contradicts {other}; keep one of them")
