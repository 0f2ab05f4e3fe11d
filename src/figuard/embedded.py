"""
Embedded: store, engine and service in this very process, on one file, with nothing to configure.

There is no hidden thread. Holds end and quotas renew inside the next call on their budget; what nobody asks about,
and the sending of webhooks, is done by ``sweep``.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from figuard.domain.budget import EMBEDDED_TENANT
from figuard.domain.views import FindingsView
from figuard.engine import Engine
from figuard.engine.audit import export, verify_all
from figuard.engine.sweeper import Deliver, SweepSummary, sweep
from figuard.host import PepperHasher, RandomIds, SystemClock, new_pepper
from figuard.ports import Clock, Ids, Store
from figuard.service import Service
from figuard.stores import open_store
from figuard.wire.context import Settings

ACTOR = "local"
"""Who gives orders in a process of one's own."""
_PEPPER = "pepper"
PEPPER_VARIABLE = "FIGUARD_TOKEN_PEPPER"


class Embedded:
    """An open store with everything around it. Safe to share between threads."""

    def __init__(
        self,
        store: Store,
        *,
        clock: Clock | None = None,
        ids: Ids | None = None,
        deliver: Deliver | None = None,
        settings: Settings | None = None,
    ) -> None:
        """Compose. *clock* and *ids* are the host's unless given; *deliver* sends notices over HTTP unless given."""
        self.store = store
        self.engine = Engine(
            store,
            clock=clock or SystemClock(),
            ids=ids or RandomIds(),
            hasher=PepperHasher(_peppers(store)),
        )
        self.service = Service(self.engine, settings or Settings(never_expires=True))
        self._deliver = deliver

    @property
    def tenant_id(self) -> str:
        """The one tenant of an embedded store."""
        return EMBEDDED_TENANT

    def sweep(self) -> SweepSummary:
        """Do everything that is due, and send the notices that wait. Raises ``Refusal`` (``STORE_UNAVAILABLE``)."""
        return sweep(self.engine, self._deliver or _http())

    def verify_all(self) -> Iterator[FindingsView]:
        """Verify every book; yields one view per book."""
        return verify_all(self.engine)

    def export(self, book_id: str | None = None) -> Iterator[bytes]:
        """Yield every ledger entry as a line of NDJSON that an offline verifier can check."""
        return export(self.engine, book_id=book_id)

    def close(self) -> None:
        """Release the store. Harmless twice."""
        self.engine.close()


def open_embedded(
    database: str,
    *,
    clock: Clock | None = None,
    ids: Ids | None = None,
    deliver: Deliver | None = None,
    settings: Settings | None = None,
) -> Embedded:
    """
    Open the store that *database* names (a path, ``:memory:``, ``sqlite:///…`` or ``postgresql://…``).

    Raises ``StoreUnavailable`` when it cannot be opened and ``ValueError`` for a name that is none.
    """
    return Embedded(open_store(_expanded(database)), clock=clock, ids=ids, deliver=deliver, settings=settings)


def _expanded(database: str) -> str:
    return str(Path(database).expanduser()) if database.startswith("~") else database


def _peppers(store: Store) -> list[bytes]:
    """Return the peppers, newest first: the configured ones, then the one this store made for itself."""
    configured = [part.encode() for part in os.environ.get(PEPPER_VARIABLE, "").split(",") if part]
    own = store.meta(_PEPPER)
    if own is None and not configured:
        own = store.set_meta(_PEPPER, new_pepper())
    return [*configured, *([own.encode()] if own else [])]


def _http() -> Deliver:
    # Only a process that sends pays for an HTTP client.
    from figuard.webhooks.sender import Sender

    sender: Callable[..., object] = Sender()
    return sender  # type: ignore[return-value]
