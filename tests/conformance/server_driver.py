"""
The driver over HTTP: the asyncio client against the whole server, through every byte of it but the socket.

A server of an installation differs from an embedded store in one word only: its budgets need an end. Where a scenario
names none, one far away is given.
"""

from __future__ import annotations

import asyncio
import inspect
import json
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

from figuard.client.aio.client import AsyncFiGuardClient
from figuard.domain import instants
from figuard.testing.determinism import EPOCH
from tests.server.desk import Desk, opened

FAR_AWAY = "300d"
CREATIONS = frozenset({"create_budget", "create_token_budget"})


class ServerDriver:
    """The asyncio client over ASGI, and the server's own jobs for what a sweep is."""

    def __init__(self) -> None:
        self.runner = asyncio.Runner()
        self.desk: Desk = self.runner.run(opened())
        key = self.runner.run(self.desk.key())
        self.client = AsyncFiGuardClient(
            api_key=key, base_url="http://figuard.test", http_client=self.desk.http, clock=self.desk.clock, retry=1
        )

    def do(self, operation: str, arguments: Mapping[str, Any]) -> Any:
        """As ``Driver.do``."""
        if operation == "receiver_answers":
            self.desk.post.status = arguments["status"]
            return None
        if operation == "receiver_got":
            payloads = (delivery.payload for _, delivery in self.desk.post.sent)
            return [json.loads(payload, parse_float=Decimal, parse_int=Decimal) for payload in payloads]
        if operation in CREATIONS and not {"expires_in", "expires_at"} & arguments.keys():
            arguments = {**arguments, "expires_in": FAR_AWAY}
        if operation == "sweep":
            return self.runner.run(self._sweep())
        return self.carried_out(operation, arguments)

    def carried_out(self, operation: str, arguments: Mapping[str, Any]) -> Any:
        """Return what an operation of the client comes to."""
        return self.runner.run(self._awaited(operation, arguments))

    async def _awaited(self, operation: str, arguments: Mapping[str, Any]) -> Any:
        result = getattr(self.client, operation)(**arguments)
        return [part async for part in result] if inspect.isasyncgen(result) else await result

    async def _sweep(self) -> None:
        jobs = self.desk.server.jobs
        await jobs.sweep_budgets()
        await jobs.renew()
        await jobs.deliveries.send_due()

    def turn_clock(self, seconds: float) -> None:
        """As ``Driver.turn_clock``."""
        self.desk.clock.set(instants.moment(instants.parse(EPOCH)) + timedelta(seconds=seconds))

    def close(self) -> None:
        """As ``Driver.close``."""
        self.runner.run(self.desk.http.aclose())
        self.runner.run(self.desk.server.stop())
        self.runner.close()
