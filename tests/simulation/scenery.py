"""
What a seed draws before anything happens: how unreliable its world is, and what there is to spend from.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from random import Random
from typing import Any

from figuard.domain import commands as c
from figuard.domain.amounts import quanta
from figuard.domain.budget import OveragePolicy, Policy, UnknownOutcomePolicy
from figuard.domain.replies import BudgetReply
from figuard.domain.tokens import Token
from figuard.domain.velocity import VelocityLimits
from tests.builders import TENANT, World, allocation, cap

CATEGORIES = ("travel", "food")


@dataclass(frozen=True)
class Odds:
    """How likely each kind of mishap is. Every seed draws which kinds its world has at all, and how bad they are."""

    lose_request: float = 0.0
    lose_reply: float = 0.0
    twice: float = 0.0
    delay: float = 0.0
    crash: float = 0.0
    restart: float = 0.0
    sweep: float = 0.0
    pause: float = 0.0
    revoke: float = 0.0
    fund: float = 0.0
    leap: float = 0.0
    clock_back: float = 0.0

    @staticmethod
    def drawn(rng: Random) -> Odds:
        """Return the odds of one world: about half of the mishaps, each rare or frequent."""
        return Odds(**{f.name: rng.choice((0.02, 0.1, 0.3)) for f in fields(Odds) if rng.random() < 0.5})


CALM = Odds()
"""A world in which nothing goes wrong."""


@dataclass
class Purse:
    """One budget with the tokens that agents spend from it by, and what each token is called in a trace."""

    id: str
    divided: bool
    tokens: list[tuple[str, str]]
    delegated: list[Token]


def purses(world: World, rng: Random) -> list[Purse]:
    """Create one or two budgets, flat or divided, with tokens delegated further or not."""
    return [_purse(world, rng, name) for name in ("A", "B")[: rng.choice((1, 1, 2))]]


def _purse(world: World, rng: Random, name: str) -> Purse:
    limit = rng.choice((20, 30, 60))
    divided = rng.random() < 0.3
    shares = tuple(allocation(label, limit * part // 10) for label, part in (("travel", 6), ("food", 4)))
    reply = world.order(
        c.CreateBudget("user", quanta(limit), _policy(rng), "USD", allocations=shares if divided else ())
    )
    purse = Purse(reply.budget.id, divided, [(name, reply.secret)], [])
    if rng.random() < 0.5:
        _delegate(world, rng, purse, reply, limit)
    return purse


def _policy(rng: Random) -> Policy:
    overage = rng.choice(list(OveragePolicy))
    return Policy(
        authorization_expiry_seconds=rng.choice((20, 60, 300)),
        entity_dedup=rng.random() < 0.3,
        overage=overage,
        overdraft_limit=quanta(5) if overage is OveragePolicy.ALLOW_WITH_OVERDRAFT else 0,
        velocity=VelocityLimits(per_minute=rng.choice((3, 8))) if rng.random() < 0.2 else VelocityLimits(),
        unknown_outcome=rng.choice(list(UnknownOutcomePolicy)),
        unknown_outcome_seconds=rng.choice((40, 200)),
    )


def _delegate(world: World, rng: Random, purse: Purse, reply: BudgetReply, limit: int) -> None:
    """Hand a part on, and sometimes a part of that part."""
    parent: Any = None
    for depth in range(rng.choice((1, 2))):
        limit = max(1, limit * 2 // 3)
        label = f"{purse.tokens[0][0]}{'>' * (depth + 1)}"
        caps = tuple(cap(category, limit) for category in CATEGORIES)
        issued = world.order(
            c.Delegate(reply.budget.id, label, caps, parent_token_id=parent.token.id if parent else None), tenant=TENANT
        )
        purse.tokens.append((label, issued.secret))
        purse.delegated.append(issued.token)
        parent = issued
