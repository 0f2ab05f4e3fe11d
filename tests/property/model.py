"""
The naive model: what a budget should do, written apart from the engine, as plainly as it can be said.

It keeps a log and the events as facts, and nothing that could drift: every balance is a sum over the events, every
velocity window a count over a list. It knows no levels, no deltas, no counters and no ring of buckets. It must not
import the rules it is a judge of (``test_model_is_apart`` sees to that).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from tests.property.facts import (
    LIVE,
    SECOND,
    WINDOWS,
    Answer,
    Ask,
    Budget,
    Event,
    Line,
    Refused,
    Rules,
    Token,
)
from tests.property.order import verdicts

GRACE_SECONDS = 60
VOID_SECONDS_MIN = 300
TIMEOUT = "CONFIRMATION_TIMEOUT"
HELPFUL = frozenset(
    "FAILED VOIDED REFUNDED HOLD_EXPIRED BUDGET_UPDATED BUDGET_FUNDED BUDGET_RESUMED BUDGET_CANCELLED "
    "BUDGET_EXTENDED TOKEN_ISSUED TOKEN_ROTATED TOKEN_REVOKED".split()
)


@dataclass
class Model:
    """All budgets, events and tokens as facts. ``clock`` is the wall; a book never runs backwards."""

    clock: int
    budgets: dict[str, Budget] = field(default_factory=dict)
    events: dict[str, Event] = field(default_factory=dict)
    tokens: dict[str, Token] = field(default_factory=dict)
    log: list[Line] = field(default_factory=list)

    # -- doing something, or nothing -------------------------------------------------------------------------------

    def attempt(self, action: Callable[[], object]) -> str | None:
        """Do *action* and return None; when it is refused, undo all of it and return the code."""
        kept = dict(self.budgets), dict(self.events), dict(self.tokens), list(self.log)
        try:
            action()
        except Refused as refused:
            self.budgets, self.events, self.tokens, self.log = kept
            return refused.code
        return None

    def now(self, budget_id: str) -> int:
        """Return the time of the budget's next line."""
        return max([self.clock, *(line.at for line in self.log if line.budget_id == budget_id)])

    def write(self, budget_id: str, kind: str, event_id: str | None = None, *, helps: bool = False) -> None:
        """Append a line; after one that helps, a denial may be decided afresh."""
        self.log.append(Line(budget_id, self.now(budget_id), kind, event_id, helps or kind in HELPFUL))

    def step(self, event: Event, kind: str, *, helps: bool = False) -> None:
        """Put *event* in the place of what it was, and write that down."""
        before = self.events.get(event.id)
        freed = before is not None and event.weight < before.weight
        self.events[event.id] = event
        self.write(event.budget_id, kind, event.id, helps=helps or freed)

    def of(self, budget_id: str) -> Iterator[Event]:
        """Yield the events of a budget, oldest first."""
        return (event for event in self.events.values() if event.budget_id == budget_id)

    # -- sums ------------------------------------------------------------------------------------------------------

    def spent(self, budget: Budget, *, shadow: bool, allocation: str | None = None) -> int:
        """Return what is spent since the last reset, in all or in one allocation."""
        return sum(
            e.booked
            for e in self.of(budget.id)
            if e.shadow is shadow and e.epoch == budget.epoch and allocation in {None, e.allocation}
        )

    def reserved(self, budget: Budget, *, shadow: bool, allocation: str | None = None) -> int:
        """Return what is held now, in all or in one allocation."""
        return sum(e.held for e in self.of(budget.id) if e.shadow is shadow and allocation in {None, e.allocation})

    def left(self, budget: Budget, *, shadow: bool, allocation: str | None = None) -> int:
        """Return what is left; a shadow question counts real and shadow use."""
        limit = budget.limit if allocation is None else budget.allocations[allocation].limit
        sides = (False, True) if shadow else (False,)
        return limit - sum(
            self.spent(budget, shadow=side, allocation=allocation)
            + self.reserved(budget, shadow=side, allocation=allocation)
            for side in sides
        )

    def cap_use(self, token_id: str, category: str, *, shadow: bool) -> tuple[int, int]:
        """Return what was booked and is held under one cap."""
        found = [e for e in self.events.values() if (token_id, category) in e.caps and e.shadow is shadow]
        return sum(e.booked for e in found), sum(e.held for e in found)

    def cap_left(self, token_id: str, category: str, *, shadow: bool) -> int:
        """Return what is left under one cap."""
        used = sum(self.cap_use(token_id, category, shadow=False))
        if shadow:
            used += sum(self.cap_use(token_id, category, shadow=True))
        return self.tokens[token_id].caps[category] - used

    def chain_use(self, root_id: str, *, shadow: bool) -> tuple[int, int]:
        """Return what a whole causal chain booked and holds."""
        found = [e for e in self.events.values() if e.root == root_id and e.shadow is shadow]
        return sum(e.booked for e in found), sum(e.held for e in found)

    def chain_left(self, root_id: str, cap: int, *, shadow: bool) -> int:
        """Return what is left under the cap of a chain."""
        used = sum(self.chain_use(root_id, shadow=False))
        return cap - used - (sum(self.chain_use(root_id, shadow=True)) if shadow else 0)

    def lacks(self, event: Event, need: int, overdraft: int = 0) -> bool:
        """Return whether *need* more does not fit somewhere the event counts."""
        if need <= 0:
            return False
        budget = self.budgets[event.budget_id]
        if any(self.cap_left(token, category, shadow=False) < need for token, category in event.caps):
            return True
        if event.allocation and self.left(budget, shadow=False, allocation=event.allocation) < need:
            return True
        cap = self.events[event.root].ask.subtree if event.root else None
        if event.root and cap is not None and self.chain_left(event.root, cap, shadow=False) < need:
            return True
        return self.left(budget, shadow=False) + overdraft < need

    # -- time ------------------------------------------------------------------------------------------------------

    def pass_time(self, budget_id: str) -> None:
        """End every hold whose time is over."""
        now = self.now(budget_id)
        due = [e for e in self.of(budget_id) if e.state == "AUTHORIZED" and e.ends is not None and e.ends <= now]
        for event in sorted(due, key=lambda e: (e.ends, e.id)):
            policy = self.budgets[budget_id].rules.unknown
            if not event.unknown:
                self.step(replace(event, holding=False, ends=None, released=True), "HOLD_EXPIRED")
            elif policy == "CONFIRM":
                self._book(event, event.ask.quantity)
            else:
                self.step(
                    replace(event, state="VOIDED", unknown=False, said="UNKNOWN_OUTCOME_DEADLINE").ended(), "VOIDED"
                )

    def sweep(self, budget_id: str) -> None:
        """End holds, and void what nobody settled."""
        self.pass_time(budget_id)
        now = self.now(budget_id)
        for event in list(self.of(budget_id)):
            if event.state == "AUTHORIZED" and event.void_due is not None and event.void_due <= now:
                self.step(replace(event, state="VOIDED", said=TIMEOUT, released=True).ended(), "VOIDED")

    # -- authorize -------------------------------------------------------------------------------------------------

    def authorize(self, secret: str, ask: Ask, answer: Answer, *, dry_run: bool = False) -> None:
        """Judge the engine's answer, then make it a fact. Raises ``Refused`` where it should have refused."""
        chain = self.chain_of(secret)
        budget = self.budgets[chain[0].budget_id]
        self.pass_time(budget.id)
        shadow = budget.rules.shadow
        attempts = [e for e in self.of(budget.id) if e.ask.key == ask.key and e.shadow is shadow]
        if attempts and not dry_run:
            if attempts[-1].ask != ask:
                raise Refused("IDEMPOTENCY_KEY_REUSED")
            if self.replays(budget, attempts[-1], answer):
                assert answer.replayed, f"{attempts[-1].id} should have been answered again, not {answer}"
                assert answer.event_id == attempts[-1].id
                return
        assert not answer.replayed, f"{answer} repeats an answer that should have been decided afresh"
        parent = self.parent_of(budget, ask)
        event = Event.opened(answer, budget, ask, self.now(budget.id), parent, chain)
        allowed = verdicts(self, budget, event, chain, dry_run=dry_run)
        assert answer.reason in allowed, f"{answer.reason} is none of {allowed} for {ask}"
        assert answer.decision == ("DENIED" if answer.reason and not shadow else "AUTHORIZED")
        if dry_run:
            return
        if answer.reason == "ANOMALY_DETECTED" and not shadow and budget.rules.auto_pause:
            self.budgets[budget.id] = replace(budget, status="PAUSED")
            self.write(budget.id, "BUDGET_PAUSED")
        self.count(budget.id, shadow=shadow, amount=0 if answer.reason else ask.quantity)
        self.step(event, answer.decision)

    def chain_of(self, secret: str) -> list[Token]:
        """Return the token of a secret and its ancestors. Raises ``Refused`` unless all of them are live."""
        for token in self.tokens.values():
            chain = [token, *(self.tokens[ancestor] for ancestor in token.path)]
            if token.opens(secret, self.clock) and all(link.is_live(self.clock) for link in chain):
                return chain
        raise Refused("INVALID_SESSION_TOKEN")

    def parent_of(self, budget: Budget, ask: Ask) -> Event | None:
        """Return the parent on the same budget; one on another budget makes a new root."""
        parent = self.events[ask.parent] if ask.parent else None
        if parent is None or parent.budget_id != budget.id:
            return None
        if parent.state not in LIVE:
            raise Refused("INVALID_PARENT_EVENT")
        return parent

    def replays(self, budget: Budget, earlier: Event, answer: Answer) -> bool:
        """Return whether the key's earlier answer must stand; where a window's edge is near, either is right."""
        if earlier.state != "DENIED":
            return True
        position = next(i for i, line in enumerate(self.log) if line.event_id == earlier.id)
        if any(line.helps for line in self.log[position:] if line.budget_id == budget.id):
            return False
        if earlier.reason == "VELOCITY_LIMIT_EXCEEDED":
            passed = self.now(budget.id) - earlier.at
            longest = max(length + bucket for length, bucket in WINDOWS.values())
            return passed <= longest and answer.replayed
        return True

    def count(self, budget_id: str, *, shadow: bool, amount: int) -> None:
        """Remember a request in every window that has a limit; one without a limit forgets."""
        budget = self.budgets[budget_id]
        recent = dict(budget.recent)
        for window in WINDOWS:
            side = (window, shadow)
            if budget.rules.velocity.get(window) is None:
                recent.pop(side, None)
            else:
                recent[side] = (*recent.get(side, ()), (self.now(budget_id), amount if window == "hour" else 1))
        self.budgets[budget_id] = replace(budget, recent=recent)

    # -- settle ----------------------------------------------------------------------------------------------------

    def opened(self, event_id: str) -> tuple[Event, Rules]:
        """Return an event after time's duties."""
        budget_id = self.events[event_id].budget_id
        self.pass_time(budget_id)
        return self.events[event_id], self.budgets[budget_id].rules

    def confirm(self, event_id: str, quantity: int, external: str | None, *, money_moved: bool) -> None:
        """Settle at *quantity*."""
        event, rules = self.opened(event_id)
        if event.state == "CONFIRMED" and event.confirmed == quantity and external in {None, event.external}:
            return
        if event.state != "AUTHORIZED" and event.said != TIMEOUT:
            raise Refused("EVENT_STATE_CONFLICT")
        if not event.shadow and not money_moved:
            if rules.overage == "REJECT" and quantity > event.ask.quantity:
                raise Refused("CONFIRM_EXCEEDS_HOLD")
            overdraft = rules.overdraft if rules.overage == "ALLOW_WITH_OVERDRAFT" else 0
            if self.lacks(event, quantity - event.held, overdraft):
                raise Refused("AUTHORIZATION_EXPIRED" if event.released else "CONFIRM_EXCEEDS_AVAILABLE")
        self._book(replace(event, external=external), quantity)

    def _book(self, event: Event, quantity: int) -> None:
        budget = self.budgets[event.budget_id]
        settled = replace(
            event, state="CONFIRMED", confirmed=quantity, epoch=budget.epoch, unknown=False, said=None
        ).ended()
        is_sample = budget.rules.anomaly and not event.shadow
        if is_sample:
            self.budgets[budget.id] = replace(budget, sampled=(*budget.sampled, quantity))
        self.step(settled, "CONFIRMED", helps=is_sample)

    def fail(self, event_id: str, reason: str) -> None:
        """Say that nothing was spent."""
        event, _ = self.opened(event_id)
        if event.state == "FAILED" and event.said == reason:
            return
        if event.state != "AUTHORIZED" and event.said != TIMEOUT:
            raise Refused("EVENT_STATE_CONFLICT")
        self.step(replace(event, state="FAILED", said=reason, unknown=False).ended(), "FAILED")

    def void(self, event_id: str, reason: str, *, children: bool) -> None:
        """Take one event back."""
        event, _ = self.opened(event_id)
        if event.said == TIMEOUT or (event.state == "VOIDED" and event.said == reason):
            return
        if event.state not in LIVE:
            raise Refused("EVENT_STATE_CONFLICT")
        below = self.below(event)
        if event.external is not None:
            raise Refused("VOID_REQUIRES_REFUND")
        if below and not children:
            raise Refused("EVENT_HAS_CHILDREN")
        self._void_all([*reversed(below), event], reason)

    def void_tree(self, event_id: str, reason: str) -> int:
        """Take an event and all below it back; return how much that frees."""
        event, _ = self.opened(event_id)
        if event.state not in LIVE:
            raise Refused("EVENT_STATE_CONFLICT")
        tree = [event, *self.below(event)]
        freed = sum(e.weight for e in tree)
        self._void_all(list(reversed(tree)), reason)
        return freed

    def _void_all(self, events: list[Event], reason: str) -> None:
        if any(event.external is not None for event in events):
            raise Refused("VOID_REQUIRES_REFUND")
        for event in events:
            self.step(replace(event, state="VOIDED", said=reason, unknown=False).ended(), "VOIDED")

    def below(self, event: Event) -> list[Event]:
        """Return the live descendants; nothing hangs below a dead one."""
        children = [e for e in self.events.values() if e.parent == event.id and e.state in LIVE]
        return [e for child in children for e in (child, *self.below(child))]

    def refund(self, event_id: str, quantity: int) -> None:
        """Give back."""
        event, _ = self.opened(event_id)
        if event.state != "CONFIRMED":
            raise Refused("EVENT_STATE_CONFLICT")
        if quantity > event.confirmed - event.refunded:
            raise Refused("REFUND_EXCEEDS_CONFIRMED")
        self.step(replace(event, refunded=event.refunded + quantity), "REFUNDED")

    def extend(self, event_id: str, seconds: int) -> None:
        """
        Hold for longer, never for less; a hold that has ended is taken again if it fits.

        What is unknown is held as long anyway.
        """
        event, rules = self.opened(event_id)
        if event.state != "AUTHORIZED" or not event.ask.reserve:
            raise Refused("EVENT_STATE_CONFLICT")
        until = self.now(event.budget_id) + seconds * SECOND
        bounded = not event.unknown or (rules.unknown != "HOLD" and rules.unknown_seconds is not None)
        if not event.released and bounded and event.ends is not None and event.ends >= until:
            return
        event = self._again(event)
        if event.unknown:
            event = replace(event, ends=until if bounded else None)
        else:
            event = replace(event, ends=until, void_due=max(until, event.void_due or until))
        self.step(event, "HOLD_EXTENDED")

    def _again(self, event: Event) -> Event:
        if not event.released:
            return event
        if event.counts and not event.shadow and self.lacks(event, event.ask.quantity):
            raise Refused("AUTHORIZATION_EXPIRED")
        return replace(event, holding=True, released=False)

    def mark_unknown(self, event_id: str) -> None:
        """Say that nobody knows."""
        event, rules = self.opened(event_id)
        if event.state != "AUTHORIZED" and event.said != TIMEOUT:
            raise Refused("EVENT_STATE_CONFLICT")
        if event.unknown:
            return
        try:
            event = self._again(event)
        except Refused:
            event = replace(event, holding=False)
        bounded = rules.unknown != "HOLD" and rules.unknown_seconds is not None
        ends = self.now(event.budget_id) + rules.unknown_seconds * SECOND if bounded else None
        marked = replace(event, state="AUTHORIZED", unknown=True, said=None, ends=ends, void_due=None)
        self.step(marked, "OUTCOME_UNKNOWN")

    def external(self, budget_id: str, ask: Ask, event_id: str) -> None:
        """Book what was spent elsewhere."""
        if any(e.ask.key == ask.key and not e.shadow for e in self.of(budget_id)):
            raise Refused("DUPLICATE_EXTERNAL_EVENT")
        self.pass_time(budget_id)
        budget = self.budgets[budget_id]
        answer = Answer(event_id, "CONFIRMED", None)
        opened = Event.opened(answer, budget, ask, self.now(budget_id), None, [])
        booked = replace(opened, shadow=False, allocation=budget.takes(ask.category), confirmed=ask.quantity)
        self.count(budget_id, shadow=False, amount=ask.quantity)
        self.step(booked.ended(), "EXTERNAL_RECORDED")
