"""
From a request around one spending to its command.
"""

from __future__ import annotations

from hashlib import sha256

import msgspec

from figuard.domain.codes import ErrorCode
from figuard.domain.commands import (
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
from figuard.domain.events import Spend
from figuard.domain.questions import GetChain, GetEvent
from figuard.domain.refusal import Refusal
from figuard.domain.tokens import fold
from figuard.wire import limits
from figuard.wire.context import Call, Context
from figuard.wire.parse import fields
from figuard.wire.parse.fields import Faults
from figuard.wire.parse.path import path_id
from figuard.wire.requests import (
    AuthorizeBatchItem,
    AuthorizeBatchRequest,
    AuthorizeRequest,
    ConfirmRequest,
    ExtendEventRequest,
    ExternalEventRequest,
    FailRequest,
    MarkEventUnknownRequest,
    RefundRequest,
    VoidRequest,
    VoidTreeRequest,
)

_encode = msgspec.json.Encoder().encode


def authorize(call: Call, context: Context) -> Authorize:
    """Return the command. Raises ``Refusal``: the body is judged first, then whether there is a token at all."""
    body: AuthorizeRequest = call.body
    faults = Faults(call.faults) if call.faults else Faults()
    spend = _spend(faults, body)
    dry_run = body.dry_run is not None and fields.flag(faults, "dryRun", body.dry_run, default=False)
    faults.check()
    return _authorize(spend, call.session_token, context, dry_run=dry_run)


def authorize_batch(call: Call, context: Context) -> AuthorizeAll:
    """Return the command for several requests, each with its own token or the header's. Raises ``Refusal``."""
    body: AuthorizeBatchRequest = call.body
    faults = Faults(call.faults) if call.faults else Faults()
    found = fields.things(faults, "requests", body.requests, _batch_item, limits.BATCH_SIZE_MAX, AuthorizeBatchItem)
    if not found:
        faults.add("requests", fields.REQUIRED if found is None else "must not be empty")
    all_or_nothing = fields.flag(faults, "allOrNothing", body.all_or_nothing, default=False)
    faults.check()
    return AuthorizeAll(
        tuple(
            _authorize(spend, token or call.session_token, context, dry_run=dry_run)
            for spend, token, dry_run in found or ()
        ),
        all_or_nothing,
    )


def _batch_item(faults: Faults, name: str, body: AuthorizeBatchItem) -> tuple[Spend, str | None, bool]:
    inner = Faults()
    spend = _spend(inner, body)
    dry_run = fields.flag(inner, "dryRun", body.dry_run, default=False)
    token = fields.optional_text(inner, "sessionToken", body.session_token, limits.TOKEN_LENGTH_MAX)
    faults.take(f"{name}.", inner)
    return spend, token, dry_run


def _authorize(spend: Spend, token: str | None, context: Context, *, dry_run: bool) -> Authorize:
    if not token:
        raise Refusal(ErrorCode.MISSING_SESSION_TOKEN, "the authorization carries no session token")
    if len(token) > limits.TOKEN_LENGTH_MAX or not token.isascii():
        raise Refusal(ErrorCode.INVALID_SESSION_TOKEN, "what was sent cannot be a session token")
    return Authorize(context.hash_token(token), spend, dry_run, fields.is_uuid(token))


def _spend(faults: Faults, body: AuthorizeRequest) -> Spend:
    agent_id = fields.text(faults, "agentId", body.agent_id)
    action_type = fields.text(faults, "actionType", body.action_type)
    quantity = fields.amount(faults, "requestedQuantity", body.requested_quantity, zero=True)
    # Of what may be absent most is, and nothing need be asked about that.
    currency = None if body.currency is None else currency_of(faults, body.currency)
    category = None if body.claimed_category is None else category_of(faults, body.claimed_category)
    item_type = entity_id = intent = trace_id = agent_type = parent_event_id = max_subtree = metadata = None
    if body.claimed_item_type is not None:
        item_type = fields.optional_text(faults, "claimedItemType", body.claimed_item_type)
    if body.entity_id is not None:
        entity_id = fields.optional_text(faults, "entityId", body.entity_id)
    reserve = True if body.reserve is None else fields.flag(faults, "reserve", body.reserve, default=True)
    key = fields.text(faults, "idempotencyKey", body.idempotency_key, limits.IDEMPOTENCY_KEY_LENGTH_MAX)
    description = fields.text(faults, "description", body.description, limits.DESCRIPTION_LENGTH_MAX)
    if body.intent_context is not None:
        intent = fields.optional_text(faults, "intentContext", body.intent_context, limits.INTENT_CONTEXT_LENGTH_MAX)
    if body.trace_id is not None:
        trace_id = fields.optional_text(faults, "traceId", body.trace_id)
    if body.agent_type is not None:
        agent_type = fields.optional_text(faults, "agentType", body.agent_type, limits.AGENT_TYPE_LENGTH_MAX)
    if body.parent_event_id is not None:
        parent_event_id = fields.uuid(faults, "parentEventId", body.parent_event_id)
    if body.max_subtree_quantity is not None:
        max_subtree = fields.optional_amount(faults, "maxSubtreeQuantity", body.max_subtree_quantity)
    if body.metadata is not None:
        metadata = fields.metadata(faults, "metadata", body.metadata)
    mark = (
        ""
        if faults
        else spend_fingerprint(
            agent_id, action_type, quantity, currency, category, item_type, entity_id, reserve=reserve
        )
    )
    return Spend(
        key,
        agent_id,
        action_type,
        description,
        quantity,
        mark,
        currency,
        category,
        item_type,
        entity_id,
        intent,
        trace_id,
        agent_type,
        parent_event_id,
        max_subtree,
        reserve,
        metadata,
    )


def spend_fingerprint(
    agent_id: str,
    action_type: str,
    quantity: int,
    currency: str | None,
    category: str | None,
    item_type: str | None,
    entity_id: str | None,
    *,
    reserve: bool,
) -> str:
    """
    Return what a repeat of an idempotency key is compared by: the SHA-256 of what is bought, by whom and for what.

    Parent, trace id, description and metadata do not take part: the published SDK changes them between attempts.
    """
    # An array of texts, numbers and nulls has one JSON form, so equal requests have equal bytes and no others do.
    bought = _encode((agent_id, action_type, quantity, currency, category, item_type, entity_id, reserve))
    return sha256(bought).hexdigest()


def currency_of(faults: Faults, value: object) -> str | None:
    """Return a currency in upper case; None for absent or blank."""
    if value is None:
        return None
    found = fields.optional_text(faults, "currency", value)
    if found is None:
        return None
    if len(found) != limits.CURRENCY_LENGTH:
        faults.add("currency", f"must be exactly {limits.CURRENCY_LENGTH} characters, got {len(found)}")
    elif not (found.isascii() and found.isalnum()):
        faults.add("currency", f"must be letters and digits such as USD, got {found!r}")
    return found.upper()


def category_of(faults: Faults, value: object) -> str | None:
    """Return a claimed category as it is compared everywhere; None for absent or blank."""
    if value is None:
        return None
    found = fields.optional_text(faults, "claimedCategory", value)
    return fold(found) if found else None


def confirm(call: Call, _: Context) -> Confirm:
    """Return the command. Raises ``Refusal``."""
    body: ConfirmRequest = call.body
    faults = Faults(call.faults) if call.faults else Faults()
    quantity = fields.amount(faults, "confirmedQuantity", body.confirmed_quantity, zero=True)
    external = None
    if body.external_transaction_id is not None:
        external = fields.optional_text(faults, "externalTransactionId", body.external_transaction_id)
    money_moved = body.money_moved is not None and fields.flag(faults, "moneyMoved", body.money_moved, default=False)
    faults.check()
    return Confirm(_event_id(call), quantity, external, money_moved)


def fail(call: Call, _: Context) -> Fail:
    """Return the command. Raises ``Refusal``."""
    body: FailRequest = call.body
    faults = Faults(call.faults) if call.faults else Faults()
    reason = fields.text(faults, "reason", body.reason, limits.REASON_LENGTH_MAX)
    message = fields.optional_text(faults, "errorMessage", body.error_message, limits.DESCRIPTION_LENGTH_MAX)
    faults.check()
    return Fail(_event_id(call), reason, message)


def void(call: Call, _: Context) -> Void:
    """Return the command. Raises ``Refusal``."""
    body: VoidRequest = call.body
    faults = Faults(call.faults) if call.faults else Faults()
    reason = fields.text(faults, "reason", body.reason, limits.REASON_LENGTH_MAX)
    children = fields.flag(faults, "voidChildEvents", body.void_child_events, default=False)
    faults.check()
    return Void(_event_id(call), reason, children)


def void_tree(call: Call, _: Context) -> VoidTree:
    """Return the command. Raises ``Refusal``."""
    body: VoidTreeRequest = call.body
    faults = Faults(call.faults) if call.faults else Faults()
    reason = fields.text(faults, "reason", body.reason, limits.REASON_LENGTH_MAX)
    faults.check()
    return VoidTree(_event_id(call), reason)


def refund(call: Call, _: Context) -> Refund:
    """Return the command. Raises ``Refusal``."""
    body: RefundRequest = call.body
    faults = Faults(call.faults) if call.faults else Faults()
    quantity = fields.amount(faults, "quantity", body.quantity)
    reason = fields.text(faults, "reason", body.reason, limits.REASON_LENGTH_MAX)
    external = fields.optional_text(faults, "externalTransactionId", body.external_transaction_id)
    faults.check()
    return Refund(_event_id(call), quantity, reason, external)


def extend(call: Call, _: Context) -> ExtendHold:
    """Return the command. Raises ``Refusal``."""
    body: ExtendEventRequest = call.body
    faults = Faults(call.faults) if call.faults else Faults()
    seconds = fields.whole(faults, "seconds", body.seconds, limits.SECONDS_MAX)
    if seconds is None:
        faults.add("seconds", fields.REQUIRED)
    faults.check()
    return ExtendHold(_event_id(call), seconds or 0)


def mark_unknown(call: Call, _: Context) -> MarkUnknown:
    """Return the command. Raises ``Refusal``."""
    body: MarkEventUnknownRequest = call.body
    faults = Faults(call.faults) if call.faults else Faults()
    reason = fields.optional_text(faults, "reason", body.reason, limits.REASON_LENGTH_MAX)
    faults.check()
    return MarkUnknown(_event_id(call), reason)


def record_external(call: Call, _: Context) -> RecordExternal:
    """Return the command. Raises ``Refusal``."""
    body: ExternalEventRequest = call.body
    faults = Faults(call.faults) if call.faults else Faults()
    budget_id = fields.uuid(faults, "budgetId", body.budget_id)
    if body.budget_id is None:
        faults.add("budgetId", fields.REQUIRED)
    agent_id = fields.text(faults, "agentId", body.agent_id)
    action_type = fields.text(faults, "actionType", body.action_type)
    description = fields.text(faults, "description", body.description, limits.DESCRIPTION_LENGTH_MAX)
    quantity = fields.amount(faults, "quantity", body.quantity)
    key = fields.text(faults, "idempotencyKey", body.idempotency_key, limits.IDEMPOTENCY_KEY_LENGTH_MAX)
    category = category_of(faults, body.claimed_category)
    source = fields.optional_text(faults, "source", body.source, limits.SOURCE_LENGTH_MAX) or "EXTERNAL"
    occurred_at = fields.time(faults, "occurredAt", body.occurred_at)
    metadata = fields.metadata(faults, "metadata", body.metadata)
    faults.check()
    spend = Spend(
        key=key,
        agent_id=agent_id,
        action_type=action_type,
        description=description,
        quantity=quantity,
        fingerprint=spend_fingerprint(agent_id, action_type, quantity, None, category, None, None, reserve=False),
        category=category,
        agent_type=source.upper(),
        reserve=False,
        metadata=metadata,
    )
    return RecordExternal(budget_id or "", spend, source.upper(), occurred_at)


def get_event(call: Call, _: Context) -> GetEvent:
    """Return the question. Raises ``Refusal``."""
    return GetEvent(_event_id(call))


def get_chain(call: Call, _: Context) -> GetChain:
    """Return the question. Raises ``Refusal``."""
    return GetChain(_event_id(call))


def _event_id(call: Call) -> str:
    return path_id(call, "eventId", "event")
