"""
A chain of delegates, for tests of tokens.
"""

from __future__ import annotations

from typing import Any

from figuard.domain import questions as q
from figuard.domain.budget import Balance
from figuard.domain.replies import BudgetReply, TokenReply
from tests.builders import World, cap

DEPTH = 5


class Chain:
    """A budget and five tokens, each below the one before it, with caps of 100, 90, 80, 70 and 60 for food."""

    def __init__(self) -> None:
        self.world = World()
        self.budget: BudgetReply = self.world.budget(1000)
        self.tokens: list[TokenReply] = []
        for n in range(DEPTH):
            parent = self.tokens[-1].token.id if self.tokens else None
            label = f"level {n}"
            self.tokens.append(
                self.world.delegate(self.budget, label, cap("food", 100 - 10 * n), parent_token_id=parent)
            )

    @property
    def leaf(self) -> str:
        return self.tokens[-1].secret or ""

    def ask(self, quantity: int, key: str = "k1", depth: int = DEPTH) -> Any:
        secret = self.tokens[depth - 1].secret or ""
        return self.world.authorize(secret, quantity, key, category="food").event

    def balances(self) -> list[Balance]:
        tokens = [self.world.ask(q.GetDelegation(reply.token.id)).token for reply in self.tokens]
        return [token.caps[0].balance for token in tokens]
