"""
Commands of one authorization: ask, settle, take back.
"""

from __future__ import annotations

from figuard.domain.events import Spend
from figuard.domain.instants import Instant
from figuard.domain.valueclass import valueclass


@valueclass
class Authorize:
    """Ask before spending. ``looks_like_id`` sharpens the message when a budget id was sent as the token."""

    token_hash: str
    spend: Spend
    dry_run: bool = False
    looks_like_id: bool = False


@valueclass
class AuthorizeAll:
    """Several authorizations in one transaction; with ``all_or_nothing`` either all are authorized or none."""

    requests: tuple[Authorize, ...]
    all_or_nothing: bool = False


@valueclass
class Confirm:
    """Settle the real amount."""

    event_id: str
    quantity: int
    external_transaction_id: str | None = None
    money_moved: bool = False


@valueclass
class Fail:
    """Say that the spending did not happen."""

    event_id: str
    reason: str
    error_message: str | None = None


@valueclass
class Void:
    """Take an authorization back, with its live children if ``children`` is set."""

    event_id: str
    reason: str
    children: bool = False


@valueclass
class VoidTree:
    """Take an authorization and everything below it back."""

    event_id: str
    reason: str


@valueclass
class Refund:
    """Give back part or all of a confirmed amount."""

    event_id: str
    quantity: int
    reason: str
    external_transaction_id: str | None = None


@valueclass
class ExtendHold:
    """Keep a hold for so many seconds from now."""

    event_id: str
    seconds: int


@valueclass
class MarkUnknown:
    """Say that nobody knows yet whether the money moved."""

    event_id: str
    reason: str | None = None


@valueclass
class RecordExternal:
    """Book spending that happened outside; limits are not enforced, the money has left."""

    budget_id: str
    spend: Spend
    source: str = "EXTERNAL"
    occurred_at: Instant | None = None
