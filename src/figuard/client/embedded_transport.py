"""
Calls into the engine of this very process: no JSON, no socket, the same answers and the same refusals.

What is called is handed in; this module knows only its shape.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, Protocol

import msgspec

from figuard.client.config import Settings
from figuard.client.exceptions import FiGuardApiError, FiGuardConfigError, FiGuardConnectionError
from figuard.client.hands import Threads
from figuard.client.steps import Call, Outcome, Refused, Replied
from figuard.domain.instants import Instant
from figuard.domain.refusal import Refusal
from figuard.ports import StoreUnavailable
from figuard.wire.errors import error_response
from figuard.wire.operations import Operation

ACTOR = "local"
"""Who the ledger names for what is done in a process of one's own."""


class Clocked(Protocol):
    """What knows the time by which decisions are made."""

    def now(self) -> Instant:
        """Return the present instant."""
        ...


class Service(Protocol):
    """What carries out one request."""

    @property
    def engine(self) -> Clocked:
        """What decides."""
        ...

    def handle(
        self,
        operation: Operation,
        *,
        tenant_id: str,
        actor: str,
        path: Mapping[str, str],
        query: Mapping[str, Any],
        body: object,
        session_token: str | None,
        idempotency_key: str | None,
    ) -> tuple[int, Any]:
        """Return the status and the response struct. Raises ``Refusal``."""
        ...


class Handle(Protocol):
    """An open store with everything around it."""

    @property
    def service(self) -> Service:
        """What carries out requests."""
        ...

    @property
    def tenant_id(self) -> str:
        """The one tenant of the store."""
        ...

    def sweep(self) -> object:
        """Do what is due, and send the notices that wait."""
        ...

    def close(self) -> None:
        """Release the store. Harmless twice."""
        ...


class EmbeddedTransport:
    """
    Carries calls into an open store, or into one that *opened* opens at the first call.

    A handle of the caller's own can be shared by several clients; closing any of them closes it.
    """

    def __init__(
        self, handle: Handle | None = None, settings: Settings | None = None, opened: Callable[[], Handle] | None = None
    ) -> None:
        self.settings = settings or Settings("embedded", database=":memory:")
        self._handle = handle
        self._opened = opened
        self._lock = threading.Lock()

    def handle(self) -> Handle:
        """Return the open store. Raises ``FiGuardConfigError`` and ``FiGuardConnectionError`` when it cannot be."""
        if self._handle is None:
            with self._lock:
                if self._handle is None:
                    if self._opened is None:
                        raise FiGuardConnectionError("this client was closed")
                    self._handle = self._opened()
        return self._handle

    def send(self, call: Call) -> Outcome:
        """Carry a call out on the caller's thread."""
        handle = self.handle()
        try:
            status, value = handle.service.handle(
                call.operation,
                tenant_id=handle.tenant_id,
                actor=ACTOR,
                path=call.path,
                query=call.query,
                body=call.body,
                session_token=call.session_token,
                idempotency_key=call.idempotency_key,
            )
        except Refusal as refusal:
            return Refused(_error(refusal))
        return Replied(value, status)

    def sweep(self) -> object:
        """Do what is due, and send the notices that wait. Raises ``FiGuardApiError``."""
        try:
            return self.handle().sweep()
        except Refusal as refusal:
            raise _error(refusal) from refusal

    def now(self) -> Instant:
        """Return the time by which the engine decides."""
        return time.time_ns() // 1000 if self._handle is None else self._handle.service.engine.now()

    def close(self) -> None:
        """Release the store. Harmless twice."""
        with self._lock:
            handle, self._handle, self._opened = self._handle, None, None
        if handle is not None:
            handle.close()


class AsyncEmbeddedTransport:
    """The same on threads, so that a commit never holds up the event loop."""

    def __init__(self, blocking: EmbeddedTransport, threads: Threads) -> None:
        self.settings = blocking.settings
        self._blocking = blocking
        self._threads = threads

    async def send(self, call: Call) -> Outcome:
        """Carry a call out on a thread."""
        return await self._threads.run(self._blocking.send, call)

    def sweep(self) -> object:
        """Do what is due, and send the notices that wait. Blocks."""
        return self._blocking.sweep()

    def now(self) -> Instant:
        """Return the time by which the engine decides."""
        return self._blocking.now()

    async def close(self) -> None:
        """Release the store. Harmless twice."""
        await self._threads.run(self._blocking.close)


def opener(settings: Settings) -> Callable[[], Handle]:
    """Return what opens the store of these settings."""

    def opened() -> Handle:
        # By name, because the composition stands above the client: it is made of engine and stores, which a client
        # of a server never loads.
        embedded: Any = import_module("figuard.embedded")
        try:
            return embedded.open_embedded(settings.database)
        except ValueError as error:
            raise FiGuardConfigError(f"database={settings.where!r} cannot be used: {error}") from error
        except (StoreUnavailable, OSError) as error:
            raise FiGuardConnectionError(f"the database {settings.where!r} cannot be opened: {error}") from error

    return opened


def _error(refusal: Refusal) -> FiGuardApiError:
    status, body = error_response(refusal)
    return FiGuardApiError(
        status,
        body.message,
        msgspec.to_builtins(body),
        code=body.code,
        retry_after_seconds=body.retry_after_seconds,
    )
