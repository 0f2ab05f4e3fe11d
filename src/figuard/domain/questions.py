"""
The questions: everything that can be asked without changing the books, as values.
"""

from __future__ import annotations

from figuard.domain.admin import DeliveryStatus
from figuard.domain.budget import Allocation, Status
from figuard.domain.events import Decision
from figuard.domain.instants import Instant
from figuard.domain.valueclass import valueclass


@valueclass
class GetBudget:
    """One budget. Answers ``BudgetView``."""

    budget_id: str


@valueclass
class ListBudgets:
    """A page of budgets, newest first. ``status`` None leaves cancelled ones out. Answers ``BudgetsView``."""

    page: int = 0
    size: int = 20
    status: Status | None = None
    include_cancelled: bool = False
    user_id: str | None = None
    text: str | None = None


@valueclass
class GetEvent:
    """One event. Answers ``EventView``."""

    event_id: str


@valueclass
class GetLedger:
    """A page of a budget's events, newest first. Answers ``LedgerView``."""

    budget_id: str
    page: int = 0
    size: int = 20
    decision: Decision | None = None
    trace_id: str | None = None
    agent_id: str | None = None


@valueclass
class GetTree:
    """A budget's spend tree. Answers ``TreeView``."""

    budget_id: str


@valueclass
class GetChain:
    """The causal chain an event belongs to. Answers ``ChainView``."""

    event_id: str


@valueclass
class GetEntries:
    """Entries of a book after ``after_seq``. Answers ``EntriesView``."""

    book_id: str
    after_seq: int = 0
    size: int = 100


@valueclass
class VerifyBook:
    """Recompute chain, balances and projections of one book. Answers ``FindingsView``."""

    book_id: str


@valueclass
class Replay:
    """What happened to a budget, step by step. ``offset`` continues an earlier page. Answers ``ReplayView``."""

    budget_id: str
    since: Instant | None = None
    until: Instant | None = None
    include_denied: bool = True
    include_states: bool = True
    size: int = 100
    offset: int = 0


@valueclass
class StateAt:
    """How a budget stood at a moment. Answers ``StateAtView``."""

    budget_id: str
    at: Instant


@valueclass
class Timeline:
    """When which agent asked for what. Answers ``TimelineView``."""

    budget_id: str
    since: Instant | None = None
    until: Instant | None = None


@valueclass
class Hypothesis:
    """Another policy to try on recorded requests; None leaves a rule as it was. Amounts are quanta."""

    limit: int | None = None
    max_transaction: int | None = None
    anomaly_enabled: bool | None = None
    velocity_per_minute: int | None = None
    velocity_amount_per_hour: int | None = None
    velocity_per_day: int | None = None
    allocations: tuple[Allocation, ...] | None = None


@valueclass
class Counterfactual:
    """What the recorded requests would have been answered under another policy. Answers ``CounterfactualView``."""

    budget_id: str
    hypothesis: Hypothesis
    manifest_version: str | None = None
    since: Instant | None = None
    until: Instant | None = None


@valueclass
class GetReport:
    """Spending across budgets by agent, category, day, user or budget. Answers ``ReportView``."""

    by: str = "agent"
    since: Instant | None = None
    until: Instant | None = None
    budget_id: str | None = None


@valueclass
class ListDelegations:
    """The delegation and scoped tokens of a budget. Answers ``TokensView``."""

    budget_id: str


@valueclass
class GetDelegation:
    """One delegation or scoped token. Answers ``TokenView``."""

    token_id: str


@valueclass
class ListSubscriptions:
    """All subscriptions, newest first. Answers ``SubscriptionsView``."""


@valueclass
class GetSubscription:
    """One subscription, by its id or by the subscriber's external id. Answers ``SubscriptionView``."""

    subscription_id: str | None = None
    external_subscriber_id: str | None = None


@valueclass
class GetItem:
    """One entitlement of a subscription. Answers ``ItemView``."""

    subscription_id: str
    item_id: str


@valueclass
class ListWebhooks:
    """All webhooks. Answers ``WebhooksView``."""


@valueclass
class GetWebhook:
    """One webhook. Answers ``WebhookView``."""

    webhook_id: str


@valueclass
class ListDeliveries:
    """Deliveries, newest first, of one webhook or of all. Answers ``DeliveriesView``."""

    webhook_id: str | None = None
    status: DeliveryStatus | None = None
    event_type: str | None = None
    since: Instant | None = None
    size: int = 500


@valueclass
class CountFailedDeliveries:
    """How many dead letters there are. Answers ``CountView``."""


@valueclass
class ListApiKeys:
    """All keys, newest first. Answers ``ApiKeysView``."""


@valueclass
class ReadReceipt:
    """The public receipt behind a link. Answers ``ReceiptView``."""

    token: str


Question = (
    GetBudget
    | ListBudgets
    | GetEvent
    | GetLedger
    | GetTree
    | GetChain
    | GetEntries
    | VerifyBook
    | Replay
    | StateAt
    | Timeline
    | Counterfactual
    | GetReport
    | ListDelegations
    | GetDelegation
    | ListSubscriptions
    | GetSubscription
    | GetItem
    | ListWebhooks
    | GetWebhook
    | ListDeliveries
    | CountFailedDeliveries
    | ListApiKeys
    | ReadReceipt
)
