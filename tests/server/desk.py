"""
A server for tests: the real application over SQLite in memory, with a clock turned by hand, asked in process.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import httpx2

from figuard.domain.admin import KeyScope, Tenant
from figuard.domain.commands import CreateApiKey, Order
from figuard.ports import StoreConflict
from figuard.server.app import Server
from figuard.server.backend import LocalBackend, open_backend
from figuard.server.settings import ServerSettings, load
from figuard.testing.determinism import ManualClock
from figuard.webhooks.sender import Attempt, Sender

LATER = "2030-06-01T00:00:00Z"
SPEND = {"agentId": "agent", "actionType": "SPEND", "description": "something", "requestedQuantity": 10}


class Post(Sender):
    """A sender that goes nowhere: it notes what it was given and answers as told."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[tuple[Any, Any]] = []
        self.status = 200

    def __call__(self, webhook: Any, delivery: Any) -> Attempt:
        self.sent.append((webhook, delivery))
        return Attempt(self.status, "noted")

    def test(self, webhook: Any) -> Attempt:
        return Attempt(self.status, "noted", duration_ms=1)

    def check(self, url: str) -> None:
        if "inside" in url:
            raise ValueError("leads inside")


class Desk:
    """A server, a client for it, and short words for what tests do most."""

    def __init__(self, settings: ServerSettings, backend: LocalBackend, clock: ManualClock) -> None:
        self.settings, self.backend, self.clock = settings, backend, clock
        self.post = Post()
        self.seconds = 0.0
        self.server = Server(settings, backend, sender=self.post, monotonic=lambda: self.seconds)
        transport = httpx2.ASGITransport(app=self.server.app)
        self.http = httpx2.AsyncClient(transport=transport, base_url="http://figuard.test")

    async def key(
        self, scope: KeyScope | str = KeyScope.ADMIN, tenant: str = "acme", budget_id: str | None = None
    ) -> str:
        """Return a new key of a tenant, which is made if need be."""
        with suppress(StoreConflict):
            await self.backend.insert(Tenant(tenant, tenant, self.clock.now()))
        command = CreateApiKey(scope=KeyScope(scope), budget_id=budget_id)
        return (await self.backend.engine.execute(Order(command, tenant, "test"))).secret

    async def call(
        self, method: str, path: str, body: Any = None, *, key: str | None = None, **headers: str
    ) -> httpx2.Response:
        """Send a request below /api/v1; *headers* with underscores for dashes."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if key is not None:
            named["X-Agent-Budget-Key"] = key
        options: dict[str, Any] = {} if body is None else {"json": body}
        return await self.http.request(method, f"/api/v1{path}", headers=named, **options)

    async def budget(self, key: str, limit: float = 100, **fields: Any) -> dict[str, Any]:
        """Return a new budget."""
        body = {"userId": "user", "totalLimit": limit, "expiresAt": LATER, **fields}
        answer = await self.call("POST", "/budgets", body, key=key)
        assert answer.status_code == 201, answer.text
        return answer.json()

    async def authorize(self, key: str, budget: dict[str, Any], name: str = "k1", **fields: Any) -> httpx2.Response:
        """Return the answer to one authorization."""
        token = budget["tokens"][0]["sessionToken"]
        return await self.call(
            "POST", "/authorize", {**SPEND, "idempotencyKey": name, **fields}, key=key, X_Session_Token=token
        )


async def opened(**settings: Any) -> Desk:
    """Return a desk on a store in memory."""
    clock = ManualClock()
    chosen = load({}, database=":memory:", background=False, **settings)
    backend = await open_backend(chosen, clock=clock)
    assert isinstance(backend, LocalBackend)
    return Desk(chosen, backend, clock)
