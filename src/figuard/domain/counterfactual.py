"""
Counterfactual: what the recorded requests would have been answered under another policy.

Every recorded attempt, denied ones included, is put to the very decision function of production, in its order and at
its time, against a budget that lived under the other policy from the start. What was settled is settled the same way
when it was authorized in both worlds; what only the hypothesis authorizes is taken to be settled at the amount asked,
at once, since nobody can know better.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from figuard.domain.books import BudgetChange, Entry, EntryKind, changed
from figuard.domain.budget import Allocation, Budget, Funds, Policy, Status
from figuard.domain.codes import Denial
from figuard.domain.decide import decide
from figuard.domain.events import Decision, Event
from figuard.domain.instants import Instant
from figuard.domain.questions import Hypothesis
from figuard.domain.replay import Account
from figuard.domain.settle import confirmed, external
from figuard.domain.situation import Situation
from figuard.domain.valueclass import replace
from figuard.domain.views import Difference, PolicySummary


@dataclass(slots=True)
class _Tally:
    authorized: int = 0
    denied: int = 0
    spent: int = 0

    def summary(self) -> PolicySummary:
        return PolicySummary(self.authorized, self.denied, self.spent)


@dataclass(slots=True)
class Experiment:
    """Both worlds side by side, while the entries of one book are fed in order."""

    hypothesis: Hypothesis
    since: Instant
    until: Instant
    actual: Account = field(default_factory=Account)
    other: Account = field(default_factory=Account)
    differences: list[Difference] = field(default_factory=list[Difference])
    _claims: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    _real: _Tally = field(default_factory=_Tally)
    _hypothetical: _Tally = field(default_factory=_Tally)

    def feed(self, entry: Entry) -> None:
        """Apply one entry to the real world and put its question to the other one."""
        before = self.actual.events.get(entry.change.id) if entry.change else None
        limit = self.actual.budget.funds.limit if self.actual.budget else 0
        self.actual.apply(entry)
        if entry.opening is not None:
            self.other.apply(entry)
            self.other.budget = under(self.other.present, self.hypothesis)
        elif entry.event is not None:
            self._opened(entry, entry.event)
        elif entry.change is not None and before is not None:
            self._settled(entry, before)
        else:
            self._operated(entry, limit)

    def summaries(self) -> tuple[PolicySummary, PolicySummary]:
        """Return what really was let through in the window, and what would have been."""
        return self._real.summary(), self._hypothetical.summary()

    def _counts(self, at: Instant) -> bool:
        return self.since <= at <= self.until

    def _opened(self, entry: Entry, event: Event) -> None:
        situation = self._situation(event, entry.at)
        if entry.kind is EntryKind.EXTERNAL_RECORDED:
            self._recorded(event, situation)
            return
        answered = decide(situation, event_id=event.id, attempt=event.attempt)
        granted = answered.first_decision is Decision.AUTHORIZED
        if granted and event.verdict.denial is Denial.ENTITLEMENT_LIMIT_REACHED and not situation.shadow:
            # The quota lies in the subscription's book, which no hypothesis changes: its refusal stands.
            answered, granted = event, False
        if not granted and answered.verdict.denial is Denial.ANOMALY_DETECTED:
            self._paused(situation.budget)
        kept = self.other.step(None, answered, EntryKind.AUTHORIZED if granted else EntryKind.DENIED)
        if granted:
            self._claimed(event)
        if granted and event.first_decision is Decision.DENIED and event.spend.reserve:
            touched = self.other.touched(kept)
            settled = confirmed(kept, touched, event.spend.quantity, now=entry.at, money_moved=True)
            self.other.step(kept, settled, EntryKind.CONFIRMED)
        self._tally(entry, event, answered)

    def _paused(self, budget: Budget) -> None:
        """Pause the budget of the other world on an anomaly, as production does."""
        if budget.policy.anomaly.auto_pause:
            self.other.budget = changed(budget, BudgetChange(status=Status.PAUSED))

    def _recorded(self, event: Event, situation: Situation) -> None:
        """Book external spending in the other world too: the money left in both."""
        mirrored = external(
            event.spend,
            self.other.present,
            event_id=event.id,
            now=event.created_at,
            source=event.outcome.source or "",
            occurred_at=event.outcome.occurred_at,
            allocation_id=situation.allocation.id if situation.allocation else None,
        )
        self.other.step(None, mirrored, EntryKind.EXTERNAL_RECORDED)
        self._claimed(event)
        if self._counts(event.created_at):
            self._real.spent += event.standing.booked
            self._hypothetical.spent += event.standing.booked

    def _tally(self, entry: Entry, event: Event, answered: Event) -> None:
        if not self._counts(entry.at):
            return
        for tally, decision in ((self._real, event.first_decision), (self._hypothetical, answered.first_decision)):
            tally.authorized += decision is Decision.AUTHORIZED
            tally.denied += decision is Decision.DENIED
        if event.first_decision is not answered.first_decision:
            # Nobody knows what would have been settled: a hold counts whole, a marker not at all.
            if answered.first_decision is Decision.AUTHORIZED and event.spend.reserve:
                self._hypothetical.spent += event.spend.quantity
            self.differences.append(
                Difference(event, event.first_decision, answered.first_decision, answered.verdict.denial)
            )

    def _settled(self, entry: Entry, before: Event) -> None:
        """Settle in the other world what was authorized there too."""
        after = self.actual.events[before.id]
        booked = after.standing.booked - before.standing.booked
        counted = self._counts(before.created_at)
        if counted:
            self._real.spent += booked
        mirrored = self.other.events.get(before.id)
        if mirrored is None or mirrored.decision is Decision.DENIED:
            return
        if counted:
            self._hypothetical.spent += booked
        standing = replace(after.standing, subtree=mirrored.standing.subtree)
        settled = replace(mirrored, decision=after.decision, standing=standing, outcome=after.outcome)
        self.other.step(mirrored, settled, entry.kind)

    def _operated(self, entry: Entry, limit: int) -> None:
        """Repeat an operator's action; the pauses of an anomaly belong to the policy that was, not to the operator."""
        if entry.token is not None:
            self.other.apply(entry)
            return
        change = entry.budget
        if change is None or (entry.note or {}).get("reason") == "ANOMALY_DETECTED":
            return
        present = self.other.present
        moved = BudgetChange(
            policy=_overlaid(change.policy, self.hypothesis) if change.policy else None,
            status=change.status,
            limit=None if change.limit is None else max(0, present.funds.limit + change.limit - limit),
            resets_spending=change.resets_spending,
            cancelled_at=change.cancelled_at,
        )
        self.other.budget = changed(present, moved)

    def _situation(self, event: Event, now: Instant) -> Situation:
        spend, place = event.spend, event.place
        parent = self.other.events.get(place.parent_id) if place.parent_id else None
        if parent is not None and not parent.is_live:
            parent = None
        token = self.other.tokens.get(place.token_id) if place.token_id else None
        chain = (token, *(self.other.tokens[a] for a in token.path)) if token else ()
        budget = self.other.present
        return Situation(
            budget=budget,
            spend=spend,
            now=now,
            tokens=chain,
            parent=parent,
            root=self.other.events.get(parent.place.root_id) if parent and parent.place.root_id else None,
            twin=self._twin(budget, spend.entity_id),
        )

    def _claimed(self, event: Event) -> None:
        if event.spend.entity_id is not None:
            self._claims.setdefault(event.spend.entity_id, []).append(event.id)

    def _twin(self, budget: Budget, entity_id: str | None) -> Event | None:
        """Return the event that stands for the entity in the other world, as production looks for it."""
        if entity_id is None or not budget.policy.entity_dedup:
            return None
        claims = (self.other.events[event_id] for event_id in self._claims.get(entity_id, ()))
        return next((event for event in claims if event.stands_for_entity(shadow=budget.in_shadow)), None)


