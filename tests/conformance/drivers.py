"""
The drivers: one per way to reach an engine. A driver carries out one operation by the name the SDK gives it.

All of them run on a manual clock and counting ids, so that what they leave in the ledger can be compared byte by byte.
"""

from __future__ import annotations

import asyncio
import inspect
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Any, Protocol

from figuard.client.aio.client import AsyncFiGuardClient
from figuard.client.embedded_transport import AsyncEmbeddedTransport, EmbeddedTransport
from figuard.client.hands import Threads
from figuard.client.sync.client import FiGuardClient
from figuard.domain import instants
from figuard.domain.admin import Delivery, Webhook
from figuard.embedded import Embedded
from figuard.engine.sweeper import Attempt
from figuard.ports import Store
from figuard.service import Service
from figuard.stores import open_store
from figuard.stores.memory import MemoryStore
from figuard.testing.determinism import EPOCH, ManualClock, SequentialIds
from figuard.wire.context import Settings


@dataclass
class Receiver:
    """The far end of every webhook: it answers with one status and keeps what it got. Any address is fine with it."""

    status: int = 200
    got: list[dict[str, Any]] = field(default_factory=list)

    def check(self, url: str) -> None:
        """Find nothing wrong with an address."""

    def test(self, webhook: Webhook) -> Attempt:
        """Answer a test notice."""
        return Attempt(self.status)

    def __call__(self, webhook: Webhook, delivery: Delivery) -> Attempt:
        self.got.append(json.loads(delivery.payload, parse_float=Decimal, parse_int=Decimal))
        return Attempt(self.status, response_body="as told")


class Driver(Protocol):
    """What the runner needs."""

    def do(self, operation: str, arguments: Mapping[str, Any]) -> Any:
        """Carry an operation out and return its result. Raises ``FiGuardApiError`` for a refusal."""
        ...

    def turn_clock(self, seconds: float) -> None:
        """Set the clock to so many seconds after the scenario's start."""
        ...

    def ledger(self) -> bytes:
        """Return every entry of every book, as exported."""
        ...

    def close(self) -> None:
        """Release everything."""
        ...


class Inside:
    """An engine in this process, on a manual clock and counting ids."""

    def __init__(self, store: Store) -> None:
        self.clock = ManualClock()
        self.receiver = Receiver()
        settings = Settings(never_expires=True, base_url="https://figuard.example")
        self.embedded = Embedded(store, clock=self.clock, ids=SequentialIds(), deliver=self.receiver, settings=settings)
        self.embedded.service = Service(self.embedded.engine, settings, sender=self.receiver)

    def turn_clock(self, seconds: float) -> None:
        """As ``Driver.turn_clock``."""
        start = instants.moment(instants.parse(EPOCH))
        self.clock.set(start + timedelta(seconds=seconds))

    def ledger(self) -> bytes:
        """As ``Driver.ledger``."""
        return b"\n".join(self.embedded.export())

    def receive(self, operation: str, arguments: Mapping[str, Any]) -> Any:
        """Carry out what is no operation of the SDK but of the far end of the webhooks."""
        if operation == "receiver_answers":
            self.receiver.status = arguments["status"]
            return None
        return self.receiver.got


class SyncDriver(Inside):
    """The blocking client, embedded."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.client = FiGuardClient(transport=EmbeddedTransport(self.embedded), retry=1)

    def do(self, operation: str, arguments: Mapping[str, Any]) -> Any:
        """As ``Driver.do``."""
        if operation.startswith("receiver_"):
            return self.receive(operation, arguments)
        result = getattr(self.client, operation)(**arguments)
        return list(result) if inspect.isgenerator(result) else result

    def close(self) -> None:
        """As ``Driver.close``."""
        self.client.close()


class AsyncDriver(Inside):
    """The asyncio client, embedded, on a loop of its own."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        transport = AsyncEmbeddedTransport(EmbeddedTransport(self.embedded), Threads())
        self.client = AsyncFiGuardClient(transport=transport, retry=1)
        self.runner = asyncio.Runner()

    def do(self, operation: str, arguments: Mapping[str, Any]) -> Any:
        """As ``Driver.do``."""
        if operation.startswith("receiver_"):
            return self.receive(operation, arguments)
        return self.runner.run(self._awaited(operation, arguments))

    async def _awaited(self, operation: str, arguments: Mapping[str, Any]) -> Any:
        result = getattr(self.client, operation)(**arguments)
        return [part async for part in result] if inspect.isasyncgen(result) else await result

    def close(self) -> None:
        """As ``Driver.close``."""
        self.runner.run(self.client.close())
        self.runner.close()


DRIVERS: dict[str, Callable[[], Driver]] = {
    "sync-memory": lambda: SyncDriver(MemoryStore()),
    "sync-sqlite": lambda: SyncDriver(open_store(":memory:")),
    "async-memory": lambda: AsyncDriver(MemoryStore()),
    "async-sqlite": lambda: AsyncDriver(open_store(":memory:")),
}
"""Every driver by name; each call makes a world of its own."""
