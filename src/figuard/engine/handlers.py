"""
The table of commands: for each, what it gathers and what it does at its turn.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from figuard.domain import commands as c
from figuard.domain import replies as r
from figuard.domain.valueclass import valueclass
from figuard.engine import administer, authorize, budgets, issue, settle, subscriptions
from figuard.engine.gather import Loads
from figuard.engine.work import Work

GatherAll = Callable[[Work, Sequence[c.Order]], Loads]


@valueclass
class Handler:
    """
    How one command is carried out, and what it answers with.

    ``gather`` reads what one order needs. Of the commands that come in crowds ``gather_all`` reads, instead, what all
    orders of a batch need that name it.
    """

    gather: Callable[[Work, c.Order, Any], Loads] | None
    act: Callable[[Work, c.Order, Any], Any]
    reply: type
    gather_all: GatherAll | None = None


HANDLERS: Mapping[type, Handler] = {
    c.Authorize: Handler(None, authorize.act_one, r.AuthorizeReply, authorize.gather_all),
    c.AuthorizeAll: Handler(None, authorize.act_all, r.AuthorizeAllReply, authorize.gather_all),
    c.Confirm: Handler(None, settle.confirm, r.EventReply, settle.gather_events),
    c.Fail: Handler(None, settle.fail, r.EventReply, settle.gather_events),
    c.Void: Handler(None, settle.void, r.EventReply, settle.gather_trees),
    c.VoidTree: Handler(None, settle.void_tree, r.VoidTreeReply, settle.gather_trees),
    c.Refund: Handler(None, settle.refund, r.EventReply, settle.gather_events),
    c.ExtendHold: Handler(None, settle.extend, r.EventReply, settle.gather_events),
    c.MarkUnknown: Handler(None, settle.mark_unknown, r.EventReply, settle.gather_events),
    c.RecordExternal: Handler(settle.gather_external, settle.record_external, r.EventReply),
    c.CreateBudget: Handler(budgets.gather_create, budgets.create, r.BudgetReply),
    c.UpdateBudget: Handler(budgets.gather_budget, budgets.update, r.BudgetReply),
    c.Fund: Handler(budgets.gather_budget, budgets.fund, r.FundReply),
    c.Resume: Handler(budgets.gather_budget, budgets.resume, r.BudgetReply),
    c.Cancel: Handler(budgets.gather_budget, budgets.cancel, r.BudgetReply),
    c.CancelBatch: Handler(budgets.gather_batch, budgets.cancel_batch, r.BudgetsReply),
    c.ExtendBudget: Handler(budgets.gather_budget, budgets.extend, r.BudgetReply),
    c.RotateToken: Handler(issue.gather_tokens, issue.rotate_session, r.SecretReply),
    c.Delegate: Handler(issue.gather_tokens, issue.delegate, r.TokenReply),
    c.RotateDelegation: Handler(issue.gather_token, issue.rotate_delegation, r.TokenReply),
    c.Revoke: Handler(issue.gather_token, issue.revoke, r.TokenReply),
    c.CreateSubscription: Handler(subscriptions.gather_create, subscriptions.create, r.SubscriptionReply),
    c.MoveSubscription: Handler(subscriptions.gather_subscription, subscriptions.move, r.SubscriptionReply),
    c.AddItem: Handler(subscriptions.gather_subscription, subscriptions.add_item, r.ItemReply),
    c.ResetItem: Handler(subscriptions.gather_subscription, subscriptions.reset_item, r.ItemReply),
    c.CreateWebhook: Handler(administer.gather_nothing, administer.create_webhook, r.WebhookReply),
    c.DeleteWebhook: Handler(administer.gather_webhook, administer.delete_webhook, r.WebhookReply),
    c.RetryDelivery: Handler(administer.gather_delivery, administer.retry_delivery, r.DeliveryReply),
    c.ClaimDeliveries: Handler(administer.gather_due, administer.claim_deliveries, r.DeliveriesReply),
    c.SettleDelivery: Handler(administer.gather_delivery, administer.settle_delivery, r.DeliveryReply),
    c.CreateApiKey: Handler(administer.gather_new_key, administer.create_api_key, r.ApiKeyReply),
    c.RevokeApiKey: Handler(administer.gather_key, administer.revoke_api_key, r.ApiKeyReply),
    c.RotateApiKey: Handler(administer.gather_key, administer.rotate_api_key, r.ApiKeyReply),
    c.NoteKeyUses: Handler(administer.gather_keys, administer.note_key_uses, r.SweepReply),
    c.ForgetAnswers: Handler(administer.gather_forgettable, administer.forget_answers, r.SweepReply),
    c.CreateTenant: Handler(administer.gather_nothing, administer.create_tenant, r.TenantReply),
    c.CreateReceipt: Handler(budgets.gather_receipt, budgets.create_receipt, r.ReceiptReply),
    c.RevokeReceipt: Handler(budgets.gather_receipt, budgets.revoke_receipt, r.ReceiptReply),
    c.SweepBudget: Handler(budgets.gather_sweep, budgets.sweep, r.SweepReply),
    c.SweepItem: Handler(subscriptions.gather_sweep, subscriptions.sweep, r.SweepReply),
}
"""Every command once."""