def under(budget: Budget, hypothesis: Hypothesis) -> Budget:
    """Return the budget as if it had been created with the hypothesis."""
    allocations: tuple[Allocation, ...] = budget.funds.allocations
    if hypothesis.allocations is not None:
        # They come without ids, and an event finds its allocation by id.
        allocations = tuple(replace(a, id=f"allocation-{n}") for n, a in enumerate(hypothesis.allocations))
    limit = budget.funds.limit if hypothesis.limit is None else hypothesis.limit
    policy = _overlaid(budget.policy, hypothesis)
    return replace(budget, policy=policy, funds=Funds(limit, allocations=allocations))


def _or(given: int | None, present: int | None) -> int | None:
    return present if given is None else given


def _overlaid(policy: Policy, hypothesis: Hypothesis) -> Policy:
    velocity = replace(
        policy.velocity,
        per_minute=_or(hypothesis.velocity_per_minute, policy.velocity.per_minute),
        amount_per_hour=_or(hypothesis.velocity_amount_per_hour, policy.velocity.amount_per_hour),
        per_day=_or(hypothesis.velocity_per_day, policy.velocity.per_day),
    )
    enabled = policy.anomaly.enabled if hypothesis.anomaly_enabled is None else hypothesis.anomaly_enabled
    return replace(
        policy,
        max_transaction=_or(hypothesis.max_transaction, policy.max_transaction),
        velocity=velocity,
        anomaly=replace(policy.anomaly, enabled=enabled),
    )
