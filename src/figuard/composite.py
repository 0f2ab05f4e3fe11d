"""
Several budgets as one (see ``figuard.client.sync.composite``, where it is defined).
"""

from figuard.client.ops.composite import CompositeAuthorizationResult
from figuard.client.sync.composite import CompositeGuard, GuardedResource

__all__ = ["CompositeAuthorizationResult", "CompositeGuard", "GuardedResource"]
