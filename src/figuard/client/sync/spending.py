"""
Whole spendings: authorize before a block or a function, settle after it, whatever happens in between.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, Literal, TypeVar

from figuard.client.guarded import Amount, Guard, Key, guard
from figuard.client.guarding.policy import Policy
from figuard.client.guarding.tools import ToolGuard
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
        renew_key: bool = False,
    ) -> Spend:
        """
        Authorize, run a block, settle: ``with client.spend(budget, 300) as spend: spend.settle(book())``.

        The block is entered only when *amount* was authorized; otherwise ``FiGuardDeniedException`` is raised, or
        with ``raise_on_denial=False`` the block decides by ``spend.is_authorized``. What it authorizes has this
        event as its parent. Left normally, the amount of ``spend.settle`` is confirmed, or the authorized one; left
        by an exception, the event is failed (TOOL_ERROR); left by a time-out, a cancellation or an interrupt, the
        hold stays as of unknown outcome. A spending whose ``idempotency_key`` was settled before, or was left so that
        nobody knows, is denied (DUPLICATE_REQUEST); with ``renew_key`` a key whose spending was failed or voided, or
        lost its hold unsettled, is good for another one. The other arguments are those of ``authorize``; ``category``
        is ``claimed_category``. While the block runs, whoever comes with the same key enters too, in this process or
        another: a key makes them one spending, held and charged once, and keeps nobody waiting.

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
        and the function does not run; otherwise it is settled as by ``spend``. Two calls under one key at the same
        moment are charged once and both run.

        Raises ``TypeError`` at decoration for a generator, whose work is done after it returned, and for what a
        client of this colour cannot wait for.
        """
        return guard(self, Guard(**given(locals())))

    def guard(
        self,
        budget: TokenLike | None = None,
        *,
        token_resolver: Callable[[str | None], TokenLike] | None = None,
        agent_id: str = "agent",
        amount_key: str = "amount",
        amount_extractor: Callable[..., AmountLike | None] | None = None,
        price: AmountLike | Mapping[str, AmountLike] | None = None,
        price_per_unit: AmountLike | None = None,
        unit_key: str = "quantity",
        on_unknown_amount: AmountLike = "deny",
        cost_extractor: Callable[[Any], AmountLike | None] | None = None,
        cost_key: str | None = None,
        category: str | Callable[[Mapping[str, Any]], str | None] | None = None,
        tool_category_map: Mapping[str, str] | None = None,
        ignore_tools: Collection[str] = (),
        key: Key | None = None,
        run_id: str | None = None,
        record_inputs: bool = False,
        action_type: str = "TOOL_CALL",
        currency: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        on_denied: Literal["tell", "raise"] = "tell",
        on_cancel: Literal["unknown", "fail"] = "unknown",
        debug: bool = False,
    ) -> ToolGuard:
        """
        Return a guard for tools that a model calls, one budget for as many as you like: ``@client.guard(budget)``.

        It wraps plain functions of either colour (``guard.wrap(function)``, or as a decorator), and every integration
        takes one. Each call is a spending. A denied call does not run; it returns the text ``FiGuard DENIED: <code> —
        <message>`` for the model to read, or raises ``FiGuardDeniedException`` with ``on_denied="raise"``.

        The amount of a call is what ``amount_extractor`` says of its arguments, defaults included (it takes their
        names, or one mapping of them); else ``price``, fixed or by tool; else ``price_per_unit`` times the argument
        *unit_key*; else the argument *amount_key*. When none of these says an amount, the call is denied, or
        ``on_unknown_amount`` is its price. What was really spent is what ``cost_extractor`` says of the result, else
        the member *cost_key* of the result, else the ``Costed`` that the tool returned, else the amount.

        The budget is *budget*, or is asked from ``token_resolver`` with the id of the agent, so that each agent of a
        fleet spends from a token of its own. ``tool_category_map`` gives a tool's category, else ``category``. Calls
        of ``ignore_tools`` are not guarded. ``key`` makes the idempotency key of plain functions; frameworks make
        theirs of *run_id* or their own run, the id of the call, and its arguments. A key is good for another spending
        after a failed one; the result of a settled call is given again, and its body does not run twice.

        Arguments stay off the ledger unless ``record_inputs``. A cancelled call keeps its hold as of unknown outcome
        unless ``on_cancel="fail"``. ``debug`` logs each request. Raises ``ValueError`` for settings that contradict
        each other.
        """
        return ToolGuard(self, Policy(**given(locals())))

    def sweep(self) -> None:
        """
        Do what is due in an embedded store, and send the webhooks that wait. A server does that by itself.

        Holds end inside the next call on their budget, so only webhooks and quiet budgets need this. Raises
        ``FiGuardCapabilityError`` for a client of a server.
        """
        return self._run(swept(self._session))
