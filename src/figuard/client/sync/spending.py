"""
Whole spendings: authorize before a block or a function, settle after it, whatever happens in between.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from figuard.client.guarded import Amount, Guard, Key, guard
from figuard.client.ops.arguments import EventLike, TokenLike
from figuard.client.ops.authorize import asking
from figuard.client.ops.sweep import swept
from figuard.client.spend import Spend
from figuard.client.sync.core import Core, given
from figuard.domain.amounts import AmountLike

F = TypeVar("F", bound=Callable[..., Any])


class Spending(Core):
    """Spendings as blocks of code."""

    def spend(
        self,
        budget: TokenLike,
        amount: AmountLike,
        *,
        description: str = "spend",
        agent_id: str = "agent",
        action_type: str = "SPEND",
        idempotency_key: str | None = None,
        category: str | None = None,
        claimed_category: str | None = None,
        claimed_item_type: str | None = None,
        currency: str | None = None,
        intent_context: str | None = None,
        entity_id: str | None = None,
        parent_event_id: EventLike | None = None,
        agent_type: str | None = None,
        trace_id: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        max_subtree_quantity: AmountLike | None = None,
        reserve: bool = True,
        raise_on_denial: bool = True,
    ) -> Spend:
        """
        Authorize, run a block, settle: ``with client.spend(budget, 300) as spend: spend.settle(book())``.

        The block is entered only when *amount* was authorized; otherwise ``FiGuardDeniedException`` is raised, or
        with ``raise_on_denial=False`` the block decides by ``spend.is_authorized``. What it authorizes has this
        event as its parent. Left normally, the amount of ``spend.settle`` is confirmed, or the authorized one; left
        by an exception, the event is failed (TOOL_ERROR); left by a time-out, a cancellation or an interrupt, the
        hold stays as of unknown outcome. A spending whose ``idempotency_key`` was settled before is denied
        (DUPLICATE_REQUEST). The other arguments are those of ``authorize``; ``category`` is ``claimed_category``.

        Leaving the block raises what ``confirm`` raises, after marking the outcome as unknown: the hold stays.
        """
        return Spend(self._run, self._session, asking(self._session, given(locals())), raise_on_denial=raise_on_denial)

    def guarded(
        self,
        budget: TokenLike,
        amount: Amount,
        *,
        category: str | Callable[[Mapping[str, Any]], str | None] | None = None,
        key: Key | None = None,
        cost: Callable[[Any], AmountLike | None] | None = None,
        description: str | None = None,
        agent_id: str = "agent",
        action_type: str = "TOOL_CALL",
        currency: str | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> Callable[[F], F]:
        """
        Make every call of a function a spending: ``@client.guarded(budget, amount=lambda call: call["price"])``.

        *amount* is a number, or is asked with the call's arguments by name, defaults included; so are ``key`` (for
        the idempotency key) and ``category``. ``cost`` is asked with the result for what was really spent; when it
        fails or has no answer, the authorized amount is confirmed. A denied call raises ``FiGuardDeniedException``
        and the function does not run; otherwise it is settled as by ``spend``.

        Raises ``TypeError`` at decoration for a generator, whose work is done after it returned, and for what a
        client of this colour cannot wait for.
        """
        return guard(self, Guard(**given(locals())))

    def sweep(self) -> None:
        """
        Do what is due in an embedded store, and send the webhooks that wait. A server does that by itself.

        Holds end inside the next call on their budget, so only webhooks and quiet budgets need this. Raises
        ``FiGuardCapabilityError`` for a client of a server.
        """
        return self._run(swept(self._session))
