"""
One request from its parts to its answer: parse, order or question, render. Embedded mode and the server both stand
on this, so they validate and answer alike.

Nearly every request that changes something is one order: ``ordered`` makes it and ``answered`` renders what came of it.
What takes more than that is a generator of steps, which has no colour; ``Service`` and ``AsyncService`` only carry its
steps out.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol, cast, get_args

import msgspec

from figuard.domain.admin import Webhook
from figuard.domain.codes import ErrorCode
from figuard.domain.commands import KEYED_BY_EVENT, Command, CreateWebhook, Order
from figuard.domain.instants import Instant
from figuard.domain.questions import Question
from figuard.domain.refusal import Refusal
from figuard.domain.replies import BudgetReply, Reply
from figuard.domain.valueclass import replace
from figuard.domain.views import View, WebhookView
from figuard.ports import Hasher
from figuard.wire.codec import decode_request
from figuard.wire.context import Call, Context, Settings
from figuard.wire.operations import Operation
from figuard.wire.parse.path import checked_key, fingerprint
from figuard.wire.render.webhooks import Attempted
from figuard.wire.responses import WebhookTestResponse

Answer = tuple[int, Any]
"""An HTTP status and a response struct (None: no body)."""

Seal = Callable[[CreateWebhook, str], CreateWebhook]
"""Hides the secret of a tenant's webhook that is being made."""

# Each of these is one order and nothing besides.
_ORDERS: frozenset[type] = frozenset(get_args(Command)) - {CreateWebhook}
_NOTHING: Mapping[str, Any] = MappingProxyType({})


class Engine(Protocol):
    """What a ``Service`` needs of a blocking engine."""

    @property
    def hasher(self) -> Hasher:
        """How session tokens are hashed."""
        ...

    def now(self) -> Instant:
        """Return the present instant."""
        ...

    def execute(self, order: Order) -> Reply:
        """Carry out an order. Raises ``Refusal``."""
        ...

    def ask(self, question: Question, tenant_id: str, *, only_budget_id: str | None = None) -> View:
        """Answer a question. Raises ``Refusal``."""
        ...


class AsyncEngine(Protocol):
    """The same, awaited."""

    @property
    def hasher(self) -> Hasher:
        """How session tokens are hashed."""
        ...

    def now(self) -> Instant:
        """Return the present instant."""
        ...

    async def execute(self, order: Order) -> Reply:
        """As ``Engine.execute``."""
        ...

    async def ask(self, question: Question, tenant_id: str, *, only_budget_id: str | None = None) -> View:
        """As ``Engine.ask``."""
        ...


class WebhookSender(Protocol):
    """What webhooks need of the world; both block, for seconds at the most."""

    def check(self, url: str) -> None:
        """Judge an address before it is registered. Raises ``ValueError`` for one that must not be called."""
        ...

    def test(self, webhook: Webhook) -> Attempted:
        """Send a test notice. Never raises."""
        ...


class Caller(msgspec.Struct, frozen=True):
    """
    Who asks: the tenant, the name the ledger keeps, and the one budget the caller may be confined to.

    ``key_id`` is the API key that let the caller in, where its orders are to name it.
    """

    tenant_id: str
    actor: str
    only_budget_id: str | None = None
    key_id: str | None = None


class Ask(NamedTuple):
    """A step: answer a question."""

    question: Question
    caller: Caller


class Judge(NamedTuple):
    """A step: say whether an address may be called."""

    url: str


class Probe(NamedTuple):
    """A step: send a test notice."""

    webhook: Webhook


Step = Order | Ask | Judge | Probe
Steps = Generator[Step, Any, Answer]


def understood(
    operation: Operation, call: Call, context: Context, idempotency_key: str | None
) -> tuple[Command | Question, str | None]:
    """Return what is asked for, and the checked idempotency key. Raises ``Refusal``."""
    key = None if idempotency_key is None else checked_key(idempotency_key)
    return operation.parse(call, context), key


def ordered(command: Command, caller: Caller, key: str | None) -> Order:
    """Return a command as the order of who gives it, under the idempotency key it may have come with."""
    mark = "" if key is None or type(command) in KEYED_BY_EVENT else fingerprint(command)
    return Order(command, caller.tenant_id, caller.actor, key, mark, caller.only_budget_id, caller.key_id)


def answered(operation: Operation, reply: Reply, context: Context) -> Answer:
    """Return the answer to an order that was carried out."""
    status = operation.status
    if operation.status_again is not None and isinstance(reply, BudgetReply) and not reply.created:
        status = operation.status_again
    return status, operation.render(reply, context)


def steps(
    operation: Operation,
    request: Command | Question,
    context: Context,
    caller: Caller,
    key: str | None,
    seal: Seal | None,
) -> Steps:
    """Return the steps of a request that is more than one order; the generator's value is its answer."""
    if isinstance(request, CreateWebhook):
        # Marked before anything is added to it that differs from one attempt to the next.
        order = ordered(request, caller, key)
        yield Judge(request.url)
        if seal is not None:
            order = replace(order, command=seal(request, caller.tenant_id))
        return answered(operation, (yield order), context)
    result = yield Ask(cast("Question", request), caller)
    if operation.response is WebhookTestResponse and isinstance(result, WebhookView):
        result = yield Probe(result.webhook)
    return operation.status, operation.render(result, context)


