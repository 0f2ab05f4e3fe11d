"""
Gathering: the reads that commands share, written as generators of loads.

A gatherer yields tuples of ``Load`` and finds the answers in the work when it is resumed. It decides nothing: what it
read may still be changed by a command earlier in the same batch, so everything is looked at again when its turn
comes.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable

from figuard.domain.budget import Budget
from figuard.domain.events import Event
from figuard.domain.limits import ENDED_HOLDS_MAX
from figuard.engine.work import Load, Work
from figuard.ports import Kind

Loads = Generator[tuple[Load, ...], None, None]


def together(gatherers: Iterable[Loads]) -> Loads:
    """Advance several gatherers side by side, so that reads of one kind are made in one go."""
    active = list(gatherers)
    while True:
        asked: list[tuple[Loads, tuple[Load, ...]]] = []
        for gatherer in active:
            loads = next(gatherer, None)
            if loads is not None:
                asked.append((gatherer, loads))
        if not asked:
            return
        yield tuple(load for _, loads in asked for load in loads)
        active = [gatherer for gatherer, _ in asked]


def budget(work: Work, budget_id: str) -> Loads:
    """Read a budget, its entitlement, and the holds that have ended, with everything those holds touch."""
    yield (Load(Kind.BUDGETS, (budget_id,)),)
    present = work.get(Budget, budget_id)
    if present is None:
        return
    identity = present.identity
    if identity.item_id is not None and identity.subscription_id is not None:
        yield (Load(Kind.ITEMS, (identity.item_id,)), Load(Kind.SUBSCRIPTIONS, (identity.subscription_id,)))
    now = work.now_of(present)
    soonest = present.counters.next_expiry
    if soonest is not None and soonest <= now:
        due = (budget_id, now, ENDED_HOLDS_MAX)
        yield (Load(Kind.DUE_HOLDS, (due,)), Load(Kind.NEXT_EXPIRY, ((budget_id, now),)))
        yield from companions(work, work.many(Kind.DUE_HOLDS, due))


def companions(work: Work, events: Iterable[Event]) -> Loads:
    """Read what steps of these events can move besides the budget: capped tokens, entitlements, roots."""
    tokens: set[str] = set()
    items: set[str] = set()
    roots: set[str] = set()
    for event in events:
        tokens.update(ref.token_id for ref in event.place.caps)
        if event.place.item_id is not None:
            items.add(event.place.item_id)
        if event.place.root_id is not None and event.place.root_id != event.id:
            roots.add(event.place.root_id)
    loads = tuple(
        Load(kind, tuple(sorted(keys)))
        for kind, keys in ((Kind.ITEMS, items), (Kind.TOKENS, tokens), (Kind.EVENTS, roots))
        if keys
    )
    if loads:
        yield loads


def event(work: Work, event_id: str) -> Loads:
    """Read an event with its budget and everything a step of it can move."""
    if work.alone:
        yield (Load(Kind.EVENTS, (event_id,)),)
        present = work.get(Event, event_id)
        if present is None:
            return
        yield from budget(work, present.budget_id)
    else:
        # Where others write too, the event must be younger than the lock on its budget.
        yield (Load(Kind.EVENT_HOMES, (event_id,)),)
        home = work.one(Kind.EVENT_HOMES, event_id)
        if home is None:
            return
        yield from budget(work, home[0])
        yield (Load(Kind.EVENTS, (event_id,)),)
        present = work.get(Event, event_id)
    if present is not None:
        yield from companions(work, (present,))
