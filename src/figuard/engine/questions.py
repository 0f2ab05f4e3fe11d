"""
The table of questions: for each, how its view is made from committed data.

An answer is a generator without a colour: it yields store queries and is sent what they answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from figuard.domain import questions as q
from figuard.domain import views as v
from figuard.domain.admin import ApiKey, Delivery, DeliveryStatus, Receipt, Webhook
from figuard.domain.budget import Status
from figuard.domain.codes import ErrorCode
from figuard.domain.entitlements import Item, Subscription
from figuard.domain.events import Decision, Event
from figuard.domain.instants import Instant
from figuard.domain.refusal import Refusal
from figuard.domain.tokens import Token, TokenKind
from figuard.engine import histories
from figuard.engine.owned import Asker, Perform, Steps, is_due, owned, owned_budget, owned_event
from figuard.ports import FindBudgets, FindEvents, GetRecords, Kind, ListRecords, Page, SpendReport, TreeEvents


def answer(question: q.Question, tenant_id: str, now: Instant, only_budget_id: str | None = None) -> Steps:
    """Return the generator that answers *question*. Raises ``Refusal`` while it runs."""
    return ANSWERS[type(question)](question, Asker(tenant_id, now, only_budget_id))


def _budget(question: q.GetBudget, asker: Asker) -> Steps:
    budget = yield from owned_budget(question.budget_id, asker)
    return v.BudgetView(budget, asker.now)


def _budgets(question: q.ListBudgets, asker: Asker) -> Steps:
    if asker.only_budget_id is not None:
        budget = yield from owned_budget(asker.only_budget_id, asker)
        return v.BudgetsView((budget,), 1, 0, question.size, asker.now)
    query = FindBudgets(
        tenant_id=asker.tenant_id,
        statuses=(question.status,) if question.status else (),
        include_cancelled=question.include_cancelled or question.status is Status.CANCELLED,
        user_id=question.user_id,
        text=question.text,
        offset=question.page * question.size,
        limit=question.size,
    )
    found: Page = yield query
    due = [budget.id for budget in found.records if is_due(budget, asker.now)]
    if due:
        for budget_id in due:
            yield Perform(budget_id, asker.tenant_id)
        found = yield query
    return v.BudgetsView(found.records, found.total, question.page, question.size, asker.now)


def _event(question: q.GetEvent, asker: Asker) -> Steps:
    event: Event = yield from owned_event(question.event_id, asker)
    budget = yield from owned_budget(event.budget_id, asker)
    return v.EventView(event, budget)


def _ledger(question: q.GetLedger, asker: Asker) -> Steps:
    budget = yield from owned_budget(question.budget_id, asker)
    found: Page = yield FindEvents(
        budget_id=budget.id,
        decision=question.decision,
        trace_id=question.trace_id,
        agent_id=question.agent_id,
        offset=question.page * question.size,
        limit=question.size,
    )
    return v.LedgerView(found.records, found.total, question.page, question.size, budget)


def _tree(question: q.GetTree, asker: Asker) -> Steps:
    budget = yield from owned_budget(question.budget_id, asker)
    events = yield TreeEvents(budget.id)
    return v.TreeView(budget, events)


def _chain(question: q.GetChain, asker: Asker) -> Steps:
    asked: Event = yield from owned_event(question.event_id, asker)
    budget = yield from owned_budget(asked.budget_id, asker)
    root_id = asked.place.root_id or asked.id
    events: tuple[Event, ...] = yield TreeEvents(budget.id, root_id)
    root = next((event for event in events if event.id == root_id), asked)
    return v.ChainView(budget, root, asked, events)


def _report(question: q.GetReport, asker: Asker) -> Steps:
    if question.budget_id is not None:
        yield from owned_budget(question.budget_id, asker)
    elif asker.only_budget_id is not None:
        raise Refusal(ErrorCode.SCOPE_FORBIDDEN, "this key may see its own budget only; name it with budgetId")
    lines: tuple[v.ReportLine, ...] = yield SpendReport(
        tenant_id=asker.tenant_id,
        by=question.by,
        since=question.since,
        until=question.until,
        budget_id=question.budget_id,
    )
    return v.ReportView(question.by, lines)


def _delegations(question: q.ListDelegations, asker: Asker) -> Steps:
    budget = yield from owned_budget(question.budget_id, asker)
    records = yield GetRecords(Kind.BUDGET_TOKENS, (budget.id,))
    tokens: Iterable[Token] = records.get(budget.id, ())
    return v.TokensView(tuple(token for token in tokens if token.kind is not TokenKind.SESSION))


def _delegation(question: q.GetDelegation, asker: Asker) -> Steps:
    token: Token = yield from owned(Kind.TOKENS, question.token_id, "delegation token", asker)
    if token.kind is TokenKind.SESSION or asker.only_budget_id not in {None, token.budget_id}:
        raise Refusal(ErrorCode.NOT_FOUND, f"there is no delegation token {question.token_id!r}")
    return v.TokenView(token)


def _with_items(subscription: Subscription) -> Steps:
    records = yield GetRecords(Kind.SUBSCRIPTION_ITEMS, (subscription.id,))
    return v.SubscriptionView(subscription, tuple(records.get(subscription.id, ())))


def _subscriptions(question: q.ListSubscriptions, asker: Asker) -> Steps:
    found: tuple[Subscription, ...] = yield ListRecords(Subscription, asker.tenant_id)
    ids = tuple(subscription.id for subscription in found)
    items = yield GetRecords(Kind.SUBSCRIPTION_ITEMS, ids)
    return v.SubscriptionsView(tuple(v.SubscriptionView(s, tuple(items.get(s.id, ()))) for s in found))


def _subscription(question: q.GetSubscription, asker: Asker) -> Steps:
    subscription_id = question.subscription_id
    if subscription_id is None:
        key = (asker.tenant_id, question.external_subscriber_id)
        records = yield GetRecords(Kind.SUBSCRIBERS, (key,))
        subscription_id = records.get(key)
        if subscription_id is None:
            raise Refusal(ErrorCode.NOT_FOUND, f"there is no subscriber {question.external_subscriber_id!r}")
    subscription = yield from owned(Kind.SUBSCRIPTIONS, subscription_id, "subscription", asker)
    return (yield from _with_items(subscription))


def _item(question: q.GetItem, asker: Asker) -> Steps:
    item: Item = yield from owned(Kind.ITEMS, question.item_id, "entitlement", asker)
    if item.subscription_id != question.subscription_id:
        raise Refusal(ErrorCode.NOT_FOUND, f"there is no entitlement {question.item_id!r}")
    return v.ItemView(item)


def _webhooks(question: q.ListWebhooks, asker: Asker) -> Steps:
    found: tuple[Webhook, ...] = yield ListRecords(Webhook, asker.tenant_id)
    return v.WebhooksView(tuple(webhook for webhook in found if webhook.deleted_at is None))


def _webhook(question: q.GetWebhook, asker: Asker) -> Steps:
    webhook: Webhook = yield from owned(Kind.WEBHOOKS, question.webhook_id, "webhook", asker)
    if webhook.deleted_at is not None:
        raise Refusal(ErrorCode.NOT_FOUND, f"there is no webhook {question.webhook_id!r}")
    return v.WebhookView(webhook)


def _deliveries(question: q.ListDeliveries, asker: Asker) -> Steps:
    if question.webhook_id is not None:
        yield from owned(Kind.WEBHOOKS, question.webhook_id, "webhook", asker)
    wanted = (
        ("webhook_id", question.webhook_id),
        ("status", question.status),
        ("event_type", question.event_type),
        ("since", question.since),
    )
    where = tuple((name, value) for name, value in wanted if value is not None)
    found: tuple[Delivery, ...] = yield ListRecords(Delivery, asker.tenant_id, where, limit=question.size)
    return v.DeliveriesView(found)


def _failed_count(question: q.CountFailedDeliveries, asker: Asker) -> Steps:
    count, offset, size = 0, 0, 500
    while True:
        where = (("status", DeliveryStatus.FAILED),)
        found = yield ListRecords(Delivery, asker.tenant_id, where, offset=offset, limit=size)
        count += len(found)
        if len(found) < size:
            return v.CountView(count)
        offset += size


def _api_keys(question: q.ListApiKeys, asker: Asker) -> Steps:
    found: tuple[ApiKey, ...] = yield ListRecords(ApiKey, asker.tenant_id)
    return v.ApiKeysView(found)


RECEIPT_EVENTS_MAX = 10_000
"""How many confirmed payments a receipt lists."""


def _receipt(question: q.ReadReceipt, asker: Asker) -> Steps:
    """Return the receipt behind a link; whoever has the link may read it, whatever tenant asks."""
    records = yield GetRecords(Kind.RECEIPTS_BY_TOKEN, (question.token,))
    receipt: Receipt | None = records.get(question.token)
    if receipt is None or receipt.revoked_at is not None:
        raise Refusal(ErrorCode.NOT_FOUND, "there is no such receipt")
    if asker.now >= receipt.expires_at:
        raise Refusal(ErrorCode.RECEIPT_EXPIRED, "the receipt has expired")
    budgets = yield GetRecords(Kind.BUDGETS, (receipt.budget_id,))
    found: Page = yield FindEvents(receipt.budget_id, Decision.CONFIRMED, limit=RECEIPT_EVENTS_MAX)
    return v.ReceiptView(receipt, budgets[receipt.budget_id], found.records)


ANSWERS: Mapping[type, Callable[[Any, Asker], Steps]] = {
    q.GetBudget: _budget,
    q.ListBudgets: _budgets,
    q.GetEvent: _event,
    q.GetLedger: _ledger,
    q.GetTree: _tree,
    q.GetChain: _chain,
    q.GetReport: _report,
    q.ListDelegations: _delegations,
    q.GetDelegation: _delegation,
    q.ListSubscriptions: _subscriptions,
    q.GetSubscription: _subscription,
    q.GetItem: _item,
    q.ListWebhooks: _webhooks,
    q.GetWebhook: _webhook,
    q.ListDeliveries: _deliveries,
    q.CountFailedDeliveries: _failed_count,
    q.ListApiKeys: _api_keys,
    q.ReadReceipt: _receipt,
    q.GetEntries: histories.entries,
    q.VerifyBook: histories.verify,
    q.Replay: histories.replay,
    q.StateAt: histories.state_at,
    q.Timeline: histories.timeline,
    q.Counterfactual: histories.counterfactual,
}
"""Every question once."""
