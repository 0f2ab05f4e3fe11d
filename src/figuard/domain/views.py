"""
The views: what each question answers, as values. ``wire`` renders them.
"""

from __future__ import annotations

from figuard.domain.admin import ApiKey, Delivery, Receipt, Webhook
from figuard.domain.budget import Balance, Budget, Status
from figuard.domain.codes import Denial
from figuard.domain.entitlements import Item, Subscription
from figuard.domain.events import Decision, Event
from figuard.domain.instants import Instant
from figuard.domain.tokens import Token
from figuard.domain.valueclass import valueclass


@valueclass
class BudgetView:
    """A budget as of ``now``."""

    budget: Budget
    now: Instant


@valueclass
class BudgetsView:
    """A page of budgets."""

    budgets: tuple[Budget, ...]
    total: int
    page: int
    size: int
    now: Instant


@valueclass
class EventView:
    """An event; ``budget`` lends its currency and the allocation's label, where it is known."""

    event: Event
    budget: Budget | None = None


@valueclass
class LedgerView:
    """A page of events; ``budget`` is the one they belong to, where it is known."""

    events: tuple[Event, ...]
    total: int
    page: int
    size: int
    budget: Budget | None = None


@valueclass
class TreeView:
    """All events of a budget, oldest first; the tree is in their parent links."""

    budget: Budget
    events: tuple[Event, ...]


@valueclass
class ChainView:
    """All events of one chain, oldest first; the asked event among them."""

    budget: Budget
    root: Event
    asked: Event
    events: tuple[Event, ...]


@valueclass
class EntriesView:
    """Entries as their canonical JSON bytes with hashes, in order; ``next_seq`` continues, None at the end."""

    book_id: str
    lines: tuple[bytes, ...]
    next_seq: int | None


@valueclass
class Finding:
    """One fault in a book: what is wrong, where, what is stored and what the entries say."""

    book_id: str
    seq: int
    what: str
    detail: str


@valueclass
class FindingsView:
    """What verification found; nothing is all well."""

    book_id: str
    entries: int
    findings: tuple[Finding, ...]


@valueclass
class AllocationState:
    """One allocation at a moment; amounts in quanta."""

    category: str
    limit: int
    balance: Balance
    mode: str


@valueclass
class BudgetState:
    """A budget at a moment; amounts in quanta."""

    at: Instant
    limit: int
    balance: Balance
    status: Status
    allocations: tuple[AllocationState, ...] = ()


@valueclass
class ReplayStep:
    """One entry that changed an event, and the state after it."""

    index: int
    kind: str
    at: Instant
    event: Event
    after: BudgetState | None
    millis_since_previous: int


@valueclass
class ReplaySummary:
    """Counts over the whole window."""

    events: int
    authorized: int
    denied: int
    confirmed: int
    failed: int
    voided: int
    agents: int
    peak_reserved: int
    peak_at: Instant | None


@valueclass
class ReplayView:
    """A page of steps with the states around the window."""

    budget: Budget
    since: Instant
    until: Instant
    summary: ReplaySummary
    initial: BudgetState
    steps: tuple[ReplayStep, ...]
    final: BudgetState
    next_offset: int | None


@valueclass
class StateAtView:
    """A budget at a moment, and how many entries led there."""

    budget_id: str
    at: Instant
    applied: int
    state: BudgetState


@valueclass
class TimelineView:
    """Events in order of creation, as they stand now."""

    budget_id: str
    events: tuple[Event, ...]


@valueclass
class PolicySummary:
    """What a policy let through; ``spent`` in quanta."""

    authorized: int
    denied: int
    spent: int


@valueclass
class Difference:
    """One recorded request that another policy would have answered differently."""

    event: Event
    actual: Decision
    hypothetical: Decision
    reason: Denial | None


@valueclass
class CounterfactualView:
    """What really was, what would have been, and where they differ."""

    budget_id: str
    manifest_version: str | None
    actual: PolicySummary
    hypothetical: PolicySummary
    additional_denials: int
    differences: tuple[Difference, ...]


@valueclass
class ReportLine:
    """One line of a report; amounts in quanta of ``measure`` (amounts of different measures are never added)."""

    key: str | None
    measure: str
    confirmed: int
    held: int
    refunded: int
    events: int
    denied: int


@valueclass
class ReportView:
    """Spending by something, largest first."""

    by: str
    lines: tuple[ReportLine, ...]


@valueclass
class TokenView:
    """A delegation or scoped token."""

    token: Token


@valueclass
class TokensView:
    """Tokens, oldest first."""

    tokens: tuple[Token, ...]


@valueclass
class SubscriptionView:
    """A subscription with its entitlements."""

    subscription: Subscription
    items: tuple[Item, ...]


@valueclass
class SubscriptionsView:
    """Subscriptions with their entitlements."""

    subscriptions: tuple[SubscriptionView, ...]


@valueclass
class ItemView:
    """One entitlement."""

    item: Item


@valueclass
class WebhookView:
    """One webhook."""

    webhook: Webhook


@valueclass
class WebhooksView:
    """Webhooks, newest first."""

    webhooks: tuple[Webhook, ...]


@valueclass
class DeliveriesView:
    """Deliveries, newest first."""

    deliveries: tuple[Delivery, ...]


@valueclass
class CountView:
    """A number."""

    count: int


@valueclass
class ApiKeysView:
    """Keys, newest first."""

    keys: tuple[ApiKey, ...]


@valueclass
class ReceiptView:
    """A receipt with its budget and confirmed events, newest first."""

    receipt: Receipt
    budget: Budget
    events: tuple[Event, ...]


View = (
    BudgetView
    | BudgetsView
    | EventView
    | LedgerView
    | TreeView
    | ChainView
    | EntriesView
    | FindingsView
    | ReplayView
    | StateAtView
    | TimelineView
    | CounterfactualView
    | ReportView
    | TokenView
    | TokensView
    | SubscriptionView
    | SubscriptionsView
    | ItemView
    | WebhookView
    | WebhooksView
    | DeliveriesView
    | CountView
    | ApiKeysView
    | ReceiptView
)
