"""
Who may ask: session tokens, delegation tokens and scoped tokens, one kind of record for all three.

A token knows its budget and its parent token. What it may do is the intersection of its whole chain, and what it
holds is held on the whole chain, so a child can never exceed its parent.
"""

from __future__ import annotations

from enum import StrEnum

from figuard.domain.budget import NOTHING, Balance
from figuard.domain.instants import Instant
from figuard.domain.valueclass import valueclass


class TokenKind(StrEnum):
    """Where a token comes from: made with its budget, delegated with caps, or derived with a narrower scope."""

    SESSION = "SESSION"
    DELEGATION = "DELEGATION"
    SCOPED = "SCOPED"


@valueclass
class Cap:
    """How much one token may use of one category (stored folded), in quanta."""

    id: str
    category: str
    limit: int
    balance: Balance = NOTHING


@valueclass
class Scope:
    """What a token is for: None is no restriction. ``read_only`` tokens never authorize."""

    action_types: tuple[str, ...] | None = None
    categories: tuple[str, ...] | None = None
    max_transaction: int | None = None
    read_only: bool = False


UNRESTRICTED = Scope()
"""For everything. A token that has no scope of its own has this very value."""


@valueclass
class Token:
    """
    One token, without its secret: ``hash`` is an HMAC of it.

    ``path`` names the ancestors, nearest first, so the chain is loaded in one step. ``expires_at`` also ends the
    grace of a session token that was rotated.
    """

    id: str
    tenant_id: str
    budget_id: str
    kind: TokenKind
    hash: str
    prefix: str
    created_at: Instant
    label: str = ""
    path: tuple[str, ...] = ()
    caps: tuple[Cap, ...] = ()
    scope: Scope = UNRESTRICTED
    expires_at: Instant | None = None
    revoked_at: Instant | None = None
    previous_hash: str | None = None
    previous_until: Instant | None = None

    def is_live(self, now: Instant) -> bool:
        """Return whether the token opens anything at *now*."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)

    def cap(self, category: str) -> Cap | None:
        """Return the cap on a folded category, or None."""
        for cap in self.caps:
            if cap.category == category:
                return cap
        return None


def fold(category: str) -> str:
    """Return a category as it is compared everywhere: without regard to case."""
    return category.casefold()
