"""
Request bodies around one spending: authorize it, settle it, take it back, give money back.
"""

from __future__ import annotations

from typing import Any, ClassVar

from figuard.wire.requests.base import RequestBody, WireAmount


class AuthorizeRequest(RequestBody, kw_only=True):
    """
    May this agent spend this? (``POST /authorize``)

    ``requested_quantity`` is in the budget's currency or unit. ``reserve`` (default true) false asks for a marker
    that holds nothing; ``dry_run`` (default false) true decides without recording.
    """

    agent_id: str | None = None
    action_type: str | None = None
    description: str | None = None
    requested_quantity: WireAmount | None = None
    idempotency_key: str | None = None
    currency: str | None = None
    agent_type: str | None = None
    claimed_category: str | None = None
    claimed_item_type: str | None = None
    entity_id: str | None = None
    trace_id: str | None = None
    intent_context: str | None = None
    parent_event_id: str | None = None
    max_subtree_quantity: WireAmount | None = None
    dry_run: bool | None = None
    reserve: bool | None = None
    metadata: dict[str, Any] | None = None

    required: ClassVar[tuple[str, ...]] = (
        "agentId",
        "actionType",
        "description",
        "requestedQuantity",
        "idempotencyKey",
    )


class AuthorizeBatchItem(AuthorizeRequest, kw_only=True):
    """One of several requests; ``session_token`` replaces the header's, so that a batch may span budgets."""

    session_token: str | None = None


class AuthorizeBatchRequest(RequestBody, kw_only=True):
    """
    Several authorizations in one transaction. (``POST /authorize/batch``)

    With ``all_or_nothing`` (default false) either all are authorized or none.
    """

    requests: list[AuthorizeBatchItem] | None = None
    all_or_nothing: bool | None = None

    required: ClassVar[tuple[str, ...]] = ("requests",)


class ConfirmRequest(RequestBody, kw_only=True):
    """
    Settle the real amount. (``POST /events/{eventId}/confirm``)

    ``money_moved`` true books it whatever the limit: the money has left and the books must say so.
    """

    confirmed_quantity: WireAmount | None = None
    external_transaction_id: str | None = None
    money_moved: bool | None = None

    required: ClassVar[tuple[str, ...]] = ("confirmedQuantity",)


class FailRequest(RequestBody, kw_only=True):
    """The spending did not happen. (``POST /events/{eventId}/fail``)"""

    reason: str | None = None
    error_message: str | None = None

    required: ClassVar[tuple[str, ...]] = ("reason",)


class VoidRequest(RequestBody, kw_only=True):
    """Take an authorization back, with its live children if asked. (``POST /events/{eventId}/void``)"""

    reason: str | None = None
    void_child_events: bool | None = None

    required: ClassVar[tuple[str, ...]] = ("reason",)


class VoidTreeRequest(RequestBody, kw_only=True):
    """Take an authorization and everything below it back. (``POST /events/{eventId}/void-tree``)"""

    reason: str | None = None

    required: ClassVar[tuple[str, ...]] = ("reason",)


class RefundRequest(RequestBody, kw_only=True):
    """Give back part or all of a confirmed amount. (``POST /events/{eventId}/refund``)"""

    quantity: WireAmount | None = None
    reason: str | None = None
    external_transaction_id: str | None = None

    required: ClassVar[tuple[str, ...]] = ("quantity", "reason")


class ExtendEventRequest(RequestBody, kw_only=True):
    """Keep a hold for so many seconds from now. (``POST /events/{eventId}/extend``)"""

    seconds: int | None = None

    required: ClassVar[tuple[str, ...]] = ("seconds",)


class MarkEventUnknownRequest(RequestBody, kw_only=True):
    """Nobody knows yet whether the money moved. (``POST /events/{eventId}/unknown``)"""

    reason: str | None = None


class ExternalEventRequest(RequestBody, kw_only=True):
    """
    Book spending that happened outside the agent's path; limits are not enforced. (``POST /events/external``)

    ``source`` defaults to EXTERNAL, ``occurred_at`` (ISO 8601 with offset) to now.
    """

    budget_id: str | None = None
    agent_id: str | None = None
    action_type: str | None = None
    description: str | None = None
    quantity: WireAmount | None = None
    idempotency_key: str | None = None
    claimed_category: str | None = None
    source: str | None = None
    occurred_at: str | None = None
    metadata: dict[str, Any] | None = None

    required: ClassVar[tuple[str, ...]] = (
        "budgetId",
        "agentId",
        "actionType",
        "description",
        "quantity",
        "idempotencyKey",
    )
