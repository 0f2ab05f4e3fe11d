# ruff: noqa: ANN401 - the signatures are LangChain's own
"""
The callback handler: it authorizes when a tool starts and settles when it ends.

A handler cannot answer in a tool's place. What it can do at a denial is raise, before the tool's body: that is hard,
and it ends the run unless whoever runs the tool turns exceptions into messages (``ToolNode(handle_tool_errors=True)``).
Where the model is to read the denial, use ``FiGuardMiddleware``, ``guard_graph`` or ``guard_tool``.
"""

from __future__ import annotations

import ast
import json
import threading
from collections.abc import Callable, Collection, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.tools import ToolException

from figuard.client.context import Known
from figuard.client.exceptions import FiGuardError
from figuard.client.session import logger
from figuard.client.spend import Spend
from figuard.domain.amounts import AmountLike
from figuard.integrations.guard import UNKNOWN_AMOUNT, Policy, ToolCall, denial_text, is_blocking
from figuard.integrations.langchain.calls import failure, interrupts

if TYPE_CHECKING:
    from figuard.client.ops.arguments import TokenLike
    from figuard.client.sync.client import FiGuardClient

UNKNOWN_TOOL = "unknown_tool"
PENDING_MAX = 10_000
"""How many tools may be under way at once; beyond it the oldest are those whose end LangChain never told."""


