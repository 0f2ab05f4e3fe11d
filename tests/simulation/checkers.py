"""
The checkers: what must be true of a world's books afterwards, whatever befell it.

They judge the ledger, by sums of their own over what each entry says of its event; what the entries and the store
say of balances is checked against that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from figuard.domain import questions as q
from figuard.domain.amounts import quanta
from figuard.domain.books import Entry, EntryKind
from figuard.domain.budget import OveragePolicy, Policy
from figuard.domain.events import Event, Standing
from figuard.engine.seal import unseal
from figuard.ports import GetRecords, Kind, ReadEntries, TreeEvents
from tests.builders import World
from tests.simulation.agents import Agent

ENTRIES_MAX = 100_000


@dataclass
class Story:
    """What the entries of one book say, followed from the first on."""

    limit: int = 0
    policy: Policy = field(default_factory=Policy)
    events: dict[str, Event] = field(default_factory=dict)
    standings: dict[str, Standing] = field(default_factory=dict)
    confirmed: set[tuple[str, int]] = field(default_factory=set)
    weighed: set[str] = field(default_factory=set)
    used: dict[tuple[str, str], int] = field(default_factory=dict)
    limits: dict[tuple[str, str], int] = field(default_factory=dict)

    def tell(self, entry: Entry) -> str | None:
        """Follow one entry; return what is wrong with it."""
        if entry.opening is not None:
            self.limit, self.policy = entry.opening.limit, entry.opening.policy
            self.limits.update({("share", a.id): a.limit for a in entry.opening.allocations})
        if entry.token is not None:
            self.limits.update({(entry.token.id, cap.category): cap.limit for cap in entry.token.caps})
        if entry.budget is not None and entry.budget.limit is not None:
            self.limit = entry.budget.limit
        event = entry.event or (self.events[entry.change.id] if entry.change else None)
        if event is None:
            return None
        standing = entry.event.standing if entry.event else entry.change.standing
        moved = self._weigh(event, standing)
        if entry.kind is EntryKind.CONFIRMED:
            self.confirmed.add((event.id, standing.confirmed or 0))
        return self._over(entry, event, moved)

    def _weigh(self, event: Event, standing: Standing) -> int:
        before = self.standings.get(event.id, Standing())
        moved = standing.held + standing.booked - before.held - before.booked
        self.events[event.id], self.standings[event.id] = event, standing
        if standing.held or standing.booked:
            self.weighed.add(event.id)
        for level in self._levels(event):
            self.used[level] = self.used.get(level, 0) + moved
        return moved

    @staticmethod
    def _levels(event: Event) -> Iterator[tuple[str, str]]:
        yield ("budget", "")
        if event.place.allocation_id is not None:
            yield ("share", event.place.allocation_id)
        yield from ((ref.token_id, ref.category) for ref in event.place.caps)

    def _over(self, entry: Entry, event: Event, moved: int) -> str | None:
        """Return which limit an entry breaks, unless money had moved already and the books only say so."""
        outcome = entry.change.outcome if entry.change else entry.event.outcome if entry.event else None
        is_excused = (
            entry.kind is EntryKind.EXTERNAL_RECORDED
            or (outcome is not None and outcome.money_moved)
            or (entry.kind is EntryKind.CONFIRMED and entry.actor == "clock")
        )
        if moved <= 0 or is_excused:
            return None
        for level in self._levels(event):
            limit = self.limits.get(level, self.limit)
            if level[0] == "budget" and entry.kind is EntryKind.CONFIRMED:
                limit += self.policy.overdraft_limit * (self.policy.overage is OveragePolicy.ALLOW_WITH_OVERDRAFT)
            if self.used[level] > limit:
                return f"entry {entry.seq} ({entry.kind}) takes {level} to {self.used[level]} of {limit}"
        return None


def entries_of(world: World, book_id: str) -> list[Entry]:
    """Return every entry of a book, read from the bytes that were sealed."""
    return [unseal(stored.body) for stored in world.store.query(ReadEntries(book_id, limit=ENTRIES_MAX))]


def story_of(world: World, book_id: str) -> tuple[Story, list[str]]:
    """Return what a book says, and where it says that a limit was broken."""
    story = Story()
    problems = [story.tell(entry) for entry in entries_of(world, book_id)]
    return story, [problem for problem in problems if problem is not None]


def money_once_per_key(story: Story) -> list[str]:
    """One event with money per key, and per task that an agent had."""
    wrong = []
    for name, word in ((lambda e: e.spend.key, "key"), (lambda e: e.spend.trace_id, "task")):
        wrong += [f"{word} {key!r} moved money in {ids}" for key, ids in _grouped(story, name).items() if len(ids) > 1]
    return wrong


def _grouped(story: Story, name: Callable[[Event], str | None]) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for event_id in sorted(story.weighed):
        if (key := name(story.events[event_id])) is not None:
            groups.setdefault(key, []).append(event_id)
    return groups


def what_agents_saw(agents: list[Agent], stories: list[Story]) -> list[str]:
    """Every answer that an agent saw is in the ledger."""
    events = {event_id: event for story in stories for event_id, event in story.events.items()}
    confirmed = {fact for story in stories for fact in story.confirmed}
    wrong = []
    for agent in agents:
        for event_id, decision, amount in agent.told:
            if event_id not in events:
                wrong.append(f"{agent.name} was told {decision} of event {event_id}, which is in no entry")
            elif amount is not None and (event_id, quanta(amount)) not in confirmed:
                wrong.append(f"{agent.name} was told that event {event_id} is confirmed at {amount}; no entry says so")
            elif amount is None and events[event_id].first_decision != decision:
                wrong.append(f"{agent.name} was told {decision} of {event_id}: {events[event_id].first_decision}")
    return wrong


def no_hold_survives(world: World, book_id: str) -> list[str]:
    """After every expiry and a sweep only what is of unknown outcome still holds anything."""
    events: tuple[Event, ...] = world.store.query(TreeEvents(book_id))
    return [
        f"event {event.id} holds {event.standing.held} after its hold ended at {event.standing.hold_expires_at}"
        for event in events
        if event.standing.held and not event.outcome.unknown
    ]


def sums_add_up(world: World, book_id: str) -> list[str]:
    """The spend tree adds up: all nodes to the budget, and each chain to what its root says of it."""
    budget = world.store.query(GetRecords(Kind.BUDGETS, (book_id,)))[book_id]
    events = {event.id: event for event in world.store.query(TreeEvents(book_id))}
    booked = sum(event.standing.booked for event in events.values())
    held = sum(event.standing.held for event in events.values())
    wrong = []
    if (booked, held) != (budget.funds.balance.spent, budget.funds.balance.reserved):
        wrong.append(f"the tree has {booked} spent and {held} held, the budget says {budget.funds.balance}")
    for event in events.values():
        parent = events.get(event.place.parent_id or event.id)
        if parent is None or parent.place.root_id != event.place.root_id:
            wrong.append(f"event {event.id} is not in its parent's chain")
        if event.spend.max_subtree is not None:
            chain = [e.standing for e in events.values() if e.place.root_id == event.id]
            sums = (sum(s.booked for s in chain), sum(s.held for s in chain))
            if sums != (event.standing.subtree.spent, event.standing.subtree.reserved):
                wrong.append(f"chain {event.id} adds up to {sums}, its root says {event.standing.subtree}")
    return wrong


def verified(world: World, book_id: str) -> list[str]:
    """The book verifies."""
    return [f"{finding.what}: {finding.detail}" for finding in world.ask(q.VerifyBook(book_id)).findings]
