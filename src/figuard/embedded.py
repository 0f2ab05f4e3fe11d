"""
Embedded: store, engine and service in this very process, on one file, with nothing to configure.

There is no hidden thread. Holds end and quotas renew inside the next call on their budget; what nobody asks about,
and the sending of webhooks, is done by ``sweep``.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from figuard.domain.admin import Delivery, Webhook
from figuard.domain.budget import EMBEDDED_TENANT
from figuard.domain.views import FindingsView
from figuard.engine import Engine
from figuard.engine.audit import export, verify_all
from figuard.engine.sweeper import Attempt, Deliver, SweepSummary, sweep
from figuard.host import PepperHasher, RandomIds, SystemClock, new_pepper
from figuard.ports import Clock, Ids, Store
from figuard.service import Service
from figuard.stores import open_store
from figuard.wire.context import Settings
from figuard.wire.render.webhooks import Attempted

if TYPE_CHECKING:
    from figuard.webhooks.opening import OpeningSender

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
        post = Post(store)
        self.service = Service(self.engine, settings or Settings(never_expires=True), sender=post)
        self._deliver = deliver or post

    @property
    def tenant_id(self) -> str:
        """The one tenant of an embedded store."""
        return EMBEDDED_TENANT

    def sweep(self) -> SweepSummary:
        """
        Do everything that is due, and send the notices that wait.

        Raises ``Refusal`` (``STORE_UNAVAILABLE``), and ``figuard.webhooks.opening.SealedSecretError`` for a webhook of
        a server on this store whose key is not here.
        """
        return sweep(self.engine, self._deliver)

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


class Post:
    """The house's sender for a store that a server may share. Only a process that sends pays for an HTTP client."""

    def __init__(self, store: Store, *, allow_private: bool = False) -> None:
        """Send for *store*, to public https addresses only unless *allow_private*."""
        self._store = store
        self._allow_private = allow_private
        self._sender: OpeningSender | None = None

    def __call__(self, webhook: Webhook, delivery: Delivery) -> Attempt:
        """As ``OpeningSender``."""
        sent = self._opened()(webhook, delivery)
        return Attempt(sent.response_status, sent.response_body, sent.error_message)

    def test(self, webhook: Webhook) -> Attempted:
        """As ``OpeningSender.test``."""
        return self._opened().test(webhook)

    def check(self, url: str) -> None:
        """As ``OpeningSender.check``."""
        self._opened().check(url)

    def _opened(self) -> OpeningSender:
        if self._sender is None:
            from figuard.webhooks.opening import OpeningSender

            self._sender = OpeningSender(self._key, allow_private=self._allow_private)
        return self._sender

    def _key(self) -> str | None:
        """Return the key of webhook secrets as a server on this store finds it, or None."""
        from figuard.webhooks.opening import KEY_VARIABLE
        from figuard.webhooks.secretbox import SECRET_KEY_META
        from figuard.webhooks.secretfile import SECRETS_FILE_VARIABLE, kept

        if key := os.environ.get(KEY_VARIABLE):
            return key
        file = os.environ.get(SECRETS_FILE_VARIABLE)
        return (kept(file).get(KEY_VARIABLE) if file else None) or self._store.meta(SECRET_KEY_META)
