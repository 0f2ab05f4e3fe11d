"""
What FiGuard raises (see ``figuard.client.exceptions``, where it is defined).
"""

from figuard.client.exceptions import (
    FiGuardApiError,
    FiGuardCapabilityError,
    FiGuardCompositeError,
    FiGuardConfigError,
    FiGuardConnectionError,
    FiGuardDeniedException,
    FiGuardError,
    FiGuardWebhookVerificationError,
)

__all__ = [
    "FiGuardApiError",
    "FiGuardCapabilityError",
    "FiGuardCompositeError",
    "FiGuardConfigError",
    "FiGuardConnectionError",
    "FiGuardDeniedException",
    "FiGuardError",
    "FiGuardWebhookVerificationError",
]
