# Generated from spec/codes.toml by tools/generate_codes.py: change that file, then run `make generate`.
"""
Every denial and every error, with what each means and what to do about it.

A denial is an answer; the order of ``Denial`` is the precedence of the checks. An error is a request that changed
nothing, and its row says the HTTP status and whether repeating the same call can help.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class Denial(StrEnum):
    """Why a spend was denied. Declaration order is precedence."""

    ENTITY_ALREADY_AUTHORIZED = "ENTITY_ALREADY_AUTHORIZED"
    BUDGET_PAUSED = "BUDGET_PAUSED"
    BUDGET_CANCELLED = "BUDGET_CANCELLED"
    BUDGET_EXPIRED = "BUDGET_EXPIRED"
    TOKEN_SCOPE_VIOLATION = "TOKEN_SCOPE_VIOLATION"
    ENTITLEMENT_LIMIT_REACHED = "ENTITLEMENT_LIMIT_REACHED"
    VELOCITY_LIMIT_EXCEEDED = "VELOCITY_LIMIT_EXCEEDED"
    CURRENCY_MISMATCH = "CURRENCY_MISMATCH"
    EXCEEDS_QUANTITY_LIMIT = "EXCEEDS_QUANTITY_LIMIT"
    ANOMALY_DETECTED = "ANOMALY_DETECTED"
    CAUSAL_CHAIN_TOO_DEEP = "CAUSAL_CHAIN_TOO_DEEP"
    SUBTREE_CAP_EXCEEDED = "SUBTREE_CAP_EXCEEDED"
    MISSING_CLAIMED_CATEGORY = "MISSING_CLAIMED_CATEGORY"
    NO_MATCHING_ALLOCATION = "NO_MATCHING_ALLOCATION"
    FORBIDDEN_ITEM_TYPE = "FORBIDDEN_ITEM_TYPE"
    INTENT_SCOPE_VIOLATION = "INTENT_SCOPE_VIOLATION"
    DELEGATE_CAP_EXCEEDED = "DELEGATE_CAP_EXCEEDED"
    ALLOCATION_EXHAUSTED = "ALLOCATION_EXHAUSTED"
    INSUFFICIENT_FUNDS = "INSUFFICIENT_FUNDS"


class ErrorCode(StrEnum):
    """Why a request was not carried out."""

    VALIDATION_FAILED = "VALIDATION_FAILED"
    INVALID_REQUEST = "INVALID_REQUEST"
    INVALID_PARENT_EVENT = "INVALID_PARENT_EVENT"
    MALFORMED_JSON = "MALFORMED_JSON"
    MISSING_API_KEY = "MISSING_API_KEY"
    INVALID_API_KEY = "INVALID_API_KEY"
    MISSING_SESSION_TOKEN = "MISSING_SESSION_TOKEN"
    INVALID_SESSION_TOKEN = "INVALID_SESSION_TOKEN"
    SUBSCRIPTION_PAUSED = "SUBSCRIPTION_PAUSED"
    SUBSCRIPTION_CANCELLED = "SUBSCRIPTION_CANCELLED"
    TENANT_MISMATCH = "TENANT_MISMATCH"
    SCOPE_FORBIDDEN = "SCOPE_FORBIDDEN"
    CSRF_FAILED = "CSRF_FAILED"
    NOT_FOUND = "NOT_FOUND"
    UNKNOWN_PATH = "UNKNOWN_PATH"
    METHOD_NOT_ALLOWED = "METHOD_NOT_ALLOWED"
    IDEMPOTENCY_KEY_REUSED = "IDEMPOTENCY_KEY_REUSED"
    EVENT_STATE_CONFLICT = "EVENT_STATE_CONFLICT"
    BUDGET_STATE_CONFLICT = "BUDGET_STATE_CONFLICT"
    EXTERNAL_REFERENCE_CONFLICT = "EXTERNAL_REFERENCE_CONFLICT"
    CONFIRM_EXCEEDS_HOLD = "CONFIRM_EXCEEDS_HOLD"
    CONFIRM_EXCEEDS_AVAILABLE = "CONFIRM_EXCEEDS_AVAILABLE"
    AUTHORIZATION_EXPIRED = "AUTHORIZATION_EXPIRED"
    VOID_REQUIRES_REFUND = "VOID_REQUIRES_REFUND"
    EVENT_HAS_CHILDREN = "EVENT_HAS_CHILDREN"
    REFUND_EXCEEDS_CONFIRMED = "REFUND_EXCEEDS_CONFIRMED"
    DUPLICATE_EXTERNAL_EVENT = "DUPLICATE_EXTERNAL_EVENT"
    SUBSCRIBER_EXISTS = "SUBSCRIBER_EXISTS"
    SUBSCRIPTION_STATE_CONFLICT = "SUBSCRIPTION_STATE_CONFLICT"
    TOKEN_STATE_CONFLICT = "TOKEN_STATE_CONFLICT"
    API_KEY_STATE_CONFLICT = "API_KEY_STATE_CONFLICT"
    DELIVERY_STATE_CONFLICT = "DELIVERY_STATE_CONFLICT"
    RECEIPT_EXPIRED = "RECEIPT_EXPIRED"
    REQUEST_TIMEOUT = "REQUEST_TIMEOUT"
    PAYLOAD_TOO_LARGE = "PAYLOAD_TOO_LARGE"
    UNSUPPORTED_MEDIA_TYPE = "UNSUPPORTED_MEDIA_TYPE"
    ENTITLEMENT_NOT_FOUND = "ENTITLEMENT_NOT_FOUND"
    UNSAFE_WEBHOOK_URL = "UNSAFE_WEBHOOK_URL"
    DELEGATION_EXCEEDS_PARENT = "DELEGATION_EXCEEDS_PARENT"
    BALANCE_OUT_OF_RANGE = "BALANCE_OUT_OF_RANGE"
    RATE_LIMITED = "RATE_LIMITED"
    INTERNAL_ERROR = "INTERNAL_ERROR"
    LEDGER_BROKEN = "LEDGER_BROKEN"
    OVERLOADED = "OVERLOADED"
    STORE_UNAVAILABLE = "STORE_UNAVAILABLE"


@dataclass(frozen=True, slots=True)
class DenialRow:
    """What a denial means and what to do now. ``retryable``: waiting alone can change the answer."""

    retryable: bool
    meaning: str
    remedy: str
    status: int = 200


@dataclass(frozen=True, slots=True)
class ErrorRow:
    """An error's HTTP status, meaning and remedy. ``retryable``: the same call may be repeated as it is."""

    status: int
    retryable: bool
    meaning: str
    remedy: str