def call_of(
    operation: Operation,
    path: Mapping[str, str],
    query: Mapping[str, Any],
    body: object,
    session_token: str | None,
) -> Call:
    """Return the parts of a request; a body that comes as bytes is decoded. Raises ``Refusal``."""
    if operation.request is None:
        return Call(path, query, None, session_token)
    if isinstance(body, bytes) or body is None:
        struct, faults = decode_request(operation.request, body or b"")
        return Call(path, query, struct, session_token, faults)
    return Call(path, query, body, session_token)


class Service:
    """Handles requests on a blocking engine. Safe to share between threads."""

    def __init__(
        self,
        engine: Engine,
        settings: Settings | None = None,
        *,
        sender: WebhookSender | None = None,
        seal: Seal | None = None,
    ) -> None:
        """
        Stand on *engine*.

        *sender* judges and tests webhook addresses (the house's own unless given). *seal* hides a webhook's secret
        in what is stored; without it secrets are stored as they are.
        """
        self.engine = engine
        self.settings = settings or Settings()
        self._sender = sender
        self._seal = seal

    def handle(
        self,
        operation: Operation,
        *,
        tenant_id: str,
        actor: str,
        path: Mapping[str, str] = _NOTHING,
        query: Mapping[str, Any] = _NOTHING,
        body: object = None,
        session_token: str | None = None,
        idempotency_key: str | None = None,
        only_budget_id: str | None = None,
        trace_id: str | None = None,
    ) -> Answer:
        """
        Return the status and the response struct of one request.

        *body* is the operation's request struct, or JSON bytes. *actor* is who the ledger names. *only_budget_id*
        confines the caller to one budget. Raises ``Refusal``.
        """
        call = call_of(operation, path, query, body, session_token)
        context = Context(self.engine.now(), self.settings, self.engine.hasher.hash, trace_id)
        caller = Caller(tenant_id, actor, only_budget_id)
        request, key = understood(operation, call, context, idempotency_key)
        if type(request) in _ORDERS:
            order = ordered(cast("Command", request), caller, key)
            return answered(operation, self.engine.execute(order), context)
        running = steps(operation, request, context, caller, key, self._seal)
        came: Any = None
        while True:
            try:
                step = running.send(came)
            except StopIteration as end:
                return end.value
            came = self._carry_out(step)

    def _carry_out(self, step: Step) -> Any:  # noqa: ANN401 - a step's result is whatever the step asks for
        match step:
            case Order():
                return self.engine.execute(step)
            case Ask(question, caller):
                return self.engine.ask(question, caller.tenant_id, only_budget_id=caller.only_budget_id)
            case Judge(url):
                return judged(self._sender or default_sender(), url)
            case Probe(webhook):
                return (self._sender or default_sender()).test(webhook)


class AsyncService:
    """The same on an engine that is awaited; what blocks runs beside the event loop."""

    def __init__(
        self,
        engine: AsyncEngine,
        settings: Settings | None = None,
        *,
        sender: WebhookSender | None = None,
        seal: Seal | None = None,
    ) -> None:
        """As ``Service``."""
        self.engine = engine
        self.settings = settings or Settings()
        self._sender = sender
        self._seal = seal

    async def handle(
        self,
        operation: Operation,
        *,
        tenant_id: str,
        actor: str,
        path: Mapping[str, str] = _NOTHING,
        query: Mapping[str, Any] = _NOTHING,
        body: object = None,
        session_token: str | None = None,
        idempotency_key: str | None = None,
        only_budget_id: str | None = None,
        trace_id: str | None = None,
    ) -> Answer:
        """As ``Service.handle``."""
        call = call_of(operation, path, query, body, session_token)
        context = Context(self.engine.now(), self.settings, self.engine.hasher.hash, trace_id)
        caller = Caller(tenant_id, actor, only_budget_id)
        request, key = understood(operation, call, context, idempotency_key)
        if type(request) in _ORDERS:
            order = ordered(cast("Command", request), caller, key)
            return answered(operation, await self.engine.execute(order), context)
        running = steps(operation, request, context, caller, key, self._seal)
        came: Any = None
        while True:
            try:
                step = running.send(came)
            except StopIteration as end:
                return end.value
            came = await self._carry_out(step)

    async def _carry_out(self, step: Step) -> Any:  # noqa: ANN401 - a step's result is whatever the step asks for
        match step:
            case Order():
                return await self.engine.execute(step)
            case Ask(question, caller):
                return await self.engine.ask(question, caller.tenant_id, only_budget_id=caller.only_budget_id)
            case Judge(url):
                return await _beside(judged, self._sender or default_sender(), url)
            case Probe(webhook):
                return await _beside((self._sender or default_sender()).test, webhook)


async def _beside(work: Callable[..., Any], *arguments: object) -> Any:  # noqa: ANN401 - whatever the work returns
    # Embedded mode stands on this module too and has no use for asyncio.
    from asyncio import to_thread

    return await to_thread(work, *arguments)


def judged(sender: WebhookSender, url: str) -> None:
    """Judge an address. Raises ``Refusal`` (``UNSAFE_WEBHOOK_URL``)."""
    try:
        sender.check(url)
    except ValueError as error:
        raise Refusal(ErrorCode.UNSAFE_WEBHOOK_URL, str(error)) from error


def default_sender() -> WebhookSender:
    """Return a sender that calls public https addresses only."""
    # Only a process that has webhooks pays for an HTTP client.
    from figuard.webhooks.sender import Sender

    return Sender()
