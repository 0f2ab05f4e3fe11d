"""
Gathering: the reads that commands share, written as generators of loads.

A gatherer yields tuples of ``Load`` and finds the answers in the work when it is resumed. It decides nothing: what it
read may still be changed by a command earlier in the same batch, so everything is looked at again when its turn
comes. Those of the commands that come in crowds gather for many at once, so that a batch costs one walk per step and
not one per order.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence

from figuard.domain.budget import Budget
from figuard.domain.events import Event
from figuard.domain.instants import Instant
from figuard.domain.limits import ENDED_HOLDS_MAX
from figuard.engine.work import Wanted, Work
from figuard.ports import Kind

# Looked up once: to ask the class of an Enum for a member costs as much as three calls.
_BUDGETS, _ITEMS, _SUBSCRIPTIONS = Kind.BUDGETS, Kind.ITEMS, Kind.SUBSCRIPTIONS
_TOKENS, _EVENTS, _EVENT_HOMES = Kind.TOKENS, Kind.EVENTS, Kind.EVENT_HOMES

Loads = Generator[Iterable[Wanted], None, None]


def loads_of(*wanted: tuple[Kind, Iterable[str]]) -> list[Wanted]:
    """Return a load for each kind of which something is wanted; ids are read in their order."""
    return [(kind, sorted(keys)) for kind, keys in wanted if keys]


def budgets(work: Work, budget_ids: Sequence[str]) -> Loads:
    """Read budgets, their entitlements, and the holds that have ended, with everything those holds touch."""
    if not budget_ids:
        return
    yield ((_BUDGETS, budget_ids),)
    items: set[str] = set()
    subscriptions: set[str] = set()
    due: list[tuple[str, Instant, int]] = []
    for budget_id in budget_ids:
        present = work.get(Budget, budget_id)
        if present is None:
            continue
        identity, soonest = present.identity, present.counters.next_expiry
        if identity.item_id is not None and identity.subscription_id is not None:
            items.add(identity.item_id)
            subscriptions.add(identity.subscription_id)
        if soonest is not None and soonest <= (now := work.now_of(present)):
            due.append((budget_id, now, ENDED_HOLDS_MAX))
    if items:
        yield loads_of((_ITEMS, items), (_SUBSCRIPTIONS, subscriptions))
    if due:
        following = [(budget_id, now) for budget_id, now, _ in due]
        yield ((Kind.DUE_HOLDS, due), (Kind.NEXT_EXPIRY, following))
        yield from companions(work, [event for key in due for event in work.many(Kind.DUE_HOLDS, key)])


def companions(work: Work, events: Iterable[Event]) -> Loads:
    """Read what steps of these events can move besides the budget: capped tokens, entitlements, roots."""
    tokens: set[str] = set()
    items: set[str] = set()
    roots: set[str] = set()
    for event in events:
        place = event.place
        if place.caps:
            tokens.update(ref.token_id for ref in place.caps)
        if place.item_id is not None:
            items.add(place.item_id)
        if place.root_id is not None and place.root_id != event.id:
            roots.add(place.root_id)
    if tokens or items or roots:
        yield loads_of((_ITEMS, items), (_TOKENS, tokens), (_EVENTS, roots))


def events(work: Work, event_ids: Sequence[str]) -> Loads:
    """Read events with their budgets and everything that steps of them can move."""
    homes: dict[str, None] = {}
    if work.alone:
        yield ((_EVENTS, event_ids),)
        for event in work.known(Event, event_ids):
            homes[event.budget_id] = None
        yield from budgets(work, list(homes))
    else:
        # Where others write too, an event must be younger than the lock on its budget.
        yield ((_EVENT_HOMES, event_ids),)
        present: list[str] = []
        for event_id in event_ids:
            home = work.one(_EVENT_HOMES, event_id)
            if home is not None:
                present.append(event_id)
                homes[home[0]] = None
        yield from budgets(work, list(homes))
        yield ((_EVENTS, present),)
    yield from companions(work, work.known(Event, event_ids))