# fmt: off
DENIALS: Mapping[Denial, DenialRow] = MappingProxyType({
    Denial.ENTITY_ALREADY_AUTHORIZED: DenialRow(retryable=False,
        meaning="Another authorized or confirmed event of this budget already pays for the same entity.",
        remedy="Use the event named in originalEventId, or void it first if it should not stand."),
    Denial.BUDGET_PAUSED: DenialRow(retryable=False,
        meaning="The budget is paused, by an operator or by its own anomaly rule.",
        remedy="Resume the budget once the reason for the pause is settled."),
    Denial.BUDGET_CANCELLED: DenialRow(retryable=False,
        meaning="The budget was cancelled and will never approve again.",
        remedy="Create a new budget and use its session token."),
    Denial.BUDGET_EXPIRED: DenialRow(retryable=False,
        meaning="The budget's lifetime is over, its grace period included.",
        remedy="Extend the budget, or create a new one."),
    Denial.TOKEN_SCOPE_VIOLATION: DenialRow(retryable=False,
        meaning="The scoped token does not allow this action type, category or amount.",
        remedy="Stay inside the scope named in the message, or ask for a token with a wider one."),
    Denial.ENTITLEMENT_LIMIT_REACHED: DenialRow(retryable=True,
        meaning="The subscription's entitlement has too little left in this period.",
        remedy="Wait for the renewal, or raise or reset the entitlement."),
    Denial.VELOCITY_LIMIT_EXCEEDED: DenialRow(retryable=True,
        meaning="The budget has used up its requests or its amount for the current minute, hour or day.",
        remedy="Ask again after retryAfterSeconds, when the window has room."),
    Denial.CURRENCY_MISMATCH: DenialRow(retryable=False,
        meaning="The request names another currency than the budget's.",
        remedy="Send the budget's own currency; FiGuard never converts."),
    Denial.EXCEEDS_QUANTITY_LIMIT: DenialRow(retryable=False,
        meaning="The amount is larger than the budget allows for one transaction.",
        remedy="Lower the amount, or raise maxTransactionQuantity."),
    Denial.ANOMALY_DETECTED: DenialRow(retryable=False,
        meaning="The amount is far above what is usually confirmed in this budget.",
        remedy="Check the request by hand; resume the budget if it was paused, then ask again."),
    Denial.CAUSAL_CHAIN_TOO_DEEP: DenialRow(retryable=False,
        meaning="The chain of parent events is as deep as it may become.",
        remedy="Start a new chain by leaving out parentEventId."),
    Denial.SUBTREE_CAP_EXCEEDED: DenialRow(retryable=True,
        meaning="The amount does not fit under the cap of the chain of events it belongs to.",
        remedy="Lower the amount, or settle or void other events of the chain."),
    Denial.MISSING_CLAIMED_CATEGORY: DenialRow(retryable=False,
        meaning="The budget is divided into allocations and the request names no category.",
        remedy="Send claimedCategory with one of the categories in the message."),
    Denial.NO_MATCHING_ALLOCATION: DenialRow(retryable=False,
        meaning="No allocation of the budget covers the claimed category.",
        remedy="Use one of the categories in the message, or add an allocation for this one."),
    Denial.FORBIDDEN_ITEM_TYPE: DenialRow(retryable=False,
        meaning="The allocation forbids this type of item.",
        remedy="Choose another item, or take its type off the allocation's forbidden list."),
    Denial.INTENT_SCOPE_VIOLATION: DenialRow(retryable=False,
        meaning="The stated intent matches none of the budget's intent tags.",
        remedy="State an intentContext within the tags in the message, or use another budget."),
    Denial.DELEGATE_CAP_EXCEEDED: DenialRow(retryable=True,
        meaning="The delegation token, or one above it, has too little left or no cap for this category.",
        remedy="Lower the amount, use a capped category, or ask for a token with a higher cap."),
    Denial.ALLOCATION_EXHAUSTED: DenialRow(retryable=True,
        meaning="The allocation for this category has less available than was asked for.",
        remedy="Lower the amount, settle or void open holds, or raise the allocation."),
    Denial.INSUFFICIENT_FUNDS: DenialRow(retryable=True,
        meaning="The budget has less available than was asked for.",
        remedy="Lower the amount, settle or void open holds, or add funds."),
})

