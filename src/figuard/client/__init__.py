"""
The clients: one set of operations, written once, over HTTP or in this process, blocking or under asyncio.

Names are loaded when they are first used, so that importing this package costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from figuard.client.aio.client import AsyncFiGuardClient
    from figuard.client.allocations import build_allocations_from_percentages
    from figuard.client.embedded_transport import EmbeddedTransport
    from figuard.client.fail_open import FailOpen
    from figuard.client.retry import Retry
    from figuard.client.spend import AsyncSpend, Spend
    from figuard.client.sync.client import FiGuardClient
    from figuard.client.verification import verify_webhook

__all__ = [
    "AsyncFiGuardClient",
    "AsyncSpend",
    "EmbeddedTransport",
    "FailOpen",
    "FiGuardClient",
    "Retry",
    "Spend",
    "build_allocations_from_percentages",
    "verify_webhook",
]

_HOMES = {
    "AsyncFiGuardClient": "aio.client",
    "AsyncSpend": "spend",
    "EmbeddedTransport": "embedded_transport",
    "FailOpen": "fail_open",
    "FiGuardClient": "sync.client",
    "Retry": "retry",
    "Spend": "spend",
    "build_allocations_from_percentages": "allocations",
    "verify_webhook": "verification",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
