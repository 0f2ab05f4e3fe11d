"""
The judge: reads the entries of a database, and believes no reply.

What callers were told is held against the entries afterwards: an answer that was given and is in no entry is a lost
one. Sums are the checkers' own, entry by entry.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from figuard.domain.amounts import quanta
from figuard.domain.books import EntryKind
from figuard.stores import open_store
from tests.builders import World
from tests.load.places import Place
from tests.simulation.checkers import Story, entries_of, money_once_per_key, story_of


@dataclass
class Told:
    """What the callers of one run were told, as they were told it."""

    authorized: list[tuple[str, str, str]] = field(default_factory=list)
    """Key, event and decision."""
    settled: list[tuple[str, str, Decimal | None]] = field(default_factory=list)
    """Event, what became of it, and the amount that was confirmed."""
    funded: list[tuple[str, str, int]] = field(default_factory=list)
    """Budget, operation and amount."""

    def counts(self) -> Counter[str]:
        """Return how many answers of each kind there were."""
        return Counter([*(row[2] for row in self.authorized), *(row[1] for row in (*self.settled, *self.funded))])


_SETTLED = {"CONFIRMED": EntryKind.CONFIRMED, "FAILED": EntryKind.FAILED, "VOIDED": EntryKind.VOIDED}


class Judge:
    """Some books of a place, as they are in the database."""

    def __init__(self, place: Place, *budget_ids: str) -> None:
        """Read the books."""
        store = open_store(place.database)
        world = World(store)
        try:
            read = {budget_id: story_of(world, budget_id) for budget_id in budget_ids}
            self.entries = {budget_id: entries_of(world, budget_id) for budget_id in budget_ids}
        finally:
            world.engine.close()
        self.stories: dict[str, Story] = {budget_id: story for budget_id, (story, _) in read.items()}
        self.over = [f"{budget_id}: {line}" for budget_id, (_, over) in read.items() for line in over]

    def events(self) -> dict[str, Any]:
        """Return every event that an entry tells of."""
        return {event_id: event for story in self.stories.values() for event_id, event in story.events.items()}

    def decisions(self) -> Counter[str]:
        """Return how the events were decided."""
        return Counter(event.first_decision.value for event in self.events().values())

    def findings(self, told: Told | None = None) -> list[str]:
        """Return everything that is wrong: limits broken, keys that moved money twice, answers that are lost."""
        wrong = list(self.over)
        for story in self.stories.values():
            wrong += money_once_per_key(story)
        return wrong if told is None else [*wrong, *self._lost(told)]

    def _lost(self, told: Told) -> list[str]:
        events = self.events()
        wrong = []
        for key, event_id, decision in told.authorized:
            event = events.get(event_id)
            if event is None or (event.spend.key, event.first_decision.value) != (key, decision):
                wrong.append(f"lost: {decision} of {key} as event {event_id}; the books have {event}")
        settlements = self._settlements()
        for event_id, decision, amount in told.settled:
            booked = None if amount is None else quanta(amount)
            if (event_id, _SETTLED[decision], booked) not in settlements:
                wrong.append(f"lost: {decision} of {event_id} at {amount}")
        return [*wrong, *self._misfunded(told)]

    def _settlements(self) -> set[tuple[str, EntryKind, int | None]]:
        changes = [(entry.kind, entry.change) for book in self.entries.values() for entry in book if entry.change]
        return {
            (change.id, kind, change.standing.confirmed if kind is EntryKind.CONFIRMED else None)
            for kind, change in changes
        }

    def _misfunded(self, told: Told) -> list[str]:
        """Every funding that was acknowledged moved the limit once, and nothing else did."""
        wrong = []
        for budget_id, story in self.stories.items():
            opening = next(entry.opening for entry in self.entries[budget_id] if entry.opening is not None)
            told_of = [(operation, quanta(amount)) for of, operation, amount in told.funded if of == budget_id]
            moved = sum(amount if operation == "CREDIT" else -amount for operation, amount in told_of)
            if story.limit != opening.limit + moved:
                wrong.append(f"{budget_id}: limit {story.limit}, opened at {opening.limit} and told of {moved} since")
        return wrong
