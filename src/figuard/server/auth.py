"""
The gate: which tenant an API key opens, what its scope allows, and which budget an agent is confined to.

What is found is remembered for a moment only. It is a hint: whether a key is still valid is decided for every change
by the batch that makes it, under the lock, and for every read by a query no older than ``HINT_SECONDS``.
"""

from __future__ import annotations

import asyncio
import hmac
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

from figuard.domain.admin import ApiKey, KeyScope
from figuard.domain.codes import ErrorCode
from figuard.domain.commands import Order
from figuard.domain.instants import SECOND, Instant
from figuard.domain.questions import Question
from figuard.domain.refusal import Refusal
from figuard.domain.replies import Reply
from figuard.domain.tokens import Token
from figuard.domain.views import View
from figuard.engine.async_engine import AsyncEngine
from figuard.host import PepperHasher
from figuard.ports import GetRecords, Hasher, Kind
from figuard.service import AsyncService, Caller
from figuard.wire.operations import OPERATIONS, Operation, permits

HINT_SECONDS = 1
"""How long a looked-up key is trusted for reads."""
ORDER_HINT_SECONDS = 60
"""How long it is trusted to say whose order something is; whether it is still valid is for the batch to say."""
HINTS_MAX = 10_000
"""How many keys a process remembers."""
KEY_LENGTH_MAX = 512
"""How many characters an API key may have; a longer one is unknown."""
KEY_HEADER = "X-Agent-Budget-Key"
_PERMITTED = {scope: frozenset(one.name for one in OPERATIONS.values() if permits(scope, one)) for scope in KeyScope}


class KeyedEngine:
    """An engine whose every order names the API key that let its caller in."""

    def __init__(self, engine: AsyncEngine, key_id: str, hasher: Hasher) -> None:
        """Give orders to *engine* under *key_id*; *hasher* hashes session tokens."""
        self._engine = engine
        self._key_id = key_id
        self.hasher = hasher

    def now(self) -> Instant:
        """Return the present instant."""
        return self._engine.now()

    async def execute(self, order: Order) -> Reply:
        """As ``AsyncEngine.execute``; refused when the key was ended since it was looked up."""
        return await self._engine.execute(under_key(order, self._key_id))

    async def ask(self, question: Question, tenant_id: str, *, only_budget_id: str | None = None) -> View:
        """As ``AsyncEngine.ask``."""
        return await self._engine.ask(question, tenant_id, only_budget_id=only_budget_id)


def under_key(order: Order, key_id: str) -> Order:
    """Return an order that names the API key which let its caller in."""
    return Order(
        order.command,
        order.tenant_id,
        order.actor,
        order.idempotency_key,
        order.fingerprint,
        order.only_budget_id,
        key_id,
    )


@dataclass(slots=True)
class Pass:
    """
    A key that was let in, the service that works in its name, and when the key was last seen to be live.

    ``caller`` is who asks, confined as the key alone says: an agent's that was issued for one budget has no other.
    """

    key: ApiKey
    service: AsyncService
    checked_at: Instant
    caller: Caller = field(init=False)

    def __post_init__(self) -> None:
        """Name the caller as the ledger does."""
        key = self.key
        only_budget_id = key.budget_id if key.scope is KeyScope.AGENT else None
        self.caller = Caller(key.tenant_id, f"key:{key.id}", only_budget_id, key.id)

    @property
    def actor(self) -> str:
        """What the ledger calls whoever holds the key."""
        return self.caller.actor

    def is_fresh(self, now: Instant) -> bool:
        """Return whether the key was looked up so shortly before *now* that it need not be looked up again."""
        return 0 <= now - self.checked_at < HINT_SECONDS * SECOND


