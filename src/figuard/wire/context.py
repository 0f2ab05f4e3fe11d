"""
What parsing and rendering need to know besides the request itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from figuard.domain.instants import Instant
from figuard.domain.valueclass import valueclass
from figuard.wire.limits import LIFETIME_SECONDS_DEFAULT


@valueclass
class Settings:
    """
    What an installation sets.

    ``budget_lifetime_seconds_max`` bounds ``expiresAt``; ``never_expires`` allows budgets without one (embedded).
    ``hold_seconds_default`` is written into budgets that name no ``authorizationExpirySeconds``, ``grace_seconds``
    is how long a budget still answers after its end, ``base_url`` is what receipt links start with.
    """

    budget_lifetime_seconds_max: int = LIFETIME_SECONDS_DEFAULT
    hold_seconds_default: int = 300
    grace_seconds: int = 60
    never_expires: bool = False
    base_url: str = ""


# Structs, because every request makes one of each: a named tuple takes five times as long to make.
class Context(msgspec.Struct, frozen=True):
    """
    The moment of a request and how secrets are hashed.

    ``trace_id`` is the request's own id, which bodies repeat; None embedded.
    """

    now: Instant
    settings: Settings
    hash_token: Callable[[str], str]
    trace_id: str | None = None


class Call(msgspec.Struct, frozen=True):
    """
    One request, taken apart.

    ``body`` is the operation's request struct. ``faults`` are the field errors that decoding already found.
    """

    path: Mapping[str, str]
    query: Mapping[str, Any]
    body: Any = None
    session_token: str | None = None
    faults: Mapping[str, str] | None = None
