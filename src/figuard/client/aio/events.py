# Generated from src/figuard/client/sync/events.py by tools/generate_async_client.py: change that file, then run
# `make generate`.
# ruff: noqa: FBT001, FBT002 - the published signatures
"""
Events: ask before spending, and say what became of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from figuard.client.aio.core import Core, given
from figuard.client.expiry import ExpiresAt
from figuard.client.models import (
    AuthorizationBatch,
    AuthorizationResult,
    EventChain,
    Reconciliation,
    SpendEventResponse,
    VoidResult,
    VoidTreeResult,
)
from figuard.client.ops import authorize as asking
from figuard.client.ops import fallback, settle
from figuard.client.ops.arguments import AuthorizeArguments, BudgetLike, EventLike, TokenLike
from figuard.domain.amounts import AmountLike


class Events(Core):
    """What can be done with events."""

    async def authorize(
        self,
        session_token: TokenLike | None = None,
        agent_id: str = "agent",
        action_type: str = "SPEND",
        description: str = "spend",
        requested_quantity: AmountLike | None = None,
        idempotency_key: str | None = None,
        currency: str | None = None,
        intent_context: str | None = None,
        entity_id: str | None = None,
        claimed_category: str | None = None,
        claimed_item_type: str | None = None,
        parent_event_id: EventLike | None = None,
        agent_type: str | None = None,
        trace_id: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        max_subtree_quantity: AmountLike | None = None,
        dry_run: bool = False,
        reserve: bool = True,
        *,
        budget: TokenLike | None = None,
        amount: AmountLike | None = None,
    ) -> AuthorizationResult:
        """
        Ask whether an agent may spend *amount*, and hold it if so. A denial is an answer, not an exception.

        ``budget`` is a budget fresh from its creation or a raw session token (``session_token`` is its older name);
        ``amount`` is in the budget's currency or unit (``requested_quantity`` likewise). The same
        ``idempotency_key`` gives the same answer and holds once; without one every call is a new request. Settle an
        authorized event with ``confirm``, ``fail`` or ``void``; an unsettled hold ends by itself.

        ``entity_id`` names what is paid for, where a budget pays for each thing once. ``parent_event_id`` is what
        caused this, by default the scope around the call (``figuard_scope``). ``max_subtree_quantity`` caps the
        chain that begins here. ``dry_run`` decides and records nothing; ``reserve=False`` records a marker that
        holds nothing. Raises ``ValueError`` for a missing budget or amount, or one that is none.
        """
        return await self._run(asking.ask(self._session, given(locals())))

    async def authorize_tokens(
        self,
        *,
        session_token: TokenLike | None = None,
        agent_id: str = "agent",
        estimated_tokens: int,
        model: str,
        idempotency_key: str | None = None,
        description: str | None = None,
        claimed_category: str | None = None,
        trace_id: str | None = None,
        dry_run: bool = False,
        budget: TokenLike | None = None,
        intent_context: str | None = None,
        entity_id: str | None = None,
        claimed_item_type: str | None = None,
        parent_event_id: EventLike | None = None,
        agent_type: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        max_subtree_quantity: AmountLike | None = None,
        reserve: bool = True,
    ) -> AuthorizationResult:
        """
        Ask before a model is called, in tokens. As ``authorize`` with the action type LLM_CALL.

        ``estimated_tokens`` is what is held; ``confirm_tokens`` settles what was used. The model's name goes into
        the description and the metadata.
        """
        return await self._run(asking.authorize_tokens(self._session, **given(locals())))

    async def authorize_many(
        self, requests: Sequence[AuthorizeArguments], *, all_or_nothing: bool = False
    ) -> AuthorizationBatch:
        """
        Ask for up to 100 authorizations in one transaction, on one budget or several.

        Each request is a dictionary of the arguments of ``authorize``. With ``all_or_nothing`` one denial denies
        all, and nothing is held for any. Raises ``TypeError`` for an argument that ``authorize`` does not have.
        """
        return await self._run(asking.authorize_many(self._session, requests, all_or_nothing=all_or_nothing))

    async def confirm(
        self,
        event: EventLike,
        amount: AmountLike,
        external_transaction_id: str | None = None,
        *,
        money_moved: bool = False,
    ) -> SpendEventResponse:
        """
        Settle what was really spent: less than the hold releases the rest, more follows the budget's policy.

        Repeating it is harmless. With ``external_transaction_id`` the event can only be refunded, not voided. 409
        when the amount does not fit; when the money has left all the same, ``money_moved=True`` books it whatever
        the limit.
        """
        return await self._run(settle.confirm(self._session, **given(locals())))

    async def confirm_event(
        self,
        event_id: EventLike,
        confirmed_quantity: AmountLike,
        external_transaction_id: str | None = None,
        *,
        money_moved: bool = False,
    ) -> SpendEventResponse:
        """Settle what was really spent; the long form of ``confirm``."""
        return await self.confirm(event_id, confirmed_quantity, external_transaction_id, money_moved=money_moved)

    async def confirm_tokens(
        self, event_id: EventLike, actual_tokens: int, external_transaction_id: str | None = None
    ) -> SpendEventResponse:
        """Settle how many tokens were really used."""
        return await self.confirm(event_id, actual_tokens, external_transaction_id)

    async def fail(self, event: EventLike, reason: str, error_message: str | None = None) -> SpendEventResponse:
        """Say that the spending did not happen; the hold is released. ``reason`` is a code of your own."""
        return await self._run(settle.fail(self._session, event, reason, error_message))

    async def fail_event(
        self, event_id: EventLike, reason: str, error_message: str | None = None
    ) -> SpendEventResponse:
        """Say that the spending did not happen; the long form of ``fail``."""
        return await self.fail(event_id, reason, error_message)

    async def void(self, event: EventLike, reason: str, void_child_events: bool = False) -> VoidResult:
        """
        Take an authorization back: a hold is released, a confirmed amount is no longer spent.

        409 while live events hang on it, unless ``void_child_events`` takes them too; and 409 for an event settled
        with an external transaction, which needs a ``refund``.
        """
        return await self._run(settle.void(self._session, event, reason, void_child_events=void_child_events))

    async def void_event(self, event_id: EventLike, reason: str, void_child_events: bool = False) -> VoidResult:
        """Take an authorization back; the long form of ``void``."""
        return await self.void(event_id, reason, void_child_events)

    async def void_tree(self, event_id: EventLike, reason: str) -> VoidTreeResult:
        """Take an authorization and every live event below it back, all or none."""
        return await self._run(settle.void_tree(self._session, event_id, reason))

    async def refund(
        self,
        event: EventLike,
        amount: AmountLike,
        reason: str = "REFUND",
        external_transaction_id: str | None = None,
        *,
        idempotency_key: str | None = None,
    ) -> SpendEventResponse:
        """
        Give back part or all of a confirmed amount. Several refunds add up; 409 beyond what was confirmed.

        Two equal refunds are two refunds: give an ``idempotency_key`` where a repeat must not count twice.
        """
        return await self._run(settle.refund(self._session, **given(locals())))

    async def extend_hold(self, event: EventLike, seconds: int | str | timedelta) -> SpendEventResponse:
        """Keep a hold for so long from now: seconds, a ``timedelta``, or text such as "15m"."""
        return await self._run(settle.extend_hold(self._session, event, seconds))

    async def mark_unknown(self, event: EventLike, reason: str | None = None) -> SpendEventResponse:
        """
        Say that nobody knows yet whether the money moved: the hold stays, past its end, until someone settles it.
        """
        return await self._run(settle.mark_unknown(self._session, event, reason))

    async def record_external_event(
        self,
        budget_id: BudgetLike,
        agent_id: str,
        action_type: str,
        description: str,
        quantity: AmountLike,
        idempotency_key: str,
        *,
        claimed_category: str | None = None,
        source: str = "EXTERNAL",
        occurred_at: ExpiresAt | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> SpendEventResponse:
        """
        Book spending that happened elsewhere. Limits are not enforced: the money has left.

        409 when the key is in the ledger already. ``source`` is HUMAN, EXTERNAL or a word of your own.
        """
        return await self._run(settle.record_external(self._session, **given(locals())))

    async def get_event(self, event_id: EventLike) -> SpendEventResponse:
        """Return an event as it stands."""
        return await self._run(settle.get_event(self._session, event_id))

    async def get_chain(self, event_id: EventLike) -> EventChain:
        """Return an event with everything it caused, and what its chain has spent."""
        return await self._run(settle.get_chain(self._session, event_id))

    async def reconcile(self) -> Reconciliation:
        """
        Tell the service what was spent without it, as external events. Only clients that fail open have any.

        Happens by itself, a few at a time, with the next call that reaches the service.
        """
        return await self._run(fallback.reconcile(self._session))
