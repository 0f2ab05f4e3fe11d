"""
A batch: several orders decided in one transaction, in the order they arrived.

``run`` is a generator without a colour: it yields what to read and, once, what to write; a driver answers it from a
blocking or an awaited transaction. First every order gathers, side by side, so that reads of one kind are made in one
go; then each acts at its turn on the state as its predecessors left it. An order that is refused is undone alone.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from figuard.domain.admin import ApiKey, Remembered
from figuard.domain.codes import ErrorCode
from figuard.domain.commands import Authorize, AuthorizeAll, Confirm, Fail, MarkUnknown, Order, Void
from figuard.domain.refusal import Refusal
from figuard.domain.replies import Reply
from figuard.domain.valueclass import replace
from figuard.engine.gather import Loads
from figuard.engine.handlers import HANDLERS, Handler
from figuard.engine.work import Load, Work
from figuard.ports import Changes, Kind

Outcome = Reply | Exception
"""What an order came to: its reply, a ``Refusal``, or a defect of ours."""

_ENCODER = msgspec.json.Encoder(decimal_format="number")
_DECODERS: Mapping[type, msgspec.json.Decoder[Any]] = {
    handler.reply: msgspec.json.Decoder(handler.reply) for handler in HANDLERS.values()
}
# An authorization keeps its key itself; the others say what an event shall become, which a repeat finds it to be.
_KEYED_BY_EVENT = (Authorize, AuthorizeAll, Confirm, Fail, Void, MarkUnknown)


class Read(NamedTuple):
    """Ask the transaction for what *kind* answers for each key."""

    kind: Kind
    keys: Sequence[Any]


class ReadMany(NamedTuple):
    """Ask for several kinds at once, of which none locks; answered by what each answers, in their order."""

    reads: Sequence[Read]


class Write(NamedTuple):
    """Hand the transaction everything to write."""

    changes: Changes


Steps = Generator[Read | ReadMany | Write, Any, list[Outcome]]
"""What to read and to write; a read is answered by a mapping, several at once by a list of them."""
_Reading = Generator[Read | ReadMany, Any, None]
_LAST_PHASE = max(kind.phase for kind in Kind)


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
    telling = work.telling
    if telling:
        answers = yield Read(Kind.TENANT_WEBHOOKS, telling)
        work.take(Kind.TENANT_WEBHOOKS, telling, answers or {})
    changes = work.changes(encode)
    if changes:
        yield Write(changes)
    return [outcome for outcome in outcomes if outcome is not None]


def _gather(work: Work, orders: Sequence[Order], outcomes: list[Outcome | None]) -> _Reading:
    """Advance all gatherers; reads of the lowest phase that anyone waits for are made first, one per kind."""
    if len(orders) == 1 and orders[0].key_id is None and not _is_remembered(orders[0]):
        yield from _gather_one(work, orders[0], outcomes)
        return
    waiting: list[tuple[int, Loads, list[Load]]] = []
    for index, order in enumerate(orders):
        gatherer = _handler(order).gather(work, order, order.command)
        if (loads := _advance(gatherer, index, outcomes)) is not None:
            waiting.append((index, gatherer, loads))
        if admission := _admission(order):
            # Beside the others of their phase, which is the last: they cost no round trip of their own.
            waiting.append((index, _nothing_more(), admission))
    while waiting:
        yield from _read(work, [load for _, _, loads in waiting for load in loads])
        still: list[tuple[int, Loads, list[Load]]] = []
        for index, gatherer, loads in waiting:
            left: list[Load] | None = [load for load in loads if work.wants(load)]
            if not left:
                left = _advance(gatherer, index, outcomes)
            if left is not None:
                still.append((index, gatherer, left))
        waiting = still


def _gather_one(work: Work, order: Order, outcomes: list[Outcome | None]) -> _Reading:
    """Do the same for a lone order, which has nobody to wait for."""
    try:
        for loads in _handler(order).gather(work, order, order.command):
            for load in loads if len(loads) == 1 else sorted(loads, key=_phase):
                if keys := work.wants(load):
                    answers = yield Read(load.kind, keys)
                    work.take(load.kind, keys, answers or {})
    except Refusal as refusal:
        outcomes[0] = refusal


def _phase(load: Load) -> int:
    return load.kind.phase


def _nothing_more() -> Loads:
    yield from ()


def _admission(order: Order) -> list[Load]:
    """Return the reads of what lets the order in, or answers it already."""
    loads: list[Load] = []
    if _is_remembered(order):
        loads.append(Load(Kind.REMEMBERED, (_memory_key(order),)))
    if order.key_id is not None:
        loads.append(Load(Kind.CALLERS, (order.key_id,)))
    return loads


def _is_remembered(order: Order) -> bool:
    return order.idempotency_key is not None and not isinstance(order.command, _KEYED_BY_EVENT)


def _advance(gatherer: Loads, index: int, outcomes: list[Outcome | None]) -> list[Load] | None:
    """Return what the gatherer asks for next, or None when it has everything or was refused."""
    try:
        loads = next(gatherer, None)
    except Refusal as refusal:
        outcomes[index] = refusal
        return None
    return None if loads is None else list(loads)


def _read(work: Work, loads: list[Load]) -> _Reading:
    wanted: dict[Kind, dict[Any, None]] = {}
    for load in loads:
        keys = work.wants(load)
        if keys:
            wanted.setdefault(load.kind, {}).update(dict.fromkeys(keys))
    if not wanted:
        return
    first = min(kind.phase for kind in wanted)
    reads = [Read(kind, list(wanted[kind])) for kind in sorted(wanted, key=_ordinal) if kind.phase == first]
    if first == _LAST_PHASE and len(reads) > 1:
        for read, answers in zip(reads, (yield ReadMany(reads)), strict=True):
            work.take(read.kind, read.keys, answers)
        return
    for read in reads:
        answers = yield read
        work.take(read.kind, read.keys, answers or {})


def _ordinal(kind: Kind) -> int:
    ordinal: int = kind.value[0]
    return ordinal


def _handler(order: Order) -> Handler:
    return HANDLERS[type(order.command)]


def _act(work: Work, order: Order) -> Outcome:
    mark = work.savepoint()
    try:
        _check_key(work, order)
        remembered = _remembered(work, order)
        if remembered is not None:
            return remembered
        reply: Reply = _handler(order).act(work, order, order.command)
        _remember(work, order, reply)
    except Exception as error:  # noqa: BLE001 - whatever it is, it must not take the neighbours in the batch down
        work.rollback(mark)
        return error
    return reply


def _check_key(work: Work, order: Order) -> None:
    """Refuse an order whose API key was revoked or ended since it was looked up. Raises ``Refusal``."""
    if order.key_id is None:
        return
    key = work.get(ApiKey, order.key_id)
    if key is None or key.tenant_id != order.tenant_id or not key.is_live(work.now):
        raise Refusal(ErrorCode.INVALID_API_KEY, "the API key is unknown, revoked or expired")


def _memory_key(order: Order) -> tuple[str, str, str]:
    return (order.tenant_id, type(order.command).__name__, order.idempotency_key or "")


def _remembered(work: Work, order: Order) -> Reply | None:
    """Return the answer that was given under this key. Raises ``Refusal`` when it stands for another request."""
    if not _is_remembered(order):
        return None
    known: Remembered | None = work.one(Kind.REMEMBERED, _memory_key(order))
    if known is None or known.is_forgettable(work.now):
        return None
    if known.fingerprint != order.fingerprint:
        raise Refusal(
            ErrorCode.IDEMPOTENCY_KEY_REUSED,
            f"idempotency key {order.idempotency_key!r} stands for another {known.operation} request",
        )
    reply: Reply = _DECODERS[_handler(order).reply].decode(known.reply)
    # An answer about another budget is none of a confined caller's: the command says so in its own words.
    return reply if order.only_budget_id in {None, _home(reply) or order.only_budget_id} else None


def _home(reply: Any) -> str | None:  # noqa: ANN401 - any reply
    """Return the budget that a reply is about, if it is about one."""
    of_budget = next((found for name in ("event", "root", "token") if (found := getattr(reply, name, None))), None)
    budget = getattr(reply, "budget", None)
    return of_budget.budget_id if of_budget is not None else budget.id if budget is not None else None


def _remember(work: Work, order: Order, reply: Reply) -> None:
    if not _is_remembered(order):
        return
    kept = _without_secret(reply)
    tenant_id, operation, key = _memory_key(order)
    work.put(Remembered(tenant_id, operation, key, order.fingerprint, encode(kept), work.now))


def _without_secret(reply: Any) -> Any:  # noqa: ANN401 - any reply
    """Return the reply without a secret: what is shown once must not lie in the store to be shown again."""
    return reply if getattr(reply, "secret", None) is None else replace(reply, secret=None)
