"""
The limits that rules enforce. Everything has a limit, and the limit has a name.
"""

CHAIN_DEPTH_MAX = 10_000
"""How deep a causal chain of events may go (a parent of a parent of …)."""
DELEGATION_DEPTH_MAX = 16
"""How often a token may be delegated further."""
ALLOCATIONS_MAX = 200
"""How many allocations one budget may have."""
CAPS_MAX = 100
"""How many caps one delegation token may have."""
DESCENDANTS_MAX = 10_000
"""How many live descendants one void may take with it."""
CONFIRMATION_TIMEOUT_SECONDS_MIN = 300
"""The soonest that an authorization without a settlement is voided; a longer hold is voided when it ends."""
DENIAL_MESSAGE_MAX = 1000
"""How many characters a denial message may have."""
REMEMBERED_DAYS = 30
"""How long the answer to a mutation is remembered under its idempotency key; after that the key is good for another."""
FORGOTTEN_PER_ROUND = 500
"""How many answers that were remembered long enough one transaction forgets."""
KEY_USE_SECONDS = 60
"""How exactly it is known when an API key was last used."""
DELIVERY_LEASE_SECONDS = 60
"""How long a notice belongs to the server that took it up to send it; sending takes less, or is given up before."""
TIMED_OUT_PER_SWEEP = 1000
"""How many events without a settlement one sweep of a budget voids; the next goes on."""
ENDED_HOLDS_MAX = 100_000
"""How many ended holds of a budget the next transaction on it releases, before it decides; the one after goes on."""
