"""
The commands: everything that can be asked to change the books, as values.

Amounts are quanta, times instants, tokens already hashed: whoever builds a command has validated it.
"""

from __future__ import annotations

from figuard.domain.commands.administration import (
    AddItem,
    ClaimDeliveries,
    CreateApiKey,
    CreateSubscription,
    CreateTenant,
    CreateWebhook,
    DeleteWebhook,
    ForgetAnswers,
    MoveSubscription,
    NewItem,
    NoteKeyUses,
    ResetItem,
    RetryDelivery,
    RevokeApiKey,
    RotateApiKey,
    SettleDelivery,
    SubscriptionVerb,
    SweepItem,
)
from figuard.domain.commands.budgets import (
    Cancel,
    CancelBatch,
    CreateBudget,
    CreateReceipt,
    Delegate,
    ExtendBudget,
    Fund,
    FundingOperation,
    PolicyPatch,
    Resume,
    Revoke,
    RevokeReceipt,
    RotateDelegation,
    RotateToken,
    SweepBudget,
    UpdateBudget,
)
from figuard.domain.commands.spending import (
    Authorize,
    AuthorizeAll,
    Confirm,
    ExtendHold,
    Fail,
    MarkUnknown,
    RecordExternal,
    Refund,
    Void,
    VoidTree,
)
from figuard.domain.valueclass import valueclass

Command = (
    Authorize
    | AuthorizeAll
    | Confirm
    | Fail
    | Void
    | VoidTree
    | Refund
    | ExtendHold
    | MarkUnknown
    | RecordExternal
    | CreateBudget
    | UpdateBudget
    | Fund
    | Resume
    | Cancel
    | CancelBatch
    | ExtendBudget
    | RotateToken
    | Delegate
    | RotateDelegation
    | Revoke
    | CreateSubscription
    | MoveSubscription
    | AddItem
    | ResetItem
    | CreateWebhook
    | DeleteWebhook
    | RetryDelivery
    | ClaimDeliveries
    | SettleDelivery
    | NoteKeyUses
    | ForgetAnswers
    | CreateApiKey
    | RevokeApiKey
    | RotateApiKey
    | CreateTenant
    | CreateReceipt
    | RevokeReceipt
    | SweepBudget
    | SweepItem
)

KEYED_BY_EVENT: frozenset[type] = frozenset({Authorize, AuthorizeAll, Confirm, Fail, Void, MarkUnknown})
"""
The commands of which no answer is remembered, and whose requests need no fingerprint: an authorization keeps its key
itself, and the others say what an event shall become, which a repeat finds it to be.
"""


@valueclass
class Order:
    """
    A command with who gave it.

    ``idempotency_key`` makes a repeat of the same command harmless. ``fingerprint`` is what a repeat is compared
    by. ``only_budget_id`` confines a caller (an agent's key, a session) to one budget. ``key_id`` names the API key
    that let the caller in: whether it is still valid is decided in the transaction, not by whoever looked it up.
    """

    command: Command
    tenant_id: str
    actor: str
    idempotency_key: str | None = None
    fingerprint: str = ""
    only_budget_id: str | None = None
    key_id: str | None = None


__all__ = [
    "AddItem",
    "Authorize",
    "AuthorizeAll",
    "Cancel",
    "CancelBatch",
    "ClaimDeliveries",
    "Command",
    "Confirm",
    "CreateApiKey",
    "CreateBudget",
    "CreateReceipt",
    "CreateSubscription",
    "CreateTenant",
    "CreateWebhook",
    "Delegate",
    "DeleteWebhook",
    "ExtendBudget",
    "ExtendHold",
    "Fail",
    "ForgetAnswers",
    "Fund",
    "FundingOperation",
    "MarkUnknown",
    "MoveSubscription",
    "NewItem",
    "NoteKeyUses",
    "Order",
    "PolicyPatch",
    "RecordExternal",
    "Refund",
    "ResetItem",
    "Resume",
    "RetryDelivery",
    "Revoke",
    "RevokeApiKey",
    "RevokeReceipt",
    "RotateApiKey",
    "RotateDelegation",
    "RotateToken",
    "SettleDelivery",
    "SubscriptionVerb",
    "SweepBudget",
    "SweepItem",
    "UpdateBudget",
    "Void",
    "VoidTree",
]
