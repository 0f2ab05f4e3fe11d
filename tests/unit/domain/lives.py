"""
Lives of budgets, invented by Hypothesis: a list of steps, lived on a world. What is refused is simply not done.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

from figuard.domain import commands as c
from figuard.domain.amounts import quanta
from figuard.domain.anomaly import AnomalyPolicy
from figuard.domain.budget import Policy, TrustMode, UnknownOutcomePolicy
from figuard.domain.codes import ERRORS
from figuard.domain.replies import BudgetReply
from figuard.domain.velocity import VelocityLimits
from tests.builders import World, allocation, cap, spend
from tests.unit.domain.made import refusal

Step = tuple[str, int, int]
VERBS = (
    *("ask",) * 6, *("confirm",) * 3, "fail", "void", "refund", "unknown", "extend", "wait", "wait", "external",
    "credit", "debit", "reset spent", "pause", "resume", "slower", "shadow", "real",
)  # fmt: skip
LIVES = st.lists(st.tuples(st.sampled_from(VERBS), st.integers(0, 40), st.integers(0, 7)), min_size=4, max_size=12)
"""What to do, how much of it, and to which event."""

POLICY = Policy(
    entity_dedup=True,
    velocity=VelocityLimits(per_minute=6, amount_per_hour=quanta(150)),
    anomaly=AnomalyPolicy(enabled=True, min_samples=2),
    max_transaction=quanta(35),
    unknown_outcome=UnknownOutcomePolicy.CONFIRM,
    unknown_outcome_seconds=500,
)


@dataclass
class Life:
    """One divided budget with a delegated token, and the events it has had so far."""

    world: World = field(default_factory=World)
    events: list[str] = field(default_factory=list[str])
    budget: BudgetReply = field(init=False)
    secrets: tuple[str, str] = field(init=False)

    def __post_init__(self) -> None:
        parts = (allocation("food", 60), allocation("travel", 60))
        self.budget = self.world.budget(100, policy=POLICY, allocations=parts)
        token = self.world.delegate(self.budget, "agent", cap("food", 50), cap("travel", 50))
        self.secrets = (self.budget.secret or "", token.secret)

    def lived(self, steps: list[Step]) -> Iterator[Step]:
        """Do the steps one by one, a second apart, and yield each after it was done."""
        for number, step in enumerate(steps):
            self.world.clock.advance(1)
            refused = refusal(self._do, number, *step)
            assert refused is None or ERRORS[refused].status < 500, (refused, step)
            yield step

    def live(self, *steps: Step) -> Life:
        """Do all the steps."""
        for _ in self.lived(list(steps)):
            continue
        return self

    def _do(self, number: int, verb: str, amount: int, which: int) -> None:
        world, budget_id = self.world, self.budget.budget.id
        event = self.events[which % len(self.events)] if self.events else "no event"
        patch = {
            "slower": c.PolicyPatch(velocity_per_minute=2),
            "pause": c.PolicyPatch(paused=True),
            "shadow": c.PolicyPatch(trust_mode=TrustMode.SHADOW),
            "real": c.PolicyPatch(trust_mode=TrustMode.FULL_ENFORCEMENT),
        }.get(verb)
        if verb == "ask":
            self._ask(number, amount, which, event)
        elif verb == "wait":
            world.clock.advance(1 + amount * amount)
        elif patch is not None:
            world.order(c.UpdateBudget(budget_id, patch))
        else:
            world.order(self._command(number, verb, amount, event))

    def _command(self, number: int, verb: str, amount: int, event: str) -> Any:
        budget_id, quantity = self.budget.budget.id, quanta(amount)
        return {
            "confirm": c.Confirm(event, quantity, money_moved=amount % 5 == 0),
            "fail": c.Fail(event, "r"),
            "void": c.Void(event, "r", children=amount % 2 == 0),
            "refund": c.Refund(event, quantity, "r"),
            "unknown": c.MarkUnknown(event),
            "extend": c.ExtendHold(event, 1 + amount * 10),
            "external": c.RecordExternal(
                budget_id, spend(amount, f"external {number}", category="food", entity_id="e0")
            ),
            "credit": c.Fund(budget_id, c.FundingOperation.CREDIT, quantity),
            "debit": c.Fund(budget_id, c.FundingOperation.DEBIT, quantity),
            "reset spent": c.Fund(budget_id, c.FundingOperation.RESET_SPENT, quanta(150)),
            "resume": c.Resume(budget_id, "r"),
        }[verb]

    def _ask(self, number: int, amount: int, which: int, parent: str) -> None:
        reply = self.world.authorize(
            self.secrets[which % 2],
            amount,
            f"k{number}",
            category="food" if which & 2 else "travel",
            entity_id=f"e{which}" if which < 3 else None,
            parent_event_id=parent if which == 5 else None,
            max_subtree=60 if which == 6 else None,
            reserve=which != 7,
        )
        self.events.append(reply.event.id)
