"""
Administration: webhooks and their deliveries, API keys, tenants.
"""

from __future__ import annotations

from figuard.domain.admin import ApiKey, Delivery, DeliveryStatus, KeyScope, Remembered, Tenant, Webhook
from figuard.domain.backoff import due_after
from figuard.domain.budget import Budget
from figuard.domain.codes import ErrorCode
from figuard.domain.commands import (
    ClaimDeliveries,
    CreateApiKey,
    CreateTenant,
    CreateWebhook,
    DeleteWebhook,
    ForgetAnswers,
    NoteKeyUses,
    Order,
    RetryDelivery,
    RevokeApiKey,
    RotateApiKey,
    SettleDelivery,
)
from figuard.domain.instants import DAY, SECOND
from figuard.domain.limits import DELIVERY_LEASE_SECONDS, FORGOTTEN_PER_ROUND, KEY_USE_SECONDS, REMEMBERED_DAYS
from figuard.domain.refusal import Refusal
from figuard.domain.replies import (
    ApiKeyReply,
    DeliveriesReply,
    DeliveryReply,
    SweepReply,
    TenantReply,
    WebhookReply,
)
from figuard.domain.valueclass import replace
from figuard.engine.gather import Loads
from figuard.engine.work import Load, Work
from figuard.ports import Kind

KEY_PREFIX = "fg_live_"
"""How an API key starts."""
KEY_PREFIX_LENGTH = 12
"""How many characters of a key may be shown."""
RESPONSE_BODY_MAX = 2000
"""How many characters of a receiver's answer are kept."""


def gather_nothing(work: Work, order: Order, command: CreateWebhook | CreateTenant) -> Loads:
    """Read nothing: what is made here depends on nothing."""
    yield from ()


def create_webhook(work: Work, order: Order, command: CreateWebhook) -> WebhookReply:
    """Subscribe a URL; it was checked to be safe by whoever built the command."""
    webhook_id = command.webhook_id or work.ids.id(work.now)
    webhook = Webhook(webhook_id, order.tenant_id, command.url, command.secret, command.events, work.now)
    work.put(webhook)
    return WebhookReply(webhook)


def gather_webhook(work: Work, order: Order, command: DeleteWebhook) -> Loads:
    """Read one webhook."""
    yield (Load(Kind.WEBHOOKS, (command.webhook_id,)),)


def delete_webhook(work: Work, order: Order, command: DeleteWebhook) -> WebhookReply:
    """Unsubscribe; what was delivered stays as evidence. Raises ``Refusal``."""
    webhook = work.need(Webhook, command.webhook_id, order.tenant_id)
    if webhook.deleted_at is not None:
        raise Refusal(ErrorCode.NOT_FOUND, f"there is no webhook {command.webhook_id!r}")
    deleted = replace(webhook, deleted_at=work.now)
    work.put(deleted)
    return WebhookReply(deleted)


def gather_delivery(work: Work, order: Order, command: RetryDelivery | SettleDelivery) -> Loads:
    """Read one delivery."""
    yield (Load(Kind.DELIVERIES, (command.delivery_id,)),)


def retry_delivery(work: Work, order: Order, command: RetryDelivery) -> DeliveryReply:
    """Send a dead letter once more. Raises ``Refusal`` unless it is one."""
    delivery = work.need(Delivery, command.delivery_id, order.tenant_id)
    if delivery.status is not DeliveryStatus.FAILED:
        raise Refusal(
            ErrorCode.DELIVERY_STATE_CONFLICT,
            f"delivery {delivery.id} is {delivery.status}; only a failed one can be retried",
        )
    revived = replace(delivery, status=DeliveryStatus.PENDING, due_at=work.now, attempts=0)
    work.put(revived)
    return DeliveryReply(revived)


def gather_due(work: Work, order: Order, command: ClaimDeliveries) -> Loads:
    """Read the notices that are due and nobody else's."""
    yield (Load(Kind.DUE_DELIVERIES, ((work.now, command.limit),)),)


def claim_deliveries(work: Work, order: Order, command: ClaimDeliveries) -> DeliveriesReply:
    """Take notices up: while they are being sent they are due to nobody, and nothing behind them is."""
    until = work.now + DELIVERY_LEASE_SECONDS * SECOND
    found: tuple[Delivery, ...] = work.many(Kind.DUE_DELIVERIES, (work.now, command.limit))
    # In one batch another command may have been first.
    due = tuple(one for one in found if one.due_at is not None and one.due_at <= work.now)
    for delivery in due:
        work.put(replace(delivery, due_at=until))
    return DeliveriesReply(due)


def settle_delivery(work: Work, order: Order, command: SettleDelivery) -> DeliveryReply:
    """Record one attempt: delivered on any 2xx, else due again later, and a dead letter after the last attempt."""
    delivery = work.need(Delivery, command.delivery_id)
    if delivery.status is not DeliveryStatus.PENDING:
        return DeliveryReply(delivery)
    status = command.response_status
    attempts = delivery.attempts + 1
    settled = replace(
        delivery,
        attempts=attempts,
        response_status=status,
        response_body=command.response_body[:RESPONSE_BODY_MAX] if command.response_body else None,
        error_message=command.error_message,
    )
    if status is not None and 200 <= status < 300:  # noqa: PLR2004 - HTTP success
        settled = replace(settled, status=DeliveryStatus.DELIVERED, delivered_at=work.now, due_at=None)
    else:
        due_at = due_after(attempts, work.now, delivery.id)
        state = DeliveryStatus.PENDING if due_at is not None else DeliveryStatus.FAILED
        settled = replace(settled, status=state, due_at=due_at)
    work.put(settled)
    return DeliveryReply(settled)


