"""
Replay: a budget's state, computed from its entries and from nothing else.

``Account`` is the one mutable thing of the core: a fold over very many entries would otherwise copy its tables at
each. It uses the same ``applied_event`` and ``changed`` as production, so what it arrives at is what must be stored.
"""

from __future__ import annotations

from dataclasses import dataclass

from figuard.domain.books import FAVOURABLE, Entry, EntryKind, applied_event, changed, opened
from figuard.domain.budget import Budget, Head, status_at
from figuard.domain.events import Decision, Event
from figuard.domain.instants import Instant
from figuard.domain.levels import Touched
from figuard.domain.tokens import Token
from figuard.domain.valueclass import replace
from figuard.domain.views import AllocationState, BudgetState, ReplayStep, ReplaySummary


class BrokenBook(ValueError):
    """An entry does not follow from the ones before it."""


class Account:
    """A budget with its events and tokens, as far as its entries were applied."""

    def __init__(self) -> None:
        """Start before the first entry."""
        self.budget: Budget | None = None
        self.events: dict[str, Event] = {}
        self.tokens: dict[str, Token] = {}
        self.last: Event | None = None

    def apply(self, entry: Entry, entry_hash: str = "") -> None:
        """Apply the next entry. Raises ``BrokenBook`` for one that names what does not exist."""
        self.last = None
        if entry.opening is not None:
            self.budget = opened(entry.opening)
        budget = self.present
        if entry.event is not None:
            self.step(None, entry.event, entry.kind)
        elif entry.change is not None:
            before = self.events.get(entry.change.id)
            if before is None:
                msg = f"entry {entry.seq} changes event {entry.change.id}, which was never opened"
                raise BrokenBook(msg)
            change = entry.change
            after = before.stepped(change.decision, change.standing, change.outcome, entry.at)
            self.step(before, after, entry.kind)
        else:
            if entry.budget is not None:
                budget = changed(budget, entry.budget)
            if entry.token is not None:
                self._token(entry.token)
            revision = budget.counters.revision + (1 if entry.kind in FAVOURABLE else 0)
            self.budget = replace(budget, counters=replace(budget.counters, revision=revision))
        self.budget = replace(self.present, head=Head(entry.seq, entry_hash, entry.at))

    @property
    def present(self) -> Budget:
        """The budget. Raises ``BrokenBook`` before it was created."""
        if self.budget is None:
            msg = "the book does not begin with the creation of its budget"
            raise BrokenBook(msg)
        return self.budget

    def touched(self, event: Event) -> Touched:
        """Return what a step of *event* moves; its entitlement lives in another book."""
        place = event.place
        try:
            tokens = tuple(self.tokens[ref.token_id] for ref in place.caps)
            root = self.events[place.root_id] if place.root_id and place.root_id != event.id else None
        except KeyError as missing:
            msg = f"event {event.id} refers to {missing}, which was never recorded"
            raise BrokenBook(msg) from None
        return Touched(self.present, tokens, None, root)

    def step(self, before: Event | None, after: Event, kind: EntryKind) -> Event:
        """Move everything that one step of an event moves; return the event as it is then."""
        touched = self.touched(after)
        moved, event = applied_event(touched, before, after, kind)
        self.budget = moved.budget
        self.events[event.id] = event
        self.last = event
        for token in moved.tokens:
            self.tokens[token.id] = token
        if moved.root is not None:
            self.events[moved.root.id] = moved.root
        return event

    def _token(self, token: Token) -> None:
        present = self.tokens.get(token.id)
        self.tokens[token.id] = replace(token, caps=present.caps) if present else token

    def state(self, at: Instant) -> BudgetState:
        """Return the budget's figures as a view, as of *at*."""
        return state_of(self.present, at)


def state_of(budget: Budget, at: Instant) -> BudgetState:
    """Return a budget's figures as a view, as of *at*."""
    return BudgetState(
        at=at,
        limit=budget.funds.limit,
        balance=budget.funds.balance,
        status=status_at(budget, at),
        allocations=tuple(
            AllocationState(a.category, a.limit, a.balance, a.mode.value) for a in budget.funds.allocations
        ),
    )


@dataclass(slots=True)
class Recorder:
    """Collects the steps of one window while an account is folded."""

    since: Instant
    until: Instant
    include_denied: bool
    include_states: bool
    steps: list[ReplayStep]
    counts: dict[str, int]
    agents: set[str]
    initial: BudgetState | None = None
    peak: int = 0
    peak_at: Instant | None = None

    @staticmethod
    def of(since: Instant, until: Instant, *, include_denied: bool, include_states: bool) -> Recorder:
        """Return an empty recorder for the window from *since* to *until*, both included."""
        return Recorder(since, until, include_denied, include_states, [], {}, set())

    def before(self, account: Account, entry: Entry) -> None:
        """Look at the account before an entry: the first of the window fixes the initial state."""
        if entry.at >= self.since and self.initial is None and account.budget is not None:
            self.initial = account.state(self.since)

    def after(self, account: Account, entry: Entry) -> None:
        """Look at the account after an entry, and keep the step when it is one of an event in the window."""
        if entry.at < self.since or account.last is None:
            return
        event = account.last
        self.counts[entry.kind] = self.counts.get(entry.kind, 0) + 1
        if entry.kind is EntryKind.EXTERNAL_RECORDED:
            self.counts[EntryKind.CONFIRMED] = self.counts.get(EntryKind.CONFIRMED, 0) + 1
        self.agents.add(event.spend.agent_id)
        reserved = account.present.funds.balance.reserved
        if reserved > self.peak:
            self.peak, self.peak_at = reserved, entry.at
        if event.decision is Decision.DENIED and not self.include_denied:
            return
        previous = self.steps[-1].at if self.steps else entry.at
        self.steps.append(
            ReplayStep(
                index=len(self.steps),
                kind=entry.kind,
                at=entry.at,
                event=event,
                after=account.state(entry.at) if self.include_states else None,
                millis_since_previous=(entry.at - previous) // 1000,
            )
        )

    def summary(self) -> ReplaySummary:
        """Return the counts of the window."""
        count = self.counts.get
        return ReplaySummary(
            events=len(self.steps),
            authorized=count(EntryKind.AUTHORIZED, 0),
            denied=count(EntryKind.DENIED, 0),
            confirmed=count(EntryKind.CONFIRMED, 0),
            failed=count(EntryKind.FAILED, 0),
            voided=count(EntryKind.VOIDED, 0),
            agents=len(self.agents),
            peak_reserved=self.peak,
            peak_at=self.peak_at,
        )
