"""
A batch: several orders decided in one transaction, in the order they arrived.

``run`` is a generator without a colour: it yields what to read and, once, what to write; a driver answers it from a
blocking or an awaited transaction. First every order gathers, side by side, so that reads of one kind are made in one
go; then each acts at its turn on the state as its predecessors left it. An order that is refused is undone alone.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping, Sequence
from operator import attrgetter
from typing import Any

import msgspec

from figuard.domain.admin import ApiKey, Remembered
from figuard.domain.codes import ErrorCode
from figuard.domain.commands import KEYED_BY_EVENT, Confirm, Fail, Order, Refund, Void
from figuard.domain.refusal import Refusal
from figuard.domain.replies import Reply
from figuard.domain.valueclass import replace, valueclass
from figuard.engine.gather import Loads
from figuard.engine.handlers import HANDLERS, GatherAll
from figuard.engine.work import Wanted, Work
from figuard.ports import Changes, Kind

Outcome = Reply | Exception
"""What an order came to: its reply, a ``Refusal``, or a defect of ours."""

_ENCODER = msgspec.json.Encoder(decimal_format="number")
_DECODERS: Mapping[type, msgspec.json.Decoder[Any]] = {
    handler.reply: msgspec.json.Decoder(handler.reply) for handler in HANDLERS.values()
}


@valueclass
class Read:
    """Ask the transaction for what *kind* answers for each key."""

    kind: Kind
    keys: Sequence[Any]


@valueclass
class ReadMany:
    """Ask for several kinds at once, of which none locks; answered by what each answers, in their order."""

    reads: Sequence[tuple[Kind, Sequence[Any]]]


@valueclass
class Write:
    """Hand the transaction everything to write."""

    changes: Changes


Steps = Generator[Read | ReadMany | Write, Any, list[Outcome]]
"""What to read and to write; a read is answered by a mapping, several at once by a list of them."""
_Reading = Generator[Read | ReadMany, Any, None]
_Gatherer = tuple[Loads, int | None]
"""A gatherer, with the place of its order if it is for one alone."""
_Wanted = tuple[dict[Kind, list[Any]], ...]
"""What is to be read, by phase."""
# Members looked up once, as in ``figuard.engine.gather``.
_REMEMBERED, _CALLERS, _TENANT_WEBHOOKS = Kind.REMEMBERED, Kind.CALLERS, Kind.TENANT_WEBHOOKS
_SETTLING = frozenset({Confirm, Fail, Void, Refund})
"""Commands of which the tenant's webhooks are told, as good as always: they are read before it is known."""
_ORDINAL = attrgetter("ordinal")
_LAST_PHASE = max(kind.phase for kind in Kind)
_PHASES = range(_LAST_PHASE + 1)


def encode(value: object) -> str:
    """Return JSON text with exact numbers."""
    return _ENCODER.encode(value).decode()


def run(work: Work, orders: Sequence[Order]) -> Steps:
    """Gather, act and write; return one outcome per order, in their order."""
    outcomes: list[Outcome | None] = [None] * len(orders)
    yield from _gather(work, orders, outcomes)
    for index, order in enumerate(orders):
        if outcomes[index] is None:
            outcomes[index] = _act(work, order)
    telling = work.unread(_TENANT_WEBHOOKS, work.telling)
    if telling:
        answers = yield Read(_TENANT_WEBHOOKS, telling)
        work.take(_TENANT_WEBHOOKS, telling, answers or {})
    changes = work.changes(encode)
    if changes:
        yield Write(changes)
    return [outcome for outcome in outcomes if outcome is not None]


def _gather(work: Work, orders: Sequence[Order], outcomes: list[Outcome | None]) -> _Reading:
    """Advance all gatherers; reads of the lowest phase that anyone waits for are made first, one per kind."""
    wanted: _Wanted = ({}, {}, {}, {})
    # What lets the orders in is read beside the others of its phase, which is the last, at no round trip of its own.
    _want(work, _admission(orders), wanted)
    ready = _gatherers(work, orders)
    waiting: list[list[_Gatherer]] = [[], [], [], []]
    while True:
        for gatherer in ready:
            until = _advance(work, gatherer, wanted, outcomes)
            if until is not None:
                waiting[until].append(gatherer)
        for phase in _PHASES:
            if wanted[phase]:
                break
        else:
            return
        reads = _reads(wanted[phase])
        if phase == _LAST_PHASE and len(reads) > 1:
            for (kind, keys), answers in zip(reads, (yield ReadMany(reads)), strict=True):
                work.take(kind, keys, answers)
        else:
            for kind, keys in reads:
                answers = yield Read(kind, keys)
                work.take(kind, keys, answers or {})
        # What somebody waits for in an earlier phase has been read by now.
        ready, waiting[phase] = waiting[phase], []


def _gatherers(work: Work, orders: Sequence[Order]) -> list[_Gatherer]:
    """Return who gathers what the orders need: each with the place of its order, or None when it is for many."""
    found: list[_Gatherer] = []
    crowds: dict[GatherAll, list[Order]] = {}
    for index, order in enumerate(orders):
        handler = HANDLERS[type(order.command)]
        if handler.gather_all is not None:
            crowds.setdefault(handler.gather_all, []).append(order)
        else:
            assert handler.gather is not None
            found.append((handler.gather(work, order, order.command), index))
    for gather_all, crowd in crowds.items():
        found.append((gather_all(work, crowd), None))
    return found


