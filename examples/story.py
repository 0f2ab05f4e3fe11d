"""
How every example speaks: a title, a part without FiGuard, a part with it, and the numbers that must come out.

A number that is off is named, and the example ends with exit code 1.
"""

from __future__ import annotations

import io
import sys
from decimal import Decimal
from types import TracebackType
from typing import Self

from figuard import FiGuardClient
from figuard.client.models import AuthorizationResult, Budget
from figuard.domain.amounts import AmountLike

ALLOWED, DENIED, LOST = "✓", "✗", "⚠"
_NAME_WIDTH = 44


class Story:
    """One example, from its title to its checks: ``with Story("A loop that never ends") as story: ...``."""

    def __init__(self, title: str, *, places: int = 2) -> None:
        # In this process and in memory: no file is left, no key is needed, nothing leaves the machine.
        self.client = FiGuardClient(database=":memory:", log=False)
        self._places = places  # of the amounts it tells: two for money, none for what is counted
        self._wrong: list[str] = []
        self._checked = 0
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(encoding="utf-8")
        print(title)

    def part(self, title: str) -> None:
        """Begin a part of the story."""
        print(f"\n{title}")

    def tell(self, glyph: str, what: str, amount: AmountLike | None = None, remark: object = "") -> None:
        """Say what happened, in one line."""
        shown = "" if amount is None else f"{Decimal(str(amount)):,.{self._places}f}"
        print(f"  {glyph} {what:{_NAME_WIDTH}}{shown:>11}  {remark}".rstrip())

    def answer(self, what: str, amount: AmountLike, asked: AuthorizationResult) -> None:
        """Say what FiGuard answered."""
        glyph = ALLOWED if asked.is_authorized else DENIED
        self.tell(glyph, what, amount, asked.decision if asked.is_authorized else asked.denial_reason)

    def check(self, what: str, expected: object, actual: object) -> None:
        """Demand a number. One that is off is told at once and ends the example with exit code 1."""
        self._checked += 1
        if expected != actual:
            self._wrong.append(what)
            print(f"  ! {what}: must be {expected}, is {actual}")

    def books(self, budget: Budget, *, spent: AmountLike, left: AmountLike, held: AmountLike = 0) -> None:
        """Demand what the budget says, and that its ledger holds against a recomputation from its entries."""
        seen = self.client.get_budget(budget)
        wanted = tuple(Decimal(str(amount)) for amount in (spent, held, left))
        self.check("spent, held, left", wanted, (seen.quantity_spent, seen.quantity_reserved, seen.available_quantity))
        self.check("the ledger verifies", expected=True, actual=self.client.verify_ledger(budget.id).is_sound)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.client.close()
        if error is not None:
            return
        if self._wrong or not self._checked:
            sys.exit(f"\n{len(self._wrong)} of {self._checked} numbers are off: {', '.join(self._wrong)}")
        print(f"\nAll {self._checked} numbers are as promised.")


def money(amount: AmountLike) -> str:
    """Return an amount with two places and thousands apart."""
    return f"{Decimal(str(amount)):,.2f}"