class Gate:
    """Lets API keys in. Belongs to one event loop."""

    def __init__(self, engine: AsyncEngine, hasher: PepperHasher, service_of: Callable[[ApiKey], AsyncService]) -> None:
        """Look keys up in *engine*; *service_of* makes what works in a key's name."""
        self.engine = engine
        self._hasher = hasher
        self._service_of = service_of
        self._passes: OrderedDict[str, Pass] = OrderedDict()
        self._looking: dict[str, asyncio.Task[Pass]] = {}
        self.used: set[str] = set()
        """Ids of the keys that were used since somebody last emptied this."""

    async def admit(self, raw: str | None) -> Pass:
        """Return the pass of a key. Raises ``Refusal`` (``MISSING_API_KEY``, ``INVALID_API_KEY``)."""
        if raw is None or not raw.strip():
            raise Refusal(ErrorCode.MISSING_API_KEY, f"the {KEY_HEADER} header is missing")
        if len(raw) > KEY_LENGTH_MAX:
            raise _unknown()
        digest = self._hasher.hash(raw)
        known = self._passes.get(digest)
        now = self.engine.now()
        if known is None or not known.is_fresh(now):
            known = await self._looked_up(digest, raw)
        if not known.key.is_live(now):
            raise _unknown()
        self.used.add(known.key.id)
        return known

    def remembered(self, raw: str | None, now: Instant) -> Pass | None:
        """Return the pass of a key that was looked up not long ago, good enough for an order; None when in doubt."""
        if not raw or len(raw) > KEY_LENGTH_MAX:
            return None
        known = self._passes.get(self._hasher.remembered(raw))
        if known is None or not 0 <= now - known.checked_at < ORDER_HINT_SECONDS * SECOND or not known.key.is_live(now):
            return None
        self.used.add(known.key.id)
        return known

    def forget(self) -> None:
        """Trust no hint any more: a key has just been ended here, or one was refused by a batch."""
        self._passes.clear()

    async def _looked_up(self, digest: str, raw: str) -> Pass:
        """Look a key up once, however many of its requests wait for it."""
        task = self._looking.get(digest)
        if task is None:
            task = self._looking[digest] = asyncio.create_task(self._look_up(digest, raw))
            task.add_done_callback(partial(self._found, digest))
        # Whoever goes away must not take the others' answer along.
        return await asyncio.shield(task)

    def _found(self, digest: str, task: asyncio.Task[Pass]) -> None:
        self._looking.pop(digest, None)
        # Whoever asked may have gone away; that nobody takes the answer is no failure of its own.
        _ = task.cancelled() or task.exception()

    async def _look_up(self, digest: str, raw: str) -> Pass:
        asked_at = self.engine.now()
        hashes = tuple(self._hasher.candidates(raw))
        found: Mapping[str, ApiKey] = await self.engine.query(GetRecords(Kind.API_KEYS_BY_HASH, hashes))
        key = next((found[one] for one in hashes if one in found and hmac.compare_digest(found[one].hash, one)), None)
        if key is None or not key.is_live(asked_at):
            self._passes.pop(digest, None)
            raise _unknown()
        known = self._passes.get(digest)
        service = known.service if known is not None and known.key.id == key.id else self._service_of(key)
        made = self._passes[digest] = Pass(key, service, asked_at)
        self._passes.move_to_end(digest)
        if len(self._passes) > HINTS_MAX:
            self._passes.popitem(last=False)
        return made

    async def key_by_id(self, key_id: str) -> ApiKey | None:
        """Return a key that is live now, by its id."""
        found: Mapping[str, ApiKey] = await self.engine.query(GetRecords(Kind.API_KEYS, (key_id,)))
        key = found.get(key_id)
        return key if key is not None and key.is_live(self.engine.now()) else None

    async def confinement(self, held: Pass, operation: Operation, session_token: str | None) -> str | None:
        """
        Return the one budget that a caller may see, or None.

        An agent's key that was issued for one budget has no other. One that was not reads nothing but the budget of
        the session token it presents, and where it presents one while settling, settles nothing but that budget's
        events. Raises ``Refusal`` (``SCOPE_FORBIDDEN``, ``INVALID_SESSION_TOKEN``).
        """
        if session_token is None or not needs_look_up(held, operation, session_token):
            return _own_budget(held, operation, session_token)
        own = held.caller.only_budget_id
        hashes = tuple(self._hasher.candidates(session_token))
        found: Mapping[str, Token] = await self.engine.query(GetRecords(Kind.TOKENS_BY_HASH, hashes))
        token = next((found[one] for one in hashes if one in found), None)
        now = self.engine.now()
        is_ours = token is not None and token.tenant_id == held.key.tenant_id and own in {None, token.budget_id}
        if token is None or not is_ours or not _opens(token, hashes, now):
            raise Refusal(ErrorCode.INVALID_SESSION_TOKEN, "the session token is unknown, expired or revoked")
        return token.budget_id


def check_scope(held: Pass, operation: Operation) -> None:
    """Raise ``Refusal`` (``SCOPE_FORBIDDEN``) unless the key may call the operation."""
    if operation.name not in _PERMITTED[held.key.scope]:
        raise Refusal(
            ErrorCode.SCOPE_FORBIDDEN,
            f"{operation.name} needs a key of scope {operation.scope}, this one has scope {held.key.scope}",
        )


def needs_look_up(held: Pass, operation: Operation, session_token: str | None) -> bool:
    """Return whether it takes a look at a session token to know which budget a caller is confined to."""
    if held.key.scope is not KeyScope.AGENT or session_token is None:
        return False
    # Whoever authorizes is let in by its tokens, which the decision itself looks at.
    return not operation.session_token and operation.name != "authorize_batch"


def _own_budget(held: Pass, operation: Operation, session_token: str | None) -> str | None:
    is_agent, own = held.key.scope is KeyScope.AGENT, held.caller.only_budget_id
    if is_agent and own is None and session_token is None and operation.scope is not KeyScope.AGENT:
        raise Refusal(
            ErrorCode.SCOPE_FORBIDDEN,
            f"an agent's key reads only its own budget: send that budget's token in X-Session-Token with "
            f"{operation.name}, or use a key of scope read, or one issued for that budget",
        )
    return own


def _opens(token: Token, hashes: tuple[str, ...], now: Instant) -> bool:
    if not token.is_live(now):
        return False
    return token.hash in hashes or token.previous_until is None or now < token.previous_until


def _unknown() -> Refusal:
    return Refusal(ErrorCode.INVALID_API_KEY, "the API key is unknown, revoked or expired")
