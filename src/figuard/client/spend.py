"""
One spending as a block of code: ``with client.spend(budget, 270) as spend: ...``.

The block is entered when the spending is authorized. How it is left says what became of the money: normally means
spent, an exception means not spent, and whatever leaves that open (a time-out, a cancellation, an interrupt) keeps
the hold until somebody knows. A hold is never released after the money may have moved.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from decimal import Decimal
from functools import partial
from types import TracebackType
from typing import Any, Self

from figuard.client.context import figuard_scope
from figuard.client.exceptions import FiGuardDeniedException, FiGuardError
from figuard.client.models import AuthorizationResult, SpendEventResponse
from figuard.client.ops.arguments import exact
from figuard.client.ops.spend import Wish, begin, end
from figuard.client.session import Session, logger
from figuard.client.steps import Steps
from figuard.domain.amounts import AmountLike

Ask = Callable[[], Steps[AuthorizationResult]]
_NOT_ASKED = "this spending has not been asked for yet: use it in a with statement"


class SpendBase:
    """What a block may know and say about its spending."""

    def __init__(self, session: Session, ask: Ask, *, raise_on_denial: bool) -> None:
        self._session = session
        self._ask = ask
        self._raise_on_denial = raise_on_denial
        self._answer: AuthorizationResult | None = None
        self._refusal: FiGuardDeniedException | None = None
        self._scope: figuard_scope | None = None
        self._wish = Wish()
        self.event: SpendEventResponse | None = None
        """The settled event, once the block was left and something was settled."""

    @property
    def authorization(self) -> AuthorizationResult:
        """The answer. Raises ``FiGuardError`` before the block is entered."""
        if self._answer is None:
            raise FiGuardError(_NOT_ASKED)
        return self._answer

    @property
    def is_authorized(self) -> bool:
        """
        Whether the block may spend. Only ever False with ``raise_on_denial=False``.

        Also False when the idempotency key's spending was settled before, or may have been made without anybody
        knowing: doing it again would pay twice.
        """
        return self.refusal is None

    @property
    def refusal(self) -> FiGuardDeniedException | None:
        """Why the block may not spend, None when it may. Raises ``FiGuardError`` before the block is entered."""
        if self._answer is None:
            raise FiGuardError(_NOT_ASKED)
        return self._refusal

    @property
    def event_id(self) -> str | None:
        """The event's id."""
        return self.authorization.event_id

    @property
    def approved_amount(self) -> Decimal:
        """How much is held for the block, zero when it may not spend."""
        return self.authorization.approved_quantity or Decimal()

    def settle(self, amount: AmountLike | None = None, *, external_transaction_id: str | None = None) -> None:
        """
        Say that the money has moved, and how much really did (unless given, what was authorized).

        It is confirmed when the block is left. From here on an exception in the block no longer releases the hold.
        Raises ``ValueError`` for what is no amount.
        """
        quantity = None if amount is None else exact(amount, "amount")
        self._wish = Wish("confirm", amount=quantity, external_transaction_id=external_transaction_id)

    def fail(self, reason: str, error_message: str | None = None) -> None:
        """Say that the spending did not happen: the hold is released when the block is left, however it is."""
        self._wish = Wish("fail", reason=reason, error_message=error_message)

    def void(self, reason: str) -> None:
        """Say that the spending is not wanted any more: it is voided when the block is left, however it is."""
        self._wish = Wish("void", reason=reason)

    def unknown(self, reason: str | None = None) -> None:
        """Say that nobody knows whether the money moved: the hold stays until somebody settles it."""
        self._wish = Wish("unknown", reason=reason)

    def begin(self) -> Steps[None]:
        """Ask, and keep the answer. Raises ``FiGuardDeniedException`` when the block may not be entered."""
        self._wish, self.event = Wish(), None
        self._answer, self._refusal = yield from begin(self._session, self._ask, raise_on_denial=self._raise_on_denial)

    def end(self, error: BaseException | None) -> Steps[None]:
        """Settle as the block was left. Raises only when the block itself raised nothing."""
        if self.is_authorized:
            self.event = yield from end(self._session, self.authorization, self._wish, error)

    def open_scope(self) -> None:
        """Make the event the parent of what the block authorizes."""
        if self.is_authorized:
            self._scope = figuard_scope(self.authorization)
            self._scope.__enter__()

    def close_scope(self) -> None:
        """End that."""
        scope, self._scope = self._scope, None
        if scope is not None:
            scope.__exit__(None, None, None)


class Spend(SpendBase):
    """One spending of a blocking client; use it in one ``with`` statement."""

    def __init__(
        self, run: Callable[[Steps[None]], None], session: Session, ask: Ask, *, raise_on_denial: bool
    ) -> None:
        super().__init__(session, ask, raise_on_denial=raise_on_denial)
        self._run = run

    def ask_now(self) -> None:
        """Ask, without entering a block."""
        self._run(self.begin())

    def settle_now(self, error: BaseException | None) -> None:
        """Settle as the block was left, without leaving one."""
        self._run(self.end(error))

    def on_a_thread(self) -> AsyncSpend:
        """Return the same spending for an event loop, which goes on while a thread of its own asks and settles."""
        run = partial(asyncio.to_thread, self._run)
        return AsyncSpend(run, self._session, self._ask, raise_on_denial=self._raise_on_denial)

    def __enter__(self) -> Self:
        self.ask_now()
        self.open_scope()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close_scope()
        self.settle_now(error)


class AsyncSpend(SpendBase):
    """One spending of an asyncio client; use it in one ``async with`` statement."""

    def __init__(
        self,
        run: Callable[[Steps[None]], Coroutine[Any, Any, None]],
        session: Session,
        ask: Ask,
        *,
        raise_on_denial: bool,
    ) -> None:
        super().__init__(session, ask, raise_on_denial=raise_on_denial)
        self._run = run

    async def __aenter__(self) -> Self:
        asking = _kept(self._run(self.begin()))
        try:
            await asyncio.shield(asking)
        except asyncio.CancelledError:
            # The answer may be on its way, and with it a hold that nobody would ever settle.
            _kept(self._take_back(asking))
            raise
        self.open_scope()
        return self

    async def _take_back(self, asking: asyncio.Task[None]) -> None:
        await asyncio.wait([asking])
        if self._answer is not None and self.is_authorized:
            self.void("CANCELLED_BEFORE_START")
            await self._run(self.end(None))

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close_scope()
        # Shielded: a task that is cancelled while it settles must not leave the hold behind.
        await asyncio.shield(_kept(self._run(self.end(error))))


_running: set[asyncio.Task[Any]] = set()


def _kept(work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    """Start *work* so that it ends even when nobody awaits it any more."""
    task = asyncio.ensure_future(work)
    _running.add(task)
    task.add_done_callback(_ended)
    return task


def _ended(task: asyncio.Task[None]) -> None:
    _running.discard(task)
    if not task.cancelled() and (error := task.exception()) is not None:
        logger.debug("a spending ended with %r", error)
