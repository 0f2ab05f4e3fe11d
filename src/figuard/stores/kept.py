"""
Budgets kept decoded beside their JSON, so that a busy one is not decoded again for every transaction.
"""

from __future__ import annotations

from typing import Any

from figuard.domain.budget import Budget
from figuard.stores.codecs import DECODERS

BUDGETS_KEPT_MAX = 1024
"""How many budgets are kept decoded beside their JSON."""


class KeptBudgets:
    """
    Budgets beside the very JSON they were decoded from or written as.

    What counts is always what the database says: only when its text is the same is it not decoded again.
    """

    def __init__(self) -> None:
        self._kept: dict[str, tuple[str, Any]] = {}

    def decoded(self, budget_id: str, data: str) -> Any:  # noqa: ANN401 - a budget
        """Return the budget that *data* says."""
        kept = self._kept.get(budget_id)
        if kept is not None and kept[0] == data:
            return kept[1]
        budget = DECODERS[Budget](data)
        self.keep(budget_id, data, budget)
        return budget

    def keep(self, budget_id: str, data: str, budget: Any) -> None:  # noqa: ANN401 - a budget
        """Remember what *data* says."""
        if len(self._kept) >= BUDGETS_KEPT_MAX:
            self._kept.clear()
        self._kept[budget_id] = (data, budget)
