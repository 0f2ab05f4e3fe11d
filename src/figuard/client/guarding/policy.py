"""
What a guard wants to know of a call: what it costs, before and after, its category, its key, and who pays.
"""

from __future__ import annotations

import dataclasses
import inspect
import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal, localcontext
from hashlib import sha256
from typing import Any, Literal, cast

from figuard.client.guarded import Arguments, Key, cost_of
from figuard.client.ops.arguments import TokenLike, exact
from figuard.client.session import logger
from figuard.domain.amounts import FRACTION_DIGITS_MAX, AmountLike

UNKNOWN_AMOUNT = "UNKNOWN_AMOUNT"
"""The denial of a call whose price nobody can tell. It is given here, before anything is asked."""
AGENT_ID = "agent"
"""Who calls, where nobody says."""
INPUTS_LENGTH_MAX = 200
"""How many characters of a call's inputs are recorded, where they are recorded at all."""
_NESTED_MAX = 20
_QUANTUM = Decimal(1).scaleb(-FRACTION_DIGITS_MAX)


@dataclass(frozen=True, slots=True)
class ToolCall:
    """
    One call of a tool, as a framework knows it.

    ``call_id`` is the id that the model gave it, ``run_id`` the run, thread and turn it belongs to: together with the
    arguments they tell a repeat from another call. Leave ``run_id`` None when the framework has none, for call ids
    alone are not unique; each call is then one of its own. ``agent_id`` is who calls, None for the guard's own.
    """

    tool: str
    arguments: Arguments
    call_id: str | None = None
    run_id: str | None = None
    agent_id: str | None = None
    parent_event_id: str | None = None


@dataclass(frozen=True, slots=True)
class Costed:
    """What a tool returns to say what it really cost: the caller gets ``value``, the ledger ``cost``."""

    value: Any
    cost: AmountLike


@dataclass(frozen=True, slots=True)
class Policy:
    """The settings of ``client.guard``, which says what each means. Raises ``ValueError`` for contradictions."""

    budget: TokenLike | None = None
    token_resolver: Callable[[str | None], TokenLike] | None = None
    agent_id: str = AGENT_ID
    amount_key: str = "amount"
    amount_extractor: Callable[..., AmountLike | None] | None = None
    price: AmountLike | Mapping[str, AmountLike] | None = None
    price_per_unit: AmountLike | None = None
    unit_key: str = "quantity"
    on_unknown_amount: AmountLike = "deny"
    cost_extractor: Callable[[Any], AmountLike | None] | None = None
    cost_key: str | None = None
    category: str | Callable[[Arguments], str | None] | None = None
    tool_category_map: Mapping[str, str] | None = None
    ignore_tools: Collection[str] = ()
    key: Key | None = None
    run_id: str | None = None
    record_inputs: bool = False
    action_type: str = "TOOL_CALL"
    currency: str | None = None
    metadata: Mapping[str, Any] | None = None
    on_denied: Literal["tell", "raise"] = "tell"
    on_cancel: Literal["unknown", "fail"] = "unknown"
    debug: bool = False

    def __post_init__(self) -> None:
        if self.budget is None and self.token_resolver is None:
            raise ValueError("a guard needs a budget, or a token_resolver that finds one for each agent")
        if self.budget is not None and self.token_resolver is not None:
            raise ValueError("give a budget or a token_resolver, not both")
        if self.amount_extractor is not None and (self.price is not None or self.price_per_unit is not None):
            raise ValueError("amount_extractor already says every amount; give it or a price, not both")
        if self.price is not None and self.price_per_unit is not None and not isinstance(self.price, Mapping):
            raise ValueError("price and price_per_unit contradict each other; give one of them")
        if self.cost_extractor is not None and self.cost_key is not None:
            raise ValueError("give cost_extractor or cost_key, not both")
        if isinstance(self.ignore_tools, str):
            raise TypeError(f"ignore_tools must be a list of names, got the text {self.ignore_tools!r}")
        if self.on_denied not in {"tell", "raise"}:
            raise ValueError(f'on_denied must be "tell" or "raise", got {self.on_denied!r}')
        if self.on_cancel not in {"unknown", "fail"}:
            raise ValueError(f'on_cancel must be "unknown" or "fail", got {self.on_cancel!r}')
        prices = self.price.values() if isinstance(self.price, Mapping) else (self.price,)
        for name, amount in (*(("price", one) for one in prices), ("price_per_unit", self.price_per_unit)):
            if amount is not None:
                exact(amount, name)
        if self.on_unknown_amount != "deny":
            exact(self.on_unknown_amount, 'on_unknown_amount, unless it is "deny",')

    def token(self, call: ToolCall) -> TokenLike:
        """Return who pays. Raises ``ValueError`` when the resolver has no token for the agent."""
        if self.token_resolver is None:
            assert self.budget is not None
            return self.budget
        if call.agent_id is None:
            logger.warning("the call of %r names no agent, so the token resolver is asked for None", call.tool)
        token = self.token_resolver(call.agent_id)
        if not token:
            raise ValueError(f"token_resolver returned an empty token for agent {call.agent_id!r}")
        return token

    def amount(self, call: ToolCall) -> Decimal | None:
        """Return how much to ask for, None when nobody can tell and such calls are to be denied."""
        told = self._told(call)
        try:
            return exact(told, "amount")
        except ValueError:
            if self.on_unknown_amount == "deny":
                return None
        return exact(self.on_unknown_amount, "on_unknown_amount")

    def _told(self, call: ToolCall) -> object:
        if self.amount_extractor is not None:
            try:
                return _asked(self.amount_extractor, call.arguments)
            except Exception:  # noqa: BLE001 - a caller's function may raise anything
                logger.warning("the amount_extractor failed for %r", call.tool, exc_info=True)
                return None
        if self.price is not None:
            price = self.price.get(call.tool) if isinstance(self.price, Mapping) else self.price
            if price is not None:
                return price
        if self.price_per_unit is not None:
            return _times(exact(self.price_per_unit, "price_per_unit"), call.arguments.get(self.unit_key))
        return call.arguments.get(self.amount_key)

    def why_unknown(self, call: ToolCall) -> str:
        """Return why the amount of a call could not be told, without any of its inputs."""
        if self.amount_extractor is not None:
            where = "its amount_extractor says none"
        else:
            where = f"its argument {self.amount_key if self.price_per_unit is None else self.unit_key!r} says none"
        return f"the amount of this call of {call.tool!r} is not known ({where}), so it was not run"

    def cost(self, result: object) -> tuple[Any, Decimal | None]:
        """Return what the caller gets, and what the call really cost; None for the amount that was asked for."""
        value: Any = result.value if isinstance(result, Costed) else result
        if self.cost_extractor is not None:
            return value, cost_of(self.cost_extractor, value)
        if self.cost_key is not None:
            return value, cost_of(lambda said: _member(said, self.cost_key), value)
        return value, cost_of(lambda said: cast("Costed", said).cost, result) if isinstance(result, Costed) else None

    def category_of(self, call: ToolCall) -> str | None:
        """Return what a call is for."""
        mapped = (self.tool_category_map or {}).get(call.tool)
        if mapped is not None:
            return mapped
        return self.category(call.arguments) if callable(self.category) else self.category

    def key_of(self, call: ToolCall) -> str | None:
        """Return the key under which a call is paid once, None when each one is a call of its own."""
        if self.key is not None:
            return self.key(call.arguments)
        run_id = self.run_id if call.run_id is None else call.run_id
        if run_id is None or call.call_id is None:
            return None
        told = json.dumps([run_id, call.call_id, call.tool, _plain(call.arguments)], sort_keys=True)
        return f"call-{sha256(told.encode()).hexdigest()[:40]}"

    def wish(self, call: ToolCall, token: TokenLike, amount: Decimal) -> dict[str, Any]:
        """Return the arguments of ``client.spend`` for a call."""
        known = {"tool": call.tool, "toolCallId": call.call_id, "runId": call.run_id or self.run_id}
        return {
            "budget": token,
            "amount": amount,
            "description": self._description(call),
            "agent_id": call.agent_id or self.agent_id,
            "action_type": self.action_type,
            "category": self.category_of(call),
            "currency": self.currency,
            "idempotency_key": self.key_of(call),
            "parent_event_id": call.parent_event_id,
            "metadata": {**(self.metadata or {}), **{name: value for name, value in known.items() if value}},
            "raise_on_denial": False,
            "renew_key": True,
        }

    def _description(self, call: ToolCall) -> str:
        name = call.tool[:INPUTS_LENGTH_MAX] or "tool"
        if not self.record_inputs:
            return name
        inputs = json.dumps(_plain(call.arguments), ensure_ascii=False)
        return f"{name}: {inputs[:INPUTS_LENGTH_MAX]}"


