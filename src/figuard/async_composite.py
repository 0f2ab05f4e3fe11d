"""
Several budgets as one, awaited (see ``figuard.client.aio.composite``, where it is defined).
"""

from figuard.client.aio.composite import AsyncCompositeGuard, AsyncGuardedResource
from figuard.client.ops.composite import CompositeAuthorizationResult

__all__ = ["AsyncCompositeGuard", "AsyncGuardedResource", "CompositeAuthorizationResult"]