ERRORS: Mapping[ErrorCode, ErrorRow] = MappingProxyType({
    ErrorCode.VALIDATION_FAILED: ErrorRow(400, retryable=False,
        meaning="One or more fields of the request are missing or out of bounds.",
        remedy="Correct the fields listed in fieldErrors."),
    ErrorCode.INVALID_REQUEST: ErrorRow(400, retryable=False,
        meaning="The request is well formed but breaks a rule of the operation.",
        remedy="Change the request as the message says."),
    ErrorCode.INVALID_PARENT_EVENT: ErrorRow(400, retryable=False,
        meaning="The parent event does not exist, is another tenant's, or is neither authorized nor confirmed.",
        remedy="Name a live event of this budget, or leave out parentEventId."),
    ErrorCode.MALFORMED_JSON: ErrorRow(400, retryable=False,
        meaning="The body is not JSON, or a value in it has the wrong type.",
        remedy="Send a JSON object in UTF-8 with the documented types."),
    ErrorCode.MISSING_API_KEY: ErrorRow(401, retryable=False,
        meaning="The request carries no API key.",
        remedy="Send the key in the X-Agent-Budget-Key header."),
    ErrorCode.INVALID_API_KEY: ErrorRow(401, retryable=False,
        meaning="The API key is unknown, revoked or rotated away.",
        remedy="Use a live key; create one with `figuard keys create`."),
    ErrorCode.MISSING_SESSION_TOKEN: ErrorRow(401, retryable=False,
        meaning="The authorization carries no session token.",
        remedy="Send the budget's token in the X-Session-Token header."),
    ErrorCode.INVALID_SESSION_TOKEN: ErrorRow(401, retryable=False,
        meaning="The session token is unknown, expired, revoked or rotated away.",
        remedy="Use the token returned when the budget or delegation was created, or rotate it to get a new one."),
    ErrorCode.SUBSCRIPTION_PAUSED: ErrorRow(402, retryable=False,
        meaning="The subscription that this budget draws on is paused.",
        remedy="Resume the subscription."),
    ErrorCode.SUBSCRIPTION_CANCELLED: ErrorRow(402, retryable=False,
        meaning="The subscription that this budget draws on is cancelled.",
        remedy="Use a budget of a live subscription."),
    ErrorCode.TENANT_MISMATCH: ErrorRow(403, retryable=False,
        meaning="The API key and the object belong to different tenants.",
        remedy="Use a key of the tenant that owns the object."),
    ErrorCode.SCOPE_FORBIDDEN: ErrorRow(403, retryable=False,
        meaning="The API key's scope does not include this operation.",
        remedy="Use a key with the scope named in the message."),
    ErrorCode.CSRF_FAILED: ErrorRow(403, retryable=False,
        meaning="The form's token is missing, old or from another session.",
        remedy="Reload the page and send the form again."),
    ErrorCode.NOT_FOUND: ErrorRow(404, retryable=False,
        meaning="No such object is visible to this API key.",
        remedy="Check the id, and that the key belongs to the tenant that owns it."),
    ErrorCode.UNKNOWN_PATH: ErrorRow(404, retryable=False,
        meaning="The server has no operation at this path.",
        remedy="Check the path against the API reference."),
    ErrorCode.METHOD_NOT_ALLOWED: ErrorRow(405, retryable=False,
        meaning="The path exists but not with this HTTP method.",
        remedy="Use a method listed in the Allow header."),
    ErrorCode.IDEMPOTENCY_KEY_REUSED: ErrorRow(409, retryable=False,
        meaning="This idempotency key was already used for a different request.",
        remedy="Send the first request unchanged, or choose a new key for this one."),
    ErrorCode.EVENT_STATE_CONFLICT: ErrorRow(409, retryable=False,
        meaning="The event is in a state that does not allow this transition, or was settled differently before.",
        remedy="Read the event and act on its present state."),
    ErrorCode.BUDGET_STATE_CONFLICT: ErrorRow(409, retryable=False,
        meaning="The budget is in a state that does not allow this change.",
        remedy="Read the budget and act on its present status."),
    ErrorCode.EXTERNAL_REFERENCE_CONFLICT: ErrorRow(409, retryable=False,
        meaning="A live budget with this externalReference exists and has other terms.",
        remedy="Use the existing budget, cancel it first, or choose another reference."),
    ErrorCode.CONFIRM_EXCEEDS_HOLD: ErrorRow(409, retryable=False,
        meaning="The confirmed amount is above the hold and the budget's overage policy is REJECT.",
        remedy="Confirm at most the held amount, and authorize the rest separately."),
    ErrorCode.CONFIRM_EXCEEDS_AVAILABLE: ErrorRow(409, retryable=False,
        meaning="The part of the confirmed amount above the hold does not fit at every level.",
        remedy="Add funds and confirm again, or confirm at most the amount that fits."),
    ErrorCode.AUTHORIZATION_EXPIRED: ErrorRow(409, retryable=False,
        meaning="The hold had ended and its amount no longer fits.",
        remedy="Authorize again; if the money has already moved, repeat the call with moneyMoved set to true."),
    ErrorCode.VOID_REQUIRES_REFUND: ErrorRow(409, retryable=False,
        meaning="The event, or one below it, was settled with an external transaction.",
        remedy="Refund the transaction at the payment provider and record it as a refund of the event."),
    ErrorCode.EVENT_HAS_CHILDREN: ErrorRow(409, retryable=False,
        meaning="Live events depend on this one.",
        remedy="Set voidChildEvents to true, or void the tree."),
    ErrorCode.REFUND_EXCEEDS_CONFIRMED: ErrorRow(409, retryable=False,
        meaning="The refunds of this event would add up to more than was confirmed.",
        remedy="Refund at most the amount named in the message."),
    ErrorCode.DUPLICATE_EXTERNAL_EVENT: ErrorRow(409, retryable=False,
        meaning="An event with this idempotency key is already in the budget's ledger.",
        remedy="Nothing has to be done if it is the same payment; otherwise choose a new key."),
    ErrorCode.SUBSCRIBER_EXISTS: ErrorRow(409, retryable=False,
        meaning="The tenant already has a subscription for this externalSubscriberId.",
        remedy="Use the existing subscription, or choose another id."),
    ErrorCode.SUBSCRIPTION_STATE_CONFLICT: ErrorRow(409, retryable=False,
        meaning="The subscription is in a state that does not allow this change.",
        remedy="Read the subscription and act on its present status."),
    ErrorCode.TOKEN_STATE_CONFLICT: ErrorRow(409, retryable=False,
        meaning="The token is revoked or expired, or its budget no longer accepts tokens.",
        remedy="Read the token and its budget, then create a new token."),
    ErrorCode.API_KEY_STATE_CONFLICT: ErrorRow(409, retryable=False,
        meaning="The API key is already revoked.",
        remedy="Create a new key."),
    ErrorCode.DELIVERY_STATE_CONFLICT: ErrorRow(409, retryable=False,
        meaning="Only a failed webhook delivery can be sent again by hand.",
        remedy="Wait until the delivery is DELIVERED or FAILED."),
    ErrorCode.RECEIPT_EXPIRED: ErrorRow(410, retryable=False,
        meaning="The receipt's link is no longer valid.",
        remedy="Ask the issuer of the link for a new receipt."),
    ErrorCode.REQUEST_TIMEOUT: ErrorRow(408, retryable=True,
        meaning="The body of the request did not arrive in time.",
        remedy="Send the request again, faster or smaller; nothing of it was carried out."),
    ErrorCode.PAYLOAD_TOO_LARGE: ErrorRow(413, retryable=False,
        meaning="The body is larger than the server accepts.",
        remedy="Send less, or split the request."),
    ErrorCode.UNSUPPORTED_MEDIA_TYPE: ErrorRow(415, retryable=False,
        meaning="The body is not declared as JSON.",
        remedy="Send Content-Type: application/json."),
    ErrorCode.ENTITLEMENT_NOT_FOUND: ErrorRow(422, retryable=False,
        meaning="The entitlement item that the budget names does not exist.",
        remedy="Use the id of an entitlement item of this tenant."),
    ErrorCode.UNSAFE_WEBHOOK_URL: ErrorRow(422, retryable=False,
        meaning="The webhook address is not HTTPS, does not resolve, or leads into a private network.",
        remedy="Use a public HTTPS address."),
    ErrorCode.DELEGATION_EXCEEDS_PARENT: ErrorRow(422, retryable=False,
        meaning="The new token would allow more than the token or budget it comes from.",
        remedy="Stay within the parent's caps, scope and expiry."),
    ErrorCode.BALANCE_OUT_OF_RANGE: ErrorRow(422, retryable=False,
        meaning="The change would make a balance larger than the ledger can hold.",
        remedy="Use smaller amounts, or a larger unit."),
    ErrorCode.RATE_LIMITED: ErrorRow(429, retryable=True,
        meaning="This API key sends more requests than it may.",
        remedy="Wait as long as Retry-After says."),
    ErrorCode.INTERNAL_ERROR: ErrorRow(500, retryable=True,
        meaning="The server failed in a way it did not expect; the request may or may not have been carried out.",
        remedy="Repeat the call with the same idempotency key, and report the trace id if it fails again."),
    ErrorCode.LEDGER_BROKEN: ErrorRow(500, retryable=False,
        meaning="The ledger contradicts itself: its chain or a balance does not add up.",
        remedy="Stop writing to this budget and run `figuard ledger verify`."),
    ErrorCode.OVERLOADED: ErrorRow(503, retryable=True,
        meaning="The server has more work waiting than it can take; nothing was carried out.",
        remedy="Repeat the call with the same idempotency key after Retry-After."),
    ErrorCode.STORE_UNAVAILABLE: ErrorRow(503, retryable=True,
        meaning="The database did not answer; the request may or may not have been carried out.",
        remedy="Repeat the call with the same idempotency key."),
})

LEGACY_DENIALS: Mapping[str, str] = MappingProxyType({
    "BUDGET_EXHAUSTED": "A used-up budget answers INSUFFICIENT_FUNDS.",
    "DUPLICATE_REQUEST": "A key used for another request is the error IDEMPOTENCY_KEY_REUSED.",
    "CAUSAL_CYCLE_DETECTED": "An event names only older events as its parent, so no cycle can arise.",
    "DELEGATION_TOKEN_REVOKED": "A revoked token is the error INVALID_SESSION_TOKEN.",
    "MISSING_SESSION_TOKEN": "An error of the same name.",
    "INVALID_SESSION_TOKEN": "An error of the same name.",
    "TENANT_MISMATCH": "An error of the same name.",
    "INVALID_PARENT_EVENT": "An error of the same name.",
    "ENTITLEMENT_NOT_FOUND": "An error of the same name.",
    "SUBSCRIPTION_PAUSED": "An error of the same name.",
    "SUBSCRIPTION_CANCELLED": "An error of the same name.",
})
"""Names of the reference system that are never answered with, and what is answered instead."""
# fmt: on
