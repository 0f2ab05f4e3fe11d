"""
What a store keeps, the reads of a transaction, and what one writes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from figuard.domain.admin import ApiKey, Delivery, Receipt, Remembered, Tenant, Webhook
from figuard.domain.books import Entry
from figuard.domain.budget import Budget
from figuard.domain.entitlements import Item, Subscription
from figuard.domain.events import Event
from figuard.domain.tokens import Token
from figuard.domain.valueclass import valueclass

Record = Budget | Event | Token | Item | Subscription | Webhook | Delivery | Receipt | ApiKey | Tenant | Remembered
"""What a store keeps, beside ledger entries. ``id`` identifies each but ``Remembered`` (tenant, operation, key)."""


class Kind(Enum):
    """
    The reads of a transaction: what a key looks like, and what comes back for it.

    The value is (ordinal, phase). A transaction makes its reads in ascending phase: what resolves names first, then
    what locks, then what must be younger than the lock. "One" reads answer a record or leave the key out; "many"
    reads answer a tuple, empty when there is nothing.
    """

    TOKENS_BY_HASH = (1, 0)
    """One `Token` by ``hash`` or ``previous_hash``. [S-01] A token is found by its present and by its previous hash."""
    EVENT_HOMES = (2, 0)
    """One `tuple[budget_id, tenant_id]` by event id. [S-02] An event's home is found without locking anything."""
    TOKEN_HOMES = (3, 0)
    """One `tuple[budget_id, tenant_id]` by token id. [S-03] A token's home is found without locking anything."""
    REMEMBERED = (4, 3)
    """One `Remembered` by (tenant_id, operation, key). [S-04] A remembered answer is found by its whole key only."""
    BUDGETS = (5, 1)
    """One `Budget` by id, locked. [S-05] A budget read in a transaction cannot change until the transaction ends."""
    ITEMS = (6, 2)
    """One `Item` by id, locked. [S-06] So can an entitlement not."""
    SUBSCRIPTIONS = (7, 2)
    """One `Subscription` by id, locked. [S-07] Nor a subscription."""
    EVENTS = (8, 3)
    """One `Event` by id. [S-08] An event is read as last written."""
    ATTEMPTS = (9, 3)
    """One `Event` by (budget_id, shadow, idempotency key): [S-09] the attempt with the highest number."""
    ENTITY_EVENTS = (10, 3)
    """Many `Event` by (budget_id, entity_id): [S-10] those that are AUTHORIZED or CONFIRMED, oldest first."""
    TOKENS = (11, 3)
    """One `Token` by id. [S-11] A token is read as last written."""
    BUDGET_TOKENS = (12, 3)
    """Many `Token` by budget id, oldest first: [S-12] all of them, revoked ones too."""
    DUE_HOLDS = (13, 3)
    """Many `Event` by (budget_id, instant, limit): [S-13] with ``hold_expires_at`` at or before it, soonest first."""
    NEXT_EXPIRY = (14, 3)
    """One `int` by (budget_id, instant): [S-14] the soonest ``hold_expires_at`` after it; left out if there is none."""
    TIMED_OUT = (15, 3)
    """Many `Event` by (budget_id, instant, limit): [S-15] AUTHORIZED with ``void_due_at`` at or before it."""
    DESCENDANTS = (16, 3)
    """
    Many `Event` by (event_id, limit): [S-16] live events below it, parents before children.

    The walk stops at an event that is not AUTHORIZED or CONFIRMED: what hangs below such an event is not returned.
    """
    REFERENCES = (17, 0)
    """
    Many budget ids (`str`) by (tenant_id, external_reference): [S-17] stored status ACTIVE or PAUSED, newest first.

    [S-28] Transactions that read one reference happen one after the other, so that it can be claimed once. (A rule of
    uniqueness could not say it: a budget that has expired is still stored as ACTIVE, and its reference is free.)
    """
    SUBSCRIBERS = (18, 0)
    """One subscription id (`str`) by (tenant_id, external_subscriber_id). [S-18] It is unique within the tenant."""
    SUBSCRIPTION_ITEMS = (19, 3)
    """Many `Item` by subscription id, oldest first. [S-19] Items of another subscription are never among them."""
    WEBHOOKS = (20, 3)
    """One `Webhook` by id. [S-20] A deleted webhook is still found by id."""
    TENANT_WEBHOOKS = (21, 3)
    """Many `Webhook` by tenant id, oldest first: [S-21] those that are not deleted."""
    DELIVERIES = (22, 3)
    """One `Delivery` by id. [S-22] A delivery is read as last written."""
    RECEIPTS = (23, 3)
    """Many `Receipt` by budget id, newest first. [S-23] Expired and revoked ones too."""
    RECEIPTS_BY_TOKEN = (24, 0)
    """One `Receipt` by its token. [S-24] A receipt is found by its exact token only."""
    API_KEYS = (25, 3)
    """One `ApiKey` by id. [S-25] A revoked key is still found by id."""
    API_KEYS_BY_HASH = (26, 0)
    """One `ApiKey` by hash. [S-26] A key is found by its exact hash only."""
    TENANTS = (27, 3)
    """One `Tenant` by id. [S-27] An unknown tenant is left out."""
    DUE_DELIVERIES = (28, 3)
    """
    Many `Delivery` by (instant, limit): [S-66] of each line, the notices of one book to one webhook, the first that is
    PENDING (by creation, then id), if it is due at or before the instant; soonest first.

    [S-67] It is locked. Of transactions that happen at once no two are answered with the same one.
    """
    FORGETTABLE = (29, 3)
    """Many `Remembered` by (instant, limit): [S-68] those created at or before the instant, oldest first."""
    CALLERS = (30, 3)
    """
    One `ApiKey` by id, as last committed. [S-71] A revoked key is found as revoked.

    For whoever wants to know whether a caller is still let in: any number of transactions may ask side by side.
    """

    # The members are keys of every table of a transaction; the identity of a member is hashed faster than its name.
    __hash__ = object.__hash__

    def __init__(self, ordinal: int, phase: int) -> None:
        """Keep the place among the kinds, and when in a transaction this read is made."""
        self.ordinal = ordinal
        self.phase = phase


@valueclass
class SealedEntry:
    """An entry with its canonical bytes (JSON) and their SHA-256 in hex."""

    entry: Entry
    body: bytes
    hash: str


@valueclass
class StoredEntry:
    """An entry as it lies in the store: its number, its bytes, which may be damaged, and the hash beside them."""

    seq: int
    body: bytes
    hash: str


@dataclass(slots=True)
class Changes:
    """
    What a transaction writes: new records, new versions of known ones, and entries in order.

    ``forgotten`` are remembered answers that go for good; nothing else ever does.
    """

    inserted: list[Record] = field(default_factory=list[Record])
    updated: list[Record] = field(default_factory=list[Record])
    entries: list[SealedEntry] = field(default_factory=list[SealedEntry])
    forgotten: list[Remembered] = field(default_factory=list[Remembered])

    def __bool__(self) -> bool:
        """Return whether there is anything to write."""
        return bool(self.inserted or self.updated or self.entries or self.forgotten)
