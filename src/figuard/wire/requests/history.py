"""
Request bodies of questions about the past.
"""

from __future__ import annotations

import msgspec

from figuard.wire.requests.base import RequestBody, WireAmount
from figuard.wire.requests.budgets import AllocationRequest


class HypotheticalPolicy(RequestBody, kw_only=True):
    """Another policy to try on recorded requests; an absent member leaves the rule as it was."""

    total_limit: WireAmount | None = None
    max_transaction_quantity: WireAmount | None = None
    anomaly_detection_enabled: bool | None = None
    velocity_max_per_minute: int | None = None
    velocity_max_amount_per_hour: WireAmount | None = None
    velocity_max_per_day: int | None = None
    allocations: list[AllocationRequest] | None = None


class CounterfactualRequest(RequestBody, kw_only=True):
    """
    What would have been answered under another policy? (``POST /budgets/{budgetId}/replay/counterfactual``)

    Exactly one of ``hypothetical_policy`` and ``manifest_version``. ``since`` (``from`` on the wire) and ``until``
    are ISO 8601.
    """

    hypothetical_policy: HypotheticalPolicy | None = None
    manifest_version: str | None = None
    since: str | None = msgspec.field(default=None, name="from")
    until: str | None = None
