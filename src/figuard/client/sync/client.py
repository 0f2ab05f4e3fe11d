# ruff: noqa: FBT001, FBT002 - the published signature
"""
The blocking client.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from figuard.client.base import FailOpenLike, RetryLike, new_session, settled
from figuard.client.config import Settings
from figuard.client.embedded_transport import EmbeddedTransport, opener
from figuard.client.hands import BlockingHands
from figuard.client.sync.access import Access
from figuard.client.sync.budgets import Budgets
from figuard.client.sync.events import Events
from figuard.client.sync.reporting import Reporting
from figuard.client.sync.spending import Spending
from figuard.client.sync.subscriptions import Subscriptions
from figuard.client.sync.webhooks import Webhooks
from figuard.client.transport import Transport
from figuard.ports import Clock

if TYPE_CHECKING:
    import httpx2


class FiGuardClient(Budgets, Events, Spending, Reporting, Access, Subscriptions, Webhooks):
    """
    Ask before spending, and say what became of it. Blocks; safe to share between threads.

    With nothing configured it decides in this process, on a SQLite file in the user's folder, and nothing leaves
    the machine. ``database`` names another file (``":memory:"`` for none, or a database URL). ``api_key`` with
    ``base_url`` speaks to a server. The environment's ``FIGUARD_API_KEY``, ``FIGUARD_BASE_URL`` and
    ``FIGUARD_DATABASE`` stand in for arguments that are left out; settings that contradict each other or are
    incomplete are a ``FiGuardConfigError``.

    ``timeout`` is in seconds and per attempt, over HTTP. ``retry`` is a ``Retry``, or how many attempts a call has (3).
    ``fail_open`` lets it approve by itself while the service is away, see ``FailOpen``; by default it never does.
    ``http_client`` is an ``httpx2.Client`` of your own, with its proxies and certificates. ``transport`` replaces
    HTTP altogether. ``clock`` is what "in 24 hours" is counted by. ``log=False`` leaves out the one INFO line about
    where decisions are made.

    Amounts may be ``int``, ``str``, ``Decimal`` or ``float`` (taken by its shortest text) and come back as exact
    ``Decimal``. Every method raises ``FiGuardApiError`` for a refused request, ``FiGuardConnectionError`` when no
    answer came, and ``ValueError`` for arguments that make no sense. Both errors are ``FiGuardError``.
    """

    def __init__(
        self,
        api_key: str | None = None,
        base_url: str | None = None,
        timeout: float = 30,
        fail_open: FailOpenLike = False,
        mode: str | None = None,
        database: str | os.PathLike[str] | None = None,
        log: bool = True,
        *,
        retry: RetryLike = None,
        http_client: httpx2.Client | None = None,
        transport: Transport | None = None,
        clock: Clock | None = None,
    ) -> None:
        carried = transport.settings if transport else None
        settings = settled(
            api_key=api_key,
            base_url=base_url,
            mode=mode,
            database=database,
            http_client=http_client,
            carried=carried,
        )
        carrier = transport or _transport(settings, http_client)
        session = new_session(settings, carrier, clock, timeout=timeout, retry=retry, fail_open=fail_open, log=log)
        super().__init__(session, BlockingHands(carrier))


def _transport(settings: Settings, http_client: httpx2.Client | None) -> Transport:
    if settings.backend == "embedded":
        embedded = EmbeddedTransport(settings=settings, opened=opener(settings))
        embedded.handle()
        return embedded
    # Only a client of a server pays for an HTTP library.
    from figuard.client.http_transport import HttpTransport

    return HttpTransport(settings, http_client)
