"""
Settings that work and are unsafe: a table of what each risks and what to do instead, for ``figuard doctor --server``.
"""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from figuard.server.settings import VARIABLES, ServerSettings

PEPPER_LENGTH_MIN = 32
"""A pepper that is shorter could be guessed by whoever has the hashes."""
BODY_SECONDS_SAFE = 60
HEADER_BYTES_SAFE = 262_144
STOP_SECONDS_SAFE = 8.5
"""Orchestrators kill after ten seconds; what is left closes the database."""
INTEGRITY_SECONDS_SAFE = 86_400
GRACE_SECONDS_SAFE = 3600
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_ENCRYPTED = frozenset({"require", "verify-ca", "verify-full"})
_ROLE = "SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user"
_OWNER = "SELECT 1 FROM pg_tables WHERE tablename = 'ledger_entries' AND tableowner = current_user"
_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Risk:
    """One way in which a setting is unsafe: when it is, what that risks, what to do."""

    setting: str
    is_run: Callable[[ServerSettings], bool]
    says: str
    remedy: str

    @property
    def variable(self) -> str:
        """The variable that sets it."""
        return next(one.name for one in VARIABLES if one.setting == self.setting)


def _is_here(host: str | None) -> bool:
    """Return whether a host is this machine, and nobody else's to reach."""
    if host in {None, "", "localhost"}:
        return host == "localhost"
    try:
        return ip_address(host or "").is_loopback
    except ValueError:
        return False


def _is_exposed(settings: ServerSettings) -> bool:
    return not _is_here(settings.host) and not settings.public_url.startswith("https://")


def _is_plain_url(settings: ServerSettings) -> bool:
    return settings.public_url.startswith("http://") and not _is_here(urlsplit(settings.public_url).hostname)


def _is_plain_database(settings: ServerSettings) -> bool:
    if not settings.is_postgres:
        return False
    address = urlsplit(settings.database)
    options = parse_qs(address.query)
    host = address.hostname or options.get("host", ["/"])[0]
    is_socket = host.startswith("/")
    return not is_socket and not _is_here(host) and options.get("sslmode", [""])[0] not in _ENCRYPTED


def _keeps_secrets_beside(settings: ServerSettings) -> bool:
    """Return whether secrets lie in a database that others administer, next to what they protect."""
    return settings.is_postgres and not settings.secrets_file


def _is_read_by_others(settings: ServerSettings) -> bool:
    path = Path(settings.secrets_file)
    return bool(settings.secrets_file) and path.exists() and bool(path.stat().st_mode & _OTHERS)


RISKS: tuple[Risk, ...] = (
    Risk("demo", lambda s: s.demo, "everybody knows the key fg_live_demo", "Unset it"),
    Risk(
        "host",
        _is_exposed,
        "it listens beyond this machine without TLS, so keys and tokens travel in the clear",
        "Put a TLS proxy in front and set FIGUARD_PUBLIC_URL to its https:// address",
    ),
    Risk("public_url", _is_plain_url, "people reach it without TLS", "Use an https:// address"),
    Risk("database", _is_plain_database, "the database may be spoken to in the clear", "Add ?sslmode=verify-full"),
    Risk("cors_origins", lambda s: "*" in s.cors_origins, "any page may call the API", "Name the origins"),
    Risk("public_docs", lambda s: s.public_docs, "anybody may read the API reference", "Unset it"),
    Risk("public_metrics", lambda s: s.public_metrics, "anybody may read how much is spent", "Unset it"),
    Risk("rate_per_minute", lambda s: not s.rate_per_minute, "one key may take the whole server", "Set a limit"),
    Risk(
        "body_seconds",
        lambda s: s.body_seconds > BODY_SECONDS_SAFE,
        "slow callers hold connections for long",
        f"Allow {BODY_SECONDS_SAFE} s at most",
    ),
    Risk(
        "header_bytes_max",
        lambda s: s.header_bytes_max > HEADER_BYTES_SAFE,
        "each caller may fill that much memory before its key is looked at",
        f"Allow {HEADER_BYTES_SAFE:,} bytes at most",
    ),
    Risk(
        "stop_seconds",
        lambda s: s.stop_seconds > STOP_SECONDS_SAFE,
        "a stop may take longer than the ten seconds after which orchestrators kill",
        f"Allow {STOP_SECONDS_SAFE:g} s at most, or let yours wait longer",
    ),
    Risk(
        "webhook_allow_private",
        lambda s: s.webhook_allow_private,
        "whoever may add a webhook reaches into your network",
        "Unset it",
    ),
    Risk(
        "grace_seconds",
        lambda s: s.grace_seconds > GRACE_SECONDS_SAFE,
        "what has ended, a rotated token among it, works on for that long",
        "Allow an hour at most",
    ),
    Risk(
        "background",
        lambda s: not s.background,
        "this server ends no holds, sends no webhooks and verifies no ledger",
        "Have another server do it",
    ),
    Risk(
        "integrity_seconds",
        lambda s: s.integrity_seconds > INTEGRITY_SECONDS_SAFE,
        "a tampered ledger is noticed late",
        "Verify once a day at least",
    ),
    Risk(
        "migrate",
        lambda s: s.migrate and s.is_postgres,
        "the server comes in as the owner of the tables, who may lift every protection",
        "Run figuard migrate --role, and let the server come in by that role",
    ),
    Risk(
        "peppers",
        lambda s: any(len(pepper) < PEPPER_LENGTH_MIN for pepper in s.peppers),
        "a pepper is short enough to be guessed",
        f"Use {PEPPER_LENGTH_MIN} random characters or more",
    ),
    Risk(
        "peppers",
        lambda s: not s.peppers and _keeps_secrets_beside(s),
        "the pepper lies in the database, beside the hashes it protects",
        "Set it, or FIGUARD_SECRETS_FILE",
    ),
    Risk(
        "secret_key",
        lambda s: s.secret_key is not None and not any(s.secret_key),
        "the key is all zeros, which everybody knows",
        "Use 32 random bytes",
    ),
    Risk(
        "secret_key",
        lambda s: s.secret_key is None and _keeps_secrets_beside(s),
        "the key lies in the database, beside the secrets it encrypts",
        "Set it, or FIGUARD_SECRETS_FILE",
    ),
    Risk("secrets_file", _is_read_by_others, "other users may read the file", "Run: chmod 600 on it"),
)
"""Every unsafe setting."""


def risks_of(settings: ServerSettings) -> Iterator[Risk]:
    """Yield what is unsafe about settings, by themselves."""
    return (risk for risk in RISKS if risk.is_run(settings))


async def role_risks(settings: ServerSettings) -> tuple[str, ...]:
    """Return what the database's role may do that a server must not. Raises ``StoreUnavailable``, ``ImportError``."""
    if not settings.is_postgres:
        return ()
    from figuard.stores.postgres.connections import ERRORS, failure
    from figuard.stores.postgres.driver import open_pool

    try:
        pool = await open_pool(
            settings.database, size=1, settings={}, connect_seconds=_SECONDS, seconds=_SECONDS, primary=False
        )
    except ERRORS as error:
        raise failure(error, settings.where) from error
    try:
        connection = await pool.acquire(timeout=_SECONDS)
        is_above_walls = (await connection.fetch(_ROLE))[0][0]
        is_owner = bool(await connection.fetch(_OWNER))
    except ERRORS as error:
        raise failure(error, settings.where) from error
    finally:
        pool.terminate()
    found = ["its role passes the walls between tenants"] if is_above_walls else []
    return (*found, *(["its role owns the tables, and may lift what keeps the ledger append-only"] if is_owner else []))
