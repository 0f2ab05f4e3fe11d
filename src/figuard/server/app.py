"""
The application: everything the server is, put together around an open database.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from starlette.applications import Starlette
from starlette.types import ASGIApp

from figuard.domain.admin import ApiKey
from figuard.domain.commands import CreateWebhook
from figuard.domain.valueclass import replace
from figuard.server.api import Api
from figuard.server.auth import Gate, KeyedEngine
from figuard.server.backend import Backend
from figuard.server.demo import demo_routes, seed_demo
from figuard.server.docs import Docs
from figuard.server.express import Express
from figuard.server.health import Health
from figuard.server.jobs import Jobs
from figuard.server.metrics import Counts, exposition
from figuard.server.ratelimit import RateLimit
from figuard.server.receipts import Receipts
from figuard.server.sessions import Sessions
from figuard.server.settings import ServerSettings
from figuard.server.shell import Shell, unknown_path
from figuard.server.siblings import Seat, Siblings
from figuard.server.tokens import AgedHasher
from figuard.service import AsyncService, WebhookSender
from figuard.webhooks import Sender
from figuard.webhooks.sender import TOTAL_SECONDS


class Server:
    """One server over one open database. ``app`` is what a web server runs; ``express`` answers its hot requests."""

    def __init__(
        self,
        settings: ServerSettings,
        backend: Backend,
        *,
        sender: Sender | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        seat: Seat | None = None,
    ) -> None:
        """
        Put everything together.

        *sender* sends webhooks; *monotonic* is the clock of the rate limit; *seat* is that of one of several workers.
        """
        self.settings = settings
        self.backend = backend
        self.counts = Counts()
        self.hasher = AgedHasher(backend.hasher)
        self.sender = sender or Sender(
            allow_private=settings.webhook_allow_private,
            secret_of=lambda webhook: backend.box.open(webhook.secret, webhook.tenant_id, webhook.id),
            # A process cannot end while a notice is on its way.
            total_seconds=min(TOTAL_SECONDS, settings.stop_seconds),
        )
        self.gate = Gate(backend.engine, backend.hasher, self._service_of)
        self.rate = RateLimit(settings.rate_per_minute, monotonic, is_shared=seat is not None)
        self.siblings = None if seat is None else Siblings(seat, self._counted, self.rate)
        self.health = Health(settings, backend.engine, self.gate, self.metrics)
        verifies = seat is None or seat.number == 1
        self.jobs = Jobs(settings, backend, self.sender, self.counts, self.gate, verifies=verifies)
        self.api = Api(settings, self.gate, self.rate, self.counts, self.hasher)
        self.express = Express(self.api)
        self.app: ASGIApp = Shell(self._routed(), settings)

    def _counted(self) -> bytes:
        return exposition(self.counts, lambda: self.backend.engine.waiting)

    async def metrics(self) -> bytes:
        """Return what this server counted as Prometheus text: of every worker, where there are several."""
        return self._counted() if self.siblings is None else await self.siblings.metrics()

    def _service_of(self, key: ApiKey) -> AsyncService:
        keyed = KeyedEngine(self.backend.engine, key.id, self.hasher)
        sender: WebhookSender = self.sender
        return AsyncService(keyed, self.settings.wire(), sender=sender, seal=self._sealed)

    def _sealed(self, command: CreateWebhook, tenant_id: str) -> CreateWebhook:
        """Hide a webhook's secret; it is sealed for that very webhook, which gets its name here."""
        engine = self.backend.engine
        webhook_id = engine.ids.id(engine.now())
        secret = self.backend.box.seal(command.secret, tenant_id, webhook_id)
        return replace(command, secret=secret, webhook_id=webhook_id)

    def _routed(self) -> ASGIApp:
        sessions = Sessions(self.settings, self.gate, self.backend.hasher)
        routes = [
            *self.api.routes(),
            *self.health.routes(),
            *Receipts(self.backend.engine).routes(),
            *sessions.routes(),
            *Docs(self.settings, self.gate, sessions).routes(),
        ]
        if self.settings.demo:
            routes += demo_routes(self.backend)
        app = Starlette(routes=routes)
        app.router.redirect_slashes = False
        app.router.default = unknown_path
        # The bare router: what it raises is the shell's to answer, so nothing of Starlette's own stands between.
        return app.router

    async def start(self) -> None:
        """
        Seed what was asked for, and start the work that time alone makes due.

        For several workers their parent has seeded it. Raises ``StoreUnavailable`` and ``OSError``.
        """
        if self.siblings is not None:
            await self.siblings.start()
        elif self.settings.demo:
            await seed_demo(self.backend)
        if self.settings.background:
            self.jobs.start()

    async def stop(self) -> None:
        """Stop the work, finish what is being committed, release the database. Harmless twice."""
        self.health.is_stopping = True
        await self.jobs.stop()
        if self.siblings is not None:
            await self.siblings.stop()
        await self.backend.close()