def gather_new_key(work: Work, order: Order, command: CreateApiKey) -> Loads:
    """Read the budget that the key shall be for."""
    if command.budget_id is not None:
        yield (Load(Kind.BUDGETS, (command.budget_id,)),)


def create_api_key(work: Work, order: Order, command: CreateApiKey) -> ApiKeyReply:
    """Issue a key for the caller's tenant. Raises ``Refusal`` unless its budget is the caller's and it an agent's."""
    if command.budget_id is not None:
        if command.scope is not KeyScope.AGENT:
            raise Refusal(
                ErrorCode.INVALID_REQUEST,
                f"a key of scope {command.scope} cannot be confined to a budget, only one of scope {KeyScope.AGENT}",
            )
        work.need(Budget, command.budget_id, order.tenant_id)
    key, secret = _key(work, order.tenant_id, command)
    return ApiKeyReply(key, secret)


def _key(work: Work, tenant_id: str, command: CreateApiKey) -> tuple[ApiKey, str]:
    secret = KEY_PREFIX + work.ids.secret()
    key = ApiKey(
        id=work.ids.id(work.now),
        tenant_id=tenant_id,
        hash=work.hasher.hash(secret),
        prefix=secret[:KEY_PREFIX_LENGTH],
        created_at=work.now,
        description=command.description,
        scope=command.scope,
        expires_at=command.expires_at,
        budget_id=command.budget_id,
    )
    work.put(key)
    return key, secret


def gather_key(work: Work, order: Order, command: RevokeApiKey | RotateApiKey) -> Loads:
    """Read one key."""
    yield (Load(Kind.API_KEYS, (command.key_id,)),)


def revoke_api_key(work: Work, order: Order, command: RevokeApiKey) -> ApiKeyReply:
    """End a key; ending it twice is harmless. Raises ``Refusal`` for an unknown one."""
    key = work.need(ApiKey, command.key_id, order.tenant_id)
    if key.revoked_at is None:
        key = replace(key, revoked_at=work.now)
        work.put(key)
    return ApiKeyReply(key)


def gather_keys(work: Work, order: Order, command: NoteKeyUses) -> Loads:
    """Read the keys."""
    yield (Load(Kind.API_KEYS, command.key_ids),)


def note_key_uses(work: Work, order: Order, command: NoteKeyUses) -> SweepReply:
    """Note the use of keys, those of all tenants; a key that has ended keeps its last use."""
    noted = 0
    for key_id in command.key_ids:
        key = work.get(ApiKey, key_id)
        if key is None or not key.is_live(work.now):
            continue
        if key.last_used_at is None or work.now - key.last_used_at >= KEY_USE_SECONDS * SECOND:
            work.put(replace(key, last_used_at=work.now))
            noted += 1
    return SweepReply(keys_noted=noted)


def gather_forgettable(work: Work, order: Order, command: ForgetAnswers) -> Loads:
    """Read the oldest answers."""
    yield (Load(Kind.FORGETTABLE, ((work.now - REMEMBERED_DAYS * DAY, FORGOTTEN_PER_ROUND),)),)


def forget_answers(work: Work, order: Order, command: ForgetAnswers) -> SweepReply:
    """Forget the oldest answers, as many as one transaction may."""
    found: tuple[Remembered, ...] = work.many(Kind.FORGETTABLE, (work.now - REMEMBERED_DAYS * DAY, FORGOTTEN_PER_ROUND))
    # In one batch another command may have used a key anew.
    old = [answer for answer in found if answer.is_forgettable(work.now)]
    for answer in old:
        work.forget(answer)
    return SweepReply(forgotten=len(old))


def rotate_api_key(work: Work, order: Order, command: RotateApiKey) -> ApiKeyReply:
    """Replace a key; the old one ends at once. Raises ``Refusal`` for a revoked one."""
    key = work.need(ApiKey, command.key_id, order.tenant_id)
    if key.revoked_at is not None:
        raise Refusal(ErrorCode.API_KEY_STATE_CONFLICT, f"API key {key.id} is revoked already")
    work.put(replace(key, revoked_at=work.now))
    same = CreateApiKey(key.description, key.scope, key.expires_at, key.budget_id)
    fresh, secret = _key(work, key.tenant_id, same)
    return ApiKeyReply(fresh, secret)


def create_tenant(work: Work, order: Order, command: CreateTenant) -> TenantReply:
    """Register a tenant with its first key, which may do everything."""
    tenant = Tenant(work.ids.id(work.now), command.name, work.now)
    work.put(tenant)
    key, secret = _key(work, tenant.id, CreateApiKey(description="first key of the tenant"))
    return TenantReply(tenant, key, secret)