def _asked(extractor: Callable[..., AmountLike | None], arguments: Arguments) -> AmountLike | None:
    """Ask an extractor in the form it was written in: of the arguments' own names, or of one mapping of them all."""
    try:
        inspect.signature(extractor).bind(**arguments)
    except (TypeError, ValueError):  # other parameters, or a function that has no signature to look at
        return extractor(arguments)
    return extractor(**arguments)


def _times(price: Decimal, units: object) -> Decimal | None:
    """Return the price of so many units, rounded up to what a ledger can hold; a list counts by its length."""
    count = len(cast("list[object]", units)) if isinstance(units, (list, tuple, set, frozenset, dict)) else units
    try:
        with localcontext(prec=60):
            return (price * exact(count, "units")).quantize(_QUANTUM, rounding=ROUND_CEILING)
    except ValueError:
        return None


def _member(result: object, name: str | None) -> Any:  # noqa: ANN401 - of any type
    """Return a member of a result: of a mapping, of an object, or of the JSON object that a text is."""
    content = getattr(result, "content", None)
    for said in (result, content):
        if isinstance(said, str) and said.lstrip().startswith("{"):
            said = json.loads(said)  # noqa: PLW2901 - the same thing, decoded
        if isinstance(said, Mapping) and name in said:
            return cast("Mapping[Any, Any]", said)[name]
    return getattr(result, name or "", None)


def _plain(value: object, depth: int = 0) -> Any:  # noqa: ANN401 - what JSON can say
    """Return what can be told of a value, the same in every process."""
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    if depth < _NESTED_MAX:
        if isinstance(value, Mapping):
            return {str(key): _plain(one, depth + 1) for key, one in cast("Mapping[Any, Any]", value).items()}
        if isinstance(value, (list, tuple)):
            return [_plain(one, depth + 1) for one in cast("list[Any]", value)]
        if isinstance(value, (set, frozenset)):
            return sorted(json.dumps(_plain(one, depth + 1), sort_keys=True) for one in cast("set[Any]", value))
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            return {one.name: _plain(getattr(value, one.name), depth + 1) for one in dataclasses.fields(value)}
        if callable(dump := getattr(value, "model_dump", None)):
            return _plain(dump(), depth + 1)
    if isinstance(value, Decimal) or type(value).__module__ in {"datetime", "uuid"}:
        return str(value)
    # Its text may carry an address, which the next process would not repeat.
    return f"<{type(value).__qualname__}>"
