# ruff: noqa: FBT001, FBT002 - the published signature
"""
The asyncio client.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from figuard.client.aio.access import Access
from figuard.client.aio.budgets import Budgets
from figuard.client.aio.events import Events
from figuard.client.aio.reporting import Reporting
from figuard.client.aio.spending import Spending
from figuard.client.aio.subscriptions import Subscriptions
from figuard.client.aio.webhooks import Webhooks
from figuard.client.base import FailOpenLike, RetryLike, new_session, settled
from figuard.client.config import Settings
from figuard.client.embedded_transport import AsyncEmbeddedTransport, EmbeddedTransport, opener
from figuard.client.hands import AsyncHands, Threads
from figuard.client.transport import AsyncTransport
from figuard.ports import Clock

if TYPE_CHECKING:
    import httpx2


class AsyncFiGuardClient(Budgets, Events, Spending, Reporting, Access, Subscriptions, Webhooks):
    """
    ``FiGuardClient`` for asyncio: the same methods with the same arguments, awaited. Never blocks the event loop.

    Embedded decisions are made on a few threads of its own; the store is opened at the first call. Use it in
    ``async with``, or ``await client.close()`` when it is done with. ``http_client`` is an ``httpx2.AsyncClient`` of
    your own. All else is as with ``FiGuardClient``.
    """

    def __init__(
        self,
        api_key: str | None = None,
        base_url: str | None = None,
        timeout: float = 30,
        mode: str | None = None,
        database: str | os.PathLike[str] | None = None,
        log: bool = True,
        *,
        fail_open: FailOpenLike = False,
        retry: RetryLike = None,
        http_client: httpx2.AsyncClient | None = None,
        transport: AsyncTransport | None = None,
        clock: Clock | None = None,
    ) -> None:
        threads = Threads()
        carried = transport.settings if transport else None
        settings = settled(
            api_key=api_key,
            base_url=base_url,
            mode=mode,
            database=database,
            http_client=http_client,
            carried=carried,
        )
        carrier = transport or _transport(settings, http_client, threads)
        session = new_session(settings, carrier, clock, timeout=timeout, retry=retry, fail_open=fail_open, log=log)
        super().__init__(session, AsyncHands(carrier, threads))


def _transport(settings: Settings, http_client: httpx2.AsyncClient | None, threads: Threads) -> AsyncTransport:
    if settings.backend == "embedded":
        return AsyncEmbeddedTransport(EmbeddedTransport(settings=settings, opened=opener(settings)), threads)
    # Only a client of a server pays for an HTTP library.
    from figuard.client.http_transport import AsyncHttpTransport

    return AsyncHttpTransport(settings, http_client)