class FiGuardCallbackHandler(BaseCallbackHandler):
    """
    Authorizes every tool of a run: ``agent.invoke(..., config={"callbacks": [handler]})``.

    Give it to ``invoke``, not to a constructor, whose callbacks do not reach the tools. A denial raises
    ``ToolException`` with its text, and the tool does not run. *token_resolver* is asked for the token of the agent
    that ``config["metadata"]["agent_id"]`` names. *options* are further settings of ``client.guard``.

    Raises ``ValueError`` unless there is either a *session_token* or a *token_resolver*, and ``TypeError`` for an
    ``AsyncFiGuardClient``: a handler is called, not awaited. Awaited runs call it on a thread.
    """

    raise_error = True
    """LangChain swallows what a handler raises unless this is True; the tool would run."""

    def __init__(
        self,
        client: FiGuardClient,
        session_token: TokenLike | None = None,
        *,
        token_resolver: Callable[[str | None], TokenLike] | None = None,
        agent_id: str = "langchain_agent",
        amount_param: str = "amount",
        tool_category_map: dict[str, str] | None = None,
        ignore_tools: Collection[str] | None = None,
        amount_extractor: Callable[..., AmountLike | None] | None = None,
        cost_extractor: Callable[[Any], AmountLike | None] | None = None,
        debug: bool = False,
        **options: Any,  # those of client.guard, which refuses others
    ) -> None:
        super().__init__()
        if not is_blocking(client):
            raise TypeError("a callback handler is not awaited; give it a FiGuardClient, or use FiGuardMiddleware")
        self._client = client
        self._policy = Policy(
            budget=session_token,
            token_resolver=token_resolver,
            agent_id=agent_id,
            amount_key=amount_param,
            tool_category_map=tool_category_map,
            ignore_tools=frozenset(ignore_tools or ()),
            amount_extractor=amount_extractor,
            cost_extractor=None if cost_extractor is None else _positive(cost_extractor),
            debug=debug,
            **options,
        )
        self._pending: dict[UUID, Spend] = {}
        self._parents: Known[UUID | None] = Known()
        self._events: Known[str] = Known()
        self._lock = threading.Lock()

    def on_chain_start(
        self, serialized: Any, inputs: Any, *, run_id: UUID, parent_run_id: UUID | None = None, **kwargs: Any
    ) -> None:
        """Remember which run caused which."""
        self._parents.learn(str(run_id), parent_run_id)

    def on_tool_start(
        self, serialized: Any, input_str: str, *, run_id: UUID, parent_run_id: UUID | None = None, **kwargs: Any
    ) -> None:
        """Ask. Raises ``ToolException`` for a denial, and whatever keeps the client from asking."""
        tool = str((serialized or {}).get("name") or kwargs.get("name") or UNKNOWN_TOOL)
        if tool in self._policy.ignore_tools:
            return
        self._parents.learn(str(run_id), parent_run_id)
        agent = (kwargs.get("metadata") or {}).get("agent_id")
        call = ToolCall(
            tool,
            _inputs(input_str, kwargs.get("inputs")),
            agent_id=None if agent is None else str(agent),
            parent_event_id=self._parent_event(parent_run_id),
        )
        spend = self._asked(call, str(run_id))
        with self._lock:
            self._pending[run_id] = spend
            while len(self._pending) > PENDING_MAX:
                forgotten = self._pending.pop(next(iter(self._pending)))
                logger.warning("event %s was never settled: its hold ends by itself", forgotten.event_id)
        if spend.event_id is not None:
            self._events.learn(str(run_id), spend.event_id)

    def _asked(self, call: ToolCall, key: str) -> Spend:
        policy = self._policy
        token, amount = policy.token(call), policy.amount(call)
        if amount is None:
            raise ToolException(denial_text(UNKNOWN_AMOUNT, policy.why_unknown(call)))
        wish = policy.wish(call, token, amount)
        wish |= {"idempotency_key": key, "agent_type": "langchain_tool"}
        if policy.debug:
            logger.info("asking for %s for %s in category %s", amount, call.tool, wish["category"])
        spend = self._client.spend(**wish)
        spend.ask_now()
        if not spend.is_authorized:
            refused = spend.refusal
            assert refused is not None
            logger.info("denied %s: %s (event %s)", call.tool, refused.denial_reason, spend.event_id)
            raise ToolException(denial_text(refused.denial_reason, refused.denial_message))
        return spend

    def on_tool_end(self, output: Any, *, run_id: UUID, **kwargs: Any) -> None:
        """Confirm what was spent. Raises nothing: the tool has run."""
        spend = self._taken(run_id)
        if spend is None:
            return
        error = failure(output)
        if error is not None:
            spend.fail("TOOL_ERROR", error)
        else:
            spend.settle(self._policy.cost(output)[1])
        self._settled(spend, None)

    def on_tool_error(self, error: BaseException, *, run_id: UUID, **kwargs: Any) -> None:
        """Release what was held, or keep it when money may have moved. Raises nothing: the tool's error counts."""
        spend = self._taken(run_id)
        if spend is None:
            return
        if isinstance(error, interrupts()):
            spend.void("INTERRUPTED")
        self._settled(spend, error)

    def _taken(self, run_id: UUID) -> Spend | None:
        with self._lock:
            return self._pending.pop(run_id, None)

    @staticmethod
    def _settled(spend: Spend, error: BaseException | None) -> None:
        try:
            spend.settle_now(error)
        except FiGuardError as failed:
            logger.warning("could not settle event %s, its hold stays: %s", spend.event_id, failed)

    def _parent_event(self, run_id: UUID | None) -> str | None:
        """Return the event of the nearest run above that has one; runs in between need none."""
        seen: set[UUID] = set()
        while run_id is not None and run_id not in seen:
            seen.add(run_id)
            event = self._events.get(str(run_id))
            if event is not None:
                return event
            run_id = self._parents.get(str(run_id))
        return None


def _inputs(input_str: object, inputs: object) -> Mapping[str, Any]:
    """Return a tool's arguments: as LangChain hands them over, else as JSON or Python spells them."""
    if isinstance(inputs, Mapping):
        return cast("Mapping[str, Any]", inputs)
    if isinstance(input_str, str):
        for read in (json.loads, ast.literal_eval):
            try:
                told = read(input_str)
            except (ValueError, SyntaxError, RecursionError, MemoryError):
                continue
            if isinstance(told, dict):
                return cast("dict[str, Any]", told)
    return {}


def _positive(extractor: Callable[[Any], AmountLike | None]) -> Callable[[Any], AmountLike | None]:
    """A tool of a handler always costs something: what is not above zero is no answer."""

    def told(output: object) -> AmountLike | None:
        cost = extractor(output)
        if cost is None or Decimal(str(cost)) > 0:
            return cost
        raise ValueError(f"the cost_extractor says {cost!r}, which is not above zero")

    return told
