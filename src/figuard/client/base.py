"""
What the two clients have in common: how they are made, copied and shown.
"""

from __future__ import annotations

import copy
import os
from dataclasses import replace
from typing import Generic, Self, TypeVar

from figuard.client.config import Backend, Settings, resolve
from figuard.client.exceptions import FiGuardConfigError
from figuard.client.fail_open import FailOpen, Fallbacks
from figuard.client.retry import Retry
from figuard.client.session import Session, logger
from figuard.client.transport import AsyncTransport, Transport
from figuard.client.verification import verify_webhook
from figuard.ports import Clock

H = TypeVar("H")

RetryLike = Retry | int | None
"""A policy, how many attempts at the most, or None for the default."""
FailOpenLike = bool | FailOpen
"""A policy, True for the default one, or False for none."""


class ClientBase(Generic[H]):
    """A session and the hands that do its work."""

    verify_webhook = staticmethod(verify_webhook)

    def __init__(self, session: Session, hands: H) -> None:
        self._session = session
        self._hands = hands

    @property
    def backend(self) -> Backend:
        """Where decisions are made: "embedded", "server" or "sandbox"."""
        return self._session.settings.backend

    def with_options(
        self,
        *,
        timeout: float | None = None,
        retry: RetryLike = None,
        fail_open: bool | FailOpen | None = None,
    ) -> Self:
        """
        Return a client that differs in these options and shares everything else, connections included.

        ``client.with_options(timeout=2, retry=1).authorize(...)`` is a call with options of its own.
        """
        session = self._session
        if timeout is not None:
            session = replace(session, timeout_seconds=checked_timeout(timeout))
        if retry is not None:
            session = replace(session, retry=retry_of(retry))
        if fail_open is not None:
            session = replace(session, fallbacks=fallbacks_of(fail_open, session.settings))
        changed = copy.copy(self)
        vars(changed)["_session"] = session
        return changed

    def _close_fallbacks(self) -> None:
        if self._session.fallbacks is not None:
            self._session.fallbacks.close()

    def __repr__(self) -> str:
        settings = self._session.settings
        return f"<{type(self).__name__} {settings.backend} {settings.where!r}>"


def settled(
    *,
    api_key: str | None,
    base_url: str | None,
    mode: str | None,
    database: str | os.PathLike[str] | None,
    http_client: object,
    carried: Settings | None,
) -> Settings:
    """
    Return where a client makes its decisions; *carried* are the settings of a transport that was handed in.

    Raises ``FiGuardConfigError`` as ``resolve`` does, and for arguments that would have no effect.
    """
    if carried is None:
        settings = resolve(api_key=api_key, base_url=base_url, mode=mode, database=database)
        if http_client is not None and settings.backend == "embedded":
            raise FiGuardConfigError(f"http_client contradicts {settings.where!r}: embedded mode sends no requests")
        return settings
    arguments = {
        "api_key": api_key,
        "base_url": base_url,
        "mode": mode,
        "database": database,
        "http_client": http_client,
    }
    if given := next((name for name, value in arguments.items() if value is not None), None):
        raise FiGuardConfigError(f"{given} contradicts transport; keep one of them")
    return carried


def new_session(
    settings: Settings,
    transport: Transport | AsyncTransport,
    clock: Clock | None,
    *,
    timeout: float,
    retry: RetryLike,
    fail_open: FailOpenLike,
    log: bool,
) -> Session:
    """Return the session of a new client, and say once where it makes its decisions."""
    session = Session(
        settings,
        clock.now if clock else transport.now,
        retry=retry_of(retry),
        timeout_seconds=checked_timeout(timeout),
        fallbacks=fallbacks_of(fail_open, settings),
        sweep=getattr(transport, "sweep", None),
    )
    if log:
        logger.info("FiGuard decides %s, at %s", _WHERE[settings.backend], settings.where)
    return session


_WHERE: dict[Backend, str] = {
    "embedded": "in this process",
    "server": "on a server",
    "sandbox": "in a sandbox that protects nothing",
}


def retry_of(retry: RetryLike) -> Retry:
    """Return a policy."""
    if isinstance(retry, Retry):
        return retry
    return Retry() if retry is None else Retry(attempts_max=retry)


def fallbacks_of(fail_open: FailOpenLike, settings: Settings) -> Fallbacks | None:
    """Return the memory of a client that fails open, None for one that fails closed. Raises ``FiGuardConfigError``."""
    if fail_open is False:
        return None
    fallbacks = Fallbacks(FailOpen() if fail_open is True else fail_open, settings.where)
    fallbacks.open()
    return fallbacks


def checked_timeout(timeout: float) -> float:
    """Return a time-out in seconds. Raises ``FiGuardConfigError``."""
    if isinstance(timeout, bool) or not isinstance(timeout, (int, float)) or not 0 < timeout < float("inf"):  # pyright: ignore[reportUnnecessaryIsInstance] - a caller's
        raise FiGuardConfigError(f"timeout must be a number of seconds above zero, got {timeout!r}")
    return timeout
