"""
Every limit of the wire. Everything has a limit, and the limit has a name; those of the rules come from the domain.
"""

from __future__ import annotations

from figuard.domain.amounts import AMOUNT_MAX, FRACTION_DIGITS_MAX, QUANTA_PER_UNIT
from figuard.domain.limits import (
    ALLOCATIONS_MAX,
    CAPS_MAX,
    CHAIN_DEPTH_MAX,
    CONFIRMATION_TIMEOUT_SECONDS_MIN,
    DELEGATION_DEPTH_MAX,
    DENIAL_MESSAGE_MAX,
    DESCENDANTS_MAX,
)

__all__ = [
    "AGENT_TYPE_LENGTH_MAX",
    "ALLOCATIONS_MAX",
    "AMOUNT_MAX",
    "BATCH_SIZE_MAX",
    "BODY_BYTES_MAX",
    "CANCEL_BATCH_SIZE_MAX",
    "CAPS_MAX",
    "CHAIN_DEPTH_MAX",
    "CONFIRMATION_TIMEOUT_SECONDS_MIN",
    "COUNT_MAX",
    "CURRENCY_LENGTH",
    "DELEGATION_DEPTH_MAX",
    "DENIAL_MESSAGE_MAX",
    "DESCENDANTS_MAX",
    "DESCRIPTION_LENGTH_MAX",
    "ENTITLEMENTS_MAX",
    "ENTRIES_SIZE_DEFAULT",
    "FIELD_ERRORS_MAX",
    "FIELD_ERROR_LENGTH_MAX",
    "FRACTION_DIGITS_MAX",
    "IDEMPOTENCY_KEY_LENGTH_MAX",
    "INTENT_CONTEXT_LENGTH_MAX",
    "LIFETIME_SECONDS_DEFAULT",
    "METADATA_BYTES_MAX",
    "METADATA_DEPTH_MAX",
    "MULTIPLIER_FRACTION_DIGITS_MAX",
    "MULTIPLIER_MAX",
    "NAME_LENGTH_MAX",
    "PAGE_NUMBER_MAX",
    "PAGE_SIZE_DEFAULT",
    "PAGE_SIZE_MAX",
    "REASON_LENGTH_MAX",
    "REPLAY_PAGE_SIZE_DEFAULT",
    "SAMPLES_MAX",
    "SEARCH_LENGTH_MAX",
    "SECONDS_MAX",
    "SOURCE_LENGTH_MAX",
    "TOKEN_LENGTH_MAX",
    "TREE_DEPTH_MAX",
    "UNIT_LENGTH_MAX",
    "WEBHOOK_SECRET_LENGTH_MAX",
    "WEBHOOK_SECRET_LENGTH_MIN",
    "WEBHOOK_URL_LENGTH_MAX",
    "WORDS_MAX",
]

BODY_BYTES_MAX = 1_048_576
"""How many bytes a request body may have."""
NAME_LENGTH_MAX = 255
"""How many characters a name, label, key, category or foreign id may have."""
AGENT_TYPE_LENGTH_MAX = 100
"""How many characters an agent type may have."""
DESCRIPTION_LENGTH_MAX = 1000
"""How many characters a description may have."""
INTENT_CONTEXT_LENGTH_MAX = 1000
"""How many characters an intent context may have."""
REASON_LENGTH_MAX = 500
"""How many characters a reason or an error message may have."""
UNIT_LENGTH_MAX = 50
"""How many characters a unit may have."""
SOURCE_LENGTH_MAX = 50
"""How many characters the source of an external event may have."""
CURRENCY_LENGTH = 3
"""How many characters a currency has."""
IDEMPOTENCY_KEY_LENGTH_MAX = 255
"""How many characters an idempotency key may have, in a body or in the header."""
TOKEN_LENGTH_MAX = 512
"""How many characters are read of a session token; a longer one is unknown."""
SEARCH_LENGTH_MAX = 255
"""How many characters a search text may have."""
WORDS_MAX = 100
"""How many categories, item types, action types or tags one list may have."""
ENTITLEMENTS_MAX = 100
"""How many entitlements a subscription may be created with."""
BATCH_SIZE_MAX = 100
"""How many authorizations one batch may have."""
CANCEL_BATCH_SIZE_MAX = 100
"""How many budgets one call may cancel."""
PAGE_SIZE_DEFAULT = 20
"""How many records a page has unless asked otherwise."""
PAGE_SIZE_MAX = 500
"""How many records a page may have; asking for more gives this many."""
PAGE_NUMBER_MAX = 1_000_000
"""The highest page that may be asked for."""
REPLAY_PAGE_SIZE_DEFAULT = 100
"""How many steps of a replay a page has unless asked otherwise."""
ENTRIES_SIZE_DEFAULT = 100
"""How many ledger entries an answer has unless asked otherwise."""
METADATA_BYTES_MAX = 16_384
"""How many bytes of JSON the metadata of one object may have."""
METADATA_DEPTH_MAX = 20
"""How deep metadata may be nested."""
TREE_DEPTH_MAX = 100
"""
How deep a rendered tree is nested. Deeper events hang on their ancestor at this depth and still name their parent:
a chain may be 10,000 long, and hardly any JSON reader goes that deep.
"""
COUNT_MAX = 2_147_483_647
"""The highest number of requests a velocity limit may name."""
SECONDS_MAX = 31_622_400
"""The longest span in seconds that a hold or a deadline may have: 366 days."""
LIFETIME_SECONDS_DEFAULT = 31_622_400
"""How long a budget may live unless the settings say otherwise: 366 days."""
SAMPLES_MAX = 1000
"""The highest number of samples an anomaly rule may wait for."""
MULTIPLIER_MAX = 99_999 * QUANTA_PER_UNIT // 100
"""The largest anomaly multiplier, in quanta: 999.99."""
MULTIPLIER_FRACTION_DIGITS_MAX = 2
"""How many fraction digits an anomaly multiplier may have."""
WEBHOOK_URL_LENGTH_MAX = 2000
"""How many characters a webhook's address may have."""
WEBHOOK_SECRET_LENGTH_MIN = 16
"""How many characters a webhook's secret has at least."""
WEBHOOK_SECRET_LENGTH_MAX = 255
"""How many characters a webhook's secret may have."""
FIELD_ERRORS_MAX = 100
"""How many field errors one answer lists."""
FIELD_ERROR_LENGTH_MAX = 300
"""How many characters of one field error are shown: what was sent is repeated, but not all of it."""