def _advance(work: Work, gatherer: _Gatherer, wanted: _Wanted, outcomes: list[Outcome | None]) -> int | None:
    """Let a gatherer go on; return the phase it waits for, or None when it has everything or was refused."""
    steps, index = gatherer
    try:
        for loads in steps:
            until = _want(work, loads, wanted)
            if until is not None:
                return until
    except Refusal as refusal:
        # Only who gathers for one order may refuse; what many need is looked at when the turn of each comes.
        if index is None:
            raise
        outcomes[index] = refusal
    return None


def _want(work: Work, loads: Iterable[Wanted], wanted: _Wanted) -> int | None:
    """Note what of some loads has not been read yet; return the last phase of that, or None when there is nothing."""
    until: int | None = None
    for kind, keys in loads:
        left = work.unread(kind, keys) if keys else keys
        if left:
            phase = kind.phase
            wanted[phase].setdefault(kind, []).extend(left)
            if until is None or phase > until:
                until = phase
    return until


def _reads(kinds: dict[Kind, list[Any]]) -> list[tuple[Kind, list[Any]]]:
    """Return the reads of some kinds in their order, each key once; nothing is wanted of them any more."""
    reads: list[tuple[Kind, list[Any]]] = []
    for kind in kinds if len(kinds) == 1 else sorted(kinds, key=_ORDINAL):
        keys = kinds[kind]
        reads.append((kind, keys if len(keys) == 1 else list(dict.fromkeys(keys))))
    kinds.clear()
    return reads


def _admission(orders: Sequence[Order]) -> list[Wanted]:
    """Return the loads of what lets the orders in, or answers them already, and of who is told of settlements."""
    callers: list[str] = []
    remembered: list[tuple[str, str, str]] = []
    telling: list[str] = []
    for order in orders:
        if order.key_id is not None:
            callers.append(order.key_id)
        if _is_remembered(order):
            remembered.append(_memory_key(order))
        if type(order.command) in _SETTLING:
            telling.append(order.tenant_id)
    return [(_REMEMBERED, remembered), (_CALLERS, callers), (_TENANT_WEBHOOKS, telling)]


def _is_remembered(order: Order) -> bool:
    return order.idempotency_key is not None and type(order.command) not in KEYED_BY_EVENT


def _act(work: Work, order: Order) -> Outcome:
    mark = work.savepoint()
    try:
        if order.key_id is not None:
            _check_key(work, order, order.key_id)
        act = HANDLERS[type(order.command)].act
        if not _is_remembered(order):
            reply: Reply = act(work, order, order.command)
            return reply
        remembered = _remembered(work, order)
        if remembered is not None:
            return remembered
        reply = act(work, order, order.command)
        _remember(work, order, reply)
    except Exception as error:  # noqa: BLE001 - whatever it is, it must not take the neighbours in the batch down
        work.rollback(mark)
        return error
    return reply


def _check_key(work: Work, order: Order, key_id: str) -> None:
    """Refuse an order whose API key was revoked or ended since it was looked up. Raises ``Refusal``."""
    key = work.get(ApiKey, key_id)
    if key is None or key.tenant_id != order.tenant_id or not key.is_live(work.now):
        raise Refusal(ErrorCode.INVALID_API_KEY, "the API key is unknown, revoked or expired")


def _memory_key(order: Order) -> tuple[str, str, str]:
    return (order.tenant_id, type(order.command).__name__, order.idempotency_key or "")


def _remembered(work: Work, order: Order) -> Reply | None:
    """Return the answer that was given under this key. Raises ``Refusal`` when it stands for another request."""
    known: Remembered | None = work.one(Kind.REMEMBERED, _memory_key(order))
    if known is None or known.is_forgettable(work.now):
        return None
    if known.fingerprint != order.fingerprint:
        raise Refusal(
            ErrorCode.IDEMPOTENCY_KEY_REUSED,
            f"idempotency key {order.idempotency_key!r} stands for another {known.operation} request",
        )
    reply: Reply = _DECODERS[HANDLERS[type(order.command)].reply].decode(known.reply)
    # An answer about another budget is none of a confined caller's: the command says so in its own words.
    return reply if order.only_budget_id in {None, _home(reply) or order.only_budget_id} else None


def _home(reply: Any) -> str | None:  # noqa: ANN401 - any reply
    """Return the budget that a reply is about, if it is about one."""
    of_budget = next((found for name in ("event", "root", "token") if (found := getattr(reply, name, None))), None)
    budget = getattr(reply, "budget", None)
    return of_budget.budget_id if of_budget is not None else budget.id if budget is not None else None


def _remember(work: Work, order: Order, reply: Reply) -> None:
    kept = _without_secret(reply)
    tenant_id, operation, key = _memory_key(order)
    work.put(Remembered(tenant_id, operation, key, order.fingerprint, encode(kept), work.now))


def _without_secret(reply: Any) -> Any:  # noqa: ANN401 - any reply
    """Return the reply without a secret: what is shown once must not lie in the store to be shown again."""
    return reply if getattr(reply, "secret", None) is None else replace(reply, secret=None)
