"""
Reading what happened: the ledger, trees, replays, reports, receipts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from figuard.client.expiry import ExpiresAt
from figuard.client.models import (
    BudgetStateSnapshot,
    BudgetTimeline,
    LedgerEntries,
    LedgerPage,
    LedgerVerification,
    SpendEventResponse,
    SpendReport,
    SpendTree,
)
from figuard.client.ops import reporting as ops
from figuard.client.ops.arguments import BudgetLike
from figuard.client.sync.core import Core, given


class Reporting(Core):
    """What can be read of the past."""

    def get_ledger(
        self,
        budget_id: BudgetLike,
        page: int = 0,
        size: int = 20,
        decision: str | None = None,
        trace_id: str | None = None,
        *,
        agent_id: str | None = None,
    ) -> LedgerPage:
        """
        Return a page of a budget's events, newest first. ``page`` counts from 0, ``size`` is at most 500.

        ``decision`` is AUTHORIZED, DENIED, CONFIRMED, FAILED or VOIDED. Filters combine.
        """
        return self._run(ops.get_ledger(self._session, **given(locals())))

    def iter_events(
        self,
        budget_id: BudgetLike,
        decision: str | None = None,
        trace_id: str | None = None,
        page_size: int = 100,
        *,
        agent_id: str | None = None,
    ) -> Iterator[SpendEventResponse]:
        """Go through all events of a budget, newest first, one page at a time."""
        return self._iterate(ops.pages(self._session, **given(locals())))

    def get_spend_tree(self, budget_id: BudgetLike) -> SpendTree:
        """
        Return a budget's events as a forest, oldest first: each event below the one that caused it.

        A tree is nested 100 deep at the most; what lies deeper hangs there and still names its parent.
        """
        return self._run(ops.get_spend_tree(self._session, budget_id))

    def get_receipt_url(self, budget_id: BudgetLike) -> str:
        """Return the link to a budget's public receipt, the same one until it expires or is revoked."""
        return self._run(ops.get_receipt_url(self._session, budget_id))

    def revoke_receipt(self, budget_id: BudgetLike) -> None:
        """Make the link to a budget's receipt dead."""
        return self._run(ops.revoke_receipt(self._session, budget_id))

    def replay_budget(
        self,
        budget_id: BudgetLike,
        *,
        from_time: ExpiresAt | None = None,
        until: ExpiresAt | None = None,
        include_denied: bool = True,
        include_state_snapshots: bool = True,
        page_size: int = 100,
        page_token: str | None = None,
    ) -> dict[str, Any]:
        """
        Return what happened to a budget, step by step, as the JSON object of the API with exact ``Decimal`` amounts.

        It has ``initialState``, ``events`` with ``stateAfter``, ``finalState`` and ``summary``; ``nextPageToken``
        is the *page_token* of the rest. ``page_size`` is at most 500.
        """
        return self._run(ops.replay(self._session, **given(locals())))

    def get_budget_state_at(self, budget_id: BudgetLike, at: ExpiresAt) -> BudgetStateSnapshot:
        """Return how a budget stood at a moment, recomputed from its ledger; before it existed, how it was opened."""
        return self._run(ops.state_at(self._session, budget_id, at))

    def get_budget_timeline(
        self, budget_id: BudgetLike, *, from_time: ExpiresAt | None = None, until: ExpiresAt | None = None
    ) -> BudgetTimeline:
        """Return who asked for what, in order of time, and how long after the one before."""
        return self._run(ops.timeline(self._session, budget_id, from_time=from_time, until=until))

    def replay_counterfactual(
        self,
        budget_id: BudgetLike,
        *,
        hypothetical_policy: Mapping[str, Any] | None = None,
        manifest_version: str | None = None,
        from_time: ExpiresAt | None = None,
        until: ExpiresAt | None = None,
    ) -> dict[str, Any]:
        """
        Return what another policy would have answered to the recorded requests, as the JSON object of the API.

        ``hypothetical_policy`` takes ``total_limit``, ``max_transaction_quantity``, ``anomaly_detection_enabled``,
        the velocity limits and ``allocations``, spelled as here or as on the wire; what it leaves out stays as it
        was. Raises ``ValueError`` for an unknown key, and unless exactly one of the two sources is given.
        """
        return self._run(ops.counterfactual(self._session, **given(locals())))

    def spend_report(
        self,
        by: str = "agent",
        since: ExpiresAt | None = None,
        until: ExpiresAt | None = None,
        budget_id: BudgetLike | None = None,
    ) -> SpendReport:
        """Return spending *by* agent, category, day, user or budget, across budgets or of one, largest first."""
        return self._run(ops.spend_report(self._session, **given(locals())))

    def ledger_entries(self, budget_id: BudgetLike, after: int = 0, size: int = 100) -> LedgerEntries:
        """Return the entries of a budget's ledger with a number above *after*, each with its hash, in order."""
        return self._run(ops.ledger_entries(self._session, budget_id, after=after, size=size))

    def verify_ledger(self, budget_id: BudgetLike) -> LedgerVerification:
        """Recompute a budget's hash chain, balances and events from its entries, and return every fault found."""
        return self._run(ops.verify_ledger(self._session, budget_id))
