"""
The server's settings: arguments, then the environment, then defaults; what contradicts itself is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any
from urllib.parse import quote, urlsplit

from figuard.domain import instants
from figuard.domain.instants import SECOND
from figuard.webhooks.secretbox import decoded_key
from figuard.wire import limits
from figuard.wire.context import Settings as WireSettings

DATABASE_DEFAULT = "~/.figuard/figuard.db"
PORT_DEFAULT = 8080
_TRUTH = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}


class SettingsError(ValueError):
    """A setting that cannot be used, or two that contradict each other; the message names them."""


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """
    Everything an installation may set.

    Spans are in seconds. ``rate_per_minute`` 0 is no limit. ``public_url`` is how people reach the server, for links
    in receipts. Secrets are kept out of the representation.
    """

    database: str = DATABASE_DEFAULT
    host: str = "127.0.0.1"
    port: int = PORT_DEFAULT
    demo: bool = False
    migrate: bool = False
    workers: int = 1
    lanes: int = 2
    connections: int = 16
    queue_max: int = 2_000
    public_url: str = ""
    cors_origins: tuple[str, ...] = ("http://localhost:5173",)
    public_docs: bool = False
    public_metrics: bool = False
    rate_per_minute: int = 120_000
    body_bytes_max: int = limits.BODY_BYTES_MAX
    body_seconds: float = 10.0
    request_seconds: float = 30.0
    header_bytes_max: int = 65_536
    stop_seconds: float = 7.0
    budget_lifetime_seconds_max: int = limits.LIFETIME_SECONDS_DEFAULT
    hold_seconds_default: int = 300
    grace_seconds: int = 60
    background: bool = True
    sweep_seconds: float = 5.0
    delivery_seconds: float = 1.0
    integrity_seconds: float = 300.0
    webhook_allow_private: bool = False
    log_format: str = "json"
    log_level: str = "info"
    secrets_file: str = ""
    peppers: tuple[str, ...] = field(default=(), repr=False)
    secret_key: bytes | None = field(default=None, repr=False)

    @property
    def is_postgres(self) -> bool:
        """Whether the books are in PostgreSQL."""
        return self.database.startswith(("postgresql://", "postgres://"))

    @property
    def base_url(self) -> str:
        """What links to this server start with."""
        return self.public_url.rstrip("/") or f"http://{_host_in_url(self.host)}:{self.port}"

    @property
    def where(self) -> str:
        """The database in words for a log line: without a password."""
        if "://" not in self.database:
            return self.database
        address = urlsplit(self.database)
        return address._replace(netloc=address.netloc.rpartition("@")[2], query="").geturl()

    def wire(self) -> WireSettings:
        """Return what parsing and rendering need of this."""
        return WireSettings(
            budget_lifetime_seconds_max=self.budget_lifetime_seconds_max,
            hold_seconds_default=self.hold_seconds_default,
            grace_seconds=self.grace_seconds,
            base_url=self.base_url,
        )


def _host_in_url(host: str) -> str:
    if host in {"", "0.0.0.0", "::"}:  # noqa: S104 - compared, not bound
        return "localhost"
    return f"[{host}]" if ":" in host else host


# -- how a value is read -----------------------------------------------------------------------------------------------


def _flag(text: str) -> bool:
    try:
        return _TRUTH[text.lower()]
    except KeyError:
        raise ValueError("must be true or false") from None


def _whole(least: int, most: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not (text.isascii() and text.isdecimal() and len(text) <= 12 and least <= int(text) <= most):  # noqa: PLR2004 - digits
            raise ValueError(f"must be a whole number from {least} to {most:,}")
        return int(text)

    return read


def _span(text: str) -> int:
    try:
        return instants.span(int(text) if text.isascii() and text.isdecimal() else text, "it") // SECOND
    except ValueError as error:
        raise ValueError(f"must be a span of time such as 90s, 15m, 24h, 366d or PT36H: {error}") from None


def _seconds(text: str) -> float:
    seconds = float(_span(text))
    if not seconds:
        raise ValueError("must be above zero")
    return seconds


def _words(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _choice(*words: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text.lower() not in words:
            raise ValueError(f"must be one of {', '.join(words)}")
        return text.lower()

    return read


def _url(text: str) -> str:
    if urlsplit(text).scheme not in {"http", "https"} or not urlsplit(text).netloc:
        raise ValueError("must be an http:// or https:// address")
    return text.rstrip("/")


@dataclass(frozen=True, slots=True)
class Variable:
    """One variable of the environment: its name, older names of it, the setting, how it is read, what it says."""

    name: str
    setting: str
    read: Callable[[str], Any]
    says: str
    aliases: tuple[str, ...] = ()
    secret: bool = False


_COUNT_MAX = 1_000_000_000
VARIABLES: tuple[Variable, ...] = (
    Variable("FIGUARD_DATABASE", "database", str, "A file, `sqlite:///file.db` or `postgresql://…`."),
    Variable("FIGUARD_HOST", "host", str, "The address to listen on."),
    Variable("FIGUARD_PORT", "port", _whole(0, 65_535), "The port to listen on; 0 takes any free one.", ("PORT",)),
    Variable(
        "FIGUARD_DEMO",
        "demo",
        _flag,
        "Seed the well-known key `fg_live_demo`. Never where it can be reached by others.",
        ("FIGUARD_SEED_DEMO_KEY",),
    ),
    Variable("FIGUARD_MIGRATE", "migrate", _flag, "Bring the schema up to date before serving."),
    Variable("FIGUARD_WORKERS", "workers", _whole(1, 64), "PostgreSQL: how many processes serve at this address."),
    Variable("FIGUARD_LANES", "lanes", _whole(1, 64), "PostgreSQL: how many batches a worker commits side by side."),
    Variable("FIGUARD_CONNECTIONS", "connections", _whole(2, 1000), "PostgreSQL: how many connections a worker keeps."),
    Variable(
        "FIGUARD_QUEUE",
        "queue_max",
        _whole(1, 1_000_000),
        "How many requests may wait in a worker to be committed; one more is told at once to come again (503).",
    ),
    Variable("FIGUARD_PUBLIC_URL", "public_url", _url, "How people reach the server; receipt links start with it."),
    Variable(
        "FIGUARD_CORS_ALLOWED_ORIGINS",
        "cors_origins",
        _words,
        "Origins whose pages may call the API, separated by commas; `*` for any.",
    ),
    Variable("FIGUARD_PUBLIC_DOCS", "public_docs", _flag, "Show the API reference without a login."),
    Variable("FIGUARD_PUBLIC_METRICS", "public_metrics", _flag, "Show metrics without a key."),
    Variable(
        "FIGUARD_RATE_LIMIT_PER_MINUTE",
        "rate_per_minute",
        _whole(0, _COUNT_MAX),
        "Requests one API key may make in a minute; 0 is no limit.",
    ),
    Variable("FIGUARD_MAX_BODY_BYTES", "body_bytes_max", _whole(1024, limits.BODY_BYTES_MAX), "The largest body."),
    Variable("FIGUARD_BODY_TIMEOUT", "body_seconds", _seconds, "How long headers and body may take to arrive."),
    Variable("FIGUARD_REQUEST_TIMEOUT", "request_seconds", _seconds, "How long a request may wait for its answer."),
    Variable("FIGUARD_MAX_HEADER_BYTES", "header_bytes_max", _whole(8192, 1_048_576), "The largest request head."),
    Variable("FIGUARD_STOP_TIMEOUT", "stop_seconds", _seconds, "How long open requests may take when stopping."),
    Variable("FIGUARD_MAX_BUDGET_LIFETIME", "budget_lifetime_seconds_max", _span, "How far ahead a budget may expire."),
    Variable(
        "FIGUARD_DEFAULT_HOLD_SECONDS",
        "hold_seconds_default",
        _whole(1, limits.SECONDS_MAX),
        "How long a hold lasts where its budget does not say.",
    ),
    Variable("FIGUARD_EXPIRY_GRACE", "grace_seconds", _span, "How long a budget still answers after its end."),
    Variable("FIGUARD_BACKGROUND", "background", _flag, "Sweep, deliver webhooks and verify in this process."),
    Variable("FIGUARD_SWEEP_INTERVAL", "sweep_seconds", _seconds, "How often what is due is done."),
    Variable("FIGUARD_DELIVERY_INTERVAL", "delivery_seconds", _seconds, "How often waiting webhooks are looked for."),
    Variable("FIGUARD_INTEGRITY_INTERVAL", "integrity_seconds", _seconds, "How often ledgers are verified."),
    Variable(
        "FIGUARD_WEBHOOK_ALLOW_PRIVATE",
        "webhook_allow_private",
        _flag,
        "Let webhooks go to private addresses and plain http. For development.",
    ),
    Variable("FIGUARD_LOG_FORMAT", "log_format", _choice("json", "text"), "`json` or `text`."),
    Variable("FIGUARD_LOG_LEVEL", "log_level", _choice("debug", "info", "warning", "error"), "What is logged."),
    Variable("FIGUARD_SECRETS_FILE", "secrets_file", str, "A file that keeps generated secrets beside the database."),
    Variable(
        "FIGUARD_TOKEN_PEPPER",
        "peppers",
        _words,
        "Peppers of tokens and keys, newest first, separated by commas.",
        secret=True,
    ),
    Variable(
        "FIGUARD_WEBHOOK_SECRET_KEY",
        "secret_key",
        decoded_key,
        "Base64 of 32 bytes that encrypt webhook secrets at rest.",
        ("WEBHOOK_SECRET_KEY",),
        secret=True,
    ),
)
"""Every variable the server reads."""


def load(environment: Mapping[str, str], **arguments: Any) -> ServerSettings:  # noqa: ANN401 - each setting has its own type
    """
    Return the settings: *arguments* that are not None, then *environment*, then defaults.

    A variable that is set to nothing counts as not set. Raises ``SettingsError`` naming what is wrong.
    """
    given = {name: value for name, value in arguments.items() if value is not None}
    found = {**_jdbc(environment), **_from(environment, given)}
    known = {one.name for one in fields(ServerSettings)}
    if unknown := sorted(given.keys() - known):
        raise SettingsError(f"unknown settings: {', '.join(unknown)}")
    settings = replace(ServerSettings(), **{**found, **given})
    _check(settings, environment)
    return settings


def _from(environment: Mapping[str, str], given: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for variable in VARIABLES:
        set_by: str | None = None
        for name in (variable.name, *variable.aliases):
            text = environment.get(name, "").strip()
            if not text or variable.setting in given:
                continue
            try:
                value = variable.read(text)
            except ValueError as error:
                shown = "" if variable.secret else f", got {text!r}"
                raise SettingsError(f"{name} {error}{shown}") from None
            if set_by is not None and found[variable.setting] != value:
                raise SettingsError(f"{set_by} and {name} are the same setting and contradict each other; keep one")
            set_by = set_by or name
            found[variable.setting] = value
    return found


def _jdbc(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the database that the reference system's variables name, if they do."""
    address = environment.get("SPRING_DATASOURCE_URL", "").strip()
    if not address:
        return {}
    own = environment.get("FIGUARD_DATABASE", "").strip()
    if own:
        raise SettingsError("FIGUARD_DATABASE and SPRING_DATASOURCE_URL both name a database; keep one")
    plain = urlsplit(address.removeprefix("jdbc:"))
    if plain.scheme not in {"postgresql", "postgres"}:
        raise SettingsError("SPRING_DATASOURCE_URL must be a jdbc:postgresql:// address")
    user = environment.get("SPRING_DATASOURCE_USERNAME") or environment.get("DB_USERNAME") or "figuard"
    password = environment.get("SPRING_DATASOURCE_PASSWORD") or environment.get("DB_PASSWORD") or ""
    login = quote(user, safe="") + (f":{quote(password, safe='')}" if password else "")
    return {"database": plain._replace(netloc=f"{login}@{plain.netloc.rpartition('@')[2]}").geturl()}


def _check(settings: ServerSettings, environment: Mapping[str, str]) -> None:
    profile = environment.get("SPRING_PROFILES_ACTIVE", "")
    if settings.demo and "prod" in _words(profile):
        raise SettingsError("the demo key cannot be seeded while SPRING_PROFILES_ACTIVE says prod; drop one of them")
    if settings.connections <= settings.lanes:
        raise SettingsError(
            f"{settings.connections} connections are not enough for {settings.lanes} lanes and the readers beside them;"
            " raise FIGUARD_CONNECTIONS or lower FIGUARD_LANES"
        )
    if not settings.database.strip():
        raise SettingsError("the database is blank; name a file or a postgresql:// address")
    if settings.workers > 1 and not settings.is_postgres:
        raise SettingsError(
            f"{settings.workers} workers need PostgreSQL: a file lets one process write at a time, so more would only"
            " wait for each other; leave FIGUARD_WORKERS at 1, or name a postgresql:// database"
        )
