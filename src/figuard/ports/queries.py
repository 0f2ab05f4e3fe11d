"""
The queries: what a store answers outside a transaction, from committed data.
"""

from __future__ import annotations

from typing import Any

from figuard.domain.budget import Status
from figuard.domain.events import Decision
from figuard.domain.instants import Instant
from figuard.domain.valueclass import valueclass
from figuard.ports.records import Kind


@valueclass
class FindBudgets:
    """
    `Page[Budget]` of a tenant (or of all), newest first. ``text`` is looked for in user id, external reference and id.

    [S-50] Filters combine. [S-51] CANCELLED budgets are left out unless asked for. [S-52] Pages neither repeat nor
    skip a record while nothing is written. ``status`` is compared with the stored status.
    """

    tenant_id: str | None = None
    statuses: tuple[Status, ...] = ()
    include_cancelled: bool = False
    user_id: str | None = None
    text: str | None = None
    offset: int = 0
    limit: int = 20


@valueclass
class FindEvents:
    """
    `Page[Event]` of one budget, newest first (creation, then id).

    [S-53] Filters combine. [S-54] ``total`` counts all matches, not the page.
    """

    budget_id: str
    decision: Decision | None = None
    trace_id: str | None = None
    agent_id: str | None = None
    offset: int = 0
    limit: int = 20


@valueclass
class TreeEvents:
    """`tuple[Event, ...]` of one budget or, with ``root_id``, of one chain, oldest first. [S-55] At most ``limit``."""

    budget_id: str
    root_id: str | None = None
    limit: int = 100_000


@valueclass
class ReadEntries:
    """
    `tuple[StoredEntry, ...]` of one book with ``seq`` above ``after_seq``, in order.

    [S-56] At most ``limit``, up to and including ``until``. [S-57] The bytes are those that were written.
    """

    book_id: str
    after_seq: int = 0
    until: Instant | None = None
    limit: int = 1000


@valueclass
class Books:
    """
    `tuple[str, ...]`: ids of the books of a tenant (or of all), in id order after ``after``.

    [S-58] Every budget, every subscription and whatever has entries; at most ``limit``.
    """

    tenant_id: str | None = None
    after: str = ""
    limit: int = 1000


@valueclass
class GetRecords:
    """`Mapping` as ``UnitOfWork.read`` answers, outside a transaction. [S-59] Committed data, no locks."""

    kind: Kind
    keys: tuple[Any, ...]


@valueclass
class ListRecords:
    """
    `tuple[Record, ...]` of a type and tenant, newest first, after ``offset``.

    ``of`` is ApiKey, Subscription, Webhook, Delivery or Tenant. ``where`` compares columns: ``webhook_id``,
    ``status``, ``event_type``, and ``since`` (created at or after). [S-60] Only the tenant's. [S-61] At most ``limit``.
    """

    of: type
    tenant_id: str | None
    where: tuple[tuple[str, Any], ...] = ()
    offset: int = 0
    limit: int = 500


@valueclass
class SpendReport:
    """
    `tuple[ReportLine, ...]`: settled and held amounts across a tenant's budgets.

    ``by`` is agent, category, day (UTC, of creation), user or budget. [S-62] Sums are exact. [S-63] Only real
    (not shadow) events of the period ``[since, until)`` by creation.
    """

    tenant_id: str
    by: str
    since: Instant | None = None
    until: Instant | None = None
    budget_id: str | None = None
    limit: int = 1000


@valueclass
class DueWork:
    """
    `tuple[str, ...]`: what a sweep should look at, soonest first. [S-64] At most ``limit``.

    ``what`` is ``holds`` (budget ids with a hold or a time-out due), ``items`` (item ids to renew, of ACTIVE
    subscriptions), ``expiring`` (ids of ACTIVE or PAUSED budgets that expire at or before ``until``, but for those told
    so: ``marks.expiring_for``). What nobody can do anything about is left out, or it would come back for ever and fill
    the limit.
    """

    what: str
    now: Instant
    until: Instant | None = None
    limit: int = 500


@valueclass
class Page:
    """Some of the matches, and how many there are in all."""

    records: tuple[Any, ...]
    total: int


Query = FindBudgets | FindEvents | TreeEvents | ReadEntries | Books | GetRecords | ListRecords | SpendReport | DueWork
