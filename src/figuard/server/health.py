"""
Health, readiness and metrics: what machines ask about this process.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import Scope

from figuard.domain.admin import KeyScope
from figuard.domain.budget import EMBEDDED_TENANT
from figuard.domain.codes import ErrorCode
from figuard.domain.refusal import Refusal
from figuard.engine.async_engine import AsyncEngine
from figuard.ports import GetRecords, Kind
from figuard.server.auth import Gate
from figuard.server.metrics import CONTENT_TYPE
from figuard.server.pages import Page
from figuard.server.requests import header, heads_of
from figuard.server.settings import ServerSettings

UP, DOWN = b'{"status":"UP"}', b'{"status":"DOWN"}'
PING_SECONDS = 2.0
"""How long the database may take to show that it is there."""
_READERS = frozenset({KeyScope.READ, KeyScope.OPERATOR, KeyScope.ADMIN})


class Health:
    """Answers probes. ``is_stopping`` takes the server out of rotation before it stops."""

    def __init__(
        self, settings: ServerSettings, engine: AsyncEngine, gate: Gate, metrics: Callable[[], Awaitable[bytes]]
    ) -> None:
        """Ask *engine* whether the database is there, and *metrics* what was counted."""
        self._settings = settings
        self._engine = engine
        self._gate = gate
        self._metrics = metrics
        self.is_stopping = False

    def routes(self) -> list[BaseRoute]:
        """Return the routes."""
        return [
            Route("/actuator/health", Page(GET=self.ready)),
            Route("/healthz", Page(GET=self.alive)),
            Route("/readyz", Page(GET=self.ready)),
            Route("/metrics", Page(GET=self.metrics)),
            Route("/actuator/prometheus", Page(GET=self.metrics)),
            Route("/actuator/metrics", Page(GET=self.metrics)),
        ]

    async def alive(self, request: Request) -> Response:
        """Say that the process answers."""
        return Response(UP, media_type="application/json")

    async def ready(self, request: Request) -> Response:
        """Say whether requests can be carried out."""
        is_up = not self.is_stopping and await self.database_answers()
        return Response(UP if is_up else DOWN, 200 if is_up else 503, media_type="application/json")

    async def database_answers(self) -> bool:
        """Return whether the database answers in time."""
        try:
            async with asyncio.timeout(PING_SECONDS):
                await self._engine.query(GetRecords(Kind.TENANTS, (EMBEDDED_TENANT,)))
        except (Refusal, TimeoutError):
            return False
        return True

    async def metrics(self, request: Request) -> Response:
        """Show what was counted, to whoever has a key that reads (or to everybody, where that is set)."""
        if not self._settings.public_metrics:
            held = await self._gate.admit(heads_of(request.scope).api_key or _bearer(request.scope))
            if held.key.scope not in _READERS:
                raise Refusal(ErrorCode.SCOPE_FORBIDDEN, f"metrics need a key of scope read, not {held.key.scope}")
        return Response(await self._metrics(), headers={"content-type": CONTENT_TYPE})


def _bearer(scope: Scope) -> str | None:
    """Return the key that a scraper sends as a bearer token."""
    value = header(scope, b"authorization") or ""
    return value[7:].strip() if value[:7].lower() == "bearer " else None
