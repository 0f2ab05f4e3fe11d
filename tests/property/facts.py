"""
The nouns of the naive model: what was asked, what was answered, and what became of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

SECOND = 1_000_000
WINDOWS = {
    "minute": (60 * SECOND, SECOND),
    "hour": (3600 * SECOND, 60 * SECOND),
    "day": (86_400 * SECOND, 1800 * SECOND),
}
"""Length and documented tolerance of each velocity window."""
LIVE = frozenset({"AUTHORIZED", "CONFIRMED"})


class Refused(Exception):
    """The request changes nothing."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class Ask:
    """What an agent asks for."""

    key: str
    quantity: int
    category: str | None = None
    entity: str | None = None
    currency: str | None = None
    intent: str | None = None
    item_type: str | None = None
    action: str = "SPEND"
    parent: str | None = None
    subtree: int | None = None
    reserve: bool = True


@dataclass(frozen=True)
class Answer:
    """What the engine said. ``reason`` is the denial, or what it would have been on a shadow budget."""

    event_id: str
    decision: str
    reason: str | None
    replayed: bool = False


@dataclass(frozen=True)
class Line:
    """One line of the model's own log; after one that ``helps`` a denial may be decided afresh."""

    budget_id: str
    at: int
    kind: str
    event_id: str | None
    helps: bool


@dataclass(frozen=True)
class Share:
    """One allocation."""

    id: str
    label: str
    limit: int
    takes: tuple[str, ...]
    mode: str = "CATEGORY_CONSTRAINED"
    forbids: tuple[str, ...] = ()


@dataclass(frozen=True)
class Rules:
    """What a budget allows."""

    expires_at: int | None = None
    hold_seconds: int = 300
    max_transaction: int | None = None
    velocity: Mapping[str, int] = field(default_factory=dict)
    dedup: bool = False
    tags: tuple[str, ...] = ()
    shadow: bool = False
    overage: str = "ALLOW_IF_AVAILABLE"
    overdraft: int = 0
    unknown: str = "HOLD"
    unknown_seconds: int | None = None
    anomaly: bool = False
    auto_pause: bool = True
    samples_min: int = 3


@dataclass(frozen=True)
class Budget:
    """One budget: its limit and rules as they are now. What is spent is not here; it is a sum over events."""

    id: str
    limit: int
    rules: Rules
    currency: str | None = "USD"
    allocations: Mapping[str, Share] = field(default_factory=dict)
    status: str = "ACTIVE"
    epoch: int = 0
    sampled: tuple[int, ...] = ()
    recent: Mapping[tuple[str, bool], tuple[tuple[int, int], ...]] = field(default_factory=dict)

    def takes(self, category: str | None) -> str | None:
        """Return the allocation for a category: the first that lists it, else the first that takes anything."""
        if category is None:
            return None
        wanted = category.casefold()
        for share in self.allocations.values():
            if wanted in {taken.casefold() for taken in share.takes}:
                return share.id
        return next((share.id for share in self.allocations.values() if share.mode == "OPEN"), None)


@dataclass(frozen=True)
class Token:
    """One token; ``caps`` are by folded category, ``path`` names the ancestors, nearest first."""

    id: str
    budget_id: str
    secret: str
    label: str = "default"
    scoped: bool = False
    path: tuple[str, ...] = ()
    caps: Mapping[str, int] = field(default_factory=dict)
    actions: tuple[str, ...] | None = None
    most: int | None = None
    read_only: bool = False
    expires_at: int | None = None
    revoked: bool = False
    previous: str | None = None
    previous_until: int = 0

    def opens(self, secret: str, clock: int) -> bool:
        """Return whether a secret is this token's, or was a moment ago."""
        return secret == self.secret or (secret == self.previous and clock < self.previous_until)

    def is_live(self, clock: int) -> bool:
        """Return whether the token is good for anything."""
        return not self.revoked and (self.expires_at is None or clock < self.expires_at)

    def cap_for(self, share: Share | None, category: str | None) -> str | None:
        """Return the category of the cap a request falls under: its allocation's, its own, or the only one."""
        claims = ([share.label.casefold()] if share else []) + ([category.casefold()] if category else [])
        if not claims and len(self.caps) == 1:
            return next(iter(self.caps))
        return next((claim for claim in claims if claim in self.caps), None)


@dataclass(frozen=True)
class Event:
    """One authorization and what became of it. Its weight follows from these facts and nothing else."""

    id: str
    budget_id: str
    ask: Ask
    at: int
    shadow: bool
    state: str
    reason: str | None
    parent: str | None = None
    root: str | None = None
    allocation: str | None = None
    caps: tuple[tuple[str, str], ...] = ()
    epoch: int = 0
    holding: bool = False
    ends: int | None = None
    released: bool = False
    void_due: int | None = None
    unknown: bool = False
    confirmed: int | None = None
    refunded: int = 0
    external: str | None = None
    said: str | None = None

    @staticmethod
    def opened(answer: Answer, budget: Budget, ask: Ask, now: int, parent: Event | None, chain: list[Token]) -> Event:
        """Return the event as it begins."""
        allocation = budget.takes(ask.category)
        share = budget.allocations[allocation] if allocation else None
        caps = [(token.id, token.cap_for(share, ask.category)) for token in chain if token.caps]
        holding = ask.reserve and answer.decision == "AUTHORIZED"
        seconds = budget.rules.hold_seconds
        return Event(
            id=answer.event_id,
            budget_id=budget.id,
            ask=ask,
            at=now,
            shadow=budget.rules.shadow,
            state=answer.decision,
            reason=answer.reason,
            parent=parent.id if parent else None,
            root=parent.root if parent else answer.event_id,
            allocation=allocation,
            caps=() if answer.reason else tuple((token, cap) for token, cap in caps if cap is not None),
            epoch=budget.epoch,
            holding=holding,
            ends=now + seconds * SECOND if holding else None,
            void_due=now + max(seconds, 300) * SECOND if holding else None,
        )

    @property
    def counts(self) -> bool:
        """Whether it weighs anything: what shadow would have denied does not."""
        return not (self.shadow and self.reason)

    @property
    def held(self) -> int:
        """What it holds."""
        return self.ask.quantity if self.state == "AUTHORIZED" and self.holding and self.counts else 0

    @property
    def booked(self) -> int:
        """What it has spent."""
        return self.confirmed - self.refunded if self.state == "CONFIRMED" and self.counts else 0

    @property
    def weight(self) -> int:
        """What it takes from the limit."""
        return self.held + self.booked

    def ended(self) -> Event:
        """Return the event without anything that time could still end."""
        return replace(self, holding=False, ends=None, void_due=None)
